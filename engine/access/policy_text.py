"""Reading the policies: Cedar text, its annotations, and the words of the schema. Everything amiss is told at once.

A policy stands in a chapter, ``NN-name/file.cedar``, and says in annotations what it is called, where it comes from and
since when. Whatever forbids stands in ``90-never`` and nothing else does, so that a reader knows where to look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cedarpy import Schema, policies_to_json_str, validate_policies

from engine.core.definition import Label
from engine.errors import PoliciesBroken

NEVER = "90-never"
"""The chapter of everything that is forbidden."""
PROVENANCES = ("printed", "reading", "deployer")
"""Where a policy comes from: a document prints it, it is our reading of what is printed, or a local setting."""
LOCAL = "deployer"
_ANNOTATIONS = ("id", "title", "title_en", "source", "provenance", "since")

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;')
_COMMENT = re.compile(r"//[^\n]*")
_STARTS = re.compile(r"^(?:@|permit\b|forbid\b)", re.MULTILINE)
_PLACE = re.compile(r"[0-9]{2}-[a-z]+(?:-[a-z]+)*/[a-z0-9_]+\.cedar")
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_CLAUSE = re.compile(r"[FDLTA]表?:[^\s;]+")
_ACTION = re.compile(
    r'^action "(?P<name>\w+)"(?: in \[(?P<groups>[^\]]*)\])?'
    r"(?: appliesTo \{\s*principal: \[[^\]]*\],\s*resource: \[(?P<types>[^\]]*)\])?",
    re.MULTILINE,
)
_ENUM = re.compile(r"^entity (?P<name>\w+) enum \[(?P<words>[^\]]*)\];", re.MULTILINE)
_QUOTED = re.compile(r'"(\w+)"')


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. ``clauses`` are where it comes from, none for a local setting; ``actions`` what it is about."""

    id: str
    title: Label
    clauses: tuple[str, ...]
    provenance: str
    since: date
    effect: str
    chapter: str
    place: str
    actions: frozenset[str]
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """What the schema knows: each action with the types it is about, groups of actions, and closed lists of words."""

    actions: Mapping[str, frozenset[str]]
    groups: Mapping[str, frozenset[str]]
    enums: Mapping[str, tuple[str, ...]]

    @staticmethod
    def of(schema: Schema) -> Words:
        """Read the words off a schema in the form that Cedar prints it in."""
        text = str(schema)
        found = {match["name"]: match for match in _ACTION.finditer(text)}
        above = {name: _QUOTED.findall(match["groups"] or "") for name, match in found.items()}
        actions = {
            name: frozenset(one.strip() for one in match["types"].split(","))
            for name, match in found.items()
            if match["types"]
        }
        groups = {
            group: frozenset(name for name in actions if group in _upward(name, above))
            for group in found.keys() - actions.keys()
        }
        enums = {match["name"]: tuple(_QUOTED.findall(match["words"])) for match in _ENUM.finditer(text)}
        return Words(actions, groups, enums)

    def meant(self, scope: Mapping[str, Any]) -> frozenset[str]:
        """The actions that the scope of a policy means, as Cedar's JSON has it."""
        if scope["op"] == "All":
            return frozenset(self.actions)
        named = scope["entities"] if "entities" in scope else [scope["entity"]]
        return frozenset().union(*(self.groups.get(one["id"], frozenset((one["id"],))) for one in named))


def _upward(name: str, above: Mapping[str, list[str]]) -> set[str]:
    found = set(above.get(name, ()))
    return found.union(*(_upward(one, above) for one in found))


@dataclass
class Reader:
    """Reads policies file by file, and keeps what it found amiss: ``(place, zh, en)``."""

    schema: Schema
    words: Words
    policies: list[Policy] = field(default_factory=list)
    parsed: dict[str, dict[str, Any]] = field(default_factory=dict)
    amiss: list[tuple[str, str, str]] = field(default_factory=list)
    _pieces: list[tuple[str, str]] = field(default_factory=list)

    def read(self, name: str, text: str) -> None:
        """Read one file; ``name`` is ``NN-chapter/file.cedar``."""
        if not _PLACE.fullmatch(name):
            self._note(name, "应位于 NN-章名/文件.cedar", "stands not in NN-chapter/file.cedar")
            return
        for line, piece in _pieces(text):
            self._read_policy(name, f"{name}:{line}", piece)

    def done(self) -> tuple[Policy, ...]:
        """The policies in order of their id. Raises :class:`PoliciesBroken` with everything that is amiss."""
        self._validate()
        if not self.policies and not self.amiss:
            self._note("policies", "没有任何规则", "there are no policies")
        if self.amiss:
            amiss = sorted(self.amiss, key=lambda one: _where(one[0]))
            raise PoliciesBroken(
                "；".join(f"{place}：{zh}" for place, zh, _en in amiss),
                "; ".join(f"{place}: {en}" for place, _zh, en in amiss),
                places=[place for place, _zh, _en in amiss],
            )
        return tuple(sorted(self.policies, key=lambda one: one.id))

    def _validate(self) -> None:
        """Hold what was read to the schema: all at once, which takes half the time; one by one to find the place."""
        if validate_policies("\n".join(piece for _place, piece in self._pieces), self.schema).validation_passed:
            return
        for place, piece in self._pieces:
            for one in validate_policies(piece, self.schema).errors:
                self._note(place, f"不合词汇表：{one.error}", f"does not fit the schema: {one.error}")

    def _note(self, place: str, zh: str, en: str) -> None:
        self.amiss.append((place, zh, en))

    def _read_policy(self, name: str, place: str, piece: str) -> None:
        try:
            found = json.loads(policies_to_json_str(piece))
        except ValueError as error:
            self._note(place, f"不是 Cedar 规则：{error}", f"no Cedar policy: {error}")
            return
        if found["templates"] or len(found["staticPolicies"]) != 1:
            self._note(place, "应为一条没有空位的规则", "is not one policy without slots")
            return
        (body,) = found["staticPolicies"].values()
        self._pieces.append((place, piece))
        notes = body.get("annotations", {})
        problems = [*_problems(notes), *_misplaced(body["effect"], name)]
        if notes.get("id") in self.parsed:
            problems.append((f"编号 {notes['id']} 重复", f"a second policy {notes['id']}"))
        for zh, en in problems:
            self._note(place, zh, en)
        if problems:
            return
        self.parsed[notes["id"]] = body
        self.policies.append(
            Policy(
                id=notes["id"], title=Label(zh=notes["title"], en=notes["title_en"]),
                clauses=_clauses(notes["source"]), provenance=notes["provenance"],
                since=date.fromisoformat(notes["since"]), effect=body["effect"], chapter=name.partition("/")[0],
                place=place, actions=self.words.meant(body["action"]), text=piece,
            )
        )  # fmt: skip


def _where(place: str) -> tuple[str, int]:
    name, _, line = place.partition(":")
    return name, int(line or 0)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Each policy with the line it begins in; what is left over at the end of a file counts as one."""
    begin = 0
    ends = [match.end() for match in _TOKEN.finditer(text) if match.group() == ";"]
    for end in (*ends, len(text)):
        whole, after = text[begin:end], begin
        begin = end
        if not _COMMENT.sub("", whole).strip():
            continue
        start = _STARTS.search(whole)
        from_ = 0 if start is None else _with_comment(whole, start.start())
        piece = whole[from_:].strip()
        yield text.count("\n", 0, after + whole.index(piece)) + 1, piece


def _with_comment(whole: str, start: int) -> int:
    """Where the comment begins that stands right above a policy."""
    lines = whole[:start].splitlines(keepends=True)
    while lines and lines[-1].startswith("//"):
        start -= len(lines.pop())
    return start


def _problems(notes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in _ANNOTATIONS:
        if not (notes.get(name) or "").strip():
            yield f"缺少 @{name}", f"has no @{name}"
    for name in sorted(notes.keys() - set(_ANNOTATIONS)):
        yield f"没有标注 @{name}", f"there is no annotation @{name}"
    if not _ID.fullmatch(notes.get("id", "x")):
        yield "@id 应为小写字母、数字和连字符", "@id is not in kebab-case"
    if not _is_day(notes.get("since", "2026-01-01")):
        yield "@since 应为日期", "@since is not a date"
    provenance, source = notes.get("provenance", LOCAL), notes.get("source", LOCAL)
    if provenance not in PROVENANCES:
        yield f"@provenance 应为 {'、'.join(PROVENANCES)} 之一", f"@provenance is none of {', '.join(PROVENANCES)}"
    if (provenance == LOCAL) != (source == LOCAL):
        yield "本地设置的来源只能写 deployer，反之亦然", "a local setting has the source deployer, and nothing else has"
    if source != LOCAL and not all(_CLAUSE.fullmatch(one) for one in _clauses(source)):
        yield "@source 应为“文件:条款”，以分号隔开", "@source is not document:clause, parted by semicolons"


def _misplaced(effect: str, name: str) -> Iterator[tuple[str, str]]:
    if (effect == "forbid") != name.startswith(f"{NEVER}/"):
        yield f"forbid 只能在 {NEVER}，且该章只有 forbid", f"what forbids stands in {NEVER}, and nothing else does"


def _clauses(source: str) -> tuple[str, ...]:
    return () if source == LOCAL else tuple(one.strip() for one in source.split(";"))


def _is_day(word: str) -> bool:
    try:
        date.fromisoformat(word)
    except ValueError:
        return False
    return True
