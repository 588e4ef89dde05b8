"""Makes ledgers and bundles of them without a database: real streams, a real tree, signatures, salts and digests.

Everybody in it is invented. A world is written entry by entry; then any part of it can be taken out of its bundle,
changed, and signed again or not.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.ledger.bundle import BundleWriter
from engine.ledger.canonical import Value, encode, time_text
from engine.ledger.entry import Kind, Subject, tag
from engine.ledger.event import stated
from engine.ledger.exports import read_digests, read_salts
from engine.ledger.note import Checkpoint, Note, SignerKey
from engine.ledger.streams import Auditor, AuditorKey, Stream
from engine.ledger.tree import Frontier, leaf_hash
from engine.ledger.verifying.brought import Brought
from engine.ledger.verifying.report import Report
from engine.ledger.verifying.verifier import verify

ORIGIN = "guitu.00112233aabbccdd"
BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
SIGNER = SignerKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"s" * 32))
WITNESS = SignerKey("witness.example", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
KEY, SECOND, STRANGER = AuditorKey(b"\x41" * 32), AuditorKey(b"\x42" * 32), AuditorKey(b"\x43" * 32)
ANCHOR = b"root of the authority"


def stamp(note: bytes) -> bytes:
    """The answer of an authority of the tests' own."""
    return hmac.digest(ANCHOR, note, sha256)


def stamped(response: bytes, note: bytes, roots: Sequence[bytes]) -> datetime | str:
    """Verify what :func:`stamp` made."""
    return BEGIN if any(hmac.digest(one, note, sha256) == response for one in roots) else "not proved"


def salt_of(case: str) -> bytes:
    return sha256(f"salt {case}".encode()).digest()


def digest_of(case: str, person: str | None, content: str) -> str:
    return hmac.digest(salt_of(case), f"{person} {content}".encode(), sha256).hex()


def signed(entries: Sequence[bytes], *keys: SignerKey, origin: str = ORIGIN) -> bytes:
    """A checkpoint over these entries."""
    tree = Frontier().extend(leaf_hash(one) for one in entries)
    text = Checkpoint(origin, tree.size, tree.root()).to_text()
    return Note(text, tuple(one.sign(text) for one in keys or (SIGNER,))).to_bytes()


@dataclass
class Case:
    """A record: the content of each revision, and of persons; nothing after it was erased."""

    contents: list[str] = field(default_factory=list)
    persons: dict[str, str] = field(default_factory=dict)
    is_erased: bool = False


@dataclass
class World:
    """A ledger that grows."""

    auditors: list[AuditorKey] = field(default_factory=lambda: [KEY])
    entries: list[bytes] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    certificates: list[bytes] = field(default_factory=list)
    stamps: list[bytes] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    now: datetime = BEGIN
    _latest: datetime = BEGIN

    # ── streams ──

    def open(self, previous: Value = None, *, auditors: Sequence[AuditorKey] | None = None, **more: Value) -> Stream:
        event = {**stated("stream:open", self.later(), None, None), "origin": ORIGIN, "previous": previous,
                 "tree_at": None, "tree_size": len(self.entries), **more}  # fmt: skip
        name = sha256(f"stream {len(self.streams)}".encode()).digest()
        known = [Auditor(one.public) for one in auditors or self.auditors]
        self._latest = max(self._latest, self.now)
        made = Stream(name[:16], sha256(name).digest(), known, event, self._latest)
        made.confirm()
        self.streams.append(made)
        self.entries.append(made.opening.entry)
        return made

    def close(self, stream: Stream) -> None:
        self.write(stated("stream:close", self.later(), None, None), (), Kind.STREAM_CLOSE, stream)

    def beat(self, stream: Stream | None = None, told: dict[str, int] | None = None) -> None:
        """A heartbeat that tells of every stream; ``told`` are positions (by hex of the stream) told instead."""
        streams: list[Value] = [
            {"stream": one.stream_id.hex(), "position": (told or {}).get(one.stream_id.hex(), one.committed)}
            for one in self.streams
        ]
        event = {**stated("stream:heartbeat", self.later(), None, None), "streams": streams}
        self.write(event, (), Kind.HEARTBEAT, stream)

    def write(
        self, event: dict[str, Value], subjects: Sequence[tuple[Subject, bytes]] = (), kind: Kind = Kind.EVENT,
        stream: Stream | None = None,
    ) -> int:  # fmt: skip
        """Write an event as it is; the number of its entry."""
        to = stream or self.streams[-1]
        self._latest = max(self._latest, self.now)  # the clock of the stream itself cannot be turned back
        pending = to.attempt(event, subjects, self._latest, kind)
        to.confirm()
        self.entries.append(pending.entry)
        return len(self.entries) - 1

    def later(self, seconds: float = 1) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    # ── acts ──

    def tell(
        self, act: str, subjects: Sequence[tuple[str, str | None, dict[str, Value]]] = (), *,
        kind: Kind = Kind.EVENT, stream: Stream | None = None, details: dict[str, Value] | None = None, **more: Value,
    ) -> int:  # fmt: skip
        """Enter an act; each subject is a case, a person and what the record says."""
        records: list[Value] = [
            {"after": None, "before": None, "revision_after": None, "revision_before": None,
             "of": tag(salt_of(case)), **told}
            for case, _, told in subjects
        ]  # fmt: skip
        event: dict[str, Value] = {
            **stated(act, self.later(), "officer-12", "unit-7"), "purpose": "case_handling", "outcome": "done",
            "reason": None, "policies": ["holding"], "policy": None, "definition": None, "request": "00" * 8,
            "part": 1, "parts": 1, "approvals": [], "details": details or {}, "records": records, **more,
        }  # fmt: skip
        whom = [(Subject(case, person, frozenset({"basic"})), salt_of(case)) for case, person, _ in subjects]
        return self.write(event, whom, kind, stream)

    def announce(self, key: AuditorKey, act: str = "auditor:add", stream: Stream | None = None) -> int:
        return self.tell(
            act, kind=Kind.KEY_EVENT, stream=stream, details={"auditor": key.auditor.id.hex(), "name": "auditor-1"}
        )  # fmt: skip

    def change(
        self, case: str, content: str, stream: Stream | None = None, told: dict[str, Value] | None = None
    ) -> int:  # fmt: skip
        """Change a record, or open it; ``told`` is told instead of what is so."""
        known = self.cases.setdefault(case, Case())
        record = {**self.shown(case), "after": digest_of(case, None, content),
                  "revision_after": len(known.contents) + 1, **(told or {})}  # fmt: skip
        known.contents.append(content)
        return self.tell("case:contribute" if len(known.contents) > 1 else "case:open", [(case, None, record)],
                         stream=stream)  # fmt: skip

    def identify(self, case: str, person: str, content: str) -> int:
        """Record who a person of a record is."""
        known = self.cases[case]
        record = {**self.shown(case), "after": digest_of(case, None, f"with {person}"),
                  "revision_after": len(known.contents) + 1}  # fmt: skip
        known.contents.append(f"with {person}")
        known.persons[person] = content
        return self.tell(
            "identity:record", [(case, None, record), (case, person, {"after": digest_of(case, person, content)})]
        )

    def look(self, case: str, revision: int | None = None, stream: Stream | None = None, **told: Value) -> int:
        return self.tell("case:show", [(case, None, {**self.shown(case, revision), **told})], stream=stream)

    def shown(self, case: str, revision: int | None = None) -> dict[str, Value]:
        """What a record says of one that was looked at."""
        contents = self.cases[case].contents
        at = revision or len(contents)
        if not at:
            return {}
        return {"before": digest_of(case, None, contents[at - 1]), "revision_before": at}

    def erase(self, case: str, **told: Value) -> int:
        """Erase a case; ``told`` are details that are told instead of what is so."""
        body = json.dumps({"case": case, "tag": tag(salt_of(case)), "ground": "retention_over"}).encode()
        self.certificates.append(body)
        self.cases[case].is_erased = True
        details: dict[str, Value] = {
            "certificate": sha256(body).hexdigest(), "tag": tag(salt_of(case)), "ground": "retention_over", **told,
        }  # fmt: skip
        return self.tell("erasure:erase", [(case, None, self.shown(case))], kind=Kind.CONTROL, details=details)

    # ── what leaves ──

    def checkpoint(self, *keys: SignerKey) -> bytes:
        return signed(self.entries, *keys)

    def stamp(self) -> None:
        """Have an authority see the tree as it is now."""
        self.stamps.append(self.checkpoint())

    def bundle(self, **changes: Any) -> bytes:
        return bundled(Parts.of(self, **changes))

    def salts(self, *, complete: bool = True, origin: str = ORIGIN, only: Sequence[str] | None = None) -> list[bytes]:
        head: dict[str, Value] = {"v": 1, "file": "guitu/audit-salts", "origin": origin, "complete": complete,
                                  "exported_at": time_text(self.now + timedelta(hours=1))}  # fmt: skip
        known = [case for case, one in sorted(self.cases.items()) if not one.is_erased]
        chosen = known if only is None else only
        told: list[dict[str, Value]] = [{"case": case, "salt": salt_of(case).hex()} for case in chosen]
        return lines(head, *told)

    def digests(self, *, origin: str = ORIGIN, tree_size: int | None = None) -> list[bytes]:
        size = len(self.entries) if tree_size is None else tree_size
        head: dict[str, Value] = {"v": 1, "file": "guitu/audit-digests", "origin": origin, "tree_size": size,
                                  "exported_at": time_text(self.now + timedelta(hours=1))}  # fmt: skip
        certificates = {json.loads(one)["case"]: sha256(one).hexdigest() for one in self.certificates}
        told: list[dict[str, Value]] = []
        for case, known in sorted(self.cases.items()):
            if known.is_erased:
                told.append({"case": case, "certificate": certificates[case]})
                continue
            revision = len(known.contents)
            told.append({"case": case, "person": None, "digest": digest_of(case, None, known.contents[-1]),
                         "revision": revision})  # fmt: skip
            told += [
                {"case": case, "person": person, "digest": digest_of(case, person, content), "revision": None}
                for person, content in sorted(known.persons.items())
            ]
        return lines(head, *told)

    def brought(self, **changes: Any) -> Brought:
        """Everything there is to bring."""
        return replace(
            Brought(
                log_key=SIGNER.public, witnesses=[WITNESS.public], remembered=signed(self.entries[:3]), keys=[KEY],
                salts=read_salts(self.salts()), digests=read_digests(self.digests()), roots=[ANCHOR], stamped=stamped,
            ),
            **changes,
        )  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """The parts of a bundle, each of which can be another one."""

    info: bytes
    checkpoint: bytes
    stamps: Sequence[tuple[bytes, bytes]]
    certificates: Sequence[bytes]
    entries: Sequence[bytes]
    page: int = 5

    @classmethod
    def of(cls, world: World, **changes: Any) -> Parts:
        entries = changes.get("entries", world.entries)
        told: dict[str, Value] = {"v": 1, "origin": ORIGIN, "exported_at": time_text(world.now), "waiting": 0,
                                  "after": 0, "held": []}  # fmt: skip
        made = cls(
            encode(told), signed(entries, SIGNER, WITNESS), [(one, stamp(one)) for one in world.stamps],
            world.certificates, entries,
        )  # fmt: skip
        return replace(made, **changes)


def bundled(parts: Parts) -> bytes:
    """The bundle of these parts, with a right checksum."""
    out = BytesIO()
    bundle = BundleWriter(out.write)
    bundle.info(json.loads(parts.info))
    bundle.checkpoint(parts.checkpoint)
    for note, token in parts.stamps:
        bundle.timestamp(note, token)
    for body in parts.certificates:
        bundle.certificate(body)
    for first in range(0, len(parts.entries), parts.page):
        bundle.entries(first, parts.entries[first : first + parts.page])
    bundle.end()
    return out.getvalue()


def lines(*told: dict[str, Value]) -> list[bytes]:
    return [encode(one) + b"\n" for one in told]


def judged(bundle: bytes, brought: Brought) -> Report:
    return verify(BytesIO(bundle).read, brought)


def words(report: Report, name: str) -> list[str]:
    """What a check found wrong, then what it could not check."""
    check = report.of(name)
    return [one.word for one in (*check.faults, *check.gaps)]


def states(report: Report) -> dict[str, str]:
    return {one.name: one.state for one in report.checks}


def a_world() -> World:
    """A small one with everything in it: two streams, two auditors one after the other, four records, one erased."""
    world = World()
    world.open()
    world.announce(KEY)
    world.change("case-1", "opened")
    world.change("case-2", "opened")
    world.identify("case-1", "P-1", "who she is")
    world.stamp()
    world.look("case-1")
    world.tell("case:move", [("case-1", None, world.shown("case-1"))], outcome="refused", reason="not_holder")
    world.beat()
    first = world.streams[0]
    world.auditors = [KEY, SECOND]
    world.close(first)
    second = world.open({"ended": "closed", "position": first.committed, "stream": first.stream_id.hex()})
    world.announce(SECOND)
    world.change("case-3", "opened", second)
    world.change("case-2", "went on", second)
    world.look("case-3")
    world.erase("case-3")
    world.tell("case:list", [("case-1", None, {}), ("case-2", None, {})])
    world.beat()
    world.stamp()
    world.tell("keys:status")
    return world
