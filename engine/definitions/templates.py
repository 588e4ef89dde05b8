"""The templates all jurisdictions share, and what they are laid under.

``templates/*.yaml`` hold sections (facts, documents, consents, parameters, decline_reasons, duties,
prohibitions, closings), ``templates/tracks/*.yaml`` one track each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from engine.definitions.finding import Findings, Where, one_of
from engine.definitions.reading import Tree, read
from engine.definitions.shape import report
from engine.definitions.source import JurisdictionFile, SharedTemplates, TrackTemplate
from engine.definitions.wording import check_wording

VOCABULARY = ("facts", "documents", "consents", "parameters")
"""Sections whose templates are there without being named; what nothing uses is left out."""
ELEMENTS = ("tracks", "duties", "prohibitions", "closings")
"""Sections of which a jurisdiction has only what it names."""
_CONDITIONS = ("when", "arises", "settled_by")
_SUBJECTS = frozenset(
    ("fact", "since", "track", "document", "consent", "parameter", "actor", "other_person_than", "all", "any", "not")
)


@dataclass(slots=True)
class Templates:
    """Template entries by section and name; ``broken`` when a file could not be used."""

    sections: dict[str, dict[str, Tree]] = field(default_factory=dict)
    broken: bool = False

    def section(self, name: str) -> dict[str, Tree]:
        """The templates of one section."""
        return self.sections.setdefault(name, {})

    def put(self, section: str, name: str, entry: Tree, findings: Findings) -> None:
        """Add a template; a name twice is a finding."""
        first = self.section(section).setdefault(name, entry)
        if first is not entry:
            wrong = (f"模板“{name}”已在{first.place}定义。", f"Template `{name}` is already defined at {first.place}.")
            right = ("请改名或删去其一。", "Rename or remove one of them.")
            findings.add(entry.place, "duplicate_template", (section, name), wrong, right)


def read_file(path: Path, model: type[BaseModel], findings: Findings) -> Tree | None:
    """Read a file and hold it against its authoring model; ``None`` when it cannot be used."""
    tree = read(path, findings)
    if tree is None:
        return None
    check_wording(tree, findings)
    try:
        model.model_validate(tree.plain())
    except ValidationError as error:
        report(error, tree, model, findings)
        return None
    return tree


def model_of(path: Path) -> type[BaseModel]:
    """The authoring model of a file, told by its folder."""
    if path.parent.name == "tracks":
        return TrackTemplate
    return SharedTemplates if path.parent.name == "templates" else JurisdictionFile


def read_templates(folder: Path, findings: Findings) -> Templates:
    """Every template below a folder; broken files leave findings and set ``broken``."""
    templates = Templates()
    for path in sorted(folder.glob("*.yaml")):
        tree = read_file(path, SharedTemplates, findings)
        templates.broken |= tree is None
        for section, entries in (tree.items() if tree else {}).items():
            for name, entry in entries.items().items():
                templates.put(section, name, entry, findings)
    for path in sorted(folder.glob("tracks/*.yaml")):
        tree = read_file(path, TrackTemplate, findings)
        templates.broken |= tree is None
        if tree is not None:
            body = dict(tree.items())
            name = str(body.pop("track").value)
            templates.put("tracks", name, Tree(body, tree.place), findings)
    return templates


def merge(base: Tree, over: Tree, path: Where, findings: Findings) -> Tree:
    """Lay ``over`` on ``base``: mappings key by key, lists and plain values replaced, ``null`` removes.

    A condition that names its own subject replaces the template's whole: half of one and half of another
    would say nothing. Removing what is not there is a finding.
    """
    if not isinstance(base.value, dict) or not isinstance(over.value, dict) or _is_new_condition(path, over.value):
        return without_nulls(over)
    merged = dict(base.value)
    for key, child in over.value.items():
        if child.value is not None:
            inner = (*path, key)
            merged[key] = merge(merged[key], child, inner, findings) if key in merged else without_nulls(child)
        elif merged.pop(key, None) is None:
            wrong = (f"模板里没有“{key}”，无可删除。", f"The template has no `{key}` to remove.")
            findings.add(child.place, "nothing_to_remove", (*path, key), wrong, one_of(key, base.value))
    return Tree(merged, over.place)


def _is_new_condition(path: Where, over: Mapping[str, Tree]) -> bool:
    """Whether this is a whole condition, not a change of a figure in one."""
    return bool(path) and path[-1] in _CONDITIONS and not _SUBJECTS.isdisjoint(over)


def without_nulls(tree: Tree) -> Tree:
    """The same without entries that say ``null``."""
    if isinstance(tree.value, tuple):
        return Tree(tuple(without_nulls(child) for child in tree.value), tree.place)
    if not isinstance(tree.value, dict):
        return tree
    kept = {key: without_nulls(child) for key, child in tree.value.items() if child.value is not None}
    return Tree(kept, tree.place)


def lay(file: Tree, templates: Templates, findings: Findings) -> Tree | None:
    """Lay a jurisdiction's file over the templates it uses: one tree without ``use`` and ``null``.

    ``None`` when it uses a template that is not there: what it lacks would be a flood of findings.
    """
    entries = dict(file.items())
    complete = True
    for section in (*VOCABULARY, "decline_reasons", *ELEMENTS):
        own = entries.get(section, Tree({}, file.place))
        shared = templates.section(section)
        laid = {} if section in ELEMENTS else dict(shared)
        for name, entry in own.items().items():
            laid.pop(name, None)
            whole = _one(section, name, entry, shared, findings)
            complete &= whole is not None
            if whole is not None and whole.value is not None:
                laid[name] = whole
        entries[section] = Tree({name: without_nulls(entry) for name, entry in laid.items()}, own.place)
    return without_nulls(Tree(entries, file.place)) if complete else None


def _one(section: str, name: str, entry: Tree, shared: dict[str, Tree], findings: Findings) -> Tree | None:
    """Lay one entry over the template it uses; ``None`` when there is no such template."""
    path: Where = (section, name)
    if section == "decline_reasons" and name in shared and entry.value is not None:
        return merge(shared[name], entry, path, findings)
    used = entry.child("use")
    if used is None or used.value is None:
        if section in VOCABULARY and name in shared and entry.value is not None:
            wrong = (f"“{name}”已在词汇表里。", f"`{name}` is already in the vocabulary.")
            right = (f"请写use: {name}，只写不同之处。", f"Write `use: {name}` and only what differs.")
            findings.add(entry.place, "redeclared", path, wrong, right)
        return entry
    if used.value not in shared:
        wrong = (f"没有模板“{used.value}”。", f"There is no template `{used.value}`.")
        findings.add(used.place, "unknown_template", path, wrong, one_of(str(used.value), shared))
        return None
    own = {key: child for key, child in entry.items().items() if key != "use"}
    return merge(shared[str(used.value)], Tree(own, entry.place), path, findings)
