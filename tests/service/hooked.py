"""A unit with a webhook, and hand-offs it is told of."""

from __future__ import annotations

from datetime import timedelta

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.service import webhooks
from engine.service.desk import Desk
from tests.service.desks import Clock, ask, opened
from tests.service.webhook_receiver import Receiver

CANARY = "canary-words-of-nobody"
HEAD = Actor("officer-7", "police-b", role="unit_supervisor")
WORKER = Actor("officer-8", "police-b")


def registered(desk: Desk, receiver: Receiver, *kinds: str) -> str:
    """The code of a webhook of police-b that leads to the receiver, which knows its secret."""
    made = webhooks.add(desk, HEAD, receiver.url, kinds)
    receiver.secrets.append(made.secret)
    return made.id


def offered(desk: Desk, to: str = "police-b") -> str:
    """A hand-off that is offered to a unit."""
    case = opened(desk)
    return ask(desk, cmd.Offer(case=case, track="rescue", to_unit=to, reason=CANARY)).offered[0]


def later(desk: Desk, by: timedelta) -> None:
    """Let time pass."""
    assert isinstance(desk.clock, Clock)
    desk.clock.at += by


def shown(desk: Desk, webhook: str) -> webhooks.Webhook:
    """A webhook as its unit sees it."""
    (found,) = [one for one in webhooks.listed(desk, HEAD).items if one.id == webhook]
    return found
