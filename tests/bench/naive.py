"""The same case as a team would write it in a week: ``python-statemachine`` and SQLModel rows, and no checks.

Per move: a session loads case, track and (for an answer) the hand-off by the ORM, a state machine built on the
track's row makes the transition, the facts of the form go into the case's JSON column, one line goes into a log
table, one commit. Left out on purpose: conditions, access rule, idempotency keys, history that can be replayed,
stale revisions, replay. The durability is the same, and so are the moves: thirty made, thirteen offers,
seventeen answers.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, Engine, MetaData
from sqlmodel import Field, Session, SQLModel, select
from statemachine import State, StateMachine

from engine.core import commands as cmd
from engine.store.database import engine_for
from engine.vault.pseudonym import new_pseudonym
from tests.bench.acts import Act
from tests.bench.crew import Job, Move
from tests.bench.procedure import BENCH, COUNTIES, OPENING, RULES, receiver_of, unit_of


class _Row(SQLModel):
    metadata: ClassVar[MetaData] = MetaData()


class NaiveCase(_Row, table=True):
    """A case."""

    id: str = Field(primary_key=True)
    area: str
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    changed_at: datetime


class NaiveTrack(_Row, table=True):
    """Where a track stands."""

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="naivecase.id", index=True)
    name: str
    step: str
    holder: str


class NaiveHandOff(_Row, table=True):
    """An offer and its answer."""

    id: int | None = Field(default=None, primary_key=True)
    track_id: int = Field(foreign_key="naivetrack.id", index=True)
    move: str
    to_unit: str
    state: str = "offered"


class NaiveLog(_Row, table=True):
    """Who did what."""

    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="naivecase.id", index=True)
    at: datetime
    unit: str
    track: str
    what: str


def _machine(name: str) -> type[StateMachine]:
    """A state machine class for a track of the bench procedure."""
    track = RULES.definition.tracks[name]
    states = {step: State(step, initial=step == track.start, final=about.final) for step, about in track.steps.items()}
    ways = {move: states[about.source[0]].to(states[about.to]) for move, about in track.moves.items()}
    return type(f"{name.title()}Machine", (StateMachine,), {**states, **ways})


MACHINES = {name: _machine(name) for name in RULES.definition.tracks}


def create_tables(url: str) -> None:
    """Make the tables of the naive version in an empty database."""
    engine = engine_for(url)
    with engine.begin() as connection:
        _Row.metadata.create_all(connection)
    engine.dispose()


def naive_job(url: str, cases: int) -> Job:
    """Each writer walks its own cases in turn, like the engine's job."""
    return partial(_job, url, cases)


@contextmanager
def _job(url: str, cases: int, number: int) -> Iterator[list[Move]]:
    engine = engine_for(url)
    counties = itertools.islice(itertools.cycle(COUNTIES), cases)
    files = [(_opened(engine, area), area) for area in counties]
    todo: list[Move] = []
    for act in BENCH.script:
        random.shuffle(files)
        todo += [partial(_act, engine, act, case, area) for case, area in files]
    yield todo
    engine.dispose()


def _opened(engine: Engine, area: str) -> str:
    case = new_pseudonym()
    with Session(engine) as session, _transaction(session):
        session.add(NaiveCase(id=case, area=area, facts=dict(OPENING), changed_at=datetime.now(UTC)))
        session.flush()
        for name, track in RULES.definition.tracks.items():
            holder = unit_of(track.steps[track.start].responsible or "", area)
            session.add(NaiveTrack(case_id=case, name=name, step=track.start, holder=holder))
    return case


@contextmanager
def _transaction(session: Session) -> Iterator[None]:
    """One transaction; the engine of the record room leaves its beginning and end to its user."""
    session.connection().exec_driver_sql("BEGIN")
    yield
    session.flush()
    session.connection().exec_driver_sql("COMMIT")


def _act(engine: Engine, act: Act, case: str, area: str) -> None:
    with Session(engine) as session, _transaction(session):
        record = session.get_one(NaiveCase, case)
        record.changed_at = datetime.now(UTC)
        track = session.exec(select(NaiveTrack).where(NaiveTrack.case_id == case, NaiveTrack.name == act.track)).one()
        unit = act.unit_in(area)
        if isinstance(act.command, cmd.Move):
            record.facts = {**record.facts, **act.command.facts}
            _move(session, act, track, area)
        else:
            _accept(session, track, unit)
        session.add(NaiveLog(case_id=case, at=record.changed_at, unit=unit, track=track.name, what=act.kind))


def _move(session: Session, act: Act, track: NaiveTrack, area: str) -> None:
    assert isinstance(act.command, cmd.Move)
    if act.kind == "moves":
        MACHINES[track.name](model=track, state_field="step").send(act.command.move)
    else:
        asked = receiver_of(act).replace("{area}", area)
        session.add(NaiveHandOff(track_id=track.id or 0, move=act.command.move, to_unit=asked))


def _accept(session: Session, track: NaiveTrack, unit: str) -> None:
    """Take over what was offered; where a track merely waited for its unit there is nothing to take."""
    offered = session.exec(
        select(NaiveHandOff).where(NaiveHandOff.track_id == track.id, NaiveHandOff.state == "offered")
    ).first()
    if offered is not None:
        MACHINES[track.name](model=track, state_field="step").send(offered.move)
        offered.state, track.holder = "accepted", unit
