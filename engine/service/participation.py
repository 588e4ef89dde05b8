"""Who takes part in a case: kept in step with it, loaded for the policies, mended when the directory changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from engine.access.model import CaseFile, Part
from engine.access.participation import (
    UNSERVED,
    Changes,
    Header,
    PartRow,
    changes,
    file_of,
    header_of,
    opener_of,
    parts_of,
)
from engine.core.case import Case
from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.service.desk import Desk
from engine.service.retention import shipped
from engine.store.participation import Taking
from engine.store.work import Work


def ended_after(now: datetime) -> datetime:
    """The beginning of the window of ``policies/retention.yaml``: what ended later still counts."""
    return shipped().ended_after(now)


def project(
    before: Case | None, after: Case, book: Definition, units: Directory, *, now: datetime, work: Work
) -> None:  # fmt: skip
    """Write which participations a change of a case began and ended, beside the change.

    Nothing is read or written where who takes part stays the same. Where it does not, the rows on record are brought to
    what the case says now, so that whatever a directory of a moment ago left in them is mended.
    """
    if before is not None and _stands_alike(before, after):
        return
    parts = parts_of(after, book, units)
    if before is None:
        opener = frozenset({opener_of(after)})
        _save(work, after.id, Changes(parts | opener, opener - parts), now)
    elif parts != parts_of(before, book, units):
        known = frozenset(_part(taking) for taking in work.going_on(after.id))
        _save(work, after.id, changes(known, parts), now)


def case_file(desk: Desk, case: Case | str, work: Work, now: datetime) -> CaseFile | None:
    """A case as the policies see it: who takes part in it now, and what they need; nothing of its content is read.

    One statement for a case that is at hand, two for a code, whether or not there is a case of it: how much is asked
    tells nobody. ``None`` when there is none. Raises :class:`DefinitionUnknown` when its definition is gone.
    """
    header = header_of(case) if isinstance(case, Case) else _header(case, work)
    counting, ever = work.counting(case.id if isinstance(case, Case) else case, ended_after(now))
    if header is None:
        return None
    book = desk.books.pinned(header.definition_hash, work).definition
    return file_of(header, (_part(taking) for taking in counting), ever, book, desk.directory(work))


def refresh(work: Work, old: Directory, new: Directory, now: datetime) -> None:
    """After a change of the directory, let the units it finds now take the parts of those it found before.

    A part of a function that nobody served before is begun; where nobody serves it any more it ends. A unit that was
    merged keeps its parts, and the one that carries its work has them.
    """
    if old == new:
        return
    for found in work.found_by_directory():
        unit = new.resolve(found.function, found.area)
        wanted = UNSERVED if unit is None else unit.id
        carried = found.unit if found.unit not in new.units else new.current(found.unit).id
        if carried != wanted:
            work.take_over(found, wanted, now)


def _stands_alike(before: Case, after: Case) -> bool:
    """Whether nothing changed that participations hang on; most changes only put something on record."""
    return (
        before.tracks is after.tracks
        and before.hand_offs is after.hand_offs
        and before.referrals is after.referrals
        and (before.area, before.status) == (after.area, after.status)
    )


def _save(work: Work, case_id: str, changed: Changes, now: datetime) -> None:
    work.save_parts(case_id, _takings(changed.begun), _takings(changed.ended), now)


def _takings(rows: Iterable[PartRow]) -> list[Taking]:
    # In a fixed order, so that two transactions never wait for each other's rows.
    found = [Taking(row.unit, row.part, row.track, row.step, row.function, row.area) for row in rows]
    return sorted(found, key=lambda one: (one.unit, one.part, one.track, one.step, one.function, one.area))


def _part(taking: Taking) -> PartRow:
    # The vocabulary of parts is checked in SQL.
    part = cast("Part", taking.part)
    return PartRow(taking.unit, part, taking.track, taking.step, taking.function, taking.area)


def _header(case_id: str, work: Work) -> Header | None:
    head = work.head_of(case_id)
    return None if head is None else Header(head.id, head.area, head.scope, head.status, head.definition_hash)
