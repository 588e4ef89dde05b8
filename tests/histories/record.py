"""Records new histories: ``python -m tests.histories.record``.

A history that is recorded stays as it is, and this never writes over one: the file of an older version of a definition
is what holds today's code to what it did then. One file is a case led to its archive, another one a stroll with
everything in it that goes wrong on the way: declines, withdrawals, corrections, reversals, a reopening; a third
one tells of what is sealed: identities of persons, one of them amended, and a file.
"""

from __future__ import annotations

from typing import get_args

from engine.core import commands as cmd
from tests.core.guide import Guide, doors, started_at
from tests.core.walk import Walk, World, worlds
from tests.histories.recorded import HERE, write

CASE = "GT-1"


def main() -> None:
    """Write what is not there yet."""
    for world in worlds().values():
        version = world.rules.definition.version
        for story, tell in (("archive", led_to_archive), ("detours", with_detours), ("sealed", with_sealed)):
            path = HERE / f"{world.name}-{version}-{story}.json"
            if not path.exists():
                walk = tell(world)
                write(path, walk.history, walk.now)


def led_to_archive(world: World) -> Walk:
    """From the first door to the archive."""
    walk = started_at(world, doors(world)[0])
    assert Guide(walk).lead()
    return walk


def with_detours(world: World) -> Walk:
    """To the archive with a detour after every round, then closed, reopened and closed as a duplicate or otherwise."""
    walk = started_at(world, doors(world)[-1])
    guide = Guide(walk)
    for _ in range(6):
        if walk.now.status == "open":
            _detour(walk)
            guide.round()
    guide.lead()
    _after_the_end(walk)
    return walk


def with_sealed(world: World) -> Walk:
    """Everybody the case knows is put on record and a file is attached; after a few rounds an identity is amended."""
    walk = started_at(world, doors(world)[0])
    guide = Guide(walk)
    for number, role in enumerate(get_args(cmd.Role)):
        walk.act(
            cmd.RecordIdentity(case=CASE, role=role, holds=("id_number", "name"), person=f"P-000{number}"),
            walk.now.units[0],
        )
    file = cmd.AttachFile(case=CASE, name="", kind="pdf", attachment="0123456789abcdef" * 2)
    walk.act(file, walk.now.units[0])
    for _ in range(3):
        guide.round()
    amended = cmd.RecordIdentity(case=CASE, role="victim", holds=("born_on", "id_number", "name"), person="P-0000")
    walk.act(amended, walk.now.units[0])
    return walk


def _detour(walk: Walk) -> None:
    """Everything that goes another way than straight on."""
    _answer_otherwise(walk)
    held = {name: state for name, state in walk.now.held().items() if state.holder}
    for name, state in held.items():
        if state.last is not None:
            walk.try_(cmd.Reverse(case=CASE, track=name, reason="by mistake"), state.holder or "")
            break
    for name, state in list(held.items())[:1]:
        _bring_others_in(walk, name, state.holder or "")
    holder = next((state.holder for state in held.values()), None) or walk.now.units[0]
    _correct_there_and_back(walk, holder)
    for name, state in held.items():
        if walk.world.rules.definition.tracks[name].declinable:
            walk.try_(cmd.DeclineTrack(case=CASE, track=name, reason="not wanted"), state.holder or "")
            break
    walk.try_(cmd.LinkCriminalCase(case=CASE, criminal_case="GT-CRIME"), holder)


def _correct_there_and_back(walk: Walk, holder: str) -> None:
    """Correct what entries into steps rested on, correct it back, and review what was flagged by that."""
    book = walk.world.rules.definition
    rested = {name for track in walk.now.tracks.values() for visit in track.visits.values() for name in visit.rested_on}
    for name in sorted(rested & walk.now.facts.keys()):
        now = walk.now.facts[name].value
        other = next((option for option in book.facts[name].options if option != now), None)
        for value in (other, now) if other else ():
            walk.try_(cmd.Correct(case=CASE, fact=name, value=value, reason="misheard"), holder)
    for number in list(walk.now.flags):
        walk.try_(cmd.ReviewFlag(case=CASE, event=number, reason="it stands"), holder)


def _answer_otherwise(walk: Walk) -> None:
    """Decline one hand-off, withdraw another, and offer them again."""
    because = next(iter(walk.world.rules.definition.decline_reasons))
    for place, hand_off in enumerate(list(walk.now.hand_offs.values())[:2]):
        answers: tuple[tuple[cmd.Command, str], ...] = (
            (cmd.Decline(case=CASE, hand_off=hand_off.id, reason=because, text="see note"), hand_off.to_unit),
            (cmd.Withdraw(case=CASE, hand_off=hand_off.id, reason="too soon"), hand_off.from_unit),
        )
        walk.try_(*answers[place])
        walk.try_(cmd.Offer(case=CASE, track=hand_off.track or ""), hand_off.from_unit)


def _bring_others_in(walk: Walk, track: str, holder: str) -> None:
    """A referral and its end, a note, a consent given and withdrawn, a person, a move to a neighbouring area."""
    book, units = walk.world.rules.definition, walk.world.units
    function = book.tracks[track].steps[walk.now.tracks[track].step].responsible or ""
    other = next(name for name, unit in units.units.items() if function not in unit.functions and name != holder)
    walk.try_(cmd.Refer(case=CASE, track=track, to_unit=other, reason="please look"), holder)
    walk.try_(cmd.Contribute(case=CASE, track=track, note="looked"), other)
    for referral in list(walk.now.referrals):
        walk.try_(cmd.Refer(case=CASE, track=track, ends=referral), holder)
    consent = next(iter(book.consents))
    for given in (True, False):
        walk.try_(cmd.RecordConsent(case=CASE, consent=consent, given=given), holder)
    walk.try_(cmd.Assign(case=CASE, track=track, person="officer-7"), holder)
    here = units.jurisdictions[walk.now.area]
    for area in units.jurisdictions.values():
        if area.parent == here.parent and area.code != here.code:
            walk.try_(cmd.Relocate(case=CASE, area=area.code, reason="moved there"), holder)
            break
    for unit in units.units.values():
        if function in unit.functions and unit.merged_into is None and unit.id != holder:
            walk.try_(cmd.Offer(case=CASE, track=track, to_unit=unit.id, reason="nearer"), holder)
            break


def _after_the_end(walk: Walk) -> None:
    case = walk.now
    for track in case.tracks:
        for unit in case.units:
            if walk.now.status == "closed":
                walk.try_(cmd.Reopen(case=CASE, track=track, reason="new facts"), unit)
    for outcome in ("duplicate", "death"):
        for unit in case.units:
            if walk.now.status == "open" and outcome in walk.world.rules.definition.closings:
                walk.try_(cmd.Close(case=CASE, outcome=outcome, reason="as it was", points_to="GT-2"), unit)


if __name__ == "__main__":
    main()
