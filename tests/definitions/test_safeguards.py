"""The table of safeguards: what a definition gives is entered twice, and any difference is found where it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.definitions.check import check_file, check_library
from engine.definitions.checks.sources import PARTNERS
from engine.definitions.finding import Finding, Findings
from engine.definitions.given import never_passed_by
from engine.definitions.loader import jurisdiction_files, load_all, shipped_root
from engine.definitions.proof.catching import Known, flaws_of_shape
from engine.definitions.proof.edits import DROPPED, changed
from engine.definitions.safeguards import Safeguards, read_table, table_of
from engine.definitions.scenario import scenario_files

CHINESE = re.compile(r"[㐀-鿿]")
DEFINITION = "tiny/2020.1.yaml"
TABLE = "tiny/safeguards/2020.1.yaml"
WRITTEN = """\
definition: tiny@2020.1
states:
  - by: [police]
    facts: [search.found]
changes: [search.began]
declines:
  tracks: [search]
  duties: [comfort]
requests:
  asked:
    - by: any
      tracks: [search]
  by_itself: [placement]
  again: []
opens_records:
  victim: [police]
closes:
  archive: {by: [civil_affairs], needs_duties: true}
settings:
  waiting_days: {default: 30}
  strict:
    default: false
    switches:
      tracks.placement: [moves.place.requires.waited]
answers:
  police:
    steps: [search.searching]
    duties: [comfort]
  civil_affairs:
    steps: [placement.waiting]
acts: []
deadlines:
  waiting_days:
    steps: [search.searching]
figures:
  waiting_days:
    tracks.placement: [moves.place.requires.waited]
bans:
  no_buyer_family:
    held: requirements
    by:
      tracks.placement: [moves.place.requires.not_the_buyers]
ways:
  search:
    ended: {past: [searching], by: {end: [searching]}}
  placement:
    placed: {past: [waiting], by: {place: [waiting]}}
labels: {}
"""
"""The table of the small definition as the fixture below changes it."""
HELD_BY_NOBODY = "  no_buyer_family:\n    held: open\n    held_by: {zh: 尚无, en: Nothing yet}\n    title"
PRINTED = 'basis: ["3"]\n            provenance: printed'
Slip = tuple[str, str, str, str, str]
"""A file, what is written there, what somebody writes instead, the code, and the section that finds it."""


@pytest.fixture
def root(root: Path) -> Path:
    """Give the small root with its table, and with something to say in every section."""
    replace(
        root / "templates/vocabulary.yaml",
        "Whether found}, type: bool,",
        "Whether found}, type: bool, stated_by: [police],",
    )
    replace(
        root / "templates/vocabulary.yaml", "Search began}, type: date,", "Search began}, type: date, changes: true,"
    )
    replace(root / "templates/tracks/search.yaml", "start: searching", "declinable: true\nstart: searching")
    replace(root / DEFINITION, "    by: police\n    arises", "    by: police\n    declinable: true\n    arises")
    (root / TABLE).parent.mkdir()
    (root / TABLE).write_text(WRITTEN, encoding="utf-8")
    return root


def replace(path: Path, old: str, new: str) -> None:
    """Replace words in a file, once."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def findings(root: Path) -> list[Finding]:
    """Return everything that is wrong under a root."""
    return list(check_library(root).findings)


def test_a_definition_that_gives_what_its_table_says_is_green(root: Path) -> None:
    assert [found.text() for found in findings(root)] == []


# ── a definition that slipped ──


@pytest.mark.parametrize(
    "slip",
    [
        ("templates/vocabulary.yaml", "stated_by: [police]", "stated_by: [police, civil_affairs]", "differs", "states"),
        ("templates/vocabulary.yaml", " stated_by: [police],", "", "not_given", "states"),
        ("templates/vocabulary.yaml", "carer: {title", "carer: {changes: true, title", "not_listed", "changes"),
        ("templates/tracks/search.yaml", "declinable: true", "declinable: false", "not_given", "declines"),
        (DEFINITION, "    declinable: true\n", "", "not_given", "declines"),
        ("templates/tracks/search.yaml", "on_request: any", "on_request: [police]", "differs", "requests"),
        ("templates/tracks/search.yaml", "on_request: any", "on_request: any, again: true", "not_listed", "requests"),
        (DEFINITION, "victim: [police]", "victim: [police, civil_affairs]", "differs", "opens_records"),
        (DEFINITION, "by: [civil_affairs]}", "by: [civil_affairs, police]}", "differs", "closes"),
        (DEFINITION, "by: [civil_affairs]}", "by: [civil_affairs], needs_duties: false}", "differs", "closes"),
        ("templates/vocabulary.yaml", "default: false", "default: true", "differs", "settings"),
        (DEFINITION, "            setting: strict\n", "", "not_given", "settings"),
        (DEFINITION, "waiting: {by: civil_affairs", "waiting: {provenance: deployer, by: police", "differs", "answers"),
        ("templates/tracks/search.yaml", ", due: waiting_days", "", "not_given", "deadlines"),
        (DEFINITION, "at_least: {parameter: waiting_days}", "at_least: 29", "not_listed", "figures"),
        (DEFINITION, "when: {fact: search.found, is: false}", "when: {actor: [police]}", "not_listed", "acts"),
        (DEFINITION, "  no_buyer_family:\n    title", HELD_BY_NOBODY, "differs", "bans"),
        (DEFINITION, "            prohibition: no_buyer_family\n", "", "not_given", "bans"),
        (DEFINITION, PRINTED, PRINTED.replace("printed", "reading"), "not_listed", "labels"),
    ],
)  # fmt: skip
def test_each_section_finds_a_slip(root: Path, slip: Slip) -> None:
    name, old, new, code, where = slip
    replace(root / name, old, new)
    found = [one for one in findings(root) if one.code == f"safeguard_{code}" and one.where.startswith(where)]
    assert found, [one.text() for one in findings(root)]
    lines = WRITTEN.splitlines()
    begin = next(number for number, line in enumerate(lines, start=1) if line.startswith(f"{where}:"))
    end = next((number for number in range(begin + 1, len(lines) + 1) if lines[number - 1][0] != " "), len(lines) + 1)
    assert all(begin <= one.line < end and one.file.endswith(TABLE) for one in found)
    assert all(CHINESE.search(one.zh) and CHINESE.search(one.right_zh) and one.right_en for one in found)


def test_a_short_cut_is_found_though_every_step_is_there(root: Path) -> None:
    short_cut = "      short: {title: {zh: 捷径, en: Short cut}, from: waiting, to: placed, provenance: deployer}\n"
    replace(root / DEFINITION, "    moves:\n      place:\n", f"    moves:\n{short_cut}      place:\n")
    [found] = findings(root)
    assert (found.code, found.line, found.where) == ("safeguard_not_listed", 47, "ways.placement.placed")


def test_the_finding_names_the_line_of_the_definition_too(root: Path) -> None:
    replace(root / DEFINITION, "victim: [police]", "victim: [civil_affairs]")
    [found] = findings(root)
    assert (found.code, found.line) == ("safeguard_differs", 16)
    assert "2020.1.yaml:13;" in found.right_en
    assert "the definition gives civil_affairs, the table police" in found.en


# ── a table that slipped ──


@pytest.mark.parametrize(
    ("old", "new", "line", "meant"),
    [
        ("facts: [search.found]", "facts: [search.foundd]", 4, "search.found"),
        ("by: [police]\n", "by: [plice]\n", 4, "police"),
        ("changes: [search.began]", "changes: [serch.began]", 5, "search.began"),
        ("tracks: [search]", "tracks: [serch]", 7, "search"),
        ("duties: [comfort]", "duties: [comfrt]", 8, "comfort"),
        ("by_itself: [placement]", "by_itself: [placemnt]", 13, "placement"),
        ("archive: {by", "archve: {by", 18, "archive"),
        ("  strict:\n", "  strct:\n", 21, "strict"),
        ("requires.waited]", "requires.wated]", 24, "tracks.placement.moves.place.requires.waited"),
        ("steps: [search.searching]", "steps: [search.serching]", 27, "searching"),
        ("  no_buyer_family:", "  no_buyer_famly:", 39, "no_buyer_family"),
        ("    placed: {past", "    placd: {past", 47, "placed"),
        ("by: {place:", "by: {plce:", 47, "place"),
    ],
)
def test_a_name_that_the_definition_does_not_know_is_answered_with_the_one_that_was_meant(
    root: Path, old: str, new: str, line: int, meant: str
) -> None:
    replace(root / TABLE, old, new)
    strange = [one for one in findings(root) if one.code == "safeguard_unknown_name"]
    assert strange, [one.text() for one in findings(root)]
    assert (strange[0].line, f"`{meant}`" in strange[0].right_en) == (line, True), strange[0].text()


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("changes: [search.began]", "changes: [search.began, carer]", "safeguard_not_given", 5),
        ("changes: [search.began]", "changes: [search.began, search.began]", "safeguard_twice", 5),
        ("changes: [search.began]", "changes: []", "safeguard_not_listed", 5),
        ("definition: tiny@2020.1", "definition: tiny@2021.1", "safeguards_of_another", 1),
        ("definition: tiny@2020.1", "definition: tiny", "bad_name", 1),
        ("labels: {}\n", "", "missing_key", 1),
        ("again: []", "agian: []", "missing_key", 9),
    ],
)
def test_a_table_that_says_more_less_or_nothing_readable_is_refused(
    root: Path, old: str, new: str, code: str, line: int
) -> None:
    replace(root / TABLE, old, new)
    assert (code, line) in [(one.code, one.line) for one in findings(root)]
    assert (code, line) in [(one.code, one.line) for one in check_file(root / TABLE)]


def test_where_one_definition_has_a_table_every_one_must(root: Path) -> None:
    text = (root / DEFINITION).read_text(encoding="utf-8").replace('"2020.1"', '"2020.2"')
    (root / "tiny/2020.2.yaml").write_text(text, encoding="utf-8")
    [found] = findings(root)
    assert (found.code, found.line) == ("safeguards_missing", 3)
    assert found.right_en.endswith("tiny/safeguards/2020.2.yaml.")
    (root / TABLE).unlink()
    assert findings(root) == []


def test_a_table_of_nothing_is_refused_and_one_of_a_broken_definition_says_nothing_more(root: Path) -> None:
    replace(root / DEFINITION, "start: waiting", "start: [")
    assert [one.code for one in findings(root)] == ["broken_yaml"]
    (root / DEFINITION).unlink()
    assert [one.code for one in findings(root)] == ["safeguards_of_another"]


def test_a_file_alone_is_held_against_its_table_where_there_is_one(root: Path) -> None:
    replace(root / DEFINITION, "victim: [police]", "victim: [civil_affairs]")
    assert [one.code for one in check_file(root / DEFINITION)] == ["safeguard_differs"]
    (root / TABLE).unlink()
    assert check_file(root / DEFINITION) == []


# ── what is derived, and what a clause prints ──


def test_units_that_the_clauses_do_not_print_are_found_in_a_flattened_definition() -> None:
    library = load_all()
    loaded = library.get("fujian")
    known = Known(library.inventory_of(loaded), frozenset(), frozenset())
    held = {
        ("tracks", name, "steps", key, side)
        for name, track in loaded.definition.tracks.items()
        for key, step in track.steps.items()
        for side in ("joint_leads", "cooperating", "printed_responsible")
        if getattr(step, side)
    }
    assert {path[-1] for path in held} == {"joint_leads", "cooperating", "printed_responsible"}
    for path in {path[-1]: path for path in sorted(held)}.values():
        wrong = flaws_of_shape(changed(loaded.definition, path, DROPPED), known)
        assert (PARTNERS, ".".join(path)) in [(one.code, one.where) for one in wrong]


def test_a_printed_time_limit_is_a_time_limit_of_something_that_cites_it(root: Path) -> None:
    replace(root / "clauses/tiny-2020.yaml", "force: duty, topic: search", "force: duty_deadline, topic: search")
    assert findings(root) == []
    replace(root / "templates/tracks/search.yaml", ", due: waiting_days", "")
    assert "time_limit_not_encoded" in [one.code for one in findings(root)]


def test_no_way_passes_by_what_stands_on_every_way() -> None:
    tracks = load_all().get("fujian").definition.tracks
    assert never_passed_by(tracks["archive"], "archived") == ["registering", "keeping"]
    assert "rescuing" not in never_passed_by(tracks["rescue"], "rescued")


# ── what ships ──


def test_every_shipped_definition_has_a_table_and_none_is_taken_for_a_definition_or_a_story() -> None:
    root = shipped_root()
    files = jurisdiction_files(root)
    assert [path for path in files if not table_of(path).is_file()] == []
    assert not {table_of(path) for path in files} & {*files, *scenario_files(root)}


def test_no_section_of_the_shipped_tables_is_always_empty() -> None:
    """A section that no definition fills would be a check nobody has seen to work."""
    tables = [read_table(table_of(path), Findings()) for path in jurisdiction_files(shipped_root())]
    assert all(tables)
    for section in Safeguards.model_fields:
        assert any(getattr(table.safeguards, section) for table in tables if table), section
