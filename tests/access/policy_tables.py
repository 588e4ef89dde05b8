"""Reading the tables of ``policies/tests``: which situations a row speaks of, and what it expects there.

What the words mean stands in ``policies/tests/README.md``; they are those of :mod:`engine.access.standings`.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import cast

from engine.access.gate import Gate
from engine.access.model import ROLES, Role, Verdict
from engine.access.standings import GIVEN, NONE, OF_KIND, STANDINGS, UNITS, WITHOUT_CASE, Situation, kinds, words_also
from engine.ledger.event import PURPOSES
from tests.house.tree import ROOT

FOLDER = ROOT / "policies" / "tests"
COLUMNS = ("who", "unit", "case", "when", "purpose", "also", "action", "expect", "decided_by", "source")
EXPECTS = ("allow", "deny")
ANY, BUT = "any", "any but "
HANDLING = ("case_handling", "emergency", "custody")

Question = tuple[Situation, str, str]
"""A situation, the type of what is asked about, and the action."""


@dataclass(frozen=True)
class Row:
    """One line of a table; every set holds the words that its cell stands for."""

    place: str
    told: Mapping[str, str]
    people: frozenset[tuple[Role, Role | None]]
    units: frozenset[str]
    cases: frozenset[str]
    whens: frozenset[str]
    purposes: frozenset[str]
    also: frozenset[str]
    actions: frozenset[str]
    is_allowed: bool
    policies: tuple[str, ...]

    def covers(self, asked: Question) -> bool:
        """Whether the row speaks of this."""
        one, kind, action = asked
        return (
            action in self.actions
            and (one.role, one.held) in self.people
            and one.also in self.also
            and one.purpose in self.purposes
            and one.unit in self.units
            and (NONE if kind in WITHOUT_CASE else one.case) in self.cases
            and (NONE if kind in WITHOUT_CASE else one.when) in self.whens
        )

    @cached_property
    def verdict(self) -> Verdict:
        """What the row expects."""
        return Verdict(self.is_allowed, self.policies)


@cache
def gate() -> Gate:
    """The policies that ship."""
    return Gate.opened()


@cache
def tables() -> tuple[Row, ...]:
    """Every row of every table. Raises :class:`AssertionError` with the place of a word that is none."""
    return tuple(row for path in sorted(FOLDER.glob("*.csv")) for row in read(path))


def read(path: Path) -> Iterator[Row]:
    """The rows of one table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file, strict=True)
        assert tuple(lines.fieldnames or ()) == COLUMNS, path.name
        for number, line in enumerate(lines, start=2):
            yield _row(f"{path.name}:{number}", line)


def _row(place: str, line: Mapping[str, str]) -> Row:
    also = {word for kind in kinds(gate()) for word in words_also(kind)}
    cases, whens = {case for case, _ in STANDINGS}, {when for _, when in STANDINGS}
    assert line["expect"] in EXPECTS, place
    return Row(
        place=place, told=line, people=frozenset(_people(place, line["who"])),
        units=_words(place, line["unit"], UNITS), cases=_words(place, line["case"], cases | {NONE}),
        whens=_words(place, line["when"], whens), purposes=_purposes(place, line["purpose"]),
        also=_words(place, line["also"], also), actions=_words(place, line["action"], gate().actions, _groups()),
        is_allowed=line["expect"] == "allow", policies=tuple(_listed(line["decided_by"])),
    )  # fmt: skip


def _people(place: str, cell: str) -> Iterator[tuple[Role, Role | None]]:
    named, _, held = cell.partition("+")
    assert not held or held in ROLES, f"{place}: {held}"
    for role in _words(place, named, ROLES):
        yield cast("Role", role), held or None


def _purposes(place: str, cell: str) -> frozenset[str]:
    return _words(place, cell, PURPOSES, {"handling": HANDLING})


def _groups() -> Mapping[str, Collection[str]]:
    return gate().words.groups


def _words(
    place: str, cell: str, known: Iterable[str], groups: Mapping[str, Collection[str]] | None = None
) -> frozenset[str]:
    """The words of a cell: some, all, or all but some; the name of a group stands for those in it."""
    every, groups = frozenset(known), groups or {}
    if cell == ANY:
        return every
    named: set[str] = set()
    for word in _listed(cell.removeprefix(BUT)):
        assert word in every or word in groups, f"{place}: {word} is no word of its column"
        named |= set(groups.get(word, (word,)))
    assert named, f"{place}: an empty cell"
    return every - named if cell.startswith(BUT) else frozenset(named)


def _listed(cell: str) -> list[str]:
    return [word.strip() for word in cell.split(";") if word.strip()]


# ── what is asked ──


def judged(gate: Gate, asked: Iterable[Question]) -> dict[Question, Verdict]:
    """What a gate says to all of this: situations that come to the same are judged once, in one batch each."""
    batches: dict[str, tuple[Situation, str, dict[str, list[Question]]]] = {}
    for question in asked:
        one, kind, action = question
        alike = _alike(one, kind)
        batches.setdefault(alike, (one, kind, {}))[2].setdefault(action, []).append(question)
    found: dict[Question, Verdict] = {}
    for one, kind, actions in batches.values():
        for action, verdict in gate.judged(
            one.who(), tuple(actions), one.about(kind, gate.classes), one.given()
        ).items():
            found.update(dict.fromkeys(actions[action], verdict))
    return found


@cache
def _alike(one: Situation, kind: str) -> str:
    return repr((one.who(), one.about(kind, gate().classes), one.given()))


_WORKING: tuple[Role, ...] = ("caseworker", "unit_supervisor", "service", "custodian")
_BESIDES: tuple[Role, ...] = ("administrator", "auditor", "service")
_REQUESTS = ("request_", "approve_", "reveal_", "erase_", "release_", "review_", "put_", "break_")
_TELLING_PURPOSES = ("case_handling", "custody", "audit")
_TELLING = (NONE, "glass", "asked_two_approved")


def questions(role: Role, *, every: bool = False) -> Iterator[Question]:
    """What is asked of one role: every situation, or those near the plain one, that of a unit responsible now.

    Of roles that do nothing in a case, and of whoever holds a second role, fewer are asked.
    """
    for kind, actions in kinds(gate()).items():
        for one, action in product(_every(role, kind) if every else _few(role, kind), actions):
            if every or _is_telling(one, kind, action):
                yield one, kind, action


def _few(role: Role, kind: str) -> Iterator[Situation]:
    if role not in _WORKING:
        yield from _nearest(Situation(role), kind)
        return
    yield from _near(role, kind)
    for held, also in product(_BESIDES, words_also(kind)):
        one = Situation(role, held=held, also=also)
        if held != role and _is_possible(one):
            yield one


def _every(role: Role, kind: str) -> Iterator[Situation]:
    for (case, when), unit, purpose in product(_standings(kind), UNITS, _TELLING_PURPOSES):
        for also in words_also(kind):
            one = Situation(role, unit, case, when, purpose, also)
            if _is_possible(one):
                yield one


def _near(role: Role, kind: str) -> Iterator[Situation]:
    """Situations that differ from the plain one in what else counts, and in one thing more; and police in no part."""
    plain, stranger = Situation(role), Situation(role, "police", "none", NONE)
    found = [one for also in words_also(kind) for one in _nearest(replace(plain, also=also), kind)]
    if kind not in WITHOUT_CASE:
        found += [replace(stranger, also=also) for also in words_also(kind)]
    if kind == "Case":
        found += [replace(stranger, case=case, when=when, also="needed_glass") for case, when in STANDINGS]
    for one in dict.fromkeys(found):
        if _is_possible(one) and (one.also == NONE or _is_alike(one, plain)):
            yield one


def _is_possible(one: Situation) -> bool:
    """Only a unit that is offered a step may be said to need something too early."""
    return one.also != "needed_early" or one.case == "receiving"


def _is_alike(one: Situation, plain: Situation) -> bool:
    """Where something else counts, other purposes are left out, and units of other places but for custodians."""
    return one.purpose == plain.purpose and (one.unit in ("here", "police") or one.role == "custodian")


def _nearest(plain: Situation, kind: str) -> Iterator[Situation]:
    """Situations that differ in one thing from this one, and itself."""
    for case, when in _standings(kind):
        yield replace(plain, case=case, when=when)
    for unit in UNITS:
        if unit != plain.unit:
            yield replace(plain, unit=unit)
    for purpose in sorted(PURPOSES):
        if purpose != plain.purpose:
            yield replace(plain, purpose=purpose)
    if plain.also == NONE:
        yield from filter(_is_possible, (replace(plain, also=also) for also in words_also(kind)[1:]))


def _standings(kind: str) -> tuple[tuple[str, str], ...]:
    """As what her unit may stand to something; to what is no part of a case it stands as nothing."""
    return STANDINGS[:1] if kind in WITHOUT_CASE else STANDINGS


def _is_telling(one: Situation, kind: str, action: str) -> bool:
    """Approvals and overdue reviews matter to requests; where nobody asks for anything a few of them are enough."""
    if kind == "Case" and action.startswith(_REQUESTS):
        return one.also in GIVEN
    return one.also in _TELLING or one.also in OF_KIND.get(kind, ())
