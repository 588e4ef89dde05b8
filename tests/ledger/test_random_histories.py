"""Random ledgers, tampered with at random or not: the verdict is the truth, and it names the place."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.ledger.entry import HEADER_BYTES, header_of
from engine.ledger.exports import read_digests
from engine.ledger.streams import Stream
from engine.ledger.verifying.report import Report
from tests.ledger.bundle_maker import KEY, SECOND, STRANGER, World, digest_of, judged, states

CASES = ("case-1", "case-2", "case-3")
ACTS = (
    "change",
    "change",
    "look",
    "look",
    "old look",
    "identify",
    "erase",
    "list",
    "beat",
    "stream",
    "next",
    "auditor",
)
LIES = ("shown otherwise", "shown what never was", "shown too old", "clock", "smuggled", "left out", "heartbeat")
Step = tuple[str, int]


@dataclass
class Play:
    """Plays steps into a world; what makes no sense where it comes is passed over."""

    world: World
    at: int = 0

    def step(self, act: str, number: int) -> None:
        case = CASES[number % len(CASES)]
        known = self.world.cases.get(case)
        if act in ("change", "look", "old look", "identify", "erase") and (known is None or known.is_erased):
            if known is None:
                self.world.change(case, f"opened {number}", self.stream())
            return
        match act:
            case "change":
                self.world.change(case, f"content {number}", self.stream())
            case "look":
                self.world.look(case, stream=self.stream())
            case "old look":
                self.world.look(case, max(1, len(self.world.cases[case].contents) - 1), self.stream())
            case "identify":
                self.world.identify(case, f"P-{number % 2}", f"identity {number}")
            case "erase":
                self.world.erase(case)
            case _:
                self.other(act, number)

    def other(self, act: str, number: int) -> None:
        match act:
            case "list":
                shown = [one for one, known in self.world.cases.items() if not known.is_erased]
                self.world.tell("case:list", [(one, None, {}) for one in shown], stream=self.stream())
            case "beat":
                self.world.beat(self.stream())
            case "stream":
                self.world.open()
            case "next":
                self.at += number
            case "auditor" if len(self.world.auditors) == 1:
                self.world.auditors = [KEY, SECOND]
                self.world.announce(SECOND, stream=self.world.open())

    def stream(self) -> Stream:
        """One of the streams, in turn."""
        return self.world.streams[self.at % len(self.world.streams)]

    def lie(self, act: str) -> tuple[str, int] | None:
        """Let the writing program tell something that is not so: which check finds it, and at which entry."""
        world = self.world
        case = next((one for one, known in world.cases.items() if not known.is_erased), None)
        number = len(world.entries)
        if act == "clock":
            world.later(-400)
            world.tell("keys:status")
            return "clock", number
        if act == "heartbeat":
            world.beat(told={world.streams[0].stream_id.hex(): world.streams[0].committed + 9})
            return "heartbeats", number
        if act in ("smuggled", "left out"):
            world.later(61)
            world.open(auditors=[*world.auditors, STRANGER] if act == "smuggled" else [SECOND, STRANGER, KEY][2:])
            return ("recipients", number) if act == "smuggled" or len(world.auditors) == 2 else None
        return self._show(act, case, number) if case else None

    def _show(self, act: str, case: str, number: int) -> tuple[str, int] | None:
        world, last = self.world, len(self.world.cases[case].contents)
        if act == "shown otherwise":
            world.look(case, before=digest_of(case, None, "something else"))
        elif act == "shown what never was":
            world.look(case, revision_before=last + 1)
        elif last > 1:
            world.later(61)
            world.look(case, last - 1)
        else:
            return None
        return "history", number


def played(steps: list[Step]) -> Play:
    """A world in which this happened; time passes by a second with each act."""
    play = Play(World())
    play.world.open()
    play.world.announce(KEY)
    for act, number in steps:
        play.step(act, number)
    return play


def faults(report: Report) -> dict[str, set[int | None]]:
    return {one.name: {each.place.entry for each in one.faults} for one in report.checks if one.faults}


STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 8)), min_size=1, max_size=14)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@given(STEPS)
def test_what_is_right_is_found_right(steps: list[Step]) -> None:
    world = played(steps).world
    report = judged(world.bundle(), world.brought(roots=[], remembered=None, is_first=True))
    assert (report.exit_code, faults(report)) == (0, {})
    assert set(states(report).values()) <= {"pass", "none"}


@FEW
@given(STEPS, st.data())
def test_what_was_changed_after_it_was_written_is_found_there(steps: list[Step], data: st.DataObject) -> None:
    """The log's operator changes the entries and signs them anew; the auditor remembers what she saw before."""
    world = played(steps).world
    remembered, entries = world.checkpoint(), list(world.entries)
    at = data.draw(st.integers(0, len(entries) - 1), label="entry")
    how = data.draw(st.sampled_from(["flip", "drop", "double", "swap"]), label="how")
    stream = header_of(entries[at]).stream_id
    later = [n for n in range(at + 1, len(entries)) if header_of(entries[n]).stream_id == stream]
    expected: tuple[str, int] | None = None
    if how == "flip":
        byte = data.draw(st.integers(HEADER_BYTES, len(entries[at]) - 1), label="byte")
        entries[at] = entries[at][:byte] + bytes([entries[at][byte] ^ 1]) + entries[at][byte + 1 :]
        expected = "decryption", at
    elif how == "drop":
        del entries[at]
        expected = ("streams", later[0] - 1) if later else None
    elif how == "double":
        entries.insert(at + 1, entries[at])
        expected = "streams", at + 1
    elif later:
        entries[at], entries[later[0]] = entries[later[0]], entries[at]
        expected = "streams", at
    else:
        return
    report = judged(world.bundle(entries=entries), world.brought(roots=[], remembered=remembered))
    assert report.exit_code == 1
    assert "append_only" in faults(report) or len(entries) > len(world.entries)
    if expected is not None:
        # Where the key id of the auditor was changed, the stream seems to be sealed to somebody else: not checked.
        check = report.of(expected[0])
        assert expected[1] in {one.place.entry for one in (*check.faults, *check.gaps)}


@FEW
@given(STEPS, st.sampled_from(LIES), STEPS)
def test_what_was_written_wrong_is_found_there(steps: list[Step], lie: str, more: list[Step]) -> None:
    play = played(steps)
    found = play.lie(lie)
    if found is None:
        return
    world = play.world
    report = judged(world.bundle(), world.brought(roots=[], remembered=None, is_first=True))
    assert report.exit_code == 1
    assert faults(report) == {found[0]: {found[1]}}
    for act, number in more:  # and whatever comes after that does not hide it
        play.step(act, number)
    report = judged(world.bundle(), world.brought(roots=[], remembered=None, is_first=True))
    if lie not in ("shown what never was", "heartbeat"):  # both may come true later
        assert found[1] in faults(report)[found[0]]


@FEW
@given(STEPS, st.sampled_from(["changed", "rolled back", "removed", "added"]), st.data())
def test_what_was_changed_behind_the_ledger_is_found(steps: list[Step], how: str, data: st.DataObject) -> None:
    world = played(steps).world
    live = [one for one, known in world.cases.items() if not known.is_erased]
    if not live:
        return
    case = data.draw(st.sampled_from(live))
    bundle, brought = world.bundle(), world.brought(roots=[], remembered=None, is_first=True)
    known = world.cases[case]
    if how == "removed" or (how == "rolled back" and len(known.contents) == 1):
        del world.cases[case]
    elif how == "rolled back":
        known.contents.pop()
    elif how == "changed":
        known.contents[-1] += " and more"
    else:
        known.persons["P-9"] = "put there"
    object.__setattr__(brought, "digests", read_digests(world.digests()))
    report = judged(bundle, brought)
    assert report.exit_code == 1
    assert set(faults(report)) == {"reconciliation"}
    assert {each.place.case for each in report.of("reconciliation").faults} == {case}
