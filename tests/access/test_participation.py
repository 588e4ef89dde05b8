"""Who takes part in a case, what the steps need, and how both are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from engine.access.model import PARTS
from engine.access.needs import ALWAYS, need_of, needs
from engine.access.participation import UNSERVED, PartRow, changes, file_of, header_of, opener_of, parts_of
from engine.core import commands as cmd
from engine.core.case import Case
from engine.core.definition import Duty
from engine.core.directory import Directory
from engine.definitions.loader import load_all
from engine.errors import HistoryBroken
from engine.service.participation import project, refresh
from engine.store import participation_tables
from engine.store.database import Database
from engine.store.participation import Taking
from engine.store.statements import Statement
from engine.store.tables import TABLES
from tests.core.play import READY, RULES, START, Game, directory, unit

BOOK = RULES.definition
SEARCHING = {
    PartRow("police-a", "responsible", "rescue", "searching"),
    PartRow("health", "joint_lead", "rescue", "searching", "health", "900101"),
    PartRow("justice", "cooperating", "rescue", "searching", "justice", "900101"),
}
OFFERED = PartRow("civil-a", "receiving", "rescue", "placed")
PLACED = {PartRow("civil-a", "responsible", "rescue", "placed")}


def offered() -> Game:
    """A child's case whose next step is offered to civil affairs."""
    game = Game().open(**READY)
    game.act(cmd.Move(case="GT-1", track="rescue", move="place"))
    return game


def parts(game: Game) -> frozenset[PartRow]:
    """Who takes part in the case of a game now."""
    return parts_of(game.now, BOOK, game.units)


# ── what a step needs ──


def test_a_step_needs_what_its_moves_ask_for_look_at_and_set() -> None:
    known = needs(BOOK)
    assert known["rescue", "searching"].writes == ALWAYS | {"family", "free_text"}
    assert known["rescue", "placed"].writes == ALWAYS | {"placement", "free_text"}
    assert known["rescue", "settled"].reads == known["aid", "applied"].reads == ALWAYS


def test_with_whom_a_carer_is_compared_is_not_needed_for_it() -> None:
    assert all("buyer_family" not in need.reads for need in needs(BOOK).values())


def test_what_a_duty_of_the_track_looks_at_is_read_and_not_written() -> None:
    looks_at = {"all": [{"track": "aid", "reached": ["applied"]}, {"fact": "crime.solved", "known": True}]}
    duty = Duty.model_validate({**BOOK.duties["aid_offered"].model_dump(by_alias=True), "arises": looks_at})
    book = BOOK.model_copy(update={"duties": {"aid_offered": duty}})
    need = needs(book)["aid", "applied"]
    assert (need.reads, need.writes) == (ALWAYS | {"investigation"}, ALWAYS)


def test_a_step_that_is_none_needs_the_least() -> None:
    assert need_of(BOOK, None, "", "").reads == ALWAYS


def test_in_what_ships_no_step_needs_everything_and_only_the_police_need_dna() -> None:
    asked = 0
    for loaded in load_all().definitions:
        book = loaded.definition
        classes = {fact.field_class for fact in book.facts.values()}
        for (track, step), need in needs(book, loaded.hash).items():
            asked += 1
            assert need.writes <= need.reads < classes | ALWAYS
            assert "dna" not in need.reads or book.tracks[track].steps[step].responsible == "police"
    assert asked > 400


# ── who takes part ──


def test_the_holder_and_whoever_leads_or_cooperates_take_part() -> None:
    assert parts(Game().open()) == SEARCHING


def test_whoever_is_offered_a_step_receives_it_and_takes_it_over_by_accepting() -> None:
    game = offered()
    assert parts(game) == {*SEARCHING, OFFERED}
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    assert parts(game) == PLACED
    assert changes(frozenset({*SEARCHING, OFFERED}), parts(game)).ended == {*SEARCHING, OFFERED}


def test_a_whole_case_that_is_offered_has_no_step() -> None:
    game = Game().open()
    game.act(cmd.OfferTransfer(case="GT-1", to_unit="civil-n", area="800000"))
    assert parts(game) - SEARCHING == {PartRow("civil-n", "receiving")}


def test_a_unit_that_was_referred_to_takes_part_in_the_step_as_it_goes_on() -> None:
    game = Game().open(**READY)
    game.act(cmd.Refer(case="GT-1", track="rescue", to_unit="police-b"))
    assert PartRow("police-b", "referred", "rescue", "searching") in parts(game)
    game.act(cmd.Move(case="GT-1", track="rescue", move="place"))
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    assert PartRow("police-b", "referred", "rescue", "placed") in parts(game)


def test_nobody_takes_part_in_a_closed_case() -> None:
    case = offered().now
    assert parts_of(replace(case, status="closed"), BOOK, directory()) == frozenset()


def test_a_function_that_nobody_serves_is_kept_open() -> None:
    units = directory()
    without = Directory(units.jurisdictions, {name: one for name, one in units.units.items() if name != "health"})
    found = parts_of(Game().open().now, BOOK, without)
    assert PartRow(UNSERVED, "joint_lead", "rescue", "searching", "health", "900101") in found


def test_the_record_room_knows_the_same_parts(store: Database) -> None:
    assert participation_tables.PARTS == PARTS
    keep(store, None, Game().open().now, START)
    with store.writing() as work, pytest.raises(HistoryBroken):
        work.save_parts("GT-1", [Taking("health", "onlooker", "", "", "", "")], (), START)


# ── the case as the policies see it ──


def test_a_case_file_says_who_takes_part_and_what_they_read() -> None:
    case, units = offered().now, directory()
    file = file_of(header_of(case), {*SEARCHING, OFFERED}, case.units, BOOK, units)
    assert file.parts == {
        "responsible": {"police-a"}, "joint_lead": {"health"}, "cooperating": {"justice"}, "receiving": {"civil-a"},
    }  # fmt: skip
    assert file.areas == ("900101", "900000")
    assert file.ever == {"police-a"}
    assert file.readers["basic"] == {"police-a", "health", "justice", "civil-a"}
    assert file.readers["family"] == {"police-a", "health", "justice"}
    assert file.readers["free_text"] == {"police-a", "health"}
    assert file.writers["free_text"] == {"police-a", "health", "justice"}
    assert "buyer_family" not in file.readers
    assert "placement" not in file.readers


def test_a_merged_unit_is_its_successor_in_a_case_file() -> None:
    merged = unit("police-a", "900101", "police", merged_into="police-b")
    units = directory(merged)
    case = offered().now
    file = file_of(header_of(case), {*SEARCHING, PartRow(UNSERVED, "joint_lead", "aid", "applied")}, ["police-a"],
                   BOOK, units)  # fmt: skip
    assert file.parts["responsible"] == file.ever == {"police-b"}
    assert UNSERVED not in file.parts["joint_lead"]


# ── on record ──


@pytest.fixture
def store(database_url: str) -> Iterator[Database]:
    """Give the record room as the engine runs it."""
    with Database.open(database_url) as opened:
        yield opened


def keep(store: Database, before: Case | None, after: Case, now: datetime, units: Directory | None = None) -> Case:
    """Put a case on record after a command, with who takes part."""
    after = replace(after, revision=(before.revision if before else 0) + 1)
    with store.writing() as work:
        work.pin_definition(RULES.hash, "play", "1", b"{}", START)
        work.save_case(before, after, b"", [], [])
        project(before, after, BOOK, units or directory(), now=now, work=work)
        work.commit()
    return after


def counting(store: Database, ended_after: datetime) -> set[PartRow]:
    """The participations that count."""
    with store.reading() as work:
        found, _ = work.counting("GT-1", ended_after)
    return {PartRow(one.unit, one.part, one.track, one.step, one.function, one.area) for one in found}  # type: ignore[arg-type]


def rolled_up(store: Database) -> dict[str, tuple[datetime, datetime | None, bool]]:
    """What is on record for each unit; the same as the participations come to."""
    part, of_unit = TABLES["participation"], TABLES["case_unit"]
    with store.reading() as work:
        rows = work.wire.rows(Statement(select(part.c.unit, part.c.part, part.c.since, part.c.until)))
        kept = work.wire.rows(Statement(select(of_unit.c.unit, of_unit.c.since, of_unit.c.until, of_unit.c.is_holder)))
    told: dict[str, tuple[datetime, datetime | None, bool]] = {}
    for name in {row[0] for row in rows} - {UNSERVED}:
        own = [row for row in rows if row[0] == name]
        ends = [row[3] for row in own]
        until = None if None in ends else max(ends)
        told[name] = (max(row[2] for row in own), until, any(row[1] == "responsible" for row in own))
    assert told == {name: (since, until, bool(is_holder)) for name, since, until, is_holder in kept}
    return told


def test_participations_begin_and_end_with_the_case(store: Database) -> None:
    game = Game().open(**READY)
    case = keep(store, None, game.now, START)
    assert counting(store, START) == SEARCHING
    game.act(cmd.Move(case="GT-1", track="rescue", move="place"))
    case = keep(store, case, game.now, START + timedelta(hours=1))
    assert counting(store, START) == {*SEARCHING, OFFERED}
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    at = START + timedelta(hours=2)
    keep(store, case, game.now, at)
    assert counting(store, at) == PLACED
    assert counting(store, at - timedelta(microseconds=1)) == {*SEARCHING, *PLACED}
    assert rolled_up(store) == {
        "police-a": (START, at, True), "health": (START, at, False), "justice": (START, at, False),
        "civil-a": (at, None, True),
    }  # fmt: skip


def test_whoever_declines_an_offer_has_no_more_to_see(store: Database) -> None:
    game = offered()
    case = keep(store, None, game.now, START)
    assert "civil-a" in rolled_up(store)
    game.act(cmd.Decline(case="GT-1", hand_off=game.hand_off(), reason="not_ours"), "civil-a")
    keep(store, case, game.now, START + timedelta(hours=1))
    assert counting(store, START - timedelta(days=1)) == {*SEARCHING, opener_of(case)}
    assert "civil-a" not in rolled_up(store)


def test_whoever_opened_a_case_keeps_it_for_the_window_only(store: Database) -> None:
    case = replace(Game().open().now, tracks={})
    keep(store, None, case, START)
    assert counting(store, START - timedelta(microseconds=1)) == {opener_of(case)}
    assert counting(store, START) == set()
    with store.reading() as work:
        assert work.counting("GT-1", START)[1] == {"police-a"}


def test_what_begins_again_goes_on_in_its_row(store: Database) -> None:
    game = offered()
    case = keep(store, None, game.now, START)
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    placed = keep(store, case, game.now, START + timedelta(hours=1))
    again = replace(placed, tracks=case.tracks, hand_offs={})
    keep(store, placed, again, START + timedelta(hours=1))  # at the same instant
    assert counting(store, START + timedelta(hours=1)) == SEARCHING
    assert rolled_up(store)["police-a"] == (START + timedelta(hours=1), None, True)


def test_a_change_of_who_takes_part_in_nothing_writes_nothing(store: Database) -> None:
    case = keep(store, None, Game().open().now, START)
    noted = replace(case, events=case.events + 1)
    with store.writing() as work:
        monitored = replace(noted, tracks=dict(noted.tracks))

        def refuse(*_: object) -> None:
            raise AssertionError("nothing is written")

        work.save_parts = work.going_on = refuse  # type: ignore[method-assign, assignment]
        project(case, noted, BOOK, directory(), now=START, work=work)
        project(case, monitored, BOOK, directory(), now=START, work=work)
        with pytest.raises(AssertionError):
            project(case, replace(noted, status="closed"), BOOK, directory(), now=START, work=work)


def test_a_relocated_case_is_led_jointly_by_whoever_serves_its_new_area(store: Database) -> None:
    units = directory(unit("health-b", "900102", "health"))
    game = Game(units=units).open()
    case = keep(store, None, game.now, START, units)
    game.act(cmd.Relocate(case="GT-1", area="900102", reason="moved"))
    keep(store, case, game.now, START + timedelta(hours=1), units)
    found = counting(store, START + timedelta(hours=1))
    assert PartRow("health-b", "joint_lead", "rescue", "searching", "health", "900102") in found
    assert PartRow("justice", "cooperating", "rescue", "searching", "justice", "900102") in found
    assert "health" not in {one.unit for one in found}


def changed(store: Database, old: Directory, new: Directory) -> set[PartRow]:
    """Who takes part an hour later, after the directory changed."""
    with store.writing() as work:
        refresh(work, old, new, START + timedelta(hours=1))
        work.commit()
    rolled_up(store)
    return counting(store, START + timedelta(hours=1))


def test_a_new_unit_takes_over_what_the_directory_found_for_another(store: Database) -> None:
    keep(store, None, Game().open().now, START)
    new = directory(unit("health-a", "900101", "health"))
    leads = PartRow("health-a", "joint_lead", "rescue", "searching", "health", "900101")
    assert changed(store, directory(), new) == {leads, *(one for one in SEARCHING if one.unit != "health")}
    assert rolled_up(store)["health"] == (START, START + timedelta(hours=1), False)
    assert rolled_up(store)["health-a"] == (START + timedelta(hours=1), None, False)


def test_a_function_is_served_from_the_day_a_unit_has_it(store: Database) -> None:
    units = directory()
    without = Directory(units.jurisdictions, {name: one for name, one in units.units.items() if name != "health"})
    keep(store, None, Game(units=without).open().now, START, without)
    assert UNSERVED not in rolled_up(store)
    assert changed(store, without, units) == SEARCHING
    assert {one.unit for one in changed(store, units, without)} == {"police-a", "justice", UNSERVED}


def test_a_merged_unit_keeps_its_parts(store: Database) -> None:
    keep(store, None, Game().open().now, START)
    merged = directory(unit("health", "900000", "health", merged_into="hygiene"), unit("hygiene", "900000", "health"))
    assert changed(store, directory(), merged) == SEARCHING
    assert changed(store, merged, merged) == SEARCHING
