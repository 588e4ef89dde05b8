"""What the verifier found: one line for each check, and the verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from engine.ledger.entry import Header

MOST_LISTED = 20
"""So many places are listed for each check; all are counted."""
State = Literal["pass", "fail", "unchecked", "none"]
CHECKS = (
    "form", "signature", "witnesses", "append_only", "leaves", "timestamps", "streams", "decryption", "events", "clock",
    "heartbeats", "recipients", "certificates", "subjects", "history", "reconciliation", "beyond",
)  # fmt: skip
"""In the order in which they are told."""
GOOD, BAD, OPEN, USAGE = 0, 1, 2, 3
"""Exit codes: all is right; something is proved wrong; something could not be checked; not asked in the right form."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was found, as far as it is known: an entry, its stream and place there, whom it concerns."""

    entry: int | None = None
    stream: str | None = None
    seq: int | None = None
    case: str | None = None
    person: str | None = None
    byte: int | None = None
    line: int | None = None


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or was not checked: its word (:mod:`engine.ledger.verifying.sentences`) and place.

    ``detail`` are codes and numbers that say more: of whom, which field, which revision.
    """

    word: str
    place: Place = NOWHERE
    detail: str = ""


@dataclass(slots=True)
class Check:
    """One line: how much was looked at (``checked``), other counts, and what was found."""

    name: str
    checked: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)
    gaps: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)

    @property
    def state(self) -> State:
        """Fail before unchecked before pass; ``none`` when there was nothing to look at."""
        if self.found["fault"]:
            return "fail"
        if self.found["gap"]:
            return "unchecked"
        return "pass" if self.checked else "none"

    def fault(self, word: str, place: Place = NOWHERE, detail: str = "") -> None:
        """Something is proved to be wrong."""
        self._add("fault", self.faults, Finding(word, place, detail))

    def gap(self, word: str, place: Place = NOWHERE, detail: str = "") -> None:
        """Something could not be checked."""
        self._add("gap", self.gaps, Finding(word, place, detail))

    def note(self, word: str, place: Place = NOWHERE, detail: str = "") -> None:
        """Something to be told that is neither."""
        self._add("note", self.notes, Finding(word, place, detail))

    def count(self, name: str, by: int = 1) -> None:
        """Count something by name."""
        self.counts[name] = self.counts.get(name, 0) + by

    def _add(self, sort: str, to: list[Finding], finding: Finding) -> None:
        self.found[sort] += 1
        if len(to) < MOST_LISTED:
            to.append(finding)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found. ``checkpoint`` is the note of this bundle, ``told`` what its exporter says."""

    checks: tuple[Check, ...]
    checkpoint: bytes | None
    told: dict[str, object] | None
    origin: str | None
    size: int | None
    root: bytes | None

    @property
    def exit_code(self) -> int:
        """0, 1 or 2: as a process ends after this report."""
        states = {one.state for one in self.checks}
        return BAD if "fail" in states else OPEN if "unchecked" in states else GOOD

    @property
    def is_to_be_remembered(self) -> bool:
        """Whether the next bundle may be held to this one: signed by the log, whole, and grown from the last."""
        states = {one.name: one.state for one in self.checks}
        needed = states["signature"] == "pass" and {states["leaves"], states["append_only"]} <= {"pass", "none"}
        return self.exit_code != BAD and needed

    def of(self, name: str) -> Check:
        """The check of this name."""
        return next(one for one in self.checks if one.name == name)


def place_of(number: int, header: Header, case: str | None = None, person: str | None = None) -> Place:
    """The place of an entry."""
    return Place(number, header.stream_id.hex()[:8], header.stream_seq, case, person)
