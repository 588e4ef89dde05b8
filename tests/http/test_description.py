"""The description of the REST door: valid, whole, in two languages, and good enough to generate programs from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.http.description import TAGS
from tests.http.conftest import Site

METHODS = ("get", "post", "put", "patch", "delete")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
OPEN_STRINGS = {"date", "date-time", "uri", "binary"}
"""Forms of a text that bound it themselves."""

OPAQUE = {"after", "state", "code", "iss", "error"}
"""Parameters that are sent back as they were given, whatever they say."""

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def description(whole_app: FastAPI) -> dict[str, Any]:
    """Give the description of the whole application."""
    return whole_app.openapi()


@pytest.fixture(scope="module")
def operations(description: dict[str, Any]) -> list[Operation]:
    """Give every operation with its path and method."""
    return [
        (path, method, operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def _named(found: Iterator[Operation] | list[Operation]) -> list[str]:
    return [f"{method.upper()} {path}" for path, method, _ in found]


def test_it_is_valid(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(description).validate()
    assert "license" not in description["info"]


def test_every_operation_has_a_stable_name_of_its_own(operations: list[Operation]) -> None:
    names = [operation.get("operationId", "") for _, _, operation in operations]
    assert len(names) > 20
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)] == []
    assert len(set(names)) == len(names)
    generated = [one for one in operations if "api_v1" in one[2]["operationId"]]
    assert _named(generated) == []


def test_every_operation_is_told_in_both_languages(operations: list[Operation]) -> None:
    silent = []
    for one in operations:
        first, _, rest = one[2].get("description", "").partition("\n")
        summary = one[2].get("summary", "")
        if not (CHINESE.search(first) and re.search("[a-z]{3}", rest) and summary and not CHINESE.search(summary)):
            silent.append(one)
    assert _named(silent) == []


def test_every_operation_stands_under_a_part_that_is_described(operations: list[Operation]) -> None:
    known = {name for name, _, _ in TAGS}
    assert (
        _named([one for one in operations if len(one[2].get("tags", [])) != 1 or one[2]["tags"][0] not in known]) == []
    )
    assert all(CHINESE.search(zh) and not CHINESE.search(en) for _, zh, en in TAGS)


def test_every_operation_declares_its_problems(operations: list[Operation]) -> None:
    for path, method, operation in operations:
        answers = operation["responses"]
        wanted = {"400", "406", "500", "503"} | ({"401"} if operation.get("security") else set())
        assert wanted <= answers.keys(), (method, path, wanted - answers.keys())
        for status, answer in answers.items():
            if status >= "4":
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


def test_every_answer_has_a_form(operations: list[Operation]) -> None:
    formless = []
    for one in operations:
        answers = [answer for status, answer in one[2]["responses"].items() if status.startswith("2")]
        bodies = [form for answer in answers for form in answer.get("content", {}).values()]
        if not answers or any(form.get("schema") == {} for form in bodies):
            formless.append(one)
    assert _named(formless) == []


def test_every_body_and_parameter_has_an_example(description: dict[str, Any], operations: list[Operation]) -> None:
    without = []
    for path, method, operation in operations:
        for one in operation.get("parameters", []):
            is_shown = one["name"] in OPAQUE or _has_example(description, one)
            without += [] if is_shown else [f"{path} {one['name']}"]
        for form in operation.get("requestBody", {}).get("content", {}).values():
            is_bytes = form.get("schema", {}).get("format") == "binary"
            without += [] if is_bytes or _has_example(description, form) else [f"{method.upper()} {path}"]
    assert without == []


def _has_example(description: dict[str, Any], found: dict[str, Any]) -> bool:
    forms = [found, _resolved(description, found.get("schema", {}))]
    forms += [_resolved(description, one) for one in forms[1].get("anyOf", [])]
    return any(
        {"example", "examples", "enum", "const", "default"} & form.keys() or form.get("type") in ("boolean",)
        for form in forms
    )


def _resolved(description: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return description["components"]["schemas"][name] if name else schema


def test_nothing_that_is_sent_is_without_a_bound(description: dict[str, Any], operations: list[Operation]) -> None:
    unbounded: list[str] = []
    for path, method, operation in operations:
        place = f"{method.upper()} {path}"
        for one in operation.get("parameters", []):
            unbounded += _unbounded(description, one["schema"], f"{place} {one['name']}")
        for form in operation.get("requestBody", {}).get("content", {}).values():
            unbounded += _unbounded(description, form["schema"], place)
    assert unbounded == []


def _unbounded(description: dict[str, Any], schema: Any, place: str) -> Iterator[str]:
    """Every text or list in a schema, or in what it refers to, that could be of any length."""
    if isinstance(schema, list):
        for index, one in enumerate(schema):
            yield from _unbounded(description, one, f"{place}/{index}")
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        yield from _unbounded(description, _resolved(description, schema), place)
        return
    is_bounded = {"maxLength", "enum", "const", "pattern"} & schema.keys() or schema.get("format") in OPEN_STRINGS
    if (schema.get("type") == "string" and not is_bounded) or (
        schema.get("type") == "array" and "maxItems" not in schema
    ):
        yield place
    for name, inner in schema.items():
        if name not in ("examples", "example", "default", "enum"):
            yield from _unbounded(description, inner, f"{place}/{name}")


def test_every_body_refuses_fields_it_does_not_know(description: dict[str, Any], operations: list[Operation]) -> None:
    taken = [
        (f"{method.upper()} {path}", _resolved(description, form["schema"]))
        for path, method, operation in operations
        for kind, form in operation.get("requestBody", {}).get("content", {}).items()
        if kind == "application/json"
    ]
    assert [
        name
        for name, schema in taken
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False
    ] == []


def test_it_is_served_and_so_is_its_page(site: Site) -> None:
    told = site.anybody.get("/api/v1/openapi.json")
    assert told.json()["info"]["version"] == "1"
    schemes = told.json()["components"]["securitySchemes"]
    assert (schemes["bearer"]["scheme"], schemes["cookie"]["in"]) == ("bearer", "cookie")
    page = site.anybody.get("/docs")
    assert page.status_code == 200, "built by make setup"
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script>|<style|\son[a-z]+=|https?://", page.text)
    for name in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text):
        asset = site.anybody.get(name)
        assert (asset.status_code, asset.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert site.anybody.get("/assets/manifest.json").status_code == 404
    assert site.anybody.get("/assets/..%2fbuild.py").status_code == 404
