"""Permission: who acts, admitted, and what the policies say to it; noted in the account, as the ledger will tell it.

Every door of the service asks here, and nowhere else; commands are judged in ``engine.access.judging``.
"""

from __future__ import annotations

from engine.access.judging import denied
from engine.access.model import Circumstances, Role, Verdict, Who
from engine.access.subjects import Installation, Subject
from engine.ledger.event import ACTS
from engine.service.account import Account
from engine.service.admission import admit
from engine.service.desk import Desk
from engine.service.proof import hold_proof
from engine.store.work import Work

NOBODY_IN_PARTICULAR = Circumstances()


def admitted(desk: Desk, account: Account, work: Work, meant: Role = "caseworker") -> Who:
    """The actor of an account as a person who may act now. Raises what :func:`hold_proof` and :func:`admit` raise."""
    assert account.actor is not None, "whoever is admitted is somebody"
    account.policy = desk.gate.hash
    hold_proof(desk, account.act, account.actor, work)
    who = admit(desk, account.actor, work, meant=meant)
    account.role = who.role
    return who


def permit(  # noqa: PLR0917 - a decision, and all that it is made on
    desk: Desk, account: Account, who: Who, action: str, on: Subject, given: Circumstances = NOBODY_IN_PARTICULAR
) -> Verdict:
    """Ask the policies, and note which of them decided. Raises :class:`NotPermitted` when they do not permit it."""
    verdict = desk.gate.decide(who, action, on, given)
    note(account, verdict)
    if not verdict.allowed:
        raise denied(desk.gate, who, action, verdict, ACTS[account.act])
    return verdict


def permit_act(desk: Desk, account: Account, work: Work, action: str, meant: Role) -> Who | None:
    """Admit whoever does something to the installation itself, and ask whether it is permitted.

    An act of nobody in particular is the operator's: whoever starts this program on its machine, with its keys. Raises
    what :func:`admitted` and :func:`permit` raise.
    """
    if account.actor is None:
        return None
    who = admitted(desk, account, work, meant)
    permit(desk, account, who, action, Installation())
    return who


def note(account: Account, verdict: Verdict) -> None:
    """Let the ledger tell which policies decided."""
    account.policies = tuple(dict.fromkeys((*account.policies, *verdict.policies)))
