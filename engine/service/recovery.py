"""Recovery: two administrators give a sign-in back to somebody who lost her second factor, and not at once.

One asks, another approves, and neither is the person. Then it waits: she and the supervisors of her units were told,
and she, an administrator or one of those supervisors may stop it. When it is completed her password and second
factors count no more, she is signed out everywhere, and she gets a one-time ticket to enrol anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.access.model import Role, Who
from engine.access.subjects import Installation
from engine.core.codes import hold_code
from engine.core.commands import Actor
from engine.core.directory import Directory
from engine.errors import RecoveryImpossible, RecoveryUnknown, SelfGrant
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.notices import new_code, tell_of_sign_in
from engine.service.permission import admitted, permit, permit_act
from engine.service.sign_in_rules import shipped
from engine.service.tickets import Ticket, hold_enrolled, issue_in, shut_out
from engine.store.people import Member
from engine.store.recoveries import RecoveryRow
from engine.store.work import Work

PURPOSE = "administration"
ADMINISTRATOR: Role = "administrator"
SUPERVISOR: Role = "unit_supervisor"
MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Recovery:
    """A recovery as it stands; ``state`` is asked, waiting, ready, stopped, completed or expired."""

    recovery: str
    person: str
    state: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    approved_by: str | None
    ready_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None


def ask(desk: Desk, actor: Actor, person: str) -> Recovery:
    """Ask for somebody's sign-in to be recovered; she and the supervisors of her units are told at once.

    Raises :class:`MemberMissing`, :class:`SelfGrant`, :class:`RecoveryImpossible` while one is open, and what
    permission raises.
    """
    account = Account("recovery:ask", actor, purpose=PURPOSE, details={"person": hold_code("PERSON", person)})
    with desk.changing(account) as work:
        permit_act(desk, account, work, "manage_sign_in", ADMINISTRATOR)
        work.hold_people()
        hold_enrolled(work, person)
        _not_for_herself(actor, person)
        now, known = desk.clock(), work.open_recovery(person)
        if known is not None and now < known.expires_at:
            raise RecoveryImpossible(
                f"{person} 的恢复登录正在办理（{known.id}）", f"a recovery of {person} is going on: {known.id}",
            )  # fmt: skip
        if known is not None:
            work.end_recovery(known.id, "expired", at=now, by=actor.person)
        row = RecoveryRow(
            new_code("V"), person, actor.person, actor.unit, now, now + timedelta(hours=shipped().recovery_valid_hours)
        )
        work.add_recovery(row)
        account.details["recovery"] = row.id
        tell_of_sign_in(desk, work, "recovery_asked", row.person, about=row.id)
    return _shown(row, now)


def approve(desk: Desk, actor: Actor, recovery: str) -> Recovery:
    """Agree as a second administrator; it may be completed when the waiting time is over.

    Raises :class:`RecoveryUnknown`, :class:`SelfGrant` for the person herself and for who asked,
    :class:`RecoveryImpossible`, and what permission raises.
    """
    account = Account("recovery:approve", actor, purpose=PURPOSE, details={"recovery": hold_code("RECOVERY", recovery)})
    with desk.changing(account) as work:
        permit_act(desk, account, work, "manage_sign_in", ADMINISTRATOR)
        row, now = _open(desk, work, recovery), desk.clock()
        account.details["person"] = row.person
        _not_for_herself(actor, row.person)
        if actor.person == row.asked_by:
            raise SelfGrant(
                "提出申请的管理员不能同意；请由另一名管理员办理",
                "whoever asked does not approve: another administrator must",
            )
        hold_enrolled(work, row.person)
        ready_at = now + timedelta(hours=shipped().recovery_wait_hours)
        if not work.approve_recovery(row.id, by=actor.person, unit=actor.unit, at=now, ready_at=ready_at):
            raise RecoveryImpossible("该恢复登录已获同意", "this recovery is approved already")
        account.approvals = (Actor(row.asked_by, row.asked_unit), actor)
        found = _open(desk, work, recovery)
    return _shown(found, now)


def stop(desk: Desk, actor: Actor, recovery: str) -> Recovery:
    """Stop a recovery: the person herself, an administrator, or a supervisor of one of her units.

    Raises :class:`RecoveryUnknown`, also for whoever may not know of it, and :class:`RecoveryImpossible` when it ended.
    """
    account = Account("recovery:stop", actor, purpose=PURPOSE, details={"recovery": hold_code("RECOVERY", recovery)})
    with desk.changing(account) as work:
        who = admitted(desk, account, work, ADMINISTRATOR)
        row, now = _known_to(desk, work, who, work.recovery(recovery)), desk.clock()
        if row.person != who.person:
            permit(desk, account, who, "stop_recovery", Installation())
        account.details["person"] = row.person
        if not work.end_recovery(row.id, "stopped", at=now, by=actor.person):
            raise _over()
        found = work.recovery(recovery)
        assert found is not None, "it was just read"
    return _shown(found, now)


def complete(desk: Desk, actor: Actor, recovery: str) -> Ticket:
    """Carry a recovery out that two administrators agreed on and that waited; gives the ticket to enrol anew with.

    Raises :class:`RecoveryUnknown`, :class:`SelfGrant`, :class:`RecoveryImpossible`, and what permission raises.
    """
    account = Account(
        "recovery:complete", actor, purpose=PURPOSE, details={"recovery": hold_code("RECOVERY", recovery)}
    )
    with desk.changing(account) as work:
        permit_act(desk, account, work, "manage_sign_in", ADMINISTRATOR)
        row, now = _open(desk, work, recovery), desk.clock()
        account.details["person"] = row.person
        _not_for_herself(actor, row.person)
        hold_enrolled(work, row.person)
        if row.approved_by is None or row.approved_unit is None or row.ready_at is None:
            raise RecoveryImpossible("尚待另一名管理员同意", "a second administrator must approve it first")
        if now < row.ready_at:
            raise RecoveryImpossible(
                f"等待期未满，{row.ready_at.isoformat(timespec='minutes')} 后方可完成",
                f"it waits until {row.ready_at.isoformat(timespec='minutes')}",
                ready_at=row.ready_at.isoformat(timespec="seconds"),
            )
        account.approvals = (Actor(row.asked_by, row.asked_unit), Actor(row.approved_by, row.approved_unit))
        if not work.end_recovery(row.id, "completed", at=now, by=actor.person):
            raise _over()
        account.details["ended"] = shut_out(work, row.person, "recovered", at=now, by=actor.person)
        tell_of_sign_in(desk, work, "recovery_done", row.person, about=row.id)
        return issue_in(desk, work, row.person, f"{actor.person}@{actor.unit}")


def listed(desk: Desk, actor: Actor) -> list[Recovery]:
    """The recoveries the actor may know of, the newest first: an administrator all, others those they may stop."""
    account = Account("recovery:list", actor, purpose=PURPOSE)
    with desk.reading(account) as work:
        who = admitted(desk, account, work, ADMINISTRATOR)
        now, directory = desk.clock(), desk.directory(work)
        return [
            _shown(row, now) for row in work.recoveries(MOST_LISTED) if _may_know(work, who, directory, row, now)
        ]  # fmt: skip


def _may_know(work: Work, who: Who, directory: Directory, row: RecoveryRow, now: datetime) -> bool:
    if who.role == ADMINISTRATOR or who.person == row.person:
        return True
    known = work.member(row.person)
    return who.role == SUPERVISOR and known is not None and who.unit in _units(known, directory, now)


def _known_to(desk: Desk, work: Work, who: Who, row: RecoveryRow | None) -> RecoveryRow:
    if row is None or not _may_know(work, who, desk.directory(work), row, desk.clock()):
        raise RecoveryUnknown("没有这项恢复登录", "there is no such recovery")
    return row


def _open(desk: Desk, work: Work, recovery: str) -> RecoveryRow:
    row = work.recovery(recovery)
    if row is None:
        raise RecoveryUnknown("没有这项恢复登录", "there is no such recovery")
    if row.ended_at is not None or desk.clock() >= row.expires_at:
        raise _over()
    return row


def _over() -> RecoveryImpossible:
    return RecoveryImpossible("该恢复登录已结束或已过期", "this recovery has ended, or its time is over")


def _not_for_herself(actor: Actor, person: str) -> None:
    if actor.person == person:
        raise SelfGrant(
            "不能为本人办理恢复登录；请由其他管理员办理", "nobody recovers her own sign-in: other administrators must"
        )


def _units(known: Member, directory: Directory, now: datetime) -> set[str]:
    return {directory.current(one.unit).id for one in known.memberships if one.holds(now)}


def _shown(row: RecoveryRow, now: datetime) -> Recovery:
    return Recovery(
        row.id, row.person, _state(row, now), row.asked_by, row.asked_at, row.expires_at, row.approved_by, row.ready_at,
        row.ended_at, row.ended_by,
    )  # fmt: skip


def _state(row: RecoveryRow, now: datetime) -> str:
    if row.outcome is not None:
        return row.outcome
    if now >= row.expires_at:
        return "expired"
    if row.ready_at is None:
        return "asked"
    return "waiting" if now < row.ready_at else "ready"
