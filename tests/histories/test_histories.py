"""Recorded cases replay to what they were: no later change of the code silently changes an old case."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.case import evolve
from engine.core.definition import Definition
from engine.core.events import EVENTS, FactsRecorded
from engine.service.by_class import changed_compartments, put_together, structure_of
from engine.service.content import read_events, write_event
from engine.store.cases import EventRow
from engine.vault.keys import CaseKey
from engine.vault.suite import fresh_key
from tests.core.walk import worlds
from tests.histories.recorded import files, read


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_recorded_history_makes_the_same_case_as_then(path: Path) -> None:
    history, case = read(path)
    assert evolve(None, history, case_id=case.id) == case


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_recorded_history_reads_the_same_out_of_the_record_room(path: Path) -> None:
    history, case = read(path)
    key, book = CaseKey(case.id, {1: fresh_key()}), _book(path)
    rows, parts = [], []
    for item in history:
        body, said = write_event(item, case.id, book, key)
        rows.append(EventRow(item.number, 1, item.at, item.kind, item.unit, item.person, body))
        parts += said
    again = read_events(rows, parts, case.id, key)
    assert again == history
    assert evolve(None, again, case_id=case.id) == case
    for item, before in zip(again, history, strict=True):
        assert list(item.judged) == list(before.judged), "what a step rested on stays in its order"
    structure = read_events(rows, (), case.id, key, ())
    assert {name for item in structure for name in item.withheld} == {part.field_class for part in parts}
    assert not any(isinstance(item.event, FactsRecorded) and item.event.facts for item in structure)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_recorded_case_is_put_together_again_from_its_field_classes_in_its_order(path: Path) -> None:
    _history, case = read(path)
    parts = changed_compartments(None, case, _book(path))
    again = put_together(structure_of(case), parts.values())
    assert again == case
    assert (list(again.facts), list(again.documents)) == (list(case.facts), list(case.documents))
    assert changed_compartments(case, case, _book(path)) == {}


def _book(path: Path) -> Definition:
    """The definition of that name as it is today: of a fact that it has no more, it does not know the class."""
    return worlds()[path.stem.split("-")[0]].rules.definition


def test_every_definition_has_a_history_and_every_kind_of_event_is_in_one() -> None:
    names = {path.stem.split("-")[0] for path in files()}
    assert {"play", "fujian", "anshan"} <= names
    kinds = {item.kind for path in files() for item in read(path)[0]}
    assert set(EVENTS) <= kinds
