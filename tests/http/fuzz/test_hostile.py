"""What no honest program writes, in every body: refused or kept as it is, never a fault, and never told back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.http.fuzz.conftest import ADMINISTRATOR, WORKER, World

MARK = "虚构诱饵7351"
"""Stands in every hostile word, so that an answer that tells it back is found."""
WORDS = {
    "rare characters": "\U00020bb7\U0002a700\U0002b740\U0002b820\U0002ceb0",  # CJK extensions B to F
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "turned around": "\u202e\u2066\u202b\u2069\u200f",
    "combining": "e" + "\u0301" * 200,
    "controls": "\x01\x1b[31m\r\nSet-Cookie: a=b\x7f\x85\u2028",
    "a query": "'; DROP TABLE cases; --",
    "a page": "<script>alert(1)</script>",
    "a template": "{{7*7}}${7*7}%s%n",
    "a way out": "../../../../etc/passwd",
}
ODD = {
    "a lone surrogate": '"\\ud800"',
    "a surrogate turned around": '"\\udc00\\ud800"',
    "NUL": '"a\\u0000b"',
    "a huge whole number": "1" + "0" * 400,
    "a huge number": "1e400",
    "a tiny number": "-1e-400",
    "not a number": "NaN",
    "infinity": "-Infinity",
    "deep": "[" * 500 + "]" * 500,
    "deep objects": '{"a":' * 500 + "1" + "}" * 500,
    "many": "[" + ",".join(["0"] * 100_000) + "]",
    "many names": "{" + ",".join(f'"a{one}":0' for one in range(20_000)) + "}",
    "a name twice": '{"a": 1, "a": 2}',
    "a long word": '"' + "长" * 200_000 + '"',
    "nothing": "null",
    "a truth": "true",
}


def _bodies(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation with a JSON body: method, path, and an example of the body."""
    description = app.openapi()
    schemas = description["components"]["schemas"]
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            form = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if form is None:
                continue
            schema = form["schema"]
            for one in (schema, *schema.get("anyOf", ())):
                schema = schemas[one["$ref"].rpartition("/")[2]] if "$ref" in one else schema
            yield method.upper(), path, schema["examples"][0]


def _places(value: object, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document, the whole first."""
    yield place
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(inner, (*place, name))


def _with(value: Any, place: tuple[str | int, ...], token: str) -> Any:
    if not place:
        return token
    made: Any = dict(value) if isinstance(value, dict) else list(value)
    made[place[0]] = _with(value[place[0]], place[1:], token)
    return made


def _asked(world: World, hostile: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """Every operation, with each hostile thing in one of the places of its body, one place after another."""
    turn = 0
    for method, path, example in _bodies(world.site.app):
        places = list(_places(example))
        address = path.format(**{name: values[0] for name, values in world.known.items()} | _rest(path, world))
        for place in places:
            kind = list(hostile)[turn % len(hostile)]
            turn += 1
            body = json.dumps(_with(example, place, "@")).replace('"@"', hostile[kind], 1)
            yield f"{method} {address} {place} {kind}", body.encode("utf-8", "surrogatepass")


def _rest(path: str, world: World) -> dict[str, str]:
    named = {one.partition("}")[0] for one in path.split("{")[1:]}
    return dict.fromkeys(named - world.known.keys(), "none-12")


@pytest.mark.parametrize("who", [WORKER, ADMINISTRATOR])
def test_odd_json_is_never_a_fault(world: World, who: str) -> None:
    token, statuses = world.token_of(who), set()
    for said, body in _asked(world, ODD):
        answer = _sent(world, token(), said, body)
        assert answer.status_code < 500, (said, answer.text)
        assert len(answer.content) < 20_000, said
        statuses.add(answer.status_code)
    assert {400, 422} <= statuses


@pytest.mark.parametrize("who", [WORKER, ADMINISTRATOR])
def test_hostile_words_are_never_told_back_by_a_refusal(world: World, who: str) -> None:
    token, refused = world.token_of(who), 0
    words = {kind: json.dumps(MARK + one) for kind, one in WORDS.items()}
    for said, body in _asked(world, words):
        answer = _sent(world, token(), said, body)
        assert answer.status_code < 500, (said, answer.text)
        assert "\x1b" not in answer.text
        assert not any("Set-Cookie: a=b" in value for value in answer.headers.values())
        if answer.status_code >= 400:
            refused += 1
            assert MARK not in answer.text, (said, answer.text)
    assert refused > 100


def _sent(world: World, token: str, said: str, body: bytes) -> Any:
    method, address, *_ = said.split(" ")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return world.site.anybody.request(method, address, content=body, headers=headers)
