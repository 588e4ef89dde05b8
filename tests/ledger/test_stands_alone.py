"""The verifier runs where only the project's wheel, cryptography and rfc3161-client are installed."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from engine.ledger.auditor_file import write_key
from tests.house.tree import ROOT
from tests.ledger.bundle_maker import SIGNER, WITNESS, a_world

INSTALLED = ("cryptography", "rfc3161_client", "cffi", "_cffi_backend")
"""The two libraries, and what cryptography itself asks for."""
RUN = """
import runpy, sys
sys.path[:0] = sys.argv[1:3]
sys.argv = ["verify", *sys.argv[3:]]
import rfc3161_client
runpy.run_module("api.verify", run_name="__main__")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the project's wheel, unpacked as an installation without dependencies would do it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = folder.glob("guitu-*.whl")
    with zipfile.ZipFile(built) as packed:
        packed.extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with these libraries of ours and no others."""
    folder = tmp_path_factory.mktemp("libraries")
    ours = Path(sysconfig.get_path("platlib"))
    for name in INSTALLED:
        (found,) = (path for path in ours.iterdir() if path.name.split(".")[0] == name)
        (folder / found.name).symlink_to(found)
    return folder


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run Python without its own site-packages and without the folder it stands in."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUN, *words], cwd="/", check=False, capture_output=True, text=True
    )  # fmt: skip


def test_it_passes_a_good_bundle_and_fails_a_changed_one(wheel: Path, libraries: Path, tmp_path: Path) -> None:
    world = a_world()
    (tmp_path / "bundle").write_bytes(world.bundle(stamps=[]))
    (tmp_path / "salts").write_bytes(b"".join(world.salts()))
    (tmp_path / "key").write_bytes(write_key(b"\x41" * 32, "auditor-1", None, bytes(16), bytes(12)))
    brought = ["--log-key", SIGNER.public.to_text(), "--witness", WITNESS.public.to_text()]
    brought += ["--key", str(tmp_path / "key"), "--salts", str(tmp_path / "salts"), "--language", "en"]
    brought += ["--remembered", str(tmp_path / "remembered"), "--first"]
    done = run(str(wheel), str(libraries), str(tmp_path / "bundle"), *brought)
    # Nobody brought digests: that alone is left unchecked.
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout.count("UNCHECKED") == 1
    assert "FAIL" not in done.stdout
    changed = bytearray((tmp_path / "bundle").read_bytes())
    changed[len(changed) // 2] ^= 1
    (tmp_path / "bundle").write_bytes(changed)
    done = run(str(wheel), str(libraries), str(tmp_path / "bundle"), *brought)
    assert done.returncode == 1, done.stdout + done.stderr


def test_nothing_else_is_there(wheel: Path, libraries: Path) -> None:
    look = "import sys; sys.path[:0] = sys.argv[1:3]; import typer"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", look, str(wheel), str(libraries)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert "No module named 'typer'" in done.stderr
