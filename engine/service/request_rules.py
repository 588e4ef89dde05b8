"""What requests and emergencies go by: reasons, hours and minutes of ``policies/``. All of them are local settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.core.definition import Label, Name
from engine.definitions.finding import Findings
from engine.definitions.loader import shipped_root
from engine.definitions.reading import read
from engine.definitions.shape import report
from engine.errors import DefinitionBroken

MOST_MINUTES = 60
"""For longer the glass is broken nowhere."""
MOST_REVIEW_HOURS = 72

Reasons = Annotated[dict[Name, Label], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    provenance: Literal["deployer"]


class EmergencyRules(_Strict):
    """``policies/emergency.yaml``: why the glass may be broken, for how long, and when it must be reviewed."""

    minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)]
    review_hours: Annotated[int, Field(ge=1, le=MOST_REVIEW_HOURS)]
    reasons: Reasons


class RequestRules(_Strict):
    """``policies/requests.yaml``: until when a request stands, and for which reasons identities are shown."""

    valid_hours: Annotated[int, Field(ge=1, le=24 * 90)]
    shown_minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    reveal_reasons: Reasons


Rules = TypeVar("Rules", EmergencyRules, RequestRules)


def emergency_rules(path: Path | None = None) -> EmergencyRules:
    """Read the rules of emergencies. Raises :class:`DefinitionBroken` with every finding for a faulty file."""
    return _read(path or _shipped("emergency.yaml"), EmergencyRules)


def request_rules(path: Path | None = None) -> RequestRules:
    """Read the rules of requests. Raises :class:`DefinitionBroken` with every finding for a faulty file."""
    return _read(path or _shipped("requests.yaml"), RequestRules)


def _shipped(name: str) -> Path:
    return shipped_root().parent / "policies" / name


def _read(path: Path, form: type[Rules]) -> Rules:
    findings = Findings()
    tree = read(path, findings)
    if tree is not None:
        try:
            return form.model_validate(tree.plain())
        except ValidationError as error:
            report(error, tree, form, findings)
    listed = findings.sorted()
    raise DefinitionBroken(
        f"规则文件 {path.name} 有误：{listed[0].text('zh')}", f"{path.name} is faulty: {listed[0].text('en')}",
        findings=listed,
    )  # fmt: skip
