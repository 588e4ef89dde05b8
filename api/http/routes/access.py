"""``/api/v1/access``: why something is permitted to somebody, or not, and by which policies."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.explanation import ExplanationShown, explanation_shown
from api.http.shapes.plain import LONGEST_CODE
from engine.service.access_explained import Question, explain
from engine.service.actors import read_actor

router = APIRouter(prefix="/access", tags=["access"])


@router.get(
    "", operation_id="explain_access", summary="Explain why something is permitted, or not",
    description="说明某人现在可否办理某事、由哪些规则决定及其依据；询问他人的权限须经准许。\n\n"
    "Says whether somebody may do this now, which policies decide it, and the clauses they rest on. Everybody may ask "
    "about herself or himself; about others those whom the policies let.",
    responses=problems(401, 403, 404, 422),
)  # fmt: skip
def explain_access(
    *, desk: TheDesk, actor: Caller,
    action: Annotated[
        str, Query(max_length=LONGEST_CODE, description="动作。 Such as see_case, move.", examples=["see_case"])
    ],
    case: Annotated[
        str | None,
        Query(max_length=LONGEST_CODE, description="所涉个案。 The case it is about.", examples=["GT-7K3M-9QXD-04RB"]),
    ] = None,
    on: Annotated[
        str,
        Query(
            max_length=LONGEST_CODE, examples=["rescue"],
            description="所涉办理线、移交、职责或结案方式。 The track, hand-off, duty or outcome a command is about.",
        ),
    ] = "",
    about: Annotated[
        str | None,
        Query(
            max_length=200, description="何人（PERSON@UNIT[:ROLE]）；不填为本人。 Whose right; your own if not given.",
            examples=["officer-12@police-a"],
        ),
    ] = None,
) -> ExplanationShown:  # fmt: skip
    """What somebody would be told now, and why."""
    asked = Question(actor if about is None else read_actor(about), action, case, on)
    return explanation_shown(explain(desk, asked, actor))
