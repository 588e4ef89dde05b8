"""What people ask of the rule books: listed, shown whole, checked, and held against the clauses. Plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.core.definition import Label
from engine.definitions import view
from engine.definitions.check import check_library, check_paths, prove_library
from engine.definitions.coverage import Coverage, coverage
from engine.definitions.finding import Finding, Findings
from engine.definitions.loader import Library, Loaded, shipped_root
from engine.definitions.proof.prove import Result
from engine.definitions.proof.run import Looking as Looking
from engine.definitions.proof.run import lines_of, totals
from engine.definitions.proof.soundness import LEAVES_NOTHING_OPEN, Soundness
from engine.definitions.scenario import check_scenarios, read_scenario
from engine.definitions.source import json_schema
from engine.errors import DefinitionBroken, GuituError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked, by name and hash, and everything that is wrong."""

    checked: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]


def listed(library: Library, standing: Mapping[str, str] | None = None) -> list[Json]:
    """Every loaded definition: id, version, hash, status, and provenance counted by kind of element.

    ``standing`` says by hash what an installation has ``released`` or ``superseded``; the file never does.
    """
    lines = [view.summary(loaded) for loaded in library.definitions]
    return [{**line, "status": (standing or {}).get(line["hash"], line["status"])} for line in lines]


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


@dataclass(slots=True)
class Proved:
    """What was proved of the definitions, and what was not."""

    soundness: list[Soundness] = field(default_factory=list)
    invariants: list[Result] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_green(self) -> bool:
        """Whether nothing keeps a definition from being released."""
        is_sound = all(one.is_green for one in self.soundness)
        return is_sound and not self.findings and all(one.is_green for one in self.invariants)

    def as_json(self) -> Json:
        """Everything as plain data: each cluster, each invariant per definition, the totals."""
        return {
            "soundness": [{"is_green": one.is_green, **_plain(one)} for one in self.soundness],
            "invariants": [{"is_green": one.is_green, **_plain(one)} for one in self.invariants],
            "held_by_tests": {"closing_leaves_nothing_open": LEAVES_NOTHING_OPEN},
            "totals": totals(self.soundness, self.invariants),
        }


def _plain(one: Any) -> Json:
    return {key.name: getattr(one, key.name) for key in fields(one)}


def proved(
    root: Path | None = None, *, only: str | None = None, watch: Callable[[Looking], None] | None = None
) -> Proved:
    """Prove everything below a root, or one definition; its shape must be green. ``watch`` is told what comes next."""
    found = Proved()
    for item in prove_library(root, only):
        if isinstance(item, Soundness):
            found.soundness.append(item)
        elif isinstance(item, Result):
            found.invariants.append(item)
        elif isinstance(item, Finding):
            found.findings.append(item)
        elif watch is not None:
            watch(item)
    return found


def require_proved(found: Proved) -> None:
    """Raise :class:`DefinitionBroken` with every failure and its counterexample, if there is one."""
    if not found.is_green:
        count = len(failures(found, "en"))
        raise DefinitionBroken(
            f"流程定义有{count}项未获证明", f"{count} proofs fail", findings=found.findings,
            failures={language: failures(found, language) for language in ("zh", "en")},
        )  # fmt: skip


def failures(found: Proved, language: str) -> list[list[str]]:
    """What is not proved, each with its counterexample line by line."""
    said = [[finding.text(language)] for finding in found.findings]
    for one in found.soundness:
        for flaw in one.flaws:
            first, *way = lines_of(flaw)
            said.append(
                [f"{one.definition}: {flaw.code}: {_in(first, language)}", *(_in(line, language) for line in way)]
            )
    for result in found.invariants:
        if not result.is_green:
            head = f"{result.definition}: {result.invariant} {_in(result.title, language)}: {result.status}"
            why = [] if result.path else [_in(result.said, language)]
            said.append([head, *why, *(_in(line, language) for line in result.path)])
    return said


def remarks(found: Proved, language: str) -> list[str]:
    """What is told to the author and keeps nothing from being released."""
    return [
        f"{one.definition}: {remark.code}: {_in(lines_of(remark)[0], language)}"
        for one in found.soundness
        for remark in one.remarks
    ]


def _in(label: Label, language: str) -> str:
    return label.zh if language == "zh" else label.en


def findings_of(error: GuituError, language: str) -> list[str]:
    """What an error carries, one line each: a finding's file, line, code and cure; a failed proof and its way."""
    failed = error.details.get("failures")
    if isinstance(failed, dict):  # the findings are among them
        return [line for head, *way in failed[language] for line in (head, *(f"    {one}" for one in way))]
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
