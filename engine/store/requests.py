"""Requests and who approved them, broken glass, and notices. What exactly was asked for, this room cannot read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    String,
    Table,
    bindparam,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from engine.store.instants import Instant
from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_CASE = TABLES["case_record"]
_AREA = TABLES["jurisdiction"]
_REQUEST = TABLES["request"]
_APPROVAL = TABLES["approval"]
_EMERGENCY = TABLES["emergency"]
_NOTICE = TABLES["notice_outbox"]

_ADD_REQUEST = insert_into(_REQUEST)
_ONE_REQUEST = select(*_REQUEST.c).where(_REQUEST.c.id == bindparam("named"))
_FIND_REQUEST = Statement(_ONE_REQUEST, "named")
_TAKE_REQUEST = Statement(_ONE_REQUEST.with_for_update(), "named")
_TOP = select(_AREA.c.code).where(_AREA.c.code == bindparam("top", type_=String())).cte("below", recursive=True)
_BELOW = _TOP.union_all(select(_AREA.c.code).join(_TOP, _AREA.c.parent == _TOP.c.code))


def _is_hers_or_below(table: Table) -> ColumnElement[bool]:
    """Whether she asked for it or opened it herself, or its case lies in an area or below."""
    cases = select(_CASE.c.id).where(_CASE.c.area.in_(select(_BELOW.c.code)))
    return or_(table.c.person == bindparam("hers"), table.c.case_id.in_(cases))


def _place() -> ColumnElement[Any]:
    return tuple_(bindparam("after_at", type_=Instant()), bindparam("after_id", type_=String()))


_OPEN_REQUESTS = Statement(
    select(*_REQUEST.c)
    .where(
        _REQUEST.c.state == "asked", _REQUEST.c.expires_at > bindparam("now"), _is_hers_or_below(_REQUEST),
        tuple_(_REQUEST.c.expires_at, _REQUEST.c.id) > _place(),
    )
    .order_by(_REQUEST.c.expires_at, _REQUEST.c.id).offset(literal_column("0"))
    .limit(bindparam("most", type_=Integer)),
    "now", "hers", "top", "after_at", "after_id", "most",
)  # fmt: skip
_END_REQUEST = Statement(
    update(_REQUEST).where(_REQUEST.c.id == bindparam("named"), _REQUEST.c.state == "asked"),
    "state", "ended_at", "ended_by", "named",
    columns=("state", "ended_at", "ended_by"),
)  # fmt: skip
_ADD_APPROVAL = insert_into(_APPROVAL)
_APPROVALS = Statement(
    select(*_APPROVAL.c).where(_APPROVAL.c.request_id == bindparam("of_request"))
    .order_by(_APPROVAL.c.at, _APPROVAL.c.person),
    "of_request",
)  # fmt: skip
_ADD_EMERGENCY = insert_into(_EMERGENCY)
_ONE_EMERGENCY = Statement(
    select(*_EMERGENCY.c).where(_EMERGENCY.c.id == bindparam("named")).with_for_update(), "named"
)
_NOT_REVIEWED = Statement(
    select(*_EMERGENCY.c).where(_EMERGENCY.c.person == bindparam("by"), _EMERGENCY.c.reviewed_at.is_(None))
    .order_by(_EMERGENCY.c.opened_at),
    "by",
)  # fmt: skip
_EMERGENCIES = Statement(
    select(*_EMERGENCY.c)
    .where(_is_hers_or_below(_EMERGENCY), tuple_(_EMERGENCY.c.opened_at, _EMERGENCY.c.id) < _place())
    .order_by(_EMERGENCY.c.opened_at.desc(), _EMERGENCY.c.id.desc()).offset(literal_column("0"))
    .limit(bindparam("most", type_=Integer)),
    "hers", "top", "after_at", "after_id", "most",
)  # fmt: skip
_REVIEW = Statement(
    update(_EMERGENCY).where(_EMERGENCY.c.id == bindparam("named"), _EMERGENCY.c.reviewed_at.is_(None)),
    "reviewed_at", "reviewed_by", "reviewed_unit", "outcome", "named",
    columns=("reviewed_at", "reviewed_by", "reviewed_unit", "outcome"),
)  # fmt: skip
_ADD_NOTICE = insert_into(_NOTICE)
_FOR_PERSON = _NOTICE.c.to_person == bindparam("person")
_FOR_ROLE = (_NOTICE.c.to_role == bindparam("role")) & (_NOTICE.c.to_area == bindparam("area"))
_FOR_UNIT = (_NOTICE.c.to_unit == bindparam("unit")) & or_(
    _NOTICE.c.to_role == bindparam("role"), _NOTICE.c.to_role.is_(None)
)
_NOTICES = Statement(
    select(*_NOTICE.c).where(or_(_FOR_PERSON, _FOR_ROLE, _FOR_UNIT), tuple_(_NOTICE.c.at, _NOTICE.c.id) < _place())
    .order_by(_NOTICE.c.at.desc(), _NOTICE.c.id.desc()).offset(literal_column("0"))
    .limit(bindparam("most", type_=Integer)),
    "person", "role", "area", "unit", "after_at", "after_id", "most",
)  # fmt: skip
_ONE_NOTICE = Statement(select(*_NOTICE.c).where(_NOTICE.c.id == bindparam("named")), "named")
_SEE_NOTICE = Statement(
    update(_NOTICE).where(_NOTICE.c.id == bindparam("named"), _NOTICE.c.seen_at.is_(None)),
    "seen_at", "named",
    columns=("seen_at",),
)  # fmt: skip


Place = tuple[datetime, str]
"""Where a page ends: the instant its list is ordered by, and the code of the last line."""
_FIRST: Place = (datetime(1, 1, 1, tzinfo=UTC), "")
_LAST: Place = (datetime(9999, 1, 1, tzinfo=UTC), "")


@dataclass(frozen=True, slots=True)
class Sought:
    """Whose requests or emergencies are looked for: her own, and those in an area or below it, if one is named."""

    person: str
    area: str | None = None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request: who asks in which unit, until when it stands, and how; ``exact`` is opaque."""

    id: str
    kind: str
    case_id: str
    exact: bytes
    digest: str
    person: str
    unit: str
    asked_at: datetime
    expires_at: datetime
    state: str = "asked"
    ended_at: datetime | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class RequestApproval:
    """Somebody approved a request; ``digest`` is a keyed one of this very approval."""

    request_id: str
    person: str
    unit: str
    at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class EmergencyRow:
    """A broken glass: over which case, by whom, for what reason, until when; and its review."""

    id: str
    case_id: str
    person: str
    unit: str
    reason: str
    opened_at: datetime
    ends_at: datetime
    review_by: datetime
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None
    reviewed_unit: str | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """Something to tell: to a person, to a unit, or to everybody of a role whose own area, or own unit, this is."""

    id: str
    at: datetime
    kind: str
    to_person: str | None
    to_role: str | None
    to_area: str | None
    case_id: str | None
    about: str
    seen_at: datetime | None = None
    to_unit: str | None = None


class RequestRows:
    """The part of a unit of work that keeps requests, approvals, broken glass and notices."""

    wire: Wire

    def add_request(self, row: RequestRow) -> None:
        """Put on record what somebody asks for."""
        values = (row.id, row.kind, row.case_id, row.exact, row.digest, row.person, row.unit, row.asked_at,
                  row.expires_at, row.state, row.ended_at, row.ended_by)  # fmt: skip
        self.wire.write(_ADD_REQUEST, values)

    def request(self, request: str, *, for_update: bool = False) -> RequestRow | None:
        """A request, if there is such; ``for_update`` lets nobody else change it until this transaction ends."""
        found = self.wire.row(_TAKE_REQUEST if for_update else _FIND_REQUEST, (request,))
        return None if found is None else RequestRow(*found)

    def open_requests(self, now: datetime, of: Sought, most: int, after: Place | None = None) -> list[RequestRow]:
        """Requests that may still be answered or used, the next to expire first; ``after`` names the last one read."""
        values = (now, of.person, of.area or "", *(after or _FIRST), most)
        return [RequestRow(*row) for row in self.wire.rows(_OPEN_REQUESTS, values)]

    def end_request(self, request: str, state: str, *, at: datetime, by: str) -> bool:
        """Decline a request or use it up; whether it was still open. Of two at once, one finds that it was."""
        return self.wire.write(_END_REQUEST, (state, at, by, request)) == 1

    def approve_request(self, row: RequestApproval) -> None:
        """Put on record that somebody agrees."""
        self.wire.write(_ADD_APPROVAL, (row.request_id, row.person, row.unit, row.at, row.digest))

    def request_approvals(self, request: str) -> list[RequestApproval]:
        """Who agreed to a request, the first one first."""
        return [RequestApproval(*row) for row in self.wire.rows(_APPROVALS, (request,))]

    def add_emergency(self, row: EmergencyRow) -> None:
        """Put on record that somebody broke the glass."""
        values = (row.id, row.case_id, row.person, row.unit, row.reason, row.opened_at, row.ends_at, row.review_by,
                  row.reviewed_at, row.reviewed_by, row.reviewed_unit, row.outcome)  # fmt: skip
        self.wire.write(_ADD_EMERGENCY, values)

    def emergency(self, emergency: str) -> EmergencyRow | None:
        """A broken glass, held until this transaction ends."""
        found = self.wire.row(_ONE_EMERGENCY, (emergency,))
        return None if found is None else EmergencyRow(*found)

    def emergencies_to_review(self, person: str) -> list[EmergencyRow]:
        """What of somebody's broken glass nobody has reviewed, the oldest first."""
        return [EmergencyRow(*row) for row in self.wire.rows(_NOT_REVIEWED, (person,))]

    def emergencies(self, of: Sought, most: int, after: Place | None = None) -> list[EmergencyRow]:
        """Broken glass, the newest first; ``after`` names the last one read."""
        values = (of.person, of.area or "", *(after or _LAST), most)
        return [EmergencyRow(*row) for row in self.wire.rows(_EMERGENCIES, values)]

    def review_emergency(self, emergency: str, outcome: str, *, at: datetime, by: str, unit: str) -> bool:
        """Put on record what a review found; whether it was the first one."""
        return self.wire.write(_REVIEW, (at, by, unit, outcome, emergency)) == 1

    def add_notice(self, row: NoticeRow) -> None:
        """Put a notice into the outbox."""
        values = (row.id, row.at, row.kind, row.to_person, row.to_role, row.to_area, row.case_id, row.about,
                  row.seen_at, row.to_unit)  # fmt: skip
        self.wire.write(_ADD_NOTICE, values)

    def notices_for(
        self, person: str, role: str, area: str, unit: str, *, most: int, after: Place | None = None
    ) -> list[NoticeRow]:  # fmt: skip
        """What is to be told to a person, to her or his role in this area or unit, or to the unit, the newest first."""
        values = (person, role, area, unit, *(after or _LAST), most)
        return [NoticeRow(*row) for row in self.wire.rows(_NOTICES, values)]

    def notice(self, notice: str) -> NoticeRow | None:
        """A notice, if there is such."""
        found = self.wire.row(_ONE_NOTICE, (notice,))
        return None if found is None else NoticeRow(*found)

    def see_notice(self, notice: str, at: datetime) -> None:
        """Put on record since when a notice was seen."""
        self.wire.write(_SEE_NOTICE, (at, notice))
