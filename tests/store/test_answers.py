"""Answers, refusals, definitions and settings are kept as they were given."""

from __future__ import annotations

import pytest

from engine.errors import StaleRevision
from engine.store.answers import KeptAnswer
from engine.store.database import Database
from tests.store.story import NOON

DIGEST = "d" * 64


def test_the_first_answer_under_a_key_is_found_again(store: Database) -> None:
    with store.writing() as work:
        assert work.find_answer("u", "k") is None
        work.keep_answer("u", "k", DIGEST, "c1", 3, b"\x00answer", NOON)
        work.commit()
    with store.reading() as work:
        assert work.find_answer("u", "k") == KeptAnswer(DIGEST, "c1", 3, b"\x00answer")
        assert work.find_answer("other unit", "k") is None


def test_a_second_answer_under_a_key_is_stale(store: Database) -> None:
    _keep(store, b"first")
    with pytest.raises(StaleRevision):
        _keep(store, b"second")
    with store.reading() as work:
        found = work.find_answer("u", "k")
    assert found is not None
    assert found.answer == b"first"


def _keep(store: Database, answer: bytes) -> None:
    with store.writing() as work:
        work.keep_answer("u", "k", DIGEST, "c1", 3, answer, NOON)
        work.commit()


def test_a_refusal_is_on_record_even_for_a_case_that_never_was(store: Database) -> None:
    with store.writing() as work:
        for code in ("case_unknown", "not_holder"):
            work.record_refusal("nowhere", NOON, "move", "police-1", "officer-7", code, b"reasons")
        work.record_refusal(None, NOON, "open_case", "police-1", "officer-7", "not_holder", b"")
        work.commit()
    with store.reading() as work:
        found = work.refusals_of("nowhere")
    assert [(row.code, row.at, row.body) for row in found] == [
        ("case_unknown", NOON, b"reasons"),
        ("not_holder", NOON, b"reasons"),
    ]
    assert found[0].id < found[1].id


def test_a_pinned_definition_stays_as_it_was_first_kept(store: Database) -> None:
    with store.writing() as work:
        for body in (b"first", b"second"):
            work.pin_definition("h", "fujian", "1", body, NOON)
        work.commit()
    with store.reading() as work:
        assert (work.pinned_definition("h"), work.pinned_definition("other")) == (b"first", None)


def test_a_setting_holds_any_json_value_and_the_last_one_counts(store: Database) -> None:
    with store.writing() as work:
        for name, value in {"days": 30, "on": True, "code": "甲", "days2": 7}.items():
            work.set_setting("fujian", name, value, set_by="p", set_at=NOON)
        work.set_setting("fujian", "days", 45, set_by="q", set_at=NOON)
        work.commit()
    with store.reading() as work:
        assert work.settings_of("fujian") == {"days": 45, "on": True, "code": "甲", "days2": 7}
        assert work.settings_of("anshan") == {}
