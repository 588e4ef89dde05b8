"""The installations of the HTTP bench: a home with keys and an auditor, and a database that holds its procedure.

Each is a world for trial, so that whoever asks can be signed in without a second factor; the procedure is that of the
moves bench. The desk here and the one that ``guitu serve`` opens are made alike, from the same settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine import bootstrap
from engine.core.commands import Actor
from engine.definitions.loader import Library, Loaded
from engine.service import auditors, keyfile, sessions, vault_keys
from engine.service.desk import Desk, kept
from engine.service.trial import mark_trial, release_all
from engine.settings import Settings
from engine.store import migrate
from engine.vault.roots import Cost
from tests.bench.driven import log_to_nowhere, opened
from tests.bench.procedure import BENCH, COUNTIES
from tests.postgres import APP, OWNER, PostgresServer

_PASSPHRASE = "a passphrase of the bench"
_CHEAP = Cost(1, 1, 64)


@dataclass(frozen=True, slots=True)
class Case:
    """A case of the bench, ready for the first move of the script, and the county it is in."""

    code: str
    area: str


@dataclass(frozen=True, slots=True)
class Home:
    """An installation: where it lies and which database it works with. ``kind`` is ``sqlite`` or ``postgresql``."""

    kind: str
    folder: Path
    url: str

    @property
    def passphrase_file(self) -> Path:
        """What opens its keys."""
        return self.folder / "passphrase"

    @property
    def settings(self) -> Settings:
        """What it is opened with, here and by ``guitu serve``."""
        return bootstrap.settings(home=self.folder, database=self.url, passphrase_file=self.passphrase_file)


def shelf() -> Library:
    """The procedure of the bench, as if it lay among the definitions."""
    return Library((Loaded(BENCH.rules.definition, BENCH.rules.hash, Path("bench.yaml"), None),))  # type: ignore[arg-type]


@contextmanager
def at_home(home: Home) -> Iterator[Desk]:
    """The desk of an installation; its log is rendered and dropped. The ledger is in order afterwards."""
    desk = bootstrap.desk(home.settings, books=shelf())
    with ExitStack() as stack:
        stack.callback(bootstrap.close, desk)
        stack.enter_context(log_to_nowhere())
        yield desk


def make_home(kind: str, folder: Path, server: PostgresServer | None) -> Home:
    """Make a fresh installation below this folder; on PostgreSQL in a database of that server."""
    place = folder / kind
    place.mkdir()
    if server is None:
        url = owner = f"sqlite:///{place / 'guitu.db'}"
    else:
        server.create_database("served")
        url, owner = server.url("served", APP), server.url("served", OWNER)
    migrate.upgrade(owner)
    mark_trial(owner)
    home = Home(kind, place, url)
    vault_keys.init(home.settings.root_keys, _PASSPHRASE, bootstrap.now(), work=None, cost=_CHEAP)
    keyfile.write_new(home.passphrase_file, f"{_PASSPHRASE}\n".encode())
    line = auditors.make_key(place / "auditor.key", "auditor-1", None)
    with at_home(home) as desk:
        actor = Actor("auditor-1", f"police-{COUNTIES[0]}")
        auditors.add(auditors.Auditors(home.settings.auditors), desk.scribe, line, actor)
        with kept(desk.database) as work:
            work.save_directory(BENCH.directory)
        desk.forget()
        release_all(desk, (BENCH.rules.definition,))
    return home


def opened_cases(desk: Desk, count: int) -> list[Case]:
    """Open so many cases, in all counties in turn."""
    areas = [COUNTIES[place % len(COUNTIES)] for place in range(count)]
    return [Case(opened(BENCH, desk, area), area) for area in areas]


def signed_in(desk: Desk, areas: Sequence[str]) -> dict[str, str]:
    """A sign-in of an officer of every unit of these counties: the token, by unit."""
    units = [one.id for one in BENCH.directory.units.values() if one.jurisdiction in areas]
    return {unit: sessions.begin_trial(desk, f"{unit}-officer", unit).token for unit in units}
