"""The free texts of a command: what somebody wrote in his own words, and nothing a list or a form gives."""

from __future__ import annotations

from dataclasses import fields

from engine.core.commands import Command, Correct
from engine.core.definition import Definition

_FREE = ("reason", "text", "note", "period", "name")


def free_texts(command: Command, book: Definition) -> dict[str, str]:
    """The free texts of a command by the name of their field; facts of type text by their own names."""
    found = {one.name: getattr(command, one.name) for one in fields(command) if one.name in _FREE}
    stated = dict(getattr(command, "facts", {}))
    if isinstance(command, Correct):
        stated[command.fact] = command.value
    found |= {name: value for name, value in stated.items() if name in book.facts and book.facts[name].type == "text"}
    return {name: text for name, text in found.items() if isinstance(text, str) and text}
