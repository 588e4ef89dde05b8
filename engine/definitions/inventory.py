"""The clause inventory: every clause of a document, one row each, with the units it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.core.definition import Label, Text
from engine.definitions.finding import Findings
from engine.definitions.reading import Tree, read
from engine.definitions.shape import report
from engine.definitions.wording import check_wording

Ring = Literal["core", "second", "outer"]
Force = Literal[
    "duty", "duty_deadline", "prohibition", "precondition", "encouragement", "goal", "organisation", "plan_task"
]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ClauseUnit(_Row):
    """A unit as a clause prints it, and its function; ``None`` when it has no part in case handling."""

    printed: Text
    function: str | None = None


class Clause(_Row):
    """One row: a rule of the document in our words, never its text; ``note`` is for authors."""

    id: str
    clause: Text
    ring: Ring
    force: Force
    topic: str
    summary: Label
    responsible: list[ClauseUnit] = []
    cooperating: list[ClauseUnit] = []
    note: str | None = None


class InventoryDocument(_Row):
    """The document whose clauses are listed; ``state`` says what of it is missing."""

    id: str
    title: Text
    number: str | None = None
    issued: str | None = None
    state: str | None = None


class Inventory(_Row):
    """All rows of one document."""

    document: InventoryDocument
    rows: list[Clause]

    def row(self, name: str) -> Clause | None:
        """The row of that id, with or without the document's id before it."""
        own = f"{self.document.id}/"
        full = name if name.startswith(own) else own + name
        return next((row for row in self.rows if row.id == full), None)

    def short(self, row: str) -> str:
        """A row's id as definitions write it: without the document's id."""
        return row.removeprefix(f"{self.document.id}/")

    def functions(self) -> set[str]:
        """Every function that any row prints."""
        units = (unit for row in self.rows for unit in (*row.responsible, *row.cooperating))
        return {unit.function for unit in units if unit.function}


def read_inventory(path: Path, findings: Findings) -> Inventory | None:
    """Read and check one inventory file; ``None`` when it cannot be used, and ``findings`` says why."""
    tree = read(path, findings)
    if tree is None:
        return None
    check_wording(tree, findings)
    try:
        inventory = Inventory.model_validate(tree.plain())
    except ValidationError as error:
        report(error, tree, Inventory, findings)
        return None
    _check_ids(inventory, tree, findings)
    return inventory


def _check_ids(inventory: Inventory, tree: Tree, findings: Findings) -> None:
    """Ids begin with the document's id and occur once."""
    seen: set[str] = set()
    for index, row in enumerate(inventory.rows):
        place = tree.place_of(("rows", index))
        if not row.id.startswith(f"{inventory.document.id}/"):
            right = f"{inventory.document.id}/…"
            wrong = (f"行号“{row.id}”不以文件标识开头。", f"Row `{row.id}` does not begin with its document.")
            findings.add(place, "bad_row_id", ("rows", index), wrong, (f"请写{right}。", f"Write `{right}`."))
        if row.id in seen:
            wrong = (f"行号“{row.id}”出现两次。", f"Row `{row.id}` occurs twice.")
            right_pair = ("请在后面加字母区分。", "Tell them apart by a letter at the end.")
            findings.add(place, "duplicate_row", ("rows", index), wrong, right_pair)
        seen.add(row.id)


def read_inventories(folder: Path, findings: Findings) -> dict[str, Inventory]:
    """Every inventory in a folder, by document id."""
    found = (read_inventory(path, findings) for path in sorted(folder.glob("*.yaml")))
    return {inventory.document.id: inventory for inventory in found if inventory}
