"""``/api/v1/definitions`` and ``/api/v1/approvers``: rule books, their release here, and local settings."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.definitions import (
    DefinitionList,
    DefinitionShown,
    ParameterShown,
    ParametersShown,
    definition_shown,
    line_of,
)
from api.http.shapes.plain import LONGEST_CODE
from api.http.shapes.releases import (
    ApproverAsked,
    ApproverShown,
    ApproversShown,
    CoverageShown,
    ReleaseShown,
    SettingAsked,
    approver_shown,
    coverage_shown,
    parameter_shown,
    parameters_shown,
    release_shown,
)
from api.http.shelf import TheShelf
from engine.service import installation, release, rule_books

router = APIRouter(tags=["definitions"])

Name = Annotated[
    str,
    Path(
        max_length=LONGEST_CODE, examples=["fujian@2021.1"],
        description="流程定义 ID 或 ID@版本；不写版本则取最新。 ID or ID@VERSION; without a version the newest.",
    ),
]  # fmt: skip
Parameter = Annotated[
    str, Path(max_length=LONGEST_CODE, description="参数名。 The parameter.", examples=["stay_before_registration"])
]
Fingerprint = Annotated[
    str,
    Path(
        min_length=release.LEAST_FINGERPRINT, max_length=64, examples=["9f2c9f2c"],
        description="公钥指纹，或其前八位以上。 A fingerprint, or its first 8 digits and more.",
    ),
]  # fmt: skip
_LOOKING, _ACTING = problems(401, 403, 404, 422), problems(401, 403, 404, 409, 422)


@router.get(
    "/definitions", operation_id="list_definitions", responses=problems(401, 403),
    summary="The definitions that are loaded",
    description="已装载的流程定义：版本、摘要、在本系统是否已发布、各要素来源。\n\n"
    "Version, hash, how it stands here, and how many of its elements are printed, read, set locally or "
    "lost.",
)  # fmt: skip
def list_definitions(desk: TheDesk, shelf: TheShelf, caller: Caller) -> DefinitionList:
    """The definitions that are loaded."""
    return DefinitionList(items=[line_of(book) for book in rule_books.every(desk, shelf.library, caller)])


@router.get(
    "/definitions/{name}", operation_id="show_definition", responses=_LOOKING, summary="A definition, whole",
    description="流程全文：办理线、环节、单位（按原文所印）、条件、依据条款、期限和来源。\n\n"
    "Lanes, steps, units as printed, conditions with their reasons, clauses, periods and provenance, in "
    "both languages.",
)  # fmt: skip
def show_definition(desk: TheDesk, shelf: TheShelf, caller: Caller, name: Name) -> DefinitionShown:
    """A definition, whole."""
    return definition_shown(rule_books.one(desk, shelf.library, name, caller))


@router.get(
    "/definitions/{name}/coverage", operation_id="show_coverage", responses=_LOOKING,
    summary="A definition held against its clauses",
    description="逐条对照：每一条款由何要素落实，或为何未列入。\n\n"
    "Every clause of our inventory: the elements that encode it, or why there are none.",
)  # fmt: skip
def show_coverage(desk: TheDesk, shelf: TheShelf, caller: Caller, name: Name) -> CoverageShown:
    """A definition held against its clauses."""
    table = rule_books.coverage(desk, shelf.library, name, caller)
    return coverage_shown(table.as_json(), is_green=table.is_green)


@router.get(
    "/definitions/{name}/parameters", operation_id="list_parameters", responses=_LOOKING,
    summary="Local settings of what a document leaves open",
    description="原文未定之处的本地设置及现行值。\n\n"
    "Each with its default and the value in force here; none of them is a rule of the document.",
)  # fmt: skip
def list_parameters(desk: TheDesk, shelf: TheShelf, caller: Caller, name: Name) -> ParametersShown:
    """Local settings of what a document leaves open."""
    return parameters_shown(installation.parameters(desk, shelf.library, name, caller))


@router.put(
    "/definitions/{name}/parameters/{parameter}", operation_id="set_parameter", responses=_ACTING,
    summary="Set a local setting",
    description="设定本地设置：由部署单位决定，不是原文的规则。\n\n"
    "It is this installation's choice, never a rule of the document.",
)  # fmt: skip
def set_parameter(  # noqa: PLR0917 - what the door hands over, and the body
    desk: TheDesk, shelf: TheShelf, caller: Caller, name: Name, parameter: Parameter, body: SettingAsked
) -> ParameterShown:
    """Set a local setting."""
    line = installation.set_parameter(
        desk, shelf.library, name, parameter=parameter, raw=body.value, actor=caller
    )  # fmt: skip
    return parameter_shown(line)


@router.post(
    "/definitions/{name}/release", operation_id="release_definition", responses=_ACTING,
    summary="Release a definition that two offices approved",
    description="发布已由两个单位审定的流程：此后新案据以办理；须写明版本。先整体检查并证明，耗时较长。\n\n"
    "New cases open on it from now on. The version must be said. Everything is checked and proved first, "
    "which takes a while; an approval is signed away from here, with a private key that goes nowhere.",
)  # fmt: skip
def release_definition(desk: TheDesk, shelf: TheShelf, caller: Caller, name: Name) -> ReleaseShown:
    """Release a definition that two offices approved."""
    return release_shown(release.release(desk, shelf.library, shelf.root, name, caller))


@router.get(
    "/approvers", operation_id="list_approvers", responses=problems(401, 403), summary="Keys of approvers",
    description="所有登记过的审定人公钥，已撤销的也在内。\n\n"
    "Every key ever registered, revoked ones too.",
)  # fmt: skip
def list_approvers(desk: TheDesk, caller: Caller) -> ApproversShown:
    """Keys of approvers."""
    return ApproversShown(items=[approver_shown(release.approver_line(row)) for row in release.approvers(desk, caller)])


@router.post(
    "/approvers", operation_id="add_approver", status_code=201, responses=_ACTING,
    summary="Register the key of an approver",
    description="登记代表某单位某人签署的公钥。\n\n"
    "A public key that signs for a person of an office.",
)  # fmt: skip
def add_approver(desk: TheDesk, caller: Caller, body: ApproverAsked) -> ApproverShown:
    """Register the key of an approver."""
    row = release.add_approver(
        desk, office=body.office, person=body.person, public_key=body.public_key, actor=caller
    )  # fmt: skip
    return approver_shown(release.approver_line(row))


@router.post(
    "/approvers/{fingerprint}/revoke", operation_id="revoke_approver", responses=_ACTING,
    summary="Let a key sign for nobody any more",
    description="撤销审定人公钥，不可恢复；此前已发布的仍有效。\n\n"
    "For good; what was released before stays released.",
)  # fmt: skip
def revoke_approver(desk: TheDesk, caller: Caller, fingerprint: Fingerprint) -> ApproverShown:
    """Let a key sign for nobody any more."""
    return approver_shown(release.approver_line(release.revoke_approver(desk, fingerprint, caller)))
