"""An installation with a small library of candidates and approvers whose keys we hold."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.core.commands import Actor
from engine.definitions.loader import Library, load_all
from engine.service import release
from engine.service.desk import Books, Desk, kept
from engine.service.released import Release
from engine.store.database import Database
from engine.store.releases import ApprovalRow
from engine.vault.signing import SigningKey, written
from tests.core.play import directory
from tests.keys import safe, scribe
from tests.service.desks import POLICE, Clock

TINY = Path(__file__).parents[1] / "definitions"
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
_TRACKS = 'tracks:\n  search: {use: search, basis: ["1"]}\n'
SOUND = (
    ("status: draft", "status: candidate"),
    (
        _TRACKS,
        _TRACKS
        + """
  legal_aid:
    title: {zh: 法律援助, en: Legal aid}
    provenance: deployer
    opens: {on_request: any, again: true}
    start: asked
    steps:
      asked: {by: police, provenance: deployer, title: {zh: 已提出申请, en: Asked for}}
      given: {final: true, title: {zh: 已援助, en: Given}}
    moves:
      give: {title: {zh: 援助, en: Give}, provenance: deployer, from: asked, to: given}
""",
    ),
    ("    moves:\n      place:", """    moves:
      go_home: {title: {zh: 回家, en: Go home}, provenance: deployer, from: waiting, to: placed}
      place:"""),
)  # fmt: skip
"""What makes a candidate of the small draft, and one whose soundness is proved."""
ANN, CY, JO = Actor("ann", "police-a"), Actor("cy", "civil-a"), Actor("jo", "justice")


@dataclass
class Town:
    """An installation with a small library of candidates, and approvers whose keys we hold."""

    desk: Desk
    root: Path
    library: Library
    keys: dict[str, SigningKey]

    def write(self, version: str, *changes: tuple[str, str]) -> None:
        """Put a sound candidate of this version, with these changes, into the library, and ship it."""
        write(self.root, version, *SOUND, *changes)
        self.ship()

    def ship(self) -> None:
        """Load what lies in the library now, as a process that starts now would."""
        self.library = load_all(self.root)
        self.desk.books = Books.of(self.library)
        self.desk.forget()

    def register(self, who: Actor) -> SigningKey:
        """Register a new key of somebody."""
        key = self.keys[who.person] = SigningKey.fresh()
        words = written(key.public)
        release.add_approver(self.desk, office=who.unit, person=who.person, public_key=words, actor=POLICE)
        return key

    def approve(
        self, who: Actor, name: str = "tiny@2020.1", *, key: SigningKey | None = None, reviewed: str | None = None
    ) -> ApprovalRow:
        """Let somebody approve a version."""
        key = key or self.keys[who.person]
        return release.approve(self.desk, self.library, self.root, name, key=key, actor=who, reviewed=reviewed)

    def release(self, name: str = "tiny@2020.1") -> Release:
        """Release a version on the approvals there are."""
        return release.release(self.desk, self.library, self.root, name, POLICE)

    def in_force(self, name: str = "tiny@2020.1") -> Release:
        """Approve by two offices, and release."""
        self.approve(ANN, name)
        self.approve(CY, name)
        return self.release(name)

    def hash(self, version: str = "2020.1") -> str:
        """The hash of a version as loaded."""
        return self.library.get("tiny", version).hash


def write(root: Path, version: str, *changes: tuple[str, str]) -> None:
    """Put the small definition into a library under this version, with some words changed."""
    text = (TINY / "tiny" / "2020.1.yaml").read_text(encoding="utf-8")
    for old, new in (('"2020.1"', f'"{version}"'), *changes):
        assert old in text
        text = text.replace(old, new, 1)
    (root / "tiny" / f"{version}.yaml").write_text(text, encoding="utf-8")


def lay_out(root: Path) -> None:
    """Put what a small library shares into a folder."""
    for folder in ("clauses", "templates"):
        shutil.copytree(TINY / folder, root / folder)
    for name in ("functions.yaml", "field_classes.yaml"):
        shutil.copyfile(TINY / name, root / name)
    (root / "tiny").mkdir()


@contextmanager
def founded(url: str, root: Path) -> Iterator[Town]:
    """A town on this database with one candidate, not released, and three registered approvers."""
    lay_out(root)
    numbers = itertools.count(1)
    with Database.open(url) as database:
        clock = Clock(NOW)
        desk = Desk(database, Books({}), clock, lambda: f"GT-{next(numbers):04d}", safe(clock), scribe(database))
        with kept(database) as work:
            work.save_directory(directory())
        found = Town(desk, root, Library(), {})
        found.write("2020.1")
        for who in (ANN, CY, JO):
            found.register(who)
        yield found
