"""Erasing a case: its keys are destroyed, so that nobody can read or replay it; a certificate says what remains.

One asks, two custodians approve exactly that, and the one who asked erases. A legal hold protects, so it is put on a
case at once; to end it takes two custodians again. See :mod:`engine.service.requests`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from engine.access.model import Who
from engine.core.case import Case
from engine.core.codes import hold_actors
from engine.core.commands import Actor, shown_code
from engine.core.definition import Label
from engine.core.view import CHINA
from engine.errors import CommandMalformed, ErasureRefused, NothingToChange, Reason
from engine.ledger.entry import Kind, tag
from engine.service import attachments, requests
from engine.service.account import Account
from engine.service.at_the_case import AtCase, at_the_case
from engine.service.desk import Desk
from engine.service.log import log
from engine.service.permission import permit
from engine.service.request_rules import RequestRules
from engine.service.requests import Asked, InHand, Wish
from engine.service.retention import Retention
from engine.store.erasures import HoldRow
from engine.store.vault import CaseKeyRow
from engine.store.work import Work


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
        "case_event and its parts, refusal: when, which kind, which unit, whose pseudonym; what happened as ciphertext",
        "track_position, hand_off, case_unit: steps, units and dates, without content",
        "erasure_certificate, legal_hold",
        "request, approval: who asked and who approved, when; what exactly only as ciphertext",
        "emergency, notice_outbox: who broke the glass and who reviewed it, when and for which reason code",
        "ledger: who did what and when, for auditors; whom it concerned is unreadable, but for the tag",
    )


@dataclass(frozen=True, slots=True)
class Erasing:
    """What an erasure rests on, at one desk."""

    desk: Desk
    retention: Retention
    folder: Path | None = None

    def ask(self, rules: RequestRules, case_id: str, ground: str, actor: Actor) -> Asked:
        """Ask that a case be erased; what stands against it is judged when it is erased.

        Raises :class:`CommandMalformed` for an unknown ground, :class:`NotPermitted`, :class:`CaseUnknown`.
        """
        account = Account("erasure:request", _custodial(actor), Kind.CONTROL)
        with self.desk.changing(account) as work:
            if ground not in self.retention.grounds:
                known = ", ".join(self.retention.grounds)
                raise CommandMalformed(f"没有此删除理由；有：{known}", f"no such ground; there are: {known}")
            hold_actors(actor)
            at = at_the_case(self.desk, case_id, "request_erasure", work, account, for_update=True)
            return _put(rules, "erase", ground, at)

    def erase(self, case_id: str, ground: str, asked_by: Actor, request: str) -> Certificate:
        """Erase a case on a request that was approved.

        Raises :class:`ErasureRefused` with *all* that stands against it, what a request is refused for,
        :class:`CaseUnknown`, :class:`CaseErased`, :class:`CommandMalformed` for an actor that is no code.
        """
        account = Account("erasure:erase", _custodial(asked_by), Kind.CONTROL)
        with self.desk.changing(account) as work:
            hold_actors(asked_by)
            at = at_the_case(self.desk, case_id, "request_erasure", work, account, for_update=True)
            found = _approved(self.desk, request, ("erase", case_id, ground), at)
            unmet = [*self._against(at.known.case, ground, at.now, work), *_missing(found)]
            if unmet:
                raise ErasureRefused(
                    f"个案 {case_id} 现在不能删除", f"case {case_id} may not be erased now", reasons=tuple(unmet)
                )
            permit(self.desk, account, at.who, "erase_case", at.file, found.circumstances(at.given))
            requests.use(found, at.who, at.now, work, account)
            files = [row.id for row in work.attachments_of(case_id)]
            certificate, body = self._destroy(at, found, work)
            account.details |= {
                "ground": ground,
                "certificate": hashlib.sha256(body).hexdigest(),
                "tag": certificate.tag,
            }
        self.desk.safe.drop(case_id)
        if self.folder is not None:
            attachments.destroy(self.folder, files)
        log("case_erased", case=case_id, unit=at.who.unit)
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

    def _destroy(self, at: AtCase, found: InHand, work: Work) -> tuple[Certificate, bytes]:
        case_id = at.known.case.id
        keys: list[CaseKeyRow] = work.case_keys(case_id)
        certificate = Certificate(
            case=case_id, tag=tag(at.known.key.ledger_salt()), erased_at=at.now, ground=found.exact.ground,
            asked_by=_words(at.who), approved_by=tuple(sorted(_words(one) for one in found.approvers)),
            case_keys=len(keys), persons=work.drop_persons(case_id), attachments=work.drop_attachments(case_id),
            vault_keys=tuple(sorted({row.vault_key for row in keys})),
            not_before=at.now.astimezone(CHINA).date() + timedelta(days=self.retention.backup_days),
        )  # fmt: skip
        work.drop_case_keys(case_id)
        work.drop_lead_keys(case_id)  # what was reported of the same people goes with them
        body = msgspec.json.encode(certificate)
        work.add_certificate(case_id, at.now, body)
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
    """Forbid that a case is erased; that protects, and needs nobody else.

    Raises :class:`CommandMalformed` for a reason that is none of the policy, :class:`NotPermitted`.
    """
    account = Account("erasure:hold", actor, Kind.CONTROL)
    with desk.changing(account) as work:
        if reason not in retention.holds:
            known = ", ".join(retention.holds)
            raise CommandMalformed(f"没有此留存理由；有：{known}", f"no such reason; there are: {known}")
        account.details["reason"] = reason
        hold_actors(actor)
        at = at_the_case(desk, case_id, "put_hold", work, account, for_update=True)
        if _on_hold(case_id, reason, work):
            raise NothingToChange("已因此留存", "it is on hold for this reason already")
        work.add_hold(case_id, reason, since=at.now, unit=at.who.unit, person=at.who.person)


def ask_release(desk: Desk, rules: RequestRules, case_id: str, reason: str, actor: Actor) -> Asked:
    """Ask that a hold be ended. Raises :class:`NothingToChange` when there is none for this reason."""
    account = Account("erasure:request", _custodial(actor), Kind.CONTROL)
    with desk.changing(account) as work:
        hold_actors(actor)
        at = at_the_case(desk, case_id, "request_hold_release", work, account, for_update=True)
        _held(case_id, reason, work)
        return _put(rules, "release_hold", reason, at)


def release_hold(desk: Desk, case_id: str, reason: str, actor: Actor, request: str) -> None:
    """End a hold on a request that was approved.

    Raises :class:`NothingToChange` when there is none for this reason, and what a request is refused for.
    """
    account = Account("erasure:release", actor, Kind.CONTROL)
    with desk.changing(account) as work:
        hold_actors(actor)
        at = at_the_case(desk, case_id, "request_hold_release", work, account, for_update=True)
        found = _approved(desk, request, ("release_hold", case_id, reason), at)
        requests.hold_approved(found)
        permit(desk, account, at.who, "release_hold", at.file, found.circumstances(at.given))
        held = _held(case_id, reason, work)
        account.details["reason"] = held[0].reason
        requests.use(found, at.who, at.now, work, account)
        for row in held:
            work.release_hold(row.id, at=at.now, by=_words(at.who))


# ── what all of them share ──


def _put(rules: RequestRules, kind: str, ground: str, at: AtCase) -> Asked:
    wish = Wish(kind, ground, timedelta(hours=rules.valid_hours))
    return requests.put(at.known, wish, at.who, at.file, now=at.now, work=at.work, account=at.account)


def _approved(desk: Desk, request: str, what: tuple[str, str, str], at: AtCase) -> InHand:
    """A request of this kind, case and ground, open, in the hands of who asked for it."""
    found = requests.take(desk, request, at.who, at.work, at.account)
    requests.hold_own(desk, found, at.who, at.work)
    if (found.exact.kind, found.exact.case, found.exact.ground) != what:
        raise requests.of_another_kind(found)
    requests.hold_open(found, at.now)
    return found


def _missing(found: InHand) -> list[Reason]:
    if found.is_approved:
        return []
    needed = requests.NEEDED[found.exact.kind]
    return [
        Reason(
            code="approvals_missing", zh=f"须有申请人以外的 {needed} 名身份保管员同意",
            en=f"{needed} identity custodians other than the one who asks must agree",
        )
    ]  # fmt: skip


def _held(case_id: str, reason: str, work: Work) -> list[HoldRow]:
    found = _on_hold(case_id, reason, work)
    if not found:
        raise NothingToChange("没有这样的留存", "there is no such hold")
    return found


def _on_hold(case_id: str, reason: str, work: Work) -> list[HoldRow]:
    return [row for row in work.holds_of(case_id) if row.reason == reason and row.released_at is None]


def _custodial(actor: Actor) -> Actor:
    return replace(actor, purpose="custody")


def _words(who: Actor | Who) -> str:
    return f"{who.person}@{who.unit}"
