"""``guitu definitions check``: everything that is wrong, never only the first thing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.definitions.double_entry import check_table, check_tables
from engine.definitions.finding import Finding, Findings
from engine.definitions.inventory import read_inventory
from engine.definitions.loader import Library, Loaded, Shelf, edited, load, load_file, read_shelf, shipped_root
from engine.definitions.proof.naming import read_invariants
from engine.definitions.proof.prove import Result
from engine.definitions.proof.run import Looking, proofs
from engine.definitions.proof.soundness import Soundness
from engine.definitions.safeguards import FOLDER, table_of
from engine.definitions.source import JurisdictionFile
from engine.definitions.templates import model_of, read_file
from engine.definitions.time_limits import check_time_limits


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked (``id@version`` and hash) and what is wrong."""

    checked: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]

    @property
    def is_green(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def check_library(root: Path | None = None) -> Report:
    """Check every file under a root (default: the shipped ones). Raises nothing for a faulty file."""
    root = root or shipped_root()
    findings = Findings()
    library = load(root, findings)
    changed = edited(root, library, findings)
    check_tables(root, library, findings)
    for loaded in library.definitions:
        check_time_limits(loaded, library.inventory_of(loaded), findings)
    checked = tuple((loaded.name, loaded.hash) for loaded in library.definitions)
    return Report(checked, tuple(sorted({*findings.found, *changed})))


def prove_library(
    root: Path | None = None, only: str | None = None
) -> Iterator[Looking | Soundness | Result | Finding]:
    """Prove what is below a root, or only the definition of this name, announcing each piece of work before it is done.

    Its shape must be green. What is wrong with the invariants themselves comes first, as findings.
    """
    root = root or shipped_root()
    findings = Findings()
    library = load(root, findings)
    if only is not None:
        library = Library(tuple(book for book in library.definitions if only in (book.name, book.definition.id)))
    wrong = Findings()
    invariants = read_invariants(root, library.definitions, wrong)
    yield from wrong.sorted()
    yield from proofs(library, invariants)


def check_file(path: Path, root: Path | None = None, inventory_root: Path | None = None) -> list[Finding]:
    """Check one file: a jurisdiction's, a template, an inventory or a table of safeguards, told by its folder.

    A jurisdiction's file and its table are held against each other; alone a file needs no table.

    ``root`` holds the templates and inventories it is read with (default: :func:`root_of`),
    ``inventory_root`` another folder of inventories. Mistakes in those shared files are reported too:
    a definition is no better than what it is read with.
    """
    findings = Findings()
    if path.parent.name == "clauses":
        read_inventory(path, findings)
        return findings.sorted()
    model = model_of(path)
    is_table = path.parent.name == FOLDER
    if model is not JurisdictionFile and not is_table:
        read_file(path, model, findings)
        return findings.sorted()
    shelf = read_shelf(root or root_of(path), findings, inventory_root)
    if is_table:
        _check_with_table(path.parent.parent / path.name, path, shelf, findings)
    else:
        _check_with_table(path, table_of(path), shelf, findings)
    return findings.sorted()


def _check_with_table(path: Path, table: Path, shelf: Shelf, findings: Findings) -> None:
    """A jurisdiction's file, and its table where there is one."""
    loaded: Loaded | None = load_file(path, shelf, findings)
    if loaded is not None:
        check_time_limits(loaded, shelf.inventories[loaded.definition.sources[0].id], findings)
    if table.exists():
        check_table(table, loaded, shelf.inventories, findings)


def check_paths(paths: Iterable[Path]) -> list[Finding]:
    """Check some files, each with the templates and inventories of its own root."""
    return sorted({finding for path in paths for finding in check_file(path)})


def root_of(path: Path) -> Path:
    """The nearest folder above a file that holds a ``clauses`` folder; else the shipped root."""
    for folder in path.resolve().parents:
        if (folder / "clauses").is_dir():
            return folder
    return shipped_root()
