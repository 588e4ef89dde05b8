"""A client generated from the description: without a warning, typed throughout, and used at a server.

It lives in an environment of its own in the cache of pytest, because it wants another typer than ours.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pytest

from engine import bootstrap
from engine.service.trial import release_all
from tests.api.conftest import PASSPHRASE, Guitu, passphrase_file
from tests.http.served import ROOT, served_here, world_at

HERE = Path(__file__).resolve().parent
LONGEST = 240
"""Seconds that any one program may take here."""
FAULTS_OF_THE_GENERATOR = {
    "guitu_client.client": "arg-type",  # passes what a `with` block ended by as *args, which httpx types one by one
}
HEAD = ("--as", "officer-30@fujian-police")


@pytest.fixture(scope="module")
def programs(pytestconfig: pytest.Config) -> Path:
    """Give the folder of the programs that the lock beside this file pins."""
    lock = HERE / "requirements.txt"
    cache = Path(pytestconfig.cache.mkdir("http-client"))
    place = cache / hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    if not (place / "whole").is_file():  # programs know where they lie: nothing of it may be moved when it is whole
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        _run(place / "bin", "python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock))
        (place / "whole").touch()
    return place / "bin"


@pytest.fixture(scope="module")
def generated(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which the package lies that was generated, without one warning."""
    folder = tmp_path_factory.mktemp("generated")
    words = ("--path", str(ROOT / "docs" / "openapi.json"), "--config", str(HERE / "generator.yaml"))
    said = _run(
        programs, "openapi-python-client", "generate", *words, "--meta", "none", "--fail-on-warning",
        "--output-path", str(folder / "guitu_client"),
    )  # fmt: skip
    assert "WARNING" not in said, said
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the home of a world for trial with units, procedures and an administrator."""
    made = world_at(tmp_path_factory.mktemp("client") / "world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(made)))
        guitu = Guitu(made)
        guitu.run("directory", "load", str(ROOT / "workflows" / "directory" / "demo.yaml"))
        desk = bootstrap.desk(bootstrap.settings(home=made, log_level="WARNING"), passphrase=lambda: PASSPHRASE)
        release_all(desk, (rules.definition for rules in desk.books.rules.values()))
        bootstrap.close(desk)
        guitu.run("admin", "init", *HEAD)
        guitu.run("people", "add", "officer-31", *HEAD)
        guitu.run("people", "grant", "officer-31", "gulou-police", "caseworker", *HEAD)
    return made


def _run(programs: Path, name: str, *words: str, **more: str) -> str:
    """What a program of that environment says; fails the test where it ends with an error."""
    environment = {
        **{word: value for word, value in os.environ.items() if not word.startswith("PYTHON")}, **more,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(programs / name), *words], cwd=folder, env=environment, capture_output=True, text=True,
            timeout=LONGEST, check=False,
        )  # fmt: skip
    said = done.stdout + done.stderr
    if done.returncode:
        pytest.fail(f"{name} {words[0]} ended with {done.returncode}: {said.strip()[-3000:]}")
    return said


@pytest.mark.long
def test_it_is_typed_throughout(programs: Path, generated: Path, pytestconfig: pytest.Config) -> None:
    faults = "\n".join(f"[mypy-{one}]\ndisable_error_code = {code}" for one, code in FAULTS_OF_THE_GENERATOR.items())
    rules = generated / "mypy.ini"
    rules.write_text(f"[mypy]\nstrict = True\nwarn_unused_ignores = False\n{faults}\n", encoding="utf-8")
    kept = str(Path(pytestconfig.cache.mkdir("http-client")) / "mypy")
    _run(
        programs, "mypy", "--config-file", str(rules), "--cache-dir", kept, str(generated / "guitu_client"),
        str(HERE / "journey.py"), MYPYPATH=str(generated),
    )  # fmt: skip


def test_it_is_of_use_from_the_sign_in_to_the_file(
    programs: Path, generated: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUITU_PASSPHRASE_FILE", str(passphrase_file(home)))
    ticket = Guitu(home).json("ticket", "issue", "officer-31", *HEAD)["ticket"]
    with served_here(home) as served:
        _run(
            programs, "python", str(HERE / "journey.py"), served.address, ticket, PYTHONPATH=str(generated),
            PYTHONDONTWRITEBYTECODE="1",
        )  # fmt: skip
