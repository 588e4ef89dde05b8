"""Invariants as data: ``workflows/invariants.yaml``, one entry a hard ban, precondition or rule of the record."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.core.conditions import Condition
from engine.core.definition import DottedName, Label, Name


class Strict(BaseModel):
    """Immutable, and no key that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Entering(Strict):
    """Whoever takes a track into one of these steps, by whatever move, meets the condition.

    It is judged when the move is judged (or its acceptance), before the move's own effects. Where one of the steps is
    the start of the track, its opening is covered too. ``unless`` names moves that the statement does not cover, each
    with a reason beside it in ``reading``.
    """

    entering: Name
    steps: tuple[Name, ...] = Field(min_length=1)
    only_if: Condition
    unless: tuple[Name, ...] = ()


class Opening(Strict):
    """A track opens only if the condition holds, by itself and on request; a reopened record is not covered."""

    opening: Name
    only_if: Condition


class Guarded(Strict):
    """A person fact that no command at all may set to somebody the named prohibition excludes.

    ``among`` names the list that must be compared with; without it any list will do.
    """

    guarded: DottedName
    by: Name
    among: DottedName | None = None


class StatedBy(Strict):
    """Only units of these functions may state the fact, and only their moves set it."""

    stated: DottedName
    by: tuple[Name, ...]


class UnitsAreLocal(Strict):
    """Every responsible unit is labelled a local setting, for the document prints none."""

    units: Literal["deployer"]


class NotSilently(Strict):
    """What stands on a lost page is told as lost: these tracks or duties say so."""

    lost: tuple[Name, ...] = Field(min_length=1)


Statement = Entering | Opening | Guarded | StatedBy | UnitsAreLocal | NotSilently


class Mutant(Strict):
    """A change that breaks the invariant, by path: what is removed, or replaced by what.

    ``also`` changes something else at the same time, where two elements hold the same thing.
    """

    remove: str | None = None
    replace: str | None = None
    by: object = None
    also: tuple[Mutant, ...] = ()


class Binding(Strict):
    """How an invariant stands in one jurisdiction.

    ``clauses`` bind it; ``silent`` says that the text is whole and does not say it (``local`` names the local setting
    that switches it on, if there is one); ``lost`` that the page is missing. A binding may have its own statement.
    """

    clauses: tuple[str, ...] = ()
    silent: bool = False
    lost: bool = False
    local: Name | None = None
    statement: tuple[Statement, ...] | None = None
    mutants: tuple[Mutant, ...] | None = None
    reading: Label | None = None


class Held(Strict):
    """What holds an invariant that is no property of configurations; ``open`` until it is built."""

    how: Literal["elsewhere", "engine", "open"]
    by: Label


class Invariant(Strict):
    """A hard ban (HB), a precondition (PC) or a rule of the record (R)."""

    title: Label
    printed: Label
    reading: Label | None = None
    held: Held | None = None
    statement: tuple[Statement, ...] = ()
    mutants: tuple[Mutant, ...] = ()
    binds: dict[Name, Binding]


class InvariantFile(Strict):
    """The whole file."""

    invariants: dict[str, Invariant]
