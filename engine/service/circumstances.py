"""What the policies are told beside who takes part: a broken glass of the person, an overdue review of hers."""

from __future__ import annotations

from datetime import datetime

from engine.access.judging import unknown
from engine.access.model import CaseFile, Circumstances, Who
from engine.core.case import Case
from engine.service.desk import Desk
from engine.service.participation import case_file
from engine.store.requests import EmergencyRow
from engine.store.work import Work


def glass_of(work: Work, person: str, case_id: str, now: datetime) -> EmergencyRow | None:
    """The glass that a person has broken over a case, while it lasts; a review ends it."""
    return _lasting(work.emergencies_to_review(person), case_id, now)


def circumstances(desk: Desk, who: Who, case_id: str, work: Work, now: datetime) -> Circumstances:
    """Whether this person has broken the glass over this case, and whether a review of hers is overdue."""
    rows = work.emergencies_to_review(who.person)
    return Circumstances(
        has_glass=_lasting(rows, case_id, now) is not None, is_overdue=any(now >= row.review_by for row in rows)
    )


def file_at(desk: Desk, case: Case | str, work: Work, now: datetime) -> CaseFile:
    """The case as the policies see it. Raises :class:`CaseUnknown`."""
    file = case_file(desk, case, work, now)
    if file is None:
        raise unknown(case if isinstance(case, str) else case.id)
    return file


def _lasting(rows: list[EmergencyRow], case_id: str, now: datetime) -> EmergencyRow | None:
    return next((row for row in rows if row.case_id == case_id and row.opened_at <= now < row.ends_at), None)
