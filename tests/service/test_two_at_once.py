"""Two units act on one case at the same moment: one order is found, and the slower one gets one clear error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from engine.core import commands as cmd
from engine.core.case import Case
from engine.core.commands import Actor, Command
from engine.errors import (
    CaseUnknown,
    GuituError,
    HandOffImpossible,
    MoveImpossible,
    NothingToChange,
    NotHolder,
    Refused,
    StaleRevision,
)
from engine.service.desk import Desk
from engine.service.handle import Answer, handle
from engine.service.known import load
from tests.conftest import Database
from tests.core.play import READY, START
from tests.service.desks import CIVIL, POLICE, READY_AT, Clock, ask, opened, play_desk
from tests.service.inspection import check_whole, everything
from tests.service.processes import Processes, started

ROUNDS = 6
Outcome = Answer | GuituError
Asked = tuple[Command, Actor]


@dataclass
class Two:
    """Two desks with connections of their own, whose requests begin at the same moment."""

    database: Database
    desks: tuple[Desk, Desk]

    def at_once(self, *asked: Asked) -> list[Outcome]:
        """What came of two requests that both stand before the door of the database when it opens."""
        barrier = threading.Barrier(2)

        def wait(step: int) -> None:
            if step == 3:
                barrier.wait(10)

        for desk in self.desks:
            desk.probe = wait
        try:
            with ThreadPoolExecutor(2) as threads:
                return list(threads.map(_outcome, self.desks, *zip(*asked, strict=True)))
        finally:
            for desk in self.desks:
                desk.probe = lambda step: None

    def case(self, case_id: str) -> Case:
        """The case as it stands, after everything in the store was found whole."""
        check_whole(self.desks[0], self.database)
        with self.desks[0].database.reading() as work:
            return load(self.desks[0], case_id, work, for_update=False)


def _outcome(desk: Desk, command: Command, actor: Actor) -> Outcome:
    try:
        return handle(desk, command, actor)
    except GuituError as error:
        return error


@pytest.fixture
def two(database: Database) -> Iterator[Two]:
    """Give two desks on one database."""
    with ExitStack() as stack:
        first = stack.enter_context(play_desk(database.app_url))
        second = stack.enter_context(play_desk(database.app_url, 500, known=True))
        first.clock = second.clock = _Ticking()
        yield Two(database, (first, second))


class _Ticking:
    """A clock that two desks read; it goes on a little at every look."""

    def __init__(self) -> None:
        self.at = START
        self.lock = threading.Lock()

    def __call__(self) -> datetime:
        with self.lock:
            self.at += timedelta(milliseconds=1)
            return self.at


def _split(outcomes: list[Outcome]) -> tuple[list[Answer], list[GuituError]]:
    return (
        [one for one in outcomes if isinstance(one, Answer)],
        [one for one in outcomes if isinstance(one, GuituError)],
    )


def _offered(desk: Desk) -> tuple[str, str]:
    case = opened(desk, **READY)
    return case, ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered[0]


def _told_slower(faster: Answer) -> type[GuituError]:
    """What the slower of two is told: an offer that is withdrawn or declined leaves the receiver nothing to see."""
    return HandOffImpossible if "hand_off_accepted" in faster.happened else CaseUnknown


def test_an_acceptance_and_a_withdrawal_of_one_hand_off_have_one_winner(two: Two) -> None:
    for _ in range(ROUNDS):
        case, hand_off = _offered(two.desks[0])
        outcomes = two.at_once(
            (cmd.Withdraw(case=case, hand_off=hand_off), POLICE), (cmd.Accept(case=case, hand_off=hand_off), CIVIL)
        )
        (answer,), (error,) = _split(outcomes)
        now = two.case(case)
        accepted = "hand_off_accepted" in answer.happened
        assert type(error) is _told_slower(answer)
        assert now.hand_offs == {}
        assert (now.revision, now.tracks["rescue"].holder) == (READY_AT + 2, "civil-a" if accepted else "police-a")


def test_an_acceptance_and_a_decline_sent_by_two_people_of_one_unit_have_one_winner(two: Two) -> None:
    for _ in range(ROUNDS):
        case, hand_off = _offered(two.desks[0])
        outcomes = two.at_once(
            (cmd.Accept(case=case, hand_off=hand_off), CIVIL),
            (cmd.Decline(case=case, hand_off=hand_off, reason="not_ours"), Actor("di", "civil-a")),
        )
        (answer,), (error,) = _split(outcomes)
        assert type(error) is _told_slower(answer)
        assert two.case(case).revision == READY_AT + 2


def test_two_moves_of_one_track_by_people_who_saw_the_same_revision_have_one_winner(two: Two) -> None:
    for _ in range(ROUNDS):
        case = opened(two.desks[0], **{**READY, "search.result": "found"})
        outcomes = two.at_once(
            (cmd.Move(case=case, track="rescue", move="home", expected_revision=READY_AT), POLICE),
            (cmd.Move(case=case, track="rescue", move="note_it", expected_revision=READY_AT), POLICE),
        )
        (_,), (error,) = _split(outcomes)
        assert isinstance(error, StaleRevision)
        assert (error.http, error.details["current"]) == (409, READY_AT + 1)
        assert two.case(case).revision == READY_AT + 1


def test_two_moves_out_of_one_step_are_judged_one_after_the_other(two: Two) -> None:
    for _ in range(ROUNDS):
        case = opened(two.desks[0], **{**READY, "search.result": "found"})
        home = cmd.Move(case=case, track="rescue", move="home")
        (_,), (error,) = _split(two.at_once((home, POLICE), (home, Actor("bo", "police-a"))))
        assert isinstance(error, MoveImpossible | NothingToChange)
        assert two.case(case).tracks["rescue"].status == "done"


def test_one_request_sent_twice_at_once_happens_once_and_both_get_its_answer(two: Two) -> None:
    for number in range(ROUNDS):
        case = opened(two.desks[0], **READY)
        for command in (
            cmd.Move(case=case, track="rescue", move="note_it", idempotency_key=f"note-{number}"),
            cmd.Move(case=case, track="rescue", move="place", idempotency_key=f"place-{number}"),
        ):
            answers, errors = _split(two.at_once((command, POLICE), (command, POLICE)))
            assert errors == []
            assert answers[0] == answers[1]
            assert sorted(answer.repeated for answer in answers) == [False, True]
        assert two.case(case).revision == READY_AT + 2


def test_one_opening_sent_twice_at_once_opens_one_case(two: Two) -> None:
    for number in range(ROUNDS):
        command = cmd.OpenCase(
            case="", area="900101", facts={"victim.is_child": True}, idempotency_key=f"open-{number}"
        )
        answers, errors = _split(two.at_once((command, POLICE), (command, POLICE)))
        assert errors == []
        assert answers[0] == answers[1]
        assert sorted(answer.repeated for answer in answers) == [False, True]
    assert len(check_whole(two.desks[0], two.database)["case_record"]) == ROUNDS


def test_two_openings_under_one_chosen_pseudonym_open_one_case(two: Two) -> None:
    commands = [
        cmd.OpenCase(case="GT-SAME", area="900101", facts={"victim.is_child": child}) for child in (True, False)
    ]
    (_,), (error,) = _split(two.at_once((commands[0], POLICE), (commands[1], Actor("bo", "police-b"))))
    assert error.code in ("stale_revision", "command_malformed")
    assert two.case("GT-SAME").revision == 1


def test_an_acceptance_and_a_correction_of_what_it_rests_on_never_pass_each_other(two: Two) -> None:
    for _ in range(ROUNDS):
        case, hand_off = _offered(two.desks[0])
        ask(two.desks[0], cmd.OpenTrack(case=case, track="aid"))  # so the police hold something either way
        correct = cmd.Correct(case=case, fact="search.result", value="found", reason="the parents called")
        accepted, corrected = two.at_once((cmd.Accept(case=case, hand_off=hand_off), CIVIL), (correct, POLICE))
        assert isinstance(corrected, Answer)
        now = two.case(case)
        if isinstance(accepted, Answer):
            assert now.tracks["rescue"].step == "placed"
            assert now.flags == {now.tracks["rescue"].visits["placed"].event: "fact:search.result"}
        else:
            assert isinstance(accepted, Refused)
            assert [reason.code for reason in accepted.reasons] == ["parents_first"]
            assert (now.tracks["rescue"].step, now.flags) == ("searching", {})


def test_a_reversal_and_the_next_move_have_one_order(two: Two) -> None:
    for _ in range(ROUNDS):
        case, hand_off = _offered(two.desks[0])
        ask(two.desks[0], cmd.Accept(case=case, hand_off=hand_off), CIVIL)
        outcomes = two.at_once(
            (cmd.Reverse(case=case, track="rescue", reason="by mistake"), CIVIL),
            (cmd.Move(case=case, track="rescue", move="send_back"), CIVIL),
        )
        (_,), (error,) = _split(outcomes)
        assert isinstance(error, HandOffImpossible | NotHolder)
        assert two.case(case).tracks["rescue"].hand_off is not None


def test_a_request_that_waited_long_for_its_turn_is_not_told_that_its_clock_is_wrong(two: Two) -> None:
    slow, quick = two.desks
    case = opened(slow)
    slow.clock = quick.clock = clock = Clock()
    clock.at = START + timedelta(days=1)
    command = cmd.Move(case=case, track="rescue", move="note_it")

    def be_overtaken(step: int) -> None:
        if step == 3:
            clock.at += timedelta(seconds=8)
            ask(quick, command)

    slow.probe = be_overtaken
    assert ask(slow, command).revision == 3
    two.case(case)


def test_a_refusal_of_the_slower_one_is_on_record(two: Two) -> None:
    case, hand_off = _offered(two.desks[0])
    accept = cmd.Accept(case=case, hand_off=hand_off)
    (_,), (error,) = _split(two.at_once((accept, CIVIL), (accept, Actor("di", "civil-a"))))
    rows = everything(two.database)["refusal"]
    assert [(row["code"], row["command"]) for row in rows] == [(error.code, "accept")]


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Give four processes that write at the same time."""
    with started() as found:
        yield found


def _four_writers(database: Database, processes: Processes, cases: int, times: int) -> int:
    """How many revisions four processes made on these cases, after all was found whole."""
    since = datetime.now(UTC)
    with play_desk(database.app_url) as desk:
        desk.clock = lambda: datetime.now(UTC)  # the one the writers read
        names = [opened(desk, **READY) for _ in range(cases)]
        task = {"url": database.app_url, "since": since.isoformat(), "cases": names, "times": times}
        assert processes.run(*({**task, "writes": seed} for seed in range(4))) == [0] * 4
        found = check_whole(desk, database)
    return sum(row["revision"] for row in found["case_record"]) - cases * READY_AT


def test_many_writers_on_few_cases_leave_every_case_whole(database: Database, processes: Processes) -> None:
    assert _four_writers(database, processes, cases=3, times=60) > 30


@pytest.mark.long
def test_many_writers_for_a_long_time_leave_every_case_whole(database: Database, processes: Processes) -> None:
    assert _four_writers(database, processes, cases=20, times=1500) > 1000


def test_an_unknown_case_asked_for_by_two_is_unknown_to_both(two: Two) -> None:
    asked: Asked = (cmd.Accept(case="GT-NONE", hand_off="x/1"), CIVIL)
    answers, errors = _split(two.at_once(asked, asked))
    assert answers == []
    assert {type(error) for error in errors} == {CaseUnknown}
