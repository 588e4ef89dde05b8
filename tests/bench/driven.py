"""Cases driven through the one door, with everything on: conditions, access rule, events, hand-offs, keys, log."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import structlog

from engine import bootstrap
from engine.core.commands import Actor, Command
from engine.service.desk import Books, Desk, kept
from engine.service.handle import Answer, handle
from engine.service.log import configure
from engine.service.trial import release_all
from engine.store.database import Database
from engine.vault.pseudonym import new_pseudonym
from tests.bench.acts import Act, Procedure
from tests.bench.crew import Job, Move
from tests.keys import safe, scribe


@contextmanager
def log_to_nowhere() -> Iterator[None]:
    """Let the log be rendered as in earnest, then dropped; the log is as it was afterwards."""
    before = structlog.get_config() if structlog.is_configured() else None
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        configure()
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(nowhere))
        try:
            yield
        finally:
            structlog.reset_defaults()
            if before is not None:
                structlog.configure(**before)


@contextmanager
def bench_desk(procedure: Procedure, url: str) -> Iterator[Desk]:
    """A desk on this database, with this procedure and the real clock."""
    with log_to_nowhere(), Database.open(url) as database:
        yield _desk(procedure, database)


def _desk(procedure: Procedure, database: Database) -> Desk:
    books = Books({procedure.rules.hash: procedure.rules})
    clock = bootstrap.now
    return Desk(
        database=database,
        books=books,
        clock=clock,
        new_pseudonym=new_pseudonym,
        safe=safe(clock),
        scribe=scribe(database),
    )


def save_directory(procedure: Procedure, url: str) -> None:
    """Put the directory of the procedure into an empty database, and release the procedure there."""
    with bench_desk(procedure, url) as desk:
        with kept(desk.database) as work:
            work.save_directory(procedure.directory)
        release_all(desk, (procedure.rules.definition,))


def words(number: int, act: Act, case: str, area: str) -> tuple[Command, Actor]:
    """An act on a case, under a key of its own."""
    return act.on(case, area, f"{case}-{number:03d}")


def carry_out(desk: Desk, number: int, act: Act, case: str, area: str) -> Answer:
    """Carry out an act on a case, with what comes enclosed."""
    return handle(desk, *words(number, act, case, area), enclosed=act.enclosed)


def opened(procedure: Procedure, desk: Desk, area: str) -> str:
    """A new case, ready for its first move."""
    case = new_pseudonym()
    for number, act in enumerate(procedure.opening):
        carry_out(desk, number, act, case, area)
    return case


def engine_job(procedure: Procedure, url: str, cases: int) -> Job:
    """Each writer walks its own cases in turn, one move each, as many units at work at once would."""

    @contextmanager
    def job(writer: int) -> Iterator[list[Move]]:
        with bench_desk(procedure, url) as desk:
            yield walking(procedure, desk, writer, cases)

    return job


def walking(procedure: Procedure, desk: Desk, writer: int, cases: int) -> list[Move]:
    """Open so many cases at this desk; gives the moves that walk them."""
    areas = [procedure.areas[(writer + place) % len(procedure.areas)] for place in range(cases)]
    files = [(opened(procedure, desk, area), area) for area in areas]
    todo: list[Move] = []
    for number, act in enumerate(procedure.script, len(procedure.opening)):
        random.shuffle(files)
        todo += [partial(handle, desk, *words(number, act, case, area), enclosed=act.enclosed) for case, area in files]
    return todo
