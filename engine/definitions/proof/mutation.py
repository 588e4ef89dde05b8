"""Changing a definition on purpose: one element removed or replaced, by its path."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from engine.core.definition import Definition
from engine.definitions.proof.invariants import Mutant


class MutantImpossible(Exception):
    """The path leads nowhere, or what comes out is no definition."""


def apply(definition: Definition, mutant: Mutant) -> Definition:
    """The definition with one thing changed (and what else the mutant names).

    Paths are dotted; a dot inside a name is written ``/``. Raises :class:`MutantImpossible`.
    """
    body: dict[str, Any] = definition.model_dump(mode="json", by_alias=True)
    for change in (mutant, *mutant.also):
        _change(body, change)
    try:
        return Definition.model_validate(body)
    except ValidationError as error:
        raise MutantImpossible(f"{mutant.remove or mutant.replace}: {error.errors()[0]['msg']}") from error


def _change(body: dict[str, Any], mutant: Mutant) -> None:
    path = mutant.remove or mutant.replace
    if path is None:
        raise MutantImpossible("neither remove nor replace")
    *way, last = [part.replace("/", ".") for part in path.split(".")]
    here: Any = body
    for part in way:
        here = _step(here, part, path)
    if mutant.remove is not None:
        _remove(here, last, path)
        return
    _step(here, last, path)
    here[int(last) if isinstance(here, list) else last] = mutant.by


def _step(here: Any, part: str, path: str) -> Any:
    try:
        return here[int(part)] if isinstance(here, list) else here[part]
    except (KeyError, IndexError, ValueError, TypeError):
        raise MutantImpossible(f"{path}: no {part}") from None


def _remove(here: Any, last: str, path: str) -> None:
    _step(here, last, path)
    if isinstance(here, list):
        del here[int(last)]
    elif isinstance(here[last], list):
        here[last] = []
    else:
        del here[last]
