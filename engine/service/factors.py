"""Second factors judged: whether a code or a passkey is right, once. What it counted is kept with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.credentials import passkeys, totp
from engine.service.desk import Desk
from engine.store.sign_in import FactorRow
from engine.store.work import Work
from engine.vault.keys import Cell


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answers with: a one-time code, or what her browser made of a passkey and this challenge."""

    code: str | None = None
    passkey: Mapping[str, Any] | None = None
    challenge: bytes | None = None


def confirmed(work: Work, person: str) -> list[FactorRow]:
    """The second factors of somebody that count."""
    return [row for row in work.factors_of(person) if row.confirmed_at is not None]


def kinds_of(rows: Sequence[FactorRow]) -> tuple[str, ...]:
    """Which kinds of second factor these are, each once."""
    return tuple(dict.fromkeys(row.kind for row in rows))


def used(desk: Desk, work: Work, person: str, answer: Answer) -> FactorRow | None:
    """The second factor of somebody that this answer is right for, now used up; ``None``: it is right for none.

    Each is read again with nobody else at it, so one code, or one count, is not taken twice.
    """
    for listed in confirmed(work, person):
        row = work.factor(listed.id)
        found = None if row is None else _judged(desk, work, row, answer)
        if found is not None:
            work.use_factor(found)
            return found
    return None


def options(desk: Desk, rows: Sequence[FactorRow], challenge: bytes) -> dict[str, Any] | None:
    """What a browser is told to show one of these passkeys; ``None`` without one, or where there are none at all."""
    known = [row.credential for row in rows if row.credential is not None]
    return None if desk.site is None or not known else passkeys.to_show(desk.site, challenge, known)


def seal(desk: Desk, work: Work, factor: str, secret: bytes) -> bytes:
    """What a second factor is made of, as it is kept: under the key of the house, for this factor alone."""
    return desk.safe.house(work).seal(secret, _cell(factor))


def unseal(desk: Desk, work: Work, row: FactorRow) -> bytes:
    """What :func:`seal` sealed. Raises :class:`ContentUnreadable`."""
    return desk.safe.house(work).unseal(row.sealed, _cell(row.id))


def _judged(desk: Desk, work: Work, row: FactorRow, answer: Answer) -> FactorRow | None:
    now = desk.clock()
    if row.kind == "totp" and answer.code is not None:
        step = totp.accepted(unseal(desk, work, row), answer.code, now, row.last_step)
        return None if step is None else replace(row, used_at=now, last_step=step)
    if row.kind == "passkey" and answer.passkey is not None:
        counted = _shown(desk, row, answer.passkey, answer.challenge)
        return None if counted is None else replace(row, used_at=now, sign_count=counted)
    return None


def _shown(desk: Desk, row: FactorRow, passkey: Mapping[str, Any], challenge: bytes | None) -> int | None:
    if desk.site is None or challenge is None or row.credential is None or row.public_key is None:
        return None
    known = passkeys.Passkey(row.credential, row.public_key, row.sign_count or 0)
    return passkeys.shown(desk.site, passkey, challenge, known)


def _cell(factor: str) -> Cell:
    return Cell("second_factor", factor, "sealed", 1)
