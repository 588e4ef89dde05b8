"""Records new histories: ``python -m tests.histories.record``.

A history that is recorded stays as it is, and this never writes over one: the file of an older version of a definition
is what holds today's code to what it did then. One file is a case led to its archive, the other one a stroll with
everything in it that goes wrong on the way: declines, withdrawals, corrections, reversals, a reopening.
"""

from __future__ import annotations

from engine.core import commands as cmd
from engine.core.commands import RawValue
from tests.core.guide import Guide, doors, started_at
from tests.core.walk import Walk, World, worlds
from tests.histories.recorded import HERE, write


def main() -> None:
    """Write what is not there yet."""
    for world in worlds().values():
        version = world.rules.definition.version
        for story, tell in (("archive", led_to_archive), ("detours", with_detours)):
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


def _detour(walk: Walk) -> None:
    """Decline one hand-off, withdraw another, offer them again, correct a fact, reverse a move, and look again."""
    case, book = walk.now, walk.world.rules.definition
    for place, hand_off in enumerate(list(case.hand_offs.values())[:2]):
        answers: tuple[tuple[cmd.Command, str], ...] = (
            (
                cmd.Decline(case=case.id, hand_off=hand_off.id, reason=next(iter(book.decline_reasons))),
                hand_off.to_unit,
            ),
            (cmd.Withdraw(case=case.id, hand_off=hand_off.id, reason="too soon"), hand_off.from_unit),
        )
        walk.try_(*answers[place])
        walk.try_(cmd.Offer(case=case.id, track=hand_off.track or ""), hand_off.from_unit)
    for name, state in list(case.held().items()):
        if state.last is not None:
            walk.try_(cmd.Reverse(case=case.id, track=name, reason="by mistake"), state.holder or "")
            break
    holder = next((state.holder for state in walk.now.held().values() if state.holder), case.units[0])
    for name, stated in list(walk.now.facts.items()):
        other: RawValue | None = stated.value + 1 if type(stated.value) is int else None
        if other is not None:
            walk.try_(cmd.Correct(case=case.id, fact=name, value=other, reason="misheard"), holder)
    for number in list(walk.now.flags):
        walk.try_(cmd.ReviewFlag(case=case.id, event=number, reason="it stands"), holder)


def _after_the_end(walk: Walk) -> None:
    case = walk.now
    for track in case.tracks:
        for unit in case.units:
            if walk.now.status == "closed":
                walk.try_(cmd.Reopen(case=case.id, track=track, reason="new facts"), unit)
    for outcome in ("duplicate", "death"):
        for unit in case.units:
            if walk.now.status == "open" and outcome in walk.world.rules.definition.closings:
                walk.try_(cmd.Close(case=case.id, outcome=outcome, reason="as it was", points_to="GT-2"), unit)


if __name__ == "__main__":
    main()
