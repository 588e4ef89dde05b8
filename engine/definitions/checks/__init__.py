"""The checks of the first group (shape): each module one concern, each finding with what would be right."""

from __future__ import annotations

from engine.definitions.checks.conditions import check_conditions
from engine.definitions.checks.context import Context
from engine.definitions.checks.names import check_names
from engine.definitions.checks.sources import check_sources
from engine.definitions.checks.tracks import check_tracks
from engine.definitions.checks.vocabulary import check_vocabulary

__all__ = ["Context", "check_definition"]


def check_definition(context: Context) -> None:
    """Hold one flattened definition against every rule of shape; all findings go into the context's."""
    check_tracks(context)
    check_names(context)
    check_vocabulary(context)
    check_conditions(context)
    check_sources(context)
