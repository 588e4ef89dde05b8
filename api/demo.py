"""``guitu demo``: a fresh world of its own, and the stories told through the same commands a form sends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from api import demo_audit, demo_calls, demo_people, demo_serving
from api.answers import event_line
from api.definition_commands import totals
from api.demo_people import Way
from api.options import Json
from api.refusals import reason_lines
from api.speech import Speech, in_china
from api.world import World, found_ledger
from engine import bootstrap
from engine.errors import CommandMalformed
from engine.service import definitions as books
from engine.service import installation, lists, release, trial, vault_keys
from engine.service.actors import read_actor
from engine.service.story import Beat, Player, clock_ending_before, replays_equal, stories

__all__ = ["Json", "play"]
INDENT = " " * 6


@dataclass(slots=True)
class Tally:
    """What the stories came to."""

    cases: dict[str, str] = field(default_factory=dict)
    events: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    told: list[dict[str, object]] = field(default_factory=list)
    open_case: tuple[str, str] | None = None
    closed_case: tuple[str, str] | None = None


def play(world: World, folder: Path, names: list[str], port: int | None = None) -> None:
    """Make the world anew, play the stories, and say what came of it and what to try next.

    With a ``port`` the world is then served there, or at the next that is free, until told to stop.
    """
    installation.make_demo_folder(folder)
    world.home, world.database = folder, None
    installation.upgrade(world.url, folder)
    trial.mark_trial(world.url)
    world.passphrase_file = vault_keys.init_demo(world.settings.root_keys, bootstrap.now())
    ledger = found_ledger(world)
    installation.load_demo_directory(world.desk)
    books_here = [one.definition for one in world.library.definitions]
    trial.release_all(world.desk, books_here, offices=trial.DEMO_OFFICES)
    tally = Tally()
    every = stories(world.settings.workflows)
    known = [told.scenario.scenario for told in every]
    for name in (name for name in names if name not in known):
        raise CommandMalformed(f"没有场景 {name}", f"no scenario {name}; there are: {', '.join(known)}")
    for told in every:
        if told.scenario.scenario in names or (told.scenario.demo and not names):
            _tell(world, Player(world.desk, told, clock_ending_before(told, bootstrap.now())), tally)
    _summary(world, tally)
    ways = demo_people.enrol(world.desk)
    audited = demo_audit.audit(world, ledger)
    said = _as_json(world, folder, tally) | {"audit": audited, "sign_ins": demo_people.as_json(ways)}
    if port is None:
        _what_next(world, folder, tally, said=said, ways=ways, site=demo_serving.address(demo_serving.PORT))
        return
    with demo_serving.listening(port) as at:
        site = demo_serving.address(at.getsockname()[1])
        _what_next(world, folder, tally, said=said, ways=ways, site=site)
        demo_serving.serve(world, at)


def _tell(world: World, player: Player, tally: Tally) -> None:
    speech, scenario = world.speech, player.told.scenario
    if not speech.as_json:
        speech.say()
        speech.say(f"═══ {speech.label(scenario.title)}  ({scenario.definition})", style="bold")
        speech.say(speech.label(scenario.tells))
        for name, member in scenario.cast.items():
            speech.say(f"  {name}: {member.person}@{member.unit}", style="dim")
    beats = []
    for beat in player.play():
        _count(tally, beat)
        beats.append(_beat_json(speech, beat))
        if not speech.as_json:
            _tell_beat(speech, beat)
    tally.cases |= {f"{scenario.scenario}.{name}": case for name, case in player.cases.items()}
    replays_equal(world.desk, player.cases)
    tally.open_case = _an_open_one(world, player) or tally.open_case
    first = next(iter(scenario.cast.values()))
    tally.closed_case = tally.closed_case or (next(iter(player.cases.values())), f"{first.person}@{first.unit}")
    tally.told.append({"scenario": scenario.scenario, "definition": scenario.definition, "beats": beats})


def _an_open_one(world: World, player: Player) -> tuple[str, str] | None:
    """A case of the story that is still open, and somebody of the cast whose unit holds something in it."""
    for member in player.told.scenario.cast.values():
        who = f"{member.person}@{member.unit}"
        found = lists.cases_of(world.desk, read_actor(who), status="open")
        own = [line.id for line in found.lines if line.id in player.cases.values()]
        if own:
            return own[-1], who
    return None


def _count(tally: Tally, beat: Beat) -> None:
    tally.events += len(beat.events)
    tally.counts.update(line.recorded.kind for line in beat.events)
    tally.counts["refusals"] += beat.refusal is not None


def _tell_beat(speech: Speech, beat: Beat) -> None:
    if beat.says is not None:
        speech.say(f"  … {speech.label(beat.says)}", style="italic")
    if beat.act == "clock":
        speech.say(speech.pick(f"  ── 时间过去 {beat.asked[1:]} ──", f"  -- {beat.asked[1:]} pass --"), style="dim")
        return
    if beat.refusal is None:
        for line in beat.events:
            is_hand_off = line.recorded.kind.startswith("hand_off")
            speech.say(f"  {event_line(speech, line, with_time=True)}", style="cyan" if is_hand_off else "")
        return
    error = beat.refusal
    zh, en = f"✗ {beat.asked} 未获准：{error.code}", f"✗ {beat.asked} refused: {error.code}"
    speech.say(f"       {in_china(beat.at)}  {speech.label(beat.unit)}  {speech.pick(zh, en)}", style="red")
    lines = reason_lines(speech, error.reasons, INDENT + "   ")
    for text in lines or [f"{INDENT}   - {speech.pick(error.zh, error.en)}"]:
        speech.say(text, style="red")


def _beat_json(speech: Speech, beat: Beat) -> dict[str, object]:
    refusal = beat.refusal
    return {
        "number": beat.number, "at": beat.at, "case": beat.case, "unit": beat.unit, "asked": beat.asked,
        "outcome": beat.outcome,
        "events": [
            {"kind": line.recorded.kind, "said": line.said, "clauses": line.recorded.clauses} for line in beat.events
        ],
        "refusal": None if refusal is None else {"code": refusal.code, "reasons": refusal.reasons},
    }  # fmt: skip


def _figures(tally: Tally) -> dict[str, int]:
    counts = tally.counts
    return {
        "cases": len(tally.cases), "events": tally.events, "offered": counts["hand_off_offered"],
        "accepted": counts["hand_off_accepted"], "declined": counts["hand_off_declined"],
        "refusals": counts["refusals"], "replays_equal": len(tally.cases),
    }  # fmt: skip


def _as_json(world: World, folder: Path, tally: Tally) -> dict[str, object]:
    listed = books.listed(world.library, release.standing(world.desk))
    named = {"named": tally.cases, "stories": tally.told}
    return {"home": str(folder), **_figures(tally), "definitions": listed, **named}


def _summary(world: World, tally: Tally) -> None:
    speech = world.speech
    if speech.as_json:
        return
    speech.say()
    speech.say(speech.pick("═══ 小结", "═══ Summary"), style="bold")
    speech.say(
        speech.pick(
            "个案 {cases}，事件 {events}；移交提出 {offered}、接收 {accepted}、退回 {declined}；未获准 {refusals}；"
            "重放一致 {replays_equal}/{cases}",
            "cases {cases}, events {events}; hand-offs offered {offered}, accepted {accepted}, declined {declined}; "
            "refusals {refusals}; replays equal {replays_equal}/{cases}",
        ).format(**_figures(tally))
    )
    for one in books.listed(world.library, release.standing(world.desk)):
        words = (speech.provenance(word) for word in ("printed", "reading", "deployer", "lost"))
        counted = "  ".join(f"{word} {count}" for word, count in zip(words, totals(one), strict=True))
        speech.say(f"  {one['id']}@{one['version']}  {counted}")


def _what_next(
    world: World, folder: Path, tally: Tally, *, said: dict[str, object], ways: list[Way], site: str
) -> None:  # fmt: skip
    speech = world.speech
    text = demo_calls.script(ways, folder, site, speech.language)
    script = demo_calls.write(folder, text)
    if speech.as_json:
        speech.give(said | {"site": site, "script": str(script)})
        return
    _hints(speech, folder, tally)
    demo_people.tell(speech, ways)
    speech.say()
    speech.say(
        speech.pick(
            f"═══ REST：在 {site} 可试的调用（全部执行：sh {script}）",
            f"═══ REST: calls to try at {site} (all of them: sh {script})",
        ),
        style="bold",
    )
    speech.say(demo_calls.calls(text))


def _hints(speech: Speech, folder: Path, tally: Tally) -> None:
    speech.say()
    speech.say(speech.pick("接下来可以试试：", "What to try next in this world:"), style="bold")
    for name, identifier in tally.cases.items():
        speech.say(f"  # {name} = {identifier}", style="dim")
    hints = ["definitions show fujian", "doctor"]
    if tally.open_case is not None:
        case, who = tally.open_case
        looks = (f"case show {case}", f"case timeline {case}", f"case moves {case} --explain", "worklist")
        hints = [f"{words} --as {who}" for words in looks] + hints
    elif tally.closed_case is not None:
        case, who = tally.closed_case
        hints = [f"{words} {case} --as {who}" for words in ("case show", "case timeline")] + hints
    hints.append(f"ticket issue caseworker-1 --as {demo_people.ADMINISTRATOR}")
    speech.say(f"  export GUITU_PASSPHRASE_FILE={folder / 'keys' / 'passphrase'}")
    for words in hints:
        speech.say(f"  guitu --home {folder} {words}")
