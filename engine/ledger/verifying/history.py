"""The history of each record: every change goes on from the one before, and everybody was shown what was on record.

A change has the digest and revision before it, and after it. Revisions begin with 1 and none is missing. Of each
revision its digest is kept, in 64 bytes, until the end: the order of the log is not quite the order of the changes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from engine.ledger.canonical import Value, time_of
from engine.ledger.entry import Header
from engine.ledger.verifying.report import Check, Place, place_of

GRACE = timedelta(seconds=60)
"""Who looks at a record while it is changed may be told of the revision before, and be entered after the change."""
_CHANGE = struct.Struct(">32s24sQ")

Key = tuple[str, str | None]
"""The tag of a case, and a person of it or None for the record itself."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An entry that says something of a record."""

    number: int
    header: Header
    at: str

    def place(self, case: str | None, person: str | None = None) -> Place:
        """Where that is."""
        return place_of(self.number, self.header, case, person)


@dataclass(slots=True)
class _Record:
    """``changes``: revision -> digest, time and entry. ``seen``: revisions looked at that have no successor yet.

    ``unknown``: revisions that were looked at and never entered so far, with the digest that was shown.
    """

    changes: dict[int, bytes] = field(default_factory=dict)
    seen: dict[int, Moment] = field(default_factory=dict)
    unknown: dict[int, list[tuple[str, Moment]]] = field(default_factory=dict)


class History:
    """Follows every record."""

    def __init__(self, check: Check, case_of: Callable[[str], str | None]) -> None:
        self._check = check
        self._case_of = case_of
        self._records: dict[Key, _Record] = {}

    def look(self, key: Key, record: Mapping[str, Value], moment: Moment, outcome: Value) -> None:
        """Take what an event says of a record."""
        after, before = record["after"], record["before"]
        is_change = after is not None
        if is_change and outcome != "done":
            self._check.fault("changed though refused", self._place(key, moment))
        known = self._records.get(key)
        if known is None:
            known = self._records[key] = _Record()
        revision = record["revision_before"]
        if isinstance(before, str) and isinstance(revision, int):
            self._shown(key, known, (revision, before), moment, is_change)
        if is_change and isinstance(record["revision_after"], int):
            self._changed(key, known, record, moment)

    def finish(self, is_complete: bool) -> None:
        """Say what never came; ``is_complete``: every entry of the log was read."""
        self._check.counts["records"] = len(self._records)
        tell = self._check.fault if is_complete else self._check.gap
        for key, known in self._records.items():
            for revision in sorted(known.changes):
                if revision > 1 and revision - 1 not in known.changes:
                    number = _CHANGE.unpack(known.changes[revision])[2]
                    tell("revision missing", self._bare_place(key, number), str(revision - 1))
            for revision, shown in sorted(known.unknown.items()):
                for _, moment in shown:
                    tell("revision never entered", self._place(key, moment), str(revision))

    def _shown(
        self, key: Key, known: _Record, what: tuple[int, str], moment: Moment, is_change: bool
    ) -> None:  # fmt: skip
        """Take that somebody was shown this revision, with this digest; a change was made on it."""
        revision, digest = what
        if revision not in known.changes:
            known.unknown.setdefault(revision, []).append((digest, moment))
        else:
            self._compare(key, known.changes[revision], what, moment)
        if is_change:
            return
        if revision + 1 in known.changes:
            self._hold_time(key, known.changes[revision + 1], revision, moment)
        elif revision not in known.seen or known.seen[revision].at < moment.at:
            known.seen[revision] = moment

    def _changed(self, key: Key, known: _Record, record: Mapping[str, Value], moment: Moment) -> None:
        revision, digest = record["revision_after"], str(record["after"])
        assert isinstance(revision, int), "it was looked at"
        expected = revision - 1 if revision > 1 else None
        if record["revision_before"] != expected or (record["before"] is None) != (expected is None):
            self._check.fault("does not follow", self._place(key, moment), str(revision))
        if revision in known.changes:
            if known.changes[revision][:32].hex() != digest:
                self._check.fault("revision twice", self._place(key, moment), str(revision))
            return
        packed = known.changes[revision] = _CHANGE.pack(bytes.fromhex(digest), moment.at.encode(), moment.number)
        self._check.checked += 1
        for shown, at in known.unknown.pop(revision, ()):
            self._compare(key, packed, (revision, shown), at)
        earlier = known.seen.pop(revision - 1, None)
        if earlier is not None:
            self._hold_time(key, packed, revision - 1, earlier)

    def _compare(self, key: Key, packed: bytes, what: tuple[int, str], moment: Moment) -> None:
        if packed[:32].hex() == what[1]:
            self._check.checked += 1
        else:
            self._check.fault("not what was entered", self._place(key, moment), str(what[0]))

    def _hold_time(self, key: Key, newer: bytes, revision: int, moment: Moment) -> None:
        """Whether the newer revision was entered long before somebody was shown this one."""
        changed_at = _CHANGE.unpack(newer)[1].decode()
        if changed_at < moment.at and time_of(moment.at, "at") - time_of(changed_at, "at") > GRACE:
            self._check.fault("old record shown", self._place(key, moment), str(revision))

    def _place(self, key: Key, moment: Moment) -> Place:
        return moment.place(self._case_of(key[0]), key[1])

    def _bare_place(self, key: Key, number: int) -> Place:
        return Place(number, case=self._case_of(key[0]), person=key[1])
