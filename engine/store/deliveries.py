"""Deliveries: notices on their way out of the house, and who is at which of them now.

Whoever delivers takes a lease first. A lease that ran out is anybody's again, and its holder can settle nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, String, and_, bindparam, literal_column, or_, select, tuple_, update

from engine.store.instants import Instant
from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_DELIVERY = TABLES["delivery"]
_NOTICE = TABLES["notice_outbox"]

_ADD = insert_into(_DELIVERY)
_IS_DUE = and_(
    _DELIVERY.c.channel == bindparam("by"),
    _DELIVERY.c.state == "waiting",
    _DELIVERY.c.next_at <= bindparam("now", type_=Instant()),
    or_(_DELIVERY.c.leased_until.is_(None), _DELIVERY.c.leased_until <= bindparam("now", type_=Instant())),
)
_PLACE = (_DELIVERY.c.channel, _DELIVERY.c.target, _DELIVERY.c.notice_id, _DELIVERY.c.attempts)
_ANY_DUE = Statement(
    select(_DELIVERY.c.notice_id).where(_IS_DUE).offset(literal_column("0")).limit(literal_column("1")), "by", "now"
)
_DUE = Statement(
    select(*_PLACE).where(_IS_DUE).order_by(_DELIVERY.c.next_at, _DELIVERY.c.notice_id, _DELIVERY.c.target)
    .offset(literal_column("0")).limit(bindparam("most", type_=Integer)).with_for_update(skip_locked=True),
    "by", "now", "most",
)  # fmt: skip
_THIS = and_(
    _DELIVERY.c.channel == bindparam("by"),
    _DELIVERY.c.target == bindparam("to"),
    _DELIVERY.c.notice_id == bindparam("of"),
    _DELIVERY.c.state == "waiting",
)
_LEASE = Statement(
    update(_DELIVERY).where(_THIS).values(attempts=_DELIVERY.c.attempts + 1),
    "leased_until", "leased_by", "by", "to", "of",
    columns=("leased_until", "leased_by", "attempts"),
)  # fmt: skip
_SETTLED = ("state", "next_at", "leased_until", "leased_by", "ended_at", "outcome")
_SETTLE = Statement(
    update(_DELIVERY).where(_THIS, _DELIVERY.c.leased_by == bindparam("lease")),
    *_SETTLED, "by", "to", "of", "lease", columns=_SETTLED,
)  # fmt: skip
_GIVE_UP = ("state", "leased_until", "leased_by", "ended_at")
_GIVE_UP_ALL = Statement(
    update(_DELIVERY).where(
        _DELIVERY.c.channel == bindparam("by"), _DELIVERY.c.target == bindparam("to"), _DELIVERY.c.state == "waiting"
    ),
    *_GIVE_UP, "by", "to", columns=_GIVE_UP,
)  # fmt: skip
_OF_TARGET = Statement(
    select(
        _NOTICE.c.id, _NOTICE.c.kind, _NOTICE.c.at, _DELIVERY.c.state, _DELIVERY.c.attempts, _DELIVERY.c.next_at,
        _DELIVERY.c.ended_at, _DELIVERY.c.outcome,
    )
    .join(_NOTICE, _NOTICE.c.id == _DELIVERY.c.notice_id)
    .where(
        _DELIVERY.c.channel == bindparam("by"), _DELIVERY.c.target == bindparam("to"),
        tuple_(_NOTICE.c.at, _NOTICE.c.id)
        < tuple_(bindparam("after_at", type_=Instant()), bindparam("after_id", type_=String())),
    )
    .order_by(_NOTICE.c.at.desc(), _NOTICE.c.id.desc()).offset(literal_column("0"))
    .limit(bindparam("most", type_=Integer)),
    "by", "to", "after_at", "after_id", "most",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DueRow:
    """A delivery that is due: by which channel, to which target, which notice, and how often it was tried before."""

    channel: str
    target: str
    notice: str
    attempts: int


@dataclass(frozen=True, slots=True)
class SettledRow:
    """What came of a try: how the delivery stands, when it is tried next, or when it ended."""

    state: str
    next_at: datetime
    ended_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A delivery in a list, with the kind of its notice and when that was written."""

    notice: str
    kind: str
    at: datetime
    state: str
    attempts: int
    next_at: datetime
    ended_at: datetime | None
    outcome: str | None


class DeliveryRows:
    """The part of a unit of work that keeps what is on its way."""

    wire: Wire

    def add_delivery(self, channel: str, target: str, notice: str, at: datetime) -> None:
        """Let a notice be delivered to this target."""
        self.wire.write(_ADD, (channel, target, notice, "waiting", 0, at, None, None, None, None))

    def is_delivery_due(self, channel: str, now: datetime) -> bool:
        """Whether anything waits for its turn now, and nobody is at it."""
        return self.wire.row(_ANY_DUE, (channel, now)) is not None

    def due_deliveries(self, channel: str, now: datetime, most: int) -> list[DueRow]:
        """What is due and leased to nobody, the longest due first; what others look at meanwhile is passed over."""
        return [DueRow(*row) for row in self.wire.rows(_DUE, (channel, now, most))]

    def lease_delivery(self, due: DueRow, lease: str, until: datetime) -> None:
        """Keep others from a delivery, and count the try."""
        self.wire.write(_LEASE, (until, lease, due.channel, due.target, due.notice))

    def settle_delivery(self, due: DueRow, lease: str, row: SettledRow) -> bool:
        """Put on record what came of a try, and give the lease back; whether it was still held."""
        values = (row.state, row.next_at, None, None, row.ended_at, row.outcome)
        return self.wire.write(_SETTLE, (*values, due.channel, due.target, due.notice, lease)) == 1

    def give_up_deliveries(self, channel: str, target: str, at: datetime) -> int:
        """Deliver nothing more to a target; how many waited."""
        return self.wire.write(_GIVE_UP_ALL, ("given_up", None, None, at, channel, target))

    def deliveries_to(
        self, channel: str, target: str, most: int, after: tuple[datetime, str]
    ) -> list[DeliveryLine]:  # fmt: skip
        """What was delivered to a target or waits for it, the newest notice first, behind the one ``after`` names."""
        return [DeliveryLine(*row) for row in self.wire.rows(_OF_TARGET, (channel, target, *after, most))]
