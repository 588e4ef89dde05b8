"""``guitu definitions coverage``: every clause is encoded, or listed with a reason why not.

A core clause that binds must be encoded. What lies outside the handling of a case (second ring: supervision and
records, outer ring: prevention) may be listed whatever its force; but it is listed, so that nothing is passed over in
silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from engine.core.definition import Definition, Listed, Sourced
from engine.definitions.finding import Finding, Findings, Where
from engine.definitions.inventory import Clause, Inventory, Ring
from engine.definitions.loader import Library, Loaded
from engine.definitions.uses import requirements

LISTABLE = frozenset(("goal", "encouragement", "plan_task"))
"""The only forces of core rows that may be listed instead of encoded."""
Answer = Literal["encoded", "listed", "gap"]
RINGS: tuple[Ring, ...] = ("core", "second", "outer")
_OF_RING: Mapping[str, Ring] = {"second_ring": "second", "outer_ring": "outer"}
"""What a row is listed for, where that says which ring it is in."""
_RING_WORDS: Mapping[Ring, tuple[str, str]] = {
    "core": ("核心", "Core"), "second": ("第二圈", "Second-ring"), "outer": ("外圈", "Outer-ring"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One clause and the answer to it: the elements that point to it, or why there are none."""

    clause: Clause
    answer: Answer
    elements: tuple[str, ...] = ()
    listed: Listed | None = None

    def as_json(self) -> dict[str, Any]:
        """One line of the table, as plain data."""
        body = self.clause.model_dump(include={"id", "clause", "ring", "force", "topic", "summary"})
        listed = self.listed.model_dump() if self.listed else None
        return {**body, "answer": self.answer, "elements": list(self.elements), "listed": listed}


@dataclass(frozen=True, slots=True)
class Coverage:
    """The table of one definition; green when ``findings`` is empty."""

    name: str
    hash: str
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]

    @property
    def is_green(self) -> bool:
        """Whether every row is answered as its ring and force ask."""
        return not self.findings

    def counts(self) -> dict[str, int]:
        """How many rows a ring has, and of them by answer: ``core``, ``encoded``, ``second``, ``second_encoded``."""
        counted: dict[str, int] = {}
        for ring in RINGS:
            answers = [row.answer for row in self.rows if row.clause.ring == ring]
            counted[ring] = len(answers)
            before = "" if ring == "core" else f"{ring}_"
            for answer in get_args(Answer):
                counted[f"{before}{answer}"] = answers.count(answer)
        return counted

    def as_json(self) -> dict[str, Any]:
        """The whole table as plain data."""
        return {
            "definition": self.name,
            "hash": self.hash,
            "counts": self.counts(),
            "rows": [row.as_json() for row in self.rows],
            "findings": [finding.text() for finding in self.findings],
        }


def coverage(loaded: Loaded, inventory: Inventory) -> Coverage:
    """Hold one definition against the inventory of its document."""
    elements = pointing(loaded)
    findings = Findings()
    rows = []
    for clause in inventory.rows:
        row = _answer(clause, elements.get(clause.id, {}), loaded.definition.listed.get(clause.id))
        rows.append(row)
        _check_row(row, elements.get(clause.id, {}), inventory.short(clause.id), loaded, findings)
    return Coverage(loaded.name, loaded.hash, tuple(rows), tuple(findings.sorted()))


def coverage_of(library: Library) -> list[Coverage]:
    """The tables of every definition in a library."""
    return [coverage(loaded, library.inventory_of(loaded)) for loaded in library.definitions]


def pointing(loaded: Loaded) -> dict[str, dict[Where, Sourced | None]]:
    """By row: the elements that name it themselves. An inherited basis points nowhere new."""
    found: dict[str, dict[Where, Sourced | None]] = {}
    for path, element, rows in _elements(loaded.definition):
        if loaded.tree.at((*path, "basis")) is not None:
            for row in rows:
                found.setdefault(row, {})[path] = element
    return found


def _elements(definition: Definition) -> Iterator[tuple[Where, Sourced | None, tuple[str, ...]]]:
    """Everything that can carry a basis, with its path."""
    for path, element in _sourced(definition):
        yield path, element, tuple(basis.row for basis in element.basis)
    for name, consent in definition.consents.items():
        yield ("consents", name), None, tuple(basis.row for basis in consent.basis)


def _sourced(definition: Definition) -> Iterator[tuple[Where, Sourced]]:
    """Tracks, steps, moves, duties, prohibitions, closings and requirements."""
    for name, track in definition.tracks.items():
        yield ("tracks", name), track
        yield from ((("tracks", name, "steps", key), step) for key, step in track.steps.items())
        yield from ((("tracks", name, "moves", key), move) for key, move in track.moves.items())
    yield from ((("duties", name), duty) for name, duty in definition.duties.items())
    yield from ((("prohibitions", name), ban) for name, ban in definition.prohibitions.items())
    yield from ((("closings", name), closing) for name, closing in definition.closings.items())
    yield from ((path, requirement) for path, _, requirement in requirements(definition))


def _answer(clause: Clause, elements: Mapping[Where, Sourced | None], listed: Listed | None) -> Row:
    """How a definition answers one clause."""
    paths = tuple(".".join(str(part) for part in path) for path in elements)
    if paths:
        return Row(clause, "encoded", paths, listed)
    if listed is not None:
        return Row(clause, "listed", (), listed)
    return Row(clause, "gap")


def _check_row(
    row: Row, elements: Mapping[Where, Sourced | None], short: str, loaded: Loaded, findings: Findings
) -> None:
    """What a row of that ring and force needs."""
    what = f"{row.clause.clause} ({row.clause.force})"
    if row.answer == "gap":
        zh, en = _RING_WORDS[row.clause.ring]
        wrong = (f"{zh}条款{what}没有着落。", f"{en} clause {what} is neither encoded nor listed.")
        right = _answer_with(short, row.clause)
        findings.add(loaded.place(("listed",)), "coverage_gap", ("listed", short), wrong, right)
    elif row.listed is not None and row.answer == "listed":
        _check_listed(row, row.listed, short, loaded, findings)
    else:
        _check_encoded(row, elements, short, loaded, findings)


def _check_listed(row: Row, listed: Listed, short: str, loaded: Loaded, findings: Findings) -> None:
    """Only what binds nobody may be listed in the core, and nothing is put into another ring to be listed."""
    clause, place = row.clause, loaded.place(("listed", short))
    what = f"{clause.clause} ({clause.force})"
    if not _is_listable(clause):
        wrong = (f"{what}不能只列出。", f"{what} may not merely be listed.")
        findings.add(place, "not_listable", ("listed", short), wrong, _answer_with(short, clause))
    elif _OF_RING.get(listed.why, clause.ring) != clause.ring:
        wrong = (
            f"{what}在清单里属{clause.ring}，却按{listed.why}列出。",
            f"{what} is of the {clause.ring} ring, yet listed as {listed.why}.",
        )
        right = ("请改why，或核对清单的ring。", "Correct `why`, or the `ring` of the inventory.")
        findings.add(place, "wrong_ring", ("listed", short, "why"), wrong, right)


def _is_listable(clause: Clause) -> bool:
    return clause.ring != "core" or clause.force in LISTABLE


def _check_encoded(
    row: Row, elements: Mapping[Where, Sourced | None], short: str, loaded: Loaded, findings: Findings
) -> None:
    """An encoded row is not listed as well, and a ban or precondition is encoded as one."""
    first = next(iter(elements))
    if row.listed is not None:
        wrong = (f"“{short}”既已编码又被列出。", f"`{short}` is both encoded and listed.")
        right = ("请从listed里删去它。", f"Remove it from `listed`; {row.elements[0]} encodes it.")
        findings.add(loaded.place(("listed", short)), "listed_and_encoded", ("listed", short), wrong, right)
    if not _fits(row.clause.force, elements):
        wrong = (
            f"“{short}”是{row.clause.force}，却没有这样编码。",
            f"`{short}` is a {row.clause.force}, not encoded as one.",
        )
        code, right = f"{row.clause.force}_not_encoded", _encode(short, row.clause.force)
        findings.add(loaded.place(first), code, first, wrong, right)


def _fits(force: str, elements: Mapping[Where, Sourced | None]) -> bool:
    """Whether one of the elements is of the kind that the force asks for."""
    conditions = [element for path, element in elements.items() if "requires" in path]
    if force == "prohibition":
        banned = any(path[0] == "prohibitions" for path in elements)
        return banned or any(getattr(element, "prohibition", None) for element in conditions)
    if force == "precondition":
        return any(element and element.provenance in ("printed", "reading") for element in conditions)
    return True


def _answer_with(short: str, clause: Clause) -> tuple[str, str]:
    """What would answer a row."""
    if _is_listable(clause):
        return (
            f"请让某要素写basis: [{short}]，或在listed里写明理由。",
            f"Let an element have `basis: [{short}]`, or put it under `listed` with a reason.",
        )
    return _encode(short, clause.force)


def _encode(short: str, force: str) -> tuple[str, str]:
    """What would encode a row of that force."""
    if force == "prohibition":
        return (
            f"请写一项prohibition，basis: [{short}]，或一条写明prohibition的条件。",
            f"Write a prohibition with `basis: [{short}]`, or a requirement with that basis that names one.",
        )
    if force == "precondition":
        return (
            f"请写一条requires条件，basis: [{short}]，provenance: printed或reading。",
            f"Write a requirement with `basis: [{short}]` and provenance printed or reading.",
        )
    return (
        f"请让环节、步骤、动作、条件、职责、禁止或结案写basis: [{short}]。",
        f"Let a track, step, move, requirement, duty, prohibition or closing have `basis: [{short}]`.",
    )
