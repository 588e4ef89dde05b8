"""Erasing a case: its keys are destroyed, so that nobody can read or replay it; a certificate says what remains.

Two identity custodians are named with every erasure, and entered in the ledger. Their signatures come with the part of
the program that makes them: :class:`Approvals` is where they will be judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol

import msgspec

from engine.core.case import Case
from engine.core.codes import hold_actors
from engine.core.commands import Actor, shown_code
from engine.core.definition import Label
from engine.core.view import CHINA
from engine.errors import CommandMalformed, ErasureRefused, NothingToChange, Reason
from engine.ledger.entry import Kind, tag
from engine.service import attachments
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.known import Known, load_with_key
from engine.service.log import log
from engine.service.retention import Retention
from engine.store.vault import CaseKeyRow
from engine.store.work import Work

NEEDED = 2
"""How many custodians, other than the one who asks, stand for an erasure."""


class Approvals(Protocol):
    """Judges who approved an erasure."""

    def unmet(self, case: str, asked_by: Actor, approved_by: Sequence[Actor]) -> list[Reason]:
        """What is missing; nothing when the erasure is approved."""


class NamedCustodians:
    """The approvals of this release: two different persons besides the one who asks, by name; not yet signed."""

    def unmet(self, case: str, asked_by: Actor, approved_by: Sequence[Actor]) -> list[Reason]:
        """See :class:`Approvals`."""
        persons = {one.person for one in approved_by} - {asked_by.person}
        if len(persons) >= NEEDED:
            return []
        return [
            Reason(
                code="approvals_missing", zh=f"须有申请人以外的 {NEEDED} 名身份保管员同意",
                en=f"{NEEDED} identity custodians other than the one who asks must agree",
            )
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Certificate:
    """That a case was erased: what was destroyed, what remains, and when the erasure is complete.

    ``tag`` is what entries of the ledger about the case still bear, though nobody can read whom they concern.
    ``not_before`` is the end of the backups that still hold the wrapped key; ``vault_keys`` are those that wrapped it:
    complete is the erasure when these are destroyed as well, by rotating them.
    """

    case: str
    tag: str
    erased_at: datetime
    ground: str
    asked_by: str
    approved_by: tuple[str, ...]
    case_keys: int
    persons: int
    attachments: int
    vault_keys: tuple[str, ...]
    not_before: date
    remains: tuple[str, ...] = (
        "case_record: pseudonym, jurisdiction, area, definition, dates, outcome",
        "case_event, refusal: when, which kind, which unit, whose pseudonym; what happened only as ciphertext",
        "track_position, hand_off, case_unit: steps, units and dates, without content",
        "erasure_certificate, legal_hold",
        "ledger: who did what and when, for auditors; whom it concerned is unreadable, but for the tag",
    )


@dataclass(frozen=True, slots=True)
class Erasing:
    """What an erasure rests on, at one desk."""

    desk: Desk
    retention: Retention
    folder: Path | None = None
    approvals: Approvals = field(default_factory=NamedCustodians)

    def erase(self, case_id: str, ground: str, asked_by: Actor, approved_by: Sequence[Actor]) -> Certificate:
        """Erase a case.

        Raises :class:`ErasureRefused` with *all* that stands against it, :class:`CaseUnknown`, :class:`CaseErased`,
        :class:`CommandMalformed` for an actor that is no code.
        """
        now = self.desk.clock()
        hold_actors(asked_by, *approved_by)
        account = Account("erasure:erase", asked_by, Kind.CONTROL, purpose="custody", approvals=approved_by)
        with self.desk.changing(account) as work:
            known = load_with_key(self.desk, case_id, work, for_update=True)
            known.tell(account)
            case = known.case
            unmet = [
                *self._against(case, ground, now, work), *self.approvals.unmet(case_id, asked_by, approved_by),
            ]  # fmt: skip
            if unmet:
                raise ErasureRefused(
                    f"个案 {case_id} 现在不能删除", f"case {case_id} may not be erased now", reasons=tuple(unmet)
                )
            files = [row.id for row in work.attachments_of(case_id)]
            certificate, body = self._destroy(known, ground, (asked_by, approved_by), now, work)
            account.details |= {
                "ground": ground,
                "certificate": hashlib.sha256(body).hexdigest(),
                "tag": certificate.tag,
            }
        self.desk.safe.drop(case_id)
        if self.folder is not None:
            attachments.destroy(self.folder, files)
        log("case_erased", case=case_id, unit=asked_by.unit)
        return certificate

    def _against(self, case: Case, ground: str, now: datetime, work: Work) -> list[Reason]:
        found = []
        chosen = self.retention.grounds.get(ground)
        if chosen is None:
            known = ", ".join(self.retention.grounds)
            found.append(
                Reason(
                    code="ground_unknown", zh=f"没有此删除理由；有：{known}", en=f"no such ground; there are: {known}"
                )
            )
        if case.status == "open":
            found.append(Reason(code="case_open", zh="个案尚未结案", en="the case is open"))
        ends = case.changed_at + timedelta(days=self.retention.closed_days)
        if chosen is not None and chosen.asks_for_retention and now < ends:
            day = ends.astimezone(CHINA).date().isoformat()
            found.append(
                Reason(
                    code="retention_runs", zh=f"保存期至 {day}（本地设置）", en=f"kept until {day} (local setting)",
                    provenance="deployer",
                )
            )  # fmt: skip
        holds = [row.reason for row in work.holds_of(case.id) if row.released_at is None]
        for name in holds:  # a reason that has left the policy since holds all the same
            label = self.retention.holds.get(name) or Label(zh=name, en=name)
            found.append(Reason(code="legal_hold", zh=f"已依法留存：{label.zh}", en=f"on legal hold: {label.en}"))
        return found

    def _destroy(
        self, known: Known, ground: str, who: tuple[Actor, Sequence[Actor]], now: datetime, work: Work
    ) -> tuple[Certificate, bytes]:
        case = known.case
        keys: list[CaseKeyRow] = work.case_keys(case.id)
        asked_by, approved_by = who
        certificate = Certificate(
            case=case.id, tag=tag(known.key.ledger_salt()), erased_at=now, ground=ground, asked_by=_words(asked_by),
            approved_by=tuple(sorted(_words(one) for one in approved_by)), case_keys=len(keys),
            persons=work.drop_persons(case.id), attachments=work.drop_attachments(case.id),
            vault_keys=tuple(sorted({row.vault_key for row in keys})),
            not_before=now.astimezone(CHINA).date() + timedelta(days=self.retention.backup_days),
        )  # fmt: skip
        work.drop_case_keys(case.id)
        body = msgspec.json.encode(certificate)
        work.add_certificate(case.id, now, body)
        return certificate, body


def certificate_of(desk: Desk, case_id: str) -> Certificate:
    """The certificate of an erased case. Raises :class:`NothingToChange` when it was not erased."""
    with desk.reading(Account("erasure:certificate")) as work:
        body = work.certificate_of(case_id)
        if body is None:
            shown = shown_code(case_id)
            raise NothingToChange(f"个案 {shown} 未被删除", f"case {shown} was not erased", case=shown)
    return msgspec.json.decode(body, type=Certificate)


def hold(desk: Desk, retention: Retention, case_id: str, reason: str, actor: Actor) -> None:
    """Forbid that a case is erased. Raises :class:`CommandMalformed` for a reason that is none of the policy."""
    if reason not in retention.holds:
        known = ", ".join(retention.holds)
        raise CommandMalformed(f"没有此留存理由；有：{known}", f"no such reason; there are: {known}")
    hold_actors(actor)
    account = Account("erasure:hold", actor, Kind.CONTROL, details={"reason": reason})
    with desk.changing(account) as work:
        load_with_key(desk, case_id, work, for_update=True).tell(account)
        if any(row.reason == reason and row.released_at is None for row in work.holds_of(case_id)):
            raise NothingToChange("已因此留存", "it is on hold for this reason already")
        work.add_hold(case_id, reason, since=desk.clock(), unit=actor.unit, person=actor.person)


def release_hold(desk: Desk, case_id: str, reason: str, actor: Actor) -> None:
    """End a hold. Raises :class:`NothingToChange` when there is none for this reason."""
    hold_actors(actor)
    account = Account("erasure:release", actor, Kind.CONTROL)
    with desk.changing(account) as work:
        load_with_key(desk, case_id, work, for_update=True).tell(account)
        found = [row for row in work.holds_of(case_id) if row.reason == reason and row.released_at is None]
        if not found:
            raise NothingToChange("没有这样的留存", "there is no such hold")
        account.details["reason"] = found[0].reason
        for row in found:
            work.release_hold(row.id, at=desk.clock(), by=_words(actor))


def _words(actor: Actor) -> str:
    return f"{actor.person}@{actor.unit}"
