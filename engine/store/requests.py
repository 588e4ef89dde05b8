"""Requests and who approved them, broken glass, and notices. What exactly was asked for, this room cannot read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select, update

from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_REQUEST = TABLES["request"]
_APPROVAL = TABLES["approval"]
_EMERGENCY = TABLES["emergency"]
_NOTICE = TABLES["notice_outbox"]

_ADD_REQUEST = insert_into(_REQUEST)
_ONE_REQUEST = select(*_REQUEST.c).where(_REQUEST.c.id == bindparam("named"))
_FIND_REQUEST = Statement(_ONE_REQUEST, "named")
_TAKE_REQUEST = Statement(_ONE_REQUEST.with_for_update(), "named")
_OPEN_REQUESTS = Statement(
    select(*_REQUEST.c).where(_REQUEST.c.state == "asked", _REQUEST.c.expires_at > bindparam("after"))
    .order_by(_REQUEST.c.expires_at, _REQUEST.c.id).limit(bindparam("most")),
    "after", "most",
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
    select(*_EMERGENCY.c).order_by(_EMERGENCY.c.opened_at.desc(), _EMERGENCY.c.id).limit(bindparam("most")),
    "most",
)  # fmt: skip
_REVIEW = Statement(
    update(_EMERGENCY).where(_EMERGENCY.c.id == bindparam("named"), _EMERGENCY.c.reviewed_at.is_(None)),
    "reviewed_at", "reviewed_by", "reviewed_unit", "outcome", "named",
    columns=("reviewed_at", "reviewed_by", "reviewed_unit", "outcome"),
)  # fmt: skip
_ADD_NOTICE = insert_into(_NOTICE)
_FOR_PERSON = _NOTICE.c.to_person == bindparam("person")
_FOR_ROLE = (_NOTICE.c.to_role == bindparam("role")) & (_NOTICE.c.to_area == bindparam("area"))
_NOTICES = Statement(
    select(*_NOTICE.c).where(or_(_FOR_PERSON, _FOR_ROLE)).order_by(_NOTICE.c.at.desc(), _NOTICE.c.id)
    .limit(bindparam("most")),
    "person", "role", "area", "most",
)  # fmt: skip
_SEE_NOTICE = Statement(
    update(_NOTICE).where(_NOTICE.c.id == bindparam("named"), _NOTICE.c.seen_at.is_(None)),
    "seen_at", "named",
    columns=("seen_at",),
)  # fmt: skip


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
    """Something to tell: to a person, or to everybody of a role whose own area this is."""

    id: str
    at: datetime
    kind: str
    to_person: str | None
    to_role: str | None
    to_area: str | None
    case_id: str | None
    about: str
    seen_at: datetime | None = None


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

    def open_requests(self, now: datetime, most: int) -> list[RequestRow]:
        """Requests that may still be answered or used, the next to expire first."""
        return [RequestRow(*row) for row in self.wire.rows(_OPEN_REQUESTS, (now, most))]

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

    def emergencies(self, most: int) -> list[EmergencyRow]:
        """Every broken glass, the newest first."""
        return [EmergencyRow(*row) for row in self.wire.rows(_EMERGENCIES, (most,))]

    def review_emergency(self, emergency: str, outcome: str, *, at: datetime, by: str, unit: str) -> bool:
        """Put on record what a review found; whether it was the first one."""
        return self.wire.write(_REVIEW, (at, by, unit, outcome, emergency)) == 1

    def add_notice(self, row: NoticeRow) -> None:
        """Put a notice into the outbox."""
        values = (row.id, row.at, row.kind, row.to_person, row.to_role, row.to_area, row.case_id, row.about,
                  row.seen_at)  # fmt: skip
        self.wire.write(_ADD_NOTICE, values)

    def notices_for(self, person: str, role: str, area: str, most: int) -> list[NoticeRow]:
        """What is to be told to a person, or to her or his role in this area, the newest first."""
        return [NoticeRow(*row) for row in self.wire.rows(_NOTICES, (person, role, area, most))]

    def see_notice(self, notice: str, at: datetime) -> None:
        """Put on record since when a notice was seen."""
        self.wire.write(_SEE_NOTICE, (at, notice))
