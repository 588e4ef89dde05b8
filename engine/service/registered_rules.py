"""What tokens of services and the identity provider go by: ``policies/``. All of it is local setting."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.definitions.finding import Findings
from engine.definitions.loader import shipped_root
from engine.definitions.reading import read
from engine.definitions.shape import report
from engine.errors import DefinitionBroken

MOST_DAYS = 365
"""No installation issues a token for longer."""
MOST_OVERLAP_HOURS = 24
"""Nowhere does a secret live on longer after its rotation."""

Word = Annotated[str, Field(min_length=1, max_length=200)]
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    provenance: Literal["deployer"]


class TokenRules(_Strict):
    """``policies/service_tokens.yaml``: how long a token lasts, and the secret before after a rotation."""

    longest_days: Annotated[int, Field(ge=1, le=MOST_DAYS)]
    overlap_hours: Annotated[int, Field(ge=0, le=MOST_OVERLAP_HOURS)]


class ProviderRules(_Strict):
    """``policies/provider.yaml``: how old a sign-in at the provider may be, and what of it is a second factor."""

    attempt_minutes: Annotated[int, Field(ge=1, le=60)]
    max_age_minutes: Minutes
    fresh_minutes: Annotated[int, Field(ge=1, le=60)]
    strong_amr: Annotated[list[Word], Field(max_length=50)]
    strong_acr: Annotated[list[Word], Field(max_length=50)]

    @property
    def attempt(self) -> timedelta:
        """How long the way to the provider and back may take."""
        return timedelta(minutes=self.attempt_minutes)

    @property
    def max_age(self) -> timedelta:
        """How old a sign-in at the provider may be."""
        return timedelta(minutes=self.max_age_minutes)

    @property
    def fresh(self) -> timedelta:
        """How old one may be that counts as a second factor shown lately."""
        return timedelta(minutes=self.fresh_minutes)


Rules = TypeVar("Rules", TokenRules, ProviderRules)


def token_rules(path: Path | None = None) -> TokenRules:
    """Read the rules of tokens. Raises :class:`DefinitionBroken` with every finding for a faulty file."""
    return _read(path or _shipped("service_tokens.yaml"), TokenRules)


def provider_rules(path: Path | None = None) -> ProviderRules:
    """Read the rules of the provider. Raises :class:`DefinitionBroken` with every finding for a faulty file."""
    return _read(path or _shipped("provider.yaml"), ProviderRules)


@cache
def shipped_token_rules() -> TokenRules:
    """The rules of tokens that ship with the program, read once. Raises what :func:`token_rules` raises."""
    return token_rules()


@cache
def shipped_provider_rules() -> ProviderRules:
    """The rules of the provider that ship, read once. Raises what :func:`provider_rules` raises."""
    return provider_rules()


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
