"""The size and shape of the code: measured, so that growth is noticed while it is small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import functions, name_of, parse, sources

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60
DEEPEST_NESTING = 3
MOST_BROAD_EXCEPTS = 2  # the worker loop and the error page
COMMITS = 1
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "base", "misc"}

# "path" or "path:function" -> why it reads better the way it is.
EXEMPT: dict[str, str] = {
    "engine/errors.py": "every error stands on one page, each with its code, status and exit code",
}

_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


def _measured() -> list[Path]:
    return [*sources(), *sources("tests")]


def _named_functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in _measured():
        for function in functions(parse(path)):
            yield f"{name_of(path)}:{function.name}", function


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _measured()}
    assert {
        name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FILE and name not in EXEMPT
    } == {}


def test_no_function_is_longer_than_sixty_lines() -> None:
    lengths = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in _named_functions()}
    assert {
        name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION and name not in EXEMPT
    } == {}


def test_nothing_is_nested_four_deep() -> None:
    depths = {name: _depth(node.body) for name, node in _named_functions()}
    assert {name: depth for name, depth in depths.items() if depth > DEEPEST_NESTING and name not in EXEMPT} == {}


def test_the_engine_commits_in_one_place() -> None:
    calls = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources("engine")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    has_a_store = any(path.name != "__init__.py" for path in sources("engine/store"))
    assert len(calls) <= COMMITS, calls
    assert not has_a_store or calls, "the store exists but nothing commits"


def test_broad_excepts_are_only_the_worker_loop_and_the_error_page() -> None:
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type)
    ]
    assert len(found) <= MOST_BROAD_EXCEPTS, found


def test_every_module_has_a_name_that_says_something() -> None:
    assert [name_of(path) for path in _measured() if {path.stem, path.parent.name} & NAMES_THAT_SAY_NOTHING] == []


def test_every_exemption_is_still_needed_and_has_a_reason() -> None:
    present = {name_of(path) for path in _measured()} | {name for name, _ in _named_functions()}
    assert {name for name, reason in EXEMPT.items() if name not in present or not reason} == set()


def test_the_measure_of_nesting_counts_as_people_do() -> None:
    flat = ast.parse("if a:\n    pass\nelif b:\n    pass\nelif c:\n    pass\nelif d:\n    pass\nelif e:\n    pass")
    deep = ast.parse("for a in b:\n  if a:\n    with c:\n      try:\n        d\n      finally:\n        e")
    assert (_depth(flat.body), _depth(deep.body)) == (1, 4)


def _depth(body: list[ast.stmt]) -> int:
    """Return how deep blocks lie in each other; ``elif`` is a sibling, a nested function starts anew."""
    return max((_depth_of(statement) for statement in body), default=0)


def _depth_of(statement: ast.stmt) -> int:
    if not isinstance(statement, _BLOCKS):
        return 0
    inner = [1 + _depth(part) for part in _bodies(statement)]
    orelse: list[ast.stmt] = getattr(statement, "orelse", [])
    is_elif = isinstance(statement, ast.If) and len(orelse) == 1 and isinstance(orelse[0], ast.If)
    inner.append(_depth(orelse) + (0 if is_elif else 1))
    return max(inner)


def _bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """Yield the bodies of a block, its ``else`` left out."""
    yield getattr(statement, "body", [])
    yield getattr(statement, "finalbody", [])
    for part in (*getattr(statement, "handlers", []), *getattr(statement, "cases", [])):
        yield part.body


def _is_broad(caught: ast.expr | None) -> bool:
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        name is None or (isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"}) for name in names
    )
