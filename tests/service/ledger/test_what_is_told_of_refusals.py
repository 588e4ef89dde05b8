"""What the ledger tells of what is refused: to whom, as what, by which policies, and that nothing was changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from engine.core import commands as cmd
from engine.core.commands import COMMANDS, Actor, Command, snake
from engine.errors import (
    CaseErased,
    CaseUnknown,
    CommandMalformed,
    GuituError,
    KeyReused,
    NotPermitted,
    StaleRevision,
    UnitUnknown,
)
from engine.service.account import ACT_OF
from engine.service.desk import Desk
from engine.service.handle import handle
from engine.service.story_people import invented
from tests.service.asking import erase
from tests.service.desks import POLICE, ask, identify, opened
from tests.service.ledger.opening import Book
from tests.service.ledger.test_what_is_told import DONE, NOTHING, POLICY, attach, check_said, closed, linked, stored

STRANGER = Actor("cy", "civil-n")
"""Her unit has nothing to do with any of these cases."""
BESIDE = Actor("jo", "justice")
"""Her unit cooperates: it sees the case, and holds nothing of it."""
NOT_THERE = ["be-told-what-is-not-there"]
TOLD_OTHERWISE: dict[type[Command], tuple[str, list[str]]] = {
    cmd.OpenCase: ("not_holder", ["open-a-case"]),
    cmd.OpenTrack: ("conditions_unmet", ["open-a-track"]),
    **dict.fromkeys((cmd.Accept, cmd.Decline, cmd.Withdraw), ("hand_off_impossible", NOT_THERE)),
    cmd.Close: ("command_malformed", NOT_THERE),
    cmd.Reverse: ("nothing_to_change", NOT_THERE),
}  # fmt: skip
"""What somebody beside is told of these, and by which policies; of all others, that the step is not hers."""
WORDS: dict[str, Any] = {
    "track": "rescue", "move": "note_it", "area": "900101", "to_unit": "police-b", "role": "relative", "holds": (),
    "given": True, "consent": "return", "duty": "comfort", "outcome": "done", "fact": "note", "value": "seen",
    "event": 1, "person": "ann", "hand_off": "h1", "reason": "by mistake", "name": "page.txt",
    "criminal_case": "GT-0001",
}  # fmt: skip
"""What stands in a command about which nothing matters but who gives it."""


def _plain(kind: type[Command], case: str) -> Command:
    fields: dict[str, Any] = {name: WORDS[name] for name in _needed(kind)}
    return kind(case="" if kind is cmd.OpenCase else case, **fields)


def _needed(kind: type[Command]) -> Iterator[str]:
    for name, field_ in kind.__dataclass_fields__.items():
        if field_.default is field_.default_factory and name != "case":  # both are missing
            yield name


def test_a_refused_command_is_one_entry_that_names_the_case_and_changes_nothing(desk: Desk) -> None:
    for kind in COMMANDS.values():
        if kind is not cmd.OpenCase:  # whoever may open a case is judged by the procedure, and that comes below
            _check_refused(desk, kind, STRANGER, "case_unknown")


def test_a_command_of_somebody_who_sees_the_case_and_may_not_is_one_entry_too(desk: Desk) -> None:
    for kind in COMMANDS.values():
        if kind not in {cmd.Contribute, cmd.AttachFile, cmd.RecordIdentity}:  # these she may
            _check_refused(desk, kind, BESIDE, *TOLD_OTHERWISE.get(kind, ("not_holder",)))


def _check_refused(desk: Desk, kind: type[Command], actor: Actor, code: str, policies: Sequence[str] = ()) -> None:
    case = opened(desk)
    command = linked(desk).command if kind is cmd.LinkCriminalCase else _plain(kind, case)
    book, was = Book.at(desk), stored(desk, case)
    with pytest.raises(GuituError) as caught:
        _ask_as(desk, command, actor)
    told = book.only()
    assert (kind, caught.value.code) == (kind, code)
    check_said(told, DONE[kind][0], actor, "refused", code, policies=policies)
    assert told.concerned == ({(command.case, None)} if command.case else set())
    assert all(record == NOTHING | {"of": record["of"]} for _, record in told.records)
    assert stored(desk, case) == was


def _ask_as(desk: Desk, command: Command, actor: Actor) -> None:
    if isinstance(command, cmd.AttachFile):
        attach(desk, command, actor)
    else:
        enclosed = invented("P-GIRL") if isinstance(command, cmd.RecordIdentity) else None
        handle(desk, command, actor, enclosed=enclosed)


def test_what_never_came_to_be_judged_is_told_too(desk: Desk) -> None:
    case = closed(desk)
    erased = closed(desk)
    erase(desk, erased, POLICE)
    book = Book.at(desk)
    note = cmd.Contribute(case=case, track="rescue", note="seen", idempotency_key="k")
    here: set[tuple[str, str | None]] = {(case, None)}
    admitted, nobody = ("caseworker", POLICY), (None, None)
    tries: list[tuple[Command, type[GuituError], set[tuple[str, str | None]], tuple[str | None, str | None], list[str]]]
    tries = [
        (cmd.Contribute(case=case, track="rescue", note="x", expected_revision=1), StaleRevision, here, admitted,
         NOT_THERE),
        (cmd.Contribute(case="GT-9999", track="rescue", note="x"), CaseUnknown, set(), admitted, []),
        (cmd.Contribute(case="钟离渡鹤", track="rescue", note="x"), CommandMalformed, set(), nobody, []),
        (cmd.Contribute(case=erased, track="rescue", note="x"), CaseErased, set(), admitted, []),
        (cmd.RecordIdentity(case=case, role="victim", holds=()), CommandMalformed, here, admitted, []),
    ]  # fmt: skip
    for command, error, concerned, (role, policy), policies in tries:
        with pytest.raises(error):
            ask(desk, command)
        told = book.only()
        check_said(
            told, ACT_OF[type(command)], POLICE, "refused", error.code, role=role, policies=policies, policy=policy
        )  # fmt: skip
        assert told.concerned == concerned, snake(type(command))
    ask(desk, cmd.Reopen(case=case, track="rescue", reason="again"))
    first = ask(desk, note)
    assert [one.act for one in book.news()] == ["case:reopen", "case:contribute"]
    assert ask(desk, note) == first
    told = book.only()
    check_said(told, "case:contribute", POLICE, "repeated")
    assert told.concerned == {(case, None)}
    assert told.of(case) == NOTHING | {"of": told.of(case)["of"]}
    with pytest.raises(KeyReused):
        ask(desk, cmd.Contribute(case=case, track="rescue", note="other", idempotency_key="k"))
    check_said(book.only(), "case:contribute", POLICE, "refused", "idempotency_key_reused")
    nowhere = Actor("ann", "police-x")
    with pytest.raises(UnitUnknown):
        ask(desk, note, nowhere)
    check_said(book.only(), "case:contribute", nowhere, "refused", UnitUnknown.code, role=None)


# ── who ──


@pytest.mark.parametrize("words", ["钟离渡鹤", "19900071236", "Ann O'Nym", "", "x" * 65])
def test_of_a_name_that_is_no_code_nothing_is_told(desk: Desk, book: Book, words: str) -> None:
    case = opened(desk)
    identify(desk, case, "P-GIRL", "victim")
    book.news()
    note = cmd.Contribute(case=case, track="rescue", note="seen")
    for actor in (Actor(words, "police-a"), Actor("ann", words), Actor("ann", "police-a", words)):
        with pytest.raises(CommandMalformed):
            ask(desk, note, actor)
        event = book.only().event
        assert words not in event.values() or not words
        assert event["actor"] == ("ann" if actor.person == "ann" else None)
        assert event["unit"] == ("police-a" if actor.unit == "police-a" else None)
        assert event["purpose"] == ("unstated" if actor.purpose == words else "case_handling") or not words
    opening = cmd.OpenCase(case="", area="900101")
    tries: list[tuple[Command, str, type[GuituError]]] = [
        (note, "police-n", CaseUnknown), (note, "police-a", NotPermitted), (opening, "police-a", NotPermitted),
    ]  # fmt: skip
    for command, unit, error in tries:
        with pytest.raises(error):
            ask(desk, command, Actor("ann", unit, "curiosity"))
        event = book.only().event
        assert (event["purpose"], event["policies"]) == ("unstated", ["only-for-handling", "purpose-is-stated"])
