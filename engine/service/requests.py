"""Requests that others approve: an exact thing is asked for, its digest is approved, and it is used once, by the asker.

What is asked for lies sealed under the key of the case. Whoever approves names the digest of what she looked at; it
must be that of what is on record now. A request is judged again when it is used: who asked, where, and what is
permitted by then.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec

from engine.access.judging import may_know
from engine.access.model import CaseFile, Circumstances, Who
from engine.core.codes import hold_actors, shown
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.errors import (
    ApprovalsMissing,
    ApprovedAlready,
    CommandMalformed,
    ContentUnreadable,
    OwnApproval,
    RequestChanged,
    RequestDeclined,
    RequestExpired,
    RequestForeign,
    RequestUnknown,
    RequestUsed,
)
from engine.service import notices
from engine.service.account import Account
from engine.service.circumstances import file_at
from engine.service.desk import Desk
from engine.service.known import Known, load_with_key
from engine.service.participation import case_file
from engine.service.permission import admitted, note, permit
from engine.service.sight import tell_of
from engine.store.requests import RequestApproval, RequestRow
from engine.store.work import Work
from engine.vault.keys import CaseKey, Cell

NEEDED: Mapping[str, int] = {"reveal": 1, "erase": 2, "release_hold": 2}
"""How many others must approve, by the kind of request. No setting: the design of the program asks for it."""
APPROVING: Mapping[str, str] = {
    "reveal": "approve_identity", "erase": "approve_erasure", "release_hold": "approve_hold_release",
}  # fmt: skip
"""What the policies are asked of whoever approves or declines."""
KINDS: Mapping[str, Label] = {
    "reveal": Label(zh="调阅身份", en="Show an identity"),
    "erase": Label(zh="删除个案", en="Erase the case"),
    "release_hold": Label(zh="解除留存", en="End a hold"),
}
"""What may be asked for; held equal to the table by a test."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Exact:
    """What is asked for, to the letter: all that an approval is about, and no more.

    ``ground`` is the reason code of what is asked. ``person`` and ``fields`` are those of an identity; of other
    requests they are empty.
    """

    request: str
    kind: str
    case: str
    ground: str
    purpose: str
    asked_by: str
    unit: str
    asked_at: datetime
    expires_at: datetime
    person: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be asked for, and for how long that shall stand."""

    kind: str
    ground: str
    stands: timedelta
    person: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it stands now: its exact words, the digest to approve, and who approved it."""

    exact: Exact
    digest: str
    needed: int
    approved_by: tuple[Actor, ...] = ()


@dataclass(frozen=True, slots=True)
class InHand:
    """A request taken in hand: the row, held until the transaction ends, its exact words, its case and approvals."""

    row: RequestRow
    exact: Exact
    known: Known
    approvals: tuple[RequestApproval, ...]

    @property
    def key(self) -> CaseKey:
        """The key of its case."""
        return self.known.key

    @property
    def approvers(self) -> tuple[Actor, ...]:
        """Who approved exactly this."""
        return tuple(Actor(one.person, one.unit, "custody") for one in self.approvals)

    @property
    def is_approved(self) -> bool:
        """Whether enough others approved exactly this."""
        return len(self.approvals) >= NEEDED[self.exact.kind]

    def circumstances(self, given: Circumstances = Circumstances()) -> Circumstances:  # noqa: B008 - it is frozen
        """What the policies are told beside the case: who asked for it and who approved."""
        approvers = frozenset(one.person for one in self.approvals)
        return replace(given, asked_by=self.exact.asked_by, approvers=approvers)


# ── asking ──


def put(known: Known, wish: Wish, who: Who, file: CaseFile, *, now: datetime, work: Work, account: Account) -> Asked:
    """Put a request on record, and tell those who may approve it. Whether it may be asked for is judged before."""
    exact = Exact(
        request=notices.new_code("R"), kind=wish.kind, case=known.case.id, ground=wish.ground, purpose=who.purpose,
        asked_by=who.person, unit=who.unit, asked_at=now, expires_at=now + wish.stands, person=wish.person,
        fields=wish.fields,
    )  # fmt: skip
    plain = _plain(exact)
    digest = known.key.ledger_digest(plain)
    sealed = known.key.seal(plain, _cell(exact.request))
    work.add_request(
        RequestRow(
            exact.request, exact.kind, exact.case, sealed, digest, exact.asked_by, exact.unit, now, exact.expires_at
        )
    )
    notices.tell_custodians(work, now, "request_asked", file, about=exact.request)
    account.details |= {"request": exact.request, "digest": digest, "kind": exact.kind, "ground": exact.ground}
    return Asked(exact, digest, NEEDED[exact.kind])


# ── taking in hand ──


def take(desk: Desk, request: str, who: Who, work: Work, account: Account, *, answering: bool = False) -> InHand:
    """A request, held until this transaction ends, for who asked for it and whoever may know of its case.

    ``answering`` lets whoever may answer it know of it, too. Raises :class:`RequestUnknown` for one that does not exist
    and to everybody else; :class:`RequestChanged` when the row is not what was asked for; what loading a case raises.
    """
    row = work.request(request, for_update=True)
    place = request if row is None else row.case_id
    # As much is asked of the record room where there is no request as of one that is not hers.
    file = case_file(desk, place, work, desk.clock())
    if row is None or not _may_know_of(desk, row, who, file, account, answering=answering):
        tell_of(desk, place, work, account)
        raise _no_request(request)
    known = load_with_key(desk, row.case_id, work, for_update=False, classes=())
    known.tell(account)
    account.details |= {"request": row.id, "digest": row.digest, "kind": row.kind}
    return InHand(row, exact_words(row, known.key), known, approvals_of(row, known.key, work))


def _may_know_of(
    desk: Desk, row: RequestRow, who: Who, file: CaseFile | None, account: Account, *, answering: bool
) -> bool:
    if who.person == row.person:
        return True
    if file is None:
        return False
    if answering:
        verdict = desk.gate.decide(who, APPROVING[row.kind], file, Circumstances(asked_by=row.person))
        note(account, verdict)
        if verdict.allowed:
            return True
    return may_know(desk.gate, who, file)


def exact_words(row: RequestRow, key: CaseKey) -> Exact:
    """What was asked for. Raises :class:`RequestChanged` when the row is not that any more."""
    try:
        plain = key.unseal(row.exact, _cell(row.id))
        exact = msgspec.json.decode(plain, type=Exact)
    except (ContentUnreadable, msgspec.MsgspecError):
        raise _changed(row.id) from None
    in_clear = (row.id, row.kind, row.case_id, row.person, row.unit, row.asked_at, row.expires_at)
    said = (exact.request, exact.kind, exact.case, exact.asked_by, exact.unit, exact.asked_at, exact.expires_at)
    if in_clear != said or plain != _plain(exact) or not hmac.compare_digest(row.digest, key.ledger_digest(plain)):
        raise _changed(row.id)
    return exact


def approvals_of(row: RequestRow, key: CaseKey, work: Work) -> tuple[RequestApproval, ...]:
    """Who approved exactly this. Raises :class:`RequestChanged` for an approval that nobody gave through this door."""
    found = tuple(work.request_approvals(row.id))
    if any(not hmac.compare_digest(one.digest, _approval_digest(row, one, key)) for one in found):
        raise _changed(row.id)
    return found


def _approval_digest(row: RequestRow, one: RequestApproval, key: CaseKey) -> str:
    """The keyed digest of an approval: whoever has the database alone can make none."""
    told = {
        "approves": row.digest,
        "at": one.at.astimezone(UTC),
        "person": one.person,
        "request": one.request_id,
        "unit": one.unit,
    }
    return key.ledger_digest(msgspec.json.encode(told, order="sorted"))


def hold_open(found: InHand, now: datetime) -> None:
    """Raise :class:`RequestDeclined`, :class:`RequestUsed` or :class:`RequestExpired` for what is over."""
    if found.row.state == "declined":
        raise RequestDeclined("该申请未获同意，请另行申请", "the request was declined: ask anew", request=found.row.id)
    if found.row.state == "used":
        raise _used(found)
    if now >= found.row.expires_at:
        raise RequestExpired(
            "该申请已过期，请另行申请", "the time of the request is over: ask anew", request=found.row.id
        )


def hold_own(desk: Desk, found: InHand, who: Who, work: Work) -> None:
    """Raise :class:`RequestForeign` unless this is who asked, in the unit in which she or he asked."""
    if who.person == found.exact.asked_by and desk.directory(work).same(who.unit, found.exact.unit):
        return
    raise RequestForeign(
        "只有申请人本人以申请时的单位身份可以使用该申请",
        "only who asked may use the request, and in the unit in which it was asked for",
        request=found.row.id,
    )


def _no_request(request: str) -> RequestUnknown:
    """What is said of a request that does not exist, and of one that somebody is not to know of."""
    told = shown(request)
    return RequestUnknown(f"没有申请 {told}", f"no request {told}", request=told)


def hold_approved(found: InHand) -> None:
    """Raise :class:`ApprovalsMissing` unless enough others approved."""
    needed, given = NEEDED[found.exact.kind], len(found.approvals)
    if not found.is_approved:
        raise ApprovalsMissing(
            f"须有申请人以外的 {needed} 人同意，现有 {given} 人",
            f"{needed} besides the one who asks must approve; {given} did so far",
            request=found.row.id, needed=needed, given=given,
        )  # fmt: skip


def use(found: InHand, who: Who, now: datetime, work: Work, account: Account) -> None:
    """Use a request up, with what it was asked for, in one commit. Raises :class:`RequestUsed`."""
    if not work.end_request(found.row.id, "used", at=now, by=f"{who.person}@{who.unit}"):
        raise _used(found)
    account.approvals = found.approvers


# ── answering ──


def approve(desk: Desk, request: str, exactly: str, actor: Actor) -> Asked:
    """Agree to exactly what has this digest.

    Raises :class:`OwnApproval`, :class:`ApprovedAlready`, :class:`RequestChanged`, :class:`NotPermitted`, and what
    :func:`take` and :func:`hold_open` raise.
    """
    account = Account("request:approve", as_custodian(actor))
    with desk.changing(account) as work:
        hold_actors(actor)
        if _DIGEST.fullmatch(exactly) is None:
            raise CommandMalformed("摘要应为 64 位十六进制", "a digest is 64 digits of hex", field="exactly")
        now = desk.clock()
        found, who = _answering(desk, request, work, account, now)
        if any(one.person == who.person for one in found.approvals):
            raise ApprovedAlready(
                "您已同意过该申请，每人只计一次", "you have approved it already, and count once", request=found.row.id
            )
        if not hmac.compare_digest(exactly, found.row.digest):
            raise _changed(found.row.id)
        given = RequestApproval(found.row.id, who.person, who.unit, now, "")
        work.approve_request(replace(given, digest=_approval_digest(found.row, given, found.key)))
        approved = (*found.approvers, Actor(who.person, who.unit, "custody"))
        asked = Asked(found.exact, found.row.digest, NEEDED[found.exact.kind], approved)
        if len(approved) == asked.needed:
            _tell_asker(found, "request_approved", now, work)
    return asked


def decline(desk: Desk, request: str, actor: Actor) -> None:
    """Say no to a request, for good. Raises what :func:`approve` raises."""
    account = Account("request:decline", as_custodian(actor))
    with desk.changing(account) as work:
        hold_actors(actor)
        now = desk.clock()
        found, who = _answering(desk, request, work, account, now)
        work.end_request(found.row.id, "declined", at=now, by=f"{who.person}@{who.unit}")
        _tell_asker(found, "request_declined", now, work)


def _tell_asker(found: InHand, kind: str, now: datetime, work: Work) -> None:
    notices.tell_person(work, now, kind, found.exact.asked_by, case=found.row.case_id, about=found.row.id)


def _answering(desk: Desk, request: str, work: Work, account: Account, now: datetime) -> tuple[InHand, Who]:
    """The request that somebody may answer, and who that is."""
    who = admitted(desk, account, work, "custodian")
    found = take(desk, request, who, work, account, answering=True)
    if who.person == found.exact.asked_by:
        raise OwnApproval(
            "不能办理自己提出的申请，须由他人办理", "nobody answers an own request: it takes somebody else",
            request=found.row.id,
        )  # fmt: skip
    file = file_at(desk, found.known.case, work, now)
    permit(desk, account, who, APPROVING[found.exact.kind], file, found.circumstances())
    hold_open(found, now)
    return found, who


def of_another_kind(found: InHand) -> RequestForeign:
    """The refusal of an own request that was asked for something else."""
    return RequestForeign(
        "该申请所申请的是另一事项", "the request was asked for something else", request=found.row.id,
        kind=found.exact.kind,
    )  # fmt: skip


def as_custodian(actor: Actor) -> Actor:
    """The actor with the purpose of custody, for which requests are answered and looked at."""
    return replace(actor, purpose="custody")


def _plain(exact: Exact) -> bytes:
    return msgspec.json.encode(exact, order="sorted")


def _cell(request: str) -> Cell:
    return Cell("request", request, "exact", 1)


def _changed(request: str) -> RequestChanged:
    return RequestChanged(
        "申请内容与所看到的不符，或存储内容被改动；请重新查看，或另行申请",
        "what is on record is not what was looked at, or was changed: look again, or ask anew",
        request=request,
    )


def _used(found: InHand) -> RequestUsed:
    return RequestUsed(
        "该申请已使用，一次申请只能使用一次；请另行申请", "the request was used, and is good for one time: ask anew",
        request=found.row.id,
    )  # fmt: skip
