"""Soundness: no dead move, every record can close in good order, one unit answers for each step, legal aid is open.

Tracks that look at one another are explored together, whole; ``docs/proofs.md`` says how the parts are put together
to a statement about the record, and what is assumed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from engine.core.conditions import TrackAt, TrackReached
from engine.core.definition import Definition, Duty, Label, Move, Scope, Track
from engine.definitions.proof.cuts import parts
from engine.definitions.proof.slices import Slice, conditions_of, cone, tracks_seen
from engine.definitions.proof.telling import told_positions, told_way, told_world
from engine.definitions.proof.ways import (
    MOVES,
    MOVES_AND_OPENINGS,
    Ways,
    closing_asks,
    conditions_in,
    tried,
)
from engine.definitions.proof.worlds import STOPPED, Ask, Positions, TooLarge, World

LEAVES_NOTHING_OPEN = "tests/core/test_records_and_closing.py"
"""Closing leaves no open step or hand-off: a property of the engine, held by the tests in this file."""


REMARKS = frozenset({"after_correction", "rests_on_consent", "by_hand"})
"""What is told and keeps nothing from being released: see ``docs/proofs.md``."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong, where, and the way to it in words. A remark is told the same way and is no failure."""

    code: str
    where: str
    said: Label
    path: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Cluster:
    """Tracks that were explored together: how many positions, and how many worlds of fixed facts and settings."""

    tracks: tuple[str, ...]
    positions: int
    worlds: int
    seconds: float


@dataclass(slots=True)
class Soundness:
    """How a definition stands; ``flaws`` keep it from being released, ``remarks`` are for its author."""

    definition: str
    flaws: list[Flaw] = field(default_factory=list)
    remarks: list[Flaw] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_green(self) -> bool:
        """Whether it keeps no definition from being released."""
        return not self.flaws

    def note(self, found: Iterable[Flaw]) -> None:
        """Put what was found where it belongs."""
        for one in found:
            (self.remarks if one.code in REMARKS else self.flaws).append(one)


def clusters(definition: Definition) -> list[tuple[str, ...]]:
    """The tracks in groups of those that look at one another, be it through the closing that needs both."""
    groups = {name: {name} for name in definition.tracks}

    def join(names: Iterable[str]) -> None:
        together = set().union(*(groups[name] for name in names if name in groups))
        for name in together:
            groups[name] = together

    for name, track in definition.tracks.items():
        join({name, *tracks_seen(conditions_of(track))})
    for name in definition.closings:
        join(tracks_seen(conditions_in(closing_asks(definition, name))))
    found: dict[tuple[str, ...], None] = {}
    for name in definition.tracks:
        found[tuple(one for one in definition.tracks if one in groups[name])] = None
    return list(found)


def examine(definition: Definition) -> Iterator[tuple[str, ...] | Soundness]:
    """Examine one definition: each cluster as it is taken up, and at the end what was found."""
    begun = time.perf_counter()
    found = Soundness(definition.id)
    found.note([*_units(definition), *_legal_aid(definition), *_endless(definition)])
    for names in clusters(definition):
        yield names
        _one_cluster(definition, names, found)
    for name, duty in definition.duties.items():
        found.note(_sized(f"duties.{name}", partial(_by_hand, definition, name, duty)))
    found.seconds = round(time.perf_counter() - begun, 3)
    yield found


def soundness(definition: Definition) -> Soundness:
    """Examine one definition."""
    *_, found = examine(definition)
    assert isinstance(found, Soundness)
    return found


def _sized(where: str, look: Callable[[], Iterable[Flaw]]) -> list[Flaw]:
    """What was found, or that it was too large to look at."""
    try:
        return list(look())
    except TooLarge as large:
        said = Label(zh=f"切片过大，未检查：{large}", en=f"slice too large to explore, nothing is proved: {large}")
        return [Flaw("too_large", where, said)]


def _one_cluster(definition: Definition, names: tuple[str, ...], found: Soundness) -> None:
    begun = time.perf_counter()
    part = Slice(definition, names, after_closing=False)
    where = "/".join(names)
    for name in names:
        found.note(_sized(f"tracks.{name}", partial(_dead_moves, definition, name)))
    worlds = [0]
    ended = _sized(where, partial(_ends, part, worlds, refusing=False))
    found.note(ended)
    if not ended:
        found.note(_sized(where, partial(_ends, part, worlds, refusing=True)))
    found.clusters.append(Cluster(names, len(part.came), sum(worlds), round(time.perf_counter() - begun, 3)))


# ── no dead move ──


def _dead_moves(definition: Definition, name: str) -> Iterator[Flaw]:
    """Every move can really be made in some world, by somebody, beginning with an empty record."""
    track = definition.tracks[name]
    ways = Ways(Slice(definition, cone(definition, [name]), after_closing=False), settings_on=False)
    left = {f"{name}.{move}" for move in track.moves}
    for world in ways.worlds():
        left -= tried(ways, world)
        if not left:
            break
    corrected = left & tried(ways, None)
    for move_name, move in track.moves.items():
        where = f"tracks.{name}.moves.{move_name}"
        if f"{name}.{move_name}" in corrected:
            said = _said(definition, name, move, "仅在更正登记之后才能执行", "can be made only after a correction")
            yield Flaw("after_correction", where, said)
        elif f"{name}.{move_name}" in left:
            said = _said(definition, name, move, "在任何情形下都无法执行", "can be made in no situation")
            yield Flaw("dead_move", where, said)
        yield from _unfillable(definition, name, move_name, move)


def _unfillable(definition: Definition, name: str, move_name: str, move: Move) -> Iterator[Flaw]:
    """A field that must come with the move, though no unit that makes the move may state it."""
    track = definition.tracks[name]
    holders = {track.steps[source].responsible for source in move.source}
    for form in move.form:
        stated_by = definition.facts[form.fact].stated_by
        if form.required and form.fresh and stated_by and holders.isdisjoint(stated_by):
            title = definition.facts[form.fact].title
            zh, en = f"须随动作登记「{title.zh}」，而负责单位无权登记", f"must state {title.en}, which its unit may not"
            yield Flaw("dead_move", f"tracks.{name}.moves.{move_name}", _said(definition, name, move, zh, en))


def _said(definition: Definition, track: str, move: Move, zh: str, en: str) -> Label:
    title = definition.tracks[track].title
    return Label(zh=f"「{title.zh}」{move.title.zh}：{zh}", en=f"{title.en}: {move.title.en}: {en}")


# ── every record can close ──


def _ends(part: Slice, worlds: list[int], *, refusing: bool) -> list[Flaw]:
    """From every position everything that is held can be brought to an end; and the record can be closed."""
    definition = part.definition
    named = [name for name in _good_closings(definition) if _is_about(definition, name, part)]
    ways = Ways(part, tuple(ask for name in named for ask in closing_asks(definition, name)), refusing)
    found, count = _stuck(ways, named)
    worlds.append(count)
    return found


def _good_closings(definition: Definition) -> list[str]:
    """The closings in good order: those that ask for the duties."""
    return [name for name, closing in definition.closings.items() if closing.needs_duties]


def _is_about(definition: Definition, closing: str, part: Slice) -> bool:
    return not tracks_seen(conditions_in(closing_asks(definition, closing))).isdisjoint(part.names)


def _stuck(ways: Ways, closings: list[str]) -> tuple[list[Flaw], int]:
    """The first position, in some world, from which there is no way to a good end."""
    graph = ways.graph()
    onward = MOVES_AND_OPENINGS if closings else MOVES
    over = [number for number, here in enumerate(graph.here) if ways.part.is_over(here)]
    safe: dict[tuple[object, ...], set[int]] = {}
    remarks: list[Flaw] = []
    count = 0
    for world in ways.worlds():
        count += 1
        goals = tuple(number for number in over if _is_goal(ways, closings, graph.here[number], world))
        doing = ways.doing(onward, world)
        if (goals, doing) not in safe:
            safe[goals, doing] = graph.leading_to(goals, doing)
        bad = [number for number in range(len(graph.here)) if number not in safe[goals, doing]]
        come_to = ways.come_to(world) if bad else set()
        first = next((number for number in bad if number in come_to), None)
        if first is not None:
            return [_no_end(ways, closings, graph.here[first], world)], count
        if bad and not remarks and not ways.refusing:
            remarks = [_no_end(ways, closings, graph.here[bad[0]], world, is_corrected=True)]
    return remarks, count


def _is_goal(ways: Ways, closings: list[str], here: Positions, world: World) -> bool:
    asked = {name: closing_asks(ways.part.definition, name) for name in closings}
    return not closings or any(ways.holds(name, asks, here, world) for name, asks in asked.items())


def _no_end(ways: Ways, closings: list[str], here: Positions, world: World, *, is_corrected: bool = False) -> Flaw:
    definition = ways.part.definition
    stand = told_positions(definition, here)
    if is_corrected:
        code, zh, en = "after_correction", "登记内容随后更正时无法再办结", "has no end once the record is corrected"
    elif ways.refusing:
        code, zh, en = "rests_on_consent", "受害人不同意时无法办结", "cannot be ended while the victim does not agree"
    elif closings:
        code, zh, en = "no_closing", "无法再正常结案", "the record can no longer close in good order"
    else:
        code, zh, en = "no_end", "无法再办结", "can no longer be brought to an end"
    said = Label(zh=f"{zh}（{stand.zh}）", en=f"{en} ({stand.en})")
    return Flaw(code, "/".join(ways.part.names), said, (*told_way(ways.part, here), told_world(definition, world)))


def _endless(definition: Definition) -> Iterator[Flaw]:
    """Every kind of record that tracks belong to has a closing in good order."""
    good: set[Scope] = {definition.closings[name].scope for name in _good_closings(definition)}
    for scope in dict.fromkeys(track.scope for track in definition.tracks.values()):
        if scope not in good:
            said = Label(zh=f"{scope}类记录没有正常的结案方式", en=f"a record of {scope} has no closing in good order")
            yield Flaw("no_closing", f"closings ({scope})", said)


# ── duties that the work itself no longer settles ──


def _by_hand(definition: Definition, name: str, duty: Duty) -> Iterator[Flaw]:
    """A remark where a duty can arise although the track that settles it can no longer do so.

    It does not keep a record from closing: it is recorded as done, with evidence. But the record does not show it.
    """
    tracks = tracks_seen([duty.settled_by])
    if duty.scope == "office" or duty.settled_by is None or not tracks:
        return
    arises = (Ask(duty.arises),) if duty.arises is not None else ()
    settled = (Ask(duty.settled_by),)
    watched = tuple(ask.when for ask in (*arises, *settled))
    part = Slice(definition, cone(definition, tracks_seen(watched)), watched, after_closing=False)
    ways = Ways(part, (*arises, *settled))
    graph = ways.graph()
    for world in ways.worlds():
        goals = [number for number, here in enumerate(graph.here) if ways.holds("settled", settled, here, world)]
        safe = graph.leading_to(goals, ways.doing(MOVES_AND_OPENINGS, world))
        for number in sorted(ways.come_to(world) - safe):
            here = graph.here[number]
            is_declined = duty.declinable and any(here.place(track) == STOPPED for track in tracks)
            if not is_declined and ways.holds("arises", arises, here, world):
                yield _only_by_hand(part, name, duty, here, world)
                return


def _only_by_hand(part: Slice, name: str, duty: Duty, here: Positions, world: World) -> Flaw:
    said = Label(
        zh=f"职责「{duty.title.zh}」产生时，其办理线可能已不能完成它，只能直接登记为已完成",
        en=f"{duty.title.en}: it may arise when its track can no longer do it; then it is only recorded as done",
    )
    return Flaw("by_hand", f"duties.{name}", said, (*told_way(part, here), told_world(part.definition, world)))


# ── one unit answers for each step ──


def _units(definition: Definition) -> Iterator[Flaw]:
    """Every step that is not final has exactly one responsible unit, printed or labelled."""
    for name, track in definition.tracks.items():
        for step_name, step in track.steps.items():
            where = f"tracks.{name}.steps.{step_name}"
            if step.final:
                continue
            if step.responsible is None or step.responsible not in definition.units:
                yield Flaw(
                    "no_unit", where, Label(zh=f"「{step.title.zh}」没有负责单位", en=f"{step.title.en}: no unit")
                )
            elif step.provenance in ("printed", "reading") and not step.basis:
                said = Label(
                    zh=f"「{step.title.zh}」的负责单位既无条文依据，也未标为本地设置",
                    en=f"{step.title.en}: its unit is neither printed nor labelled a local setting",
                )
                yield Flaw("unit_unlabelled", where, said)
            elif step.provenance == "printed" and not step.printed_responsible:
                said = Label(
                    zh=f"「{step.title.zh}」的条文未印负责单位", en=f"{step.title.en}: its clause prints no unit"
                )
                yield Flaw("unit_not_printed", where, said)


# ── legal aid from every open stage ──


def legal_aid_of(definition: Definition) -> list[str]:
    """The tracks of legal aid: named ``legal_aid``, or ``legal_aid_`` and more."""
    return [name for name in definition.tracks if name == "legal_aid" or name.startswith("legal_aid_")]


def _legal_aid(definition: Definition) -> Iterator[Flaw]:
    """Legal aid can be opened by anybody, at any time, again, and waits on no other track."""
    names = legal_aid_of(definition)
    if not names:
        yield Flaw("no_legal_aid", "tracks", Label(zh="没有法律援助办理线", en="there is no track of legal aid"))
    for name in names:
        for zh, en in _barriers(name, definition.tracks[name]):
            yield Flaw("legal_aid_barred", f"tracks.{name}", Label(zh=f"法律援助{zh}", en=f"legal aid {en}"))


def _barriers(name: str, track: Track) -> Iterator[tuple[str, str]]:
    if track.scope != "victim":
        yield "不属于受害人个案", "is no track of a victim's record"
    if track.opens.on_request != "any":
        yield "并非任何单位都可提请", "cannot be opened on request of any unit"
    if not track.opens.again:
        yield "办结后不能再次提请", "cannot be opened again after it ended"
    if track.opens.requires:
        yield f"开启时另有条件：{'、'.join(track.opens.requires)}", f"opens only if {', '.join(track.opens.requires)}"
    asked = [one.when for move in track.moves.values() for one in move.requires.values()]
    others = {part.track for part in parts(asked) if isinstance(part, TrackAt | TrackReached)} - {name}
    if others:
        yield f"须等待其他办理线：{'、'.join(sorted(others))}", f"waits on other tracks: {', '.join(sorted(others))}"
