"""Somebody at a case: judged on who takes part in it, and only then is the case itself taken up.

For what is done with a case past its handling: asking for an identity, emergencies, holds, erasure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.access.model import NO_CASE, CaseFile, Circumstances, Role, Who
from engine.service.account import Account
from engine.service.circumstances import circumstances
from engine.service.desk import Desk
from engine.service.known import Known, load_with_key
from engine.service.participation import case_file
from engine.service.permission import admitted, note
from engine.service.sight import refused
from engine.store.work import Work


@dataclass(frozen=True, slots=True)
class AtCase:
    """Who acts on which case, in one transaction: the case, who takes part in it, and what else counts."""

    known: Known
    who: Who
    file: CaseFile
    given: Circumstances
    now: datetime
    work: Work
    account: Account


def at_the_case(
    desk: Desk, case_id: str, action: str, work: Work, account: Account, *, meant: Role = "caseworker",
    for_update: bool = False,
) -> AtCase:  # fmt: skip
    """The case, its structure only, for whoever is permitted this action on it.

    Raises :class:`NotPermitted` for whoever may see the case and not do this, :class:`CaseUnknown` for everybody else,
    and :class:`CaseErased` only for whoever was permitted.
    """
    now = desk.clock()
    who = admitted(desk, account, work, meant)
    file = case_file(desk, case_id, work, now)
    given = circumstances(desk, who, case_id, work, now)
    verdict = desk.gate.decide(who, action, file or NO_CASE, given)
    if file is None or not verdict.allowed:
        raise refused(desk, case_id, file, (who, given), action, verdict, work, account)
    note(account, verdict)
    known = load_with_key(desk, case_id, work, for_update=for_update, classes=())
    known.tell(account)
    return AtCase(known, who, file, given, now, work, account)
