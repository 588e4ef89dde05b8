"""Of a class that is withheld nothing comes out: not in a sheet, a timeline, a list, a file, a reason, nor on the wire.

Every class of the case holds a value that stands nowhere else, so that it is found wherever it gets out.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer import testing
from typer.testing import CliRunner

import api.world
from api.cli import app
from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import NotPermitted, Refused
from engine.service import attachments, lists, read
from engine.service.handle import handle
from tests.service.access.acts import READING_FILES, SEEING, TAKING_PART
from tests.service.access.worlds import (
    CLASSES,
    GLASS,
    SEARCHED,
    STAYING_SINCE,
    WORDS,
    World,
    actor,
)
from tests.service.inspection import as_owner
from tests.service.ledger.opening import Book
from tests.service.test_by_class import listening
from tests.signed import keep_sign_in

_ALL = frozenset(CLASSES)
_THE_STEP = frozenset({"basic", "administrative", "family", "health", "contact"})
"""What every unit of the step in progress needs: what always is, what its moves look at, what its form asks for."""
READS: Mapping[str, frozenset[str]] = {
    "own": _THE_STEP | {"dna", "free_text"},
    "lead": _THE_STEP | {"free_text"},
    "cooperating": _THE_STEP,
    "referred": _THE_STEP,
    "ended lately": _THE_STEP | {"dna", "free_text"},
    "referral over": _THE_STEP,
    "receiving": frozenset({"basic"}),
    GLASS: _ALL,
}
"""The classes that a caseworker sees, by how her unit stands: DNA stays with the police, free text with who leads."""
SEEN_BY = tuple(READS)
MORE: Mapping[str, tuple[str, ...]] = {"placement": (STAYING_SINCE,), "family": (SEARCHED,)}
"""What else the case holds of a class. References of persons are made up, and lie in the structure of the case."""
SAID_BY_OTHERS = "said-by-another-unit"


def words_of(field_class: str) -> tuple[str, ...]:
    """What gives a class away."""
    return (WORDS[field_class], *MORE.get(field_class, ()))


def withheld_words(stands: str) -> list[str]:
    """What somebody may come across nowhere."""
    return [word for name in sorted(_ALL - READS[stands]) for word in words_of(name)]


def found_in(text: str, stands: str) -> list[str]:
    """What came out that must not."""
    return [word for word in withheld_words(stands) if word in text]


def plain(value: object) -> str:
    """Everything a value holds, as text."""
    return f"{value!r} {msgspec.json.encode(value, enc_hook=repr).decode()}"


LOOKS: Mapping[str, Callable[[World, Any], object]] = {
    "show": lambda world, by: read.show(world.desk, world.case, by),
    "timeline": lambda world, by: read.timeline(world.desk, world.case, by),
    "moves": lambda world, by: read.moves(world.desk, world.case, by),
    "attachments": lambda world, by: attachments.listed(world.desk, world.case, by),
    "cases": lambda world, by: lists.cases_of(world.desk, by),
    "worklist": lambda world, by: lists.worklist(world.desk, by),
}


@pytest.mark.parametrize("stands", SEEN_BY)
def test_no_look_shows_a_value_that_is_withheld(world: World, stands: str) -> None:
    by, shown = actor("caseworker", stands), 0
    for name, look in LOOKS.items():
        try:
            text = plain(look(world, by))
        except NotPermitted as refused:
            text = plain([refused.zh, refused.en, repr(refused.details)])
        else:
            shown += 1
        assert found_in(text, stands) == [], name
    assert shown >= (len(LOOKS) if stands in READING_FILES else 3)


@pytest.mark.parametrize("stands", SEEN_BY)
def test_what_is_disclosed_is_shown_and_what_is_not_is_named_with_its_policy(world: World, stands: str) -> None:
    book = Book.at(world.desk)
    sheet = read.show(world.desk, world.case, actor("caseworker", stands))
    assert {line.field_class for line in sheet.facts} == READS[stands]
    text = plain(sheet.facts)
    assert [name for name in sorted(READS[stands]) if WORDS[name] not in text] == []
    assert {one.field_class for one in sheet.withheld} == _ALL - READS[stands]
    for one in sheet.withheld:
        assert (one.policies == ()) == ("no policy permits it" in one.why.en)
        expected = ("dna-stays-with-police",) if one.field_class == "dna" else ()
        if stands == "receiving":
            expected = (*expected, "only-basic-before-accepting")
        assert one.policies == expected, one.field_class
    assert sheet.is_preview == (stands == "receiving")
    (concerned,) = book.only().subjects
    assert concerned is not None
    assert (concerned.case, concerned.field_classes) == (world.case, READS[stands])


@pytest.mark.parametrize("stands", [stands for stands in SEEN_BY if stands != "receiving"])
def test_an_event_names_what_was_withheld_in_it(world: World, stands: str) -> None:
    lines = read.timeline(world.desk, world.case, actor("caseworker", stands))
    named = frozenset[str]().union(*(line.recorded.withheld for line in lines))
    assert named == _ALL - READS[stands]
    text = plain([line.recorded.event for line in lines])
    assert [name for name in sorted(READS[stands]) if WORDS[name] not in text] == []


@pytest.mark.parametrize("stands", SEEN_BY)
def test_no_row_of_a_class_that_is_withheld_comes_out_of_the_database(
    world: World, stands: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = dict(_sealed_rows(world))
    assert set(sealed.values()) == _ALL
    by = actor("caseworker", stands)
    for name, look in LOOKS.items():
        if name == "moves":
            continue  # judged on everything the case knows, as a move is; what is told of it is tested above
        with listening(monkeypatch) as heard:
            _quietly(look, world, by)
        values = [bytes(one) for row in heard for one in row if isinstance(one, bytes | memoryview)]
        assert heard, name
        assert {sealed[one] for one in values if one in sealed} <= READS[stands], name
        if name == "show":
            assert {sealed[one] for one in values if one in sealed} == READS[stands]


def _sealed_rows(world: World) -> Iterator[tuple[bytes, str]]:
    """Yield what is sealed of every class, in the case and in its events."""
    for table in ("case_fact", "case_event_part"):
        select = f"SELECT field_class, sealed FROM {table} WHERE case_id = %s"
        for row in as_owner(world.database, select, values=(world.case,))[0]:
            yield bytes(row["sealed"]), row["field_class"]


def _quietly(look: Callable[[World, Any], object], world: World, by: object) -> None:
    with suppress(NotPermitted):
        look(world, by)


def test_a_file_is_written_out_for_nobody_who_may_not_read_free_text(world: World) -> None:
    for stands in sorted(SEEING):
        out, by = io.BytesIO(), actor("caseworker", stands)
        if stands in READING_FILES:
            attachments.copy_out(world.desk, world.case, world.attachment, out, by)
            assert WORDS["free_text"] in out.getvalue().decode()
            continue
        with pytest.raises(NotPermitted):
            attachments.copy_out(world.desk, world.case, world.attachment, out, by)
        assert out.getvalue() == b""


@pytest.mark.parametrize("stands", ["own", "ended lately", "ended long ago"])
def test_the_reasons_of_a_refusal_tell_no_value_that_is_withheld(world: World, stands: str) -> None:
    with pytest.raises(Refused) as refused:
        handle(world.desk, cmd.Close(case=world.case, outcome="recovered"), actor("caseworker", stands))
    assert [reason.code for reason in refused.value.reasons] == ["supported"]
    assert WORDS["support"] not in plain(refused.value.reasons)


def _corrected(world: World) -> list[read.TimelineLine]:
    """What somebody is told who corrects what another unit said, of a class that is withheld from her."""
    case = world.do(cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True})).case
    stated = cmd.Contribute(case=case, track="rescue", facts={"psychological.word": SAID_BY_OTHERS})
    world.do(stated, actor("caseworker", "lead"))
    answer = world.do(cmd.Correct(case=case, fact="psychological.word", value="said-anew", reason="misheard"))
    return read.happened(world.desk, answer)


def test_what_a_command_came_to_is_told_in_words_without_what_others_said(world: World) -> None:
    (line,) = _corrected(world)
    assert line.recorded.kind == "fact_corrected"
    assert SAID_BY_OTHERS not in plain(line.said)


def test_what_a_command_came_to_is_handed_out_without_what_others_said(world: World) -> None:
    (line,) = _corrected(world)
    assert SAID_BY_OTHERS not in plain(line.recorded.event)


# ── the command line ──


SAID: Mapping[str, tuple[str, ...]] = {
    "show": ("case", "show"), "timeline": ("case", "timeline"), "moves": ("case", "moves", "--explain"),
    "hand-offs": ("case", "hand-offs"), "replay": ("case", "replay"), "attachments": ("case", "attachments"),
}  # fmt: skip


@pytest.fixture
def guitu(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Give the command line, at the desk of the world, signed in as whoever acts."""
    file = tmp_path / "sign-in.json"
    monkeypatch.setenv("GUITU_SIGN_IN_FILE", str(file))
    monkeypatch.setattr(api.world.World, "desk", property(lambda _: world.desk))
    monkeypatch.setattr(testing, "_get_command", cache(testing._get_command))  # type: ignore[attr-defined]

    def run(by: Actor, *words: str, language: str = "en") -> Any:
        if not file.exists():
            keep_sign_in(world.desk, by.person, file)
        words = (*words, "--as", f"@{by.unit}")
        return CliRunner().invoke(app, ["--language", language, *words])

    return run


@pytest.mark.parametrize("stands", SEEN_BY)
def test_the_command_line_prints_no_value_that_is_withheld(
    world: World, guitu: Callable[..., Any], stands: str
) -> None:
    by = actor("caseworker", stands)
    for name, words in SAID.items():
        for more in (("--json",), ()):
            done = guitu(by, *words, world.case, *more, language="zh" if more else "en")
            assert done.exit_code in (0, NotPermitted.exit_code), (name, done.stderr, done.exception)
            assert (done.exit_code == 0) == _may(name, stands), (name, done.stderr)
            assert found_in(done.stdout + done.stderr, stands) == [], name
            if name == "show":
                assert WORDS["basic"] in done.stdout


def _may(name: str, stands: str) -> bool:
    if stands == GLASS:
        return True
    if name == "attachments":
        return stands in READING_FILES
    return name in ("show", "hand-offs") or stands in TAKING_PART
