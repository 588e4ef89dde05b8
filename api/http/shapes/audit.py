"""How the audit ledger stands, as a document, and what an auditor asks to take along."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from api.http.shapes.plain import MOST_LISTED, Asked, Code, Shown
from engine.service.audit_export import State


class SaltsAsked(Asked):
    """Of which cases the salts are to be released: with them an auditor reads whom entries concern."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cases": ["GT-7K3M-9QXD-04RB"]}]})

    cases: Annotated[list[Code], Field(min_length=1, max_length=MOST_LISTED)]


class HeldBackShown(Shown):
    """A stream with a hole, which is given no more places until it is filled."""

    stream: str
    expected: int
    found: int
    why: str


class LedgerShown(Shown):
    """How the ledger stands: what has its place, what waits, what the last checkpoint covers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{
                "origin": "guitu.example/ledger", "size": 1200, "waiting": 3, "waiting_since": "2026-11-22T01:00:00Z",
                "signed": 1190, "signed_at": "2026-11-22T00:59:00Z", "held": [], "at": "2026-11-22T01:00:02Z",
            }]
        }
    )  # fmt: skip

    origin: str
    size: int
    waiting: int
    waiting_since: datetime | None
    signed: int | None = Field(description="最近检查点签到第几条。 How many entries the last checkpoint covers.")
    signed_at: datetime | None
    held: list[HeldBackShown]
    at: datetime


def ledger_shown(found: State) -> LedgerShown:
    """The state of the ledger."""
    return LedgerShown(
        origin=found.origin, size=found.size, waiting=found.waiting, waiting_since=found.waiting_since,
        signed=found.signed, signed_at=found.signed_at, at=found.at,
        held=[HeldBackShown(stream=one.stream, expected=one.expected, found=one.found, why=one.why)
              for one in found.held],
    )  # fmt: skip


Kind = Literal["application/octet-stream", "application/x-ndjson"]


def file_of(kind: Kind, said: str) -> dict[int | str, dict[str, Any]]:
    """What a route declares that answers with a file."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": said, "content": {kind: {"schema": schema}}}}
