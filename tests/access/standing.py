"""Persons and cases as the policies see them, made up for tests."""

from __future__ import annotations

from dataclasses import replace

from engine.access.model import PARTS, CaseFile, Part, Role, Who

AREAS = ("350102", "350100", "350000")
"""A district, its city, its province."""
ELSEWHERE = ("210302", "210300", "210000")


def person(
    role: Role = "caseworker", unit: str = "unit-1", *, code: str = "officer-12", functions: tuple[str, ...] = (),
    areas: tuple[str, ...] = AREAS, also: tuple[Role, ...] = (), purpose: str = "case_handling",
) -> Who:  # fmt: skip
    """Somebody acting in one role of one unit; ``also`` are roles she holds besides."""
    return Who(code, unit, frozenset(functions), areas, role, frozenset((role, *also)), purpose)


def case(
    readers: dict[str, str] | None = None, *, writers: dict[str, str] | None = None, ever: str = "",
    areas: tuple[str, ...] = AREAS, **parts: str,
) -> CaseFile:  # fmt: skip
    """A case; units are named in words parted by spaces, such as ``responsible="unit-1 unit-2"``."""
    assert set(parts) <= set(PARTS), parts
    return CaseFile(
        "GT-1", areas, "victim", "open", _sets(parts), _sets(readers or {}), _sets(writers or {}),
        frozenset(ever.split()),
    )  # fmt: skip


def with_part(part: Part, unit: str = "unit-1") -> CaseFile:
    """A case in which one unit has one part, and nobody else has any."""
    return replace(case(), parts={part: frozenset((unit,))})


def _sets(named: dict[str, str]) -> dict[str, frozenset[str]]:
    return {name: frozenset(units.split()) for name, units in named.items()}
