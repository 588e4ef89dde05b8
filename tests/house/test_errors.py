"""Every error stands on one page, with a code of its own, an HTTP row and an exit code that the docs explain."""

from __future__ import annotations

import re

import pytest

from engine.errors import GuituError, all_errors
from tests.house.tree import ROOT

ERRORS = all_errors()


def test_no_error_is_defined_anywhere_else() -> None:
    assert {error.__module__ for error in ERRORS} == {"engine.errors"}


def test_codes_are_unique_and_readable() -> None:
    codes = [error.code for error in ERRORS]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z][a-z_]+", code) for code in codes)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_an_error_has_an_http_row_and_an_exit_code_that_the_docs_explain(error: type[GuituError]) -> None:
    assert 400 <= error.http < 600
    explained = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "commands.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert str(error.exit_code) in explained
    assert error.__doc__
