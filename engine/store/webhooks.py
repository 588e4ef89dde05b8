"""Webhooks: addresses of units' own systems, which this room cannot read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, insert, literal, null, select, update

from engine.store.instants import Instant
from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

CHANNEL = "webhook"

_WEBHOOK = TABLES["webhook"]
_KIND = TABLES["webhook_kind"]
_DELIVERY = TABLES["delivery"]

_ADD = insert_into(_WEBHOOK)
_ADD_KIND = insert_into(_KIND)
_ONE_WEBHOOK = select(*_WEBHOOK.c).where(_WEBHOOK.c.id == bindparam("named"))
_FIND = Statement(_ONE_WEBHOOK, "named")
_TAKE = Statement(_ONE_WEBHOOK.with_for_update(), "named")
_OF_UNIT = Statement(
    select(*_WEBHOOK.c).where(_WEBHOOK.c.unit == bindparam("of")).order_by(_WEBHOOK.c.added_at, _WEBHOOK.c.id), "of"
)
_KINDS = Statement(select(_KIND.c.kind).where(_KIND.c.webhook_id == bindparam("of")).order_by(_KIND.c.kind), "of")
_WAITING = Statement(
    select(func.count()).select_from(_DELIVERY)
    .where(_DELIVERY.c.channel == CHANNEL, _DELIVERY.c.target == bindparam("of"), _DELIVERY.c.state == "waiting"),
    "of",
)  # fmt: skip
_LIVE = (_WEBHOOK.c.id == bindparam("named")) & _WEBHOOK.c.ended_at.is_(None)
_RESEAL = Statement(
    update(_WEBHOOK).where(_LIVE), "sealed", "rotated_at", "named", columns=("sealed", "rotated_at")
)  # fmt: skip
_SUCCEED = Statement(
    update(_WEBHOOK).where(_LIVE).values(failing_since=null()), "succeeded_at", "named",
    columns=("succeeded_at", "failing_since"),
)  # fmt: skip
_FAIL = Statement(
    update(_WEBHOOK).where(_LIVE, _WEBHOOK.c.failing_since.is_(None)), "failing_since", "named",
    columns=("failing_since",),
)  # fmt: skip
_END = Statement(
    update(_WEBHOOK).where(_LIVE), "ended_at", "end_reason", "ended_by", "named",
    columns=("ended_at", "end_reason", "ended_by"),
)  # fmt: skip
_ASKING = (
    select(
        literal(CHANNEL), _WEBHOOK.c.id, bindparam("notice"), literal("waiting"), literal(0),
        bindparam("due", type_=Instant()),
    )
    .select_from(_WEBHOOK.join(_KIND, _KIND.c.webhook_id == _WEBHOOK.c.id))
    .where(_WEBHOOK.c.unit == bindparam("of"), _WEBHOOK.c.ended_at.is_(None), _KIND.c.kind == bindparam("about"))
)  # fmt: skip
_QUEUE = Statement(
    insert(_DELIVERY).from_select(
        ["channel", "target", "notice_id", "state", "attempts", "next_at"], _ASKING, include_defaults=False
    ),
    "notice", "due", "of", "about",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WebhookRow:
    """A webhook: ``sealed`` is opaque; since when it fails, and why and by whom it ended."""

    id: str
    unit: str
    sealed: bytes
    added_at: datetime
    added_by: str
    rotated_at: datetime | None = None
    succeeded_at: datetime | None = None
    failing_since: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    ended_by: str | None = None


class WebhookRows:
    """The part of a unit of work that keeps webhooks."""

    wire: Wire

    def add_webhook(self, row: WebhookRow, kinds: Iterable[str]) -> None:
        """Put a webhook on record with the kinds of notices it asks for."""
        values = (row.id, row.unit, row.sealed, row.added_at, row.added_by, row.rotated_at, row.succeeded_at,
                  row.failing_since, row.ended_at, row.end_reason, row.ended_by)  # fmt: skip
        self.wire.write(_ADD, values)
        self.wire.write_many(_ADD_KIND, [(row.id, kind) for kind in kinds])

    def webhook(self, webhook: str, *, for_update: bool = False) -> WebhookRow | None:
        """A webhook, if there is such; ``for_update`` lets nobody else change it until this transaction ends."""
        found = self.wire.row(_TAKE if for_update else _FIND, (webhook,))
        return None if found is None else WebhookRow(*found)

    def webhooks_of(self, unit: str) -> list[WebhookRow]:
        """The webhooks of a unit, ended ones too, the oldest first."""
        return [WebhookRow(*row) for row in self.wire.rows(_OF_UNIT, (unit,))]

    def webhook_kinds(self, webhook: str) -> list[str]:
        """The kinds of notices a webhook asks for."""
        return [kind for (kind,) in self.wire.rows(_KINDS, (webhook,))]

    def count_waiting_for(self, webhook: str) -> int:
        """How many notices wait to be delivered to a webhook."""
        found = self.wire.row(_WAITING, (webhook,))
        return 0 if found is None else int(found[0])

    def reseal_webhook(self, webhook: str, sealed: bytes, at: datetime) -> None:
        """Keep the address under another secret."""
        self.wire.write(_RESEAL, (sealed, at, webhook))

    def webhook_succeeded(self, webhook: str, at: datetime) -> None:
        """Put on record that a delivery arrived."""
        self.wire.write(_SUCCEED, (at, webhook))

    def webhook_failed(self, webhook: str, at: datetime) -> None:
        """Put on record that a delivery failed, if none failed since the last that arrived."""
        self.wire.write(_FAIL, (at, webhook))

    def end_webhook(self, webhook: str, reason: str, *, at: datetime, by: str | None) -> bool:
        """End a webhook; whether it had not ended before."""
        return self.wire.write(_END, (at, reason, by, webhook)) == 1

    def queue_for_webhooks(self, notice: str, unit: str, kind: str, at: datetime) -> None:
        """Let a notice to a unit be delivered to the webhooks of that unit that ask for its kind."""
        self.wire.write(_QUEUE, (notice, at, unit, kind))
