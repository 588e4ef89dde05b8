"""Telling a counterexample: the way to it, act by act, and the world in which it goes wrong, in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from engine.core.definition import Definition, Label
from engine.definitions.proof.cuts import ACTOR, STRANGER, TODAY
from engine.definitions.proof.slices import Act, Slice
from engine.definitions.proof.worlds import STOPPED, UNOPENED, WAITING, Positions, World

_KINDS = {
    "opened": ("「{zh}」自动开启", "{en} opens by itself"),
    "asked": ("「{zh}」经提请开启", "{en} is opened on request"),
    "accepted": ("「{zh}」由负责单位接收", "{en} is accepted"),
    "reversed": ("「{zh}」最近一步被撤销", "the last act of {en} is reversed"),
    "declined": ("受害人谢绝「{zh}」", "the victim declines {en}"),
    "reopened": ("结案后就「{zh}」重新办理", "the closed record is reopened on {en}"),
}
_SWITCHED = {"True": Label(zh="开", en="on"), "False": Label(zh="关", en="off")}
_PLACES = {
    UNOPENED: Label(zh="未开启", en="not opened"),
    WAITING: Label(zh="待接收", en="not accepted yet"),
    STOPPED: Label(zh="已终止", en="ended early"),
}


def told(part: Slice, acts: Iterable[Act], *, first: Positions | None = None) -> Iterator[Label]:
    """Every act in words. ``first`` is where they begin, told when tracks are ended there already."""
    if first is not None:
        for name, place in zip(first.names, first.places, strict=True):
            if place != UNOPENED:
                where = _place(part.definition, name, place)
                track = part.definition.tracks[name].title
                yield Label(
                    zh=f"前一地区移交时「{track.zh}」已在「{where.zh}」",
                    en=f"transferred from elsewhere with {track.en} at {where.en}",
                )
    for act in acts:
        yield _line(part.definition, act)


def told_way(part: Slice, there: Positions) -> tuple[Label, ...]:
    """How a position is reached."""
    way = part.way_to(there)
    return tuple(told(part, way, first=way[0].before if way else there))


def told_act(part: Slice, act: Act) -> tuple[Label, ...]:
    """How an act comes about, itself included."""
    way = part.way_to(act.before)
    return tuple(told(part, [*way, act], first=way[0].before if way else act.before))


def _place(definition: Definition, track: str, place: str) -> Label:
    return _PLACES.get(place) or definition.tracks[track].steps[place].title


def _line(definition: Definition, act: Act) -> Label:
    if act.kind == "closed":
        return Label(zh="以其他方式结案，未办结的随之终止", en="the record is closed another way and what is open ends")
    track = definition.tracks[act.track]
    where = _place(definition, act.track, act.after.place(act.track))
    if act.kind == "moved":
        move = track.moves[act.move].title
        return Label(zh=f"「{track.title.zh}」{move.zh} → {where.zh}", en=f"{track.title.en}: {move.en} -> {where.en}")
    zh, en = _KINDS[act.kind]
    return Label(zh=f"{zh.format(zh=track.title.zh)} → {where.zh}", en=f"{en.format(en=track.title.en)} -> {where.en}")


def told_positions(definition: Definition, here: Positions) -> Label:
    """Where the tracks stand."""
    stand = [
        (definition.tracks[name].title, _place(definition, name, place))
        for name, place in zip(here.names, here.places, strict=True)
    ]
    return Label(
        zh="；".join(f"「{track.zh}」：{where.zh}" for track, where in stand) or "—",
        en="; ".join(f"{track.en}: {where.en}" for track, where in stand) or "-",
    )


def told_world(definition: Definition, world: World) -> Label:
    """What is on record in a world; what is not named is not on record."""
    lines = [_value(definition, name, value) for name, value in sorted(world.items()) if value is not None]
    shown = [line for line in lines if line is not None]
    zh, en = "；".join(line.zh for line in shown), "; ".join(line.en for line in shown)
    return Label(
        zh=f"此时：{zh or '未登记任何内容'}；其余未登记",
        en=f"with: {en or 'nothing on record'}; nothing else on record",
    )


def _value(definition: Definition, name: str, value: object) -> Label | None:
    kind, _, rest = name.partition(":")
    match kind:
        case "fact":
            return _fact(definition, rest, value)
        case "parameter":
            title = definition.parameters[rest].title
            return _said(title, _SWITCHED.get(str(value)) or _plain(value), "设置", "setting")
        case "document" | "consent":
            return _paper(definition, kind, rest, value)
        case "actor":
            functions = ", ".join(sorted(value)) if isinstance(value, frozenset) else ""
            return Label(zh=f"办理单位职能：{functions or '无'}", en=f"acting unit: {functions or 'none of those'}")
        case "person":
            return Label(
                zh=f"{rest}由{'同一人' if value == ACTOR else '他人'}办理",
                en=f"{rest} was entered by {'the same person' if value == ACTOR else 'somebody else'}",
            )
        case _:
            return Label(zh=f"{name}={value}", en=f"{name}={value}") if value is not False else None


def _paper(definition: Definition, kind: str, name: str, value: object) -> Label | None:
    if kind == "document":
        title = definition.documents[name].title
        return Label(zh=f"有「{title.zh}」", en=f"document {title.en}") if value is True else None
    title = definition.consents[name].title
    return _said(title, Label(zh="是", en="yes") if value is True else Label(zh="否", en="no"), "意愿", "consent")


def _fact(definition: Definition, name: str, value: object) -> Label:
    fact = definition.facts[name]
    if isinstance(value, str) and value in fact.options:
        return _said(fact.title, fact.options[value])
    if fact.type == "date" and isinstance(value, str):
        ago = (TODAY - date.fromisoformat(value)).days
        return _said(fact.title, Label(zh=f"{ago}日前", en=f"{ago} days ago"))
    return _said(fact.title, _plain(value))


def _plain(value: object) -> Label:
    if isinstance(value, bool):
        return Label(zh="是" if value else "否", en="yes" if value else "no")
    if isinstance(value, tuple):
        shown = ", ".join(str(one) for one in value)
        return Label(zh=f"[{shown}]", en=f"[{shown}]")
    if value == STRANGER:
        return Label(zh="名单外的人", en="a person on no list")
    return Label(zh=str(value), en=str(value))


def _said(title: Label, value: Label, zh: str = "", en: str = "") -> Label:
    return Label(zh=f"{zh}{title.zh}={value.zh}", en=f"{en + ' ' if en else ''}{title.en} = {value.en}")
