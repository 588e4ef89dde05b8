"""What the ledger tells of every command: which act, of whom, how it ended, and of which records from what to what."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.access.holding import POLICY
from engine.core import commands as cmd
from engine.core.commands import COMMANDS, Actor, Command, snake
from engine.errors import CaseErased, CaseUnknown, CommandMalformed, GuituError, KeyReused, NotHolder, StaleRevision
from engine.ledger.entry import Kind
from engine.ledger.event import ACTS
from engine.service import attachments
from engine.service.account import ACT_OF, Account
from engine.service.desk import Desk
from engine.service.erasure import Erasing
from engine.service.handle import Answer, handle
from engine.service.known import load_with_key
from engine.service.persons import holds, person_digest
from engine.service.retention import retention
from engine.service.story_people import invented
from tests.core.play import READY, RULES
from tests.service.desks import CIVIL, POLICE, ask, identify, opened, play_desk
from tests.service.ledger.opening import Book, Told

BO = Actor("bo", "police-b", "supervision")
THERE = Actor("ny", "police-n")
CUSTODIANS = (Actor("officer-2", "civil-a"), Actor("officer-3", "police-a"))
STRANGER = Actor("cy", "civil-n")
OTHERWISE_REFUSED: dict[type[Command], str] = {
    **dict.fromkeys((cmd.Accept, cmd.Decline, cmd.Withdraw), "hand_off_impossible"), cmd.Close: "command_malformed",
    cmd.Reverse: "nothing_to_change",
}  # fmt: skip
"""What a stranger is told first of these; of all others, that the step is not hers."""
NOTHING = {"after": None, "before": None, "revision_after": None, "revision_before": None}
WORDS: dict[str, Any] = {
    "track": "rescue", "move": "note_it", "area": "900101", "to_unit": "police-b", "role": "relative", "holds": (),
    "given": True, "consent": "return", "duty": "comfort", "outcome": "done", "fact": "note", "value": "seen",
    "event": 1, "person": "ann", "hand_off": "h1", "reason": "by mistake", "name": "page.txt",
    "criminal_case": "GT-0001",
}  # fmt: skip
"""What stands in a command about which nothing matters but who gives it."""


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk with a folder of attachments, on each kind of database."""
    with play_desk(database_url) as at:
        at.attachments = tmp_path / "attachments"
        yield at


@pytest.fixture
def book(desk: Desk) -> Book:
    """Give the ledger of the desk, from now on."""
    return Book.at(desk)


# ── what is done ──


@dataclass(frozen=True)
class Doing:
    """A command that will be carried out: who gives it, and how."""

    command: Command
    actor: Actor = POLICE
    carry_out: Callable[[Desk, Command, Actor], Answer] = ask
    beside: frozenset[str] = frozenset()
    """Other cases that it touches."""
    details: dict[str, object] = field(default_factory=dict)


def _answering(desk: Desk, kind: type[Command], **more: Any) -> Command:
    """An answer of that kind to a hand-off offered just now."""
    answer = ask(desk, cmd.Offer(case=opened(desk), track="rescue", to_unit="police-b"))
    words: dict[str, Any] = {"case": answer.case, "hand_off": answer.offered[0], **more}
    return kind(**words)


def _attach(desk: Desk, command: Command, actor: Actor) -> Answer:
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


def _closed(desk: Desk) -> str:
    return ask(desk, _closing(desk).command).case


def _linked(desk: Desk) -> Doing:
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
        lambda desk: Doing(cmd.AttachFile(case=opened(desk), name="page.txt"), carry_out=_attach),
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
    cmd.LinkCriminalCase: ("case:link", _linked),
    cmd.Close: ("case:close", _closing),
    cmd.Reopen: (
        "case:reopen",
        lambda desk: Doing(cmd.Reopen(case=_closed(desk), track="rescue", reason="new hardship")),
    ),
}


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


def check_said(told: Told, act: str, actor: Actor | None, outcome: str = "done", reason: str | None = None) -> None:
    """Hold what an entry says beside its records: which act, of whom, and how it ended."""
    said = {name: told.event[name] for name in ("act", "actor", "unit", "role", "purpose", "outcome", "reason")}
    who = (None, None, "administration") if actor is None else (actor.person, actor.unit, actor.purpose)
    assert said == {
        "act": act, "actor": who[0], "unit": who[1], "role": None, "purpose": who[2], "outcome": outcome,
        "reason": reason,
    }  # fmt: skip
    assert (told.event["part"], told.event["parts"], told.event["policy"]) == (1, 1, None)


def test_a_command_that_is_carried_out_is_one_entry_from_what_was_to_what_is(desk: Desk) -> None:
    for act, prepare in DONE.values():
        _check_done(desk, act, prepare(desk))


def _check_done(desk: Desk, act: str, doing: Doing) -> None:
    book = Book.at(desk)
    was = stored(desk, doing.command.case)
    answer = doing.carry_out(desk, doing.command, doing.actor)
    told = book.only()
    check_said(told, act, doing.actor)
    assert told.header.kind is Kind.EVENT
    assert (told.event["policies"], told.event["definition"]) == ([POLICY], RULES.hash)
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
    check_said(told, "hand_off:accept", THERE)
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


# ── what is refused ──


def _plain(kind: type[Command], case: str) -> Command:
    fields: dict[str, Any] = {name: WORDS[name] for name in _needed(kind)}
    return kind(case="" if kind is cmd.OpenCase else case, **fields)


def _needed(kind: type[Command]) -> Iterator[str]:
    for name, field_ in kind.__dataclass_fields__.items():
        if field_.default is field_.default_factory and name != "case":  # both are missing
            yield name


def test_a_refused_command_is_one_entry_that_names_the_case_and_changes_nothing(desk: Desk) -> None:
    for kind in COMMANDS.values():
        case = opened(desk)
        command = _linked(desk).command if kind is cmd.LinkCriminalCase else _plain(kind, case)
        book, was = Book.at(desk), stored(desk, case)
        with pytest.raises(GuituError) as caught:
            _ask_as(desk, command, STRANGER)
        told = book.only()
        assert (kind, caught.value.code) == (kind, OTHERWISE_REFUSED.get(kind, "not_holder"))
        check_said(told, DONE[kind][0], STRANGER, "refused", caught.value.code)
        assert told.concerned == ({(command.case, None)} if command.case else set())
        assert all(record == NOTHING | {"of": record["of"]} for _, record in told.records)
        assert stored(desk, case) == was


def _ask_as(desk: Desk, command: Command, actor: Actor) -> None:
    if isinstance(command, cmd.AttachFile):
        _attach(desk, command, actor)
    else:
        enclosed = invented("P-GIRL") if isinstance(command, cmd.RecordIdentity) else None
        handle(desk, command, actor, enclosed=enclosed)


def test_what_never_came_to_be_judged_is_told_too(desk: Desk) -> None:
    case = _closed(desk)
    erased = _closed(desk)
    Erasing(desk, retention()).erase(erased, "opened_by_mistake", POLICE, CUSTODIANS)
    book = Book.at(desk)
    note = cmd.Contribute(case=case, track="rescue", note="seen", idempotency_key="k")
    tries: list[tuple[Command, type[GuituError], set[tuple[str, str | None]]]] = [
        (cmd.Contribute(case=case, track="rescue", note="x", expected_revision=1), StaleRevision, {(case, None)}),
        (cmd.Contribute(case="GT-9999", track="rescue", note="x"), CaseUnknown, set()),
        (cmd.Contribute(case="钟离渡鹤", track="rescue", note="x"), CommandMalformed, set()),
        (cmd.Contribute(case=erased, track="rescue", note="x"), CaseErased, set()),
        (cmd.RecordIdentity(case=case, role="victim", holds=()), CommandMalformed, {(case, None)}),
    ]
    for command, error, concerned in tries:
        with pytest.raises(error):
            ask(desk, command)
        told = book.only()
        check_said(told, ACT_OF[type(command)], POLICE, "refused", error.code)
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
    with pytest.raises(NotHolder):
        ask(desk, note, Actor("ann", "police-n", "curiosity"))
    assert book.only().event["purpose"] == "unstated"


def test_an_act_that_is_none_cannot_even_be_thought_of() -> None:
    for act in ("case:rename", "钟离渡鹤", ""):
        with pytest.raises(ValueError, match="no act"):
            Account(act, POLICE)
