"""A command judged: the verdict, and what is said to whoever may not. Pure.

Whoever may not see a case is told what is said of a case that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.access.asking import authorise
from engine.access.gate import NOTHING_ELSE, Gate
from engine.access.model import CaseFile, Circumstances, Role, Verdict, Who
from engine.access.participation import PartRow, file_of, header_of, parts_of
from engine.core.case import Case
from engine.core.commands import Actor, Command, shown_code, snake
from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.errors import CaseUnknown, GuituError, NotHolder, NotPermitted


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the policies say to a command; ``refusal`` is the error to raise, ``None`` when it is permitted."""

    verdict: Verdict
    refusal: GuituError | None = None


def judge(  # noqa: PLR0917 - a command, and all that it is judged by
    gate: Gate, command: Command, who: Who, case: Case | None, file: CaseFile | None, book: Definition, units: Directory
) -> Judgement:
    """Ask the policies about a command; ``case`` and ``file`` are ``None`` for one that opens a case."""
    verdict = authorise(gate, command, who, case, file, book, units)
    if verdict.allowed:
        return Judgement(verdict)
    action = snake(type(command))
    if case is not None and (file is None or not may_know(gate, who, file)):
        return Judgement(verdict, unknown(case.id))
    if case is None or verdict.policies or verdict.fault is not None:
        return Judgement(verdict, denied(gate, who, action, verdict))
    name = units.current(who.unit).name()
    holders = sorted({track.holder for track in case.held().values() if track.holder})
    return Judgement(verdict, NotHolder(
        f"{name.zh}不是该环节的负责单位，不能办理（没有任何规则允许）",
        f"{name.en} does not hold this step (no policy permits it)",
        unit=who.unit, role=who.role, act=action, policies=[], holders=holders,
    ))  # fmt: skip


def may_know(gate: Gate, who: Who, file: CaseFile, given: Circumstances = NOTHING_ELSE) -> bool:
    """Whether a person may know that there is this case: whether she would see it, whatever purpose she states now."""
    return gate.decide(replace(who, purpose="case_handling"), "see_case", file, given).allowed


def denied(
    gate: Gate, who: Who, action: str, verdict: Verdict, doing: tuple[str, str] | None = None
) -> NotPermitted:  # fmt: skip
    """The error for a refusal, in words: what was asked (``doing``, 中文 and English), as whom, and what decided."""
    zh, en = doing or (action, action)
    why_zh, why_en = why_not(gate, verdict)
    return NotPermitted(
        f"{who.person} 以 {who.role} 身份不能在此{zh}：{why_zh}",
        f"{who.person} as {who.role} may not {en} here: {why_en}",
        action=action, role=who.role, unit=who.unit, policies=list(verdict.policies),
    )  # fmt: skip


def why_not(gate: Gate, verdict: Verdict) -> tuple[str, str]:
    """Why a verdict is a refusal, in words: the policies that forbid it, a fault, or that nothing permits it."""
    if verdict.fault is not None:
        return "规则无法判定，按不允许处理", "the policies could not be evaluated, so nothing is permitted"
    if not verdict.policies:
        return "没有任何规则允许", "no policy permits it"
    named = [gate.policy(one) for one in verdict.policies]
    return (
        "；".join(f"{one.title.zh}（规则 {one.id}）" for one in named),
        "; ".join(f"{one.title.en} (policy {one.id})" for one in named),
    )


def unknown(case_id: str) -> CaseUnknown:
    """What is said of a case that does not exist, and of one that somebody is not to know of."""
    shown = shown_code(case_id)
    return CaseUnknown(f"没有个案 {shown}", f"no case {shown}", case=shown)


# ── without a record room ──


def at_her_word(actor: Actor, units: Directory, role: Role = "caseworker") -> Who:
    """Whoever acts where nobody is enrolled: in a world for trial, in a rehearsal. Raises :class:`UnitUnknown`."""
    unit = units.current(actor.unit)
    areas = tuple(area.code for area in units.upward(unit.jurisdiction))
    return Who(actor.person, unit.id, unit.functions, areas, role, frozenset({role}), actor.purpose)


def on_paper(
    case: Case, book: Definition, units: Directory, ended: frozenset[PartRow] = frozenset()
) -> CaseFile:  # fmt: skip
    """A case whose participations are nowhere on record: as if all that ended, in it and in ``ended``, had just now."""
    held = frozenset(PartRow(unit, "responsible") for unit in case.units)
    past = frozenset(row for row in ended if row.part != "receiving")
    return file_of(header_of(case), parts_of(case, book, units) | held | past, case.units, book, units)
