"""``guitu definitions mutants``: how many small wrong changes of a definition are noticed, by whom, and which are not.

Each mutant is shown to the checks and proofs first (``engine.definitions.proof.catching``), then the stories of its
definition are played under it. What nobody notices and nobody can show to be without effect is a survivor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.definitions.directory_file import demo_directory, read_directory
from engine.definitions.finding import Findings, Where
from engine.definitions.loader import Library, Loaded, read_shelf, shipped_root
from engine.definitions.proof.catching import Known, Watch
from engine.definitions.proof.edits import Mutation, at
from engine.definitions.proof.invariants import Invariant
from engine.definitions.proof.mutants import OPERATORS, mutants, spread
from engine.definitions.proof.naming import read_invariants
from engine.definitions.safeguards import Table, read_table, table_of
from engine.definitions.scenario import Told
from engine.errors import CommandMalformed, DefinitionBroken, GuituError
from engine.service.rehearsal import Rehearsed, Stage, rehearse
from engine.service.story import stories

By = Literal["shape", "coverage", "safeguard", "invariant", "soundness", "story", "nothing", "nobody"]
"""Who notices a mutant; ``nothing``: it is shown to change nothing; ``nobody``: it survives."""
CATCHERS: tuple[By, ...] = ("shape", "coverage", "safeguard", "invariant", "soundness", "story")
_NEVER_PLAYED = ("prohibitions", "listed")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mutant. ``seen``: a survivor that stories show, though none says what must come of it."""

    definition: str
    operator: str
    mutant: str
    by: By
    said: str = ""
    seen: bool = False


@dataclass(slots=True)
class Tally:
    """The outcomes of one operator on one definition."""

    counts: Counter[str] = field(default_factory=Counter)

    @property
    def made(self) -> int:
        """How many there were."""
        return sum(self.counts.values())

    @property
    def survived(self) -> int:
        """How many nobody noticed."""
        return self.counts["nobody"]

    @property
    def kill_rate(self) -> float:
        """The part of those that change something which somebody noticed."""
        matter = self.made - self.counts["nothing"]
        return 1.0 if matter == 0 else (matter - self.survived) / matter


@dataclass
class Court:
    """Everything that judges the mutants of one definition. ``told`` are its stories as they go without any change."""

    watch: Watch
    stage: Stage
    stories: tuple[Told, ...]
    told: dict[str, Rehearsed] = field(default_factory=dict)

    @staticmethod
    def of(library: Library, loaded: Loaded, invariants: Mapping[str, Invariant]) -> Court:
        """Read what is needed and play every story once. Raises :class:`CommandMalformed` when one breaks unchanged."""
        shelf = read_shelf(shipped_root(), Findings())
        inventory = library.inventory_of(loaded)
        known = Known(inventory, shelf.functions | inventory.functions(), shelf.field_classes)
        books = {one.definition.id: one.definition for one in library.definitions}
        stage = Stage.of({**books, loaded.definition.id: loaded.definition}.values(), read_directory(demo_directory()))
        court = Court(
            Watch(loaded, known, invariants, _table(loaded)), stage, tuple(stories(definition=loaded.definition.id))
        )
        for one in court.stories:
            went = court.told[one.scenario.scenario] = rehearse(stage, one)
            if went.broken is not None:
                raise CommandMalformed(
                    f"场景 {one.scenario.scenario} 未改动时已不能按原文进行：{went.broken}",
                    f"story {one.scenario.scenario} breaks before anything is changed: {went.broken}",
                )
        return court

    def judge(self, mutant: Mutation) -> Outcome:
        """What becomes of one mutant."""
        name = self.watch.loaded.name
        noticed = self.watch.notices(mutant)
        if noticed is not None:
            who, said = noticed
            return Outcome(name, mutant.operator, mutant.name, who, said)  # type: ignore[arg-type]
        broken, seen = self._play(mutant)
        if broken is not None:
            return Outcome(name, mutant.operator, mutant.name, "story", broken)
        if self.watch.changes_nothing(mutant):
            return Outcome(name, mutant.operator, mutant.name, "nothing")
        return Outcome(name, mutant.operator, mutant.name, "nobody", seen=seen)

    def _play(self, mutant: Mutation) -> tuple[str | None, bool]:
        """The first story that no longer goes as told; and whether anything in any story went otherwise."""
        wanted = [one for one in self.stories if self._may_notice(self.told[one.scenario.scenario], mutant)]
        if not wanted:
            return None, False
        try:
            stage = self.stage.with_changed(mutant.definition)
        except GuituError as error:
            return f"cannot be compiled: {error.en}", True
        seen = False
        for one in wanted:
            before, after = self.told[one.scenario.scenario], rehearse(stage, one)
            if after.broken is not None:
                return after.broken, True
            seen = seen or before.heard != after.heard
        return None, seen

    def _may_notice(self, went: Rehearsed, mutant: Mutation) -> bool:
        """Whether a story comes near what was changed. Only where it surely does not, it is not played."""
        path = mutant.path
        if path[0] in _NEVER_PLAYED:
            return False
        if path[0] == "facts":
            return f"facts.{path[1]}" in went.touched
        if path[0] == "duties":
            return f"duties.{path[1]}" in went.touched or "close" in went.touched
        if path[0] != "tracks" or len(path) < 4 or self._is_guard(path):
            return True
        track = f"tracks.{path[1]}"
        return (f"{track}.moves.{path[3]}" if path[2] == "moves" else track) in went.touched

    def _is_guard(self, path: Where) -> bool:
        """Whether a hard ban is concerned, which holds for a fact by whatever move it comes; or an opening."""
        if path[2] == "opens":
            return True
        if path[2] != "moves" or len(path) < 6 or path[4] != "requires":
            return False
        return at(self.watch.original, path[:6]).prohibition is not None


def _table(loaded: Loaded) -> Table | None:
    """The table of safeguards of a definition, if there is one. A faulty one would look like one nobody needs."""
    path = table_of(loaded.path)
    findings = Findings()
    table = read_table(path, findings) if path.exists() else None
    if findings:
        raise _broken(findings, "保障表", "The table of safeguards")
    return table


def _broken(findings: Findings, zh: str, en: str) -> DefinitionBroken:
    listed = findings.sorted()
    return DefinitionBroken(
        f"{zh}有{len(listed)}处错误，第一处：{listed[0].text('zh')}",
        f"{en}: {len(listed)} mistakes; the first: {listed[0].text('en')}",
        findings=listed,
    )


def invariants(library: Library, root: Path | None = None) -> Mapping[str, Invariant]:
    """The invariants below a root (default: the shipped ones). Raises :class:`DefinitionBroken` for a faulty file."""
    findings = Findings()
    found = read_invariants(root or shipped_root(), library.definitions, findings)
    if findings:
        raise _broken(findings, "不变式文件", "The invariants")
    return found


def court(library: Library, name: str, invariants: Mapping[str, Invariant]) -> Court:
    """The court of one definition; ``name`` is ``id`` or ``id@version``."""
    identifier, _, version = name.partition("@")
    return Court.of(library, library.get(identifier, version or None), invariants)


def chosen(judges: Court, operator: str | None = None, most: int | None = None) -> list[Mutation]:
    """The mutants to be judged: all, those of one operator, or at most so many of each operator, always the same."""
    if operator is not None and operator not in OPERATORS:
        raise CommandMalformed(
            f"没有变体算子 {operator}；有：{'、'.join(OPERATORS)}",
            f"no operator {operator}; there are: {', '.join(OPERATORS)}",
        )
    operators = None if operator is None else [operator]
    definition = judges.watch.original
    return list(mutants(definition, operators) if most is None else spread(definition, most, operators))


def judged(judges: Court, found: Iterable[Mutation]) -> Iterator[Outcome]:
    """Judge one after another."""
    yield from (judges.judge(mutant) for mutant in found)


def tallied(outcomes: Iterable[Outcome]) -> dict[str, Tally]:
    """The outcomes by operator."""
    found: dict[str, Tally] = {}
    for one in outcomes:
        found.setdefault(one.operator, Tally()).counts[one.by] += 1
    return found


def as_json(name: str, outcomes: list[Outcome], seconds: float) -> dict[str, Any]:
    """One definition's mutants as plain data: rates by operator, and every survivor."""
    table = tallied(outcomes)
    whole = Tally(sum((one.counts for one in table.values()), Counter()))
    return {
        "definition": name,
        "seconds": round(seconds, 1),
        **_line(whole),
        "operators": {operator: _line(one) for operator, one in table.items()},
        "survivors": [{"mutant": one.mutant, "seen": one.seen} for one in outcomes if one.by == "nobody"],
    }


def _line(tally: Tally) -> dict[str, Any]:
    caught = {by: tally.counts[by] for by in CATCHERS}
    return {
        "made": tally.made,
        "caught": caught,
        "changes_nothing": tally.counts["nothing"],
        "survived": tally.survived,
        "kill_rate": round(tally.kill_rate, 3),
    }
