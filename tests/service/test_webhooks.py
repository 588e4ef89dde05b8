"""Webhooks: a unit's own system is told what the unit is told, by pseudonyms, signed, at least once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import (
    CommandMalformed,
    LedgerNotFounded,
    NothingToChange,
    NotPermitted,
    WebhookUnknown,
)
from engine.ledger.streams import Auditor
from engine.service import notices, webhooks
from engine.service.desk import Desk
from engine.service.webhook_delivery import Delivered, body_of, deliver_due
from engine.service.webhook_secrets import BOTH_SIGN, Kept, signed
from engine.store.request_tables import UNIT_NOTICE_KINDS
from engine.store.requests import NoticeRow
from engine.store.webhook_tables import DELIVERY_STATES, WEBHOOK_ENDS
from tests.keys import AUDITOR
from tests.service.desks import POLICE, ask, play_desk
from tests.service.hooked import CANARY, HEAD, WORKER, later, offered, registered, shown
from tests.service.ledger_export.reading import told
from tests.service.processes import ROOT
from tests.service.webhook_receiver import Receiver, receiving


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """Give a desk whose clock goes with that of receivers."""
    with play_desk(database_url, since=datetime.now(UTC)) as at:
        yield at


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a receiver that is not registered yet."""
    with receiving() as made:
        yield made


# ── what is delivered ──


def test_a_unit_is_told_of_each_end_of_its_hand_offs_and_its_system_with_it(desk: Desk, receiver: Receiver) -> None:
    registered(desk, receiver)
    first = offered(desk)
    ask(desk, cmd.Withdraw(case=first.partition("/")[0], hand_off=first, reason=CANARY))
    second = offered(desk)
    ask(desk, cmd.Accept(case=second.partition("/")[0], hand_off=second), WORKER)
    third = ask(desk, cmd.Offer(case=second.partition("/")[0], track="rescue", to_unit="police-a"), WORKER).offered[0]
    ask(desk, cmd.Decline(case=third.partition("/")[0], hand_off=third, reason="not_ours", text=CANARY))
    assert deliver_due(desk) == Delivered(4, 0)
    assert receiver.refused == {}
    told_of = {(one["data"]["kind"], one["data"]["hand_off"]) for one in receiver.accepted}
    assert told_of == {
        ("hand_off_offered", first), ("hand_off_withdrawn", first), ("hand_off_offered", second),
        ("hand_off_declined", third),
    }  # fmt: skip
    listed = {(one.kind, one.about) for one in notices.listed(desk, WORKER).lines}
    assert listed == told_of
    theirs = {(one.kind, one.about) for one in notices.listed(desk, POLICE).lines}
    assert theirs == {("hand_off_accepted", second), ("hand_off_offered", third)}
    assert deliver_due(desk) == Delivered()


def test_what_leaves_is_of_the_form_and_holds_codes_only(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver)
    hand_off = offered(desk)
    deliver_due(desk)
    (body,), (headers,) = receiver.raw, receiver.headers
    case = hand_off.partition("/")[0]
    message = json.loads(body)
    notice = message["data"]["notice"]
    assert message["data"] == {
        "notice": notice, "kind": "hand_off_offered", "case": case, "about": hand_off, "hand_off": hand_off,
        "unit": "police-b",
    }  # fmt: skip
    assert set(message) == {"type", "timestamp", "data"}
    assert message["type"] == "notice.hand_off_offered"
    assert datetime.fromisoformat(message["timestamp"]).tzinfo is not None
    assert headers["webhook-id"] == notice
    assert headers["content-type"] == "application/json"
    assert CANARY not in body.decode()
    assert CANARY not in json.dumps(headers)
    seen = shown(desk, webhook)
    assert (seen.waiting, seen.failing_since, seen.kinds) == (0, None, tuple(sorted(UNIT_NOTICE_KINDS)))
    assert seen.succeeded_at is not None
    (line,) = webhooks.deliveries(desk, HEAD, webhook).items
    assert (line.notice, line.state, line.attempts, line.outcome) == (notice, "delivered", 1, "204")


def test_only_what_it_asked_for_is_sent_and_nothing_of_other_units(desk: Desk, receiver: Receiver) -> None:
    registered(desk, receiver, "hand_off_withdrawn")
    offered(desk, to="police-n")
    hand_off = offered(desk)
    assert deliver_due(desk) == Delivered()
    ask(desk, cmd.Withdraw(case=hand_off.partition("/")[0], hand_off=hand_off))
    assert deliver_due(desk) == Delivered(1, 0)
    assert [one["data"]["kind"] for one in receiver.accepted] == ["hand_off_withdrawn"]


def test_what_leaves_is_entered_before_it_leaves_with_the_case_it_tells_of(desk: Desk, receiver: Receiver) -> None:
    registered(desk, receiver)
    offered(desk)
    deliver_due(desk)
    (entry,) = [one.event for one in told(desk.database, AUDITOR) if one.act == "webhook:deliver"]
    assert entry is not None
    assert entry["details"] == {"deliveries": 1, "webhooks": 1, "again": 0}
    assert len(entry["records"]) == 1  # type: ignore[arg-type]

    def nobody() -> tuple[Auditor, ...]:
        raise LedgerNotFounded("没有审计人", "no auditor")

    broken = replace(desk, scribe=replace(desk.scribe, auditors=nobody))
    offered(desk)
    with pytest.raises(LedgerNotFounded):
        deliver_due(broken)
    assert len(receiver.raw) == 1


def test_a_test_notice_tells_nothing(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver, "hand_off_withdrawn")
    notice = webhooks.send_test(desk, HEAD, webhook)
    assert deliver_due(desk) == Delivered(1, 0)
    assert receiver.accepted[0]["data"] == {
        "notice": notice, "kind": "webhook_test", "case": None, "about": webhook, "hand_off": None, "unit": "police-b",
    }  # fmt: skip
    assert [one.kind for one in notices.listed(desk, HEAD).lines] == ["webhook_test"]
    assert notices.listed(desk, WORKER).lines == ()


# ── secrets ──


def test_both_secrets_sign_for_a_day(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver)
    first = receiver.secrets[0]
    changed = webhooks.rotate(desk, HEAD, webhook)
    assert changed.secret != first
    assert changed.secret not in repr(changed)
    offered(desk)
    deliver_due(desk)  # the receiver still knows the first one only
    receiver.secrets.append(changed.secret)
    offered(desk)
    deliver_due(desk)
    assert (len(receiver.accepted), receiver.refused) == (2, {})
    assert shown(desk, webhook).both_sign_until == changed.both_sign_until
    assert all(len(one["webhook-signature"].split(" ")) == 2 for one in receiver.headers)
    later(desk, BOTH_SIGN)
    assert shown(desk, webhook).both_sign_until is None
    offered(desk)
    deliver_due(desk)
    assert len(receiver.headers[-1]["webhook-signature"].split(" ")) == 1


def test_whoever_changes_it_twice_is_rid_of_the_first_one(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver)
    webhooks.rotate(desk, HEAD, webhook)
    webhooks.rotate(desk, HEAD, webhook)
    offered(desk)
    assert deliver_due(desk) == Delivered(0, 1)
    assert receiver.refused == {"No matching signature found": 1}


def test_address_and_secret_lie_sealed(desk: Desk, receiver: Receiver) -> None:
    made = webhooks.add(desk, HEAD, f"{receiver.url}/{CANARY}", ())
    with desk.database.reading() as work:
        row = work.webhook(made.id)
    assert row is not None
    assert CANARY.encode() not in row.sealed
    assert made.secret.removeprefix("whsec_").encode() not in row.sealed


# ── who may ──


def test_others_register_no_webhook(desk: Desk) -> None:
    for role in ("caseworker", "custodian", "auditor", "reader", "service", "joint_conference"):
        with pytest.raises(NotPermitted):
            webhooks.add(desk, Actor("officer-9", "police-b", role=role), "https://hooks.example/a", ())


def test_a_webhook_of_another_unit_is_unknown(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver)
    other = Actor("officer-9", "police-a", role="administrator")
    assert webhooks.listed(desk, other).items == ()
    for act in (webhooks.rotate, webhooks.end, webhooks.send_test, webhooks.deliveries):
        with pytest.raises(WebhookUnknown):
            act(desk, other, webhook)
        with pytest.raises(WebhookUnknown):
            act(desk, other, "W-NONE")


def test_what_ended_is_sent_nothing_more(desk: Desk, receiver: Receiver) -> None:
    webhook = registered(desk, receiver)
    offered(desk)
    webhooks.end(desk, HEAD, webhook)
    offered(desk)
    assert deliver_due(desk) == Delivered()
    assert receiver.raw == []
    seen = shown(desk, webhook)
    assert (seen.end_reason, seen.waiting) == ("ended", 0)
    for act in (webhooks.rotate, webhooks.end, webhooks.send_test):
        with pytest.raises(NothingToChange):
            act(desk, HEAD, webhook)


def test_kinds_and_numbers_are_bounded(desk: Desk) -> None:
    with pytest.raises(CommandMalformed):
        webhooks.add(desk, HEAD, "https://hooks.example/a", ["request_asked"])
    for _ in range(webhooks.MOST_OF_A_UNIT):
        webhooks.add(desk, HEAD, "https://hooks.example/a", ())
    with pytest.raises(CommandMalformed):
        webhooks.add(desk, HEAD, "https://hooks.example/a", ())


def test_the_words_are_those_of_the_tables() -> None:
    assert set(webhooks.REASONS) == set(WEBHOOK_ENDS)
    assert set(webhooks.STATES) == set(DELIVERY_STATES)
    assert set(webhooks.KINDS) < set(notices.KINDS)


def test_the_example_of_the_page_is_signed_as_we_sign() -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    shown_once = page.split("```")[1]
    headers = dict(line.split(": ", 1) for line in shown_once.splitlines() if line.startswith("webhook-"))
    body = "".join(line.strip() for line in shown_once.partition("\n\n")[2].splitlines()).encode()
    (secret,) = re.findall(r"`(whsec_[A-Za-z0-9+/=]+)`", page)
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    ours = signed(body, headers["webhook-id"], Kept("", secret), at)
    assert ours.headers == {"content-type": "application/json", **headers}
    data = json.loads(body)["data"]
    sent = (data["kind"], None, None, None, data["case"], data["about"])
    notice = NoticeRow(data["notice"], at - timedelta(seconds=2), *sent)
    assert body_of(notice, data["unit"]) == body
