"""Who acts, as a door is told it: ``PERSON@UNIT`` or ``PERSON@UNIT:ROLE``, all of them codes."""

from __future__ import annotations

from dataclasses import dataclass

from engine.access.model import ROLES, Role
from engine.core.codes import hold_code
from engine.core.commands import Actor
from engine.errors import CommandMalformed
from engine.ledger.event import PURPOSES


def read_actor(words: str) -> Actor:
    """``PERSON@UNIT`` or ``PERSON@UNIT:ROLE`` as an actor. Raises :class:`CommandMalformed`, which repeats no words."""
    person, _, place = words.strip().rpartition("@")
    unit, colon, role = place.partition(":")
    if not person or not unit or (colon and not role):
        raise CommandMalformed(
            "--as 应写成 办理人@单位，例如 officer-1@gulou-police；身兼数职时写 officer-1@gulou-police:caseworker",
            "--as is PERSON@UNIT, e.g. officer-1@gulou-police, or with one role of several: "
            "officer-1@gulou-police:caseworker",
        )
    named = read_role(role) if colon else None
    return Actor(hold_code("PERSON", person), hold_code("UNIT", unit), role=named)


@dataclass(frozen=True, slots=True)
class Acting:
    """For which unit somebody who signed in acts, and as what; and who she says she is, if she does. All are codes."""

    person: str | None = None
    unit: str | None = None
    role: str | None = None


def read_acting(words: str) -> Acting:
    """``@UNIT`` or ``@UNIT:ROLE``, perhaps with a person before it; of no words nothing.

    Raises :class:`CommandMalformed`, which repeats no words.
    """
    said = words.strip()
    if not said:
        return Acting()
    is_somebody = not said.startswith("@")
    found = read_actor(said if is_somebody else f"nobody{said}")
    return Acting(found.person if is_somebody else None, found.unit, found.role)


def read_purpose(word: str) -> str:
    """A purpose by its name. Raises :class:`CommandMalformed`, which names those that can be stated."""
    stated = [purpose for purpose in PURPOSES if purpose != "unstated"]
    if word not in stated:
        listed = ", ".join(stated)
        raise CommandMalformed(f"没有这种目的；有：{listed}", f"there is no such purpose; there are: {listed}")
    return word


def read_role(word: str) -> Role:
    """A role by its name. Raises :class:`CommandMalformed`, which names those there are."""
    found = next((role for role in ROLES if role == word), None)
    if found is None:
        listed = ", ".join(ROLES)
        raise CommandMalformed(f"没有这种角色；有：{listed}", f"there is no such role; there are: {listed}")
    return found
