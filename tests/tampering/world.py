"""A small audited world to tamper with: its desk, its signer in a folder of its own, and what auditors hold of it.

It is made once for each kind of database; every attack gets a copy (:meth:`Ground.copied`).
"""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import GuituError
from engine.ledger.auditor_file import PublicKey
from engine.ledger.exports import Digests, Salts, read_digests, read_salts
from engine.ledger.note import VerifierKey
from engine.ledger.streams import AuditorKey
from engine.ledger.verifying.brought import Brought
from engine.ledger.verifying.report import Finding, Report
from engine.ledger.verifying.verifier import verify
from engine.service import audit_export, read, signer_acts, timestamp_authority
from engine.service.auditors import Auditors, add
from engine.service.desk import Desk, kept
from engine.service.scribe import Scribe
from engine.service.sequencer import Held, sequence_all
from engine.service.signer import Signer
from engine.service.signer_folder import SignerFolder
from engine.service.trial import release_all
from tests.conftest import Database
from tests.core.play import OTHER, RULES, START, directory
from tests.postgres import APP, OWNER, PostgresServer
from tests.service.desks import POLICE, ask, play_desk
from tests.service.ledger_export.exporting import AUDIT, populated, signer_of
from tests.service.sealed_world import World
from tests.timestamping import Authority

PRIVATE = tuple(sha256(f"not a secret: auditor {one}".encode()).digest() for one in (1, 2, 3))
"""The private keys of the auditors. The first two are there from the beginning."""
KEYS = tuple(AuditorKey(one) for one in PRIVATE)
LINES = tuple(PublicKey(f"auditor-{number}", key.public).to_text() for number, key in enumerate(KEYS, 1))
ADMIN = Actor("officer-1", "police-a")
_FIRST_NUMBER = 100
"""Pseudonyms that a process gives begin with so many times its number: it does not know which are taken."""


@dataclass
class LedgerClock:
    """The time of the machine, which somebody may set."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Stores:
    """Makes and copies databases of one kind; ``server`` is for PostgreSQL."""

    folder: Path
    template: Path | str
    server: PostgresServer | None = None

    def copied(self, source: Path | str | None = None) -> tuple[Path | str, Database]:
        """A copy of a database that nobody has open (of the empty one without a source), and its addresses."""
        source = self.template if source is None else source
        if self.server is None:
            path = self.folder / f"{uuid4().hex[:12]}.sqlite"
            with closing(sqlite3.connect(source)) as connection:  # what lies in the write-ahead log belongs to it
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(source, path)
            return path, Database("sqlite", f"sqlite:///{path}", f"sqlite:///{path}")
        name = f"guitu_{uuid4().hex[:12]}"
        self.server.create_database(name, template=str(source))
        return name, Database("postgresql", self.server.url(name, OWNER), self.server.url(name, APP))

    def dropped(self, source: Path | str) -> None:
        """Remove a database."""
        if self.server is None:
            for left in Path(source).parent.glob(f"{Path(source).name}*"):
                left.unlink()
        else:
            self.server.drop_database(str(source))


@dataclass(frozen=True)
class Trouble:
    """That somebody of the house noticed something: who, the code of the alarm or error, and what it names."""

    who: str
    word: str
    named: dict[str, object]


@dataclass(frozen=True)
class Audit:
    """One audit: what the house itself noticed on the way, and the auditor's report when a bundle came out."""

    troubles: tuple[Trouble, ...]
    report: Report | None

    @property
    def exit_code(self) -> int | None:
        """The verifier's; None when there was no bundle."""
        return None if self.report is None else self.report.exit_code

    @property
    def findings(self) -> list[Finding]:
        """Everything the verifier complains of."""
        checks = self.report.checks if self.report else ()
        return [one for check in checks for one in (*check.faults, *check.gaps)]

    @property
    def noticed_by(self) -> frozenset[str]:
        """Who noticed anything at all."""
        return frozenset({one.who for one in self.troubles} | ({"verifier"} if self.exit_code else set()))


@dataclass
class Ground:
    """One copy of the world. ``remembered`` is the auditors' checkpoint of last time, ``files`` are of the last audit.

    ``before_export`` and ``on_bundle`` are what an attacker does after the signer looked, and to the file itself.
    """

    stores: Stores
    source: Path | str
    database: Database
    folder: Path
    authority: Authority
    world: World = field(default_factory=World)
    remembered: bytes | None = None
    clock: LedgerClock = field(default_factory=LedgerClock)
    troubles: list[Trouble] = field(default_factory=list)
    before_export: list[Callable[[], object]] = field(default_factory=list)
    on_bundle: list[Callable[[bytes], bytes]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    days: int = 0
    _desk: Desk | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    # ── the house ──

    @property
    def desk(self) -> Desk:
        """The desk, a process of its own until :meth:`killed` or :meth:`closed`."""
        if self._desk is None:
            self.days += 1  # no process begins before what the one before it wrote
            since = START + timedelta(days=self.days)
            opening = play_desk(self.database.app_url, _FIRST_NUMBER * self.days, since=since, known=True)
            self._desk = self._open.enter_context(opening)
            self._desk.attachments = self.folder / "attachments"
            self._desk.scribe = Scribe(self._desk.database, self.auditors.keys, self.clock)
        return self._desk

    def killed(self) -> None:
        """End the process at once: its streams are never closed."""
        self._open.close()
        self._desk = None

    def closed(self) -> None:
        """End the process in order."""
        if self._desk is not None:
            self._desk.scribe.close()
        self.killed()

    @property
    def auditors(self) -> Auditors:
        """The list of auditors."""
        return Auditors(self.folder / "keys" / "auditors.json")

    @property
    def signer(self) -> Signer:
        """The signer, on its own folder."""
        return Signer(self.folder / "signer", self.desk.database, lambda: datetime.now(UTC))

    @property
    def log_key(self) -> VerifierKey:
        """The public key of the log, as auditors got it when the log was founded."""
        line = (self.folder / "log-key").read_text(encoding="utf-8")
        return VerifierKey.from_text(line)

    # ── a day's work ──

    def show(self, times: int = 1, case: int = 1) -> None:
        """Look at a case."""
        for _ in range(times):
            read.show(self.desk, self.world.cases[case], POLICE)

    def change(self, times: int = 1, case: int = 1) -> None:
        """Change a case."""
        for _ in range(times):
            ask(self.desk, cmd.Contribute(case=self.world.cases[case], track="rescue", note="seen again"))

    def sign(self) -> int:
        """Give everything its place and have it signed; the size of what is signed."""
        sequence_all(self.desk.database)
        return self.signer.sign().checkpoint.size

    def stamp(self) -> None:
        """Have the last checkpoint timestamped."""
        answer = self.authority.answer(timestamp_authority.query(self.desk.database))
        timestamp_authority.take(self.desk.database, answer, (self.authority.root,))

    def entries(self) -> list[bytes]:
        """The log as it is in the database."""
        with self.desk.database.reading() as work:
            return work.entries(0, 1_000_000)

    def stream(self) -> bytes:
        """The id of the stream that was written last."""
        with self.desk.database.reading() as work:
            return work.outbox(1_000_000)[-1].stream_id

    def begun_anew(self) -> None:
        """Let the log go on under another name after a restore; auditors get its new key, and begin anew too."""
        folder = self.folder / "signer"
        sequence_all(self.desk.database)
        signer_acts.restart(self.desk, folder, "restored_backup", None, ADMIN)
        (self.folder / "log-key").write_text(SignerFolder(folder).public()[0].to_text(), encoding="utf-8")
        self.remembered = None
        self.sign()
        self.stamp()

    # ── an audit ──

    def audit(self, remembered: bytes | None = None, roots: bool = True) -> Audit:
        """Take digests and salts, have the ledger signed and exported, and verify all of it as the auditors do."""
        digests = self._taken("export", lambda out: audit_export.export_digests(self.desk, out.write, AUDIT))
        salts = self._taken("export", lambda out: audit_export.export_salts(self.desk, out.write, None, AUDIT))
        self._noticed("sequencer", lambda: self._hold(sequence_all(self.desk.database).held))
        self._noticed("signer", self.signer.sign)
        for act in self.before_export:
            act()
        bundle = self._taken("export", lambda out: audit_export.export(self.desk, out.write, AUDIT))
        if bundle is None:
            return Audit(tuple(self.troubles), None)
        written = bundle.getvalue()
        for alter in self.on_bundle:
            written = alter(written)
        self.files = {
            "bundle": written, "digests": digests.getvalue() if digests else b"",
            "salts": salts.getvalue() if salts else b"",
        }  # fmt: skip
        brought = Brought(
            log_key=self.log_key, remembered=remembered or self.remembered,
            is_first=(remembered or self.remembered) is None, keys=KEYS, salts=_salts(salts),
            digests=_digests(digests), roots=(self.authority.root,) if roots else (),
        )  # fmt: skip
        return Audit(tuple(self.troubles), verify(io.BytesIO(written).read, brought))

    def tried(self, who: str, act: Callable[[], object]) -> None:
        """Do something, and note it when that refuses."""
        self._noticed(who, act)

    def _taken(self, who: str, act: Callable[[io.BytesIO], object]) -> io.BytesIO | None:
        out = io.BytesIO()
        is_done = self._noticed(who, lambda: act(out))
        out.seek(0)
        return out if is_done else None

    def _noticed(self, who: str, act: Callable[[], object]) -> bool:
        try:
            act()
        except GuituError as error:
            self.troubles.append(Trouble(who, str(error.details.get("why", error.code)), dict(error.details)))
            return False
        return True

    def _hold(self, held: Sequence[Held]) -> None:
        for one in held:
            named = {"stream": one.stream.hex()[:8], "expected": one.expected, "found": one.found}
            self.troubles.append(Trouble("sequencer", one.why, named))

    # ── copies ──

    @contextmanager
    def copied(self, folder: Path) -> Iterator[Ground]:
        """A copy of everything, for one attack; nobody may have this one open."""
        assert self._desk is None, "a world is copied when nobody works in it"
        source, database = self.stores.copied(self.source)
        for name in ("keys", "signer", "attachments"):
            shutil.copytree(self.folder / name, folder / name)
        shutil.copyfile(self.folder / "log-key", folder / "log-key")
        made = replace(
            self, source=source, database=database, folder=folder, clock=LedgerClock(), troubles=[], before_export=[],
            on_bundle=[], files={}, _desk=None, _open=ExitStack(),
        )  # fmt: skip
        try:
            yield made
        finally:
            made.killed()
            self.stores.dropped(made.source)

    def backed_up(self) -> Path | str:
        """Stop, and put a copy of the database aside."""
        self.closed()
        return self.stores.copied(self.source)[0]

    def restored(self, backup: Path | str) -> None:
        """Stop, and go on with a copy of the database that was put aside."""
        self.killed()
        self.stores.dropped(self.source)
        self.source, self.database = self.stores.copied(backup)


def founded(stores: Stores, folder: Path, authority: Authority) -> Ground:
    """A world with two auditors and a day's work, signed and timestamped several times, verified, and gone on with."""
    source, database = stores.copied()
    made = Ground(stores, source, database, folder, authority)
    (folder / "attachments").mkdir(parents=True)
    desk = made.desk
    for line in LINES[:2]:
        add(made.auditors, desk.scribe, line, ADMIN)
    with kept(desk.database) as work:
        work.save_directory(directory())
    release_all(replace(desk, clock=lambda: START), (rules.definition for rules in (RULES, OTHER)))
    desk.forget()
    signer_of(desk, folder / "signer")
    (folder / "log-key").write_text(SignerFolder(folder / "signer").public()[0].to_text(), encoding="utf-8")
    made.world, _ = populated(desk)
    made.sign()
    made.stamp()
    made.show()
    desk.scribe.beat()
    desk.scribe.close()
    report = made.audit().report
    assert report is not None
    assert report.is_to_be_remembered, report
    made.remembered = report.checkpoint
    made.stamp()
    made.show(2, case=2)
    made.change(2, case=2)
    made.sign()
    made.closed()
    made.sign()
    made.closed()
    return made


def _salts(written: io.BytesIO | None) -> Salts | None:
    return None if written is None else read_salts(written)


def _digests(written: io.BytesIO | None) -> Digests | None:
    return None if written is None else read_digests(written)
