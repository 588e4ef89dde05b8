"""The tables of ``policies/tests``: every row holds, and whatever stands in no row is denied."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.access.listing import parts_listed
from engine.access.model import ROLES, Role, Verdict
from engine.access.standings import NONE, STANDINGS, Situation
from engine.service.desk import Desk, kept
from engine.service.participation import case_file, ended_after
from engine.store.work import Work
from tests.access.policy_tables import COLUMNS, FOLDER, Question, Row, gate, judged, questions, read, tables
from tests.access.random_worlds import NOW, draw, write
from tests.service.desks import play_desk

Rows = dict[str, list[Row]]
Record = tuple[Any, ...]
TICK = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def by_action() -> Rows:
    """Give the rows that speak of an action."""
    found: Rows = defaultdict(list)
    for row in tables():
        for action in row.actions:
            found[action].append(row)
    return found


def amiss(asked: Question, verdict: Verdict, rows: list[Row]) -> Iterator[str]:
    """What a verdict says that the rows do not: each row about it must hold, and without one it is a refusal."""
    told = f"{asked[2]} of {asked[0]}: {verdict}"
    if verdict.fault is not None:
        yield f"a fault, {told}"
    if verdict.allowed and not rows:
        yield f"permitted, and in no row: {told}"
    for row in rows:
        if verdict != row.verdict:
            yield f"{row.place} expects {row.told['expect']} by {row.told['decided_by'] or 'nothing'}: {told}"


def about(asked: Question, rows: list[Row], allowed: bool) -> list[Row]:
    """The rows that speak of this. A second role changes nothing where no row with a plus says so."""
    one, kind, action = asked
    found = [row for row in rows if row.covers(asked)]
    if one.held is None or found:
        return found
    found = [row for row in rows if row.covers((replace(one, held=None), kind, action))]
    return [row for row in found if row.is_allowed or allowed]


def compared(role: Role, by_action: Rows, *, every: bool) -> tuple[int, set[str]]:
    """Hold what is decided about one role to the rows; returns how much was asked, and which rows spoke."""
    spoke: set[str] = set()
    wrong: list[str] = []
    asked = 0
    for question, verdict in judged(gate(), questions(role, every=every)).items():
        rows = about(question, by_action.get(question[2], []), verdict.allowed)
        wrong += amiss(question, verdict, rows)
        spoke |= {row.place for row in rows}
        asked += 1
    assert wrong[:20] == []
    return asked, spoke


@pytest.mark.parametrize("role", ROLES)
def test_every_row_holds_and_whatever_stands_in_no_row_is_denied(role: Role, by_action: Rows) -> None:
    asked, spoke = compared(role, by_action, every=False)
    assert asked > 2_000
    mine = {row.place for row in tables() if role in {one for one, _ in row.people}}
    assert mine - spoke == set()


def test_a_table_lists_for_whom_it_speaks_and_from_where_it_comes() -> None:
    assert [path.name for path in FOLDER.glob("*.csv")]
    for path in FOLDER.glob("*.csv"):
        assert path.read_bytes().startswith(b"\xef\xbb\xbf"), f"{path.name}: a spreadsheet guesses the encoding"
    for row in tables():
        clauses = [clause for name in row.policies for clause in gate().policy(name).clauses]
        source = "; ".join(dict.fromkeys(clauses)) or ("deployer" if row.policies else NONE)
        assert row.told["source"] == source, row.place
        effects = {gate().policy(name).effect for name in row.policies}
        assert effects <= {"permit" if row.is_allowed else "forbid"}, row.place
        assert row.policies == tuple(sorted(row.policies)), row.place
        assert row.policies or not row.is_allowed, row.place
    chapters = {path.stem for path in FOLDER.glob("*.csv")}
    assert chapters == {one.chapter for one in gate().policies}


def test_a_class_that_is_needed_opens_no_other() -> None:
    one = Situation("caseworker", "police", also="needed")
    asked = [f"disclose_{name}" for name in gate().classes]
    for name in gate().classes:
        found = gate().judged(one.who(), asked, one.about("Case", (name,)))
        assert {action for action, verdict in found.items() if verdict.allowed} == {f"disclose_{name}"}


@pytest.mark.parametrize(
    ("column", "word"),
    [("who", "caseworker; chief"), ("who", "caseworker+chief"), ("unit", "near"), ("case", "reponsible"), ("when", ""),
     ("purpose", "curiosity"), ("also", "glas"), ("action", "see_cases"), ("expect", "permit")],
)  # fmt: skip
def test_a_word_that_is_none_is_told_with_its_place(tmp_path: Path, column: str, word: str) -> None:
    line = {**tables()[0].told, column: word}
    path = tmp_path / "one.csv"
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(line[name] for name in COLUMNS) + "\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"one\.csv:2"):
        list(read(path))


# ── the same rows, asked of the lists ──


def standings_on_record(hers: str, names: tuple[str, ...]) -> dict[str, list[Record]]:
    """A case for each standing of a unit, in the order of the words, as the database has it."""
    ends = {"now": None, "ended_inside": ended_after(NOW) + TICK, "ended_beyond": ended_after(NOW) - TICK}
    rows: dict[str, list[Record]] = {"participation": [], "case_unit": []}
    for name, (case, when) in zip(names, STANDINGS, strict=True):
        if case == "none" or (case, when) == ("receiving", "ended_inside"):
            continue  # an offer that was declined leaves no row
        until, since = ends[when], ended_after(NOW) - timedelta(days=30)
        for part in case.split("+"):
            rows["participation"].append((name, hers, part, "rescue", "searching", "", "900101", since, until))
        rows["case_unit"].append((name, hers, since, until, case == "responsible"))
    return rows


@contextmanager
def every_standing(url: str) -> Iterator[tuple[Desk, Work, str, dict[str, tuple[str, str]]]]:
    """A desk, what it reads, a unit, and the cases to which it has every standing of the words."""
    world, rows = draw(Random(5), len(STANDINGS))
    hers = next(one.id for one in world.today() if world.lineage(one.id) == [one.id])
    with play_desk(url) as desk:
        with kept(desk.database) as work:
            work.save_directory(world.units)
        desk.forget()
        write(desk.database, {**rows, **standings_on_record(hers, world.cases)})
        with desk.database.reading() as work:
            yield desk, work, hers, dict(zip(world.cases, STANDINGS, strict=True))


def is_listed(role: Role, kind: str, action: str, stands: tuple[str, str], rows: Rows) -> bool:
    """Whether some row permits this."""
    asked = (Situation(role, case=stands[0], when=stands[1]), kind, action)
    return any(row.is_allowed and row.covers(asked) for row in rows[action])


def test_the_lists_hold_what_the_tables_let_be_seen(database_url: str, by_action: Rows) -> None:
    with every_standing(database_url) as (desk, work, hers, cases):
        for role in ROLES:
            who = replace(Situation(role).who(), unit=hers)
            seen = {name for name, stands in cases.items() if is_listed(role, "Case", "see_case", stands, by_action)}
            files = [case_file(desk, name, work, NOW) for name in cases]
            assert {file.id for file in files if file and gate().decide(who, "see_case", file).allowed} == seen, role
            assert bool(seen) == is_listed(role, "Installation", "list_cases", STANDINGS[0], by_action)
            parts: frozenset[str] = parts_listed(gate(), who)
            pages = [work.case_page([hers], parts, ended_after(NOW), None, 99, ended=at) for at in (False, True)]
            assert {line.id for page in pages for line in page.lines} == seen, role
            assert len(seen) in (0, 10)


@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
def test_every_row_holds_in_every_situation(role: Role, by_action: Rows) -> None:
    assert compared(role, by_action, every=True)[0] > 100_000
