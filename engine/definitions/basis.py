"""From inventory rows to clauses and printed units, and the provenance that follows when none is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.definitions.finding import Findings, Where, one_of
from engine.definitions.inventory import Clause, ClauseUnit, Inventory
from engine.definitions.reading import Tree


@dataclass(frozen=True, slots=True)
class Bases:
    """Looks up the rows that a definition names; an unknown row is a finding where it is written."""

    inventory: Inventory
    tree: Tree
    findings: Findings

    def rows(self, raw: Mapping[str, Any], path: Where) -> list[Clause]:
        """The rows an element names, in the order written."""
        found = []
        for index, name in enumerate(map(str, raw.get("basis", []))):
            row = self.inventory.row(name)
            if row is None:
                self.unknown(name, (*path, "basis", index))
            else:
                found.append(row)
        return found

    def unknown(self, name: str, path: Where) -> None:
        """Note a row that the inventory does not have."""
        known = [self.inventory.short(row.id) for row in self.inventory.rows]
        wrong = (f"条款清单里没有“{name}”。", f"The inventory has no row `{name}`.")
        self.findings.add(self.tree.place_of(path), "unknown_row", path, wrong, one_of(name, known))

    def must_say(self, raw: Mapping[str, Any], path: Where) -> str:
        """The provenance of a rule; with a basis it must be written, without one it is the deployer's."""
        if "provenance" in raw or not raw.get("basis"):
            return str(raw.get("provenance", "deployer"))
        wrong = ("有条款依据，却没有写明来源。", "There is a basis, but the provenance is not written.")
        right = ("请写provenance: printed或reading。", "Write `provenance: printed` or `provenance: reading`.")
        self.findings.add(self.tree.place_of(path), "missing_provenance", path, wrong, right)
        return "reading"


def cited(rows: Iterable[Clause]) -> list[dict[str, str]]:
    """Rows as a definition keeps them: the row and the clause people cite."""
    return [{"row": row.id, "clause": row.clause} for row in rows]


def printed_units(rows: Iterable[Clause], responsible: str | None) -> dict[str, list[str]]:
    """Every unit the rows print: names as printed, and the functions beside the responsible one."""
    rows = list(rows)
    leads = [unit for row in rows for unit in row.responsible]
    others = [unit for row in rows for unit in row.cooperating]
    joint = [name for name in _functions(leads) if name != responsible] if responsible else []
    beside = [name for name in _functions(others) if name != responsible and name not in joint] if responsible else []
    return {
        "joint_leads": joint,
        "cooperating": beside,
        "printed_responsible": _printed(leads),
        "printed_cooperating": _printed(others),
    }


def lead_provenance(rows: Iterable[Clause], responsible: str | None) -> str:
    """Where a responsible unit comes from when nothing is written.

    The rows print exactly this one lead: ``printed``; several, this among them: ``reading``; none, or not
    this one: ``deployer``. A final step has no unit: its basis is our reading.
    """
    rows = list(rows)
    if responsible is None:
        return "reading" if rows else "deployer"
    leads = {unit.function or unit.printed for row in rows for unit in row.responsible}
    if responsible not in leads:
        return "deployer"
    return "printed" if len(leads) == 1 else "reading"


def _functions(units: Iterable[ClauseUnit]) -> list[str]:
    """The functions of units, each once, in the order printed."""
    return _once(unit.function for unit in units if unit.function)


def _printed(units: Iterable[ClauseUnit]) -> list[str]:
    """The names of units as printed, each unit once: a clause may print it in full and short further down."""
    names: dict[str, str] = {}
    for unit in units:
        names.setdefault(unit.function or unit.printed, unit.printed)
    return list(names.values())


def _once(names: Iterable[str]) -> list[str]:
    """Each name once, in order."""
    return list(dict.fromkeys(names))
