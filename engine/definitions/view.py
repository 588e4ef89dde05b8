"""What ``guitu definitions list`` and ``show`` print: plain data, ready for JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.core.definition import Definition, Sourced
from engine.definitions.loader import Loaded
from engine.definitions.uses import requirements

Json = dict[str, Any]


def summary(loaded: Loaded) -> Json:
    """One line of the list: id, version, hash, status, and provenance counted by kind of element."""
    definition = loaded.definition
    return {
        "id": definition.id,
        "version": definition.version,
        "hash": loaded.hash,
        "status": definition.status,
        "jurisdiction": definition.jurisdiction,
        "title": definition.title.model_dump(),
        "effective": definition.effective.model_dump(mode="json"),
        "documents": [source.id for source in definition.sources],
        "provenance": provenance_counts(definition),
    }


def provenance_counts(definition: Definition) -> dict[str, dict[str, int]]:
    """How many elements of each kind are printed, read, set by the deployer, or lost.

    Of steps and duties that is where the responsible unit comes from, so final steps do not count.
    """
    tracks = definition.tracks.values()
    kinds: dict[str, list[Sourced]] = {
        "tracks": list(tracks),
        "steps": [step for track in tracks for step in track.steps.values() if not step.final],
        "moves": [move for track in tracks for move in track.moves.values()],
        "requirements": [requirement for _, _, requirement in requirements(definition)],
        "duties": list(definition.duties.values()),
        "prohibitions": list(definition.prohibitions.values()),
        "closings": list(definition.closings.values()),
    }
    return {kind: _counted(elements) for kind, elements in kinds.items()}


def _counted(elements: list[Sourced]) -> dict[str, int]:
    """The elements by provenance, and how many there are."""
    counts = Counter(str(element.provenance) for element in elements)
    known = ("printed", "reading", "deployer", "lost")
    return {"all": len(elements), **{name: counts[name] for name in known}}


def show(loaded: Loaded) -> Json:
    """The flattened definition, whole, with its hash.

    Each step and duty has responsible, joint_leads and cooperating functions, the units as the clause prints
    them (printed_responsible, printed_cooperating), basis (row and clause) and provenance.
    """
    definition = loaded.definition
    return {
        "hash": loaded.hash,
        "provenance": provenance_counts(definition),
        **definition.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
