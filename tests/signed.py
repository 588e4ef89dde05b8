"""Whoever acts in a test has signed in, as the door would have found it; how that is done is tested elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from api import sign_in_file
from engine.core.commands import Actor, Proof
from engine.service import sessions
from engine.service.desk import Desk

PROOF = Proof("5167ed1200000001", strong_until=datetime(9999, 1, 1, tzinfo=UTC))
"""Of a sign-in with a second factor that counts for good."""


def signed(actor: Actor, proof: Proof = PROOF) -> Actor:
    """The same actor, signed in."""
    return replace(actor, proof=proof)


def signed_in(person: str, unit: str, role: str | None = None) -> Actor:
    """Somebody of a unit, signed in."""
    return Actor(person, unit, role=role, proof=PROOF)


def keep_sign_in(desk: Desk, person: str, file: Path) -> sessions.SignedIn:
    """Sign somebody in as a provider would have it, and keep it where the command line looks for it."""
    begun = sessions.begin_as(desk, person, strong=True)
    sign_in_file.write(file, sign_in_file.Kept(begun.token, person))
    return begun
