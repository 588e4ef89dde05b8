"""Loads every definition under a root, checks it, and holds it to ``released.lock``."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from engine.core.definition import Definition
from engine.definitions.checks import Context, check_definition
from engine.definitions.finding import Finding, Findings, Place, Where
from engine.definitions.flatten import flatten
from engine.definitions.inventory import Inventory, read_inventories
from engine.definitions.reading import Tree, read, shown
from engine.definitions.source import JurisdictionFile
from engine.definitions.templates import Templates, read_file, read_templates
from engine.errors import DefinitionBroken, DefinitionEdited, DefinitionUnknown

_NOT_JURISDICTIONS = ("templates", "clauses", "directory")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A definition as loaded: its hash, its file, and the tree that knows where everything stands."""

    definition: Definition
    hash: str
    path: Path
    tree: Tree

    @property
    def name(self) -> str:
        """``id@version``."""
        return f"{self.definition.id}@{self.definition.version}"

    def place(self, path: Where) -> Place:
        """Where an element stands, e.g. ``("tracks", "rescue", "steps", "found")``."""
        return self.tree.place_of(path)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What definitions of one root share."""

    inventories: dict[str, Inventory]
    templates: Templates
    field_classes: frozenset[str]
    functions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Library:
    """All definitions under one root."""

    definitions: tuple[Loaded, ...] = ()
    inventories: dict[str, Inventory] = field(default_factory=dict)

    def get(self, name: str, version: str | None = None) -> Loaded:
        """The definition of that id; without a version the newest. Raises :class:`DefinitionUnknown`."""
        found = [loaded for loaded in self.definitions if loaded.definition.id == name]
        if version is not None:
            found = [loaded for loaded in found if loaded.definition.version == version]
        if not found:
            raise _unknown(name if version is None else f"{name}@{version}", self.definitions)
        return max(found, key=lambda loaded: _age(loaded.definition))

    def by_hash(self, digest: str) -> Loaded:
        """The definition a case is pinned to. Raises :class:`DefinitionUnknown`."""
        for loaded in self.definitions:
            if loaded.hash == digest:
                return loaded
        raise _unknown(digest, self.definitions)

    def inventory_of(self, loaded: Loaded) -> Inventory:
        """The inventory of the document a definition encodes."""
        return self.inventories[loaded.definition.sources[0].id]


def _age(definition: Definition) -> tuple[str, list[tuple[int, str]]]:
    """Newest last: by the day it takes effect, then by version, figures compared as figures."""
    parts = [(int(part), "") if part.isdigit() else (-1, part) for part in definition.version.split(".")]
    return definition.effective.since.isoformat(), parts


def _unknown(name: str, known: Iterable[Loaded]) -> DefinitionUnknown:
    """No such definition, and which there are."""
    names = sorted(loaded.name for loaded in known)
    listed = ", ".join(names) or "-"
    return DefinitionUnknown(f"没有流程定义“{name}”；已装载：{listed}。", f"No definition `{name}`; loaded: {listed}.")


def shipped_root() -> Path:
    """The ``workflows`` folder that ships with the engine."""
    return Path(str(importlib.resources.files("workflows")))


def read_shelf(root: Path, findings: Findings, inventory_root: Path | None = None) -> Shelf:
    """Inventories, templates and field classes of a root."""
    own = root / "field_classes.yaml"
    classes = own if own.exists() else root.parent / "policies" / "field_classes.yaml"
    return Shelf(
        read_inventories(inventory_root or root / "clauses", findings),
        read_templates(root / "templates", findings),
        _names_in(classes, "classes", findings),
        _names_in(root / "functions.yaml", "functions", findings),
    )


def _names_in(path: Path, section: str, findings: Findings) -> frozenset[str]:
    """The names that one section of a file declares."""
    tree = read(path, findings)
    declared = tree.child(section) if tree else None
    return frozenset(declared.items() if declared else ())


def jurisdiction_files(root: Path) -> list[Path]:
    """Every ``<jurisdiction>/<version>.yaml`` below a root."""
    return [path for path in sorted(root.glob("*/*.yaml")) if path.parent.name not in _NOT_JURISDICTIONS]


def load_file(path: Path, shelf: Shelf, findings: Findings) -> Loaded | None:
    """Read, flatten and check one jurisdiction's file; ``None`` when no definition comes of it.

    On a shelf with a broken template nothing is flattened: what is missing there would be reported here.
    """
    file = read_file(path, JurisdictionFile, findings)
    if file is None or shelf.templates.broken:
        return None
    flat = flatten(file, shelf.templates, shelf.inventories, findings)
    if flat is None:
        return None
    loaded = Loaded(flat.definition, flat.definition.digest(), path, flat.tree)
    inventory = shelf.inventories[flat.definition.sources[0].id]
    functions = shelf.functions | inventory.functions()
    context = Context(flat.whole, flat.definition, flat.tree, inventory, shelf.field_classes, functions, findings)
    check_definition(context)
    return loaded


def load(root: Path, findings: Findings) -> Library:
    """Everything under a root that can be loaded; what cannot be, is in ``findings``."""
    shelf = read_shelf(root, findings)
    found = [load_file(path, shelf, findings) for path in jurisdiction_files(root)]
    library = Library(tuple(loaded for loaded in found if loaded), shelf.inventories)
    _check_once(library.definitions, findings)
    return library


def _check_once(definitions: Iterable[Loaded], findings: Findings) -> None:
    """An id and version name one file."""
    seen: dict[str, Loaded] = {}
    for loaded in definitions:
        first = seen.setdefault(loaded.name, loaded)
        if first is not loaded:
            wrong = (f"{loaded.name}已由{shown(first.path)}占用。", f"{loaded.name} is also {shown(first.path)}.")
            right = ("请改版本号。", "Give it a version of its own.")
            findings.add(loaded.place(("version",)), "duplicate_version", ("version",), wrong, right)


def read_lock(root: Path, findings: Findings) -> dict[str, tuple[str, Place]]:
    """``released.lock``: ``id@version sha256`` per line, ``#`` begins a comment; absent means empty."""
    path = root / "released.lock"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    locked = {}
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        place = Place(shown(path), number)
        if len(words) == 2 and len(words[1]) == 64:
            locked[words[0]] = (words[1], place)
        elif words:
            wrong = ("这一行看不懂。", "This line cannot be read.")
            right = ("请写“id@version sha256”。", "Write `id@version sha256`.")
            findings.add(place, "broken_lock", (), wrong, right)
    return locked


def edited(root: Path, library: Library, findings: Findings) -> list[Finding]:
    """One finding for every locked definition that is not what the lock says.

    One that does not load because of other ``findings`` is not reported twice.
    """
    by_name = {loaded.name: loaded for loaded in library.definitions}
    wrong: list[Finding] = []
    for name, (digest, place) in read_lock(root, findings).items():
        loaded = by_name.get(name)
        is_same = loaded is not None and loaded.hash == digest
        if is_same or (loaded is None and findings):
            continue
        file = shown(loaded.path) if loaded else place.file
        line = loaded.place(("version",)).line if loaded else place.line
        zh = f"{name}已锁定，{file}却改动了。" if loaded else f"{name}已锁定，却装载不了它的文件。"
        en = f"{name} is locked, but {file} was changed." if loaded else f"{name} is locked, but does not load."
        right_zh, right_en = "请恢复原文件，改动写入新版本。", "Restore the file and put the change into a new version."
        wrong.append(Finding(file, line, "edited", "", zh, en, right_zh, right_en))
    return wrong


def load_all(root: Path | None = None) -> Library:
    """Load every definition under ``root`` (default: those that ship with the engine).

    Raises :class:`DefinitionBroken` with all findings when any file is faulty, and
    :class:`DefinitionEdited` naming the file when a locked definition's flattened hash differs.
    """
    root = root or shipped_root()
    findings = Findings()
    library = load(root, findings)
    changed = edited(root, library, findings)
    if findings:
        listed = findings.sorted()
        first = listed[0]
        zh = f"流程定义有{len(listed)}处错误，第一处：{first.text('zh')}"
        en = f"The definitions have {len(listed)} mistakes; the first: {first.text('en')}"
        raise DefinitionBroken(zh, en, findings=listed)
    if changed:
        zh, en = changed[0].text("zh"), changed[0].text("en")
        raise DefinitionEdited(zh, en, findings=changed, file=changed[0].file)
    return library
