"""``python -m api.verify`` does its work with files alone, ends as it says, and needs little to be installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api import verify
from engine.ledger.auditor_file import Cost, write_key
from tests.house.tree import ROOT
from tests.ledger.bundle_maker import SIGNER, WITNESS, World, a_world, signed

CHEAP = Cost(1, 1, 8)


@pytest.fixture
def world() -> World:
    return a_world()


@pytest.fixture
def folder(tmp_path: Path, world: World) -> Path:
    """A folder as an auditor brings it home."""
    lay(tmp_path, world)
    (tmp_path / "key.json").write_bytes(write_key(b"\x41" * 32, "auditor-1", None, bytes(16), bytes(12)))
    (tmp_path / "closed.json").write_bytes(
        write_key(b"\x41" * 32, "auditor-1", "correct horse", bytes(16), bytes(12), cost=CHEAP)
    )
    (tmp_path / "log.key").write_text(SIGNER.public.to_text() + "\n", encoding="utf-8")
    return tmp_path


def lay(folder: Path, world: World) -> None:
    """The bundle, without timestamps of the tests' own authority, and the files beside it."""
    (folder / "bundle").write_bytes(world.bundle(stamps=[]))
    (folder / "salts").write_bytes(b"".join(world.salts()))
    (folder / "digests").write_bytes(b"".join(world.digests()))


def arguments(folder: Path, *more: str, key: str = "key.json") -> list[str]:
    named = {"key": key, "salts": "salts", "digests": "digests", "remembered": "remembered"}
    files = [part for flag, name in named.items() for part in (f"--{flag}", str(folder / name))]
    keys = ["--log-key", SIGNER.public.to_text(), "--witness", WITNESS.public.to_text()]
    return [str(folder / "bundle"), *keys, *files, *more]


def told(capsys: pytest.CaptureFixture[str], *given: str) -> tuple[int, Any]:
    code = verify.run([*given, "--json"], "en")
    return code, json.loads(capsys.readouterr().out)


def test_the_first_time_and_every_time_after(folder: Path, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.run(arguments(folder), "en") == 2, "nobody said that it is the first time"
    assert "UNCHECKED  only grown since your checkpoint" in capsys.readouterr().out
    assert not (folder / "remembered").exists()
    assert verify.run(arguments(folder, "--first"), "en") == 0
    assert "remembered from now on" in capsys.readouterr().out
    assert (folder / "remembered").read_bytes() == world.checkpoint(SIGNER, WITNESS)
    assert verify.run(arguments(folder), "en") == 0
    world.tell("keys:status")
    lay(folder, world)
    assert verify.run(arguments(folder), "en") == 0
    assert (folder / "remembered").read_bytes() == world.checkpoint(SIGNER, WITNESS), "and the next is held to this one"


def test_what_is_wrong_is_not_remembered(folder: Path, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = signed([*world.entries, b"more"])
    (folder / "remembered").write_bytes(before)
    code, found = told(capsys, *arguments(folder))
    assert (code, found["exit"], found["is_remembered"]) == (1, 1, False)
    assert (folder / "remembered").read_bytes() == before
    assert not list(folder.glob("*.new"))


def test_what_nobody_signed_is_not_remembered(folder: Path) -> None:
    given = arguments(folder, "--first")
    del given[1:3]
    assert verify.run(given, "en") == 2
    assert not (folder / "remembered").exists()


def test_the_log_key_may_lie_in_a_file(folder: Path) -> None:
    given = arguments(folder, "--first")
    given[2] = str(folder / "log.key")
    assert verify.run(given, "en") == 0


def test_json_says_what_the_lines_say(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = told(capsys, *arguments(folder, "--first"))
    assert (code, found["exit"], found["size"], len(found["checks"])) == (0, 0, 18, 17)
    assert found["told_not_proved"]["waiting"] == 0
    states = {one["name"]: one["state"] for one in found["checks"]}
    assert states["history"] == "pass"
    assert states["append_only"] == states["timestamps"] == states["beyond"] == "none"
    data = bytearray((folder / "bundle").read_bytes())
    data[-500] ^= 1
    (folder / "bundle").write_bytes(data)
    code, found = told(capsys, *arguments(folder))
    (fault,) = next(one for one in found["checks"] if one["name"] == "decryption")["faults"]
    assert code == 1
    assert (fault["entry"], fault["word"], fault["zh"][:2]) == (17, "entry:changed", "条目")


def test_lines_are_in_the_language_that_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify.run(arguments(folder, "--first"), "zh")
    capsys.readouterr()
    verify.run(arguments(folder), "zh")
    chinese = capsys.readouterr().out
    verify.run(arguments(folder, "--language", "en"), "zh")
    english = capsys.readouterr().out
    assert len(chinese.splitlines()) == len(english.splitlines()) == 17 + 4
    assert "PASS  form of the events  checked 18" in english
    assert chinese.endswith("全部相符\n")


def test_a_closed_key_file_needs_its_passphrase(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = arguments(folder, "--first", key="closed.json")
    monkeypatch.delenv(verify.PASSPHRASE, raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert verify.run(given, "en") == 3
    monkeypatch.setenv(verify.PASSPHRASE, "wrong")
    assert verify.run(given, "en") == 3
    assert "the passphrase is wrong" in capsys.readouterr().err
    monkeypatch.setenv(verify.PASSPHRASE, "correct horse")
    assert verify.run(given, "en") == 0
    assert verify.run(arguments(folder, "--first"), "en") == 0, "a file that is open asks for none"


@pytest.mark.parametrize(
    "given",
    [
        [], ["bundle", "--nothing"], ["missing"], ["bundle", "--log-key", "x"], ["bundle", "--key", "bundle"],
        ["bundle", "--key", "missing"], ["bundle", "--salts", "digests"], ["bundle", "--digests", "salts"],
        ["bundle", "--salts", "missing"], ["bundle", "--language", "fr"], ["open", "bundle", "--key", "key.json"],
        ["open", "bundle", "--number", "1"], ["open", "bundle", "--number", "99", "--key", "key.json"],
        ["find", "bundle"], ["find", "bundle", "--key", "key.json", "--case", "case-1"],
        ["find", "bundle", "--key", "key.json", "--since", "yesterday"], ["bundle", "--remembered", "."],
        ["bundle", "--log-key", "x" * 5000],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_not_asked_in_the_right_form_is_refused(
    given: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for language in ("zh", "en"):
        assert verify.run(given, language) == 3
        out = capsys.readouterr()
        assert (out.out, len(out.err.splitlines())) == ("", 1)


def test_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.run(["--help"], "en") == 0
    assert "--remembered" in capsys.readouterr().out


def test_one_entry_is_opened(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(folder / "bundle"), "--key", str(folder / "key.json"), "--salts", str(folder / "salts")]
    assert verify.run(["open", *files, "--number", "4", "--json"], "en") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["number"], found["header"]["seq"], found["event"]["act"]) == (4, 4, "identity:record")
    assert found["subjects"] == [
        {"case": "case-1", "person": None, "field_classes": ["basic"]},
        {"case": "case-1", "person": "P-1", "field_classes": ["basic"]},
    ]
    assert verify.run(["open", *files, "--number", "11"], "en") == 0
    assert "(no salt of this case)" in capsys.readouterr().out


def test_an_entry_that_does_not_open_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.json").write_bytes(write_key(b"\x43" * 32, "auditor-3", None, bytes(16), bytes(12)))
    given = ["open", str(folder / "bundle"), "--key", str(folder / "other.json"), "--number", "4"]
    assert verify.run(given, "en") == 2
    assert "not sealed to any key given" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (["--case", "case-2"], [3, 12, 15]),
        (["--person", "P-1"], [4]),
        (["--case", "case-2", "--act", "case:list"], [15]),
        (["--act", "case:show"], [5, 13]),
        (["--outcome", "refused"], [6]),
        (["--actor", "officer-12", "--unit", "unit-8"], []),
        (["--since", "2026-03-01T08:00:17.000Z"], [16, 17]),
        (["--since", "2026-03-01T08:00:03.000Z", "--until", "2026-03-01T08:00:04.000Z"], [2, 3]),
    ],
    ids=lambda one: " ".join(map(str, one)),
)
def test_entries_are_found(
    wanted: list[str], numbers: list[int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(folder / "bundle"), "--key", str(folder / "key.json"), "--salts", str(folder / "salts")]
    assert verify.run(["find", *files, *wanted, "--json"], "en") == 0
    assert [json.loads(line)["number"] for line in capsys.readouterr().out.splitlines()] == numbers


@pytest.mark.parametrize(("change", "code"), [(lambda data: data[:-1], 2), (lambda data: data + b"x", 1)])
def test_looking_into_a_bundle_that_is_not_whole_says_so(
    change: Any, code: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bundle").write_bytes(change((folder / "bundle").read_bytes()))
    given = [str(folder / "bundle"), "--key", str(folder / "key.json")]
    assert verify.run(["find", *given, "--act", "keys:status"], "en") == code
    out = capsys.readouterr()
    assert "entry 17" in out.out
    assert out.err
    assert verify.run(["verify", *given], "en") == code


def test_it_needs_nothing_but_cryptography(folder: Path) -> None:
    """In a process of its own: what it imports, and that it comes to a verdict."""
    program = (
        "import sys, runpy\n"
        "sys.argv = ['verify', *sys.argv[1:]]\n"
        "try:\n    runpy.run_module('api.verify', run_name='__main__')\n"
        "finally:\n    print(*sorted({one.partition('.')[0] for one in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments(folder, "--first")], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    imported = set(done.stderr.split()) - sys.stdlib_module_names
    third = {one for one in imported if not one.startswith("_")} - {"engine", "api"}
    assert third <= {"cryptography", "cffi", "distutils_hack", "sitecustomize", "typing_extensions"}, third
