"""Why something is permitted, or not: the decision somebody would get now, told with the policies that decide it.

It is the same gate, asked about somebody else. Nothing of a case is told but what its unit takes part as.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from engine.access.asking import asked
from engine.access.judging import unknown, why_not
from engine.access.model import CaseFile, Circumstances, Verdict, Who
from engine.access.policy_text import Policy
from engine.access.subjects import Installation, Opening, Subject
from engine.core import commands as cmd
from engine.core.case import Case
from engine.core.codes import hold_actors
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.errors import CommandMalformed
from engine.service.account import Account
from engine.service.admission import admit
from engine.service.circumstances import circumstances
from engine.service.desk import Desk
from engine.service.known import load_with_key
from engine.service.participation import case_file
from engine.service.permission import admitted, permit
from engine.store.work import Work

_ABOUT = ("track", "hand_off", "duty", "outcome")
"""What a command may be about, besides the case; the first of them that it has."""


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """A policy that decided: what it says, and where that comes from."""

    id: str
    title: Label
    effect: str
    clauses: tuple[str, ...]
    provenance: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What somebody would be told now, and why; ``takes_part_as`` is how her unit takes part in the case."""

    person: str
    unit: str
    role: str
    action: str
    case: str | None
    is_allowed: bool
    why: Label
    policies: tuple[PolicyLine, ...]
    takes_part_as: tuple[str, ...]
    policy_hash: str


@dataclass(frozen=True, slots=True)
class Question:
    """May ``about`` do ``action``? ``on`` names the track, hand-off, duty or outcome that a command is about."""

    about: Actor
    action: str
    case: str | None = None
    on: str = ""


def explain(desk: Desk, question: Question, actor: Actor) -> Explanation:
    """The decision as it would be made now.

    Everybody may ask about herself; about others those whom the policies let. Raises :class:`CommandMalformed` for an
    action that is none, :class:`CaseUnknown`, :class:`NotPermitted`, and what admitting raises for either of the two.
    """
    about = question.about
    hold_actors(about, actor)
    _hold_question(desk, question)
    told = {"action": question.action, "about": f"{about.person}@{about.unit}"}
    account = Account("access:explain", actor, details=dict(told))
    with desk.reading(account) as work:
        asker = admitted(desk, account, work)
        who = admit(desk, about, work)
        if (asker.person, asker.unit) != (who.person, who.unit):
            permit(desk, account, asker, "explain_access", Installation())
        return _explained(desk, question, who, work, account)


def _hold_question(desk: Desk, question: Question) -> None:
    action = question.action
    if action not in desk.gate.actions:
        known = ", ".join(sorted(desk.gate.actions))
        raise CommandMalformed(f"没有此动作；有：{known}", f"no such action; there are: {known}")
    if question.case is None and action in cmd.COMMANDS and action != "open_case":
        raise CommandMalformed("该动作针对个案，请给出 --case", "this is about a case: give --case")


def _explained(desk: Desk, question: Question, who: Who, work: Work, account: Account) -> Explanation:
    file, given = None, Circumstances()
    subject: Subject = Opening("", "victim") if question.action == "open_case" else Installation()
    if question.case is not None:
        now = desk.clock()
        file = case_file(desk, question.case, work, now)
        given = circumstances(desk, who, question.case, work, now)
        if file is None:
            raise unknown(question.case)
        is_own = account.actor is not None and account.actor.person == who.person
        if is_own and not desk.gate.decide(who, "see_case", file, given).allowed:
            raise unknown(question.case)  # what is explained must not tell what the act itself would not
        known = load_with_key(desk, question.case, work, for_update=False, classes=())
        known.tell(account)
        subject = _subject(desk, question, who, (known.case, file), work)
    verdict = desk.gate.decide(who, question.action, subject, given)
    return Explanation(
        who.person, who.unit, who.role, question.action, question.case, verdict.allowed, _why(desk, verdict),
        tuple(_line(desk.gate.policy(one)) for one in verdict.policies), _parts(who, file), desk.gate.hash,
    )  # fmt: skip


def _subject(desk: Desk, question: Question, who: Who, what: tuple[Case, CaseFile], work: Work) -> Subject:
    """What the action is about: the case itself, or for a command its track, hand-off, duty or outcome."""
    case, file = what
    kind = cmd.COMMANDS.get(question.action)
    if kind is None:
        return file
    book = desk.books.pinned(case.pin.hash, work).definition
    found = asked(_command(kind, case.id, question.on), who, case, file, book, desk.directory(work))
    return file if found is None else found[1]


def _command(kind: type[cmd.Command], case_id: str, on: str) -> cmd.Command:
    """A command of this kind that says nothing but what it is about."""
    said: dict[str, Any] = {"case": case_id}
    about = next((name for name in _ABOUT if name in kind.__dataclass_fields__), None)
    for one in fields(kind):
        if one.name == about:
            said[one.name] = on
        elif one.name not in said and _is_asked_for(one):
            said[one.name] = ""
    return kind(**said)


def _is_asked_for(one: Any) -> bool:
    return "MISSING" in repr(one.default) and "MISSING" in repr(one.default_factory)


def _why(desk: Desk, verdict: Verdict) -> Label:
    if not verdict.allowed:
        zh, en = why_not(desk.gate, verdict)
        return Label(zh=zh, en=en)
    titles = [desk.gate.policy(one).title for one in verdict.policies]
    return Label(zh="；".join(one.zh for one in titles), en="; ".join(one.en for one in titles))


def _line(policy: Policy) -> PolicyLine:
    return PolicyLine(policy.id, policy.title, policy.effect, policy.clauses, policy.provenance)


def _parts(who: Who, file: CaseFile | None) -> tuple[str, ...]:
    taken: Mapping[str, frozenset[str]] = {} if file is None else file.parts
    return tuple(part for part, units in taken.items() if who.unit in units)
