"""Whom entries concern: every block opens under the salt of its case, or the case was erased and a certificate says so.

A certificate is held to the entry that tells of the erasure, and every such entry to its certificate.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

from engine.ledger.canonical import Value
from engine.ledger.entry import Opened, Subject, Unreadable, open_subject
from engine.ledger.exports import Salts, is_code
from engine.ledger.verifying.report import Check, Place, place_of


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of erasure: its number in the bundle (from 1), the case, and the tag that its entries bear."""

    number: int
    case: str
    tag: str


@dataclass(frozen=True, slots=True)
class _Erasure:
    """What an entry tells of an erasure."""

    place: Place
    digest: str
    tag: str


class Certificates:
    """The certificates of a bundle, and the entries that tell of them."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._held: dict[str, Certificate] = {}
        self._by_tag: dict[str, Certificate] = {}
        self._told: list[_Erasure] = []
        self._number = 0

    def hold(self, body: bytes) -> None:
        """Take a certificate of the bundle."""
        self._number += 1
        self._check.count("certificates")
        try:
            words = json.loads(body)
            case, tag = words["case"], words["tag"]
        except (ValueError, KeyError, TypeError, RecursionError):
            case = tag = None
        if not is_code(case) or not is_code(tag):
            self._check.fault("certificate malformed", detail=f"#{self._number}")
            return
        found = Certificate(self._number, case, tag)
        self._held[sha256(body).hexdigest()] = found
        self._by_tag[tag] = found

    def told(self, details: Value, place: Place) -> None:
        """Take the details of an entry that tells of an erasure."""
        words = details if isinstance(details, dict) else {}
        self._told.append(_Erasure(place, str(words.get("certificate")), str(words.get("tag"))))

    def of_tag(self, tag: str) -> Certificate | None:
        """The certificate of the case with this tag; whether an entry bears it out is seen at the end."""
        return self._by_tag.get(tag)

    def of_digest(self, digest: str) -> Certificate | None:
        """The certificate of which this is SHA-256."""
        return self._held.get(digest)

    def finish(self, may_be_later: bool, listed: Collection[str]) -> None:
        """Hold both to each other. ``may_be_later``: the entry of a certificate may be one that was not read.

        ``listed`` are digests of certificates that were there when the log was no longer than what was read.
        """
        for one in self._told:
            held = self._held.get(one.digest)
            if held is None:
                self._check.fault("certificate missing or changed", one.place, one.digest[:16])
            elif held.tag != one.tag:
                self._check.fault("certificate of another case", one.place, f"#{held.number}")
            else:
                self._check.checked += 1
        known = {one.digest for one in self._told}
        for digest, held in self._held.items():
            if digest in known:
                continue
            place, detail = Place(case=held.case), f"#{held.number}"
            if may_be_later and digest not in listed:
                self._check.gap("certificate not entered yet", place, detail)
            else:
                self._check.fault("certificate never entered", place, detail)


class Subjects:
    """Opens the blocks of entries with the salts."""

    def __init__(self, check: Check, salts: Salts | None, certificates: Certificates) -> None:
        self._check = check
        self._salts = salts
        self._certificates = certificates
        self._dark: set[str] = set()

    def case_of(self, tag: str) -> str | None:
        """The case whose entries bear this tag, if a salt or a certificate tells."""
        salt = self._salts.by_tag.get(tag) if self._salts else None
        if salt is not None:
            return salt.case
        erased = self._certificates.of_tag(tag)
        return erased.case if erased else None

    def look(self, number: int, opened: Opened, position: int, record: Mapping[str, Value]) -> Subject | None:
        """Whom the block at this position concerns, or None; ``record`` is what the event says of it."""
        tag = str(record["of"])
        salt = self._salts.by_tag.get(tag) if self._salts else None
        if salt is None:
            self._closed(number, opened, tag)
            return None
        try:
            subject = open_subject(opened, position, salt.salt)
        except Unreadable as error:
            self._check.fault(f"subject:{error.why}", place_of(number, opened.header, salt.case), f"#{position}")
            return None
        if subject.case != salt.case:
            place = place_of(number, opened.header, subject.case)
            self._check.fault("subject of another case", place, salt.case)
            return None
        self._check.checked += 1
        return subject

    def _closed(self, number: int, opened: Opened, tag: str) -> None:
        erased = self._certificates.of_tag(tag)
        if erased is not None:
            self._check.checked += 1
            self._check.count("shredded")
            if tag not in self._dark:
                self._dark.add(tag)
                self._check.note("shredded", place_of(number, opened.header, erased.case), f"#{erased.number}")
            return
        self._check.count("unopened")
        if self._salts is None:
            if not self._dark:
                self._dark.add(tag)
                self._check.gap("no salts")
            return
        place = place_of(number, opened.header)
        if not self._salts.is_complete:
            self._check.gap("salt not there", place, tag)
        elif str(opened.event["at"]) > self._salts.exported_at:
            self._check.gap("newer than the salts", place, tag)
        else:
            self._check.fault("no salt and no certificate", place, tag)

    def begin(self) -> None:
        """Name the cases whose keys did not open when the salts were written.

        They come first: the entries that nobody can read for that reason may be more than are listed.
        """
        for case in self._salts.damaged if self._salts else ():
            self._check.fault("damaged salt", Place(case=case))
