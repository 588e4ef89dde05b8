"""What a command came to, said to whoever gave it."""

from __future__ import annotations

from api.speech import Speech, in_china
from api.world import World
from engine.core.commands import Command
from engine.service.handle import Answer, handle
from engine.service.read import TimelineLine, happened


def act(world: World, command: Command, who: str) -> None:
    """Carry out a command and say what happened."""
    tell_answer(world, handle(world.desk, command, world.actor(who)))


def tell_answer(world: World, answer: Answer, **more: object) -> None:
    """Say what a command came to, and what else there is to say of it."""
    speech = world.speech
    if speech.as_json:
        speech.give(
            {
                "case": answer.case, "revision": answer.revision, "happened": answer.happened,
                "offered": answer.offered, "opened": answer.opened, "successor": answer.successor,
                "person": answer.person, "repeated": answer.repeated, **more,
            }
        )  # fmt: skip
        return
    again = speech.pick("（重复请求，返回首次答复）", " (asked before, first answer again)") if answer.repeated else ""
    zh, en = f"个案 {answer.case} 第 {answer.revision} 版", f"case {answer.case} at revision {answer.revision}"
    speech.say(speech.pick(zh, en) + again)
    for line in happened(world.desk, answer):
        speech.say(f"  {event_line(speech, line)}")
    for hand_off in answer.offered:
        speech.say(speech.pick(f"  待接收：{hand_off}", f"  waits for an answer: {hand_off}"))


def event_line(speech: Speech, line: TimelineLine, *, with_time: bool = False) -> str:
    """One event: number, unit, what, and the clause it rests on."""
    recorded = line.recorded
    clauses = "  " + speech.pick("〔{}〕", "[{}]").format("；".join(recorded.clauses)) if recorded.clauses else ""
    when = f"{in_china(recorded.at)}  " if with_time else ""
    hidden = ", ".join(sorted(recorded.withheld))
    hidden = speech.pick(f"  （不予显示：{hidden}）", f"  (withheld: {hidden})") if hidden else ""
    return f"{recorded.number:>3}  {when}{speech.label(line.unit_name)}  {speech.label(line.said)}{hidden}{clauses}"
