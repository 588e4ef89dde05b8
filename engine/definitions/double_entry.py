"""Holds a definition and its table of safeguards against each other, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.core.definition import Definition
from engine.definitions.finding import Findings, Place, Where, one_of
from engine.definitions.given import condition_path, given
from engine.definitions.inventory import Inventory
from engine.definitions.loader import Library, Loaded
from engine.definitions.proof.edits import roots, sourced
from engine.definitions.reading import shown
from engine.definitions.safeguards import Key, Table, read_table, table_files, table_of

_KINDS = {
    "fact": ("事实", "fact"), "track": ("办理线", "track"), "duty": ("职责", "duty"), "unit": ("单位", "unit"),
    "closing": ("结案方式", "closing"), "parameter": ("参数", "parameter"), "ban": ("禁止", "prohibition"),
    "step": ("环节", "step"), "move": ("动作", "move"),
}  # fmt: skip
_SECTIONS: dict[str, Where] = {
    "needs_duties": ("closes",), "asked": ("requests", "asked"), "by_itself": ("requests", "by_itself"),
    "again": ("requests", "again"), "switches": ("settings",), "held_by": ("bans",),
}  # fmt: skip
_ABOUT = {
    "states": ("谁可陈述", "who may state"), "changes": ("可随情况变化", "changes with the world"),
    "declines": ("可以拒绝", "may be declined"), "asked": ("谁可申请开启", "who may ask for"),
    "by_itself": ("自动开启", "opens by itself"), "again": ("可再次开启", "may open again"),
    "opens_records": ("谁可建档", "who may open a record"), "closes": ("谁可结案", "who may close on"),
    "needs_duties": ("结案须了结职责", "closing asks for the duties"), "settings": ("默认值", "default of"),
    "switches": ("受本地设置控制", "bound by the local setting"), "answers": ("由谁负责", "who answers for"),
    "acts": ("只可由谁办理", "who alone may act under"), "figures": ("年龄或期限的数值", "figure of"),
    "deadlines": ("时限", "time limit of"), "bans": ("如何保证", "how it is held"),
    "held_by": ("由条件落实", "held by the requirement"), "past": ("必经环节", "what no way passes by"),
    "into": ("从哪些环节可到达终点", "the steps from which one comes to the end"), "labels": ("来源标注", "label of"),
}  # fmt: skip


def check_tables(root: Path, library: Library, findings: Findings) -> None:
    """Hold every table below a root against its definition. Where one has a table, every definition must have one."""
    books = {table_of(loaded.path): loaded for loaded in library.definitions}
    tables = table_files(root)
    for path in tables:
        check_table(path, books.get(path), library.inventories, findings)
    for path, loaded in books.items():
        if tables and path not in tables:
            wrong = (f"{loaded.name}没有保障表。", f"{loaded.name} has no table of safeguards.")
            right = (f"请编写并复核{shown(path)}。", f"Write and review {shown(path)}.")
            findings.add(loaded.place(("version",)), "safeguards_missing", ("version",), wrong, right)


def check_table(path: Path, loaded: Loaded | None, inventories: dict[str, Inventory], findings: Findings) -> None:
    """Hold one table against the definition beside whose folder it lies.

    ``None`` when no definition loads there: if there is a file, what is wrong with it has been said.
    """
    table = read_table(path, findings)
    if table is None:
        return
    if loaded is None and (path.parent.parent / path.name).exists():
        return
    name = table.safeguards.definition
    if loaded is None or loaded.name != name:
        beside = loaded.name if loaded else "-"
        wrong = (f"表属于{name}，旁边的定义是{beside}。", f"The table is of {name}, the definition beside it {beside}.")
        right = ("表与定义须同名同版本。", "Table and definition must have one name and version.")
        findings.add(table.tree.place_of(("definition",)), "safeguards_of_another", ("definition",), wrong, right)
        return
    inventory = inventories[loaded.definition.sources[0].id]
    compare(table, loaded.definition, inventory, findings, at=loaded)


def compare(
    table: Table, definition: Definition, inventory: Inventory, findings: Findings, at: Loaded | None = None
) -> None:
    """Note everything on which a table and a definition differ. ``at`` knows the lines of the definition."""
    strange = _strange(table, definition, findings)
    for where, key in table.twice.items():
        wrong = (f"{_told(key)[0]}在表中出现两次。", f"{_told(key)[1]}: the table says it twice.")
        findings.add(table.tree.place_of(where), "safeguard_twice", where, wrong, ("请删去一处。", "Remove one."))
    gives = given(definition, inventory)
    for key, entry in table.entries.items():
        if key not in gives and entry.where not in strange:
            right = _right(at, None)
            wrong = (
                f"{_told(key)[0]}：表中有（{entry.says}），定义没有。",
                f"{_told(key)[1]}: the table has it ({entry.says}), the definition does not.",
            )
            findings.add(table.tree.place_of(entry.where), "safeguard_not_given", entry.where, wrong, right)
    for key, (says, path) in ((key, (entry.says, entry.where)) for key, entry in gives.items()):
        own = table.entries.get(key)
        where = own.where if own else _near(key, says)
        if own is not None and (own.says == says or where in strange):
            continue
        code = "safeguard_not_listed" if own is None else "safeguard_differs"
        wrong = (
            f"{_told(key)[0]}：定义为{says}，表中{own.says if own else '没有'}。",
            f"{_told(key)[1]}: the definition gives {says}, the table {own.says if own else 'nothing'}.",
        )
        findings.add(table.tree.place_of(where), code, where, wrong, _right(at, path))


def _near(key: Key, says: str) -> Where:
    """Where an entry that the table lacks belongs."""
    if key[0] in ("past", "into"):
        return ("ways", *key[1:3])
    name = says if key[0] in ("answers", "deadlines", "labels") else key[1]
    return (*_SECTIONS.get(key[0], (key[0],)), name)


def _told(key: Key) -> tuple[str, str]:
    """What an entry is about, for a person."""
    zh, en = _ABOUT[key[0]]
    name = ".".join(part for part in key[1:] if part)
    return f"{zh}“{name}”", f"{en} `{name}`"


def _right(at: Loaded | None, path: Where | None) -> tuple[str, str]:
    """Which of the two is right is for a person to say."""
    place: Place | str = at.place(path) if at and path else shown(at.path) if at else "definition"
    return (
        f"若定义有误请改{place}；定义无误请复核后改表。",
        f"If the definition slipped, mend {place}; if it is right, review it and mend the table.",
    )


# ── names that are not there ──


def _strange(table: Table, definition: Definition, findings: Findings) -> set[Where]:
    """Note every name that the definition does not know; the entries that carry one are not compared any further."""
    strange: set[Where] = set()
    paths = {".".join(str(part) for part in path) for path, _ in sourced(definition)}
    paths |= {condition_path(path) for path, _ in roots(definition)}
    for entry, kind, name, where, choices in _named(table, definition):
        if name not in choices:
            strange.add(entry)
            zh, en = _KINDS[kind]
            wrong = (f"定义里没有{zh}“{name}”。", f"The definition has no {en} `{name}`.")
            place = table.tree.place_of(where)
            findings.add(place, "safeguard_unknown_name", where, wrong, one_of(name, choices))
    for key, one in table.entries.items():
        if key[0] in ("switches", "held_by", "labels", "acts", "figures") and key[-1] not in paths:
            strange.add(one.where)
            wrong = (f"定义里没有“{key[-1]}”。", f"The definition has nothing at `{key[-1]}`.")
            right = one_of(key[-1], paths)
            findings.add(table.tree.place_of(one.where), "safeguard_unknown_name", one.where, wrong, right)
    return strange


Named = Iterator[tuple[Where, str, str, Where, Iterable[str]]]


def _named(table: Table, definition: Definition) -> Named:
    """Every name of an entry: the entry, the kind, the name, where it stands, and what there is of that kind."""
    first: dict[str, tuple[str, Iterable[str]]] = {
        **dict.fromkeys(("states", "changes"), ("fact", definition.facts)),
        **dict.fromkeys(("asked", "by_itself", "again", "past"), ("track", definition.tracks)),
        "closes": ("closing", definition.closings),
        "settings": ("parameter", definition.parameters),
        "bans": ("ban", definition.prohibitions),
    }
    for key, entry in table.entries.items():
        if key[0] in first:
            kind, choices = first[key[0]]
            yield entry.where, kind, key[1], entry.where, choices
        elif key[0] in ("declines", "answers", "deadlines"):
            yield from _placed(key, entry.where, definition)
        if key[0] == "deadlines":
            yield entry.where, "parameter", entry.says, entry.where[:2], definition.parameters
        if key[0] in ("states", "asked", "opens_records", "closes", "answers", "acts") and entry.says != "any":
            for unit in entry.says.split(", "):
                yield entry.where, "unit", unit, entry.where, definition.units
        if key[0] in ("past", "into") and key[1] in definition.tracks:
            yield from _in_track(key, entry.where, entry.says, definition)


def _placed(key: Key, where: Where, definition: Definition) -> Named:
    """The names of an entry that is about a track, a step or a duty."""
    if key[1] == "duties":
        yield where, "duty", key[2], where, definition.duties
    elif key[1] == "tracks" or key[2] not in definition.tracks:
        yield where, "track", key[2], where, definition.tracks
    else:
        yield where, "step", key[3], where, definition.tracks[key[2]].steps


def _in_track(key: Key, where: Where, says: str, definition: Definition) -> Named:
    """The steps and moves of a way."""
    track = definition.tracks[key[1]]
    yield where, "step", key[2], where, track.finals
    if key[0] == "into":
        yield where, "move", key[3], where, track.moves
    yield from ((where, "step", name, where, track.steps) for name in says.split(", "))
