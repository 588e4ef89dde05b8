"""``/api/v1/directory``: the units, their areas and what they serve as."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.pages import After
from api.http.shapes.people import UnitPage, unit_page
from api.http.shapes.plain import LONGEST_CODE
from engine.service import installation

router = APIRouter(prefix="/directory", tags=["directory"])

ServingArea = Annotated[
    str | None,
    Query(
        max_length=LONGEST_CODE, examples=["350102"],
        description="只看服务该地区的单位：本级及以上。 Only units that serve this area: its own, and above it.",
    ),
]  # fmt: skip


@router.get(
    "/units", operation_id="list_units", responses=problems(401, 403, 404, 422), summary="The units of the directory",
    description="单位目录：单位、地区、职能；已并入的单位注明并入何处。\n\n"
    "By code, in pages, merged ones too. The directory is replaced by a file, at the machine.",
)  # fmt: skip
def list_units(desk: TheDesk, caller: Caller, area: ServingArea = None, after: After = None) -> UnitPage:
    """The units of the directory."""
    return unit_page(*installation.unit_page(desk, area, caller, after=after))
