"""Reconciliation: what is on record now is what the ledger says was put there last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from engine.ledger.exports import BadExport, Digests, Live, Salts
from engine.ledger.verifying.history import Key
from engine.ledger.verifying.report import Check, Place
from engine.ledger.verifying.subjects import Certificates

_Tell = Callable[[str, Place, str], None]
"""Says that something is wrong, or that it cannot be said."""


@dataclass(frozen=True, slots=True)
class _Last:
    """What was entered last of a record: in which order among its changes, by which entry."""

    rank: tuple[int, int]
    digest: bytes
    revision: int | None


class Reconciliation:
    """Keeps the last digest of every record and person up to the moment of the digests, and compares at the end."""

    def __init__(self, check: Check, digests: Digests | None, salts: Salts | None, certificates: Certificates) -> None:
        self._check = check
        self._digests = digests
        self._salts = salts
        self._certificates = certificates
        self._last: dict[Key, _Last] = {}

    def entered(self, key: Key, digest: str, revision: int | None, rank: int, number: int) -> None:
        """Take a change; ``rank`` is the revision of the case that it belongs to."""
        if self._digests is None or number >= self._digests.tree_size:
            return
        last = self._last.get(key)
        if last is None or last.rank < (rank, number):
            self._last[key] = _Last((rank, number), bytes.fromhex(digest), revision)

    def finish(self, origin: str | None, size: int, is_complete: bool) -> frozenset[str]:
        """Compare with every line of the file; ``size``: how many entries were read.

        Give the digests of the certificates in it whose entries must be among these: none where that is not sure.
        """
        check, digests = self._check, self._digests
        if digests is None or origin is None:
            check.gap("no digests" if digests is None else "no checkpoint")
            return frozenset()
        if digests.origin != origin:
            check.fault("digests of another log")
            return frozenset()
        if digests.tree_size > size:
            check.gap("digests newer than the bundle", detail=f"{digests.tree_size} > {size}")
        is_sure = is_complete and digests.tree_size <= size
        try:
            erased = self._hold_lines(digests, check.fault if is_sure else check.gap)
        except BadExport as bad:
            check.gap(f"export:{bad.why}", Place(line=bad.line))
            return frozenset()
        return frozenset(erased.values() if is_sure else ())

    def _hold_lines(self, digests: Digests, tell: _Tell) -> dict[str, str]:
        """Hold each line to what was entered, and that to the lines; the certificate of every erased case.

        Raises :class:`BadExport`.
        """
        if self._salts is None:
            self._check.gap("no salts")
            return {live.case: live.certificate for live in digests.lines if live.certificate is not None}
        tags = {one.case: tag for tag, one in self._salts.by_tag.items()}
        seen: set[Key] = set()
        erased: dict[str, str] = {}
        for live in digests.lines:
            self._check.count("on_record")
            if live.certificate is not None:
                self._hold_erased(live, live.certificate, tell)
                erased[live.case] = live.certificate
            else:
                self._hold(live, tags, seen, tell)
        self._hold_gone(seen, erased, tell)
        return erased

    def _hold(self, live: Live, tags: Mapping[str, str], seen: set[Key], tell: _Tell) -> None:
        place = Place(case=live.case, person=live.person, line=live.line)
        tag = tags.get(live.case)
        if tag is not None:
            seen.add((tag, live.person))
        if live.digest is None:
            self._check.fault("damaged record", place)
            return
        if tag is None:
            self._check.gap("salt not there", place)
            return
        last = self._last.get((tag, live.person))
        if last is None:
            tell("never entered", place, "")
            return
        found = Place(last.rank[1], case=live.case, person=live.person, line=live.line)
        if last.digest.hex() != live.digest or last.revision != live.revision:
            tell("changed behind the ledger", found, f"{last.revision} / {live.revision}")
        else:
            self._check.checked += 1

    def _hold_erased(self, live: Live, digest: str, tell: _Tell) -> None:
        held = self._certificates.of_digest(digest)
        if held is None or held.case != live.case:
            tell("certificate missing or changed", Place(case=live.case, line=live.line), digest[:16])
        else:
            self._check.checked += 1

    def _hold_gone(self, seen: set[Key], erased: Collection[str], tell: _Tell) -> None:
        """Whatever was entered is on record, or was erased."""
        assert self._salts is not None, "it was looked at"
        for (tag, person), last in self._last.items():
            if (tag, person) in seen:
                continue
            salt, certificate = self._salts.by_tag.get(tag), self._certificates.of_tag(tag)
            case = salt.case if salt else certificate.case if certificate else None
            place = Place(last.rank[1], case=case, person=person)
            if case is None:
                self._check.gap("salt not there", place, tag)
            elif case not in erased:
                tell("gone", place, "")
