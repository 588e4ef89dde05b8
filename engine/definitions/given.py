"""What a definition gives, in the words of the table of safeguards that it is held against."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.conditions import ActorIs, Condition, Elapsed, FactAtLeast, ParameterRef, walk
from engine.core.definition import Definition, Duty, Move, Sourced, Step, Track
from engine.definitions.basis import lead_provenance
from engine.definitions.finding import Where
from engine.definitions.inventory import Clause, Inventory
from engine.definitions.proof.edits import roots, sourced
from engine.definitions.safeguards import Entry, Key, listed
from engine.definitions.uses import requirements

Given = Iterator[tuple[Key, str, Where]]


def given(definition: Definition, inventory: Inventory) -> dict[Key, Entry]:
    """Every statement that the table of this definition must make, each with the path of what makes it."""
    parts = (
        _powers(definition), _openings(definition), _settings(definition), _answers(definition),
        _conditions(definition), _ways(definition), _labels(definition, inventory),
    )  # fmt: skip
    return {key: Entry(says, where) for part in parts for key, says, where in part}


def _powers(definition: Definition) -> Given:
    for name, fact in definition.facts.items():
        if fact.stated_by:
            yield ("states", name), listed(fact.stated_by), ("facts", name, "stated_by")
        if fact.changes:
            yield ("changes", name), "yes", ("facts", name, "changes")
    yield from (_declined("tracks", name) for name, track in definition.tracks.items() if track.declinable)
    yield from (_declined("duties", name) for name, duty in definition.duties.items() if duty.declinable)
    for scope, openers in definition.openers.items():
        yield ("opens_records", scope), listed(openers), ("openers", scope)
    for name, closing in definition.closings.items():
        yield ("closes", name), listed(closing.by), ("closings", name, "by")
        yield ("needs_duties", name), str(closing.needs_duties), ("closings", name, "needs_duties")


def _declined(kind: str, name: str) -> tuple[Key, str, Where]:
    return ("declines", kind, name), "yes", (kind, name, "declinable")


def _openings(definition: Definition) -> Given:
    for name, track in definition.tracks.items():
        opens, here = track.opens, ("tracks", name, "opens")
        if opens.on_request:
            says = "any" if opens.on_request == "any" else listed(opens.on_request)
            yield ("asked", name), says, (*here, "on_request")
        if opens.when is not None:
            yield ("by_itself", name), "yes", (*here, "when")
        if opens.again:
            yield ("again", name), "yes", (*here, "again")


def _settings(definition: Definition) -> Given:
    for name, parameter in definition.parameters.items():
        yield ("settings", name), str(parameter.default), ("parameters", name, "default")
    for name, ban in definition.prohibitions.items():
        yield ("bans", name), ban.held, ("prohibitions", name)
    for path, _, requirement in requirements(definition):
        told = ".".join(str(part) for part in path)
        if requirement.setting is not None:
            yield ("switches", requirement.setting, told), "yes", (*path, "setting")
        if requirement.prohibition is not None:
            yield ("held_by", requirement.prohibition, told), "yes", (*path, "prohibition")


def _answers(definition: Definition) -> Given:
    held: list[tuple[Key, Where, Step | Duty]] = [
        (("steps", name, key), ("tracks", name, "steps", key), step)
        for name, track in definition.tracks.items()
        for key, step in track.steps.items()
    ]
    held += [(("duties", name), ("duties", name), duty) for name, duty in definition.duties.items()]
    for key, path, one in held:
        if one.responsible is not None:
            yield ("answers", *key), one.responsible, (*path, "by")
        if one.due is not None:
            yield ("deadlines", *key), one.due, (*path, "due")


def _conditions(definition: Definition) -> Given:
    for path, condition in roots(definition):
        told = condition_path(path)
        actors = {name for part in walk(condition) if isinstance(part, ActorIs) for name in part.actor}
        if actors:
            yield ("acts", told), listed(actors), path
        for figure in sorted({_figure(part) for part in walk(condition)} - {""}):
            yield ("figures", figure, told), "yes", path


def condition_path(path: Where) -> str:
    """How tables name an outermost condition: a requirement or opening by itself, without the word ``when``."""
    return ".".join(str(part) for part in (path[:-1] if path[-1] == "when" else path))


def _figure(condition: Condition) -> str:
    if not isinstance(condition, FactAtLeast | Elapsed):
        return ""
    limit = condition.at_least
    return limit.parameter if isinstance(limit, ParameterRef) else str(limit)


def _ways(definition: Definition) -> Given:
    for name, track in definition.tracks.items():
        for end in track.finals:
            yield ("past", name, end), listed(never_passed_by(track, end)), ("tracks", name, "steps", end)
        for key, move in track.moves.items():
            if track.steps[move.to].final:
                yield ("into", name, move.to, key), listed(move.source), ("tracks", name, "moves", key, "from")


def never_passed_by(track: Track, end: str) -> list[str]:
    """The steps, the start among them, without which no way from the start leads to an end."""
    return [step for step in track.steps if step != end and not _leads_to(track, end, without=step)]


def _leads_to(track: Track, end: str, *, without: str) -> bool:
    found = {track.start} - {without}
    edge = set(found)
    while edge:
        ahead = {move.to for move in track.moves.values() if edge & set(move.source)}
        edge = ahead - found - {without}
        found |= edge
    return end in found


def _labels(definition: Definition, inventory: Inventory) -> Given:
    """Labels that are not what follows from the clauses alone: somebody decided on each of them."""
    by_id = {row.id: row for row in inventory.rows}
    for path, element in sourced(definition):
        rows = [by_id[basis.row] for basis in element.basis if basis.row in by_id]
        if element.provenance != follows(element, rows):
            yield ("labels", ".".join(str(part) for part in path)), element.provenance, (*path, "provenance")


def follows(element: Sourced, rows: list[Clause]) -> str:
    """The provenance that an element has when nobody says more than its clauses do."""
    if isinstance(element, Step | Duty):
        return lead_provenance(rows, element.responsible)
    if not rows:
        return "deployer"
    return "reading" if isinstance(element, Move) else "printed"
