"""What is checked in works anywhere: no addresses of registries, no paths of one machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, name_of, tracked_files

MOST_BYTES_OF_A_FILE = 1_000_000
# Put together here, so that this file does not hold what it looks for.
_PATHS = "|".join("/" + name + "/" for name in ("root", "work", "home", "Users", "opt/wheels", "opt/pypi"))
# A path starts after a space, a quote, an equals sign or a file URL, not in the middle of a route.
MACHINE_PATH = re.compile(rf"(?:^|[\s\"'`=(:]|file://)(?:{_PATHS})", re.MULTILINE)
REGISTRY = re.compile(
    "|".join(
        (
            "pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.org", "deb" + r"ian\.org/debian",
            "--(?:extra-)?index" + "-url[ =]+h", "--find" + "-links[ =]",
        )
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Give the text of every tracked file that is text."""
    found = {}
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content:
            found[name_of(path)] = content.decode("utf-8", errors="replace")
    return found


def test_no_file_names_a_registry(texts: dict[str, str]) -> None:
    assert _hits(REGISTRY, texts) == []


def test_no_file_names_a_path_of_a_machine(texts: dict[str, str]) -> None:
    assert _hits(MACHINE_PATH, texts) == []


def test_locks_hold_hashes_and_no_addresses() -> None:
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert [lock.name for lock in locks] == ["bench.txt", "dev.txt", "run.txt"]
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        pins = re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)
        hashed = re.findall(r"^[a-z0-9].*==.*\\\n +--hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(hashed) > 0, lock.name


def test_every_lock_agrees_with_the_smaller_one() -> None:
    run, dev, bench = (_pins(ROOT / "requirements" / f"{name}.txt") for name in ("run", "dev", "bench"))
    assert run <= dev <= bench


def test_no_file_is_larger_than_a_megabyte() -> None:
    sizes = {name_of(path): path.stat().st_size for path in tracked_files()}
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES_OF_A_FILE} == {}


def _hits(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    return [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1} {hit.group().strip()}"
        for name, text in texts.items()
        for hit in pattern.finditer(text)
    ]


def _pins(lock: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9][^ ;\\]*==[^ ;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
