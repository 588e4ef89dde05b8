"""Reads ``invariants.yaml`` and holds it to the definitions: what it names must exist, else file and line say so."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from engine.definitions.finding import Findings, Place, Where, one_of
from engine.definitions.loader import Loaded
from engine.definitions.proof.cuts import looks_at
from engine.definitions.proof.invariants import Invariant, InvariantFile, Statement
from engine.definitions.reading import shown

FILE = "invariants.yaml"


def read_invariants(root: Path, definitions: Iterable[Loaded], findings: Findings) -> dict[str, Invariant]:
    """The invariants of a root, none if it has no file. What is wrong with them is added to ``findings``."""
    path = root / FILE
    if not path.exists():
        return {}
    lines = _Lines(path)
    try:
        raw = lines.read()
        found = InvariantFile.model_validate(raw).invariants
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or error)
        place = Place(shown(path), mark.line + 1 if mark else 1)
        findings.add(place, "broken_yaml", (), (f"YAML有误：{problem}。", f"Broken YAML: {problem}."), _LOOK)
        return {}
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = tuple(part for part in detail["loc"] if not str(part)[:1].isupper() or part in raw["invariants"])
            wrong = (f"内容有误：{detail['msg']}。", f"{detail['msg']}.")
            findings.add(lines.place(where), "wrong_invariant", where, wrong, _LOOK)
        return {}
    books = list(definitions)
    _check_jurisdictions(found, [book.definition.id for book in books], lines, findings)
    for reader in (_Reader(lines, findings, book) for book in books):
        for name, invariant in found.items():
            reader.check(name, invariant)
    return found


_LOOK = ("请按docs/proofs.md所列格式书写。", "Write it as docs/proofs.md says.")


class _Lines:
    """Where everything in the file stands; an alias stands where its anchor stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root: Any = None

    def read(self) -> Any:
        """The file as plain data."""
        text = self.path.read_text(encoding="utf-8")
        self.root = yaml.compose(text, Loader=yaml.SafeLoader)
        return yaml.safe_load(text) or {}

    def place(self, where: Where) -> Place:
        """The line of the longest part of a path that exists."""
        here, line = self.root, 0
        for part in where:
            below = _below(here, part)
            if below is None:
                break
            line, here = below
        return Place(shown(self.path), line + 1)


def _below(node: Any, part: str | int) -> tuple[int, Any] | None:
    """The line and the node under a key or index."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Holds the file to one definition."""

    lines: _Lines
    findings: Findings
    book: Loaded

    def check(self, name: str, invariant: Invariant) -> None:
        """Check one invariant where it binds here."""
        here: Where = ("invariants", name)
        definition = self.book.definition
        binding = invariant.binds.get(definition.id)
        if binding is None:
            return
        bound: Where = (*here, "binds", definition.id)
        if binding.local is not None and binding.local not in definition.parameters:
            self.unknown((*bound, "local"), binding.local, definition.parameters)
        if binding.silent or binding.lost or invariant.held is not None:
            return
        statements = binding.statement if binding.statement is not None else invariant.statement
        for index, statement in enumerate(statements):
            self.statement((*(here if binding.statement is None else bound), "statement", index), statement)

    def statement(self, where: Where, statement: Statement) -> None:
        """Every name of a statement exists."""
        for kind, word in _names(statement):
            known = _known(kind, self.book)
            if word not in known:
                self.unknown(where, word, known)

    def unknown(self, where: Where, word: str, known: Iterable[str]) -> None:
        """A name that is not there."""
        wrong = (f"{self.book.name}中没有“{word}”。", f"{self.book.name} has no `{word}`.")
        self.findings.add(self.lines.place(where), "unknown_in_invariant", where, wrong, one_of(word, known))


def _check_jurisdictions(found: dict[str, Invariant], known: list[str], lines: _Lines, findings: Findings) -> None:
    """A name that is nearly that of a definition is a slip; another may be a definition of another root."""
    for name, invariant in found.items():
        for bound in invariant.binds:
            if bound not in known and difflib.get_close_matches(bound, known, n=1, cutoff=0.75):
                where: Where = ("invariants", name, "binds", bound)
                wrong = (f"没有流程“{bound}”。", f"There is no definition `{bound}`.")
                findings.add(lines.place(where), "unknown_jurisdiction", where, wrong, one_of(bound, known))


def _known(kind: str, book: Loaded) -> set[str]:
    """The names of one kind that a definition has."""
    definition = book.definition
    match kind:
        case "step":
            return {f"{name}.{step}" for name, track in definition.tracks.items() for step in track.steps}
        case "move":
            return {f"{name}.{move}" for name, track in definition.tracks.items() for move in track.moves}
        case "lost":
            return {*definition.tracks, *definition.duties}
        case "function":
            return set(definition.units)
        case _:
            return set(getattr(definition, f"{kind}s"))


def _names(statement: Statement) -> Iterator[tuple[str, str]]:
    """Every name a statement uses, with its kind."""
    plain = statement.model_dump()
    track = plain.get("entering") or plain.get("opening")
    if track is not None:
        yield "track", track
    yield from (("step", f"{track}.{step}") for step in plain.get("steps", ()))
    yield from (("move", f"{track}.{move}") for move in plain.get("unless", ()))
    yield from (("lost", name) for name in plain.get("lost", ()))
    yield from (("fact", plain[key]) for key in ("guarded", "among", "stated") if plain.get(key))
    if "guarded" in plain:
        yield "prohibition", plain["by"]
    elif isinstance(plain.get("by"), tuple | list):
        yield from (("function", name) for name in plain["by"])
    condition: BaseModel | None = getattr(statement, "only_if", None)
    if condition is not None:
        yield from _looked_at(condition)


def _looked_at(condition: Any) -> Iterator[tuple[str, str]]:
    """The names in a condition."""
    for name in sorted(looks_at(condition)):
        kind, _, rest = name.partition(":")
        if kind == "at":
            yield "track", rest
        elif kind in ("reached", "person"):
            yield "track", rest.split(".")[0]
            yield "step", rest
        elif kind != "actor":
            yield kind, rest
