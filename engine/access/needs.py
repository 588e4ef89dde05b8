"""Which field classes a step needs: what its moves ask for, look at and set, and what its duties look at.

Read off the definition alone. A class that no step needs is disclosed to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.core.conditions import Condition, FactNotAmong, TrackAt, TrackReached, walk
from engine.core.definition import Definition, Duty, Move
from engine.core.machine import looked_at

ALWAYS = frozenset({"basic", "administrative"})
"""What every step needs: what decides much and identifies nobody, and how the handling itself goes."""


@dataclass(frozen=True, slots=True)
class Need:
    """Field classes: ``writes`` are those that the work of a step puts on record, ``reads`` those and what it rests on.

    Neither says anything of ``free_text`` but where a form asks for it: who may read it depends on the part.
    """

    reads: frozenset[str] = ALWAYS
    writes: frozenset[str] = ALWAYS


_NO_STEP = Need()
_KNOWN: dict[str, Mapping[tuple[str, str], Need]] = {}


def needs(book: Definition, digest: str | None = None) -> Mapping[tuple[str, str], Need]:
    """What every step of a definition needs, by track and step; worked out once for each hash.

    ``digest`` is the hash where it is known already: to work it out takes longer than the rest.
    """
    name = digest or book.digest()
    known = _KNOWN.get(name)
    if known is None:
        known = _KNOWN[name] = {
            (track, step): _need(book, track, step) for track, rule in book.tracks.items() for step in rule.steps
        }
    return known


def need_of(book: Definition, digest: str | None, track: str, step: str) -> Need:
    """What one step needs; of a step the definition does not have (a whole case that is offered) only the least."""
    return needs(book, digest).get((track, step), _NO_STEP)


def _need(book: Definition, track: str, step: str) -> Need:
    rule = book.tracks[track]
    writes = set(ALWAYS)
    for move in rule.moves.values():
        if step in move.source:
            writes |= _classes(book, _names_of_move(move))
    duties = (duty for duty in book.duties_of(rule.scope).values() if duty.responsible == rule.steps[step].responsible)
    reads = writes | _classes(book, (name for duty in duties for name in _names_of_duty(duty, track)))
    return Need(frozenset(reads), frozenset(writes))


def _names_of_move(move: Move) -> Iterator[str]:
    """What the form of a move asks for, what it sets and files, and what its conditions look at."""
    yield from (f"fact:{field.fact}" for field in move.form)
    yield from (f"fact:{name}" for name in move.sets)
    yield from (f"document:{name}" for name in (*move.materials, *move.records))
    for requirement in move.requires.values():
        yield from _names_of(requirement.when)


def _names_of_duty(duty: Duty, track: str) -> Iterator[str]:
    """What a duty that hangs on this track looks at; of others nobody can tell at which step they are settled."""
    conditions = [condition for condition in (duty.arises, duty.settled_by) if condition is not None]
    parts = [part for condition in conditions for part in walk(condition)]
    if any(isinstance(part, TrackAt | TrackReached) and part.track == track for part in parts):
        for condition in conditions:
            yield from _names_of(condition)


def _names_of(condition: Condition) -> Iterator[str]:
    for part in walk(condition):
        if isinstance(part, FactNotAmong):
            # With whom a person is compared is for the vault to know: nobody has to see it for that.
            yield f"fact:{part.fact}"
        elif not part.children():
            yield from looked_at(part)


def _classes(book: Definition, names: Iterable[str]) -> set[str]:
    found = set()
    for kind, _, name in (name.partition(":") for name in names):
        if kind == "fact" and name in book.facts:
            found.add(book.facts[name].field_class)
        elif kind == "document" and name in book.documents:
            found.add(book.documents[name].field_class)
    return found
