"""Case content by field class: what is withheld is not read, and what is read is what the case vouches for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any, get_type_hints

import pytest

from engine.core import commands as cmd
from engine.core import events as ev
from engine.errors import ContentUnreadable, HistoryBroken
from engine.service.by_class import (
    FREE_TEXTS,
    STRICTEST,
    class_of_document,
    class_of_fact,
    class_of_judged,
    structure_of,
)
from engine.service.content import Mark, case_in_plain, seal_compartment
from engine.service.desk import Desk
from engine.service.filing import file_case
from engine.service.known import Known, history, load_with_key, read_classes
from engine.store.compartments import CompartmentRows
from engine.store.statements import Statement, Values
from engine.store.wires import Wire
from engine.vault.keys import CaseKey, Cell
from tests.conftest import Database
from tests.core.play import READY, RULES
from tests.service.desks import ask, opened
from tests.service.inspection import Row, as_owner, check_whole, key_of, without_the_guard, written_in
from tests.service.sealed_world import HERE, rotating

BOOK = RULES.definition
ALL = {"basic", "family", "placement", "buyer_family"}
"""The classes of the case that the tests are about."""
FULL = {**READY, "stay.since": "2026-01-04"}


@pytest.fixture
def case(desk: Desk) -> str:
    """A case of several classes, with a paper and a note."""
    made = opened(desk, **FULL)
    ask(desk, cmd.Contribute(case=made, track="rescue", documents=("report",), note="behind the grey mill"))
    return made


def known(desk: Desk, case: str, classes: Collection[str] | None = None) -> Known:
    """The case as it is loaded with these classes."""
    with desk.database.reading() as work:
        return load_with_key(desk, case, work, for_update=False, classes=classes)


def told(desk: Desk, case: str, classes: Collection[str] | None = None) -> list[ev.Recorded]:
    """What happened to it, as far as these classes go."""
    with desk.database.reading() as work:
        return history(load_with_key(desk, case, work, for_update=False, classes=()), work, classes)


def compartments(database: Database) -> dict[str, Row]:
    """The rows of case facts by class, of a database with one case."""
    return {row["field_class"]: row for row in as_owner(database, "SELECT * FROM case_fact")[0]}


@contextmanager
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """Give the list that fills with every row that comes out of the database."""
    heard: list[tuple[Any, ...]] = []
    rows, row = Wire.rows, Wire.row

    def all_heard(self: Wire, statement: Statement, values: Values = ()) -> list[tuple[Any, ...]]:
        found = rows(self, statement, values)
        heard.extend(found)
        return found

    def one_heard(self: Wire, statement: Statement, values: Values = ()) -> tuple[Any, ...] | None:
        found = row(self, statement, values)
        heard.extend([found] if found is not None else [])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Wire, "rows", all_heard)
        patch.setattr(Wire, "row", one_heard)
        yield heard


# ── what is withheld is not read ──


def test_of_the_classes_not_asked_for_no_row_comes_out_of_the_database(
    desk: Desk, database: Database, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = known(desk, case)
    assert whole.classes == ALL
    for classes in ((), ("basic",), ("family", "placement"), ("dna",)):
        _check_withheld(desk, database, whole, classes, monkeypatch)


def _check_withheld(
    desk: Desk, database: Database, whole: Known, classes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing sealed of another class comes out, nor anything it says."""
    case = whole.case.id
    with listening(monkeypatch) as heard:
        some = known(desk, case, classes)
        events = told(desk, case, classes)
    withheld = {bytes(row["sealed"]) for name, row in compartments(database).items() if name not in classes}
    (parts,) = as_owner(database, "SELECT * FROM case_event_part")
    withheld |= {bytes(row["sealed"]) for row in parts if row["field_class"] not in classes}
    assert len(withheld) > 4
    assert not withheld & {bytes(value) for row in heard for value in row if isinstance(value, bytes | memoryview)}

    assert some.withheld == ALL.difference(classes)
    assert some.classes == ALL.intersection(classes)
    assert some.case.facts == {
        name: fact for name, fact in whole.case.facts.items() if BOOK.facts[name].field_class in classes
    }
    assert some.case.documents == (whole.case.documents if "family" in classes else {})
    assert structure_of(some.case) == structure_of(whole.case)
    assert set().union(*(one.withheld for one in events)) == (ALL | {"free_text"}).difference(classes)


def test_reading_does_not_need_the_rows_of_a_class_that_is_withheld(desk: Desk, database: Database, case: str) -> None:
    as_owner(database, "DELETE FROM case_fact WHERE field_class = 'buyer_family'")
    without_the_guard(database, "DELETE FROM case_event_part WHERE field_class = 'buyer_family'")
    rest = ALL - {"buyer_family"}
    assert known(desk, case, rest).withheld == {"buyer_family"}
    assert told(desk, case, {*rest, "free_text"})
    for classes in (None, {"buyer_family"}):
        with pytest.raises(ContentUnreadable):
            known(desk, case, classes)
        with pytest.raises(HistoryBroken):
            told(desk, case, classes)


def test_the_structure_first_and_then_the_classes_is_the_same_as_all_at_once(desk: Desk, case: str) -> None:
    whole = known(desk, case)
    with desk.database.reading() as work:
        step = load_with_key(desk, case, work, for_update=False, classes=())
        assert [*step.case.facts, *step.case.documents] == []
        assert step.withheld == ALL
        for classes in ({"placement"}, {"family", "basic", "dna"}, None):
            step = read_classes(desk, step, classes, work)
    assert step == whole
    assert list(step.case.facts) == list(whole.case.facts), "in the order in which the case came to know them"


def test_an_event_says_what_was_withheld_in_it_and_the_rest_as_it_was(desk: Desk, case: str) -> None:
    ask(desk, cmd.Correct(case=case, fact="search.result", value="found", reason="behind the blue house"))
    whole, some = told(desk, case), told(desk, case, ("basic", "placement"))
    assert not any(one.withheld for one in whole)
    (noted,) = [one for one in some if isinstance(one.event, ev.NoteAdded)]
    assert noted.event == ev.NoteAdded("rescue", "")
    assert noted.withheld == frozenset({"free_text"})
    (corrected,) = [one for one in some if isinstance(one.event, ev.FactCorrected)]
    assert corrected.event == ev.FactCorrected("", "", "", "")
    assert corrected.withheld == frozenset({"family", "free_text"})
    stated = {name for one in some if isinstance(one.event, ev.FactsRecorded) for name in one.event.facts}
    assert {BOOK.facts[name].field_class for name in stated} == {"basic", "placement"}
    for one, other in zip(whole, some, strict=True):
        assert (one.number, one.kind, one.clauses, one.unit) == (other.number, other.kind, other.clauses, other.unit)
        assert {name: one.judged[name] for name in other.judged} == other.judged
        hidden = {class_of_judged(BOOK, name) for name in one.judged.keys() - other.judged.keys()}
        assert hidden <= other.withheld


def test_the_guard_values_of_a_move_are_withheld_with_the_facts_they_come_from(desk: Desk, case: str) -> None:
    ask(desk, cmd.Move(case=case, track="rescue", move="place", documents=("statement",)))
    (offered,) = [one for one in told(desk, case) if isinstance(one.event, ev.HandOffOffered)]
    (withheld,) = [one for one in told(desk, case, ()) if isinstance(one.event, ev.HandOffOffered)]
    assert {"carer", "buyers"} <= offered.judged.keys()
    assert {"carer", "buyers"}.isdisjoint(withheld.judged)
    assert {"family", "buyer_family"} <= withheld.withheld
    assert withheld.event == offered.event, "who asks whom for what is structure"


# ── the case vouches for every class ──


def test_the_digest_is_the_same_however_much_was_read_and_another_when_any_class_changes(desk: Desk, case: str) -> None:
    digests = {known(desk, case, classes).digest for classes in (None, (), ("basic",), ALL)}
    assert len(digests) == 1
    structure = known(desk, case, ())
    key = structure.key
    for field_class, mark in structure.marks.items():
        changed = {**structure.marks, field_class: Mark(mark.revision, key.compartment_digest(field_class, b"{}"))}
        assert key.ledger_digest(case_in_plain(structure.case, changed)) not in digests
    assert {key.ledger_digest(case_in_plain(structure.case, structure.marks))} == digests


def test_a_class_put_back_from_an_earlier_day_is_noticed_when_it_is_read(
    desk: Desk, database: Database, case: str
) -> None:
    old = compartments(database)["family"]
    ask(desk, cmd.Contribute(case=case, track="rescue", facts={"search.result": "found"}))
    for row in (old, {**old, "revision": compartments(database)["family"]["revision"]}):
        as_owner(
            database, "UPDATE case_fact SET sealed = %s, revision = %s WHERE field_class = 'family'",
            values=(row["sealed"], row["revision"]),
        )  # fmt: skip
        assert known(desk, case, ("basic", "placement")).withheld == {"family", "buyer_family"}
        with pytest.raises(ContentUnreadable):
            known(desk, case, ("family",))
        with pytest.raises(ContentUnreadable):
            ask(desk, cmd.Contribute(case=case, track="rescue", note="seen"))


def test_a_class_that_was_sealed_with_the_right_key_by_somebody_else_is_noticed_too(
    desk: Desk, database: Database, case: str
) -> None:
    key, row = key_of(desk, case), compartments(database)["basic"]
    cell = Cell("case_fact", f"{case}/basic", "sealed", row["revision"])
    forged = key.unseal(bytes(row["sealed"]), cell).replace(b"true", b"false")
    act = "UPDATE case_fact SET sealed = %s WHERE field_class = 'basic'"
    as_owner(database, act, values=(key.seal(forged, cell),))
    with pytest.raises(ContentUnreadable):
        known(desk, case)


def test_a_row_in_another_place_does_not_open(desk: Desk, database: Database, case: str) -> None:
    opened(desk)
    put = "UPDATE case_fact SET sealed = %s WHERE field_class = 'basic' AND case_id = %s"
    own = "SELECT sealed FROM case_fact WHERE field_class = %s AND case_id = %s"
    mine, of_another_class = (
        as_owner(database, own, values=(name, case))[0][0]["sealed"] for name in ("basic", "family")
    )
    of_another_case = as_owner(database, own.replace("case_id =", "case_id <>"), values=("basic", case))[0][0]["sealed"]
    for sealed in (of_another_class, of_another_case):
        as_owner(database, put, values=(sealed, case))
        with pytest.raises(ContentUnreadable):
            known(desk, case)
    as_owner(database, put, values=(mine, case))
    assert known(desk, case).classes == ALL
    as_owner(database, "INSERT INTO case_fact VALUES (%s, 'dna', 1, %s)", values=(case, b"a row nobody vouches for"))
    with pytest.raises(ContentUnreadable):
        known(desk, case)


def test_what_opens_and_is_no_content_is_one_clear_error(desk: Desk, database: Database, case: str) -> None:
    structure = known(desk, case, ())
    row, mark = seal_compartment("no compartment", "basic", 1, structure.key)  # type: ignore[arg-type]
    marks = {**structure.marks, "basic": mark}
    with desk.database.writing() as work:
        work.keep_compartments(case, [row])
        with pytest.raises(HistoryBroken):
            read_classes(desk, replace(structure, marks=marks), ("basic",), work)


# ── how it lies there ──


def test_only_the_classes_that_changed_are_written_anew(desk: Desk, database: Database, case: str) -> None:
    before = compartments(database)
    ask(desk, cmd.Contribute(case=case, track="rescue", facts={"search.result": "found"}))
    after = compartments(database)
    assert {name for name in after if after[name] != before[name]} == {"family"}
    ask(desk, cmd.Contribute(case=case, track="rescue", note="seen"))
    assert compartments(database) == after
    check_whole(desk, database)


def test_an_event_of_no_class_leaves_no_part(desk: Desk, database: Database, case: str) -> None:
    (before,) = as_owner(database, "SELECT * FROM case_event_part")
    ask(desk, cmd.Assign(case=case, track="rescue", person="officer-9"))
    (after,) = as_owner(database, "SELECT * FROM case_event_part")
    assert after == before


def test_nothing_of_a_class_lies_in_the_structure_or_in_clear(desk: Desk, database: Database, case: str) -> None:
    ask(desk, cmd.Correct(case=case, fact="search.result", value="found", reason="behind the blue house"))
    (record,) = as_owner(database, "SELECT * FROM case_record")[0]
    key = key_of(desk, case)
    plain = [key.unseal(bytes(record["content"]), Cell("case_record", case, "content", record["revision"]))]
    for row in as_owner(database, "SELECT * FROM case_event")[0]:
        if row["kind"] in ("facts_recorded", "note_added", "fact_corrected", "documents_filed"):
            plain.append(key.unseal(bytes(row["body"]), Cell("case_event", case, "body", row["number"])))
    assert len(plain) > 4
    words = (b"grey mill", b"blue house", b"not_found", b"2026-01-04")
    for word in (*words, b'"found"', b'"report"', b"P-BUYER"):
        assert not any(word in one for one in plain[1:]), word
    assert not any(word in plain[0] for word in (*words, b'"found"', b'"report"'))
    stored = written_in(database)
    assert not any(word in stored for word in words)


def test_a_rotation_seals_every_class_anew_and_the_digest_stays(desk: Desk, database: Database, case: str) -> None:
    before, rows = known(desk, case), compartments(database)
    assert [*rotating(desk).run("case_key", HERE)][-1].finished
    desk.safe.forget()
    after = known(desk, case)
    assert (after.case, after.digest, after.marks) == (before.case, before.digest, before.marks)
    now = compartments(database)
    assert all(bytes(now[name]["sealed"]) != bytes(row["sealed"]) for name, row in rows.items())
    assert {name: row["revision"] for name, row in now.items()} == {name: row["revision"] for name, row in rows.items()}
    old = CaseKey(case, {1: after.key._secrets[1]})
    for name, row in now.items():
        with pytest.raises(ContentUnreadable):
            old.unseal(bytes(row["sealed"]), Cell("case_fact", f"{case}/{name}", "sealed", row["revision"]))


def test_a_case_that_was_not_read_whole_is_not_filed(desk: Desk, case: str) -> None:
    some = known(desk, case, ("basic",))
    with pytest.raises(ValueError, match="read whole"), desk.database.writing() as work:
        file_case(some, None, BOOK, some.key, work, units=None, account=None)  # type: ignore[arg-type]


# ── which class ──


def test_every_text_of_an_event_is_a_code_or_is_sealed_with_the_free_texts() -> None:
    """``reason`` of a declined hand-off is a code of the definition; every other such field is somebody's own words."""
    named = {
        (kind, one.name) for kind in ev.EVENTS.values() for one in fields(kind)
        if one.name in ("reason", "text", "note", "period", "name") and get_type_hints(kind)[one.name] is str
    }  # fmt: skip
    assert {(kind, name) for kind, names in FREE_TEXTS.items() for name in names} == named - {
        (ev.HandOffDeclined, "reason")
    }


@pytest.mark.parametrize(
    ("name", "field_class"),
    [
        ("search.result", "family"), ("stay.since", "placement"), ("stay.since:days", "placement"),
        ("document:report", "family"), ("document:unheard_of", STRICTEST), ("unheard_of", STRICTEST),
        ("unheard_of:days", STRICTEST), ("track:rescue", None), ("reached:rescue", None), ("consent:return", None),
        ("person:rescue.found", None), ("actor:functions", None), ("parameter:days", None),
    ],
)  # fmt: skip
def test_the_class_of_what_a_condition_saw(name: str, field_class: str | None) -> None:
    assert class_of_judged(BOOK, name) == field_class


def test_what_a_definition_does_not_know_is_of_the_strictest_class() -> None:
    assert (class_of_fact(BOOK, "unheard_of"), class_of_document(BOOK, "unheard_of")) == (STRICTEST, STRICTEST)


def test_no_statement_is_made_for_no_class() -> None:
    assert CompartmentRows().compartments_of("GT-1", ()) == []
    assert CompartmentRows().event_parts_of("GT-1", ()) == []
