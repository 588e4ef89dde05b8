"""The log: JSON lines through structlog, and only keys of an allow-list ever reach it."""

from __future__ import annotations

import logging
import sys

import msgspec
import structlog
from structlog.typing import EventDict, WrappedLogger

ALLOWED = frozenset({
    "event", "level", "timestamp", "case", "command", "unit", "revision", "code", "dropped",
    "request", "route", "method", "status", "milliseconds", "kind", "where",
})  # fmt: skip
"""What may be logged: pseudonyms, codes and figures. No person, no fact, no free text.

Of a request to the REST door: its number, the template of its path (``route``), never the path; of an error that nobody
foresaw its ``kind`` and the lines of the program ``where`` it was raised, never its words.
"""


def configure(level: str = "INFO") -> None:
    """Log JSON lines to standard error, wherever that leads when something is logged."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_allowed,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level, logging.INFO)),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _json(event: EventDict, **_: object) -> str:
    return msgspec.json.encode(event, order="sorted").decode()


def keep_allowed(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Drop every key that is not on the list, and say how many were dropped."""
    kept = {key: value for key, value in event.items() if key in ALLOWED}
    dropped = len(event) - len(kept)
    if dropped:
        kept["dropped"] = dropped
    return kept


def log(event: str, **values: object) -> None:
    """Log an event of the desk."""
    structlog.get_logger().info(event, **values)
