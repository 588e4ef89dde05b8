"""An account: what one request did or read, by whom, and whom it concerns, as the ledger will tell it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.core import commands as cmd
from engine.core.codes import shown
from engine.core.commands import Actor
from engine.errors import GuituError
from engine.ledger.canonical import Value
from engine.ledger.entry import Kind, Subject, tag
from engine.ledger.event import ACTS, PURPOSES
from engine.vault.keys import CaseKey

MOST_IN_ONE_ENTRY = 30
"""Records; a list of more is told in several entries, each of which says which part it is."""
_SYSTEM = "administration"
"""The purpose of what nobody in particular does."""


ACT_OF: Mapping[type[cmd.Command], str] = {
    cmd.OpenCase: "case:open", cmd.OpenTrack: "track:open", cmd.Move: "case:move", cmd.Offer: "hand_off:offer",
    cmd.OfferTransfer: "hand_off:transfer", cmd.AttachFile: "file:attach", cmd.RecordIdentity: "identity:record",
    cmd.Relocate: "case:relocate", cmd.Accept: "hand_off:accept", cmd.Decline: "hand_off:decline",
    cmd.Withdraw: "hand_off:withdraw", cmd.Refer: "case:refer", cmd.Assign: "case:assign",
    cmd.Contribute: "case:contribute", cmd.RecordConsent: "case:consent", cmd.SettleDuty: "duty:settle",
    cmd.DeclineTrack: "track:decline", cmd.Correct: "case:correct", cmd.ReviewFlag: "case:review_flag",
    cmd.Reverse: "case:reverse", cmd.LinkCriminalCase: "case:link", cmd.Close: "case:close",
    cmd.Reopen: "case:reopen",
}  # fmt: skip
"""As what each command is entered; a command that stands not here cannot be carried out."""


@dataclass(frozen=True, slots=True)
class Concerned:
    """A record or person an act concerns: the sealed part, the salt it is sealed under, and what the event says."""

    subject: Subject
    salt: bytes
    record: dict[str, Value]


@dataclass(slots=True)
class Account:
    """What one request did. It is made when the request comes, and filled in while it is carried out.

    ``act`` is one of the closed vocabulary of :mod:`engine.ledger.event`; of an unknown one nothing can be told, and so
    nothing can be done.
    """

    act: str
    actor: Actor | None = None
    kind: Kind = Kind.EVENT
    purpose: str | None = None
    outcome: str = "done"
    reason: str | None = None
    definition: str | None = None
    role: str | None = None
    policies: tuple[str, ...] = ()
    policy: str | None = None
    approvals: Sequence[Actor] = ()
    details: dict[str, Value] = field(default_factory=dict)
    concerned: dict[tuple[str, str | None], Concerned] = field(default_factory=dict)
    request: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        """Raise :class:`ValueError` for an act that is none."""
        if self.act not in ACTS:
            raise ValueError(f"no act {self.act}")
        stated = self.purpose or (self.actor.purpose if self.actor else _SYSTEM)
        self.purpose = stated if stated in PURPOSES else "unstated"

    def read(
        self, key: CaseKey, *, person: str | None = None, classes: Iterable[str] = (), digest: str | None = None,
        revision: int | None = None,
    ) -> None:  # fmt: skip
        """Tell that a record, or a person of it, was looked at as it was on record with this digest and revision."""
        told: dict[str, Value] = {} if digest is None else {"before": digest, "revision_before": revision}
        self._concern(key, person, classes, told)

    def changed(
        self, key: CaseKey, *, person: str | None = None, classes: Iterable[str] = (), digest: str | None,
        revision: int | None = None,
    ) -> None:  # fmt: skip
        """Tell that a record, or a person of it, now has this digest and revision."""
        self._concern(key, person, classes, {"after": digest, "revision_after": revision})

    def refused(self, error: GuituError) -> None:
        """Tell that it was refused: nothing was changed then."""
        self.outcome, self.reason = "refused", error.code
        for one in self.concerned.values():
            one.record.update({"after": None, "revision_after": None})

    def _concern(self, key: CaseKey, person: str | None, classes: Iterable[str], told: dict[str, Value]) -> None:
        salt = key.ledger_salt()
        known = self.concerned.get((key.case_id, person))
        if known is None:
            nothing = {"after": None, "before": None, "revision_after": None, "revision_before": None}
            known = Concerned(Subject(key.case_id, person, frozenset()), salt, {"of": tag(salt), **nothing})
        subject = Subject(key.case_id, person, known.subject.field_classes | frozenset(classes))
        self.concerned[key.case_id, person] = Concerned(subject, salt, {**known.record, **told})

    def parts(self) -> Iterator[tuple[dict[str, Value], list[tuple[Subject, bytes]]]]:
        """Yield the events that tell it, but for when, and whom each concerns: one, or several for a long list."""
        every = list(self.concerned.values())
        cuts = [every[at : at + MOST_IN_ONE_ENTRY] for at in range(0, len(every), MOST_IN_ONE_ENTRY)] or [[]]
        for number, concerned in enumerate(cuts, 1):
            records: list[Value] = [dict(one.record) for one in concerned]
            yield self._event(number, len(cuts), records), [(one.subject, one.salt) for one in concerned]

    def _event(self, part: int, parts: int, records: list[Value]) -> dict[str, Value]:
        approvals: list[Value] = [{"person": shown(one.person), "unit": shown(one.unit)} for one in self.approvals]
        return {
            "act": self.act, "actor": _told(self.actor.person if self.actor else None),
            "unit": _told(self.actor.unit if self.actor else None), "role": self.role, "purpose": self.purpose,
            "outcome": self.outcome, "reason": self.reason, "policies": list(self.policies), "policy": self.policy,
            "definition": self.definition, "request": self.request, "part": part, "parts": parts,
            "approvals": approvals, "details": dict(self.details), "records": records,
        }  # fmt: skip


def _told(words: str | None) -> str | None:
    """A code as it came; of what is no code nothing is told."""
    return None if words is None or shown(words) != words else words
