"""Webhooks: a unit lets its own system be told what the unit is told. Who registers an address, and what becomes of it.

The secret is shown once. What is sent, and how it is signed: ``webhook_delivery`` and ``webhook_secrets``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from engine.access.model import Who
from engine.access.subjects import Installation
from engine.core.codes import hold_actors, shown
from engine.core.commands import Actor
from engine.core.definition import Label
from engine.core.marks import mark, read_mark
from engine.errors import CommandMalformed, NothingToChange, WebhookUnknown
from engine.service import notices
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.permission import admitted, permit
from engine.service.webhook_addresses import hold_url
from engine.service.webhook_secrets import Kept, new_secret, seal, unseal
from engine.store.deliveries import DeliveryLine
from engine.store.request_tables import UNIT_NOTICE_KINDS
from engine.store.webhooks import CHANNEL, WebhookRow
from engine.store.work import Work

KINDS = UNIT_NOTICE_KINDS
"""The notices a webhook may ask for: those to a whole unit."""
MOST_OF_A_UNIT = 10
"""Webhooks of a unit at the same time; a limit of this program."""
PAGE = 50
"""Lines on one page."""
REASONS = {
    "ended": Label(zh="已由人员停用", en="somebody ended it"),
    "gone": Label(zh="接收方答复该地址已不存在（410）", en="its receiver says that it is gone (410)"),
    "failing": Label(zh="连续五天推送失败", en="everything sent to it failed for five days"),
}
"""Why a webhook ended; held equal to the table by a test."""
STATES = {
    "waiting": Label(zh="待推送", en="waits"),
    "delivered": Label(zh="已送达", en="delivered"),
    "given_up": Label(zh="已放弃", en="given up"),
}
"""How a delivery stands; held equal to the table by a test."""
_BEFORE_ALL = (datetime(9999, 1, 1, tzinfo=UTC), "")


@dataclass(frozen=True, slots=True)
class Registered:
    """A webhook with its secret, which nobody is shown again."""

    id: str
    secret: str = field(repr=False)
    both_sign_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as its unit sees it: where it leads, what it asks for, and how its deliveries go.

    ``both_sign_until``: until then the secret before the last change signs too.
    """

    id: str
    unit: str
    url: str
    kinds: tuple[str, ...]
    added_at: datetime
    added_by: str
    waiting: int
    succeeded_at: datetime | None
    failing_since: datetime | None
    both_sign_until: datetime | None
    ended_at: datetime | None
    end_reason: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """Webhooks of a unit, ended ones too, the oldest first; ``next`` asks for the following page."""

    items: tuple[Webhook, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries of a webhook, the newest notice first; ``next`` asks for the following page."""

    items: tuple[DeliveryLine, ...]
    next: str | None


def add(desk: Desk, actor: Actor, url: str, kinds: Sequence[str]) -> Registered:
    """Let the actor's unit be told under this address, of notices of these kinds (none named: of all of them).

    Raises :class:`WebhookAddressRefused`, :class:`CommandMalformed`, :class:`NotPermitted`.
    """
    account = Account("webhook:add", _managing(actor))
    with desk.changing(account) as work:
        who = _permitted(desk, account, work)
        asked = _kinds(kinds)
        hold_url(url, desk.webhook_networks, is_trial=work.is_trial())
        if sum(1 for row in _of_unit(desk, who, work) if row.ended_at is None) >= MOST_OF_A_UNIT:
            raise CommandMalformed(
                f"每个单位最多登记 {MOST_OF_A_UNIT} 个推送地址，请先停用不用的",
                f"a unit has at most {MOST_OF_A_UNIT} webhooks: end one that is not used",
            )
        made, secret = notices.new_code("W"), new_secret()
        sealed = seal(Kept(url, secret), made, desk.safe.house(work))
        work.add_webhook(WebhookRow(made, who.unit, sealed, desk.clock(), who.person), asked)
        account.details |= {"webhook": made}
    return Registered(made, secret)


def rotate(desk: Desk, actor: Actor, webhook: str) -> Registered:
    """Give a webhook a new secret; for a day both sign. Raises :class:`WebhookUnknown`, :class:`NothingToChange`."""
    account = Account("webhook:rotate", _managing(actor))
    with desk.changing(account) as work:
        _, row = _own(desk, account, work, webhook)
        now, house = desk.clock(), desk.safe.house(work)
        changed = unseal(row.sealed, row.id, house).changed(now)
        work.reseal_webhook(row.id, seal(changed, row.id, house), now)
    return Registered(row.id, changed.secret, changed.former_until)


def end(desk: Desk, actor: Actor, webhook: str) -> None:
    """End a webhook: nothing more is sent to it, what waits neither.

    Raises :class:`WebhookUnknown`, and :class:`NothingToChange` for one that has ended.
    """
    account = Account("webhook:end", _managing(actor))
    with desk.changing(account) as work:
        who, row = _own(desk, account, work, webhook)
        now = desk.clock()
        work.end_webhook(row.id, "ended", at=now, by=who.person)
        work.give_up_deliveries(CHANNEL, row.id, now)


def send_test(desk: Desk, actor: Actor, webhook: str) -> str:
    """Send a notice that tells nothing to a webhook, and give its code: the worker delivers it with all others.

    Raises :class:`WebhookUnknown`, :class:`NothingToChange` for one that has ended.
    """
    account = Account("webhook:test", _managing(actor))
    with desk.changing(account) as work:
        who, row = _own(desk, account, work, webhook)
        now = desk.clock()
        notice = notices.tell_supervisors(work, now, "webhook_test", who.unit, about=row.id)
        work.add_delivery(CHANNEL, row.id, notice, now)
    return notice


def listed(desk: Desk, actor: Actor, *, after: str | None = None) -> Listed:
    """The webhooks of the actor's unit; ``after`` is the ``next`` of the page before.

    Raises :class:`CommandMalformed`, :class:`NotPermitted`.
    """
    account = Account("webhook:list", _managing(actor))
    with desk.reading(account) as work:
        who = _permitted(desk, account, work)
        rows = sorted(_of_unit(desk, who, work), key=_place)
        found = rows if after is None else [row for row in rows if _place(row) > read_mark(after)]
        items = tuple(_shown(desk, row, work) for row in found[:PAGE])
    return Listed(items, mark(*_place(found[PAGE - 1])) if len(found) > PAGE else None)


def deliveries(desk: Desk, actor: Actor, webhook: str, *, after: str | None = None) -> Page:
    """What was delivered to a webhook or waits for it; ``after`` is the ``next`` of the page before.

    Raises :class:`WebhookUnknown`, :class:`CommandMalformed`.
    """
    account = Account("webhook:list", _managing(actor))
    with desk.reading(account) as work:
        _, row = _own(desk, account, work, webhook, even_ended=True)
        place = _BEFORE_ALL if after is None else read_mark(after)
        found = work.deliveries_to(CHANNEL, row.id, PAGE + 1, place)
    items = tuple(found[:PAGE])
    return Page(items, mark(items[-1].at, items[-1].notice) if len(found) > PAGE else None)


def _managing(actor: Actor) -> Actor:
    """The actor, for the purpose that running an installation has."""
    return replace(actor, purpose="administration")


def _permitted(desk: Desk, account: Account, work: Work) -> Who:
    assert account.actor is not None, "somebody asks"
    hold_actors(account.actor)
    who = admitted(desk, account, work, "unit_supervisor")
    permit(desk, account, who, "manage_webhooks", Installation())
    return who


def _own(
    desk: Desk, account: Account, work: Work, webhook: str, *, even_ended: bool = False
) -> tuple[Who, WebhookRow]:  # fmt: skip
    """A webhook of the actor's unit; those of other units are told of to nobody."""
    who = _permitted(desk, account, work)
    row = work.webhook(webhook, for_update=not even_ended)
    if row is None or not desk.directory(work).same(row.unit, who.unit):
        told = shown(webhook)
        raise WebhookUnknown(f"本单位没有推送地址 {told}", f"your unit has no webhook {told}", webhook=told)
    account.details |= {"webhook": row.id}
    if row.ended_at is not None and not even_ended:
        raise NothingToChange("该推送地址已停用", "this webhook has ended")
    return who, row


def _of_unit(desk: Desk, who: Who, work: Work) -> list[WebhookRow]:
    return [row for unit in desk.directory(work).lineage(who.unit) for row in work.webhooks_of(unit.id)]


def _place(row: WebhookRow) -> tuple[datetime, str]:
    return row.added_at, row.id


def _kinds(words: Sequence[str]) -> tuple[str, ...]:
    if not set(words) <= set(KINDS):
        listed_kinds = ", ".join(KINDS)
        raise CommandMalformed(
            f"没有此类通知；有：{listed_kinds}", f"no such kind of notice; there are: {listed_kinds}"
        )
    return tuple(sorted(set(words))) or KINDS


def _shown(desk: Desk, row: WebhookRow, work: Work) -> Webhook:
    known = unseal(row.sealed, row.id, desk.safe.house(work))
    return Webhook(
        row.id, row.unit, known.url, tuple(work.webhook_kinds(row.id)), row.added_at, row.added_by,
        work.count_waiting_for(row.id), row.succeeded_at, row.failing_since, known.both_until(desk.clock()),
        row.ended_at, row.end_reason,
    )  # fmt: skip
