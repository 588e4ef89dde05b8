"""How long records and backups are kept, what may end a record, how long it is seen after a step: local settings."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.core.definition import Label, Name
from engine.definitions.finding import Findings
from engine.definitions.loader import shipped_root
from engine.definitions.reading import read
from engine.definitions.shape import report
from engine.errors import DefinitionBroken

Days = Annotated[int, Field(ge=0, le=36_525)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Ground(_Strict):
    """Why a case may be erased; some grounds wait until retention is over."""

    title: Label
    asks_for_retention: bool


class Retention(_Strict):
    """``policies/retention.yaml``: no document prints these figures, so the file may only call them local settings."""

    provenance: Literal["deployer"]
    access_days_after_step: Days
    closed_days: Days
    backup_days: Days
    grounds: dict[Name, Ground]
    holds: dict[Name, Label]

    def ended_after(self, now: datetime) -> datetime:
        """The beginning of the window: a participation that ended later still counts now."""
        return now - timedelta(days=self.access_days_after_step)


def retention(path: Path | None = None) -> Retention:
    """Read the rules. Raises :class:`DefinitionBroken` with every finding for a faulty file."""
    findings = Findings()
    tree = read(path or shipped_root().parent / "policies" / "retention.yaml", findings)
    if tree is not None:
        try:
            return Retention.model_validate(tree.plain())
        except ValidationError as error:
            report(error, tree, Retention, findings)
    listed = findings.sorted()
    raise DefinitionBroken(
        f"保存规则有误：{listed[0].text('zh')}", f"The retention rules are faulty: {listed[0].text('en')}",
        findings=listed,
    )  # fmt: skip


@cache
def shipped() -> Retention:
    """The rules that ship with the program, read once. Raises what :func:`retention` raises."""
    return retention()
