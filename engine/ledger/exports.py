"""The files beside a bundle: salts of cases, and digests of what is on record now. They come from the vault.

Both are lines of canonical JSON (:mod:`engine.ledger.canonical`); the first says what the file is::

    {v: 1, file: "guitu/audit-salts", origin, exported_at, complete}      complete: all cases, not only some
    {case, salt}                                                          64 hex digits

    {v: 1, file: "guitu/audit-digests", origin, exported_at, tree_size}   the size of the log when they were taken
    {case, person or null, digest, revision or null}                      64 hex digits
    {case, certificate}                                                   an erased case: SHA-256 of its certificate

In both, ``{case, person or null, damaged: true}`` names what did not open when the file was written. Each case, and
each person of it, stands there once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeGuard

from engine.ledger.canonical import NotCanonical, Value, decode, time_of
from engine.ledger.entry import tag

SALTS, DIGESTS = "guitu/audit-salts", "guitu/audit-digests"
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+\-=*,#]{0,199}", re.ASCII)

Why = Literal["form", "another file", "twice"]


class BadExport(Exception):
    """A file of salts or digests is not of its form, in this line (from 1).

    ``form``: a line is not what it should be. ``another file``: the first line does not say that it is such a file.
    ``twice``: something stands there a second time.
    """

    def __init__(self, line: int, why: Why) -> None:
        super().__init__(f"line {line}: {why}")
        self.line = line
        self.why: Why = why


@dataclass(frozen=True, slots=True)
class Salt:
    """The salt of a case, of 32 bytes."""

    case: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class Salts:
    """A file of salts. ``by_tag`` is by what sealed events say (:func:`engine.ledger.entry.tag`)."""

    origin: str
    exported_at: str
    is_complete: bool
    by_tag: Mapping[str, Salt]
    damaged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """What is on record of a case or a person now: its digest and revision, or the certificate of an erased case.

    All three are None for what did not open when the file was written.
    """

    line: int
    case: str
    person: str | None
    digest: str | None = None
    revision: int | None = None
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Digests:
    """A file of digests. ``lines`` are read as they are asked for, once, and raise :class:`BadExport`."""

    origin: str
    exported_at: str
    tree_size: int
    lines: Iterator[Live]


def read_salts(written: Iterable[bytes]) -> Salts:
    """Read a file of salts, by its lines. Raises :class:`BadExport`."""
    lines = _lines(written)
    head = _head(lines, SALTS, {"complete"})
    if type(head["complete"]) is not bool:
        raise BadExport(1, "form")
    found: dict[str, Salt] = {}
    cases: set[str] = set()
    damaged = []
    for number, body in lines:
        case = body.get("case")
        if not is_code(case):
            raise BadExport(number, "form")
        if case in cases:
            raise BadExport(number, "twice")
        cases.add(case)
        if _is_damaged(body):
            damaged.append(case)
            continue
        if set(body) != {"case", "salt"} or not _is_hash(body["salt"]):
            raise BadExport(number, "form")
        salt = bytes.fromhex(str(body["salt"]))
        if found.setdefault(tag(salt), one := Salt(case, salt)) is not one:
            raise BadExport(number, "twice")
    return Salts(str(head["origin"]), str(head["exported_at"]), head["complete"], found, tuple(damaged))


def read_digests(written: Iterable[bytes]) -> Digests:
    """Read the first line of a file of digests, and the others when they are asked for. Raises :class:`BadExport`."""
    lines = _lines(written)
    head = _head(lines, DIGESTS, {"tree_size"})
    size = head["tree_size"]
    if type(size) is not int or size < 0:
        raise BadExport(1, "form")
    return Digests(str(head["origin"]), str(head["exported_at"]), size, _live(lines))


def _live(lines: Iterator[tuple[int, dict[str, Value]]]) -> Iterator[Live]:
    seen: set[tuple[str, str | None]] = set()
    for number, body in lines:
        live = _line(number, body)
        if (live.case, live.person) in seen:
            raise BadExport(number, "twice")
        seen.add((live.case, live.person))
        yield live


def _line(number: int, body: Mapping[str, Value]) -> Live:
    case, person, digest, revision = (body.get(one) for one in ("case", "person", "digest", "revision"))
    if not is_code(case) or not (person is None or is_code(person)):
        raise BadExport(number, "form")
    known = person if isinstance(person, str) else None
    if _is_damaged(body):
        return Live(number, case, known)
    certificate = body.get("certificate")
    if set(body) == {"case", "certificate"} and _is_hash(certificate):
        return Live(number, case, None, certificate=str(certificate))
    if set(body) != {"case", "person", "digest", "revision"} or not _is_hash(digest):
        raise BadExport(number, "form")
    if revision is not None and (type(revision) is not int or revision < 0):
        raise BadExport(number, "form")
    return Live(number, case, known, str(digest), revision if isinstance(revision, int) else None)


def _lines(written: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Value]]]:
    for number, line in enumerate(written, 1):
        if not line.endswith(b"\n"):
            raise BadExport(number, "form")
        try:
            yield number, decode(line[:-1])
        except NotCanonical:
            raise BadExport(number, "another file" if number == 1 else "form") from None


def _head(lines: Iterator[tuple[int, dict[str, Value]]], file: str, own: set[str]) -> dict[str, Value]:
    _, head = next(lines, (1, {}))
    if head.get("file") != file:
        raise BadExport(1, "another file")
    version, origin = head.get("v"), head.get("origin")
    if set(head) != {"v", "file", "origin", "exported_at"} | own or type(version) is not int or version != 1:
        raise BadExport(1, "form")
    if type(origin) is not str or not origin:
        raise BadExport(1, "form")
    try:
        time_of(head["exported_at"], "exported_at")
    except NotCanonical:
        raise BadExport(1, "form") from None
    return head


def is_code(value: object) -> TypeGuard[str]:
    """Whether this is a code, as events have them: it can be printed anywhere."""
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _is_damaged(body: Mapping[str, Value]) -> bool:
    return set(body) == {"case", "person", "damaged"} and body["damaged"] is True


def _is_hash(value: Value) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None
