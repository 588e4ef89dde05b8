"""Things of other cases, units and people under an address of one's own: told from nothing by nobody.

Whoever may do something with a case of hers names in it what belongs to a case she may not know of. The answer is the
one to a code that nobody was ever given.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import httpx
import pytest

from engine.core import commands as cmd
from engine.service import attachments, reidentify, second_factors, sessions
from engine.service.handle import handle
from engine.service.persons import holds
from engine.service.reidentify import Sought
from engine.service.story_people import invented
from tests.http.sweep.calling import DROPPED, Door
from tests.http.sweep.operations import INVENTED, ROWS, Fill, Row
from tests.http.sweep.test_same_answers import whole
from tests.http.sweep.worlds import Cell, Furnished
from tests.service.access.worlds import GLASS, actor
from tests.service.asking import REQUESTS

HER: Cell = ("caseworker", "own")
THEIR_WORD = "said-in-another-province"


@dataclass(frozen=True, slots=True)
class Others:
    """What there is in a case of another province, which the unit that holds the case of the sweep may not see."""

    case: str
    file: str
    person: str
    request: str
    factor: str
    hand_off: str


@pytest.fixture(scope="module")
def others(world: Furnished) -> Others:
    """Give such a case, kept."""
    desk, by = world.desk, actor("caseworker", "elsewhere")
    case = handle(desk, cmd.OpenCase(case="", area="800000", facts={"victim.is_child": True}), by).case
    known = invented("P-THEIRS")
    record = cmd.RecordIdentity(case=case, role="carer", holds=holds(known), person="P-THEIRS")
    handle(desk, record, by, enclosed=known)
    handle(desk, cmd.Contribute(case=case, track="rescue", note=THEIR_WORD), by)
    (hand_off,) = handle(desk, cmd.OpenTrack(case=case, track="aid", to_unit="justice"), by).offered
    file = attachments.add(desk, case, io.BytesIO(THEIR_WORD.encode()), f"{THEIR_WORD}.txt", by).attachment
    asked = reidentify.ask(desk, REQUESTS, Sought(case, "P-THEIRS", ("name",)), "notify_family", by)
    herself = sessions.present_enrolling(desk, world.bearer(("caseworker", "elsewhere")))
    factor = second_factors.begin_totp(desk, herself).factor
    assert file is not None
    return Others(case, file, "P-THEIRS", asked.exact.request, factor, hand_off)


@pytest.fixture
def nothing(others: Others) -> Others:
    """Give codes of the same lengths that nobody was ever given."""
    return replace(
        others, case="GT-9998", file=32 * "0", person="P-NOBODY", request="R-0000-0000-0000",
        factor="F-0000-0000-0000", hand_off="GT-9998/9999",
    )  # fmt: skip


def _number(reference: str) -> Fill:
    return lambda _: reference.rpartition("/")[2]


def _same(words: str) -> Fill:
    return lambda _: words


def _file(of: Others) -> Row:
    return replace(ROWS["read_file"], places={"attachment": _same(of.file)})


def _hand_off(name: str) -> Callable[[Others], Row]:
    return lambda of: replace(ROWS[name], places={"number": _number(of.hand_off)})


def _request(name: str) -> Callable[[Others], Row]:
    return lambda of: replace(ROWS[name], places={"request": _same(of.request)})


def _sought(name: str, **more: str) -> Callable[[Others], Row]:
    return lambda of: replace(
        ROWS[name], body=lambda world: {"case": world.case, "person": of.person, "fields": ["name"], **more}
    )


def _said(name: str, **body: Callable[[Others], object]) -> Callable[[Others], Row]:
    return lambda of: replace(ROWS[name], body={key: fill(of) for key, fill in body.items()})


def _factor(name: str) -> Callable[[Others], Row]:
    return lambda of: replace(ROWS[name], places={"factor": _same(of.factor)})


def _why(said: str) -> Callable[[Others], str]:
    return lambda _: said


OTHER: Mapping[str, tuple[str, Cell, Callable[[Others], Row]]] = {
    "a file": ("read_file", HER, _file),
    "a hand-off to accept": ("accept", ("caseworker", "receiving"), _hand_off("accept")),
    "a hand-off to decline": ("decline", ("caseworker", "receiving"), _hand_off("decline")),
    "a hand-off to withdraw": ("withdraw", HER, _hand_off("withdraw")),
    "a referral": ("end_referral", HER, _hand_off("end_referral")),
    "a person to see": ("ask_reveal", HER, _sought("ask_reveal", reason="notify_family")),
    "a person to see behind a broken glass": (
        "reveal_in_emergency", ("caseworker", GLASS), _sought("reveal_in_emergency")
    ),
    "a person to amend": ("record_identity", HER, _said(
        "record_identity", role=_why("carer"), identity=lambda _: INVENTED, person=lambda of: of.person)),
    "a person among others": ("correct", HER, _said(
        "correct", fact=_why("buyers"), value=lambda of: [of.person], reason=_why("misheard"))),
    "a person in a correction": ("correct", HER, _said(
        "correct", fact=_why("carer"), value=lambda of: of.person, reason=_why("misheard"))),
    "a case to link": ("link_criminal_case", HER, _said("link_criminal_case", criminal_case=lambda of: of.case)),
    "a case that goes on": ("close", HER, _said(
        "close", outcome=_why("transfer"), points_to=lambda of: of.case)),
    "a case for a lead": ("accept_lead", HER, _said("accept_lead", case=lambda of: of.case)),
    "a case to be explained": ("explain_access", HER, lambda of: replace(
        ROWS["explain_access"], query={"action": "see_case", "case": of.case})),
    "a hand-off to be explained": ("explain_access", HER, lambda of: replace(
        ROWS["explain_access"], query={"action": "withdraw", "case": "{case}", "on": of.hand_off})),
    "a case to see": ("ask_reveal", HER, lambda of: replace(ROWS["ask_reveal"], body={
        "case": of.case, "person": of.person, "fields": ["name"], "reason": "notify_family"})),
    "a case to erase": ("ask_erasure", HER, _said("ask_erasure", case=lambda of: of.case, ground=_why("ordered"))),
    "a case to hold": ("put_hold", HER, _said("put_hold", case=lambda of: of.case, reason=_why("inspection"))),
    "a factor to confirm": ("confirm_totp", HER, _factor("confirm_totp")),
    "a factor to remove": ("remove_factor", HER, _factor("remove_factor")),
    "a request to erase by": ("erase_case", HER, _request("erase_case")),
    "a request to end a hold by": ("release_hold", HER, _request("release_hold")),
    "a request to use": ("reveal_identity", HER, _request("reveal_identity")),
    "a request to decline": ("decline_request", ("custodian", "own"), _request("decline_request")),
}  # fmt: skip
"""What is named, by which operation, by whom, and how."""

TAKEN_AS_SAID = frozenset({"a person to amend", "a person among others"})
"""A reference is of one case: the same words in another one are somebody else, or nobody yet."""


@pytest.mark.parametrize("what", OTHER)
def test_what_is_not_hers_is_told_from_nothing_by_nobody(
    door: Door, rehearsal: Furnished, others: Others, nothing: Others, what: str
) -> None:
    name, cell, row_of = OTHER[what]
    there, not_there = (door.send(name, row_of(of), rehearsal, rehearsal.bearer(cell)) for of in (others, nothing))
    assert DROPPED not in there.headers or what in TAKEN_AS_SAID
    assert THEIR_WORD not in f"{there.text} {there.headers}"
    assert _bare(there, others) == _bare(not_there, nothing)


def _bare(answer: httpx.Response, of: Others) -> object:
    """An answer, but for the codes that were sent."""
    status, text, headers = whole(answer)
    for code in (of.hand_off, of.file, of.person, of.request, of.factor, of.case):
        text = text.replace(code, "CODE")
    return status, re.sub(r"/[0-9]+", "/NUMBER", text), [one for one in headers if one[0] != "content-length"]
