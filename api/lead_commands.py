"""``guitu lead``: reporting a lead, handling it, and asking how far it has come. Sharing data of a case beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.identity_commands import read_form
from api.options import As, CaseId, Expect, Facts, Json, Key, facts_of
from api.pages import After, goes_on
from api.speech import Speech, in_china
from api.world import World
from engine.service import lead_reading, leads, shared_data
from engine.service.lead_reading import STATUSES, LeadLine
from engine.service.lead_rules import Basis, Duty, lead_rules, sharing_rules
from engine.service.leads import Done, Report
from engine.service.shared_data import Shared, SharedLines, Sharing

LeadId = Annotated[str, typer.Argument(metavar="LEAD", help="The code of the lead, such as L-7K3M-9QXD-04RB.")]
Words = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; no names and no numbers.")]


def register(group: typer.Typer, case: typer.Typer) -> None:
    """Add the commands to their groups."""
    group.callback()(_lead)
    for name, command in (
        ("report", report), ("receipt", receipt), ("list", listed), ("show", show), ("accept", accept),
        ("pass", pass_on), ("close", close), ("reward", reward), ("rules", rules),
    ):  # fmt: skip
        group.command(name)(command)
    case.command("share")(share)
    case.command("shares")(shares)
    case.command("received")(received)


def _lead() -> None:
    """Leads: reports that may begin a case."""


def report(
    ctx: typer.Context, *,
    area: Annotated[str, typer.Option("--area", metavar="CODE", help="GB/T 2260 code of the area.")],
    category: Annotated[str, typer.Option("--category", metavar="CODE", help="As what you report: guitu lead rules.")],
    seen: Annotated[str, typer.Option("--seen", metavar="TEXT", help="What was seen; no names and no numbers.")],
    as_: As,
    kind: Annotated[
        Literal["report", "tip", "petition"], typer.Option("--kind", help="A report, a tip of the public, a petition.")
    ] = "report",
    urgency: Annotated[str, typer.Option("--urgency", metavar="CODE", help="now, soon or ordinary.")] = "ordinary",
    minor: Annotated[bool, typer.Option("--minor", help="A minor is concerned.")] = False,
    person: Annotated[
        list[Path] | None,
        typer.Option("--person", metavar="FILE", help="Whom it is about, as JSON (-: standard input); many times."),
    ] = None,
    contact: Annotated[str, typer.Option("--contact", metavar="TEXT", help="How you can be asked; sealed apart.")] = "",
    to: Annotated[str | None, typer.Option("--to", metavar="UNIT", help="The unit a petition is for.")] = None,
    key: Key = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Report a lead. Names and numbers go into the files of persons, which are sealed apart; you get a receipt."""
    world, speech = World.of(ctx), World.of(ctx).speech
    forms = tuple(read_form(path) for path in person or ())
    wanted = Report(kind, area, category, urgency, minor, seen, forms, contact, to)
    found = leads.report_lead(world.desk, lead_rules(), wanted, world.actor(as_), key=key)
    if speech.as_json:
        speech.give(found)
        return
    speech.say(speech.pick(f"回执 {found.lead}，交由 {found.to_unit}", f"receipt {found.lead}, at {found.to_unit}"))
    for remark in found.remarks:
        speech.say(speech.pick(f"注意：{remark.zh}", f"note: {remark.en}"), style="yellow")
    for duty in found.duties:
        speech.say(f"  {_duty(speech, duty)}")
    if not found.duties:
        zh, en = "  没有文件条款要求此项报告：系自愿报告", "  no clause asks for this report: it is of your own accord"
        speech.say(speech.pick(zh, en))


def receipt(ctx: typer.Context, *, lead: LeadId, as_: As, as_json: Json = False) -> None:
    """How far a lead has come that you reported, and nothing of what it says."""
    world = World.of(ctx)
    found = lead_reading.receipt(world.desk, lead, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(found)
        return
    world.speech.say(f"{found.lead}  {world.speech.label(found.title)}  {in_china(found.changed_at)}")


def listed(
    ctx: typer.Context, *, as_: As,
    whose: Annotated[
        Literal["turn", "past", "petitions"],
        typer.Option("--whose", help="At your unit now, ever at it, or petitions for their supervisors."),
    ] = "turn",
    after: After = None, as_json: Json = False,
) -> None:  # fmt: skip
    """The leads of your unit, the newest first; or how far petitions have come, without content."""
    world, speech = World.of(ctx), World.of(ctx).speech
    actor = world.actor(as_)
    if whose == "petitions":
        page = lead_reading.petitions(world.desk, actor, after=after)
    else:
        page = lead_reading.listed(world.desk, actor, whose=whose, after=after)
    if speech.as_json:
        speech.give({"leads": page.lines, "next": page.next})
        return
    if not page.lines:
        speech.say(speech.pick("没有线索", "no lead"))
        return
    head = [speech.pick("线索", "lead"), speech.pick("种类", "kind"), speech.pick("状态", "status"),
            speech.pick("所在单位", "at"), speech.pick("天数", "days"), speech.pick("紧急", "urgency"),
            speech.pick("个案", "case")]  # fmt: skip
    speech.table(head, [_row(speech, one) for one in page.lines])
    goes_on(speech, page.next)


def _row(speech: Speech, one: LeadLine) -> list[object]:
    at = speech.label(one.turn_name) if one.turn_name is not None else "-"
    kind = speech.label(lead_reading.LEAD_KINDS[one.kind])
    return [one.lead, kind, speech.label(one.title), at, one.days, one.urgency or "-", one.case or "-"]


def show(
    ctx: typer.Context, *, lead: LeadId, as_: As,
    names: Annotated[bool, typer.Option("--names", help="Whom it names too, if your unit accepted it.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """What a lead says, and what happened to it."""
    world, speech = World.of(ctx), World.of(ctx).speech
    sheet = lead_reading.show(world.desk, lead_rules(), lead, world.actor(as_), with_names=names)
    if speech.as_json:
        speech.give(sheet)
        return
    found = sheet.lead
    title = speech.label(STATUSES[found.status])
    speech.say(speech.pick(f"线索 {found.id}：{title}", f"lead {found.id}: {title}"), style="bold")
    speech.say(f"  {found.seen}")
    for duty in sheet.duties:
        speech.say(f"  {_duty(speech, duty)}")
    for entry in sheet.history:
        speech.say(f"{entry.number:>3}  {in_china(entry.at)}  {entry.unit}  {entry.kind}")
    if sheet.named is not None:
        for one in sheet.named.persons:
            speech.say(f"  {'  '.join(f'{name}={value}' for name, value in one.items())}")
        speech.say(speech.pick(f"  联系方式：{sheet.named.contact}", f"  contact: {sheet.named.contact}"))
    elif sheet.has_named:
        speech.say(speech.pick("  另存有人员信息（--names）", "  it names somebody (--names)"))


def accept(
    ctx: typer.Context, *, lead: LeadId, as_: As,
    case: Annotated[str | None, typer.Option("--case", metavar="CASE", help="The case it belongs to.")] = None,
    open_case: Annotated[bool, typer.Option("--open-case", help="Open a case for it, where it happened.")] = False,
    fact: Facts = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Take a lead up; it may belong to a case, or open one."""
    world = World.of(ctx)
    actor = world.actor(as_)
    if open_case:
        _, done = leads.open_case(world.desk, lead_rules(), lead, actor, facts_of(fact), expected=expect)
    else:
        done = leads.accept(world.desk, lead_rules(), lead, actor, case=case, expected=expect)
    _tell(world.speech, done)


def pass_on(
    ctx: typer.Context, *, lead: LeadId,
    to: Annotated[str, typer.Option("--to", metavar="UNIT", help="Whose turn it is from then on.")],
    reason: Words, as_: As, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Give a lead to another unit, or back."""
    world = World.of(ctx)
    done = leads.pass_on(
        world.desk, lead_rules(), lead, world.actor(as_), to_unit=to, reason=reason, expected=expect
    )  # fmt: skip
    _tell(world.speech, done)


def close(
    ctx: typer.Context, *, lead: LeadId,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="A reason of policies/leads.yaml.")],
    as_: As, text: Annotated[str, typer.Option("--text", metavar="TEXT", help="More about it; no names.")] = "",
    expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """End a lead."""
    world = World.of(ctx)
    done = leads.close(
        world.desk, lead_rules(), lead, world.actor(as_), reason=reason, text=text, expected=expect
    )  # fmt: skip
    _tell(world.speech, done)


def reward(
    ctx: typer.Context, *, lead: LeadId,
    granted: Annotated[bool, typer.Option("--yes/--no", help="Whether the tip is rewarded.")],
    reason: Words, as_: As,
    amount: Annotated[int | None, typer.Option("--amount", metavar="YUAN", help="In whole yuan; need not be said.")] = (
        None
    ),
    expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Decide, once, whether a tip is rewarded, where a document prints rewards or a local setting has them."""
    world = World.of(ctx)
    done = leads.decide_reward(
        world.desk, lead_rules(), lead, world.actor(as_), granted=granted, reason=reason, amount=amount, expected=expect
    )  # fmt: skip
    _tell(world.speech, done)


def rules(
    ctx: typer.Context, *, area: Annotated[str, typer.Option("--area", metavar="CODE", help="The area.")], as_: As,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Who must report what to whom in an area, clause by clause; what is not listed is no rule of a document."""
    world, speech = World.of(ctx), World.of(ctx).speech
    found = lead_reading.reporting_rules(world.desk, lead_rules(), area, world.actor(as_))
    if speech.as_json:
        speech.give(found)
        return
    for duty in found.duties:
        speech.say(_duty(speech, duty))
    for zh, en, rows in (
        ("移送", "passing on", found.passing), ("奖励", "rewards", found.rewards),
        ("信访", "petitions", found.petitions),
    ):  # fmt: skip
        said = _sources(speech, rows) if rows else speech.pick("文件没有规定", "printed nowhere")
        speech.say(f"{speech.pick(zh, en)}  {said}")


def share(
    ctx: typer.Context, *, case: CaseId,
    ground: Annotated[str, typer.Option("--ground", metavar="NAME", help="A ground of policies/sharing.yaml.")],
    field_class: Annotated[list[str], typer.Option("--class", metavar="CLASS", help="A field class; many times.")],
    to: Annotated[str, typer.Option("--to", metavar="UNIT", help="With whom.")],
    purpose: Annotated[str, typer.Option("--for", metavar="TEXT", help="What for; no names and no numbers.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Share data of a case with another unit where a clause prints it: what your unit sees, without identities."""
    world = World.of(ctx)
    wanted = Sharing(ground, tuple(field_class), to, purpose)
    found = shared_data.share(world.desk, sharing_rules(), case, wanted, world.actor(as_))
    _tell_shared(world.speech, SharedLines((found,), None))


def shares(ctx: typer.Context, *, case: CaseId, as_: As, after: After = None, as_json: Json = False) -> None:
    """What of a case was shared, with whom, and on which clause."""
    world = World.of(ctx)
    _tell_shared(world.speech, shared_data.listed(world.desk, case, world.actor(as_), after=after))


def received(ctx: typer.Context, *, as_: As, after: After = None, as_json: Json = False) -> None:
    """What other units shared with yours."""
    world = World.of(ctx)
    _tell_shared(world.speech, shared_data.received(world.desk, world.actor(as_), after=after))


# ── in words ──


def _tell(speech: Speech, done: Done) -> None:
    if speech.as_json:
        speech.give(done)
        return
    status, at = speech.label(STATUSES[done.status]), done.turn or "-"
    zh = f"线索 {done.lead} 第 {done.revision} 版：{status}，在 {at}"
    en = f"lead {done.lead} at revision {done.revision}: {status}, at {at}"
    speech.say(speech.pick(zh, en))
    if done.case is not None:
        speech.say(speech.pick(f"  个案 {done.case}", f"  case {done.case}"))
    if done.basis:
        speech.say(f"  {_sources(speech, done.basis)}")


def _tell_shared(speech: Speech, page: SharedLines) -> None:
    if speech.as_json:
        speech.give({"shared": page.lines, "next": page.next})
        return
    if not page.lines:
        speech.say(speech.pick("没有共享记录", "nothing was shared"))
    for one in page.lines:
        _say_shared(speech, one)
    goes_on(speech, page.next)


def _say_shared(speech: Speech, one: Shared) -> None:
    between = f"{speech.label(one.from_name)} → {speech.label(one.to_name)}"
    speech.say(f"{one.id}  {in_china(one.at)}  {one.case}  {between}", style="bold")
    if one.contents is None:
        speech.say(speech.pick("  个案已删除，内容无法读取", "  the case was erased: nothing of it can be read"))
        return
    told = one.contents
    source = speech.source((told.clause,) if told.clause else (), told.provenance)
    speech.say(f"  {told.document}  {source}  {told.purpose}")
    for name, facts in told.facts.items():
        speech.say(f"  {name}: {', '.join(f'{fact}={value}' for fact, value in facts.items())}")
    if one.withheld:
        zh, en = f"  不予显示：{'、'.join(one.withheld)}", f"  withheld: {', '.join(one.withheld)}"
        speech.say(speech.pick(zh, en))


def _duty(speech: Speech, duty: Duty) -> str:
    must = speech.pick("应当报告", "must report") if duty.force == "duty" else speech.pick("鼓励报告", "may report")
    minors = speech.pick("（未成年人）", " (minors)") if duty.minors_only else ""
    who = ", ".join(speech.label(lead_rules().categories[name]) for name in duty.categories)
    return f"{who}  {must}{minors}: {speech.label(duty.to)}, {speech.label(duty.when)}  {_sources(speech, (duty,))}"


def _sources(speech: Speech, rows: tuple[Basis, ...]) -> str:
    return "  ".join(
        f"{one.document} {speech.source((one.clause,) if one.clause else (), one.provenance)}" for one in rows
    )  # fmt: skip
