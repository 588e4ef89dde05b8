"""Whatever happens to a world, in whatever order: at the end the verdict is the truth, and names the place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)  # fmt: skip

from engine.core import commands as cmd
from engine.errors import GuituError
from engine.ledger.note import Checkpoint, Note
from engine.service import lists
from engine.service.account import Account
from engine.service.auditors import add, remove
from engine.service.rotation import Rotation
from engine.service.sequencer import sequence_all
from engine.service.signer_folder import SignerFolder
from tests.service.asking import erase
from tests.service.desks import POLICE, ask, opened
from tests.tampering.acts import THREE, Act
from tests.tampering.test_catalogue import CATALOGUE
from tests.tampering.world import ADMIN, KEYS, LINES, Audit, Ground

HERE = "900000"
ROTATED = ("case", "case_key", "identity", "index")
ALONE = {
    "the tree altered", "the log renamed", "a new auditor left out, in streams that are opened within a minute",
}  # fmt: skip
"""Acts that ask for a small tree, for a log under its first name, or for a third auditor who is not there yet."""
ACTS = [act for act in CATALOGUE if act.name not in ALONE]


class _Broken(Exception):
    """Something that goes wrong inside a transaction."""


@dataclass(frozen=True)
class _Backup:
    """A copy of the database, and what was true when it was made: how many entries the log had."""

    source: Path | str
    size: int
    cases: tuple[str, ...]
    extra: tuple[str, ...]
    auditors: bytes


class Machine(RuleBasedStateMachine):
    """One world, and what is known of it. ``signed`` is what the signer remembers."""

    copy: ClassVar[Callable[[ExitStack], Ground]]

    def __init__(self) -> None:
        super().__init__()
        self.until = ExitStack()
        self.ground = type(self).copy(self.until)
        self.extra: list[str] = []
        self.backup: _Backup | None = None
        self.lost_from: int | None = None
        self.attack: tuple[Act, float] | None = None

    @initialize(attack=st.none() | st.tuples(st.sampled_from(ACTS), st.sampled_from(THREE)))
    def choose(self, attack: tuple[Act, float] | None) -> None:
        """Somebody will tamper when the days are over, or nobody will."""
        self.attack = attack

    # ── what is known ──

    @property
    def signed(self) -> int:
        """How many entries the signer signed."""
        return SignerFolder(self.ground.folder / "signer").memory().last.size

    @property
    def remembered(self) -> int:
        """How many entries the auditors verified."""
        written = self.ground.remembered
        return Checkpoint.from_text(Note.from_bytes(written).text).size if written else 0

    @property
    def is_forked(self) -> bool:
        """Whether a restored database lost something that was signed."""
        return self.lost_from is not None

    def truth(self) -> tuple[int, frozenset[str]]:
        """The verifier's exit code, and who must notice something."""
        if self.lost_from is None:
            return 0, frozenset()
        return (1 if self.remembered > self.lost_from else 2), frozenset({"signer", "verifier"})

    # ── a day's work ──

    @rule(times=st.integers(1, 3), case=st.integers(1, 2))
    def change(self, times: int, case: int) -> None:
        """Somebody changes a case."""
        self.ground.change(times, case)

    @rule(times=st.integers(1, 3), case=st.integers(1, 2))
    def look(self, times: int, case: int) -> None:
        """Somebody looks at a case."""
        self.ground.show(times, case)

    @rule()
    def list_work(self) -> None:
        """Somebody looks at what there is to do."""
        lists.worklist(self.ground.desk, POLICE)

    @rule()
    def open_case(self) -> None:
        """A case more."""
        self.extra.append(opened(self.ground.desk))

    @rule()
    def refuse(self) -> None:
        """Somebody asks for what is not due."""
        with pytest.raises(GuituError):
            ask(self.ground.desk, cmd.Move(case=self.ground.world.cases[2], track="rescue", move="place"))

    @rule(is_entered=st.booleans())
    def roll_back(self, is_entered: bool) -> None:
        """A transaction fails, before or after something was entered in it."""
        with pytest.raises(_Broken):
            self._break(is_entered)

    def _break(self, is_entered: bool) -> None:
        with self.ground.desk.scribe.entering() as (lent, work):
            if is_entered:
                lent.enter(Account("worklist:show", POLICE), work)
            raise _Broken

    @precondition(lambda self: self.extra)
    @rule()
    def erase(self) -> None:
        """A case is closed and erased."""
        case = self.extra.pop()
        ask(self.ground.desk, cmd.Contribute(case=case, track="rescue", documents=("report",)))
        ask(self.ground.desk, cmd.Close(case=case, outcome="death"))
        erase(self.ground.desk, case, POLICE)

    @rule(kind=st.sampled_from(ROTATED))
    def rotate(self, kind: Any) -> None:
        """Keys of the vault are rotated."""
        list(Rotation(self.ground.desk, settle=lambda: None).run(kind, HERE))

    @rule()
    def third_auditor(self) -> None:
        """An auditor comes, or goes."""
        listed = {one.key.public for one in self.ground.auditors.listed()}
        if KEYS[2].public in listed:
            remove(self.ground.auditors, self.ground.desk.scribe, "auditor-3", ADMIN)
        else:
            add(self.ground.auditors, self.ground.desk.scribe, LINES[2], ADMIN)

    # ── processes ──

    @rule()
    def beat(self) -> None:
        """A heartbeat."""
        self.ground.desk.scribe.beat()

    @rule()
    def kill(self) -> None:
        """The process is gone; nobody closes its streams."""
        self.ground.killed()

    @rule()
    def close(self) -> None:
        """The process ends in order."""
        self.ground.closed()

    @rule()
    def sequence(self) -> None:
        """What waits gets its place."""
        assert sequence_all(self.ground.desk.database).held == ()

    @rule()
    def sign(self) -> None:
        """The signer looks, and signs what only grew."""
        sequence_all(self.ground.desk.database)
        if self.is_forked:
            with pytest.raises(GuituError):
                self.ground.signer.sign()
        else:
            self.ground.signer.sign()

    @precondition(lambda self: not self.is_forked)
    @rule()
    def stamp(self) -> None:
        """An authority outside stamps the last checkpoint, which is a new one: it does so once a second."""
        self.ground.show()
        self.ground.sign()
        self.ground.stamp()

    # ── backups ──

    @rule()
    def back_up(self) -> None:
        """The database is copied, with nothing waiting in it."""
        self.ground.closed()
        sequence_all(self.ground.desk.database)
        size = len(self.ground.entries())
        self._forget_backup()
        listed = self.ground.auditors.path.read_bytes()
        source = self.ground.backed_up()
        self.backup = _Backup(source, size, tuple(self.ground.world.cases), tuple(self.extra), listed)

    @precondition(lambda self: self.backup)
    @rule()
    def restore(self) -> None:
        """The copy is put in the place of the database, and of the list of auditors."""
        assert self.backup is not None, "there is one"
        self.ground.restored(self.backup.source)
        self.ground.auditors.path.write_bytes(self.backup.auditors)
        self.extra = list(self.backup.extra)
        if self.lost_from is not None or self.signed > self.backup.size:
            self.lost_from = min(self.backup.size, self.lost_from or self.backup.size)

    @precondition(lambda self: self.is_forked)
    @rule()
    def begin_anew(self) -> None:
        """People decide that the restored ledger goes on; auditors get the new key, and begin anew too."""
        self.ground.begun_anew()
        self.lost_from = None
        self._forget_backup()

    # ── audits ──

    @rule()
    def audit(self) -> None:
        """The auditors come; they remember a checkpoint when everything is right."""
        self._audited()

    def _audited(self) -> Audit:
        self.ground.troubles.clear()
        code, noticed_by = self.truth()
        found = self.ground.audit()
        told = (found.findings, found.troubles, self.signed, self.remembered, self.lost_from)
        assert (found.exit_code, found.noticed_by) == (code, noticed_by), told
        if code == 0:
            assert found.report is not None, "it has an exit code"
            self.ground.remembered = found.report.checkpoint
        return found

    def teardown(self) -> None:
        """The last audit: without an attack, and with one."""
        try:
            self._audited()
            if self.attack is not None and not self.is_forked:
                self._attacked(*self.attack)
        finally:
            self._forget_backup()
            self.until.close()

    def _attacked(self, act: Act, where: float) -> None:
        where = where if where in act.places else act.places[0]
        self.ground.closed()
        self.ground.sign()
        self.ground.killed()
        truth = act.do(self.ground, where)
        found = self.ground.audit()
        told = (act.name, where, found.exit_code, sorted(found.noticed_by), found.findings, found.troubles)
        assert found.exit_code == truth.exit_code, told
        assert [one for one in truth.seen if not one.is_in(found)] == [], told
        assert bool(found.noticed_by) == (not act.why_not), told

    def _forget_backup(self) -> None:
        if self.backup is not None:
            self.ground.stores.dropped(self.backup.source)
        self.backup = None


def _played(stock: Ground, folder: Path, examples: int, steps: int) -> None:
    def copy(until: ExitStack) -> Ground:
        own = folder / uuid4().hex[:12]
        own.mkdir()
        return until.enter_context(stock.copied(own))

    machine = type("Machine", (Machine,), {"copy": staticmethod(copy)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck),
            print_blob=True, database=None, phases=[Phase.generate, Phase.shrink],
        ),
    )  # fmt: skip


def test_the_verdict_is_the_truth_whatever_happens(sqlite_stock: Ground, tmp_path: Path) -> None:
    _played(sqlite_stock, tmp_path, 12, 12)


@pytest.mark.long
def test_the_verdict_is_the_truth_whatever_happens_for_long(stock: Ground, tmp_path: Path) -> None:
    _played(stock, tmp_path, 150, 30)
