"""A story that ships with the definitions, as a script for the bench: real rules and units, to the archive.

The story is played once; every command that was carried out is taken down, and walked again for every case of the
bench, with the identities that the player records for those whom the story names. Refused attempts are left out.
Dates in its facts are those of the first playing, which ends before today, so whatever had to be waited for has been
waited for.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from engine.bootstrap import library
from engine.core import commands as cmd
from engine.core.machine import Rules
from engine.definitions.directory_file import demo_directory, read_directory
from engine.definitions.scenario import Told
from engine.service import story as stories_room
from engine.service import story_people
from engine.service.desk import Books, Desk, kept
from engine.service.handle import Answer, handle
from engine.service.trial import mark_trial, release_all
from engine.store import migrate
from engine.store.database import Database
from engine.vault.identity import Identity
from engine.vault.pseudonym import new_pseudonym
from tests.bench.acts import Act, Kind, Procedure
from tests.bench.driven import log_to_nowhere
from tests.keys import safe, scribe


def story(name: str) -> Procedure:
    """The story of that name, which begins with its definition's. Raises ``SystemExit`` that lists those there are."""
    told = {one.scenario.scenario: one for one in stories_room.stories(definition=name.partition("_")[0])}
    if name not in told:
        raise SystemExit(f"no story {name}; there are: {', '.join(sorted(told))}")
    books = Books.of(library())
    acts = _taken_down(told[name], books)
    first = next(place for place, act in enumerate(acts) if isinstance(act.command, cmd.Move))
    area = told[name].scenario.area
    return Procedure(
        name, _rules(books, told[name]), read_directory(demo_directory()), (area,), tuple(acts[:first]),
        tuple(acts[first:]),
    )  # fmt: skip


def _rules(books: Books, told: Told) -> Rules:
    named = (rules for rules in books.rules.values() if rules.definition.id == told.scenario.definition)
    return max(named, key=lambda rules: rules.definition.effective.since)


def _taken_down(told: Told, books: Books) -> list[Act]:
    acts: list[Act] = []

    def listening(desk: Desk, command: cmd.Command, actor: cmd.Actor, *, enclosed: Identity | None = None) -> Answer:
        answer = handle(desk, command, actor, enclosed=enclosed)
        acts.append(replace(_act(command, actor, answer), enclosed=enclosed))
        return answer

    with tempfile.TemporaryDirectory(prefix="guitu-bench-") as folder, log_to_nowhere():
        url = f"sqlite:///{Path(folder) / 'story.sqlite'}"
        migrate.upgrade(url)
        mark_trial(url)
        with Database.open(url) as database, patch.object(story_people, "handle", listening):
            clock = stories_room.clock_ending_before(told, datetime.now(UTC))
            desk = Desk(
                database=database,
                books=books,
                clock=clock,
                new_pseudonym=new_pseudonym,
                safe=safe(clock),
                scribe=scribe(database),
            )
            with kept(database) as work:
                work.save_directory(read_directory(demo_directory()))
            release_all(desk, (rules.definition for rules in books.rules.values()))
            player = stories_room.Player(desk, told, clock, carry_out=listening)
            list(player.play())
    if len(player.cases) != 1:
        raise SystemExit(f"the story has {len(player.cases)} cases; the bench walks stories of one")
    return acts


def _act(command: cmd.Command, actor: cmd.Actor, answer: Answer) -> Act:
    kind: Kind = "others"
    if isinstance(command, cmd.Move):
        kind = "moves" if "moved" in answer.happened else "offers"
    if isinstance(command, cmd.Accept):
        kind = "acceptances"
    if isinstance(command, cmd.Accept | cmd.Decline | cmd.Withdraw):
        command = replace(command, hand_off=command.hand_off.partition("/")[2])
    expected = answer.revision - 1 or None
    return Act(actor.unit, replace(command, case="", expected_revision=expected), kind, getattr(command, "track", ""))
