"""A small root of definitions that a test may edit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.definitions.loader import Loaded, load_all

HERE = Path(__file__).parent
Edit = Callable[..., Loaded]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a copy of the small root, without the bad files."""
    for folder in ("clauses", "templates", "tiny"):
        shutil.copytree(HERE / folder, tmp_path / folder)
    for name in ("functions.yaml", "field_classes.yaml"):
        shutil.copyfile(HERE / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def edit(root: Path) -> Edit:
    """Give a function that replaces words in a file of the root and loads what comes of it."""

    def edited(*changes: tuple[str, str], name: str = "tiny/2020.1.yaml") -> Loaded:
        path = root / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text, encoding="utf-8")
        return load_all(root).get("tiny")

    return edited
