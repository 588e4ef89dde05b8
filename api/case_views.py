"""``guitu case``: looking at cases. And the worklist of a unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from api.answers import event_line
from api.options import As, CaseId, Json
from api.pages import After, goes_on
from api.refusals import reason_lines
from api.speech import Speech, in_china
from api.world import World
from engine.service import lists, read, stalls
from engine.service.read import CaseSheet, MoveSheet

STATUS = {
    "waiting": ("待接收", "waiting"), "open": ("办理中", "open"), "done": ("已办结", "done"),
    "declined": ("已谢绝", "declined"), "ended": ("已终止", "ended"), "closed": ("已结案", "closed"),
}  # fmt: skip
STANDING = {
    "open": ("待完成", "open"), "done": ("已完成", "done"), "declined": ("已谢绝", "declined"),
    "not_applicable": ("不适用", "not applicable"), "not_arisen": ("未产生", "not arisen"),
    "withheld": ("不予显示", "withheld"),
}  # fmt: skip


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (
        ("show", show), ("moves", moves), ("timeline", timeline), ("hand-offs", hand_offs), ("replay", replay),
        ("list", list_), ("count", count),
    ):  # fmt: skip
        group.command(name)(command)


def show(ctx: typer.Context, case: CaseId, as_: As, as_json: Json = False) -> None:
    """Show a case: its tracks and who holds them, hand-offs, duties, facts."""
    world = World.of(ctx)
    sheet = read.show(world.desk, case, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(sheet)
    else:
        _sheet(world.speech, sheet)


def _sheet(speech: Speech, sheet: CaseSheet) -> None:
    case = sheet.case
    head = f"{case.id}  {sheet.definition}  {speech.label(sheet.area)}  {speech.pick(*STATUS[case.status])}"
    if sheet.is_preview:
        zh, en = "预览：接收移交之后才能查看全案", "a preview: the whole case can be read once it is accepted"
        speech.say(speech.pick(zh, en))
    speech.say(head + speech.pick(f"  第 {case.revision} 版", f"  revision {case.revision}"), style="bold")
    heads = [speech.pick("办理线", "track"), speech.pick("环节", "step"), speech.pick("状态", "status")]
    heads += [speech.pick("负责单位", "responsible"), speech.pick("依据", "basis")]
    speech.table(
        heads,
        (
            [
                f"{speech.label(line.title)} ({line.name})", speech.label(line.step_title),
                speech.pick(*STATUS[line.status]), speech.label(line.holder_name),
                speech.source(line.clauses, line.provenance),
            ]
            for line in sheet.tracks
        ),
    )  # fmt: skip
    _offers(speech, sheet)
    speech.say()
    speech.say(speech.pick("职责", "Duties"), style="bold")
    arisen = (duty for duty in sheet.duties if duty.standing != "not_arisen")
    rows = [
        [f"{speech.label(duty.title)} ({duty.name})", speech.pick(*STANDING[duty.standing]), duty.responsible]
        for duty in arisen
    ]
    speech.table(["", "", ""], rows)
    speech.say()
    speech.say(speech.pick("登记内容", "Facts"), style="bold")
    facts = ([f"{speech.label(one.title)} ({one.name})", speech.label(one.shown)] for one in sheet.facts)
    speech.table(["", ""], facts)
    if sheet.withheld:
        speech.say()
        speech.say(speech.pick("不予显示的信息类别", "Classes of information withheld"), style="bold")
        speech.table(["", ""], ([one.field_class, speech.label(one.why)] for one in sheet.withheld))


def _offers(speech: Speech, sheet: CaseSheet) -> None:
    if not sheet.hand_offs:
        return
    speech.say()
    speech.say(speech.pick("待接收的移交", "Hand-offs that wait"), style="bold")
    for one in sheet.hand_offs:
        sender, receiver = (speech.label(sheet.unit_names[unit]) for unit in (one.from_unit, one.to_unit))
        missing = speech.pick("，缺：", ", missing: ") + ", ".join(one.missing) if one.missing else ""
        speech.say(f"  {one.id}  {one.track or one.kind}  {sender} → {receiver}  {in_china(one.offered_at)}{missing}")


def moves(
    ctx: typer.Context, case: CaseId, as_: As,
    explain: Annotated[bool, typer.Option("--explain", help="Blocked moves too, each with all its reasons.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """List the moves that are open now; with --explain also the blocked ones, and what keeps the case from closing."""
    world = World.of(ctx)
    sheet = read.moves(world.desk, case, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(_moves_json(sheet, explain=explain))
    else:
        _moves(world.speech, sheet, explain=explain)


def _moves_json(sheet: MoveSheet, *, explain: bool) -> dict[str, object]:
    wanted = [one for one in sheet.options if explain or one.is_open]
    return {
        "moves": [
            {
                "track": one.track, "move": one.move, "title": one.title, "to_step": one.to_step, "open": one.is_open,
                "to_unit": one.to_unit, "unit_missing": one.unit_missing, "clauses": one.clauses,
                "provenance": one.provenance, "reasons": one.reasons,
            }
            for one in wanted
        ],
        "requestable": sheet.requestable,
        "holding": sheet.holding if explain else len(sheet.holding),
    }  # fmt: skip


def _moves(speech: Speech, sheet: MoveSheet, *, explain: bool) -> None:
    for one in sheet.options:
        if not one.is_open and not explain:
            continue
        asks = speech.pick(f"，移交 {one.to_unit}", f", offered to {one.to_unit}") if one.to_unit else ""
        mark = "✓" if one.is_open else "✗"
        speech.say(
            f"{mark} {one.track} {one.move}  {speech.label(one.title)} → {speech.label(one.to_title)}{asks} "
            f"{speech.source(one.clauses, one.provenance)}",
            style="" if one.is_open else "dim",
        )
        for line in reason_lines(speech, one.reasons, indent="    "):
            speech.say(line)
        if one.unit_missing:
            speech.say(speech.pick("    - 目录中没有负责该环节的单位", "    - the directory has no unit for that step"))
    blocked = sum(not one.is_open for one in sheet.options)
    if blocked and not explain:
        zh, en = f"另有 {blocked} 个动作暂不能办理（--explain 说明原因）", f"{blocked} more are blocked (--explain)"
        speech.say(speech.pick(zh, en))
    if sheet.requestable:
        names = ", ".join(f"{speech.label(sheet.titles[name])} ({name})" for name in sheet.requestable)
        speech.say(speech.pick(f"可提请开启：{names}", f"may be opened on request: {names}"))
    if explain and sheet.holding:
        speech.say(speech.pick("归档结案前尚须：", "before the case can close:"))
        for line in reason_lines(speech, sheet.holding):
            speech.say(line)


def timeline(ctx: typer.Context, case: CaseId, as_: As, as_json: Json = False) -> None:
    """Tell what happened, in the order it happened, by which unit and which clause."""
    world = World.of(ctx)
    lines = read.timeline(world.desk, case, world.actor(as_))
    if not world.speech.as_json:
        for line in lines:
            world.speech.say(event_line(world.speech, line, with_time=True))
        return
    world.speech.give(
        [
            {
                "number": line.recorded.number, "at": line.recorded.at, "kind": line.recorded.kind,
                "unit": line.recorded.unit, "unit_name": line.unit_name, "person": line.recorded.person,
                "said": line.said, "clauses": line.recorded.clauses, "event": line.recorded.event,
                "judged": line.recorded.judged, "withheld": sorted(line.recorded.withheld),
            }
            for line in lines
        ]
    )  # fmt: skip


def hand_offs(ctx: typer.Context, case: CaseId, as_: As, as_json: Json = False) -> None:
    """List the hand-offs of a case that wait for an answer."""
    world = World.of(ctx)
    sheet = read.show(world.desk, case, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(sheet.hand_offs)
    elif sheet.hand_offs:
        _offers(world.speech, sheet)
    else:
        world.speech.say(world.speech.pick("没有待接收的移交", "no hand-off waits"))


def replay(ctx: typer.Context, case: CaseId, as_: As, as_json: Json = False) -> None:
    """Rebuild a case from its history and hold it against what is stored. Exit code 9 if they differ."""
    world = World.of(ctx)
    read.show(world.desk, case, world.actor(as_))  # whoever may not read the case may not replay it
    again = read.replay(world.desk, case, world.actor(as_))
    if world.speech.as_json:
        world.speech.give({"case": again.id, "events": again.events, "equal": True})
    else:
        many = again.events
        world.speech.say(world.speech.pick(f"{many} 个事件重放后与存储一致", f"{many} events replay to what is stored"))


def list_(
    ctx: typer.Context, *, as_: As,
    status: Annotated[Literal["open", "closed"] | None, typer.Option("--status", help="Only these.")] = None,
    ended: Annotated[bool, typer.Option("--ended", help="Those in which your unit's part has ended lately.")] = False,
    after: After = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """List the cases your unit takes part in, fifty at a time, the newest first."""
    world = World.of(ctx)
    speech = world.speech
    page = lists.cases_of(world.desk, world.actor(as_), status=status, after=after, ended=ended)
    if speech.as_json:
        speech.give({"cases": page.lines, "next": page.next})
        return
    heads = [speech.pick("个案", "case"), speech.pick("类别", "scope"), speech.pick("流程", "definition")]
    heads += [speech.pick("地区", "area"), speech.pick("状态", "status"), speech.pick("最近办理", "last event")]
    rows = (
        [
            one.id, one.scope, f"{one.definition_id}@{one.definition_version}", one.area,
            one.outcome or speech.pick(*STATUS[one.status]), in_china(one.changed_at),
        ]
        for one in page.lines
    )  # fmt: skip
    speech.table(heads, rows)
    goes_on(speech, page.next)


def count(ctx: typer.Context, as_: As, as_json: Json = False) -> None:
    """How many cases your unit takes part in, and in how many its part has ended lately; beyond a thousand, more."""
    world = World.of(ctx)
    speech = world.speech
    found = lists.count(world.desk, world.actor(as_))
    if speech.as_json:
        speech.give(found)
        return
    now, over = (f"{lists.MOST_COUNTED}+" if one is None else str(one) for one in (found.current, found.ended))
    speech.say(speech.pick(f"参与办理 {now}，近期结束 {over}", f"taking part in {now}, ended lately in {over}"))


def stalled(
    ctx: typer.Context, as_: As,
    days: Annotated[int, typer.Option("--days", metavar="N", help="Without an answer for so many calendar days.")] = 7,
    after: After = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Hand-offs nobody goes on with: of a supervisor's unit, or of a joint-conference office's area; by fifties."""
    world = World.of(ctx)
    speech = world.speech
    found = stalls.stalled(world.desk, world.actor(as_), days, after=after)
    if speech.as_json:
        speech.give({"stalled": found.lines, "counted_in": found.counted_in, "next": found.next})
        return
    heads = [speech.pick("移交", "hand-off"), speech.pick("办理线", "track"), speech.pick("环节", "step")]
    heads += [speech.pick("待办单位", "whose turn"), speech.pick("状态", "state")]
    heads.append(speech.pick("自然日", "calendar days"))
    rows = (
        [one.hand_off, one.track or "", one.step or "", speech.label(one.unit), one.state, str(one.days)]
        for one in found.lines
    )
    speech.table(heads, rows)
    goes_on(speech, found.next)


def worklist(ctx: typer.Context, as_: As, after: After = None, as_json: Json = False) -> None:
    """What waits for your unit: what it holds, what is offered to it, what it offered and still holds."""
    world = World.of(ctx)
    speech = world.speech
    found = lists.worklist(world.desk, world.actor(as_), after=after)
    if speech.as_json:
        speech.give(found)
        return
    speech.say(speech.label(found.unit), style="bold")
    _count(speech, "待接收", "offered to you", found.offered)
    for one in found.offered:
        who = speech.label(one.from_unit)
        speech.say(f"  {one.hand_off}  {speech.label(one.title)}  {who}  {in_china(one.offered_at)}")
    _count(speech, "负责中", "held by you", found.held)
    for line in found.held:
        where = f"{speech.label(line.title)}  {speech.label(line.step_title)}  {speech.pick(*STATUS[line.status])}"
        speech.say(f"  {line.case}  {where}  {in_china(line.entered_at)}")
    goes_on(speech, found.next)
    _count(speech, "已提出、待对方答复", "offered by you, unanswered", found.awaiting)
    for one in found.awaiting:
        who = speech.label(one.to_unit)
        speech.say(f"  {one.hand_off}  {speech.label(one.title)} → {who}  {in_china(one.offered_at)}")


def _count(speech: Speech, zh: str, en: str, lines: Sequence[object]) -> None:
    speech.say(speech.pick(f"{zh}：{len(lines)}", f"{en}: {len(lines)}"))
