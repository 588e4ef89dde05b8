"""The people of a story: whoever it names by a reference gets an invented identity, so that a ban can compare them.

A scenario names persons by references alone, and equal references are one person. The vault compares identities; so
before a step that names somebody new, an identity made from the reference is put on record by whoever takes the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

from stdnum.cn import ric

from engine.access.judging import at_her_word, judge
from engine.core.commands import Actor, Command, Correct, OpenCase, RawValue, RecordIdentity, Role
from engine.core.definition import Definition
from engine.core.facts import is_reference
from engine.errors import UnitUnknown
from engine.service.desk import Desk
from engine.service.handle import Answer, handle
from engine.service.known import load_with_key
from engine.service.participation import case_file
from engine.service.persons import holds
from engine.vault.identity import Identity

ROLES: Mapping[str, Role] = {
    "return.carer": "carer", "placement.carer": "carer", "buyer_family.persons": "buyer_family",
}  # fmt: skip
"""As what a fact names somebody; all other facts name relatives."""
_REGION = "110101"
_FIRST_BIRTHDAY = date(1900, 1, 1)
_BIRTHDAYS = 3_650  # ten years in which nobody alive was born: no number made here is anybody's
_SIGNS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳"


def with_people(
    desk: Desk, command: Command, actor: Actor, carry_out: Callable[[Desk, Command, Actor], Answer]
) -> Answer:
    """Carry out a command of a story, with everybody it names on record before it (in a new record: after it)."""
    if isinstance(command, OpenCase):
        answer = carry_out(desk, command, actor)
        introduce(desk, replace(command, case=answer.case), actor)
        return answer
    introduce(desk, command, actor)
    return carry_out(desk, command, actor)


def introduce(desk: Desk, command: Command, actor: Actor) -> None:
    """Record an invented identity for every person that a command names and its case does not know.

    Does nothing where the actor may not: then the command itself is refused, and that is what the story is about.
    """
    with desk.database.reading() as work:
        case = load_with_key(desk, command.case, work, for_update=False).case
        book = desk.books.pinned(case.pin.hash, work).definition
        units = desk.directory(work)
        file = case_file(desk, case, work, desk.clock())
    if case.status != "open" or case.scope != "victim":  # persons are compared in victims' records alone
        return
    for person, role in named(command, book).items():
        identity = invented(person)
        recording = RecordIdentity(case=case.id, role=role, holds=holds(identity), person=person)
        try:
            if judge(desk.gate, recording, at_her_word(actor, units), case, file, book, units).refusal:
                return
        except UnitUnknown:
            return
        if person not in case.persons:
            handle(desk, recording, actor, enclosed=identity)


def named(command: Command, book: Definition) -> dict[str, Role]:
    """The references that the facts of a command, or a correction, name, each with its role."""
    stated: dict[str, RawValue] = dict(getattr(command, "facts", {}))
    if isinstance(command, Correct):
        stated[command.fact] = command.value
    found: dict[str, Role] = {}
    for name, value in stated.items():
        if name in book.facts and book.facts[name].type in ("person", "persons"):
            listed = value if isinstance(value, list) else [value]
            found |= {one: ROLES.get(name, "relative") for one in listed if isinstance(one, str) and is_reference(one)}
    return found


def invented(person: str) -> Identity:
    """An identity that is made of a reference and of nothing else: the same every time, and nobody's."""
    drawn = int.from_bytes(sha256(person.encode()).digest())
    born = _FIRST_BIRTHDAY + timedelta(days=drawn % _BIRTHDAYS)
    body = f"{_REGION}{born:%Y%m%d}{drawn // _BIRTHDAYS % 1000:03d}"
    signs = "".join(_SIGNS[drawn >> shift & 15] for shift in (0, 4, 8))
    return Identity(name=f"虚构{signs}", id_number=body + ric.calc_check_digit(body + "0"))
