"""Cases driven through the one door, with everything on: conditions, access rule, events, hand-offs, keys, log."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from datetime import UTC, datetime
from functools import partial

from engine.core.commands import Actor, Command
from engine.service.desk import Books, Desk, kept
from engine.service.handle import handle
from engine.service.log import configure
from engine.store.database import Database
from engine.vault.pseudonym import new_pseudonym
from tests.bench.crew import Job, Move
from tests.bench.procedure import COUNTIES, RULES, Act, directory, script, setting_up

SCRIPT = script()


@contextmanager
def bench_desk(url: str) -> Iterator[Desk]:
    """A desk on this database, with the bench procedure and the real clock; the log is rendered, then dropped."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        with redirect_stderr(nowhere):
            configure()
        books = Books({RULES.hash: RULES})
        with Database.open(url) as database:
            yield Desk(database=database, books=books, clock=lambda: datetime.now(UTC), new_pseudonym=new_pseudonym)
        with redirect_stderr(sys.stderr):
            configure("CRITICAL")


def save_directory(url: str) -> None:
    """Put the directory of the bench into an empty database."""
    with bench_desk(url) as desk, kept(desk.database) as work:
        work.save_directory(directory())


def words(number: int, act: Act, case: str, area: str) -> tuple[Command, Actor]:
    """An act on a case, under a key of its own."""
    return act.on(case, area, f"{case}-{number:02d}")


def opened(desk: Desk, area: str) -> str:
    """A new case, ready for its first move."""
    case = new_pseudonym()
    for number, act in enumerate(setting_up(), -len(setting_up())):
        handle(desk, *words(number, act, case, area))
    return case


def engine_job(url: str, cases: int, moves: int = len(SCRIPT)) -> Job:
    """Each writer walks its own cases in turn, one move each, as many units at work at once would."""

    @contextmanager
    def job(writer: int) -> Iterator[list[Move]]:
        with bench_desk(url) as desk:
            areas = [COUNTIES[(writer + place) % len(COUNTIES)] for place in range(cases)]
            files = [(opened(desk, area), area) for area in areas]
            todo: list[Move] = []
            for place, act in enumerate(SCRIPT[:moves]):
                random.shuffle(files)
                todo += [partial(handle, desk, *words(place, act, case, area)) for case, area in files]
            yield todo

    return job
