"""Who notices a mutant: the checks, the table of safeguards, the proofs; or nobody could, as it changes nothing.

Asked in the order of what it costs. The stories are played one floor up (``engine.service.mutants``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from engine.core.conditions import Condition, Judged, TrackAt, TrackReached
from engine.core.definition import Definition
from engine.definitions.checks import Context, check_definition
from engine.definitions.coverage import coverage
from engine.definitions.double_entry import compare
from engine.definitions.finding import Finding, Findings, Place, Where
from engine.definitions.inventory import Inventory
from engine.definitions.loader import Loaded
from engine.definitions.proof.cuts import domains, parts, size
from engine.definitions.proof.edits import Mutation, at
from engine.definitions.proof.invariants import Entering, Guarded, Invariant, Opening, StatedBy, Statement
from engine.definitions.proof.prove import Broken, NoPath, Tally, hold
from engine.definitions.proof.slices import Slice, cone, tracks_seen
from engine.definitions.proof.soundness import clusters, soundness
from engine.definitions.proof.ways import Ways
from engine.definitions.proof.worlds import TooLarge, WorldView, combinations
from engine.definitions.reading import Tree
from engine.definitions.safeguards import Table
from engine.definitions.time_limits import check_time_limits
from engine.errors import DefinitionBroken

LARGEST_COMPARED = 20_000
"""Worlds in which two conditions are compared; beyond that they count as different."""
MOST_WORLDS = 512
"""Worlds of fixed facts and settings of a cluster that is explored anew for every mutant; larger ones take too long."""


@dataclass(frozen=True, slots=True)
class Known:
    """What definitions are held against: the clauses, and the names the house knows."""

    inventory: Inventory
    functions: frozenset[str]
    field_classes: frozenset[str] = frozenset()


def flaws_of_shape(definition: Definition, known: Known) -> list[Finding]:
    """Every finding of shape in a flattened definition; without its file none has a line."""
    findings = Findings()
    nowhere = Tree({}, Place(definition.id, 0))
    check_definition(
        Context(definition, definition, nowhere, known.inventory, known.field_classes, known.functions, findings)
    )
    return findings.sorted()


@dataclass
class Watch:
    """Everything that watches over one definition, and what it says of the definition as it is.

    ``table``: its table of safeguards; without one nothing rests on a second entry.
    """

    loaded: Loaded
    known: Known
    invariants: Mapping[str, Invariant]
    table: Table | None = None
    most_worlds: int = MOST_WORLDS
    _sound: dict[tuple[str, ...], frozenset[tuple[str, str]]] = field(default_factory=dict)
    _broken: dict[Statement, bool] = field(default_factory=dict)

    @property
    def original(self) -> Definition:
        """The definition as it is."""
        return self.loaded.definition

    def notices(self, mutant: Mutation) -> tuple[str, str] | None:
        """Who notices a mutant, and what; or nobody. Soundness, which takes longest, is asked last."""
        looks: tuple[tuple[str, Callable[[Mutation], str | None]], ...] = (
            ("shape", self.shape), ("coverage", self.coverage), ("safeguard", self.safeguard),
            ("invariant", self.invariant), ("soundness", self.soundness),
        )  # fmt: skip
        for who, look in looks:
            said = look(mutant)
            if said is not None:
                return who, said
        return None

    def shape(self, mutant: Mutation) -> str | None:
        """The code of the first finding of shape."""
        found = flaws_of_shape(mutant.definition, self.known)
        return f"{found[0].code}: {found[0].where}" if found else None

    def coverage(self, mutant: Mutation) -> str | None:
        """The code of the first finding of coverage."""
        changed = replace(self.loaded, definition=mutant.definition)
        findings = Findings()
        check_time_limits(changed, self.known.inventory, findings)
        found = [*coverage(changed, self.known.inventory).findings, *findings.sorted()]
        return f"{found[0].code}: {found[0].where}" if found else None

    def safeguard(self, mutant: Mutation) -> str | None:
        """The code of the first thing on which the definition and its table of safeguards differ."""
        if self.table is None:
            return None
        findings = Findings()
        compare(self.table, mutant.definition, self.known.inventory, findings)
        found = findings.sorted()
        return f"{found[0].code}: {found[0].where}" if found else None

    # ── soundness ──

    def soundness(self, mutant: Mutation) -> str | None:
        """A flaw that the original has not, among the tracks that look at what was changed."""
        touched = _tracks_touched(mutant.path)
        both = [*clusters(self.original), *clusters(mutant.definition)]
        names = {name for cluster in both if touched & set(cluster) for name in cluster} | touched
        if not names or not self._is_small(mutant.definition, names):
            return None
        fresh = _flaws(mutant.definition, names) - self._flaws_before(names)
        return next((f"{code}: {where}" for code, where in sorted(fresh)), None)

    def _is_small(self, definition: Definition, names: set[str]) -> bool:
        for book in (self.original, definition):
            kept = tuple(name for name in book.tracks if name in names)
            try:
                if kept and size(Ways(Slice(book, kept, after_closing=False)).fixed) > self.most_worlds:
                    return False
            except TooLarge:
                return False
        return True

    def _flaws_before(self, names: set[str]) -> frozenset[tuple[str, str]]:
        key = tuple(sorted(names))
        if key not in self._sound:
            self._sound[key] = _flaws(self.original, names)
        return self._sound[key]

    # ── invariants ──

    def invariant(self, mutant: Mutation) -> str | None:
        """The first invariant that is broken, speaks of what is gone, or would hold for the wrong reason."""
        for name, statements in self._statements():
            for statement in statements:
                said = self._breaks(statement, mutant)
                if said is not None:
                    return f"{name}: {said}"
        return None

    def _statements(self) -> Iterator[tuple[str, tuple[Statement, ...]]]:
        for name, invariant in self.invariants.items():
            binding = invariant.binds.get(self.original.id)
            if binding is None or binding.silent or binding.lost or invariant.held is not None:
                continue
            yield name, invariant.statement if binding.statement is None else binding.statement

    def _breaks(self, statement: Statement, mutant: Mutation) -> str | None:
        if not _is_about(statement, self.original, mutant) or self._is_broken_already(statement):
            return None
        return _broken(statement, mutant.definition)

    def _is_broken_already(self, statement: Statement) -> bool:
        """Whether the definition as it is breaks the statement: then it says nothing about a mutant."""
        if statement not in self._broken:
            self._broken[statement] = _broken(statement, self.original) is not None
        return self._broken[statement]

    # ── changes nothing ──

    def changes_nothing(self, mutant: Mutation) -> bool:
        """Whether no situation whatever tells the changed condition from the original one.

        Compared on all reachable positions of the tracks it looks at and all values of everything else. A requirement
        is the same when it is met in the same situations, a duty's beginning when it is ruled out in the same.
        """
        if mutant.root is None:
            return False
        before, after = at(self.original, mutant.root), at(mutant.definition, mutant.root)
        return _always_agree(self.original, before, after, is_duty=mutant.root[-1] == "arises")


def _broken(statement: Statement, definition: Definition) -> str | None:
    try:
        hold((statement,), definition, Tally())
    except Broken as broken:
        return broken.path[-1].en if broken.path else "broken"
    except TooLarge as large:
        return f"too large: {large}"
    except (NoPath, KeyError, DefinitionBroken) as error:
        return f"no longer says anything: {error}"
    return None


def _tracks_touched(path: Where) -> set[str]:
    return {str(path[1])} if path[0] == "tracks" else set()


def _flaws(definition: Definition, names: Iterable[str]) -> frozenset[tuple[str, str]]:
    """The flaws of some tracks alone; duties only ever lead to remarks."""
    kept = {name: track for name, track in definition.tracks.items() if name in set(names)}
    alone = definition.model_copy(update={"tracks": kept, "duties": {}})
    return frozenset((flaw.code, flaw.where) for flaw in soundness(alone).flaws)


def _is_about(statement: Statement, original: Definition, mutant: Mutation) -> bool:
    """Whether the statement looks at what was changed: only where that is certain, it is not judged again."""
    head = mutant.path[0]
    if isinstance(statement, Entering | Opening):
        if head == "tracks":
            name = statement.entering if isinstance(statement, Entering) else statement.opening
            begin = {name, *tracks_seen([statement.only_if])}
            seen = {one for book in (original, mutant.definition) for one in _cone(book, begin)}
            return str(mutant.path[1]) in seen and mutant.path[-1] not in ("basis", "provenance", "form")
        return head in ("parameters", "facts", "closings") and mutant.path[-1] not in ("stated_by", "changes")
    if isinstance(statement, Guarded | StatedBy):
        return head in ("tracks", "facts")
    return True


def _cone(definition: Definition, names: set[str]) -> set[str]:
    """The tracks a statement depends on. What is named but gone is among them."""
    return {*names, *cone(definition, names & set(definition.tracks))} if names <= set(definition.tracks) else names


def _always_agree(definition: Definition, before: Condition, after: Condition, *, is_duty: bool) -> bool:
    tracks = tuple(sorted(tracks_seen([before, after])))
    values = domains(definition, [before, after], inside=tracks)
    if size(values) > LARGEST_COMPARED:
        return False
    part = Slice(definition, tracks, watched=(before, after))
    try:
        positions = part.reach() if tracks else []
    except TooLarge:
        return False
    seen = [one for one in parts([before, after]) if isinstance(one, TrackAt | TrackReached)]
    alike = {tuple(bool(one.judge(WorldView({}, here), Judged())) for one in seen): here for here in positions}
    for world in combinations(values):
        for view in [WorldView(world, here) for here in alike.values()] or [WorldView(world)]:
            one, other = before.judge(view, Judged()), after.judge(view, Judged())
            if (one is not False) != (other is not False) if is_duty else (one is True) != (other is True):
                return False
    return True
