"""The checks of the first group (shape): each module one concern, each finding with what would be right."""

from __future__ import annotations

from engine.core.definition import Definition
from engine.definitions.finding import Findings
from engine.definitions.inventory import Inventory
from engine.definitions.reading import Tree

__all__ = ["check_definition"]


def check_definition(
    definition: Definition, tree: Tree, inventory: Inventory, field_classes: frozenset[str], findings: Findings
) -> None:
    """Hold one flattened definition against every rule of shape."""
