"""Verify a bundle: it is read once, from the beginning, and never held as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from engine.ledger.bundle import Damaged, Section, Type, sections
from engine.ledger.canonical import NotCanonical, Value, decode, time_of
from engine.ledger.entry import Unreadable, header_of
from engine.ledger.verifying.brought import Brought
from engine.ledger.verifying.contents import Contents
from engine.ledger.verifying.order import Order
from engine.ledger.verifying.proof import Proof
from engine.ledger.verifying.report import CHECKS, Check, Place, Report
from engine.ledger.verifying.subjects import Certificates

_FIELDS = {"v", "origin", "exported_at", "waiting", "after", "held"}
_STREAM = re.compile(r"[0-9a-f]{32}", re.ASCII)


def verify(read: Callable[[int], bytes], brought: Brought) -> Report:
    """Hold a bundle to what was brought. ``read`` gives at most so many bytes, and none at the end of the file."""
    run = _Run(brought)
    try:
        for section in sections(read):
            run.take(section)
        run.is_complete = run.is_whole = True
    except Damaged as damage:
        run.damaged(damage)
    return run.finished()


class _Run:
    """One run over one bundle."""

    def __init__(self, brought: Brought) -> None:
        self._checks = {name: Check(name) for name in CHECKS}
        self._brought = brought
        self._told: dict[str, Value] | None = None
        self._proof = Proof(brought, self._checks)
        self._order = Order(self._checks["streams"])
        self._certificates = Certificates(self._checks["certificates"])
        self._contents = Contents(brought, self._checks, self._order, self._certificates)
        self._number = 0
        self.is_complete = False
        self.is_whole = False

    def take(self, section: Section) -> None:
        """Take the next section. Raises :class:`Damaged`."""
        if section.type is Type.ENTRIES:
            for entry in section.page:
                self._entry(entry)
        elif section.type is Type.INFO:
            self._inform(section.content)
        elif section.type is Type.CHECKPOINT:
            self._proof.sign(section.content, str(self._told["origin"]) if self._told else None)
        elif section.type is Type.TIMESTAMP:
            self._proof.stamp(*section.timestamp())
        else:
            self._certificates.hold(section.content)

    def damaged(self, damage: Damaged) -> None:
        """The bundle ends here, or is none from here on; a wrong checksum is found after everything else was read."""
        form, place = self._checks["form"], Place(byte=damage.at)
        self.is_complete = damage.what == "checksum"
        tell = form.gap if damage.what == "cut short" else form.fault
        tell(f"bundle:{damage.what}", place)

    def finished(self) -> Report:
        """Close every check."""
        checks, proof = self._checks, self._proof
        if self.is_whole:
            checks["form"].checked += 1
        proof.finish(self.is_complete)
        here = proof.checkpoint
        if here is None and not self._checks["signature"].found["fault"]:
            for name in ("signature", "witnesses", "append_only"):
                checks[name].gap("no checkpoint")
        self._order.finish()
        is_read = self.is_complete and here is not None and proof.size == here.size
        origin = here.origin if here else None
        self._contents.finish(origin, self._number, is_read, self._goes_on() or not self.is_complete)
        self._tell_beyond()
        return Report(
            tuple(checks.values()), proof.note, dict(self._told) if self._told else None, origin,
            here.size if here else None, here.root if here else None,
        )  # fmt: skip

    def _entry(self, entry: bytes) -> None:
        self._proof.grow(entry)
        try:
            header = header_of(entry)
        except Unreadable:
            self._order.damaged(self._number)
        else:
            self._order.take(self._number, header)
            here = self._proof.checkpoint
            self._contents.take(self._number, header, entry, here.origin if here else None)
        self._number += 1

    def _inform(self, content: bytes) -> None:
        try:
            told = decode(content)
        except NotCanonical:
            told = {}
        if _is_info(told):
            self._told = told
        else:
            self._checks["form"].fault("info malformed")

    def _goes_on(self) -> bool:
        """Whether the exporter says that there are entries beyond the checkpoint."""
        return self._told is not None and (self._told["after"], self._told["waiting"]) != (0, 0)

    def _tell_beyond(self) -> None:
        """What the exporter says of the time after the checkpoint: told, and not proved."""
        beyond, told = self._checks["beyond"], self._told
        if told is None:
            beyond.gap("nothing told")
            return
        for name in ("after", "waiting"):
            beyond.counts[name] = _number(told[name])
        for one in _listed(told["held"]):
            stream = str(one["stream"])[:8]
            beyond.gap("held back", Place(stream=stream, seq=_number(one["expected"])), f"{one['found']}")
        beyond.note("exported at", detail=str(told["exported_at"]))


def _is_info(told: Mapping[str, Value]) -> bool:
    if set(told) != _FIELDS or told["v"] != 1 or type(told["v"]) is not int:
        return False
    if type(told["origin"]) is not str or not isinstance(told["held"], list):
        return False
    try:
        time_of(told["exported_at"], "exported_at")
    except NotCanonical:
        return False
    held = _listed(told["held"])
    are_held = len(held) == len(told["held"]) and all(
        set(one) == {"stream", "expected", "found"}
        and isinstance(one["stream"], str)
        and _STREAM.fullmatch(one["stream"])
        and _is_count(one["expected"])
        and _is_count(one["found"])
        for one in held
    )
    return are_held and _is_count(told["waiting"]) and _is_count(told["after"])


def _listed(value: Value) -> list[dict[str, Value]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _is_count(value: Value) -> bool:
    return type(value) is int and value >= 0


def _number(value: Value) -> int:
    return value if type(value) is int else 0
