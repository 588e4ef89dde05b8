"""``/api/v1/people``: who may act here, in which roles of which units, and from when until when."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.pages import After
from api.http.shapes.people import (
    DeputyAsked,
    MoveAsked,
    PeoplePage,
    PersonAsked,
    PersonShown,
    RoleAsked,
    RoleEnded,
    RolesShown,
    people_page,
    person_shown,
    roles_shown,
)
from api.http.shapes.plain import LONGEST_CODE
from engine.service import people
from engine.service.enrolled import enrolled

router = APIRouter(prefix="/people", tags=["people"])

PersonCode = Annotated[
    str, Path(max_length=LONGEST_CODE, description="人员代号。 The code of a person.", examples=["officer-12"])
]
InUnit = Annotated[
    str | None,
    Query(
        max_length=LONGEST_CODE, description="只看在该单位的任职。 Only roles in this unit.", examples=["gulou-police"]
    ),
]
_ACTING = problems(401, 403, 404, 409, 422)


@router.post(
    "", operation_id="enrol_person", status_code=201, responses=_ACTING, summary="Enrol somebody",
    description="登记人员，或重新登记已停用的人员；角色另行授予。\n\n"
    "Or enrol again somebody who was deactivated; roles are given apart.",
)  # fmt: skip
def enrol_person(desk: TheDesk, caller: Caller, body: PersonAsked) -> PersonShown:
    """Enrol somebody."""
    return person_shown(people.member_line(people.add(desk, body.person, caller), desk.clock()))


@router.get(
    "", operation_id="list_people", responses=_ACTING, summary="Who is enrolled, with every role",
    description="在册人员及其现任、将任、曾任角色；单位主管只能看本单位。\n\n"
    "By code, in pages; a supervisor sees those of her own unit.",
)  # fmt: skip
def list_people(desk: TheDesk, caller: Caller, unit: InUnit = None, after: After = None) -> PeoplePage:
    """Who is enrolled, with every role."""
    return people_page(enrolled(desk, unit, caller, after=after), desk.clock())


@router.post(
    "/{person}/roles", operation_id="grant_role", status_code=201, responses=_ACTING, summary="Give a role in a unit",
    description="授予角色，可限期；不能授予本人。\n\n"
    "For good or for a time. Nobody gives one to herself.",
)  # fmt: skip
def grant_role(desk: TheDesk, caller: Caller, person: PersonCode, body: RoleAsked) -> PersonShown:
    """Give a role in a unit."""
    made = people.grant(desk, person, body.unit, body.role, caller, since=body.since, until=body.until)
    return person_shown(people.member_line(made, desk.clock()))


@router.post(
    "/{person}/roles/end", operation_id="end_role", responses=_ACTING, summary="End a role at once",
    description="即时终止角色，代理该角色者一并终止；最后一名管理员不能终止。\n\n"
    "And those of whoever stands in for it. The last administrator stays.",
)  # fmt: skip
def end_role(desk: TheDesk, caller: Caller, person: PersonCode, body: RoleEnded) -> RolesShown:
    """End a role at once."""
    ended = people.end(desk, person, body.unit, body.role, caller)
    now = desk.clock()
    return roles_shown(people.role_line(one, now) for one in ended)


@router.post(
    "/{person}/deputies", operation_id="name_deputy", status_code=201, responses=_ACTING, summary="Name a deputy",
    description="由他人在一段时间内代理其在某单位的角色；管理员、审计人不设代理。\n\n"
    "For a time, for what she holds in a unit. Administrators and auditors have no deputy.",
)  # fmt: skip
def name_deputy(desk: TheDesk, caller: Caller, person: PersonCode, body: DeputyAsked) -> RolesShown:
    """Name a deputy."""
    given = people.deputy(desk, person, body.deputy, body.unit, caller, until=body.until, since=body.since)
    now = desk.clock()
    return roles_shown(people.role_line(one, now) for one in given)


@router.post(
    "/{person}/move", operation_id="move_person", responses=_ACTING, summary="Move somebody to another unit",
    description="调动：在原单位的任职即时终止，工作在新单位继续；受信任的角色不随调动。\n\n"
    "Every role in the old unit ends at once; the work goes on in the new one, roles of trust do not.",
)  # fmt: skip
def move_person(desk: TheDesk, caller: Caller, person: PersonCode, body: MoveAsked) -> PersonShown:
    """Move somebody to another unit."""
    moved = people.move(desk, person, body.unit, body.to_unit, caller)
    return person_shown(people.member_line(moved, desk.clock()))


@router.post(
    "/{person}/deactivate", operation_id="deactivate_person", responses=_ACTING, summary="Let somebody act no more",
    description="停用人员，一切任职即时终止；答复为所终止的任职。\n\n"
    "Everything ends at once; the answer tells what ended. The last administrator stays.",
)  # fmt: skip
def deactivate_person(desk: TheDesk, caller: Caller, person: PersonCode) -> RolesShown:
    """Let somebody act no more."""
    ended = people.deactivate(desk, person, caller)
    now = desk.clock()
    return roles_shown(people.role_line(one, now) for one in ended)
