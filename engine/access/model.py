"""The words of access: who asks, about what, and the verdict. Values only; the policies judge them.

The closed vocabularies here are held equal to ``policies/schema.cedarschema`` by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Role = Literal[
    "caseworker", "unit_supervisor", "joint_conference", "custodian", "auditor", "administrator",
    "definition_approver", "reporter", "reader", "service",
]  # fmt: skip
"""As what a person acts. One person may hold several, in several units."""
ROLES: tuple[Role, ...] = get_args(Role)

Part = Literal["responsible", "joint_lead", "cooperating", "referred", "receiving"]
"""As what a unit takes part in a step of a case; ``receiving``: the step is offered to it."""
PARTS: tuple[Part, ...] = get_args(Part)

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Who:
    """A person as she or he stands now, acting in one role of one unit.

    ``unit`` is the unit as it exists today, ``functions`` what it serves as, ``areas`` its area and every area below
    which it lies, nearest first. ``held`` are all roles the person holds now, in any unit: a ban on a role binds
    whoever holds it.
    """

    person: str
    unit: str
    functions: frozenset[str]
    areas: tuple[str, ...]
    role: Role
    held: frozenset[str]
    purpose: str = "case_handling"


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case as the policies see it: who takes part now, and which field classes their steps need; no content.

    Every set holds units as they exist today, and only participations that count now: those of open steps, and of
    steps that ended inside the window of ``policies/retention.yaml``. ``areas`` is the area of the case and every area
    above it, nearest first. ``ever`` are the units that were ever responsible. ``readers`` and ``writers`` map a field
    class to the units whose steps need to read, or to fill in, that class.
    """

    id: str
    areas: tuple[str, ...]
    scope: str
    status: str
    parts: Mapping[str, frozenset[str]]
    readers: Mapping[str, frozenset[str]]
    writers: Mapping[str, frozenset[str]]
    ever: frozenset[str] = NOBODY


NO_CASE = CaseFile("none", (), "victim", "open", {}, {}, {})
"""What is judged where there is no case: a refusal of one that is not hers is not to take longer than this one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies say: whether it is permitted, by which policies (of a refusal: which forbid it, or none).

    ``fault`` is set when the policies could not be evaluated; then nothing is permitted.
    """

    allowed: bool
    policies: tuple[str, ...] = ()
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else counts for a decision.

    ``has_glass``: the person broke the glass over this very case, and the hour has not passed. ``is_overdue``: a review
    of hers is overdue. ``approvers``: persons who approved this exact request. ``asked_by``: who asked for it.
    """

    has_glass: bool = False
    is_overdue: bool = False
    asked_by: str = ""
    approvers: frozenset[str] = field(default=NOBODY)
