"""What signing in goes by: minutes, hours and counts of ``policies/sign_in.yaml``. All of them are local settings."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.definitions.finding import Findings
from engine.definitions.loader import shipped_root
from engine.definitions.reading import read
from engine.definitions.shape import report
from engine.errors import DefinitionBroken

MOST_DELAY_SECONDS = 300
"""No installation lets anybody wait longer: a victim's caseworker is slowed down, never locked out."""

Minutes = Annotated[int, Field(ge=1, le=24 * 60)]
Hours = Annotated[int, Field(ge=1, le=24 * 30)]
Count = Annotated[int, Field(ge=1, le=100_000)]


class SignInRules(BaseModel):
    """``policies/sign_in.yaml``: no document prints these figures, so the file may only call them local settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    provenance: Literal["deployer"]
    idle_minutes: Minutes
    absolute_hours: Annotated[int, Field(ge=1, le=24)]
    strong_minutes: Annotated[int, Field(ge=1, le=60)]
    half_minutes: Annotated[int, Field(ge=1, le=60)]
    half_tries: Annotated[int, Field(ge=1, le=20)]
    enrol_minutes: Annotated[int, Field(ge=1, le=60)]
    failures_free: Count
    source_failures_free: Count
    source_minutes: Minutes
    most_delay_seconds: Annotated[int, Field(ge=1, le=MOST_DELAY_SECONDS)]
    forget_minutes: Minutes
    usual_source_days: Annotated[int, Field(ge=1, le=365)]
    ticket_hours: Hours
    recovery_wait_hours: Hours
    recovery_valid_hours: Hours

    @property
    def idle(self) -> timedelta:
        """How long a sign-in lasts unused."""
        return timedelta(minutes=self.idle_minutes)

    @property
    def absolute(self) -> timedelta:
        """How long a sign-in lasts at most."""
        return timedelta(hours=self.absolute_hours)

    @property
    def strong(self) -> timedelta:
        """For how long a second factor that was shown counts."""
        return timedelta(minutes=self.strong_minutes)

    @property
    def half(self) -> timedelta:
        """How long the second factor may follow the password, or an answer its challenge."""
        return timedelta(minutes=self.half_minutes)

    @property
    def enrol(self) -> timedelta:
        """How long a second factor that was begun may be confirmed."""
        return timedelta(minutes=self.enrol_minutes)


def sign_in_rules(path: Path | None = None) -> SignInRules:
    """Read the rules. Raises :class:`DefinitionBroken` with every finding for a faulty file."""
    findings = Findings()
    tree = read(path or shipped_root().parent / "policies" / "sign_in.yaml", findings)
    if tree is not None:
        try:
            return SignInRules.model_validate(tree.plain())
        except ValidationError as error:
            report(error, tree, SignInRules, findings)
    listed = findings.sorted()
    raise DefinitionBroken(
        f"登录规则有误：{listed[0].text('zh')}", f"The rules of signing in are faulty: {listed[0].text('en')}",
        findings=listed,
    )  # fmt: skip


@cache
def shipped() -> SignInRules:
    """The rules that ship with the program, read once. Raises what :func:`sign_in_rules` raises."""
    return sign_in_rules()
