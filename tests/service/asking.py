"""Requests in tests: asked for by one, approved by custodians, and used."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.commands import Actor
from engine.service import erasure, requests
from engine.service.desk import Desk
from engine.service.erasure import Certificate, Erasing
from engine.service.request_rules import RequestRules, request_rules
from engine.service.requests import Asked
from engine.service.retention import Retention, retention

CUSTODIANS = (Actor("officer-2", "civil-a"), Actor("officer-3", "police-a"))
"""In a world for trial they are taken at their word."""
REQUESTS: RequestRules = request_rules()
RETENTION: Retention = retention()


def approve(desk: Desk, asked: Asked, by: Sequence[Actor] = CUSTODIANS) -> str:
    """Let everybody of these approve exactly what was asked; the code of the request."""
    for one in by:
        requests.approve(desk, asked.exact.request, asked.digest, one)
    return asked.exact.request


def approved_erasure(
    desk: Desk, case: str, asker: Actor, ground: str = "opened_by_mistake", by: Sequence[Actor] = CUSTODIANS
) -> str:
    """A request to erase a case that these have approved."""
    return approve(desk, Erasing(desk, RETENTION).ask(REQUESTS, case, ground, asker), by)


def erase(
    desk: Desk, case: str, asker: Actor, ground: str = "opened_by_mistake", by: Sequence[Actor] = CUSTODIANS
) -> Certificate:
    """Ask, let these approve, and erase."""
    request = approved_erasure(desk, case, asker, ground, by)
    return Erasing(desk, RETENTION, desk.attachments).erase(case, ground, asker, request)


def end_hold(desk: Desk, case: str, reason: str, asker: Actor, by: Sequence[Actor] = CUSTODIANS) -> None:
    """Ask that a hold be ended, let these approve, and end it."""
    request = approve(desk, erasure.ask_release(desk, REQUESTS, case, reason, asker), by)
    erasure.release_hold(desk, case, reason, asker, request)
