"""A real identity provider, started once for all tests of this folder, and a desk that people sign in to by it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from api.http.app import make_app
from engine.credentials.provider import Provider
from engine.service import people
from engine.service.desk import Desk
from tests import npm
from tests.conftest import Database
from tests.http.conftest import Site
from tests.keys import AUDITOR
from tests.service.desks import play_desk
from tests.service.ledger_export.reading import told
from tests.signed import signed_in

HERE = Path(__file__).parent / "identity_provider"
FILES = ("package.json", "package-lock.json", "run.mjs")
REDIRECT = "http://127.0.0.1:9/api/v1/sign-in/provider/return"
"""Where nobody listens: a test takes what would be sent there, and calls the door itself."""
SECRET = "of-this-run: 50%+"
"""With letters that a client must escape."""
ROOT = signed_in("root", "justice", "administrator")
OFFICER = "officer-12"


@pytest.fixture(scope="session")
def issuer(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a running identity provider."""
    place = npm.installed(request.config, HERE, FILES)
    command: list[str | Path] = [
        npm.NODE / "bin" / "node",
        "run.mjs",
        json.dumps({"redirect": REDIRECT, "secret": SECRET}),
    ]
    with subprocess.Popen(
        command, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:  # fmt: skip
        assert running.stdout is not None
        assert running.stderr is not None
        line = running.stdout.readline()
        try:
            assert line, running.stderr.read()[-2000:]
            yield json.loads(line)["issuer"]
        finally:
            running.kill()


@dataclass
class Browser:
    """Somebody's browser at the provider: it signs in there, agrees, and says where it was sent back to."""

    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=10))

    def sent_back(self, address: str, login: str) -> str:
        """Go where one is sent, sign in under this name, and give the path and query of the way back."""
        there = httpx.URL(address)
        for _ in range(12):
            if str(there).startswith(REDIRECT):
                return str(there.raw_path, "ascii")
            answer = self.client.get(there)
            if answer.status_code == httpx.codes.OK:
                form = {"prompt": "login" if 'name="login"' in answer.text else "consent", "login": login}
                answer = self.client.post(there, data=form | {"password": "any"})
            assert answer.is_redirect, answer.text
            there = there.join(answer.headers["location"])
        raise AssertionError("the provider never sent the browser back")

    def close(self) -> None:
        """Leave."""
        self.client.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Give a browser that has not been at the provider."""
    found = Browser()
    yield found
    found.close()


@contextmanager
def desk_at(url: str) -> Iterator[Desk]:
    """A desk of today, at which an officer is enrolled."""
    with play_desk(url, since=datetime.now(UTC)) as desk:
        people.add(desk, OFFICER, ROOT)
        people.grant(desk, OFFICER, "police-a", "caseworker", ROOT)
        yield desk


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """Give the application, which takes long to make: each test puts its own desk behind it."""
    return make_app(cast("Desk", None))


@contextmanager
def site_at(url: str, app: FastAPI, issuer: str) -> Iterator[Site]:
    """The REST door over a desk that people sign in to by the provider."""
    with desk_at(url) as desk, ExitStack() as stack:
        desk.provider = Provider(issuer, "guitu-ES256", REDIRECT, lambda: SECRET)
        app.state.desk = desk
        yield Site(desk, app, stack)


@pytest.fixture
def site(sqlite_database: Database, app: FastAPI, issuer: str) -> Iterator[Site]:
    """Give the REST door over a desk that people sign in to by the provider."""
    with site_at(sqlite_database.app_url, app, issuer) as made:
        yield made


@pytest.fixture
def site_on_both(database_url: str, app: FastAPI, issuer: str) -> Iterator[Site]:
    """Give the same, on each kind of database."""
    with site_at(database_url, app, issuer) as made:
        yield made


def query(address: str) -> dict[str, str]:
    """The query of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def why(desk: Desk) -> object:
    """Why the last sign-in was refused, as the ledger tells."""
    events = [one.event for one in told(desk.database, AUDITOR) if one.event is not None]
    last = [one for one in events if one["act"] == "sign_in:begin" and one["outcome"] == "refused"][-1]
    assert last["reason"] == "provider_refused"
    assert isinstance(last["details"], dict)
    return last["details"]["why"]
