"""What can be proved without any key of an auditor: signatures, the tree, that it only grew, timestamps."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from engine.ledger.canonical import time_text
from engine.ledger.note import BadNote, Checkpoint, Note, VerifierKey
from engine.ledger.tree import Frontier
from engine.ledger.verifying.brought import Brought
from engine.ledger.verifying.report import Check


@dataclass(frozen=True, slots=True)
class _Expected:
    """The root that a tree of some size must have, and which check rests on it."""

    root: bytes
    check: Check
    wrong: str
    detail: str


class Proof:
    """Hashes every leaf once, and compares the root wherever one is known: here, remembered, in timestamps."""

    def __init__(self, brought: Brought, checks: Mapping[str, Check]) -> None:
        self._brought = brought
        self._checks = checks
        self._peaks: list[bytes] = []
        self._expected: dict[int, list[_Expected]] = {}
        self._stamps = 0
        self._latest: datetime | None = None
        self.size = 0
        self.note: bytes | None = None
        self.checkpoint: Checkpoint | None = None

    # ── before the entries ──

    def sign(self, written: bytes, told_origin: str | None) -> None:
        """Take the checkpoint of the bundle; ``told_origin`` is the log that the info names, if it is readable."""
        check, key = self._checks["signature"], self._brought.log_key
        try:
            note = Note.from_bytes(written)
            self.checkpoint = found = Checkpoint.from_text(note.text)
        except BadNote as bad:
            check.fault(f"note:{bad.what}")
            return
        self.note = written
        if told_origin is not None and told_origin != found.origin:
            check.fault("origins differ")
        if key is None:
            check.gap("no log key")
        elif key.name != found.origin:
            check.fault("checkpoint of another log")
        elif (bad_word := _fault_of(note, key)) is not None:
            check.fault(bad_word)
        else:
            check.checked += 1
        self._witness(note, found.origin)
        self._expect(found.size, _Expected(found.root, self._checks["leaves"], "root differs", str(found.size)))
        self._recall(found)

    def _witness(self, note: Note, origin: str) -> None:
        check = self._checks["witnesses"]
        known = {(one.name, one.id) for one in self._brought.witnesses}
        for each in self._brought.witnesses:
            word = _fault_of(note, each)
            if word is None:
                check.checked += 1
            elif word == "note:unsigned":
                check.gap("witness missing", detail=each.name)
            else:
                check.fault(word, detail=each.name)
        for one in note.signatures:
            # While the log changes its key, two signatures bear its name.
            if one.name != origin and (one.name, one.key_id) not in known:
                check.gap("unknown signer", detail=one.name)

    def _recall(self, found: Checkpoint) -> None:
        """Expect the root that was remembered."""
        check, brought = self._checks["append_only"], self._brought
        if brought.remembered is None:
            if brought.is_first:
                check.note("remembered from now on")
            else:
                check.gap("nothing remembered")
            return
        try:
            note = Note.from_bytes(brought.remembered)
            before = Checkpoint.from_text(note.text)
        except BadNote:
            check.gap("remembered unreadable")
            return
        detail = f"{before.size} > {found.size}"
        if before.origin != found.origin:
            check.fault("remembered another log")
        elif brought.log_key and _fault_of(note, brought.log_key) == "note:signature":
            check.gap("remembered unreadable")
        elif before.size > found.size:
            check.fault("smaller than remembered", detail=detail)
        elif before.size == found.size and before.root != found.root:
            check.fault("fork", detail=str(before.size))
        else:
            self._expect(before.size, _Expected(before.root, check, "not grown from remembered", str(before.size)))

    def stamp(self, written: bytes, response: bytes) -> None:
        """Take a timestamp: whether it holds, and whether the tree it is about is this one."""
        check, here = self._checks["timestamps"], self.checkpoint
        self._stamps += 1
        check.count("timestamps")
        if here is None:
            check.gap("no checkpoint")
            return
        try:
            before = Checkpoint.from_text(Note.from_bytes(written).text)
        except BadNote as bad:
            check.fault(f"note:{bad.what}", detail=f"#{self._stamps}")
            return
        detail = f"#{self._stamps}, {before.size}"
        if before.origin != here.origin:
            check.fault("timestamp of another log", detail=detail)
        elif before.size > here.size:
            check.fault("smaller than timestamp", detail=f"{before.size} > {here.size}")
        elif self._is_stamped(check, response, written, detail):
            self._expect(before.size, _Expected(before.root, check, "timestamp of another tree", detail))

    def _is_stamped(self, check: Check, response: bytes, written: bytes, detail: str) -> bool:
        """Whether the tree is to be compared: also when nobody can say yet who made the timestamp."""
        if not self._brought.roots:
            check.gap("no anchor", detail=detail)
            return True
        found = self._brought.stamped(response, written, self._brought.roots)
        if isinstance(found, datetime):
            self._latest = max(found, self._latest or found)
            return True
        if found == "roots":
            check.gap("timestamp:roots")
            return True
        check.fault(f"timestamp:{found}", detail=detail)
        return False

    # ── the entries ──

    def grow(self, entry: bytes) -> None:
        """Take the next leaf."""
        node = sha256(b"\x00" + entry).digest()
        bits, peaks = self.size, self._peaks
        # As in binary counting: a subtree of each size that is completed is taken into the next larger one.
        while bits & 1:
            node = sha256(b"\x01" + peaks.pop() + node).digest()
            bits >>= 1
        peaks.append(node)
        self.size += 1
        if self.size in self._expected:
            self._compare()

    def finish(self, is_complete: bool) -> None:
        """Say what is missing; ``is_complete``: everything that the bundle holds was read."""
        leaves, here = self._checks["leaves"], self.checkpoint
        leaves.count("leaves", self.size)
        for size, expected in self._expected.items():
            for one in expected:
                if one.check is not leaves:
                    one.check.gap("not reached", detail=str(size))
        if here is None:
            leaves.gap("no checkpoint")
        elif self.size > here.size:
            leaves.fault("too many", detail=f"{self.size} > {here.size}")
        elif self.size < here.size and is_complete:
            leaves.fault("too few", detail=f"{self.size} < {here.size}")
        elif self.size < here.size:
            leaves.gap("cut", detail=f"{self.size} < {here.size}")
        stamps = self._checks["timestamps"]
        if self._brought.roots and not self._stamps:
            stamps.gap("no timestamp")
        if self._latest is not None:
            stamps.note("latest timestamp", detail=time_text(self._latest))

    def _expect(self, size: int, expected: _Expected) -> None:
        self._expected.setdefault(size, []).append(expected)
        if size == self.size:
            self._compare()

    def _compare(self) -> None:
        root = Frontier(self.size, tuple(self._peaks)).root()
        for one in self._expected.pop(self.size):
            if hmac.compare_digest(root, one.root):
                one.check.checked += 1
            else:
                one.check.fault(one.wrong, detail=one.detail)


def _fault_of(note: Note, key: VerifierKey) -> str | None:
    """The word of what is wrong with a key's signature on a note; None when it holds."""
    try:
        note.verify([key])
    except BadNote as bad:
        return f"note:{bad.what}"
    return None
