"""Signing in through REST: ticket, password, authenticator, cookie; and what whoever fails is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, cast

import pyotp
import pytest

from api.http.app import PREFIX, make_app
from api.http.door import COOKIE
from engine.core.roles import Membership
from engine.credentials import passwords
from engine.service.desk import Desk, kept
from engine.service.sign_in_rules import shipped
from engine.service.tickets import issue_in
from tests.conftest import Database
from tests.core.play import START
from tests.http.conftest import Site, problem
from tests.service.desks import Clock, play_desk
from tests.service.sign_in.conftest import CHEAP

if TYPE_CHECKING:
    import httpx

PASSWORD = "four plain words apart"
ANOTHER = "five other words far apart"
OFFICER, CHIEF, SECOND = "officer-1", "admin-1", "admin-2"
ROLES = (
    (OFFICER, "police-a", "caseworker"), (CHIEF, "justice", "administrator"), (SECOND, "health", "administrator"),
)  # fmt: skip


class House(Site):
    """The REST door of an installation in which three are enrolled and nobody has signed in yet."""

    @property
    def clock(self) -> Clock:
        """The clock of the desk."""
        return cast("Clock", self.desk.clock)

    def call(self, method: str, path: str, token: str | None = None, **body: object) -> httpx.Response:
        """Ask for something, with a token if there is one."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.anybody.cookies.clear()
        given = {"json": body} if body or method in ("POST", "PUT") else {}
        return self.anybody.request(method, f"{PREFIX}{path}", headers=headers, **cast("Any", given))

    def done(self, method: str, path: str, token: str | None = None, **body: object) -> Any:
        """The same, and it goes well; gives the document that is answered, if any."""
        answer = self.call(method, path, token, **body)
        assert answer.status_code in (200, 201, 204), answer.text
        return answer.json() if answer.content else None

    def code(self, secret: str) -> str:
        """The next code of an authenticator that was not used yet."""
        self.clock.at += timedelta(seconds=30)
        return pyotp.TOTP(secret).at(self.clock.at)

    def ticket(self, person: str) -> str:
        """A one-time sign-in, as an administrator hands it over."""
        with kept(self.desk.database) as work:
            return issue_in(self.desk, work, person, None).ticket

    def enrolled(self, person: str) -> str:
        """Let somebody set a password and enrol an authenticator; gives its secret."""
        token = self.done("POST", "/sign-in/ticket", ticket=self.ticket(person))["token"]
        self.done("PUT", "/sign-in/password", token, password=PASSWORD)
        made = self.done("POST", "/sign-in/factors/totp", token)
        self.done("PUT", f"/sign-in/factors/totp/{made['factor']}", token, code=self.code(made["secret"]))
        return str(made["secret"])

    def signed_in(self, person: str, secret: str) -> str:
        """The token of somebody who shows both."""
        half = self.done("POST", "/sign-in", person=person, password=PASSWORD)
        assert (half["state"], half["factors"]) == ("second_factor_needed", ["totp"])
        return str(self.done("POST", "/sign-in/second-factor", half=half["half"], code=self.code(secret))["token"])


@pytest.fixture
def house(installation: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Give the REST door of an installation, in which passwords cost next to nothing."""
    monkeypatch.setattr(passwords, "shipped", lambda: CHEAP)
    with play_desk(installation.app_url, released=()) as desk, ExitStack() as stack:
        _enrol(desk)
        yield House(desk, make_app(desk), stack)


def _enrol(desk: Desk) -> None:
    with kept(desk.database) as work:
        for person, unit, role in ROLES:
            work.enrol(person, at=START, added_by="admin-9@justice")
            work.grant_role(Membership(0, person, unit, role, START, added_by="admin-9@justice"))


def test_from_the_ticket_to_the_first_look_and_out_again(house: House) -> None:
    problem(house.call("GET", "/cases"), 401, "not_signed_in")
    ticket = house.ticket(OFFICER)
    begun = house.done("POST", "/sign-in/ticket", ticket=ticket)
    assert (begun["state"], begun["may"], begun["means"]) == ("signed_in", "enrol", ["ticket"])
    problem(house.call("POST", "/sign-in/ticket", ticket=ticket), 401, "sign_in_failed")
    problem(house.call("GET", "/cases", begun["token"]), 403, "enrolment_needed")
    refused = problem(house.call("PUT", "/sign-in/password", begun["token"], password="1234"), 422, "enrolment_refused")
    assert {one["code"] for one in cast("list[dict[str, str]]", refused["reasons"])} >= {"password_short"}
    secret = house.enrolled(OFFICER)
    token = house.signed_in(OFFICER, secret)
    house.done("GET", "/cases", token)
    (factor,) = house.done("GET", "/sign-in/factors", token)["items"]
    assert (factor["kind"], factor["is_confirmed"]) == ("totp", True)
    problem(house.call("DELETE", f"/sign-in/factors/{factor['factor']}", token), 422, "enrolment_refused")
    this = house.done("GET", "/sign-ins", token)["items"][0]
    assert (this["is_this"], this["means"], this["ended_at"]) == (True, ["password", "totp"], None)
    house.done("DELETE", "/sign-in", token)
    for path in ("/cases", "/sign-ins"):
        problem(house.call("GET", path, token), 401, "not_signed_in")


def test_a_browser_gets_a_cookie_that_no_script_reads_and_no_token(house: House) -> None:
    secret = house.enrolled(OFFICER)
    half = house.done("POST", "/sign-in", person=OFFICER, password=PASSWORD, cookie=True)["half"]
    answer = house.call("POST", "/sign-in/second-factor", half=half, code=house.code(secret), cookie=True)
    assert answer.json()["token"] is None
    kept_by = SimpleCookie(answer.headers["set-cookie"])[COOKIE]
    assert (kept_by["httponly"], kept_by["secure"], kept_by["samesite"].lower()) == (True, True, "strict")
    assert (kept_by["path"], kept_by["domain"]) == ("/", "")
    assert kept_by["expires"]
    seen = house.anybody.get(f"{PREFIX}/sign-ins", headers={"Cookie": f"{COOKIE}={kept_by.value}"})
    assert [one["is_this"] for one in seen.json()["items"]][:1] == [True]
    out = house.call("DELETE", "/sign-in", kept_by.value)
    gone = SimpleCookie(out.headers["set-cookie"])[COOKIE]
    assert (out.status_code, gone.value, gone["max-age"]) == (204, "", "0")


def test_whatever_is_wrong_the_answer_is_the_same(house: House) -> None:
    secret = house.enrolled(OFFICER)

    def failed(path: str, **body: object) -> dict[str, object]:
        answer = house.call("POST", path, None, **body)
        told = problem(answer, 401, "sign_in_failed")
        assert "set-cookie" not in answer.headers
        house.clock.at += timedelta(minutes=shipped().forget_minutes)  # that failures slow down is tested elsewhere
        return {name: value for name, value in told.items() if name != "instance"}

    def half() -> str:
        return str(house.done("POST", "/sign-in", person=OFFICER, password=PASSWORD)["half"])

    used, late = half(), half()
    house.done("POST", "/sign-in/second-factor", half=used, code=house.code(secret))
    house.clock.at += shipped().half
    told = [
        failed("/sign-in", person=OFFICER, password=ANOTHER),
        failed("/sign-in", person="officer-9", password=PASSWORD),
        failed("/sign-in", person="no code at all", password=PASSWORD, cookie=True),
        failed("/sign-in/second-factor", half="gth_" + 43 * "x", code="000000"),
        failed("/sign-in/second-factor", half="nothing", code="000000"),
        failed("/sign-in/second-factor", half=half(), code="abcdef"),
        failed("/sign-in/second-factor", half=half()),
        failed("/sign-in/second-factor", half=half(), passkey={"id": "Zm9v"}),
        failed("/sign-in/second-factor", half=used, code=house.code(secret)),
        failed("/sign-in/second-factor", half=late, code=house.code(secret)),
    ]
    assert all(one == told[0] for one in told)


def test_whatever_is_wrong_with_a_ticket_the_answer_is_the_same(house: House) -> None:
    def failed(ticket: str) -> dict[str, object]:
        told = problem(house.call("POST", "/sign-in/ticket", None, ticket=ticket), 401, "sign_in_failed")
        house.clock.at += timedelta(minutes=shipped().forget_minutes)
        return {name: value for name, value in told.items() if name != "instance"}

    replaced, used = house.ticket(OFFICER), house.ticket(OFFICER)
    house.done("POST", "/sign-in/ticket", ticket=used)
    late = house.ticket(OFFICER)
    told = [failed("gti_" + 43 * "x"), failed("nothing"), failed(replaced), failed(used)]
    house.clock.at += timedelta(hours=shipped().ticket_hours)
    told.append(failed(late))
    assert all(one == told[0] for one in told)


def test_a_second_factor_is_shown_again_for_what_asks_for_it_and_out_is_out_everywhere(house: House) -> None:
    secret = house.enrolled(CHIEF)
    token, other = house.signed_in(CHIEF, secret), house.signed_in(CHIEF, secret)
    house.clock.at += shipped().strong
    body = {"person": OFFICER}
    problem(house.call("POST", "/tickets", token, **body), 403, "strong_sign_in_needed")
    problem(house.call("PUT", "/sign-in/password", token, password=ANOTHER), 403, "strong_sign_in_needed")
    problem(house.call("POST", "/sign-in/proof", token, code="abcdef"), 401, "sign_in_failed")
    problem(house.call("POST", "/sign-in/proof/options", token), 409, "passkey_missing")
    proof = house.done("POST", "/sign-in/proof", token, code=house.code(secret))
    assert proof["strong_until"] > house.clock.at.isoformat()
    assert house.done("POST", "/tickets", token, **body)["person"] == OFFICER
    problem(house.call("POST", "/tickets", token, person=CHIEF), 403, "self_grant")
    assert house.done("DELETE", "/sign-ins", other) == {"ended": 3}  # the one with the ticket, too
    problem(house.call("GET", "/sign-ins", token), 401, "not_signed_in")


def test_two_administrators_give_a_sign_in_back_when_it_has_waited(house: House) -> None:
    secret = house.enrolled(OFFICER)
    before = house.signed_in(OFFICER, secret)
    keys = {who: house.enrolled(who) for who in (CHIEF, SECOND)}
    chief, second = (house.signed_in(who, keys[who]) for who in (CHIEF, SECOND))
    problem(house.call("POST", "/tickets", chief, person=OFFICER), 409, "recovery_needed")
    asked = house.done("POST", "/recoveries", chief, person=OFFICER)
    way = f"/recoveries/{asked['recovery']}"
    problem(house.call("POST", f"{way}/approval", chief), 403, "self_grant")
    assert house.done("POST", f"{way}/approval", second)["state"] == "waiting"
    problem(house.call("POST", f"{way}/completion", second), 409, "recovery_impossible")
    assert [one["recovery"] for one in house.done("GET", "/recoveries", before)["items"]] == [asked["recovery"]]
    house.clock.at += timedelta(hours=shipped().recovery_wait_hours)
    second = house.signed_in(SECOND, keys[SECOND])
    ticket = house.done("POST", f"{way}/completion", second)["ticket"]
    assert house.done("POST", "/sign-in/ticket", ticket=ticket)["may"] == "enrol"
    again = house.done("POST", "/recoveries", second, person=OFFICER)["recovery"]
    assert house.done("POST", f"/recoveries/{again}/stop", second)["state"] == "stopped"
