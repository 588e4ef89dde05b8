"""The REST door to test at: the small play of ``tests/service/desks.py`` behind the whole application."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI

from api.http.app import make_app
from engine.service.actors import read_actor
from engine.service.desk import Desk
from engine.service.sessions import begin_trial
from tests.service.desks import play_desk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have another client, which is not needed here
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    import httpx


ON_BOTH = {"cases", "sweep", "fuzz"}
"""Where the door's tests go through whole cases; these choose for themselves what is long."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On PostgreSQL the rest is long: the door says no SQL, and what it asks of the desk is tested there on both."""
    for item in items:
        parts = item.path.relative_to(item.config.rootpath / "tests").parts
        if parts[0] == "http" and parts[1] not in ON_BOTH and "postgresql" in item.name:
            item.add_marker(pytest.mark.long)


@dataclass
class Site:
    """One application over one desk, and those who call it."""

    desk: Desk
    app: FastAPI
    stack: ExitStack
    _clients: dict[str, TestClient] = field(default_factory=dict)

    @cached_property
    def anybody(self) -> TestClient:
        """Somebody who has not signed in."""
        return self.stack.enter_context(TestClient(self.app, raise_server_exceptions=False))

    def as_(self, words: str) -> TestClient:
        """``PERSON@UNIT[:ROLE]``, signed in."""
        if words not in self._clients:
            client = TestClient(self.app, raise_server_exceptions=False)
            client.headers["Authorization"] = f"Bearer {self.token(words)}"
            self._clients[words] = self.stack.enter_context(client)
        return self._clients[words]

    def token(self, words: str) -> str:
        """A new sign-in of ``PERSON@UNIT[:ROLE]``, as its bearer token."""
        who = read_actor(words)
        return begin_trial(self.desk, who.person, who.unit, who.role).token


@pytest.fixture(scope="session")
def whole_app() -> FastAPI:
    """Give the whole application without a desk: making it takes longer than most tests."""
    return make_app(None)  # type: ignore[arg-type]


@pytest.fixture
def site(database_url: str, whole_app: FastAPI) -> Iterator[Site]:
    """Give the REST door over a desk with the play procedure, in a world for trial, on each kind of database."""
    with play_desk(database_url) as desk, ExitStack() as stack:
        whole_app.state.desk = desk
        yield Site(desk, whole_app, stack)
        whole_app.dependency_overrides.clear()


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    """The problem document of an answer, held to its form."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, object] = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code), document
    return document
