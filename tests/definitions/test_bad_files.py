"""Every bad file is refused with its own code, at its own line, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.definitions.check import check_file, check_paths

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))
CHINESE = re.compile(r"[㐀-鿿]")
EXPECTED = re.compile(r"# expect: (?P<code>\w+) line (?P<line>\d+)\n")


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_at_its_line_with_what_would_be_right(path: Path) -> None:
    expected = EXPECTED.match(path.read_text(encoding="utf-8"))
    assert expected is not None
    findings = check_file(path)
    assert [(found.code, found.line) for found in findings] == [(expected["code"], int(expected["line"]))]
    [found] = findings
    assert found.file.endswith(f"bad/{path.name}")
    assert CHINESE.search(found.zh)
    assert CHINESE.search(found.right_zh)
    assert not CHINESE.search(found.right_en.replace("{zh: 中文", ""))
    assert f":{found.line}: {found.code}:" in found.text("en")
    assert found.right_en in found.text("en")
    assert found.right_zh in found.text("zh")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("unknown_step", "placed"),
        ("unknown_unit", "police"),
        ("undeclared_fact", "carer"),
        ("undeclared_parameter", "waiting_days"),
        ("undeclared_consent", "placing"),
        ("unknown_key", "materials"),
        ("unknown_prohibition", "no_buyer_family"),
        ("unknown_template", "search"),
        ("value_not_an_option", "home"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_one_that_was_meant(name: str, meant: str) -> None:
    [found] = check_file(HERE / "bad" / f"{name}.yaml")
    assert f"`{meant}`" in found.right_en
    assert f"“{meant}”" in found.right_zh


def test_the_file_that_the_bad_ones_differ_from_is_good() -> None:
    assert check_paths([HERE / "tiny" / "2020.1.yaml"]) == []


def test_the_templates_and_inventories_are_checked_alone_too() -> None:
    own = [*(HERE / "templates").rglob("*.yaml"), *(HERE / "clauses").glob("*.yaml")]
    assert len(own) == 3
    assert check_paths(own) == []


def test_there_is_a_bad_file_for_every_code_of_shape() -> None:
    """A code nobody provokes is a check nobody has seen to work."""
    source = "".join(path.read_text(encoding="utf-8") for path in _checkers())
    codes = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)", (?:wrong|what|\()', source))
    provoked = {match["code"] for path in BAD if (match := EXPECTED.match(path.read_text(encoding="utf-8")))}
    assert codes
    assert codes <= provoked


def _checkers() -> list[Path]:
    return sorted((HERE.parents[1] / "engine" / "definitions" / "checks").glob("*.py"))
