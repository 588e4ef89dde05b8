"""What the ledger tells of every command: which act, of whom, how it ended, and of which records from what to what."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from engine.core import commands as cmd
from engine.core.commands import COMMANDS, Actor, Command
from engine.ledger.entry import Kind
from engine.ledger.event import ACTS
from engine.service import attachments
from engine.service.account import ACT_OF, Account
from engine.service.desk import Desk, shipped_gate
from engine.service.handle import Answer, handle
from engine.service.known import load_with_key
from engine.service.persons import holds, person_digest
from engine.service.story_people import invented
from tests.core.play import READY, RULES
from tests.service.desks import CIVIL, POLICE, ask, opened
from tests.service.ledger.opening import Book, Told

BO = Actor("bo", "police-b", "emergency")
THERE = Actor("ny", "police-n")
POLICY = shipped_gate().hash
"""The policies whoever is admitted here is judged by."""
NOTHING = {"after": None, "before": None, "revision_after": None, "revision_before": None}

# ── what is done ──


@dataclass(frozen=True)
class Doing:
    """A command that will be carried out: who gives it, and how."""

    command: Command
    actor: Actor = POLICE
    carry_out: Callable[[Desk, Command, Actor], Answer] = ask
    beside: frozenset[str] = frozenset()
    """Other cases that it touches."""


def _answering(desk: Desk, kind: type[Command], **more: Any) -> Command:
    """An answer of that kind to a hand-off offered just now."""
    answer = ask(desk, cmd.Offer(case=opened(desk), track="rescue", to_unit="police-b"))
    words: dict[str, Any] = {"case": answer.case, "hand_off": answer.offered[0], **more}
    return kind(**words)


def attach(desk: Desk, command: Command, actor: Actor) -> Answer:
    """Attach a page to the case that a command names."""
    return attachments.add(desk, command.case, io.BytesIO(b"a scanned page of nobody"), "page.txt", actor)


def _identify(desk: Desk, command: Command, actor: Actor) -> Answer:
    return handle(desk, command, actor, enclosed=invented("P-GIRL"))


def _flagged(desk: Desk) -> Doing:
    case = opened(desk, **{"search.result": "found"})
    ask(desk, cmd.RecordConsent(case=case, consent="return", given=True))
    ask(desk, cmd.Move(case=case, track="rescue", move="ask_wish"))
    ask(desk, cmd.RecordConsent(case=case, consent="return", given=False))
    with desk.database.reading() as work:
        (event,) = load_with_key(desk, case, work, for_update=False).case.flags
    return Doing(cmd.ReviewFlag(case=case, event=event, reason="it stands"))


def _closing(desk: Desk) -> Doing:
    case = opened(desk)
    ask(desk, cmd.Contribute(case=case, track="rescue", documents=("report",)))
    return Doing(cmd.Close(case=case, outcome="death"))


def closed(desk: Desk) -> str:
    """A case that is closed."""
    return ask(desk, _closing(desk).command).case


def linked(desk: Desk) -> Doing:
    """A criminal case, and a command that links a new case to it."""
    opening = cmd.OpenCase(case="", scope="criminal_case", area="900101", facts={"crime.solved": False})
    criminal = ask(desk, opening).case
    return Doing(cmd.LinkCriminalCase(case=opened(desk), criminal_case=criminal), beside=frozenset({criminal}))


def _with_aid(desk: Desk) -> str:
    return ask(desk, cmd.OpenTrack(case=opened(desk), track="aid")).case


def _moved(desk: Desk) -> str:
    return ask(desk, cmd.Move(case=opened(desk), track="rescue", move="note_it")).case


DONE: dict[type[Command], tuple[str, Callable[[Desk], Doing]]] = {
    cmd.OpenCase: ("case:open", lambda _: Doing(cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True}))),
    cmd.OpenTrack: ("track:open", lambda desk: Doing(cmd.OpenTrack(case=opened(desk), track="aid"))),
    cmd.Move: (
        "case:move",
        lambda desk: Doing(cmd.Move(case=opened(desk), track="rescue", move="note_it", facts={"note": "seen"})),
    ),
    cmd.Offer: ("hand_off:offer", lambda desk: Doing(cmd.Offer(case=opened(desk), track="rescue", to_unit="police-b"))),
    cmd.OfferTransfer: (
        "hand_off:transfer",
        lambda desk: Doing(cmd.OfferTransfer(case=opened(desk), area="800000", to_unit="police-n")),
    ),
    cmd.AttachFile: (
        "file:attach",
        lambda desk: Doing(cmd.AttachFile(case=opened(desk), name="page.txt"), carry_out=attach),
    ),
    cmd.RecordIdentity: (
        "identity:record",
        lambda desk: Doing(
            cmd.RecordIdentity(case=opened(desk), role="victim", holds=holds(invented("P-GIRL")), person="P-GIRL"),
            carry_out=_identify,
        ),
    ),
    cmd.Relocate: ("case:relocate", lambda desk: Doing(cmd.Relocate(case=opened(desk), area="900102", reason="moved"))),
    cmd.Accept: (
        "hand_off:accept",
        lambda desk: Doing(_answering(desk, cmd.Accept), BO),
    ),
    cmd.Decline: (
        "hand_off:decline",
        lambda desk: Doing(_answering(desk, cmd.Decline, reason="not_ours"), BO),
    ),
    cmd.Withdraw: (
        "hand_off:withdraw",
        lambda desk: Doing(_answering(desk, cmd.Withdraw)),
    ),
    cmd.Refer: ("case:refer", lambda desk: Doing(cmd.Refer(case=opened(desk), track="rescue", to_unit="health"))),
    cmd.Assign: ("case:assign", lambda desk: Doing(cmd.Assign(case=opened(desk), track="rescue", person="bo"))),
    cmd.Contribute: (
        "case:contribute",
        lambda desk: Doing(cmd.Contribute(case=opened(desk), track="rescue", note="seen")),
    ),
    cmd.RecordConsent: (
        "case:consent",
        lambda desk: Doing(cmd.RecordConsent(case=opened(desk), consent="return", given=True)),
    ),
    cmd.SettleDuty: (
        "duty:settle",
        lambda desk: Doing(cmd.SettleDuty(case=opened(desk), duty="comfort", outcome="done")),
    ),
    cmd.DeclineTrack: ("track:decline", lambda desk: Doing(cmd.DeclineTrack(case=_with_aid(desk), track="aid"))),
    cmd.Correct: (
        "case:correct",
        lambda desk: Doing(
            cmd.Correct(case=opened(desk, **READY), fact="search.result", value="found", reason="misheard")
        ),
    ),
    cmd.ReviewFlag: ("case:review_flag", _flagged),
    cmd.Reverse: (
        "case:reverse",
        lambda desk: Doing(cmd.Reverse(case=_moved(desk), track="rescue", reason="by mistake")),
    ),
    cmd.LinkCriminalCase: ("case:link", linked),
    cmd.Close: ("case:close", _closing),
    cmd.Reopen: (
        "case:reopen",
        lambda desk: Doing(cmd.Reopen(case=closed(desk), track="rescue", reason="new hardship")),
    ),
}


HANDLE, TEND, ADD = "handle-what-you-hold", "tend-the-case", "add-to-the-case"
PERMITTED_BY: dict[type[Command], str] = {
    cmd.OpenCase: "open-a-case", cmd.OpenTrack: "open-a-track", cmd.Move: HANDLE, cmd.Offer: HANDLE,
    cmd.OfferTransfer: TEND, cmd.AttachFile: ADD, cmd.RecordIdentity: ADD, cmd.Relocate: TEND,
    cmd.Accept: "receiver-answers", cmd.Decline: "receiver-answers", cmd.Withdraw: "giver-withdraws",
    cmd.Refer: HANDLE, cmd.Assign: HANDLE, cmd.Contribute: HANDLE, cmd.RecordConsent: TEND,
    cmd.SettleDuty: "settle-own-duties", cmd.DeclineTrack: HANDLE, cmd.Correct: TEND, cmd.ReviewFlag: TEND,
    cmd.Reverse: "reverse-own-act", cmd.LinkCriminalCase: TEND, cmd.Close: "close-the-case",
    cmd.Reopen: "reopen-the-case",
}  # fmt: skip
"""The one policy that permits what is done here."""


def test_every_command_has_an_act_of_its_own() -> None:
    assert set(ACT_OF) == set(COMMANDS.values()) == set(DONE)
    assert {kind: act for kind, (act, _) in DONE.items()} == ACT_OF
    assert len(set(ACT_OF.values())) == len(ACT_OF)
    assert set(ACT_OF.values()) <= set(ACTS)


def stored(desk: Desk, case: str) -> tuple[str | None, int | None]:
    """The digest and the revision of a case as it is stored."""
    if not case:
        return None, None
    with desk.database.reading() as work:
        known = load_with_key(desk, case, work, for_update=False)
    return known.digest, known.case.revision


def check_said(
    told: Told, act: str, actor: Actor | None, outcome: str = "done", reason: str | None = None, *,
    role: str | None = "caseworker", policies: Sequence[str] = (), policy: str | None = POLICY,
) -> None:  # fmt: skip
    """Hold what an entry says beside its records: which act, of whom and as what, how it ended, and who decided it.

    An act of nobody in particular has neither role nor policies.
    """
    said = {name: told.event[name] for name in ("act", "actor", "unit", "role", "purpose", "outcome", "reason")}
    who = (None, None, "administration") if actor is None else (actor.person, actor.unit, actor.purpose)
    assert said == {
        "act": act, "actor": who[0], "unit": who[1], "role": None if actor is None else role, "purpose": who[2],
        "outcome": outcome, "reason": reason,
    }  # fmt: skip
    decided = ([], None) if actor is None else (list(policies), policy)
    assert (told.event["policies"], told.event["policy"]) == decided, act
    assert (told.event["part"], told.event["parts"]) == (1, 1)


def test_a_command_that_is_carried_out_is_one_entry_from_what_was_to_what_is(desk: Desk) -> None:
    for kind, (act, prepare) in DONE.items():
        _check_done(desk, act, prepare(desk), PERMITTED_BY[kind])


def _check_done(desk: Desk, act: str, doing: Doing, permitted_by: str) -> None:
    book = Book.at(desk)
    was = stored(desk, doing.command.case)
    answer = doing.carry_out(desk, doing.command, doing.actor)
    told = book.only()
    check_said(told, act, doing.actor, policies=[permitted_by])
    assert told.header.kind is Kind.EVENT
    assert told.event["definition"] == RULES.hash
    assert (told.event["details"], told.event["approvals"]) == ({}, [])
    persons = {(answer.case, answer.person)} if answer.person else set()
    assert told.concerned == {(answer.case, None), *((case, None) for case in doing.beside), *persons}
    now = stored(desk, answer.case)
    assert (answer.revision, now[1]) == (now[1], (was[1] or 0) + 1)
    record = told.of(answer.case)
    assert (record["before"], record["revision_before"]) == was
    assert (record["after"], record["revision_after"]) == now
    for case in doing.beside:
        digest, revision = stored(desk, case)
        found = told.of(case)
        assert found == NOTHING | {"of": found["of"], "before": digest, "revision_before": revision}
    if answer.person:
        _check_identity(desk, told, answer.case, answer.person)


def _check_identity(desk: Desk, told: Told, case: str, person: str) -> None:
    with desk.database.reading() as work:
        key = load_with_key(desk, case, work, for_update=False).key
    assert told.of(case, person)["after"] == person_digest(invented(person), key)
    (classes,) = (one.field_classes for one in told.subjects if one is not None and one.person == person)
    assert classes == {"identity"}


def test_a_transfer_tells_of_both_records_and_of_everybody_who_comes_along(desk: Desk) -> None:
    case = opened(desk, **READY)
    offer = ask(desk, cmd.OfferTransfer(case=case, area="800000", to_unit="police-n"))
    book, was = Book.at(desk), stored(desk, case)
    answer = ask(desk, cmd.Accept(case=case, hand_off=offer.offered[0]), THERE)
    told = book.only()
    check_said(told, "hand_off:accept", THERE, policies=["receiver-answers"])
    assert answer.successor is not None
    people = {(answer.successor, person) for person in ("P-CARER", "P-BUYER")}
    assert told.concerned == {(case, None), (answer.successor, None), *people}
    first, second = told.of(case), told.of(answer.successor)
    assert (first["before"], first["revision_before"], first["after"]) == (*was, stored(desk, case)[0])
    assert (second["before"], second["after"], second["revision_after"]) == (None, *stored(desk, answer.successor))
    with desk.database.reading() as work:
        key = load_with_key(desk, answer.successor, work, for_update=False).key
    for _, person in people:
        assert told.of(answer.successor, person)["after"] == person_digest(invented(person), key)


def test_each_change_begins_where_the_one_before_ended(desk: Desk, book: Book) -> None:
    case = opened(desk, **READY)
    for number in range(3):
        ask(desk, cmd.Contribute(case=case, track="rescue", note=f"seen {number}"))
    offer = ask(desk, cmd.Move(case=case, track="rescue", move="place"))
    ask(desk, cmd.Accept(case=case, hand_off=offer.offered[0]), CIVIL)
    records = [one.of(case) for one in book.news()]
    assert [one["revision_after"] for one in records] == list(range(1, len(records) + 1))
    assert [one["before"] for one in records] == [None, *(one["after"] for one in records[:-1])]
    assert len({one["after"] for one in records}) == len(records) > 8
    assert len({one["of"] for one in records}) == 1


def test_an_act_that_is_none_cannot_even_be_thought_of() -> None:
    for act in ("case:rename", "钟离渡鹤", ""):
        with pytest.raises(ValueError, match="no act"):
            Account(act, POLICE)
