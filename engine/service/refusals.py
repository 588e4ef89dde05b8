"""Refusals: what was asked, by whom, and why it was not done, sealed and kept, and entered in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import msgspec

from engine.core.codes import shown
from engine.core.commands import Actor, Command, shown_code, snake
from engine.errors import GuituError
from engine.service.account import ACT_OF, Account
from engine.service.content import seal_refusal
from engine.service.desk import NOT_REFUSALS, Desk
from engine.service.log import log


@contextmanager
def on_record(desk: Desk, command: Command, actor: Actor) -> Iterator[Account]:
    """Put what is refused before a command comes to :func:`handle` on record, as it does, and raise it.

    The account is to be filled in with whom it is refused, and by which policies.
    """
    now, tried = desk.clock(), account_of(command, actor)
    try:
        yield tried
    except NOT_REFUSALS:
        raise
    except GuituError as refusal:
        put_on_record(desk, command, tried, now, refusal)
        raise


def put_on_record(desk: Desk, command: Command, tried: Account, now: datetime, refusal: GuituError) -> None:
    """Keep a refusal of the command that ``tried`` tells of. Raises what keeping raises: then the door fails closed."""
    body = msgspec.json.encode({"reasons": refusal.reasons, "details": _plain(refusal.details)})
    named = shown_code(command.case) if command.case else ""  # what was typed instead of a code may be a name
    actor = tried.actor
    assert actor is not None, "a command is somebody's"
    account = replace(account_of(command, actor), role=tried.role, policy=tried.policy, policies=tried.policies)
    account.refused(refusal)
    with desk.writing(account) as work:
        case_key = desk.safe.key_for(named, work) if named else None
        if case_key is not None:
            account.read(case_key)
        key = case_key or desk.safe.house(work)
        work.record_refusal(
            case_id=named or None, at=now, command=snake(type(command)), unit=shown(actor.unit),
            person=shown(actor.person), code=refusal.code, body=seal_refusal(body, key, named, now),
        )  # fmt: skip
    log("command_refused", case=named, command=snake(type(command)), unit=shown(actor.unit), code=refusal.code)


def account_of(command: Command, actor: Actor) -> Account:
    """The account of a command, before anything came of it."""
    return Account(ACT_OF[type(command)], actor)


def _plain(details: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value if isinstance(value, str | int | bool | list) else str(value) for name, value in details.items()
    }
