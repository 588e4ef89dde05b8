"""Cases and their events: loaded whole, saved as the difference that one command made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update

from engine.core.case import Case, TrackState
from engine.core.events import Recorded
from engine.store.compartments import CompartmentRow, CompartmentRows, EventPartRow
from engine.store.faults import stale
from engine.store.handoffs import hand_off_changes
from engine.store.statements import Statement, insert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_CASE = TABLES["case_record"]
_EVENT = TABLES["case_event"]
_TRACK = TABLES["track_position"]
_HAND_OFF = TABLES["hand_off"]
_KEY = TABLES["case_key"]

_LOADED = (
    select(
        _CASE.c.id, _CASE.c.revision, _CASE.c.definition_hash, _CASE.c.content, _CASE.c.key_version, _KEY.c.vault_key,
        _KEY.c.wrapped,
    )
    .join_from(_CASE, _KEY, (_KEY.c.case_id == _CASE.c.id) & (_KEY.c.version == _CASE.c.key_version), isouter=True)
    .where(_CASE.c.id == bindparam("of_case"))
)  # fmt: skip
_LOAD = Statement(_LOADED, "of_case")
_LOAD_FOR_UPDATE = Statement(_LOADED.with_for_update(of=_CASE), "of_case")  # SQLite: the writer is alone already
_HISTORY = Statement(
    select(
        _EVENT.c.number, _EVENT.c.revision, _EVENT.c.at, _EVENT.c.kind, _EVENT.c.unit, _EVENT.c.person, _EVENT.c.body
    )
    .where(_EVENT.c.case_id == bindparam("case_id"), _EVENT.c.number > bindparam("after"))
    .order_by(_EVENT.c.number),
    "case_id", "after",
)  # fmt: skip

_INSERT_CASE = insert_into(_CASE)
_EVERY_TIME = ("revision", "changed_at", "events", "content")
_AT_TIMES = ("area", "status", "outcome", "criminal_case", "points_to")  # an index or a foreign key hangs on some


def _update_case(*changing: str) -> Statement:
    at_revision = update(_CASE).where(_CASE.c.id == bindparam("case_id"), _CASE.c.revision == bindparam("expected"))
    return Statement(at_revision, *changing, "case_id", "expected", columns=changing)


_UPDATE_CASE = _update_case(*_EVERY_TIME)
_UPDATE_CASE_WHOLE = _update_case(*_EVERY_TIME, *_AT_TIMES)
_INSERT_EVENT = insert_into(_EVENT)
_INSERT_TRACK = insert_into(_TRACK)
_WHERE_IT_STANDS = ("step", "status", "holder", "assignee", "entered_at", "hand_off")
_UPDATE_TRACK = Statement(
    update(_TRACK).where(_TRACK.c.case_id == bindparam("of_case"), _TRACK.c.track == bindparam("named")),
    *_WHERE_IT_STANDS, "of_case", "named",
    columns=_WHERE_IT_STANDS,
)  # fmt: skip
_INSERT_HAND_OFF = insert_into(_HAND_OFF)
_END_HAND_OFF = Statement(
    update(_HAND_OFF).where(_HAND_OFF.c.id == bindparam("hand_off_id")),
    "state", "ended_at", "reason", "hand_off_id",
    columns=("state", "ended_at", "reason"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case as it lies in the record room, without what belongs to a field class.

    ``content`` is opaque, ``definition_hash`` is what it is pinned to.
    """

    id: str
    revision: int
    definition_hash: str
    content: bytes
    key_version: int
    vault_key: str | None
    """Of what wraps the case key. A case without a key was erased."""
    wrapped_key: bytes | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it lies in the record room, without what belongs to a field class; ``body`` is opaque."""

    number: int
    revision: int
    at: datetime
    kind: str
    unit: str
    person: str
    body: bytes


class CaseRows(CompartmentRows):
    """The part of a unit of work that keeps cases."""

    wire: Wire

    def load_case(self, case_id: str, *, for_update: bool) -> StoredCase | None:
        """The case, if there is one; ``for_update`` keeps every other writer of it waiting until the end.

        Raises :class:`StoreUnavailable` when waiting took too long.
        """
        found = self.wire.row(_LOAD_FOR_UPDATE if for_update else _LOAD, (case_id,))
        return None if found is None else StoredCase(*found)

    def save_case(
        self, before: Case | None, after: Case, content: bytes, recorded: Sequence[Recorded], bodies: Sequence[bytes],
        *, compartments: Sequence[CompartmentRow] = (), parts: Sequence[EventPartRow] = (),
    ) -> None:  # fmt: skip
        """Write what one command did to one case: the case, its new events, and the rows lists are made of.

        ``before`` is the case as it was loaded (``None``: a new one); ``bodies`` are the events of ``recorded``,
        sealed, in the same order. ``compartments`` are the field classes of the case that changed, ``parts`` what the
        new events say of field classes. Raises :class:`StaleRevision` when the case is not at ``before.revision`` any
        more, or when a new case's id is taken; nothing may be kept then.
        """
        if len(recorded) != len(bodies):
            raise ValueError("every event needs its body")
        if before is None:
            self.wire.write(_INSERT_CASE, _new_row(after, content))
        self._append(after, recorded, bodies)
        self.add_event_parts(after.id, parts)
        self.keep_compartments(after.id, compartments)
        self._place(before, after)
        self._hand_over(before, after, recorded)
        if before is not None and self._advance(before, after, content) != 1:
            raise stale(case=after.id)

    def events_of(self, case_id: str) -> list[EventRow]:
        """All events of a case, in order."""
        return self.history(case_id)

    def history(self, case_id: str, after_number: int = 0) -> list[EventRow]:
        """The events of a case after one of them, in order."""
        return [EventRow(*row) for row in self.wire.rows(_HISTORY, (case_id, after_number))]

    def _append(self, after: Case, recorded: Sequence[Recorded], bodies: Sequence[bytes]) -> None:
        self.wire.write_many(
            _INSERT_EVENT,
            [
                (after.id, item.number, after.revision, item.at, item.kind, item.unit, item.person, body)
                for item, body in zip(recorded, bodies, strict=True)
            ],
        )

    def _advance(self, before: Case, after: Case, content: bytes) -> int:
        """Bring the case's own row up to date and say how many rows stood at the old revision: one or none."""
        every_time = (after.revision, after.changed_at, after.events, content)
        which = (after.id, before.revision)
        if _at_times(before) == _at_times(after):
            return self.wire.write(_UPDATE_CASE, (*every_time, *which))
        return self.wire.write(_UPDATE_CASE_WHOLE, (*every_time, *_at_times(after), *which))

    def _place(self, before: Case | None, after: Case) -> None:
        """Write the tracks that stand differently."""
        old = before.tracks if before else {}
        if old is not after.tracks:
            for name, track in after.tracks.items():
                stood = old.get(name)
                if stood is None:
                    self.wire.write(_INSERT_TRACK, (after.id, name, *_position(track)))
                elif stood is not track and _position(stood) != _position(track):
                    self.wire.write(_UPDATE_TRACK, (*_position(track), after.id, name))

    def _hand_over(self, before: Case | None, after: Case, recorded: Sequence[Recorded]) -> None:
        changes = hand_off_changes(before, after, recorded)
        if changes.ended:
            self.wire.write_many(
                _END_HAND_OFF,
                [(end.state, end.ended_at, end.reason, hand_off) for hand_off, end in changes.ended.items()],
            )
        for item, offer, end in changes.offered.values():
            self.wire.write(
                _INSERT_HAND_OFF,
                (
                    offer.hand_off, after.id, offer.kind, offer.track, offer.move, offer.to_step, offer.from_unit,
                    offer.to_unit, end.state, item.at, item.person, end.ended_at, end.reason,
                ),
            )  # fmt: skip


def _position(track: TrackState) -> tuple[object, ...]:
    return (track.step, track.status, track.holder, track.assignee, track.entered_at, track.hand_off)


def _new_row(case: Case, content: bytes) -> tuple[object, ...]:
    return (
        case.id, case.scope, case.jurisdiction, case.area, case.pin.id, case.pin.version, case.pin.hash,
        case.revision, case.status, case.outcome, case.opened_at, case.changed_at, case.events,
        case.criminal_case, case.predecessor, case.points_to, content, 1,
    )  # fmt: skip


def _at_times(case: Case) -> tuple[object, ...]:
    return (case.area, case.status, case.outcome, case.criminal_case, case.points_to)
