"""Containerfile and compose file, as linters and our own eyes see them. Building the image is not tried here."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from tests.npm import NODE, npm_ci

FOLDER = Path(__file__).parents[2] / "deploy" / "container"
HERE = Path(__file__).parent / "linters"
FILES = ("package.json", "package-lock.json")


@pytest.fixture(scope="module")
def linters(request: pytest.FixtureRequest) -> Path:
    """Give the folder in which the linters are installed."""
    texts = [(HERE / name).read_bytes() for name in FILES]
    place = Path(request.config.cache.mkdir("linters")) / hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]
    if not place.is_dir():
        with tempfile.TemporaryDirectory(dir=place.parent) as made:
            folder = Path(made) / "installed"
            folder.mkdir()
            for name in FILES:
                shutil.copy(HERE / name, folder)
            npm_ci(folder)
            with suppress(OSError):  # another worker was faster
                folder.rename(place)
    return place


def lint(linters: Path, program: str, *words: str | Path) -> tuple[int, str]:
    command = [NODE / "bin" / "node", (linters / "node_modules" / ".bin" / program).resolve(), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def test_the_linter_of_compose_files_finds_nothing_and_would(linters: Path, tmp_path: Path) -> None:
    assert lint(linters, "dclint", "--max-warnings", "0", FOLDER / "compose.yaml") == (0, "")
    bad = tmp_path / "compose.yaml"
    bad.write_text("services:\n  one:\n    image: postgres\n    ports: ['5432:5432']\n", encoding="utf-8")
    assert lint(linters, "dclint", "--max-warnings", "0", bad)[0] != 0


def test_the_linter_of_containerfiles_finds_nothing_and_would(linters: Path, tmp_path: Path) -> None:
    assert lint(linters, "dockerfile-utils", "lint", FOLDER / "Containerfile") == (0, "")
    bad = tmp_path / "Containerfile"
    bad.write_text("FROM scratch\nRUNE true\n", encoding="utf-8")
    assert lint(linters, "dockerfile-utils", "lint", bad)[1]


def test_every_service_is_unprivileged_and_only_the_api_is_reached_and_only_from_this_machine() -> None:
    found = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
    for name, service in found["services"].items():
        assert "ALL" in service["cap_drop"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "privileged" not in service, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        assert bool(service.get("ports")) == (name == "api"), name
    assert found["networks"]["inside"]["internal"] is True


def test_no_secret_stands_in_the_files_and_every_one_that_is_used_is_declared() -> None:
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    assert not re.search(r"//[^/@:\s]+:[^/@\s]+@", text)
    used = {secret for service in found["services"].values() for secret in service.get("secrets", ())}
    assert used == set(found["secrets"])


def test_the_image_takes_what_it_copies_and_ends_unprivileged() -> None:
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    top = FOLDER.parents[1]
    allowed = (FOLDER / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for source in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", text):
        for name in source.split():
            assert (top / name).exists(), name
            assert f"!{name}" in allowed, name
    assert re.findall(r"(?m)^USER (.+)$", text) == ["10001:10001"]
    assert "--require-hashes" in text
