"""Who may act here, and the units of the directory, as documents."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, Strict

from api.http.shapes.pages import NEXT
from api.http.shapes.plain import Asked, Code, Named, Shown, label, named
from engine.service import people
from engine.service.enrolled import MemberPage
from engine.service.installation import UnitLine

Instant = Annotated[AwareDatetime, Strict(False)]
"""An instant with its offset, as JSON writes it."""
RoleName = Literal[
    "caseworker", "unit_supervisor", "joint_conference", "custodian", "auditor", "administrator",
    "definition_approver", "reporter", "reader", "service",
]  # fmt: skip
"""Held equal to the roles of the engine by a test."""
_SINCE, _PERSON = "2026-11-22T01:00:00Z", "officer-12"


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


# ── what is asked for ──


class PersonAsked(Asked):
    """Who is to be enrolled."""

    model_config = _example(person=_PERSON)

    person: Code = Field(description="人员代号，不得为姓名。 A code, never a name.")


class RoleAsked(Asked):
    """A role in a unit, for good or for a time."""

    model_config = _example(unit="gulou-police", role="caseworker", since=_SINCE, until=None)

    unit: Code
    role: RoleName
    since: Instant | None = Field(default=None, description="起；不填则即时。 From then on; now if not given.")
    until: Instant | None = Field(default=None, description="止；不填则不限。 Before then; no end if not given.")


class RoleEnded(Asked):
    """Which role in which unit ends."""

    model_config = _example(unit="gulou-police", role="caseworker")

    unit: Code
    role: RoleName


class DeputyAsked(Asked):
    """Who stands in, in which unit, and until when."""

    model_config = _example(deputy="officer-13", unit="gulou-police", since=None, until="2026-12-01T00:00:00Z")

    deputy: Code = Field(description="代理人。 Who stands in.")
    unit: Code
    until: Instant
    since: Instant | None = None


class MoveAsked(Asked):
    """The unit that is left, and the one of from now on."""

    model_config = _example(unit="gulou-police", to_unit="xiamen-police")

    unit: Code
    to_unit: Code


# ── what is told ──


class RoleShown(Shown):
    """A role of somebody in a unit, and how it stands now."""

    model_config = _example(
        person=_PERSON, unit="gulou-police", role="caseworker", since=_SINCE, until=None, deputy_for=None,
        added_by="officer-30@fujian-police", ended_by=None, state="now",
    )  # fmt: skip

    person: str
    unit: str
    role: str
    since: datetime
    until: datetime | None
    deputy_for: str | None = Field(description="代理何人。 For whom she stands in.")
    added_by: str
    ended_by: str | None
    state: Literal["now", "ahead", "over"]


class PersonShown(Shown):
    """Somebody enrolled, with every role now, before and later."""

    model_config = _example(
        person=_PERSON, since=_SINCE, added_by="officer-30@fujian-police", deactivated_at=None, deactivated_by=None,
        roles=[],
    )  # fmt: skip

    person: str
    since: datetime
    added_by: str
    deactivated_at: datetime | None
    deactivated_by: str | None
    roles: list[RoleShown]


class PeoplePage(Shown):
    """Those who are enrolled, by code."""

    model_config = _example(items=[], next=None)

    items: list[PersonShown]
    next: str | None = Field(description=NEXT)


class RolesShown(Shown):
    """Roles that were given, or that ended."""

    model_config = _example(items=[])

    items: list[RoleShown]


class UnitShown(Shown):
    """A unit of the directory."""

    model_config = _example(
        unit={"code": "gulou-police", "name": {"zh": "鼓楼区公安分局", "en": "Gulou police"}},
        area={"code": "350102", "name": {"zh": "鼓楼区", "en": "Gulou District"}}, functions=["police"],
        merged_into=None,
    )  # fmt: skip

    unit: Named
    area: Named
    functions: list[str] = Field(description="所承担的职能。 What it serves as.")
    merged_into: str | None = Field(description="已并入的单位。 The unit that carries its work now.")


class UnitPage(Shown):
    """Units of the directory, by code."""

    model_config = _example(items=[], next=None)

    items: list[UnitShown]
    next: str | None = Field(description=NEXT)


# ── the engine's words as documents ──


def person_shown(line: dict[str, object]) -> PersonShown:
    """Somebody enrolled, as :func:`engine.service.people.member_line` tells her."""
    return PersonShown.model_validate(line)


def roles_shown(lines: Iterable[dict[str, object]]) -> RolesShown:
    """Roles, as :func:`engine.service.people.role_line` tells them."""
    return RolesShown(items=[RoleShown.model_validate(line) for line in lines])


def people_page(page: MemberPage, now: datetime) -> PeoplePage:
    """A page of those who are enrolled, with their roles as they stand at this instant."""
    return PeoplePage(items=[person_shown(people.member_line(one, now)) for one in page.lines], next=page.next)


def unit_page(lines: Iterable[UnitLine], goes_on: str | None) -> UnitPage:
    """A page of units."""
    items = [
        UnitShown(
            unit=named(one.id, label(one.name)), area=named(one.area, label(one.area_name)),
            functions=list(one.functions), merged_into=one.merged_into,
        )
        for one in lines
    ]  # fmt: skip
    return UnitPage(items=items, next=goes_on)
