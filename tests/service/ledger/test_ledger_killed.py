"""A process killed at any moment: every change that is on record has its one entry, and no entry tells of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from engine.ledger.entry import Kind
from engine.service.desk import Desk
from engine.service.known import load_with_key
from engine.service.sequencer import sequence_all
from tests.conftest import Database
from tests.core.play import START
from tests.service.desks import opened, play_desk
from tests.service.inspection import as_owner, check_whole
from tests.service.ledger.logbook import check_log, waiting
from tests.service.ledger.opening import Book, Told
from tests.service.processes import Processes, started

KILLED = -9
STEPS = 10
MOST_WRITES = 300


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Give processes that may be killed."""
    with started("ledger.writing_process") as found:
        yield found


@dataclass
class Ground:
    """A database on which processes work and are killed, and what its ledger told so far."""

    database: Database
    processes: Processes
    cases: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    book: Book | None = None

    def begin(self, cases: int = 2) -> None:
        """Open so many cases."""
        with play_desk(self.database.app_url) as desk:
            self.cases = [opened(desk) for _ in range(cases)]

    def run(self, **more: Any) -> int:
        """How a process ended that did this."""
        task = {
            "url": self.database.app_url, "since": (START + timedelta(days=1)).isoformat(), "first": 500,
            "cases": self.cases, **more,
        }  # fmt: skip
        return self.processes.run(task)[0]

    def check(self) -> None:
        """Hold record and ledger against one another."""
        with play_desk(self.database.app_url, 900, since=START + timedelta(days=2), known=True) as desk:
            self.read_on(desk)
            _check_changes(self.database, self.told)
            for case in self.cases:
                with desk.database.reading() as work:
                    known = load_with_key(desk, case, work, for_update=False)
                last = _changes(self.told)[case, known.case.revision]
                assert [one["after"] for one in last] == [known.digest]

    def read_on(self, desk: Desk) -> None:
        """Read what came since the last look, at this desk."""
        if self.book is None:
            self.book = Book(desk.database)
        self.book.database, self.book.desk = desk.database, desk
        self.told += self.book.everything()

    def sequence(self) -> None:
        """Give everything its place, and hold the log to its form."""
        with play_desk(self.database.app_url, 950, since=START + timedelta(days=3), known=True) as desk:
            assert sequence_all(desk.database).held == ()
            assert waiting(desk.database) == []
            log = check_log(desk.database, self.database)
            self.read_on(desk)
            assert len(log.entries) == len(self.told)
            again = Book(desk.database).everything()
            assert [one.number for one in again] == list(range(len(log.entries)))

    def go_on(self) -> None:
        """The next process does its work as if nothing had been, and everything agrees still."""
        before = len(self.told)
        assert self.run() == 0
        self.check()
        assert _acts(self.told[before:])["case:contribute", "done"] == len(self.cases)
        self.sequence()
        with play_desk(self.database.app_url, 980, since=START + timedelta(days=4), known=True) as desk:
            check_whole(desk, self.database)


def _changes(told: Sequence[Told]) -> dict[tuple[str, int], list[dict[str, Any]]]:
    """What is told of each revision of each case as having been made."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for one in told:
        for subject, record in one.records:
            if subject is not None and subject.person is None and record["after"] is not None:
                found.setdefault((subject.case, record["revision_after"]), []).append(record)
    return found


def _acts(told: Sequence[Told]) -> Counter[tuple[str, str]]:
    return Counter((one.act, one.event["outcome"]) for one in told if one.header.kind is Kind.EVENT)


def _check_changes(database: Database, told: Sequence[Told]) -> None:
    events, refusals, answers = as_owner(
        database, "SELECT DISTINCT case_id, revision FROM case_event", "SELECT id FROM refusal",
        "SELECT unit FROM idempotency",
    )  # fmt: skip
    changes = _changes(told)
    assert Counter({key: len(records) for key, records in changes.items()}) == Counter(
        (row["case_id"], row["revision"]) for row in events
    )
    for (case, revision), (record,) in changes.items():
        before = changes[case, revision - 1][0]["after"] if revision > 1 else None
        assert (record["before"], record["revision_before"]) == (before, revision - 1 if revision > 1 else None)
    acts = _acts(told)
    assert sum(number for (_, outcome), number in acts.items() if outcome == "refused") == len(refusals)
    assert acts["case:contribute", "done"] == len(answers)


@pytest.fixture
def ground(database: Database, processes: Processes) -> Ground:
    """Give a database with two cases."""
    found = Ground(database, processes)
    found.begin()
    return found


def test_killed_at_each_of_the_ten_steps(ground: Ground) -> None:
    ground.check()
    for step in range(1, STEPS + 1):
        before = _acts(ground.told)
        assert ground.run(step=step) == KILLED
        ground.check()
        made = _acts(ground.told) - before
        assert made == ({("case:contribute", "done"): 1} if step == STEPS else {})
    ground.go_on()


def _sweep(ground: Ground, stride: int) -> list[int]:
    """Kill at every ``stride``-th write until one comes through; at which writes it was killed."""
    ground.check()
    for at in range(1, MOST_WRITES, stride):
        end = ground.run(at=at)
        ground.check()
        if end == 0:
            return list(range(1, at, stride))
        assert end == KILLED
    raise AssertionError("it never came to its end")


def test_killed_at_some_of_its_writes(ground: Ground) -> None:
    assert len(_sweep(ground, 7)) >= 5
    ground.go_on()


@pytest.mark.long
def test_killed_at_every_write(ground: Ground) -> None:
    assert len(_sweep(ground, 1)) >= 40, "two cases, with five acts each"
    ground.go_on()


def _at_random(ground: Ground, rounds: int, seed: int) -> None:
    chance, longest = Random(seed), 0.4
    for _ in range(rounds):
        before = len(ground.told)
        assert ground.run(seconds=chance.uniform(0.0, longest)) == KILLED
        ground.check()
        if len(ground.told) == before:  # a busy machine had not come to its first act by then
            longest *= 2
    assert sum(_acts(ground.told).values()) > rounds
    ground.go_on()


def test_killed_in_the_midst_of_anything(ground: Ground) -> None:
    _at_random(ground, 5, 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_killed_in_the_midst_of_anything_many_times(ground: Ground, seed: int) -> None:
    _at_random(ground, 40, 100 + seed)


def test_killed_while_it_sequences_beside(ground: Ground) -> None:
    """What has its place meanwhile stays the beginning of its stream."""
    for number in range(3):
        assert ground.run(seconds=0.1 + number / 10) == KILLED
        ground.check()
        ground.sequence()
    ground.go_on()


def test_a_fork_gives_the_streams_up_and_each_side_reads_as_its_own(ground: Ground) -> None:
    ground.check()
    before = len(ground.told)
    assert ground.run(fork=True) == 0
    ground.check()
    told = ground.told[before:]
    of = {
        who: [one.header for one in told if one.event["actor"] == who]
        for who in ("before", "parent", "child")
    }  # fmt: skip
    assert {who: len(headers) for who, headers in of.items()} == {"before": 1, "parent": 2, "child": 3}
    streams = {who: {header.stream_id for header in headers} for who, headers in of.items()}
    assert streams["before"] == streams["parent"]
    assert len(streams["child"]) == 1
    assert streams["child"] != streams["parent"]
    openings = [one.event["previous"] for one in told if one.header.kind is Kind.STREAM_OPEN]
    assert openings == [None, None], "what the parent goes on with is not told as ended"
    ground.sequence()
