"""The verifier says what it could not check, says it in both languages, and never calls that right."""

from __future__ import annotations

import ast
import inspect
import json
import tracemalloc
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.ledger import auditor_file, bundle, canonical, entry, exports, note, streams, timestamps
from engine.ledger.bundle import sections
from engine.ledger.canonical import encode
from engine.ledger.exports import read_digests, read_salts
from engine.ledger.verifying import (
    beats,
    brought,
    contents,
    history,
    order,
    proof,
    recipients,
    reconcile,
    sentences,
    subjects,
    verifier,
)
from engine.ledger.verifying.report import CHECKS, Finding, Place
from tests.ledger.bundle_maker import (
    ANCHOR,
    KEY,
    ORIGIN,
    SECOND,
    SIGNER,
    STRANGER,
    WITNESS,
    Parts,
    World,
    a_world,
    judged,
    lines,
    signed,
    stamped,
    states,
    words,
)
from tests.timestamping import founded

NEED_A_KEY = {
    "decryption", "events", "clock", "heartbeats", "recipients", "certificates", "subjects", "history",
    "reconciliation",
}  # fmt: skip


def unchecked(changes: dict[str, Any]) -> dict[str, list[str]]:
    """What is not checked of a good bundle when something else is brought; nothing may fail."""
    world = a_world()
    report = judged(world.bundle(), world.brought(**changes))
    assert "fail" not in states(report).values()
    found = {name: words(report, name) for name, state in states(report).items() if state == "unchecked"}
    assert report.exit_code == (2 if found else 0)
    return found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, {}),
        ({"log_key": None}, {"signature": ["no log key"]}),
        ({"witnesses": []}, {"witnesses": ["unknown signer"]}),
        ({"witnesses": [WITNESS.public, SIGNER.public]}, {}),
        ({"remembered": None}, {"append_only": ["nothing remembered"]}),
        ({"remembered": None, "is_first": True}, {}),
        ({"remembered": b"no note"}, {"append_only": ["remembered unreadable"]}),
        ({"roots": []}, {"timestamps": ["no anchor", "no anchor"]}),
        ({"keys": []}, {name: ["no key"] for name in NEED_A_KEY}),
        ({"salts": None}, {"subjects": ["no salts"], "reconciliation": ["no salts"]}),
        ({"digests": None}, {"reconciliation": ["no digests"]}),
        ({"stamped": lambda *_: "roots"}, {"timestamps": ["timestamp:roots", "timestamp:roots"]}),
    ],
    ids=lambda one: ",".join(sorted(one)) if isinstance(one, dict) else "",
)
def test_what_is_not_brought_is_not_checked(changes: dict[str, Any], found: dict[str, list[str]]) -> None:
    assert unchecked(changes) == found


def test_without_anything_nothing_passes_that_needs_something() -> None:
    world = a_world()
    nothing = replace(
        world.brought(), log_key=None, witnesses=[], remembered=None, keys=[], salts=None, digests=None, roots=[]
    )
    found = states(judged(world.bundle(), nothing))
    assert {name for name, state in found.items() if state == "pass"} == {"form", "leaves", "streams"}


def test_a_witness_who_did_not_sign_is_missed() -> None:
    world = a_world()
    assert words(judged(world.bundle(checkpoint=world.checkpoint()), world.brought()), "witnesses") == [
        "witness missing"
    ]


def test_while_the_log_changes_its_key_two_signatures_bear_its_name() -> None:
    world = a_world()
    new = note.SignerKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"n" * 32))
    written = world.bundle(checkpoint=world.checkpoint(SIGNER, new, WITNESS))
    for key in (SIGNER, new):
        assert judged(written, world.brought(log_key=key.public)).exit_code == 0


def test_roots_and_no_timestamp_is_not_right() -> None:
    world = a_world()
    assert words(judged(world.bundle(stamps=[]), world.brought()), "timestamps") == ["no timestamp"]
    assert states(judged(world.bundle(stamps=[]), world.brought(roots=[])))["timestamps"] == "none"


def test_the_wrong_key_opens_nothing_and_is_named() -> None:
    world = a_world()
    report = judged(world.bundle(), world.brought(keys=[STRANGER]))
    assert report.exit_code == 2
    assert words(report, "decryption") == ["unread:foreign"] * 18
    assert not NEED_A_KEY & {name for name, state in states(report).items() if state == "pass"}


def test_an_auditor_who_was_added_later_reads_from_then_on() -> None:
    """What was sealed before her is not hers to read: it is not checked, and not held against anybody."""
    world = a_world()
    report = judged(world.bundle(), world.brought(keys=[SECOND]))
    assert report.exit_code == 2
    assert [one.place.entry for one in report.of("decryption").gaps] == list(range(9))
    assert report.of("decryption").checked == 9
    assert words(report, "recipients") == ["recipients unknown"] * 2
    assert judged(world.bundle(), world.brought(keys=[SECOND, KEY])).exit_code == 0


def test_salts_of_some_cases_open_those() -> None:
    world = a_world()
    report = judged(world.bundle(), world.brought(salts=read_salts(world.salts(complete=False, only=["case-2"]))))
    assert set(words(report, "subjects")) == {"salt not there"}
    assert report.exit_code == 2


def test_salts_from_before_a_case_are_not_held_against_it() -> None:
    world = a_world()
    salts = read_salts(world.salts())
    world.later(7200)
    world.open({"ended": "unknown", "position": 1, "stream": world.streams[-1].stream_id.hex()})
    world.change("case-8", "opened")
    report = judged(world.bundle(), world.brought(salts=salts))
    assert words(report, "subjects") == ["newer than the salts"]
    assert report.exit_code == 2


def test_a_file_of_digests_that_breaks_off_is_not_checked() -> None:
    world = a_world()
    told = [*world.digests()[:-1], b"{\n"]
    report = judged(world.bundle(), world.brought(digests=read_digests(told)))
    assert (words(report, "reconciliation"), report.of("reconciliation").gaps[0].place.line) == (["export:form"], 5)


def test_an_empty_log_has_nothing_to_check() -> None:
    world = World()
    report = judged(world.bundle(), world.brought(remembered=None, is_first=True, roots=[]))
    assert report.exit_code == 0
    assert states(report)["decryption"] == "none"
    extra = lines({"case": "case-1", "person": None, "digest": "ab" * 32, "revision": 1})
    digests = read_digests([*world.digests(), *extra])
    assert judged(world.bundle(), world.brought(remembered=None, is_first=True, digests=digests)).exit_code == 2


def test_what_the_exporter_says_is_told_and_a_hole_it_admits_is_not_right() -> None:
    world = a_world()
    held: list[canonical.Value] = [{"stream": "ab" * 16, "expected": 3, "found": 5}]
    info: dict[str, canonical.Value] = {
        "v": 1, "origin": ORIGIN, "exported_at": "2026-03-01T09:00:00.000Z", "waiting": 2, "after": 3, "held": held,
    }  # fmt: skip
    report = judged(world.bundle(info=encode(info)), world.brought())
    assert report.of("beyond").counts == {"after": 3, "waiting": 2}
    assert (words(report, "beyond"), report.exit_code) == (["held back"], 2)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"v": True}, {"origin": 1}, {"exported_at": "then"}, {"waiting": -1}, {"after": None}, {"held": {}},
        {"held": [1]}, {"held": [{"stream": "ab", "expected": 1, "found": 2}]},
        {"held": [{"stream": "ab" * 16, "expected": 1}]}, {"more": 1},
    ],
)  # fmt: skip
def test_an_info_that_is_not_of_its_form_is_found(change: dict[str, Any]) -> None:
    world = a_world()
    info: dict[str, Any] = json.loads(Parts.of(world).info)
    report = judged(world.bundle(info=encode({**info, **change})), world.brought())
    assert (words(report, "form"), report.exit_code) == (["info malformed"], 1)


def test_a_timestamp_of_a_real_authority_is_verified(tmp_path: Path) -> None:
    authority, other = founded(tmp_path / "here"), founded(tmp_path / "there")
    world = a_world()
    note = world.checkpoint()
    made = world.bundle(stamps=[(note, authority.answer(timestamps.request(note).der))])
    report = judged(made, world.brought(stamped=brought.stamped, roots=[authority.root]))
    assert (report.exit_code, report.of("timestamps").checked) == (0, 1)
    report = judged(made, world.brought(stamped=brought.stamped, roots=[other.root]))
    assert (report.exit_code, words(report, "timestamps")) == (1, ["timestamp:not proved"])
    report = judged(made, world.brought(stamped=brought.stamped, roots=[b"no certificate"]))
    assert (report.exit_code, words(report, "timestamps")) == (2, ["timestamp:roots"])


def test_memory_does_not_grow_with_the_entries() -> None:
    """What is kept is of streams and revisions: a thousand looks at one record need no more than a hundred."""
    world = World()
    world.open()
    world.announce(KEY)
    world.change("case-1", "opened")
    peaks = []
    for number in (150, 900):
        while len(world.entries) < number:
            world.later(-1)
            world.look("case-1")
        read = BytesIO(world.bundle(stamps=[], page=50)).read
        things = world.brought(roots=[], remembered=None, is_first=True)
        tracemalloc.start()
        assert verifier.verify(read, things).exit_code == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 0.1 * sum(map(len, world.entries[150:]))


# ── cut short ──


def test_a_bundle_cut_short_is_checked_as_far_as_it_goes_and_never_right() -> None:
    world = a_world()
    whole = world.bundle()
    cuts = {one.at for one in sections(BytesIO(whole).read)} | {len(whole) - 41} | set(range(0, len(whole), 211))
    cuts |= {len(whole) - 1, len(whole) - 32}
    for size in sorted(cuts):
        report = judged(whole[:size], world.brought())
        assert report.exit_code == 2, (size, {one.name: one.faults for one in report.checks if one.faults})
        assert words(report, "form") == ["bundle:cut short"]
        assert report.is_to_be_remembered == (size >= len(whole) - 41), "every leaf was there, only the end is not"


def test_what_is_wrong_before_the_cut_is_found_all_the_same() -> None:
    world = a_world()
    world.entries[2] = world.entries[2][:-1] + bytes([world.entries[2][-1] ^ 1])
    whole = world.bundle()
    report = judged(whole[: len(whole) // 2], world.brought())
    assert report.exit_code == 1
    assert [one.place.entry for one in report.of("decryption").faults] == [2]


def test_a_bundle_changed_after_the_export_is_wrong_though_everything_else_is_right() -> None:
    world = a_world()
    whole = world.bundle().replace(b'"waiting":0', b'"waiting":7')
    report = judged(whole, world.brought())
    assert report.exit_code == 1
    assert {name for name, state in states(report).items() if state in ("fail", "unchecked")} == {"form"}


def test_a_file_that_is_no_bundle_is_wrong() -> None:
    report = judged(b"something else", a_world().brought())
    assert (words(report, "form"), report.exit_code) == (["bundle:not a bundle"], 1)
    assert "pass" not in states(report).values()


# ── two languages ──


def test_every_word_that_can_come_up_has_a_sentence_in_both_languages() -> None:
    closed = {
        "note": get_args(note.Fault), "bundle": get_args(bundle.What), "export": get_args(exports.Why),
        "timestamp": get_args(timestamps.Why), "key file": get_args(auditor_file.Why),
        "canonical": _raised(canonical, "NotCanonical", 1), "stream": _raised(streams, "OutOfOrder", 0),
        "entry": _raised(entry, "Unreadable", 0) | _raised(streams, "Unreadable", 0),
        "subject": _raised(entry, "Unreadable", 0) - {"format"},
    }  # fmt: skip
    assert [len(one) for one in closed.values()] == [9, 5, 3, 6, 3, 7, 4, 4, 3]
    assert {f"{group}:{word}" for group, found in closed.items() for word in found} <= set(sentences.WORDS)


def test_every_word_that_the_verifier_says_has_a_sentence_and_every_sentence_is_said() -> None:
    rooms = (beats, contents, history, order, proof, recipients, reconcile, subjects, verifier)
    said = {word for room in rooms for word in _strings(room)}
    own = {word for word in sentences.WORDS if ":" not in word}
    assert own <= said
    told = {word for room in rooms for word in _told(room)}
    assert told <= set(sentences.WORDS)
    assert len(told) > 50


def test_every_label_is_in_both_languages() -> None:
    labels = [*sentences.WORDS.values(), *sentences.CHECKS.values(), *sentences.COUNTS.values(),
              *sentences.STATES.values(), *sentences.VERDICTS.values()]  # fmt: skip
    assert all(len(zh) > 0 and not zh.isascii() and len(en) > 0 and en.isascii() for zh, en in labels)
    assert tuple(sentences.CHECKS) == CHECKS


def test_a_sentence_says_where_what_and_how_much() -> None:
    finding = Finding("stream:gap", Place(7, "0badf00d", 3, "case-1", "P-1", 12, 4), "3 / 5")
    assert sentences.sentence(finding, "en") == (
        "entry 7, stream 0badf00d, place 3, case case-1, person P-1, byte 12, line 4: "
        "entries of the stream are missing (expected / found) (3 / 5)"
    )
    assert sentences.sentence(Finding("no key"), "zh") == "未提供审计人私钥"


def _raised(module: ModuleType, name: str, position: int) -> set[str]:
    """The words with which an exception is raised in a module."""
    calls = [one for one in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(one, ast.Call)]
    own = [one for one in calls if isinstance(one.func, ast.Name) and one.func.id == name]
    return {
        one.args[position].value  # type: ignore[attr-defined]
        for one in own
        if len(one.args) > position and isinstance(one.args[position], ast.Constant)
    }


def _strings(module: ModuleType) -> set[str]:
    found = ast.walk(ast.parse(inspect.getsource(module)))
    return {one.value for one in found if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def _told(module: ModuleType) -> set[str]:
    """The words that are given to a check as they are."""
    calls = [one for one in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(one, ast.Call)]
    own = [
        one
        for one in calls
        if (isinstance(one.func, ast.Attribute) and one.func.attr in ("fault", "gap", "note"))
        or (isinstance(one.func, ast.Name) and one.func.id == "tell")
    ]
    return {one.args[0].value for one in own if one.args and isinstance(one.args[0], ast.Constant)}  # type: ignore[misc]


def test_the_tests_use_their_own_authority() -> None:
    assert stamped(b"x", signed([]), [ANCHOR]) == "not proved"
