"""Filing: what a command decided of one case goes into the record room, each field class under its own seal."""

from __future__ import annotations

from dataclasses import replace

from engine.core.case import Case
from engine.core.decide import Decision
from engine.core.decide.draft import Spawned
from engine.core.definition import Definition
from engine.core.directory import Directory
from engine.service.account import Account
from engine.service.by_class import changed_compartments
from engine.service.content import case_in_plain, seal_case, seal_compartment, write_event
from engine.service.hand_off_notices import tell_of_hand_offs
from engine.service.known import Known
from engine.service.participation import project
from engine.store.compartments import CompartmentRow, EventPartRow
from engine.store.work import Work
from engine.vault.keys import CaseKey


def file_case(
    before: Known | None, decided: Spawned | Decision, book: Definition, key: CaseKey, work: Work, *, units: Directory,
    account: Account,
) -> Case:  # fmt: skip
    """Write a case after a command and who takes part in it now, and tell the ledger; give it at its new revision.

    ``before`` is the case as it was loaded, whole (``None``: a new one), ``book`` the definition it is held to. Only
    the classes that changed are written. Raises :class:`StaleRevision` as ``Work.save_case`` does.
    """
    if before is not None and before.withheld:
        raise ValueError("only a case that was read whole is decided on")
    old = before.case if before is not None else None
    after = replace(decided.case, revision=decided.case.revision + 1)
    bodies: list[bytes] = []
    parts: list[EventPartRow] = []
    for recorded in decided.events:
        body, said = write_event(recorded, after.id, book, key)
        bodies.append(body)
        parts += said
    marks = dict(before.marks) if before is not None else {}
    rows: list[CompartmentRow] = []
    for field_class, one in changed_compartments(old, after, book).items():
        row, marks[field_class] = seal_compartment(one, field_class, after.revision, key)
        rows.append(row)
    plain = case_in_plain(after, marks)
    content = seal_case(plain, after.id, after.revision, key)
    work.save_case(old, after, content, decided.events, bodies, compartments=rows, parts=parts)
    project(old, after, book, units, now=after.changed_at, work=work)
    tell_of_hand_offs(old, after, decided.events, units, now=after.changed_at, work=work)
    account.changed(key, digest=key.ledger_digest(plain), revision=after.revision)
    return after
