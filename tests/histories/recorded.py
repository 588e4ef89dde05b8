"""Recorded histories: how a case is written to a JSON file and read again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from engine.core.case import Case
from engine.core.events import EVENTS, Recorded

HERE = Path(__file__).parent


def files() -> list[Path]:
    """Every recorded history, by name."""
    return sorted(HERE.glob("*.json"))


def write(path: Path, history: list[Recorded], case: Case) -> None:
    """Record what happened to a case and how it stands."""
    events = [{**_whole(item), "kind": item.kind, "event": msgspec.to_builtins(item.event)} for item in history]
    body = {"events": events, "case": msgspec.to_builtins(case)}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(body), indent=1) + b"\n")


def _whole(item: Recorded) -> dict[str, Any]:
    """A recorded event from which nothing is withheld: a history is no disclosure."""
    assert not item.withheld
    return {name: value for name, value in msgspec.to_builtins(item).items() if name != "withheld"}


def read(path: Path) -> tuple[list[Recorded], Case]:
    """What happened to the recorded case, and how it stood in the end."""
    body = msgspec.json.decode(path.read_bytes(), type=_File)
    return [_event(item) for item in body.events], body.case


def _event(item: dict[str, Any]) -> Recorded:
    kind = EVENTS[item["kind"]]
    whole = msgspec.convert(item, _Envelope)
    return Recorded(
        number=whole.number, at=whole.at, unit=whole.unit, person=whole.person,
        event=msgspec.convert(item["event"], kind), clauses=whole.clauses, judged=whole.judged,
    )  # fmt: skip


class _File(msgspec.Struct):
    """A recorded history as it lies in its file."""

    events: list[dict[str, Any]]
    case: Case


class _Envelope(msgspec.Struct):
    """All of a recorded event but what happened."""

    number: int
    at: datetime
    unit: str
    person: str
    clauses: tuple[str, ...]
    judged: dict[str, Any]
