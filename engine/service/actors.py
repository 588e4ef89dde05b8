"""Who acts, as a door is told it: ``PERSON@UNIT``, both of them codes."""

from __future__ import annotations

from engine.core.codes import hold_code
from engine.core.commands import Actor
from engine.errors import CommandMalformed


def read_actor(words: str) -> Actor:
    """``PERSON@UNIT`` as an actor. Raises :class:`CommandMalformed`, which does not repeat the words."""
    person, _, unit = words.strip().rpartition("@")
    if not person or not unit:
        raise CommandMalformed(
            "--as 应写成 办理人@单位，例如 officer-1@gulou-police", "--as is PERSON@UNIT, e.g. officer-1@gulou-police"
        )
    return Actor(hold_code("PERSON", person), hold_code("UNIT", unit))
