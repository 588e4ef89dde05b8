"""The record room: the only room that speaks SQL. It keeps opaque bytes and never sees what they say."""

from __future__ import annotations

from engine.store.answers import KeptAnswer, RefusalRow
from engine.store.cases import EventRow, StoredCase
from engine.store.database import Database
from engine.store.lists import CaseLine, HandOffLine, TrackLine
from engine.store.work import Work

__all__ = [
    "CaseLine", "Database", "EventRow", "HandOffLine", "KeptAnswer", "RefusalRow", "StoredCase", "TrackLine", "Work",
]  # fmt: skip
