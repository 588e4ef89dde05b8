"""Any order of opening, recording, rotating, crashing, restoring, erasing: what must be readable is, and no more."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from engine.core import commands as cmd
from engine.core.events import NoteAdded
from engine.errors import CaseErased
from engine.service import backup, read
from engine.service.backup import Place
from engine.service.erasure import certificate_of
from engine.service.known import load_with_key
from engine.service.persons import Persons
from engine.service.rotation import RotationKind
from engine.service.safe import Safe
from engine.service.story_people import invented
from engine.store.rotations import RotationRows
from engine.vault.identity import Identity
from tests.core.play import START
from tests.keys import ROOTS
from tests.service.asking import erase
from tests.service.desks import POLICE, ask, identify, opened, play_desk
from tests.service.sealed_world import HERE, found, rotating

KINDS: list[RotationKind] = ["case", "case_key", "identity", "index", "installation"]


@dataclass
class Known:
    """What the model knows of a case: how many notes, who is in it, and whether it was erased."""

    notes: int
    people: dict[str, Identity]
    is_erased: bool = False


class Stopped(Exception):
    """A rotation is stopped here."""


class Walk(RuleBasedStateMachine):
    """One installation and what it must tell. ``fresh`` gives the file of a database with everything released."""

    fresh: Callable[[], Path]

    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        file = type(self).fresh()
        self.root = file.with_suffix("")
        self.root.mkdir()
        self.place = Place(self.root, f"sqlite:///{file}", None)
        self.desk = self.until.enter_context(play_desk(self.place.url, since=START, known=True))
        self.model: dict[str, Known] = {}
        self.kept: tuple[Path, dict[str, Known]] | None = None
        self.persons = 0
        self.folders = 0
        self.open()

    def teardown(self) -> None:
        """Look at everything once more, past every cache."""
        try:
            self.restart()
            self.look()
        finally:
            self.until.close()

    def _live(self) -> list[str]:
        return [case for case, known in self.model.items() if not known.is_erased]

    def _one(self, which: int) -> str:
        cases = list(self.model)
        return cases[which % len(cases)]

    @rule()
    def open(self) -> None:
        """A case is opened."""
        self.model[opened(self.desk)] = Known(0, {})

    @rule(which=st.integers(0, 20))
    def note(self, which: int) -> None:
        """Something is written down, unless the case was erased."""
        case = self._one(which)
        command = cmd.Contribute(case=case, track="rescue", note="seen")
        if self.model[case].is_erased:
            with pytest.raises(CaseErased):
                ask(self.desk, command)
            return
        ask(self.desk, command)
        self.model[case].notes += 1

    @precondition(lambda self: bool(self._live()))
    @rule(which=st.integers(0, 20), amends=st.booleans())
    def record(self, which: int, amends: bool) -> None:
        """An identity is recorded, or one of the case becomes another's."""
        live = self._live()
        case = live[which % len(live)]
        people = self.model[case].people
        self.persons += 1
        reference = next(iter(people)) if amends and people else f"P-W{self.persons:03d}"
        people[reference] = invented(f"P-WHO{self.persons:03d}")
        identify(self.desk, case, reference, "victim", people[reference])

    @rule(kind=st.sampled_from(KINDS), batch=st.integers(1, 3))
    def rotate(self, kind: RotationKind, batch: int) -> None:
        """A key is rotated to the end."""
        self._run(kind, batch, None)

    @rule(kind=st.sampled_from(KINDS), batches=st.integers(0, 4))
    def stop(self, kind: RotationKind, batches: int) -> None:
        """A rotation is begun and not gone on with."""
        self._run(kind, 1, batches)

    def _run(self, kind: RotationKind, batch: int, most: int | None) -> None:
        with self.desk.database.reading() as work:
            place = "*" if kind == "installation" else HERE
            if kind != "case_key" and not any(
                (row.kind, row.jurisdiction) == (kind, place) for row in work.vault_keys()
            ):
                return  # nothing of that kind was sealed yet
        list(islice(rotating(self.desk, batch).run(kind, place), most))

    @rule(kind=st.sampled_from(KINDS))
    def crash(self, kind: RotationKind) -> None:
        """A rotation dies in the midst of a batch."""
        go_on = RotationRows.go_on

        def die(rows: RotationRows, *words: Any) -> None:
            go_on(rows, *words)
            raise Stopped

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RotationRows, "go_on", die)
            try:
                self._run(kind, 2, None)
            except Stopped:
                return

    @rule()
    def resume(self) -> None:
        """Whatever stopped is gone on with."""
        list(rotating(self.desk).resume())
        with self.desk.database.reading() as work:
            assert all(row.finished_at is not None for row in work.rotations())

    @rule()
    def restart(self) -> None:
        """A new process, with nothing in its caches."""
        self.desk.safe = Safe(lambda: ROOTS, self.desk.clock)

    @rule()
    def back_up(self) -> None:
        """A backup is made; the one before it is forgotten."""
        folder = self._folder("backup")
        backup.create(self.place, folder, self.desk.clock())
        self.kept = folder, {case: replace(known, people=dict(known.people)) for case, known in self.model.items()}

    @precondition(lambda self: self.kept is not None)
    @rule()
    def restore(self) -> None:
        """All is lost and put up again from the backup, as it was then: what was erased since can be read again."""
        assert self.kept is not None, "the precondition says so"
        folder, model = self.kept
        now = self.desk.clock()
        self.until.close()
        home = self._folder("home")
        self.place = Place(home, f"sqlite:///{home / 'guitu.db'}", None)
        backup.restore(self.place, folder)
        again = play_desk(self.place.url, self.folders * 1000, since=now, known=True)
        self.desk = self.until.enter_context(again)
        self.model = {case: replace(known, people=dict(known.people)) for case, known in model.items()}

    def _folder(self, name: str) -> Path:
        self.folders += 1
        return self.root.with_name(f"{self.root.name}-{name}-{self.folders}")

    @precondition(lambda self: bool(self._live()))
    @rule(which=st.integers(0, 20))
    def erase(self, which: int) -> None:
        """A case is closed and erased."""
        live = self._live()
        case = live[which % len(live)]
        ask(self.desk, cmd.Contribute(case=case, track="rescue", documents=("report",)))
        ask(self.desk, cmd.Close(case=case, outcome="death"))
        erase(self.desk, case, POLICE)
        self.model[case].is_erased = True

    @rule()
    def look(self) -> None:
        """Everything that must be readable is, equal to the model; what was erased is not."""
        for case_id, known in self.model.items():
            if known.is_erased:
                with pytest.raises(CaseErased):
                    read.replay(self.desk, case_id)
                assert certificate_of(self.desk, case_id).case == case_id
                continue
            read.replay(self.desk, case_id)
            notes = [event for event in read.events_of(self.desk, case_id) if isinstance(event, NoteAdded)]
            assert len(notes) == known.notes
            with self.desk.database.reading() as work:
                loaded = load_with_key(self.desk, case_id, work, for_update=False)
                case, key = loaded.case, loaded.key
                assert Persons(self.desk.safe, work).of(case, key) == known.people
        for case_id, known in self.model.items():
            for identity in known.people.values():
                assert found(self.desk, identity) == (set() if known.is_erased else {case_id})


def test_whatever_happens_to_keys_what_must_be_readable_is(sqlite_template: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.sqlite"
    shutil.copyfile(sqlite_template, template)
    with play_desk(f"sqlite:///{template}"):
        pass
    numbers = iter(range(10_000))

    def fresh() -> Path:
        path = tmp_path / f"{next(numbers)}.sqlite"
        shutil.copyfile(template, path)
        return path

    walk = type("Walk", (Walk,), {"fresh": staticmethod(fresh)})
    run_state_machine_as_test(
        walk,
        settings=settings(
            max_examples=20, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
