"""The command line: help, shapes of answers, exit codes, languages, plain output."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from api import answers
from api.cli import app
from tests.api.conftest import CIVIL, POLICE, Guitu, found_ledger
from tests.service.town import SOUND, lay_out, write

ROOT = Path(__file__).resolve().parents[2]
RESCUE = (
    "rescue.on=2026-03-01", "victim.is_child=true", "victim.age_years=9", "victim.sex=male", "victim.identity=unclear",
    "victim.origin=unknown", "victim.transnational=false", "intake.route=police_lead",
)  # fmt: skip
Opened = Callable[..., str]


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command there is."""
    here = command or typer.main.get_command(app)
    if not hasattr(here, "commands"):
        yield path
        return
    for name, below in here.commands.items():
        yield from commands(below, (*path, name))


def facts(*pairs: str) -> list[str]:
    return [word for pair in pairs for word in ("--fact", pair)]


# ── help ──


@pytest.mark.parametrize("words", sorted(commands()), ids=" ".join)
def test_every_command_has_help_and_json(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0
    passed_on = words[0] == "audit" and words[1:] in (("verify",), ("open",), ("find",))
    assert f"{'usage: guitu' if passed_on else 'Usage: root'} {' '.join(words)}" in done.stdout
    said = done.stdout.split("\n\n")[1]  # after the usage
    assert len(said.strip()) > (5 if passed_on else 10), "a command says what it does"
    assert words[0] == "bench" or "--json" in done.stdout


def test_without_a_command_there_is_help() -> None:
    assert "definitions" in CliRunner().invoke(app, []).output


@pytest.mark.parametrize(
    "words", [["nonsense"], ["case", "show"], ["--language", "fr", "doctor"], ["case", "duty", "GT-1", "d", "perhaps"]]
)
def test_wrong_usage_exits_with_two(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2


# ── definitions ──


def test_the_list_of_definitions(guitu: Guitu) -> None:
    listed = {one["id"]: one for one in guitu.json("definitions", "list")}
    assert set(listed) >= {"fujian", "anshan"}
    fujian = listed["fujian"]
    assert re.fullmatch(r"[0-9a-f]{64}", fujian["hash"])
    assert {"version", "status", "provenance"} <= set(fujian)
    assert fujian["provenance"]["steps"]["printed"] > 0
    plain = guitu.run("definitions", "list").stdout
    assert f"fujian@{fujian['version']}" in plain
    assert "local setting" in plain


def test_a_definition_whole(guitu: Guitu) -> None:
    shown = guitu.json("definitions", "show", "fujian")
    step = shown["tracks"]["registration"]["steps"]["waiting"]
    assert step["responsible"] == "civil_affairs"
    assert {"joint_leads", "cooperating", "printed_responsible", "printed_cooperating", "basis", "provenance"} <= set(
        step
    )
    version = guitu.json("definitions", "show", f"fujian@{shown['version']}")
    assert version["hash"] == shown["hash"]
    assert "civil_affairs" in guitu.run("definitions", "show", "fujian").stdout
    assert guitu.json("definitions", "show", "atlantis", code=4)["code"] == "definition_unknown"


def test_check_is_green_and_red(guitu: Guitu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path)
    write(tmp_path, "2020.1", *SOUND)
    with monkeypatch.context() as patch:
        patch.setenv("GUITU_WORKFLOWS", str(tmp_path))  # those that ship are proved in tests/definitions/proof
        green = guitu.json("definitions", "check")
    assert (green["ok"], [one["name"] for one in green["checked"]]) == (True, ["tiny@2020.1"])
    bad = ROOT / "tests" / "definitions" / "bad" / "unknown_step.yaml"
    red = guitu.json("definitions", "check", str(bad), code=3)
    assert red["ok"] is False
    assert re.search(r"unknown_step\.yaml:\d+: \w+", red["findings"][0])
    done = guitu.run("definitions", "check", str(bad), code=3)
    assert "unknown_step.yaml:" in done.stderr
    assert done.stdout == ""


def test_check_reads_scenarios_too(guitu: Guitu, tmp_path: Path) -> None:
    path = tmp_path / "scenarios" / "story.yaml"
    path.parent.mkdir()
    path.write_text("scenario: x\nsteps: []\n", encoding="utf-8")
    assert guitu.json("definitions", "check", str(path), code=3)["findings"]


def test_coverage_and_schema(guitu: Guitu) -> None:
    (fujian,) = guitu.json("definitions", "coverage", "fujian")
    assert [fujian["counts"][key] for key in ("core", "gap", "second", "second_gap")] == [55, 0, 26, 0]
    lines = [line.split() for line in guitu.run("definitions", "coverage").stdout.splitlines()]
    assert [line[1:] for line in lines if line[0] == "fujian@2021.1"][1:] == [["second", "26", "0", "26", "0"]]
    assert json.loads(guitu.run("definitions", "schema").stdout)["anyOf"]


# ── a case ──


def test_a_case_from_opening_to_a_hand_off(guitu: Guitu, opened: Opened) -> None:
    case = opened()
    made = guitu.json("case", "move", case, "rescue", "record_rescue", *facts(*RESCUE), *POLICE)
    assert made["revision"] == 2
    assert "moved" in made["happened"]
    assert "placement" in made["opened"]
    sheet = guitu.json("case", "show", case, *POLICE)
    assert {"case", "tracks", "duties", "facts", "hand_offs", "unit_names"} <= set(sheet)
    offers = guitu.json("case", "hand-offs", case, *POLICE)
    tracing = next(one for one in offers if one["track"] == "tracing")
    assert guitu.json("worklist", *CIVIL)["offered"]
    taken = guitu.json("case", "accept", case, tracing["id"].split("/")[1], *CIVIL)
    assert "hand_off_accepted" in taken["happened"]
    assert [one["id"] for one in guitu.json("case", "list", *CIVIL)["cases"]] == [case]
    told = guitu.json("case", "timeline", case, *CIVIL)
    assert [one["number"] for one in told] == list(range(1, len(told) + 1))
    assert guitu.json("case", "replay", case, *CIVIL)["equal"] is True


def test_a_unit_that_is_only_asked_sees_a_preview(guitu: Guitu, opened: Opened) -> None:
    case = opened()
    guitu.run(
        "case",
        "move",
        case,
        "rescue",
        "record_rescue",
        *facts("victim.is_child=false", *RESCUE[2:], RESCUE[0]),
        *POLICE,
    )
    justice = ("--as", "officer-5@gulou-justice")
    preview = guitu.run("case", "show", case, *justice).stdout
    assert "a preview" in preview
    assert "Gulou District Police" in preview
    assert {one["field_class"] for one in guitu.json("case", "show", case, *justice)["facts"]} == {"basic"}
    assert guitu.json("case", "timeline", case, *justice, code=5)["code"] == "not_permitted"


def test_moves_say_what_is_open_and_explain_what_is_not(guitu: Guitu, opened: Opened) -> None:
    case = opened()
    open_now = guitu.json("case", "moves", case, *POLICE)["moves"]
    every = guitu.json("case", "moves", case, "--explain", *POLICE)
    assert all(one["open"] for one in open_now)
    blocked = next(one for one in every["moves"] if one["move"] == "record_rescue")
    assert {reason["code"] for reason in blocked["reasons"]} == {"form_incomplete"}
    assert every["holding"]
    plain = guitu.run("case", "moves", case, "--explain", *POLICE).stdout
    assert "✗ rescue record_rescue" in plain
    assert "not stated" in plain


def test_every_way_to_put_something_on_record(guitu: Guitu, opened: Opened) -> None:
    case = opened("victim.is_child=false")
    guitu.run("case", "move", case, "rescue", "record_rescue", *facts("victim.is_child=false", *(
        one for one in RESCUE if "is_child" not in one
    )), *POLICE)  # fmt: skip
    guitu.run("case", "contribute", case, "placement", "--note", "a note", "--document", "handover_papers", *POLICE)
    guitu.run("case", "consent", case, "return", "--given", *POLICE)
    guitu.run("case", "consent", case, "return", "--refused", "--spoken-by", "representative", *POLICE)
    guitu.run("case", "assign", case, "placement", "--person", "officer-8", *POLICE)
    guitu.run("case", "refer", case, "placement", "--to", "gulou-justice", "--reason", "advice", *POLICE)
    guitu.run("case", "correct", case, "victim.age_years=30", "--reason", "papers seen", *POLICE)
    guitu.run("case", "open-track", case, "legal_aid", *POLICE)
    guitu.run("case", "withdraw", case, _offer(guitu, case, "legal_aid"), *POLICE)
    guitu.run("case", "offer", case, "legal_aid", *POLICE)
    justice = ("--as", "officer-5@gulou-justice")
    guitu.run("case", "decline", case, _offer(guitu, case, "legal_aid"), "--reason", "papers_missing", *justice)
    guitu.run("case", "duty", case, "lenient_handling", "not_applicable", "--reason", "nothing of the kind", *POLICE)
    guitu.run("case", "reverse", case, "rescue", "--reason", "entered by mistake", *POLICE)
    told = guitu.run("case", "timeline", case, *POLICE).stdout
    for words in ("note added", "yes", "no", "assigned", "referred", "corrected", "withdrew", "declined", "reversed"):
        assert words in told, words


def _offer(guitu: Guitu, case: str, track: str) -> str:
    return next(str(one["id"]) for one in guitu.json("case", "hand-offs", case, *POLICE) if one["track"] == track)


def test_a_key_gets_the_first_answer_again(guitu: Guitu) -> None:
    words = ("case", "open", "--area", "350102", "--key", "k-1", *POLICE)
    first, again = guitu.json(*words), guitu.json(*words)
    assert (first["case"], again["repeated"]) == (again["case"], True)
    other = guitu.json("case", "open", "--area", "350121", "--key", "k-1", *POLICE, code=7)
    assert other["code"] == "idempotency_key_reused"


def test_a_record_of_an_office_and_a_crime(guitu: Guitu, opened: Opened) -> None:
    case = opened()
    crime = guitu.json("case", "open", "--scope", "criminal_case", "--area", "350102", *POLICE)["case"]
    assert "criminal_case_linked" in guitu.json("case", "link", case, crime, *POLICE)["happened"]
    office = ("--as", "officer-9@gulou-joint-conference-office")
    assert guitu.json("case", "open", "--scope", "office", "--area", "350102", *office)["revision"] == 1


# ── errors ──


def test_exit_codes_and_codes_of_errors(guitu: Guitu, opened: Opened) -> None:
    case = opened()
    other = ("--as", "officer-9@siming-police")
    for words, code, name in (
        (("case", "show", "GT-NONE", *POLICE), 4, "case_unknown"),
        (("case", "show", case, "--as", "x@no-such-unit"), 4, "unit_unknown"),
        (("case", "move", case, "rescue", "verify", *other), 4, "case_unknown"),
        (("case", "show", case, *other), 4, "case_unknown"),
        (("case", "move", case, "rescue", "resume", *POLICE), 6, "move_impossible"),
        (("case", "move", case, "rescue", "verify", *POLICE), 6, "conditions_unmet"),
        (("case", "accept", case, "99", *POLICE), 6, "hand_off_impossible"),
        (("case", "move", case, "rescue", "verify", "--expect", "9", *POLICE), 7, "stale_revision"),
        (("case", "contribute", case, "rescue", "--fact", "victim.age_years=nine", *POLICE), 2, "command_malformed"),
        (("case", "contribute", case, "rescue", "--fact", "no.such_fact=1", *POLICE), 2, "command_malformed"),
        (("case", "contribute", case, "rescue", "--fact", "no-equals", *POLICE), 2, "command_malformed"),
        (("case", "show", case, "--as", "nobody"), 2, "command_malformed"),
        (("case", "close", case, "somehow", *POLICE), 2, "command_malformed"),
        (("directory", "load", str(guitu.home / "none.yaml")), 3, "directory_broken"),
        (("parameter", "set", "fujian", "no_such", "1", *POLICE), 2, "command_malformed"),
    ):
        assert guitu.json(*words, code=code)["code"] == name, words
        refused = guitu.run(*words, code=code)
        assert refused.stderr.startswith(f"{name}: ")
        assert refused.stdout == ""


def test_a_refusal_lists_every_reason_with_clause_and_provenance_in_words(guitu: Guitu, opened: Opened) -> None:
    case = opened()
    told = guitu.json("case", "close", case, "archive", *POLICE, code=6)
    assert len(told["reasons"]) > 1
    assert {"code", "message", "clauses", "provenance", "provenance_label", "judged"} == set(told["reasons"][0])
    plain = guitu.run("case", "close", case, "archive", *POLICE, code=6).stderr
    assert plain.count("\n  - ") == len(told["reasons"])
    assert "二（二）3; " in plain
    assert "printed]" in plain


def test_a_local_setting_is_called_one(guitu: Guitu, opened: Opened) -> None:
    guitu.run("parameter", "set", "fujian", "papers_at_handover", "true", *POLICE)
    case = opened("victim.is_child=true")
    guitu.run("case", "move", case, "rescue", "record_rescue", *facts(*RESCUE), *POLICE)
    result = ("search.result=not_found", "buyer_family.state=unknown", "buyer_family.persons=", "relatives.found=false")
    guitu.run("case", "contribute", case, "placement", *facts(*result), *POLICE)
    words = ("case", "move", case, "placement", "hand_to_civil_affairs", *POLICE)
    assert "[local setting]" in guitu.run(*words, code=6).stderr
    assert "〔本地设置〕" in guitu.run(*words, code=6, language="zh").stderr
    assert guitu.json(*words, code=6)["reasons"][0]["provenance"] == "deployer"


def test_an_error_never_repeats_a_value(guitu: Guitu, opened: Opened) -> None:
    case = opened()
    done = guitu.run("case", "contribute", case, "rescue", "--fact", "victim.age_years=secret-value", *POLICE, code=2)
    assert "secret-value" not in done.stdout + done.stderr


def test_an_unforeseen_error_is_short_and_says_no_value(
    guitu: Guitu, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = opened()

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret-value")

    monkeypatch.setattr(answers, "handle", fail)
    done = guitu.run("case", "assign", case, "rescue", *POLICE, code=70)
    assert done.stderr == "internal_error: internal error (ZeroDivisionError); the command was not completed\n"
    assert guitu.json("case", "assign", case, "rescue", *POLICE, code=70)["code"] == "internal_error"


# ── installation ──


def test_the_doctor_is_well_and_unwell(guitu: Guitu, tmp_path: Path) -> None:
    found = guitu.json("doctor")
    assert found["ok"] is True
    names = {one["name"] for one in found["checks"]}
    assert {"python", "clock", "definitions", "schema", "database", "journal_mode", "synchronous", "directory"} <= names
    assert Guitu(tmp_path / "nowhere").json("doctor", code=1)["ok"] is False
    assert "at head" in guitu.run("doctor").stdout


def test_the_doctor_warns_of_functions_that_nobody_serves_and_of_what_is_not_released(
    guitu: Guitu, tmp_path: Path
) -> None:
    small = tmp_path / "small.yaml"
    small.write_text(
        "jurisdictions:\n  '350000': {zh: 福建省, en: Fujian, definition: fujian}\n"
        "units:\n  p:\n    jurisdiction: '350000'\n    functions: [police]\n"
        "    names: [{zh: 公安, en: Police, since: 2020-01-01}]\n",
        encoding="utf-8",
    )
    fresh = Guitu(tmp_path / "fresh")
    fresh.run("db", "upgrade", "--trial")
    found_ledger(fresh)
    fresh.run("directory", "load", str(small))
    warned = {one["name"]: one["said"]["en"] for one in fresh.json("doctor")["checks"] if one["state"] == "warn"}
    assert "civil_affairs" in warned["units:350000"]
    assert "guitu definitions release" in warned["released:fujian"]
    refused = guitu.json("directory", "load", str(small), code=3)
    assert "approvers" in refused["message"]


def test_a_world_without_a_schema_says_what_to_do(tmp_path: Path) -> None:
    told = Guitu(tmp_path / "nowhere").json("case", "list", *POLICE, code=8)
    assert told["code"] == "schema_behind"
    assert "guitu db upgrade" in told["message"]
    assert not (tmp_path / "nowhere").exists()


def test_the_directory_by_area(guitu: Guitu) -> None:
    units = guitu.json("directory", "show", "--area", "350102")
    assert {one["area"] for one in units} == {"350102", "350100", "350000"}
    assert "gulou-police" in guitu.run("directory", "show").stdout


def test_parameters_are_local_settings(guitu: Guitu) -> None:
    guitu.run("parameter", "set", "fujian", "stay_before_registration", "60", *POLICE)
    line = next(one for one in guitu.json("parameter", "list", "fujian") if one["name"] == "stay_before_registration")
    assert (line["value"], line["default"], line["is_set"], line["source"]) == (60, 90, True, "deployer")
    assert "本地设置" in guitu.run("parameter", "list", "fujian", language="zh").stdout
    told = guitu.json("parameter", "set", "fujian", "stay_before_registration", "soon", *POLICE, code=2)
    assert told["code"] == "command_malformed"


# ── languages, output ──


def test_the_language_is_switched_by_option_and_environment(guitu: Guitu, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "没有个案" in guitu.run("case", "show", "GT-1", *POLICE, code=4, language="zh").stderr
    assert "no case" in guitu.run("case", "show", "GT-1", *POLICE, code=4, language="en").stderr
    monkeypatch.setenv("GUITU_LANGUAGE", "en")
    monkeypatch.setenv("GUITU_AS", POLICE[1])
    done = CliRunner().invoke(app, ["--home", str(guitu.home), "case", "show", "GT-1"])
    assert "no case" in done.stderr


def test_the_database_may_be_named_by_address(guitu: Guitu, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{guitu.home / 'guitu.db'}"
    monkeypatch.setenv("GUITU_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    monkeypatch.setenv("GUITU_KEY_FILE", str(guitu.home / "keys" / "root.json"))
    assert CliRunner().invoke(app, ["--database", url, "worklist", *POLICE]).exit_code == 0
    assert CliRunner().invoke(app, ["--home", str(guitu.home), "worklist", *POLICE]).exit_code == 0
    assert CliRunner().invoke(app, ["worklist", *POLICE]).exit_code == 8


def test_output_is_plain_when_it_is_no_terminal(guitu: Guitu, opened: Opened) -> None:
    case = opened()
    for words in (("case", "show", case, *POLICE), ("worklist", *POLICE), ("definitions", "list"), ("doctor",)):
        assert "\x1b" not in guitu.run(*words).stdout


def test_the_console_script_answers(guitu: Guitu) -> None:
    words = [sys.executable, "-c", "from api.cli import main; main()", "--home", str(guitu.home)]
    done = subprocess.run(
        [*words, "worklist", "--json", *POLICE], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["held"] == []
    assert done.stderr == ""
    wrong = subprocess.run([*words, "case", "show", "GT-1", *POLICE], check=False, capture_output=True, cwd=ROOT)
    assert wrong.returncode == 4
