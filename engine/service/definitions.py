"""What people ask of the rule books: listed, shown whole, checked, and held against the clauses. Plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.definitions import view
from engine.definitions.check import check_library, check_paths
from engine.definitions.coverage import Coverage, coverage
from engine.definitions.finding import Finding, Findings
from engine.definitions.loader import Library, Loaded, shipped_root
from engine.definitions.scenario import check_scenarios, read_scenario
from engine.definitions.source import json_schema
from engine.errors import DefinitionBroken, GuituError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked, by name and hash, and everything that is wrong."""

    checked: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]


def listed(library: Library) -> list[Json]:
    """Every loaded definition: id, version, hash, status, and provenance counted by kind of element."""
    return [view.summary(loaded) for loaded in library.definitions]


def shown(library: Library, name: str) -> Json:
    """One definition, flattened and whole; ``name`` is ``id`` (the newest) or ``id@version``."""
    return view.show(find(library, name))


def find(library: Library, name: str) -> Loaded:
    """The definition of that name. Raises :class:`DefinitionUnknown`."""
    identifier, _, version = name.partition("@")
    return library.get(identifier, version or None)


def checked(paths: Sequence[Path], root: Path | None = None) -> Checked:
    """Check some files, or everything below a root with its scenarios. A faulty file is a finding, not an error."""
    if paths:
        return Checked(tuple((path.as_posix(), "") for path in paths), tuple(_check_some(paths)))
    report = check_library(root)
    return Checked(report.checked, (*report.findings, *check_scenarios(root or shipped_root())))


def _check_some(paths: Iterable[Path]) -> list[Finding]:
    stories = Findings()
    plain = []
    for path in paths:
        if path.parent.name == "scenarios":
            read_scenario(path, stories)
        else:
            plain.append(path)
    return sorted({*check_paths(plain), *stories.found})


def require_green(found: Checked) -> None:
    """Raise :class:`DefinitionBroken` with every finding, if there is one."""
    if found.findings:
        count = len(found.findings)
        raise DefinitionBroken(f"流程定义有{count}处错误", f"{count} mistakes", findings=list(found.findings))


def findings_of(error: GuituError, language: str) -> list[str]:
    """The findings an error carries, one line each: file, line, code, what is wrong, what would be right."""
    carried = error.details.get("findings")
    found = carried if isinstance(carried, list | tuple) else ()
    return [one.text(language) for one in found if isinstance(one, Finding)]


def covered(library: Library, name: str | None = None) -> list[Coverage]:
    """The table of one definition, or of all: every core clause is encoded or listed with a reason."""
    books = library.definitions if name is None else (find(library, name),)
    return [coverage(loaded, library.inventory_of(loaded)) for loaded in books]


def schema() -> Json:
    """The JSON Schema of the files under ``workflows/``, for editors."""
    return json_schema()
