"""What entries say, read with an auditor's key: each one is read once, and handed to everything that looks at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from engine.ledger.canonical import NotCanonical, Value, time_of
from engine.ledger.entry import Header, Kind, Opened, Unreadable
from engine.ledger.event import NotAnEvent, check, founded_as
from engine.ledger.streams import OutOfOrder, recipients_of
from engine.ledger.verifying.beats import Beats
from engine.ledger.verifying.brought import Brought
from engine.ledger.verifying.history import History, Key, Moment
from engine.ledger.verifying.order import Order
from engine.ledger.verifying.reading import Readers, Unread, word_of
from engine.ledger.verifying.recipients import Recipients
from engine.ledger.verifying.reconcile import Reconciliation
from engine.ledger.verifying.report import Check, place_of
from engine.ledger.verifying.subjects import Certificates, Subjects

NEED_A_KEY = (
    "decryption", "events", "clock", "heartbeats", "recipients", "certificates", "subjects", "history",
    "reconciliation",
)  # fmt: skip
NEED_ALL = tuple(one for one in NEED_A_KEY if one not in ("decryption", "recipients"))
"""An entry that nobody reads is missed by each of these; who the recipients are is followed from entry to entry."""
MOST_BEHIND = timedelta(minutes=5)
"""So far may an opening be behind what has its place already: a scribe whose clock is further back writes nothing, and
processes that write at the same time are sequenced within seconds."""
_MOST_DETAIL = 60


class Contents:
    """Everything that needs a private key; without one it only counts what it cannot read."""

    def __init__(self, brought: Brought, checks: Mapping[str, Check], order: Order, certificates: Certificates) -> None:
        self._brought = brought
        self._checks = checks
        self._order = order
        self._readers = Readers(brought.keys)
        self._latest: dict[bytes, str] = {}
        self._newest = ""
        self._beats = Beats(checks["heartbeats"])
        self._recipients = Recipients(checks["recipients"])
        self._certificates = certificates
        self._subjects = Subjects(checks["subjects"], brought.salts, certificates)
        self._history = History(checks["history"], self._subjects.case_of)
        self._records = Reconciliation(checks["reconciliation"], brought.digests, brought.salts, certificates)
        self._entries = 0
        self._unread = 0
        if brought.keys:
            self._subjects.begin()

    def take(self, number: int, header: Header, entry: bytes, origin: str | None) -> None:
        """Take the next entry, of a readable header; ``origin`` is the log that the checkpoint names."""
        self._entries += 1
        if not self._brought.keys:
            return
        opened = self._opened(number, header, entry)
        if opened is None:
            self._unread += 1
        if header.kind is Kind.STREAM_OPEN:
            self._opening(number, header, entry, opened, origin)
        elif opened is not None:
            self._look(number, opened)
        elif header.kind is Kind.KEY_EVENT:
            self._recipients.missed(header.stream_id)

    def _opened(self, number: int, header: Header, entry: bytes) -> Opened | None:
        """What the entry says, of its form; None when that cannot be known."""
        decryption = self._checks["decryption"]
        try:
            opened = self._readers.read(header, entry)
        except Unread as error:
            tell = decryption.gap if error.why == "foreign" else decryption.fault
            tell(f"unread:{error.why}", place_of(number, header))
            return None
        except (NotCanonical, Unreadable, OutOfOrder) as error:
            is_written_so = isinstance(error, NotCanonical) or word_of(error) == "entry:plain"
            place = place_of(number, header)
            self._checks["events" if is_written_so else "decryption"].fault(word_of(error), place)
            decryption.checked += is_written_so
            return None
        decryption.checked += 1
        try:
            check(header.kind, opened.event, len(opened.blocks))
        except NotAnEvent as error:
            self._checks["events"].fault("not an event", place_of(number, header), error.place[:_MOST_DETAIL])
            return None
        self._checks["events"].checked += 1
        self._hold_clock(number, header, str(opened.event["at"]))
        return opened

    def _hold_clock(self, number: int, header: Header, at: str) -> None:
        clock, latest = self._checks["clock"], self._latest.get(header.stream_id)
        if latest is not None and at < latest:
            clock.fault("clock backwards", place_of(number, header), f"{latest} > {at}")
        elif header.kind is Kind.STREAM_OPEN and self._is_too_early(at):
            clock.fault("opened too early", place_of(number, header), f"{self._newest} > {at}")
        else:
            clock.checked += 1
        self._newest = max(at, self._newest)
        self._latest[header.stream_id] = max(at, latest or at)
        if header.kind is Kind.STREAM_CLOSE:
            del self._latest[header.stream_id]

    def _is_too_early(self, at: str) -> bool:
        """Whether an opening is further back than a clock may stand; the head of the log is not believed for it."""
        return self._newest > at and time_of(self._newest, "at") - time_of(at, "at") > MOST_BEHIND

    def _opening(
        self, number: int, header: Header, entry: bytes, opened: Opened | None, origin: str | None
    ) -> None:  # fmt: skip
        place = place_of(number, header)
        try:
            ids = frozenset(recipients_of(entry))
        except Unreadable:
            return  # it was told already that it is malformed
        event = opened.event if opened else None
        self._recipients.opened(header.stream_id, ids, str(event["at"]) if event else None, place)
        if event is None:
            return
        if origin is not None and event["origin"] != founded_as(origin):
            self._checks["events"].fault("opening of another log", place, str(event["origin"])[:_MOST_DETAIL])
        if isinstance(event["previous"], dict):
            stated = {name: event["previous"][name] for name in ("position", "stream")}
            self._beats.position(stated, place)
        clock, tree_at, tree_size = self._checks["clock"], event["tree_at"], event["tree_size"]
        if isinstance(tree_at, str) and str(event["at"]) < tree_at:
            clock.fault("before the tree it saw", place, f"{tree_at} > {event['at']}")
        if isinstance(tree_size, int) and tree_size > number:
            clock.fault("tree larger than its place", place, f"{tree_size} > {number}")

    def _look(self, number: int, opened: Opened) -> None:
        """Take an event that is of its form."""
        header, event = opened.header, opened.event
        at = str(event["at"])
        if header.kind is Kind.HEARTBEAT:
            self._beats.beat(event["streams"], at, place_of(number, header))
            return
        records = event.get("records")
        if isinstance(records, list) and records:
            self._concern(number, opened, records, at)
        if event.get("outcome") != "done" or not isinstance(event["details"], dict):
            return
        if header.kind is Kind.KEY_EVENT and event["act"] in ("auditor:add", "auditor:remove"):
            auditor = event["details"].get("auditor")
            if not self._recipients.changed(header.stream_id, str(event["act"]), auditor, at):
                self._checks["events"].fault("not an event", place_of(number, header), "details.auditor")
        elif event["act"] == "erasure:erase":
            self._certificates.told(event["details"], place_of(number, header))

    def _concern(self, number: int, opened: Opened, records: Sequence[Value], at: str) -> None:
        """Take what an event says of records, each with the block that says whom it is about."""
        moment = Moment(number, opened.header, at)
        told = [one for one in records if isinstance(one, dict)]
        ranks = {one["of"]: one["revision_after"] for one in told if one["revision_after"] is not None}
        for position, record in enumerate(told):
            subject = self._subjects.look(number, opened, position, record)
            tag, after, revision = str(record["of"]), record["after"], record["revision_after"]
            key: Key = (tag, subject.person if subject else None)
            self._history.look(key, record, moment, opened.event["outcome"])
            if isinstance(after, str) and (subject is not None or revision is not None):
                rank = ranks.get(tag)
                of_case = revision if isinstance(revision, int) else None
                self._records.entered(key, after, of_case, rank if isinstance(rank, int) else 0, number)

    def finish(self, origin: str | None, size: int, is_complete: bool, may_be_later: bool) -> None:
        """Say what is missing.

        ``is_complete``: the log was read up to its checkpoint; ``may_be_later``: the exporter says it goes on.
        """
        if not self._brought.keys:
            if self._entries or self._brought.digests:
                for name in NEED_A_KEY:
                    self._checks[name].gap("no key")
            return
        is_read = is_complete and not self._unread
        if origin is None and self._entries:
            self._checks["events"].gap("no checkpoint")
        self._beats.finish(self._order.reached, is_complete)
        self._recipients.finish(is_complete)
        self._hold_salts(origin)
        self._history.finish(is_read)
        listed = self._records.finish(origin, size, is_read)
        self._certificates.finish(may_be_later or not is_read, listed)
        for name in NEED_ALL if self._unread else ():
            self._checks[name].gap("some entries unread", detail=str(self._unread))

    def _hold_salts(self, origin: str | None) -> None:
        salts = self._brought.salts
        if salts is not None and origin is not None and salts.origin != origin:
            self._checks["subjects"].fault("salts of another log")
