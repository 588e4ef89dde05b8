"""What a story may say of its end, of the way there and of forms; what it may not is a finding with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.definitions.finding import Findings
from engine.definitions.scenario import DutyStands, TrackStands, read_scenario

HEAD = """scenario: s
title: {zh: 题, en: T}
tells: {zh: 讲, en: T}
definition: fujian
area: "350102"
cast: {a: {person: officer-1, unit: u}}
steps:
"""
CLOSE = "  - {as: a, close: archive}\n"
BAD = {
    "asks without a form": ("  - {as: a, close: archive, asks: [x.y]}\n", "asks", 8),
    "an unknown word of an ending": (CLOSE + "leaves:\n  main:\n    stands: {}\n", "stands", 11),
    "an unknown state of a track": (CLOSE + "leaves: {main: {tracks: {t: {at: x, is: lost}}}}\n", "lost", 9),
    "an unknown standing of a duty": (CLOSE + "leaves: {main: {duties: {d: forgotten}}}\n", "forgotten", 9),
    "a day that is no day": ('  - {as: a, close: archive, stands: {duties: {d: {due: "@today"}}}}\n', "due", 8),
    "a day without its sign": ('  - {as: a, close: archive, stands: {tracks: {t: {due: "@3d"}}}}\n', "due", 8),
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_what_an_ending_may_not_say_is_a_finding_with_its_line(what: str, tmp_path: Path) -> None:
    steps, said, line = BAD[what]
    findings = Findings()
    assert read_scenario(_written(tmp_path, steps), findings) is None
    assert any(said in one.text("en") or said in str(one.where) for one in findings.sorted())
    assert findings.sorted()[0].line == line


def test_an_ending_in_full_is_read_in_short_and_in_long_words(tmp_path: Path) -> None:
    steps = (
        '  - {clock: +3d, stands: {tracks: {t: {due: "@-3d"}}}}\n'
        "  - {as: a, move: t.go, asks: [x.y], stands: {duties: {d: {is: open}}, facts: {x.z: true}}}\n"
        "leaves:\n"
        "  main:\n"
        "    closed: archive\n"
        '    tracks: {t: done_there, u: {at: step, is: open, due: "@+0d", lacks: [paper]}}\n'
        '    duties: {d: done, e: {is: open, due: "@+10d"}}\n'
        "    papers: [paper]\n"
        "    facts: {x.z: true, x.count: 3, x.code: word, x.all: [P-AAAA]}\n"
    )
    findings = Findings()
    told = read_scenario(_written(tmp_path, steps), findings)
    assert not findings
    assert told is not None
    left = told.scenario.leaves["main"]
    assert left.tracks["t"] == "done_there"
    assert left.tracks["u"] == TrackStands.model_validate(
        {"at": "step", "is": "open", "due": "@+0d", "lacks": ["paper"]}
    )
    assert left.duties == {"d": "done", "e": DutyStands.model_validate({"is": "open", "due": "@+10d"})}
    assert left.facts == {"x.z": True, "x.count": 3, "x.code": "word", "x.all": ["P-AAAA"]}
    assert told.scenario.steps[1].asks == ["x.y"]


def test_a_story_need_not_say_how_it_ends(tmp_path: Path) -> None:
    told = read_scenario(_written(tmp_path, CLOSE), Findings())
    assert told is not None
    assert told.scenario.leaves == {}


def _written(root: Path, steps: str) -> Path:
    path = root / "story.yaml"
    path.write_text(HEAD + steps, encoding="utf-8")
    return path
