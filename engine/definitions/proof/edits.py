"""A definition with one thing changed: the pieces that the operators of ``mutants.py`` are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from engine.core.conditions import Condition
from engine.core.definition import Definition, Sourced
from engine.definitions.finding import Where
from engine.definitions.uses import requirements

DROPPED: Any = object()
"""As a value: the entry is taken out; a field of a model goes back to what it is when not written."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A definition that differs from the one it was made of in one thing.

    ``path`` is what was changed and ``told`` how. ``root`` is the outermost condition that was changed, if it was one.
    """

    operator: str
    path: Where
    definition: Definition
    told: str = ""
    root: Where | None = None

    @property
    def name(self) -> str:
        """The operator and the path, as people and programs name it."""
        shown = ".".join(str(part) for part in self.path)
        return f"{self.operator} {shown}" + (f" ({self.told})" if self.told else "")


def at(node: Any, path: Where) -> Any:
    """What stands at a path."""
    for part in path:
        node = getattr(node, _field(node, part)) if isinstance(node, BaseModel) else node[part]
    return node


def changed(node: Any, path: Where, value: Any) -> Any:
    """The same with another value at a path; everything beside it is shared."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(node, BaseModel):
        name = _field(node, head)
        if value is DROPPED and not rest:
            return node.model_copy(update={name: type(node).model_fields[name].get_default(call_default_factory=True)})
        return node.model_copy(update={name: changed(getattr(node, name), rest, value)})
    if isinstance(node, Mapping):
        return {
            key: changed(below, rest, value) if key == head else below
            for key, below in node.items()
            if key != head or rest or value is not DROPPED
        } | ({} if head in node else {head: value})
    items = list(node)
    items[int(head) : int(head) + 1] = [] if value is DROPPED and not rest else [changed(items[int(head)], rest, value)]
    return tuple(items)


def _field(node: BaseModel, part: str | int) -> str:
    """The field of a model; ``all``, ``any``, ``in``, ``is`` and ``not`` have an underscore behind them."""
    name = str(part)
    return name if name in type(node).model_fields else f"{name}_"


def mutation(operator: str, definition: Definition, path: Where, value: Any, told: str = "") -> Mutation:
    """One thing set, or taken out (:data:`DROPPED`)."""
    return Mutation(operator, path, changed(definition, path, value), told)


def roots(definition: Definition) -> Iterator[tuple[Where, Condition]]:
    """Every outermost condition."""
    for name, track in definition.tracks.items():
        if track.opens.when is not None:
            yield ("tracks", name, "opens", "when"), track.opens.when
    for path, _, requirement in requirements(definition):
        yield (*path, "when"), requirement.when
    for name, duty in definition.duties.items():
        for key, condition in (("arises", duty.arises), ("settled_by", duty.settled_by)):
            if condition is not None:
                yield ("duties", name, key), condition


def inner(path: Where, condition: Condition) -> Iterator[tuple[Where, Condition]]:
    """A condition and everything inside it, each with its path."""
    yield path, condition
    key = next((key for key in ("all", "any", "not") if f"{key}_" in type(condition).model_fields), "")
    for index, child in enumerate(condition.children()):
        yield from inner((*path, key) if key == "not" else (*path, key, index), child)


def placed(definition: Definition) -> Iterator[tuple[Where, Where, Condition]]:
    """Every condition, also those inside others: its outermost one's path, its own, and the condition."""
    for root, condition in roots(definition):
        for path, part in inner(root, condition):
            yield root, path, part


def sourced(definition: Definition) -> Iterator[tuple[Where, Sourced]]:
    """Everything that has a basis and a provenance."""
    for name, track in definition.tracks.items():
        yield ("tracks", name), track
        yield from ((("tracks", name, "steps", key), step) for key, step in track.steps.items())
        yield from ((("tracks", name, "moves", key), move) for key, move in track.moves.items())
    yield from ((("duties", name), duty) for name, duty in definition.duties.items())
    yield from ((("prohibitions", name), ban) for name, ban in definition.prohibitions.items())
    yield from ((("closings", name), closing) for name, closing in definition.closings.items())
    yield from ((path, requirement) for path, _, requirement in requirements(definition))


def another(names: Any, *but: object) -> str | None:
    """The first of ``names`` after ``but[0]``, and round again, that is none of ``but``; ``None`` if there is none."""
    known = list(names)
    begin = known.index(but[0]) + 1 if but and but[0] in known else 0
    return next((name for name in (*known[begin:], *known[:begin]) if name not in but), None)
