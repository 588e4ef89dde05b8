"""The catalogue: every attack at several places, who noticed it, and whether the place that is named is the true one.

``pytest -s -k sqlite tests/tampering/test_catalogue.py`` prints the rows of the table in ``docs/threat-model.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from api import verify
from engine.ledger.auditor_file import write_key
from tests.tampering import before_sequencing, in_the_log, on_record
from tests.tampering.acts import THREE, Act
from tests.tampering.world import PRIVATE, Ground

CATALOGUE = (*before_sequencing.ACTS, *in_the_log.ACTS, *on_record.ACTS)
HOUSE = ("desk", "sequencer", "signer", "export", "verifier")
DOCUMENT = Path(__file__).parents[2] / "docs" / "threat-model.md"
_COUNT = re.compile(r"\| (\d+) / (\d+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What one attack came to."""

    noticed_by: frozenset[str]
    exit_code: int | None


def attacked(ground: Ground, act: Act, where: float) -> Outcome:
    """Carry out an attack, audit, and hold what was noticed to what is true."""
    truth = act.do(ground, where)
    found = ground.audit()
    told = (where, found.exit_code, sorted(found.noticed_by), found.findings, found.troubles)
    assert found.exit_code == truth.exit_code, told
    for one in truth.seen:
        assert one.is_in(found), (one, told)
    assert bool(found.noticed_by) == (not act.why_not), told
    return Outcome(found.noticed_by, found.exit_code)


def row_of(act: Act, outcomes: list[Outcome]) -> str:
    """The line of the table."""
    by = frozenset[str]().union(*(one.noticed_by for one in outcomes))
    codes = sorted({"none" if one.exit_code is None else str(one.exit_code) for one in outcomes})
    noticed = ", ".join(one for one in HOUSE if one in by) or f"nobody: {act.why_not}"
    count = sum(bool(one.noticed_by) for one in outcomes)
    return f"| {act.name} | {act.by} | {noticed} | {', '.join(codes)} | {count} / {len(outcomes)} |"


@contextmanager
def _copy(stock: Ground, folder: Path) -> Iterator[Ground]:
    folder.mkdir()
    with stock.copied(folder) as made:
        yield made


def _every(stock: Ground, act: Act, places: tuple[float, ...], folder: Path) -> list[Outcome]:
    outcomes = []
    for where in places:
        with _copy(stock, folder / str(where)) as ground:
            outcomes.append(attacked(ground, act, where))
    return outcomes


def test_a_world_that_nobody_touched_passes(ground: Ground) -> None:
    ground.show(3)
    ground.change(1)
    found = ground.audit()
    assert (found.exit_code, found.troubles, found.findings) == (0, (), [])


def test_a_restored_log_that_goes_on_under_another_name_passes(ground: Ground) -> None:
    """Streams from before the restart and from after it are of one log."""
    backup = ground.backed_up()
    ground.show(3)
    ground.sign()
    ground.restored(backup)
    ground.stores.dropped(backup)
    ground.begun_anew()
    ground.killed()
    ground.show()
    found = ground.audit()
    assert ground.log_key.name.endswith("/2")
    assert (found.exit_code, found.troubles, found.findings) == (0, (), [])


def test_the_command_of_auditors_says_the_same(
    sqlite_stock: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite_stock.copied(tmp_path) as ground:
        ground.show()
        ground.audit()
        assert _commanded(ground, capsys)[0] == 0
        act = next(one for one in CATALOGUE if one.name == "an entry altered")
        truth = act.do(ground, 0.5)
        ground.audit()
        code, told = _commanded(ground, capsys)
    assert code == truth.exit_code == 1
    entry = dict(truth.seen[0].named)["entry"]
    faults = [one for check in told["checks"] for one in check["faults"]]
    assert ("entry:changed", entry) in {(one["word"], one.get("entry")) for one in faults}


def _commanded(ground: Ground, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """What ``guitu audit verify`` says of the files of the last audit."""
    assert ground.remembered is not None, "they verified before"
    files = {**ground.files, "remembered": ground.remembered, "tsa-root": ground.authority.root}
    keys = [write_key(key, f"auditor-{number}", None, bytes(16), bytes(12)) for number, key in enumerate(PRIVATE[:2])]
    words = ["--log-key", str(ground.folder / "log-key"), "--json"]
    for name, content in [*files.items(), *(("key", key) for key in keys)]:
        path = ground.folder / f"{len(words)}.{name}"
        path.write_bytes(content)
        words += [str(path)] if name == "bundle" else [f"--{name}", str(path)]
    capsys.readouterr()
    code = verify.run(words, "en")
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("act", CATALOGUE, ids=lambda act: act.name)
def test_attack_on_sqlite(sqlite_stock: Ground, tmp_path: Path, act: Act) -> None:
    row = row_of(act, _every(sqlite_stock, act, act.places, tmp_path))
    print(f"\n{row}")
    assert row in DOCUMENT.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("number", range(len(CATALOGUE)), ids=lambda number: CATALOGUE[number].name)
def test_attack_on_postgresql(postgres_stock: Ground, tmp_path: Path, number: int) -> None:
    act = CATALOGUE[number]
    _every(postgres_stock, act, (act.places[number % len(act.places)],), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("act", CATALOGUE, ids=lambda act: act.name)
def test_attack_on_postgresql_everywhere(postgres_stock: Ground, tmp_path: Path, act: Act) -> None:
    _every(postgres_stock, act, act.places, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("act", [one for one in CATALOGUE if len(one.places) == len(THREE)], ids=lambda act: act.name)
def test_attack_at_places_that_chance_chose(stock: Ground, tmp_path: Path, act: Act) -> None:
    chance = Random(act.name)
    _every(stock, act, tuple(chance.random() for _ in range(5)), tmp_path)


def test_the_totals_of_the_table_are_the_sums_of_its_rows() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = [(int(one), int(other)) for one, other in _COUNT.findall(text)]
    noticed, tried = (sum(column) for column in zip(*rows, strict=True))
    assert len(rows) == len(CATALOGUE)
    assert f"{len(rows)} attacks, {tried} times tried at different places; {noticed} were noticed" in text
