"""A second verifier of audit bundles, written from docs/audit-format.md alone; nothing of the house is imported.

It shows that the page is exact; it holds a whole bundle in memory, and lacks "witnesses", "timestamps", "recipients".
"""

import base64
import hashlib
import hmac
import json
import re
import struct
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
from typing import Any, cast

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

READING = ("decryption", "events", "clock", "heartbeats", "certificates", "subjects", "history", "reconciliation")
OPEN, CLOSE, BEAT = 2, 3, 4
MAGIC = b"guitu/audit-bundle/v1\n"
MOST = {1: 2**24, 2: 2**18, 3: 4 + 320 * 1024, 4: 2**20, 5: 8 + 1024 * (4 + 16384), 255: 32}
GRACE, _time = timedelta(seconds=60), datetime.fromisoformat
CHECKS = ("form", "signature", "append_only", "leaves", "streams", "beyond", *READING)
BAD = (ValueError, LookupError, TypeError, InvalidTag, InvalidSignature, RecursionError)
Json = dict[str, Any]
_mac = partial(hmac.digest, digest="sha256")


def _need(truth: object, what: str) -> None:
    if not truth:
        raise ValueError(what)


def _take(source: BytesIO, size: int) -> bytes:
    if len(data := source.read(size)) != size:
        raise EOFError("too short")
    return data


def _number(source: BytesIO, size: int) -> int:
    return int.from_bytes(_take(source, size))


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _bound(purpose: str, *parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in (f"guitu/{purpose}/v1".encode(), *parts))


def _unbase64(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    _need(base64.b64encode(data).decode() == text, "base64")
    return data


def _plain(value: Any, level: int = 1) -> bool:
    if isinstance(value, str):
        return unicodedata.is_normalized("NFC", value) and "Cc" not in map(unicodedata.category, value)
    if isinstance(value, dict):
        return all(re.fullmatch("[a-z][a-z0-9_]*", key) for key in value) and _plain(list(value.values()), level)
    if isinstance(value, list):
        return level <= 16 and all(_plain(item, level + 1) for item in value)
    return value is None or (isinstance(value, int) and abs(value) < 2**53)


def _canonical(data: bytes) -> Json:
    value = json.loads(data.decode())
    again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    _need(isinstance(value, dict) and _plain(value) and again == data, "not canonical")
    return dict(value)


class PrivateKey:
    """An auditor's private key: its kem, and the bytes that the table of the page tells."""

    def __init__(self, kem: int, data: bytes) -> None:
        x25519, x_wing, self.kem = X25519PrivateKey.from_private_bytes(data[-32:]), kem == 2, kem
        ml_kem = MLKEM768PrivateKey.from_seed_bytes(data[:64] if x_wing else bytes(64))
        public = ml_kem.public_key().public_bytes_raw() if x_wing else b""
        self.private = MLKEM768X25519PrivateKey(ml_kem, x25519) if x_wing else x25519
        self.suite = Suite(KEM.MLKEM768_X25519 if x_wing else KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
        self.id = _sha(_bound("ledger-auditor", public + x25519.public_key().public_bytes_raw()))


def _fits(value: Any, form: Any) -> bool:
    """Forms: a pattern of texts, int (a number), [a form of each], a dict of fields, (a choice,), or the value."""
    if isinstance(form, str):
        return isinstance(value, str) and re.fullmatch(form, value) is not None
    if isinstance(form, tuple):
        return any(_fits(value, one) for one in form)
    if isinstance(form, list):
        return isinstance(value, list) and len(value) <= 300 and all(_fits(one, form[0]) for one in value)
    if isinstance(form, dict):
        return isinstance(value, dict) and value.keys() == form.keys() and all(_fits(value[k], form[k]) for k in form)
    return type(value) is int and value >= 0 if form is int else type(value) is type(form) and value == form


CODE, TIME = "[A-Za-z0-9][A-Za-z0-9._:@/+=*,#-]{0,199}", r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z"
HEX16, HEX32, HEX64 = (f"[0-9a-f]{{{size}}}" for size in (16, 32, 64))
HASH, CODE_OR_NULL, COUNT, POSITION = (HEX64, None), (CODE, None), (int, None), {"position": int, "stream": HEX32}
RECORD: Json = {"after": HASH, "before": HASH, "of": HEX16, "revision_after": COUNT, "revision_before": COUNT}
SUBJECT = {"case": CODE, "field_classes": [CODE], "person": CODE_OR_NULL}
HELD = {"expected": int, "found": int, "stream": HEX32}
INFO = {"after": int, "exported_at": TIME, "held": [HELD], "origin": ".+", "v": 1, "waiting": int}
ALWAYS = {"v": 1, "at": TIME, "act": CODE, "actor": CODE_OR_NULL, "role": CODE_OR_NULL, "unit": CODE_OR_NULL}
DONE: Json = {"purpose": CODE, "outcome": "done|refused|repeated", "reason": CODE_OR_NULL, "policies": [CODE]}
DONE |= {"policy": HASH, "definition": HASH, "request": HEX16, "part": int, "parts": int, "records": [RECORD]}
DONE |= {"approvals": [{"person": CODE, "unit": CODE}], "details": None}
PREVIOUS = ({"ended": "closed|unknown|lost", **POSITION}, None)
MORE = {OPEN: {"origin": CODE, "previous": PREVIOUS, "tree_at": (TIME, None), "tree_size": int}, CLOSE: Json()}
MORE[BEAT] = {"streams": [POSITION]}
ACT_OF = {OPEN: "stream:open", CLOSE: "stream:close", BEAT: "stream:heartbeat"}


def _check_event(kind: int, event: Json, blocks: int) -> None:
    details: Any = {} if kind in ACT_OF else event.get("details")
    _need(isinstance(details, dict) and all(_fits(name, "[a-z][a-z0-9_]{0,40}") for name in details), "details")
    _need(len(details) <= 300 and all(isinstance(e, int) or _fits(e, CODE) for e in details.values()), "details")
    _need(_fits(event | ({} if kind in ACT_OF else {"details": None}), ALWAYS | MORE.get(kind, DONE)), "fields")
    stated = event["act"] == ACT_OF[kind] if kind in ACT_OF else not event["act"].startswith("stream:")
    _need(stated and len(event.get("records", ())) == blocks and _time(event["at"]), "act, records or time")
    if kind not in ACT_OF:
        _need((event["outcome"] == "refused") == (event["reason"] is not None), "reason")
        _need(1 <= event["part"] <= event["parts"], "part")


class _Entry:
    def __init__(self, index: int, data: bytes) -> None:
        self.index, self.header, self.rest, self.bound_to = index, data[:35], data[35:], data[:35]
        form, suite, self.kind, name, self.place, self.key_index = struct.unpack(">BBB16sQQ", _take(BytesIO(data), 35))
        self.stream = name.hex()
        self.event, self.blocks, self.subjects = Json(), list[bytes](), dict[int, Json]()
        _need((form, suite) == (1, 1) and 1 <= self.kind <= 6 and len(data) <= 16384, "header")
        _need(self.key_index < 65536 and (self.kind != OPEN or self.place == self.key_index == 0), "numbers")

    def chain(self, keys: Sequence[PrivateKey]) -> list[bytes]:
        source, told, commitment = BytesIO(self.rest[32:]), dict[bytes, tuple[int, bytes]](), self.rest[:32]
        for _ in range(_number(source, 1)):
            kem, key_id = _number(source, 1), _take(source, 32)
            _need(not told or key_id > max(told), "order of recipients")
            told[key_id] = kem, _take(source, _number(source, 2))
        self.bound_to, self.rest = self.header + self.rest[: 32 + source.tell()], source.read()
        chains = list[bytes]()
        for key in (key for key in keys if key.id in told):
            info = _bound("ledger-chain", self.header, commitment, b"".join(told), key.id)
            _need((told[key.id][0], len(told[key.id][1])) == (key.kem, 80 if key.kem == 1 else 1168), "kem or size")
            chains.append(key.suite.decrypt(told[key.id][1], key.private, info))
            _need(_mac(chains[-1], b"guitu/ledger-chain-commitment/v1") == commitment, "another chain")
        return chains[:1]

    def read(self, plain: bytes, acts: Sequence[str], purposes: Sequence[str]) -> None:
        source = BytesIO(plain)
        total, blocks = _number(source, 2), _number(source, 2)
        _need(len(plain) == -(-total // 256) * 256 and not any(plain[total:]), "padding")
        self.blocks = [_take(source, _number(source, 2)) for _ in range(blocks)]
        event = _canonical(plain[source.tell() : total])
        _check_event(self.kind, event, blocks)
        _need(event["act"] in acts and event.get("purpose", purposes[0]) in purposes, "act or purpose")
        self.event = event
        if event["act"] in ("auditor:add", "auditor:remove") and event["outcome"] == "done":
            _need(self.kind != 5 or _fits(event["details"].get("auditor"), HEX64), "no key of an auditor")

    def open_subject(self, position: int, case: str, salt: bytes) -> None:
        place = self.header, struct.pack(">H", position)
        check, key = (_mac(salt, _bound(f"ledger-subject-{use}", *place)) for use in ("check", "key"))
        _need(self.blocks[position][:32] == check, "a block of another salt")
        source = BytesIO(plain := AESGCM(key).decrypt(bytes(12), self.blocks[position][32:], self.header))
        told = _canonical(_take(source, _number(source, 2)))
        _need(_fits(told, SUBJECT) and told["field_classes"] == sorted(told["field_classes"]), "form of a block")
        _need(len(plain) == -(-source.tell() // 64) * 64 and not any(source.read()), "padding of a block")
        _need(told["case"] == case, "a block of another case")
        self.subjects[position] = told


def _root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else _sha(b"")
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return _sha(b"\x01" + _root(leaves[:half]) + _root(leaves[half:]))


class _Note:
    def __init__(self, data: bytes) -> None:
        self.text, _, tail = data.decode().partition("\n\n")
        self.origin, size, top = self.text.split("\n")
        _need(_fits(size, "0|[1-9][0-9]*") and tail.endswith("\n"), "lines of the checkpoint")
        self.size, self.root = int(size), _unbase64(top)
        lines = [line.split(" ") for line in tail[:-1].split("\n")]
        _need(all(len(line) == 3 and line[0] == "—" for line in lines) and len(lines) <= 32, "signature lines")
        self.signatures = {(name, _unbase64(blob)[:4]): _unbase64(blob)[4:] for _, name, blob in lines}
        _need(len(self.signatures) == len(lines) and len(self.root) == 32, "a key that signs twice, or the root")

    def check(self, key: str) -> None:
        name, told, rest = key.split("+", 2)
        public = _unbase64(rest)
        _need(_sha(name.encode() + b"\n" + public)[:4].hex() == told and name == self.origin and public[0] == 1, "key")
        signature = self.signatures[name, bytes.fromhex(told)]
        Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature, f"{self.text}\n".encode())


class Verifier:
    """Holds a bundle to what an auditor has: log_key, remembered, first, keys, salts, digests, lists of the page."""

    def __init__(self, bundle: bytes, **brought: Any) -> None:
        self.brought, self.keys, self.info = brought, brought.get("keys", ()), Json()
        self.note, self.whole, self.sure = cast(_Note | None, None), False, False
        self.faults, self.gaps = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
        self.parts, self.raw, self.entries = defaultdict[int, list[bytes]](list), list[bytes](), list[_Entry]()
        self.ends, self.chains, self.clocks = dict[str, Any](), dict[str, list[bytes]](), defaultdict[str, str](str)
        self.held, self.told, self.leaves, self.salted = dict[str, Json](), Json(), list[bytes](), set[str]()
        self._try("form", self._sections, bundle)
        self._try("form", self._contents)
        for place, data in enumerate(self.raw):
            self._try("streams", self._entry, place, data)
        self.read = [entry for entry in self.entries if entry.event]
        self.records = [(e, e.event, *told) for e in self.read for told in enumerate(e.event.get("records", ()))]
        for check in ("signature", "leaves", "append_only", *READING[3:]):
            self._try(check, getattr(self, f"_{check}"))
        self.gaps["events"] += ["no checkpoint"] * bool(self.raw and not self.note)
        self.gaps["beyond"] += ["a stream is held back"] * bool(self.info.get("held", True))

    def answer(self) -> set[tuple[str, str]]:
        """Each check with ok, fail or unchecked; ok too if there was nothing to look at."""
        unread = READING if not self.keys else READING[1:] if len(self.read) < len(self.raw) else ()
        gaps = {*unread, *(one for one in self.gaps if self.gaps[one])}
        return {(one, "fail" if self.faults[one] else "unchecked" if one in gaps else "ok") for one in CHECKS}

    def _try(self, check: str, step: Callable[..., Any], *told: Any) -> Any:
        try:
            return step(*told)
        except BAD as bad:
            self.faults[check].append(f"{step.__name__} {bad}")
        except EOFError as short:
            self._wrong(check, f"{step.__name__} {short}", step != self._sections)
        return None

    def _wrong(self, check: str, what: str, sure: object) -> None:
        (self.faults if sure else self.gaps)[check].append(what)

    def _sections(self, bundle: bytes) -> None:
        source, kind, content, before = BytesIO(bundle), 0, b"", 0
        _need(MAGIC.startswith(source.read(len(MAGIC))), "not a bundle")
        while kind != 255:
            last, before = kind, source.tell()
            kind, size = _number(source, 1), _number(source, 8)
            _need(kind == last + 1 if last < 2 else kind > last or kind == last in (3, 4, 5), "order")
            _need(size <= MOST.get(kind, -1), "size")
            self.parts[kind].append(content := _take(source, size))
        self.whole = True
        _need(content == _sha(bundle[:before]) and not source.read(), "checksum")

    def _contents(self) -> None:
        for part in self.parts[5]:
            source = BytesIO(part)
            _need(_number(source, 8) == len(self.raw) and len(part) > 8, "number of the first entry")
            while source.tell() < len(part):
                self.raw.append(_take(source, _number(source, 4)))
        self.leaves = [_sha(b"\0" + entry) for entry in self.raw]
        for part in self.parts[1]:
            _need(_fits(info := _canonical(part), INFO), "info")
            self.info = info

    def _entry(self, index: int, data: bytes) -> None:
        self.entries.append(entry := _Entry(index, data))
        self._try("decryption", self._open, entry)
        place, key_index, closed = self.ends.get(entry.stream, (0, -1, False))
        self.ends[entry.stream] = max(place, entry.place + 1), entry.key_index, closed or entry.kind == CLOSE
        _need(entry.place == place and (place or entry.kind == OPEN), "place in the stream")
        _need(entry.key_index > key_index and not closed, "key index, or after the closing")

    def _open(self, entry: _Entry) -> None:
        if entry.kind == OPEN:
            _need(entry.stream not in self.chains, "opened before")
            self.chains[entry.stream] = entry.chain(self.keys)
        if not (keys := self.chains.get(entry.stream)):
            return self._wrong("decryption", "no opening, or not sealed to these keys", keys is None)
        _need(len(keys) == 1 if entry.kind == OPEN else len(keys) <= entry.key_index, "key used before")
        while len(keys) <= entry.key_index:
            keys.append(_mac(keys[-1], b"ck"))
        plain = AESGCM(_mac(keys[entry.key_index], b"mk")).decrypt(bytes(12), entry.rest, entry.bound_to)
        self._try("events", entry.read, plain, *self.brought["lists"])
        told, last, newest = entry.event, self.clocks[entry.stream], self.clocks["any"]
        at, seen = told.get("at", ""), told.get("tree_at") or ""
        self.clocks[entry.stream], self.clocks["any"] = max(last, at), max(newest, at)
        sane = not told or (at >= max(last, seen) and told.get("tree_size", 0) <= entry.index)
        sane = sane and not (told and entry.kind == OPEN and newest and _time(newest) - _time(at) > 5 * GRACE)
        if entry.kind == CLOSE:
            del self.chains[entry.stream], self.clocks[entry.stream]
        return None if sane else self._wrong("clock", f"entry {entry.index}", True)

    def _signature(self) -> None:
        if not self.parts[2]:
            return self._wrong("signature", "no checkpoint", False)
        self.note = note = _Note(self.parts[2][0])
        self.sure = self.whole and bool(self.keys) and len(self.read) == len(self.raw) == note.size
        if {one.event["origin"] for one in self.read if one.kind == OPEN} - {note.origin.partition("/")[0]}:
            self._wrong("events", "an opening of another log", True)
        _need(self.info.get("origin", note.origin) == note.origin, "another log than the info says")
        return note.check(key) if (key := self.brought.get("log_key")) else self._wrong("signature", "no key", False)

    def _leaves(self) -> None:
        if not self.note or (len(self.raw) < self.note.size and not self.whole):
            return self._wrong("leaves", "cut short", False)
        return _need(len(self.raw) == self.note.size and _root(self.leaves) == self.note.root, "another root")

    def _append_only(self) -> None:
        old = self._try("remembered", _Note, self.brought.get("remembered", b""))
        if not self.note or not old:
            return self._wrong("append_only", "nothing to hold it to", False) if not self.brought.get("first") else None
        _need(old.origin == self.note.origin and old.size <= self.note.size, "another log, or a shorter one")
        same = _root(self.leaves[: old.size]) == old.root
        return None if same else self._wrong("append_only", "another root", len(self.leaves) >= old.size)

    def _heartbeats(self) -> None:
        for told in (told for one in self.read for told in (*one.event.get("streams", ()), one.event.get("previous"))):
            if told and told["position"] > self.ends.get(told["stream"], (0,))[0]:
                self._wrong("heartbeats", str(told), self.whole)

    def _certificates(self) -> None:
        self.held = {_sha(data).hex(): json.loads(data) for data in self.parts[4]}
        _need(all(_fits([one["case"], one["tag"]], [CODE]) for one in self.held.values()), "certificate")
        erased = [one.event for one in self.read if one.event["act"] == "erasure:erase"]
        self.told = {one["details"]["certificate"]: one["details"]["tag"] for one in erased if one["outcome"] == "done"}
        _need(all(self.held.get(name, {}).get("tag") == tag for name, tag in self.told.items()), "erased without it")
        sure = self.sure and not self.info.get("waiting", 1) + self.info.get("after", 1)
        for name in self.held.keys() - self.told.keys():
            self._wrong("certificates", f"never entered: {name}", sure)

    def _file(self, name: str, check: str) -> tuple[Json, list[Json]]:
        head, *rows = [_canonical(line.rstrip(b"\n")) for line in self.brought.get(name) or [b"{}"]]
        if (rows and self.note and head["origin"] != self.note.origin) or any(row.get("damaged") for row in rows):
            self._wrong(check, "of another log, or a damaged case", True)
        return head, rows

    def _subjects(self) -> None:
        head, rows = self._file("salts", "subjects")
        erased, known = {one["tag"] for one in self.held.values()}, dict[str, tuple[str, bytes]]()
        for salt, case in ((bytes.fromhex(row["salt"]), row["case"]) for row in rows if "salt" in row):
            known[_mac(salt, b"guitu/ledger-subject-tag/v1")[:8].hex()] = case, salt
        self.salted = {case for case, _ in known.values()} | {one["case"] for one in self.held.values()}
        for entry, event, position, record in self.records:
            if record["of"] in known:
                self._try("subjects", entry.open_subject, position, *known[record["of"]])
            elif record["of"] not in erased:
                self._wrong("subjects", "no salt", head.get("complete") and event["at"] <= head["exported_at"])

    def _history(self) -> None:
        changed = dict[tuple[str, int], tuple[str, str]]()
        for _, event, _, told in self.records:
            of, now, before = told["of"], told["revision_after"], told["revision_before"]
            _need(event["outcome"] == "done" or not told["after"], f"{of}: changed though not done")
            if told["after"] and now:
                after, _ = changed.setdefault((of, now), (told["after"], event["at"]))
                follows = before == (now - 1 or None) and (told["before"] is None) == (now == 1)
                _need(after == told["after"] and follows, f"{of} {now}: twice, or does not go on")
        for _, event, _, told in self.records:
            at, (before, _) = told["revision_before"], changed.get((told["of"], told["revision_before"]), ("", ""))
            if at and before and before != told["before"]:
                self._wrong("history", f"{told['of']} {at}: shown something else", True)
            _, later = changed.get((told["of"], (at or 0) + 1), ("", event["at"]))
            if at and not told["after"] and _time(event["at"]) > _time(later) + GRACE:
                self._wrong("history", f"{told['of']} {at}: an old record", True)
        for key in {(e["of"], e["revision_before"]) for *_, e in self.records if e["revision_before"]} - changed.keys():
            self._wrong("history", f"{key}: missing", self.sure)

    def _reconciliation(self) -> None:
        if not (self.brought.get("digests") and self.brought.get("salts") and self.note):
            return self._wrong("reconciliation", "no digests, salts or checkpoint", False)
        (head, rows), last = self._file("digests", "reconciliation"), defaultdict[Any, tuple[int, str]](lambda: (0, ""))
        gone = {one["tag"]: {"case": one["case"], "person": ""} for one in self.held.values()}  # on no record
        for entry, event, position, told in self.records:
            who = entry.subjects.get(position, gone.get(told["of"]))
            if who and told["after"] and entry.index < head["tree_size"]:
                now = max(one["revision_after"] or 0 for one in event["records"] if one["of"] == told["of"])
                last[who["case"], who["person"]] = max(last[who["case"], who["person"]], (now, told["after"]))
        sure = self.sure and head["tree_size"] <= len(self.raw)
        erased = {row["case"] for row in rows if "certificate" in row}
        kept = {(row["case"], row["person"]): row for row in rows if "digest" in row}
        for case, name in ((row["case"], row["certificate"]) for row in rows if "certificate" in row):
            if self.held.get(name, {}).get("case") != case:
                self._wrong("reconciliation", f"certificate of {case}", sure)
            elif name not in self.told:
                self._wrong("certificates", f"never entered: {name}", sure)
        for key in last.keys() | kept.keys():
            row = kept.get(key, {"digest": "", "revision": 0})
            now, digest = last[key]
            if (digest, key[1] or now) != (row["digest"], key[1] or row["revision"]) and key[0] not in erased:
                self._wrong("reconciliation", str(key), sure and key[0] in self.salted)
        self.gaps["reconciliation"] += ["newer than the bundle"] * (head["tree_size"] > len(self.raw))
