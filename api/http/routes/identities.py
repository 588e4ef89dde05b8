"""``/api/v1/cases/{case}/identities`` and ``/api/v1/identity-searches``: sealing who a person is, and duplicates.

What is looked for stands in a body and never in an address: addresses end up in logs.
"""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.http.door import Caller, On, TheDesk, etag
from api.http.problems import problems
from api.http.routes.commanded import REFUSALS, CaseCode, answers, telling_how_it_stands
from api.http.shapes.answers import RecordedShown, recorded_shown
from api.http.shapes.identity import IdentitySearch, MatchesShown, RecordIdentityCommand, matches_shown
from engine.core.commands import RecordIdentity
from engine.service import identities

router = APIRouter(tags=["identities"])


@router.post(
    "/cases/{case}/identities", operation_id="record_identity", summary="Seal an identity", status_code=201,
    description="封存一人的身份，得到在登记内容中代表其人的代号；填 person 为更正。\n\n"
    "Seals a person's identity, and gives the reference that stands for her or him in facts and forms; with `person` "
    "it amends one.",
    responses=answers(201, "ETag", refused=REFUSALS),
)  # fmt: skip
def record_identity(
    *, case: CaseCode, body: RecordIdentityCommand, desk: TheDesk, actor: Caller, on: On, response: Response
) -> RecordedShown:
    """Seal who a person is."""
    command = RecordIdentity(
        case=case, role=body.role, holds=(), person=body.person or "", expected_revision=on.expected_revision,
        idempotency_key=on.idempotency_key,
    )  # fmt: skip
    with telling_how_it_stands(desk, case, actor):
        made = identities.record(desk, command, body.identity.said(), actor)
    response.headers["ETag"] = etag(made.answer.revision)
    return recorded_shown(made)


@router.post(
    "/identity-searches", operation_id="search_identities", summary="Look for records of the same person",
    description="查找本地区可能属于同一人的个案：只给出代号和相似程度，不显示身份。\n\n"
    "Records in the area's jurisdiction that may be about this person: their codes, and how alike; never who.",
    responses=problems(401, 403, 415, 422),
)  # fmt: skip
def search_identities(body: IdentitySearch, desk: TheDesk, actor: Caller) -> MatchesShown:
    """Records that may be of the same person."""
    return matches_shown(identities.search(desk, body.area, body.identity.said(), actor))
