"""Coverage of clauses, keys of approvers, releases and local settings, as documents."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt, StrictStr

from api.http.shapes.definitions import ParameterShown, ParametersShown
from api.http.shapes.plain import LARGEST_NUMBER, LONGEST_CODE, Asked, Code, Label, Shown, label, plain
from engine.service import release
from engine.service.installation import ParameterLine
from engine.service.released import Release

_SINCE, _HASH = "2026-11-22T01:00:00Z", "0c3e" * 16


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


# ── what is asked for ──


class ApproverAsked(Asked):
    """A public key that signs for a person of an office."""

    model_config = _example(
        person="officer-5", office="fujian-police", public_key="ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    )

    person: Code
    office: Code
    public_key: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="guitu definitions keygen 打印的公钥。 As guitu definitions keygen prints it."
    )


class SettingAsked(Asked):
    """The value of a local setting here."""

    model_config = _example(value=30)

    value: (
        StrictBool
        | Annotated[StrictInt, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
        | Annotated[StrictStr, Field(max_length=LONGEST_CODE)]
    )


# ── what is told ──


class ListedShown(Shown):
    """Why a clause is not encoded."""

    why: str
    reason: Label


class ClauseShown(Shown):
    """A clause, and the elements that encode it, or why there are none."""

    id: str
    clause: str
    ring: str
    force: str
    topic: str
    summary: Label
    answer: Literal["encoded", "listed", "gap"]
    elements: list[str]
    listed: ListedShown | None


class CoverageShown(Shown):
    """A definition held against our inventory of the clauses of its document, by ring."""

    model_config = _example(definition="fujian@2021.1", hash=_HASH, is_green=True, counts={"core": 80}, rows=[])

    definition: str
    hash: str
    is_green: bool = Field(description="条款是否均有着落。 Whether every clause is answered as its ring asks.")
    counts: dict[str, int]
    rows: list[ClauseShown]


class ApproverShown(Shown):
    """A key that signs for a person of an office, and until when it did."""

    model_config = _example(
        person="officer-5", office="fujian-police", fingerprint="9f2c" * 16, since=_SINCE, revoked_at=None,
        public_key="ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", added_by="officer-30@fujian-police",
        revoked_by=None,
    )  # fmt: skip

    person: str
    office: str
    public_key: str
    fingerprint: str
    since: datetime
    added_by: str
    revoked_at: datetime | None
    revoked_by: str | None


class ApproversShown(Shown):
    """Every key ever registered, the oldest first."""

    model_config = _example(items=[])

    items: list[ApproverShown]


class ApprovalShown(Shown):
    """An approval, the signature in base64: with the public key, all that a verifier needs."""

    definition: str
    hash: str
    office: str
    person: str
    fingerprint: str
    signature: str
    at: datetime


class ReleaseShown(Shown):
    """A definition that is released here, and the two approvals it rests on."""

    model_config = _example(definition="fujian@2021.1", hash=_HASH, released_at=_SINCE, approvals=[])

    definition: str
    hash: str
    released_at: datetime
    approvals: list[ApprovalShown]


# ── the engine's words as documents ──


def coverage_shown(table: dict[str, Any], *, is_green: bool) -> CoverageShown:
    """A table of coverage, as :meth:`Coverage.as_json` writes it."""
    told = {name: table[name] for name in ("definition", "hash", "counts", "rows")}
    return CoverageShown.model_validate({**told, "is_green": is_green})


def approver_shown(line: dict[str, object]) -> ApproverShown:
    """A key of an approver, as :func:`engine.service.release.approver_line` tells it."""
    return ApproverShown.model_validate(line)


def release_shown(made: Release) -> ReleaseShown:
    """A release."""
    approvals = [ApprovalShown.model_validate(release.approval_line(one)) for one in made.approvals]
    return ReleaseShown(definition=made.name, hash=made.hash, released_at=made.at, approvals=approvals)


def parameter_shown(line: ParameterLine) -> ParameterShown:
    """A local setting."""
    values = plain({"default": line.default, "value": line.value})
    return ParameterShown(
        code=line.name, title=label(line.title), type=line.type, default=values["default"], value=values["value"],
        is_set=line.is_set,
    )  # fmt: skip


def parameters_shown(lines: Iterable[ParameterLine]) -> ParametersShown:
    """The local settings of a definition."""
    return ParametersShown(items=[parameter_shown(line) for line in lines])
