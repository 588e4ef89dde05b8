"""Webhooks through the REST door: registered, looked at, given another secret, tried out, ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine.core import commands as cmd
from engine.service.webhook_delivery import Delivered, deliver_due
from tests.http.conftest import Site, problem
from tests.service.desks import Clock, ask, opened
from tests.service.webhook_receiver import Receiver, receiving

HEAD = "officer-7@police-b:unit_supervisor"
CASEWORKER = "officer-8@police-b:caseworker"
ELSEWHERE = "officer-9@police-a:administrator"
ROOT = "/api/v1/webhooks"


@pytest.fixture
def receiver(site: Site) -> Iterator[Receiver]:
    """Give a receiver that nobody has registered, and the desk a clock that goes with its own."""
    assert isinstance(site.desk.clock, Clock)
    site.desk.clock.at = datetime.now(UTC)
    with receiving() as made:
        yield made


def test_from_registering_to_the_end(site: Site, receiver: Receiver) -> None:
    head = site.as_(HEAD)
    made = head.post(ROOT, json={"url": receiver.url, "kinds": ["hand_off_offered"]})
    assert made.status_code == 201, made.text
    webhook = made.json()["id"]
    receiver.secrets.append(made.json()["secret"])
    sent = head.post(f"{ROOT}/{webhook}/test")
    assert sent.status_code == 202, sent.text
    hand_off = ask(site.desk, cmd.Offer(case=opened(site.desk), track="rescue", to_unit="police-b")).offered[0]
    (listed,) = head.get(ROOT).json()["items"]
    assert (listed["url"], listed["waiting"], listed["kinds"]) == (receiver.url, 2, ["hand_off_offered"])
    assert "secret" not in listed
    assert deliver_due(site.desk) == Delivered(2, 0)
    assert {one["data"]["hand_off"] for one in receiver.accepted} == {None, hand_off}
    page = head.get(f"{ROOT}/{webhook}/deliveries").json()
    assert {(one["kind"], one["state"]["en"], one["outcome"]) for one in page["items"]} == {
        ("webhook_test", "delivered", "204"), ("hand_off_offered", "delivered", "204"),
    }  # fmt: skip
    assert hand_off.partition("/")[0] not in str(page)
    changed = head.post(f"{ROOT}/{webhook}/secret").json()
    assert changed["secret"] != made.json()["secret"]
    assert changed["both_sign_until"] is not None
    assert head.delete(f"{ROOT}/{webhook}").status_code == 204
    (ended,) = head.get(ROOT).json()["items"]
    assert ended["ended_because"]["en"] == "somebody ended it"
    problem(head.delete(f"{ROOT}/{webhook}"), 409, "nothing_to_change")


def test_pages_go_on_where_they_ended(site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.service.webhooks.PAGE", 2)
    head = site.as_(HEAD)
    made = [head.post(ROOT, json={"url": receiver.url}).json()["id"] for _ in range(3)]
    notices = [head.post(f"{ROOT}/{made[0]}/test").json()["notice"] for _ in range(3)]
    for path, name, expected in ((ROOT, "id", made), (f"{ROOT}/{made[0]}/deliveries", "notice", notices[::-1])):
        first = head.get(path).json()
        second = head.get(path, params={"after": first["next"]}).json()
        assert [one[name] for one in (*first["items"], *second["items"])] == expected
        assert (len(first["items"]), second["next"]) == (2, None)


def test_who_may_not_learns_nothing(site: Site, receiver: Receiver) -> None:
    webhook = site.as_(HEAD).post(ROOT, json={"url": receiver.url}).json()["id"]
    problem(site.as_(CASEWORKER).get(ROOT), 403, "not_permitted")
    problem(site.as_(CASEWORKER).post(ROOT, json={"url": receiver.url}), 403, "not_permitted")
    other = site.as_(ELSEWHERE)
    assert other.get(ROOT).json() == {"items": [], "next": None}
    for act in (other.post(f"{ROOT}/{webhook}/secret"), other.delete(f"{ROOT}/{webhook}"),
                other.post(f"{ROOT}/{webhook}/test"), other.get(f"{ROOT}/{webhook}/deliveries")):  # fmt: skip
        problem(act, 404, "webhook_unknown")


def test_an_address_that_is_refused_is_not_repeated(site: Site) -> None:
    head = site.as_(HEAD)
    for url in ("https://10.0.0.1/internal", "http://hooks.example/plain", "https://officer:words@hooks.example/"):
        answer = head.post(ROOT, json={"url": url})
        problem(answer, 422, "webhook_address_refused")
        assert url not in answer.text
    problem(head.post(ROOT, json={"url": "https://hooks.example/", "kinds": ["glass_broken"]}), 422, "request_invalid")
    problem(head.post(ROOT, json={"url": "https://hooks.example/", "more": 1}), 422, "request_invalid")
