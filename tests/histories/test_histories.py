"""Recorded cases replay to what they were: no later change of the code silently changes an old case."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.case import evolve
from engine.core.events import EVENTS
from engine.service.content import read_events, write_event
from engine.store.cases import EventRow
from engine.vault.keys import CaseKey
from engine.vault.suite import fresh_key
from tests.histories.recorded import files, read


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_recorded_history_makes_the_same_case_as_then(path: Path) -> None:
    history, case = read(path)
    assert evolve(None, history, case_id=case.id) == case


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_recorded_history_reads_the_same_out_of_the_record_room(path: Path) -> None:
    history, case = read(path)
    key = CaseKey(case.id, {1: fresh_key()})
    rows = [
        EventRow(item.number, 1, item.at, item.kind, item.unit, item.person, write_event(item, case.id, key))
        for item in history
    ]
    assert read_events(rows, case.id, key) == history


def test_every_definition_has_a_history_and_every_kind_of_event_is_in_one() -> None:
    names = {path.stem.split("-")[0] for path in files()}
    assert {"play", "fujian", "anshan"} <= names
    kinds = {item.kind for path in files() for item in read(path)[0]}
    assert set(EVENTS) <= kinds
