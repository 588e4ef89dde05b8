"""The table of safeguards: who may do what, what is forbidden and what no way passes by, entered a second time.

``<jurisdiction>/safeguards/<version>.yaml`` is written apart from the definition, for a lawyer to read on its own, and
is held against it (``double_entry.py``). It guards against slips and silent changes; it proves nothing about the law.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from engine.core.definition import DottedName, Name, Provenance, Scope
from engine.definitions.finding import Findings, Where
from engine.definitions.reading import Tree, read
from engine.definitions.shape import report
from engine.definitions.wording import check_wording

FOLDER = "safeguards"
Key = tuple[str, ...]
"""What an entry is about: the section, then what it names, e.g. ``("states", "search.result")``."""
Names = list[Name]
Paths = dict[DottedName, list[DottedName]]
"""Paths of a definition, told by what they have in common: ``tracks.rescue: [moves.find]``."""
StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
Figure = Annotated[str, StringConstraints(pattern=r"^([0-9]+|[a-z][a-z0-9_]*)$")]
"""A figure as it is written, or the setting that says it."""
VersionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*@[0-9][0-9.]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Stating(_Strict):
    """Only a unit of these functions may state these facts."""

    by: Names
    facts: list[DottedName]


class Declines(_Strict):
    """What the victim may decline. Nothing else may be declined."""

    tracks: Names
    duties: Names


class Asking(_Strict):
    """A unit of these functions (``any``: of any) may ask for these tracks."""

    by: Names | Literal["any"]
    tracks: Names


class Requests(_Strict):
    """How tracks open: on whose request, which of them by themselves, and which again after they ended."""

    asked: list[Asking]
    by_itself: Names
    again: Names


class Closes(_Strict):
    """Who may close a record on this ground, and whether its duties must be settled."""

    by: Names
    needs_duties: bool


class Setting(_Strict):
    """The default of a local setting, and the requirements that bind only while it is on."""

    default: bool | int | str
    switches: Paths = {}


class Held(_Strict):
    """Steps, written ``track.step``, and duties."""

    steps: list[StepName] = []
    duties: Names = []


class Acting(_Strict):
    """The requirements that let only a unit of these functions act."""

    by: Names
    at: Paths


class Ban(_Strict):
    """A prohibition and the requirements that enforce it; none where something else holds it, or nothing yet."""

    held: Literal["requirements", "engine", "elsewhere", "open"]
    by: Paths = {}


class Way(_Strict):
    """The ways to an end: the steps that none of them passes by, and the moves that lead into it, from which steps."""

    past: Names = Field(min_length=1)
    by: dict[Name, Names] = Field(min_length=1)


class Safeguards(_Strict):
    """The whole table of one version of a definition, named ``id@version``."""

    definition: VersionName
    states: list[Stating]
    changes: list[DottedName]
    declines: Declines
    requests: Requests
    opens_records: dict[Scope, Names]
    closes: dict[Name, Closes]
    settings: dict[Name, Setting]
    answers: dict[Name, Held]
    acts: list[Acting]
    deadlines: dict[Name, Held]
    figures: dict[Figure, Paths]
    bans: dict[Name, Ban]
    ways: dict[Name, dict[Name, Way]]
    labels: dict[Provenance, Paths]


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of a table or of a definition, as text that can be compared, and where it stands."""

    says: str
    where: Where


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was read: its entries, those it has twice, and the lines they stand on."""

    safeguards: Safeguards
    path: Path
    tree: Tree
    entries: dict[Key, Entry] = field(default_factory=dict)
    twice: dict[Where, Key] = field(default_factory=dict)


def listed(names: Iterable[str]) -> str:
    """Names of which the order does not matter, as one text."""
    return ", ".join(sorted(names)) or "-"


def table_of(definition: Path) -> Path:
    """Where the table of a definition's file lies."""
    return definition.parent / FOLDER / definition.name


def table_files(root: Path) -> list[Path]:
    """Every table below a root."""
    return sorted(root.glob(f"*/{FOLDER}/*.yaml"))


def read_table(path: Path, findings: Findings) -> Table | None:
    """Read one table; ``None`` when it cannot be used, and ``findings`` says why."""
    tree = read(path, findings)
    if tree is None:
        return None
    check_wording(tree, findings)
    try:
        safeguards = Safeguards.model_validate(tree.plain())
    except ValidationError as error:
        report(error, tree, Safeguards, findings)
        return None
    table = Table(safeguards, path, tree)
    for key, says, where in _entries(safeguards):
        if key in table.entries:
            table.twice[where] = key
        else:
            table.entries[key] = Entry(says, where)
    return table


Said = Iterator[tuple[Key, str, Where]]


def _entries(table: Safeguards) -> Said:
    """Every statement of a table: what it is about, what it says, and where it stands."""
    yield from _powers(table)
    yield from _openings(table)
    yield from _rules(table)
    for track, ends in table.ways.items():
        for end, way in ends.items():
            here: Where = ("ways", track, end)
            yield ("past", track, end), listed(way.past), (*here, "past")
            for move, sources in way.by.items():
                yield ("into", track, end, move), listed(sources), (*here, "by", move)
    for provenance, paths in table.labels.items():
        for key, _, where in _paths("labels", "", paths, ("labels", provenance)):
            yield ("labels", key[-1]), provenance, where


def _powers(table: Safeguards) -> Said:
    for index, stating in enumerate(table.states):
        for place, fact in enumerate(stating.facts):
            yield ("states", fact), listed(stating.by), ("states", index, "facts", place)
    for place, fact in enumerate(table.changes):
        yield ("changes", fact), "yes", ("changes", place)
    for kind, names in (("tracks", table.declines.tracks), ("duties", table.declines.duties)):
        for place, name in enumerate(names):
            yield ("declines", kind, name), "yes", ("declines", kind, place)
    for scope, openers in table.opens_records.items():
        yield ("opens_records", scope), listed(openers), ("opens_records", scope)
    for name, closing in table.closes.items():
        yield ("closes", name), listed(closing.by), ("closes", name, "by")
        yield ("needs_duties", name), str(closing.needs_duties), ("closes", name, "needs_duties")


def _openings(table: Safeguards) -> Said:
    for index, asking in enumerate(table.requests.asked):
        says = "any" if asking.by == "any" else listed(asking.by)
        for place, track in enumerate(asking.tracks):
            yield ("asked", track), says, ("requests", "asked", index, "tracks", place)
    for what, names in (("by_itself", table.requests.by_itself), ("again", table.requests.again)):
        for place, track in enumerate(names):
            yield (what, track), "yes", ("requests", what, place)


def _rules(table: Safeguards) -> Said:
    for name, setting in table.settings.items():
        yield ("settings", name), str(setting.default), ("settings", name)
        yield from _paths("switches", name, setting.switches, ("settings", name, "switches"))
    for what, section in (("answers", table.answers), ("deadlines", table.deadlines)):
        for name, held in section.items():
            yield from _held(what, name, held)
    for index, acting in enumerate(table.acts):
        for key, _, where in _paths("acts", "", acting.at, ("acts", index, "at")):
            yield ("acts", key[-1]), listed(acting.by), where
    for figure, paths in table.figures.items():
        yield from _paths("figures", figure, paths, ("figures", figure))
    for name, ban in table.bans.items():
        yield ("bans", name), ban.held, ("bans", name)
        yield from _paths("held_by", name, ban.by, ("bans", name, "by"))


def _paths(what: str, name: str, paths: Paths, where: Where) -> Said:
    for before, rest in paths.items():
        for place, after in enumerate(rest):
            yield (what, name, f"{before}.{after}"), "yes", (*where, before, place)


def _held(what: str, name: str, held: Held) -> Said:
    for place, step in enumerate(held.steps):
        yield (what, "steps", *step.split(".")), name, (what, name, "steps", place)
    for place, duty in enumerate(held.duties):
        yield (what, "duties", duty), name, (what, name, "duties", place)
