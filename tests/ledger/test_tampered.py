"""Each way to tamper with a ledger, its bundle or the files beside it is found by the check that is there for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.ledger.canonical import Value, encode, time_text
from engine.ledger.exports import read_digests, read_salts
from engine.ledger.note import SignerKey
from engine.ledger.verifying.report import MOST_LISTED, Report
from tests.ledger import tampering as ways
from tests.ledger import tampering_records as records
from tests.ledger.bundle_maker import (
    BEGIN,
    KEY,
    ORIGIN,
    SECOND,
    STRANGER,
    WITNESS,
    Parts,
    a_world,
    judged,
    signed,
    states,
    words,
)
from tests.ledger.tampering import Tampered, as_it_is

WAYS: list[tuple[Callable[[], Tampered], str, str, int | None]] = [
    (ways.changed_without_signing, "leaves", "root differs", None),
    (ways.changed_without_signing, "decryption", "entry:changed", 7),
    (ways.changed, "decryption", "entry:changed", 7),
    (ways.cut_entry, "streams", "entry:format", 7),
    (ways.dropped, "streams", "stream:gap", 5),
    (ways.swapped, "streams", "stream:gap", 5),
    (ways.doubled, "streams", "stream:repeated", 6),
    (ways.of_another_log, "streams", "stream:unknown", 6),
    (ways.of_another_log, "decryption", "unread:lost", 6),
    (ways.opening_replayed, "streams", "stream:repeated", 18),
    (ways.after_the_closing, "streams", "stream:repeated", 18),
    (ways.put_after_the_closing, "streams", "stream:closed", 18),
    (ways.key_used_twice, "streams", "stream:behind", 18),
    (ways.key_used_twice, "decryption", "stream:behind", 18),
    (ways.fewer_than_signed, "leaves", "too few", None),
    (ways.more_than_signed, "leaves", "too many", None),
    (ways.signed_by_another, "signature", "note:unsigned", None),
    (ways.checkpoint_of_another_log, "signature", "checkpoint of another log", None),
    (ways.checkpoint_of_another_log, "signature", "origins differ", None),
    (ways.signature_broken, "signature", "note:signature", None),
    (ways.witness_broken, "witnesses", "note:signature", None),
    (ways.no_checkpoint_at_all, "signature", "note:text", None),
    (ways.older_than_remembered, "append_only", "smaller than remembered", None),
    (ways.forked, "append_only", "fork", None),
    (ways.rewritten_before_remembered, "append_only", "not grown from remembered", None),
    (ways.remembered_of_another_log, "append_only", "remembered another log", None),
    (ways.timestamp_forged, "timestamps", "timestamp:not proved", None),
    (ways.timestamp_of_another_tree, "timestamps", "timestamp of another tree", None),
    (ways.timestamp_of_a_larger_tree, "timestamps", "smaller than timestamp", None),
    (ways.timestamp_of_another_log, "timestamps", "timestamp of another log", None),
    (ways.tail_never_sequenced, "heartbeats", "position not reached", 19),
    (ways.stream_never_sequenced, "heartbeats", "position not reached", 18),
    (ways.clock_turned_back, "clock", "clock backwards", 18),
    (ways.opened_too_early, "clock", "opened too early", 19),
    (ways.opened_in_another_log, "events", "opening of another log", 18),
    (ways.opened_before_what_it_saw, "clock", "before the tree it saw", 18),
    (ways.saw_a_longer_log, "clock", "tree larger than its place", 18),
    (ways.recipient_smuggled_in, "recipients", "recipient smuggled in", 18),
    (ways.recipient_smuggled_into_the_first, "recipients", "recipient smuggled in", 0),
    (ways.recipient_left_out, "recipients", "recipient left out", 18),
    (ways.removed_and_still_read, "recipients", "recipient smuggled in", 20),
    (ways.not_canonical, "events", "canonical:bytes", 18),
    (ways.not_of_the_form, "events", "not an event", 18),
    (ways.blocks_that_are_none, "events", "entry:plain", 18),
    (ways.unknown_act, "events", "not an event", 18),
    (ways.auditor_without_a_key, "events", "not an event", 18),
    (records.certificate_missing, "certificates", "certificate missing or changed", 14),
    (records.certificate_missing, "subjects", "no salt and no certificate", 11),
    (records.certificate_changed, "certificates", "certificate missing or changed", 14),
    (records.certificate_changed, "certificates", "certificate never entered", None),
    (records.certificate_malformed, "certificates", "certificate malformed", None),
    (records.certificate_that_cannot_be_printed, "certificates", "certificate malformed", None),
    (records.certificate_never_entered, "certificates", "certificate never entered", None),
    (records.certificate_never_entered_though_the_log_goes_on, "certificates", "certificate never entered", None),
    (records.certificate_of_another_case, "certificates", "certificate of another case", 19),
    (records.salt_withheld, "subjects", "no salt and no certificate", 2),
    (records.salts_of_another_log, "subjects", "salts of another log", None),
    (records.salt_changed, "subjects", "subject:key", 18),
    (records.block_of_another_case, "subjects", "subject of another case", 18),
    (records.salts_of_a_damaged_case, "subjects", "damaged salt", None),
    (records.changed_twice, "history", "revision twice", 18),
    (records.revision_skipped, "history", "revision missing", 18),
    (records.revision_skipped, "history", "revision never entered", 18),
    (records.begun_in_the_middle, "history", "does not follow", 18),
    (records.begun_in_the_middle, "history", "revision missing", 18),
    (records.changed_on_something_else, "history", "not what was entered", 18),
    (records.shown_something_else, "history", "not what was entered", 18),
    (records.shown_what_never_was, "history", "revision never entered", 18),
    (records.shown_an_old_record, "history", "old record shown", 18),
    (records.shown_an_old_record_in_an_earlier_entry, "history", "old record shown", 20),
    (records.refused_and_changed, "history", "changed though refused", 18),
    (records.record_changed, "reconciliation", "changed behind the ledger", 4),
    (records.record_rolled_back, "reconciliation", "changed behind the ledger", 12),
    (records.person_changed, "reconciliation", "changed behind the ledger", 4),
    (records.person_removed, "reconciliation", "gone", 4),
    (records.record_removed, "reconciliation", "gone", 12),
    (records.record_added, "reconciliation", "never entered", None),
    (records.erased_and_still_there, "reconciliation", "gone", 11),
    (records.erased_without_a_certificate, "reconciliation", "certificate missing or changed", None),
    (records.record_damaged, "reconciliation", "damaged record", None),
    (records.digests_of_another_log, "reconciliation", "digests of another log", None),
]


@pytest.mark.parametrize(("tamper", "name", "word", "number"), WAYS, ids=lambda one: getattr(one, "__name__", None))
def test_it_is_found(tamper: Callable[[], Tampered], name: str, word: str, number: int | None) -> None:
    report = judged(*tamper())
    assert report.exit_code == 1
    assert not report.is_to_be_remembered
    faults = [(one.word, one.place.entry) for one in report.of(name).faults]
    assert (word, number) in faults, {one.name: one.faults + one.gaps for one in report.checks}


def test_every_check_that_can_fail_is_seen_to_fail() -> None:
    silent = {"form", "beyond"}  # the first by the tests of whole bundles, the other proves nothing
    assert {name for _, name, _, _ in WAYS} == set(states(judged(*as_it_is(a_world())))) - silent


# ── what is not tampering ──


def findings(report: Report) -> dict[str, list[str]]:
    return {one.name: words(report, one.name) for one in report.checks if words(report, one.name)}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    report = judged(*as_it_is(a_world()))
    assert findings(report) == {}
    assert report.exit_code == 0
    assert report.is_to_be_remembered
    assert set(states(report).values()) == {"pass", "none"}


def test_an_opening_may_be_behind_what_others_entered_as_far_as_clocks_may() -> None:
    world = a_world()
    world.open(at=time_text(world.now - timedelta(minutes=5)))
    assert findings(judged(*as_it_is(world))) == {}


def test_a_log_that_goes_on_under_another_name_has_the_same_streams() -> None:
    """After a restart of the signer the log is named anew; what was opened before stays, and so does what follows."""
    world, renamed = a_world(), SignerKey(f"{ORIGIN}/2", Ed25519PrivateKey.from_private_bytes(b"s" * 32))
    world.open()
    name = renamed.public.name
    info = json.loads(Parts.of(world).info) | {"origin": name}
    bundle = world.bundle(
        info=encode(info), checkpoint=signed(world.entries, renamed, WITNESS, origin=name), stamps=[]
    )  # fmt: skip
    salts, digests = read_salts(world.salts(origin=name)), read_digests(world.digests(origin=name))
    report = judged(bundle, world.brought(
        log_key=renamed.public, remembered=None, is_first=True, salts=salts, digests=digests, roots=[],
    ))  # fmt: skip
    assert (findings(report), report.exit_code) == ({}, 0)


def test_without_a_readable_checkpoint_nobody_knows_of_which_log_the_streams_are() -> None:
    assert words(judged(*ways.no_checkpoint_at_all()), "events") == ["no checkpoint"]


def test_a_process_that_did_not_know_yet_may_seal_to_the_auditors_before() -> None:
    world = a_world()
    world.later(40)
    world.open(auditors=[KEY])
    world.auditors = [KEY, SECOND, STRANGER]
    world.announce(STRANGER, stream=world.open())
    world.open(auditors=[KEY])
    assert findings(judged(*as_it_is(world))) == {}


def test_a_look_while_a_change_is_made_may_be_entered_after_it() -> None:
    world = a_world()
    world.later(50)
    world.look("case-2", 1)
    assert findings(judged(*as_it_is(world))) == {}


def test_an_attempt_that_was_rolled_back_leaves_no_gap() -> None:
    world = a_world()
    stream = world.streams[-1]
    stream.attempt({"v": 1}, (), world.now)
    stream.roll_back()
    world.tell("keys:status")
    assert findings(judged(*as_it_is(world))) == {}


def test_two_changes_whose_order_in_the_log_is_not_that_of_the_record() -> None:
    """Two processes, one moment: the log may have the second change first."""
    world = a_world()
    one, other = world.open(), world.open()
    world.change("case-1", "went on", one)
    world.change("case-1", "and on", other)
    world.entries[-2:] = reversed(world.entries[-2:])
    assert findings(judged(*as_it_is(world))) == {}


def test_the_same_person_may_be_recorded_again() -> None:
    world = a_world()
    world.identify("case-1", "P-1", "who she really is")
    assert findings(judged(*as_it_is(world))) == {}


def test_an_erasure_after_the_checkpoint_is_not_to_be_held_against_anybody() -> None:
    world = a_world()
    world.change("case-4", "opened")
    size = len(world.entries)
    world.erase("case-4")
    info: dict[str, Value] = {
        "v": 1,
        "origin": ORIGIN,
        "exported_at": time_text(BEGIN),
        "waiting": 0,
        "after": 1,
        "held": [],
    }
    bundle = world.bundle(entries=world.entries[:size], info=encode(info))
    report = judged(bundle, world.brought())
    assert report.exit_code == 2
    assert findings(report) == {
        "certificates": ["certificate not entered yet"], "reconciliation": ["digests newer than the bundle"],
    }  # fmt: skip


@pytest.mark.parametrize("how", ["no digests", "digests of later", "unlisted", "entries unread"])
def test_a_certificate_whose_entry_may_come_later_is_not_held_against_anybody(how: str) -> None:
    bundle, brought = records.certificate_never_entered_though_the_log_goes_on()
    world = a_world()
    lines = records.digests_with_a_certificate_more(world)
    later = records.digests_with_a_certificate_more(world, len(world.entries) + 1)
    digests = {"no digests": None, "digests of later": read_digests(later), "unlisted": read_digests(world.digests())}
    keys = [SECOND] if how == "entries unread" else [KEY]
    brought = replace(brought, keys=keys, digests=digests.get(how, read_digests(lines)))
    check = judged(bundle, brought).of("certificates")
    assert [one.word for one in check.faults if one.word == "certificate never entered"] == []
    assert "certificate not entered yet" in {one.word for one in check.gaps}


def test_digests_without_salts_tell_which_certificates_must_have_an_entry() -> None:
    bundle, brought = records.certificate_never_entered_though_the_log_goes_on()
    digests = read_digests(records.digests_with_a_certificate_more(a_world()))
    report = judged(bundle, replace(brought, salts=None, digests=digests))
    assert words(report, "certificates") == ["certificate never entered"]
    assert words(report, "reconciliation") == ["no salts"]


def test_what_was_entered_after_the_digests_does_not_count() -> None:
    world = a_world()
    digests = world.digests()
    world.change("case-1", "went on")
    world.change("case-5", "opened")
    report = judged(*as_it_is(world, digests=read_digests(digests)))
    assert findings(report) == {}


def test_many_faults_are_counted_and_a_few_listed() -> None:
    world = a_world()
    for _ in range(MOST_LISTED + 7):
        world.look("case-1", before="ab" * 32)
    report = judged(*as_it_is(world))
    check = report.of("history")
    assert (len(check.faults), check.found["fault"]) == (MOST_LISTED, MOST_LISTED + 7)
