"""YAML with positions: every key and list item knows its file and line.

Reads a small, safe part of YAML: mappings, lists, text, whole numbers, true, false and null. Tags, anchors and
aliases are refused, so nothing is constructed and nothing can be blown up. Dates and figures with a point (a
clause such as 2.10) stay text, exactly as written; yes, no, on and off are text too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.definitions.finding import Findings, Place, Where

Scalar = str | int | bool | None
_LOADER: Any = getattr(yaml, "CLoader", yaml.Loader)
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "~": None, "": None}
_DEEPEST = 40
_LARGEST = 4_000_000


@dataclass(frozen=True, slots=True)
class Tree:
    """A value and the line on which its key (or it itself, in a list) stands."""

    value: dict[str, Tree] | tuple[Tree, ...] | Scalar
    place: Place

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        return self.value

    def child(self, part: str | int) -> Tree | None:
        """The value under a key or index, or ``None``."""
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, tuple) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None

    def items(self) -> dict[str, Tree]:
        """The children of a mapping; of anything else, none."""
        return self.value if isinstance(self.value, dict) else {}

    def at(self, path: Where) -> Tree | None:
        """The value at a path, or ``None``."""
        found: Tree | None = self
        for part in path:
            found = found.child(part) if found else None
        return found

    def known(self, path: Where) -> tuple[Where, Place]:
        """What of a path exists, and its place; parts that do not exist (union tags) are passed over."""
        here, kept = self, []
        for part in path:
            below = here.child(part)
            if below is not None:
                here = below
                kept.append(part)
        return tuple(kept), here.place

    def place_of(self, path: Where) -> Place:
        """The line of the longest part of a path that exists."""
        here = self
        for part in path:
            below = here.child(part)
            if below is None:
                break
            here = below
        return here.place


class _Refused(Exception):
    """Reading stops here."""

    def __init__(self, line: int, code: str, wrong: tuple[str, str], right: tuple[str, str]) -> None:
        super().__init__(code)
        self.line, self.code, self.wrong, self.right = line, code, wrong, right


def shown(path: Path) -> str:
    """The path as messages print it: relative to the working directory where it lies inside."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read(path: Path, findings: Findings) -> Tree | None:
    """Read one file; ``None`` when it cannot be read, and ``findings`` says why, with its line."""
    name = shown(path)
    try:
        return parse(path.read_bytes(), name)
    except OSError as error:
        wrong = (f"读不到文件：{error.strerror}。", f"The file cannot be read: {error.strerror}.")
        findings.add(Place(name, 1), "unreadable", (), wrong, ("请检查路径。", "Check the path."))
    except _Refused as stop:
        findings.add(Place(name, stop.line), stop.code, (), stop.wrong, stop.right)
    return None


def parse(content: bytes, name: str) -> Tree:
    """Turn the bytes of one YAML file into a tree whose places carry ``name``."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _Refused(
            line, "broken_yaml", ("不是UTF-8。", "Not UTF-8."), ("请存为UTF-8。", "Save as UTF-8.")
        ) from None
    if len(content) > _LARGEST:
        raise _Refused(1, "too_large", ("文件过大。", "Too large."), ("请分成几个文件。", "Split the file."))
    try:
        tree = _Builder(name, yaml.parse(text, Loader=_LOADER)).document()
    except yaml.YAMLError as error:
        raise _broken(error, text) from None
    if not isinstance(tree.value, dict):
        right = ("最外层应是“键: 值”。", "Write `key: value` lines at the top level.")
        raise _Refused(1, "wrong_type", ("文件不是映射。", "The file is not a mapping."), right)
    return tree


def _broken(error: yaml.YAMLError, text: str) -> _Refused:
    """Where the parser stopped, and why."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    number = mark.line if mark else 0
    lines = text.splitlines()
    line = lines[number] if number < len(lines) else ""
    problem = str(getattr(error, "problem", None) or error).splitlines()[0]
    right = ("请检查缩进、冒号和引号。", "Check indentation, colons and quotes.")
    if "\t" in line:
        right = ("缩进请用空格，不用制表符。", "Indent with spaces, never with a tab.")
    return _Refused(number + 1, "broken_yaml", (f"YAML有误：{problem}。", f"Broken YAML: {problem}."), right)


class _Builder:
    """Builds a tree straight from the parser's events: nothing is composed or constructed."""

    def __init__(self, name: str, events: Iterator[Any]) -> None:
        self.name = name
        self.events = events

    def document(self) -> Tree:
        """The one document of the file."""
        next(self.events)  # the start of the stream
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise _Refused(
                1, "broken_yaml", ("文件是空的。", "The file is empty."), ("请写内容。", "Write a definition.")
            )
        tree = self.value(next(self.events), None, 0)
        next(self.events)  # the end of the document
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            right = ("每个文件只写一份。", "Write one document per file, without `---` in between.")
            raise _Refused(self.line(event), "broken_yaml", ("文件里有第二份文档。", "A second document."), right)
        return tree

    def line(self, event: Any) -> int:
        """The line on which an event starts."""
        return int(event.start_mark.line) + 1

    def value(self, event: Any, place: Place | None, depth: int) -> Tree:
        """The value that begins with this event; ``place`` is that of its key."""
        self.guard(event, depth)
        here = place or Place(self.name, self.line(event))
        if isinstance(event, yaml.MappingStartEvent):
            return Tree(self.mapping(depth), here)
        if isinstance(event, yaml.SequenceStartEvent):
            return Tree(self.sequence(depth), here)
        return Tree(_scalar(event), here)

    def guard(self, event: Any, depth: int) -> None:
        """Refuse tags, anchors, aliases and nesting without end."""
        tag = getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent) or event.anchor or (tag and tag != "!"):
            right = (
                "请把内容写全；共用的内容放进模板，用 use。",
                "Write it out, or share it by a template and `use:`.",
            )
            wrong = ("不允许YAML锚点、别名和标签。", "YAML anchors, aliases and tags are not allowed.")
            raise _Refused(self.line(event), "not_plain_yaml", wrong, right)
        if depth > _DEEPEST:
            right = ("请减少嵌套。", "Nest less.")
            raise _Refused(self.line(event), "not_plain_yaml", ("嵌套过深。", "Nested too deep."), right)

    def mapping(self, depth: int) -> dict[str, Tree]:
        """The entries up to the end of the mapping; a key twice is refused."""
        entries: dict[str, Tree] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            self.guard(event, depth)
            if not isinstance(event, yaml.ScalarEvent):
                wrong = ("键必须是一个词。", "A key must be a plain word.")
                raise _Refused(self.line(event), "broken_yaml", wrong, ("请写成“名称: 值”。", "Write `name: value`."))
            key, line = str(event.value), self.line(event)
            if key in entries:
                first = entries[key].place.line
                wrong = (f"“{key}”写了两次，第一次在第{first}行。", f"`{key}` is written twice, first on line {first}.")
                right = ("请改名，或合并成一处。", "Rename one of them, or put both into one.")
                raise _Refused(line, "duplicate_key", wrong, right)
            entries[key] = self.value(next(self.events), Place(self.name, line), depth + 1)
        return entries

    def sequence(self, depth: int) -> tuple[Tree, ...]:
        """The items up to the end of the list."""
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, None, depth + 1))
        return tuple(items)


def _scalar(event: Any) -> Scalar:
    """What a scalar says; quoted or block text is always text."""
    text = str(event.value)
    if not event.implicit[0]:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if _WHOLE.fullmatch(text) else text
