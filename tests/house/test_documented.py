"""Every public thing says what it promises."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import name_of, parse, sources

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_every_public_thing_has_a_docstring(path: Path) -> None:
    tree = parse(path)
    silent = [] if ast.get_docstring(tree) else ["the module itself"]
    silent += [f"{node.name} in line {node.lineno}" for node in _public(tree.body) if not ast.get_docstring(node)]
    assert silent == []


def _public(body: list[ast.stmt]) -> Iterator[Definition]:
    """Yield public classes, functions and methods; what is inside a function, or private, is its own."""
    for node in body:
        if not isinstance(node, Definition) or node.name.startswith("_") or _is_overload(node):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _public(node.body)


def _is_overload(node: Definition) -> bool:
    return any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list)
