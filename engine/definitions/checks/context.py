"""What every check is given: the definition, where everything stands, and where findings go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.core.definition import Definition
from engine.definitions.finding import Findings, Where, one_of
from engine.definitions.inventory import Inventory
from engine.definitions.reading import Tree


@dataclass(frozen=True, slots=True)
class Context:
    """One flattened definition under check.

    ``definition`` still has the vocabulary nothing uses, so that messages can say what was meant; ``kept`` is
    the definition as it will be loaded.
    ``field_classes`` and ``functions`` are the names the house knows; an empty set means their file could not
    be read, which is a finding of its own, and they are not checked.
    """

    definition: Definition
    kept: Definition
    tree: Tree
    inventory: Inventory
    field_classes: frozenset[str]
    functions: frozenset[str]
    findings: Findings

    def wrong(self, path: Where, code: str, wrong: tuple[str, str], right: tuple[str, str]) -> None:
        """Note a mistake at the longest part of ``path`` that is written somewhere."""
        self.findings.add(self.tree.place_of(path), code, path, wrong, right)

    def known(self, name: str, choices: Iterable[str], path: Where, code: str, what: tuple[str, str]) -> bool:
        """Whether ``name`` is one of ``choices``; if not, that is a finding and ``what`` says of which kind."""
        choices = set(choices)
        if name in choices:
            return True
        wrong = (f"没有{what[0]}“{name}”。", f"There is no {what[1]} `{name}`.")
        self.wrong(path, code, wrong, one_of(name, choices))
        return False
