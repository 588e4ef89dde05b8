"""A small world to ask everything in: cases, a lead, a file, a hand-off, requests, a service and its token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI

from api.http.app import PREFIX
from engine.core.commands import Offer
from engine.errors import NotSignedIn
from engine.service import people, sessions, tokens
from engine.service.desk import Desk
from tests.conftest import Database
from tests.core.play import READY
from tests.http.conftest import Site
from tests.service import lead_play
from tests.service.desks import ask, identify, opened, play_desk
from tests.signed import signed_in

if TYPE_CHECKING:
    from starlette.testclient import TestClient

WORKER, ADMINISTRATOR, HEAD = "ann@police-a", "root@justice:administrator", "officer-7@police-b:unit_supervisor"
SERVICE, GIRL = "service-1", "P-GIRL"
ENROLLED = (
    (SERVICE, "police-a", "service"), ("service-2", "police-a", "service"), ("officer-1", "police-a", "caseworker"),
    ("officer-2", "civil-a", "caseworker"),
)  # fmt: skip
ROOT = signed_in("root", "justice", "administrator")


@dataclass
class World:
    """A site in which there is something, and what: the places of addresses, and what may stand there."""

    site: Site
    known: Mapping[str, list[str | int]]

    def token_of(self, words: str) -> Callable[[], str]:
        """What gives the token of somebody; a new one when the last is of no use any more, because it was used up."""
        held: list[str] = []

        def token() -> str:
            try:
                sessions.present(self.site.desk, held[-1] if held else "")
            except NotSignedIn:
                held.append(self.site.token(words))
            return held[-1]

        return token

    def service_token(self) -> Callable[[], str]:
        """The token of a registered service, which nobody of this world may take back but an administrator."""
        desk = self.site.desk
        until = desk.clock() + timedelta(days=90)
        issued = tokens.issue(desk, ROOT, SERVICE, ("case_handling",), until)
        return lambda: issued.token


@contextmanager
def world_at(url: str, app: FastAPI, folder: Path) -> Iterator[World]:
    """A world in which every kind of thing is there once, on this database; its files lie in a folder."""
    with pytest.MonkeyPatch.context() as patch, play_desk(url) as desk, ExitStack() as stack:
        for place in ("api.http.routes.leads.lead_rules", "api.http.shapes.leads.lead_rules"):
            patch.setattr(place, lambda: lead_play.RULES)
        patch.setattr("api.http.routes.shared_data.sharing_rules", lambda: lead_play.SHARING)
        desk.attachments = folder
        app.state.desk = desk
        site = Site(desk, app, stack)
        yield World(site, _furnished(site))


@pytest.fixture
def world(sqlite_database: Database, whole_app: FastAPI, tmp_path: Path) -> Iterator[World]:
    """Give a furnished world."""
    with world_at(sqlite_database.app_url, whole_app, tmp_path) as made:
        yield made


@pytest.fixture
def either_world(database_url: str, whole_app: FastAPI, tmp_path: Path) -> Iterator[World]:
    """Give a furnished world on each kind of database."""
    with world_at(database_url, whole_app, tmp_path) as made:
        yield made


def _furnished(site: Site) -> dict[str, list[str | int]]:
    """What is there, by the name of the place in an address that it may stand in."""
    desk: Desk = site.desk
    for person, unit, role in ENROLLED:
        people.add(desk, person, ROOT)
        people.grant(desk, person, unit, role, ROOT)
    cases = [opened(desk), opened(desk), opened(desk, **READY)]
    identify(desk, cases[0], GIRL, "victim")
    offered = ask(desk, Offer(case=cases[1], track="rescue", to_unit="police-b")).offered
    named = {
        "Content-Disposition": "attachment; filename*=UTF-8''report.txt",
        "Content-Type": "application/octet-stream",
    }
    file = _made(site.as_(WORKER), f"/cases/{cases[0]}/files", content=b"an invented report", headers=named)
    reveal = {"case": cases[0], "person": GIRL, "fields": ["name"], "reason": "notify_family"}
    request = _made(site.as_(WORKER), "/requests/reveals", json=reveal)
    hook = _made(site.as_(HEAD), "/webhooks", json={"url": "https://127.0.0.1:9/hook", "kinds": ["hand_off_offered"]})
    token = tokens.issue(desk, ROOT, "service-2", ("case_handling",), desk.clock() + timedelta(days=30))
    reported = lead_play.reported(desk).lead
    return {
        "case": list(cases), "track": ["rescue", "aid"], "number": [int(offered[0].rpartition("/")[2]), 1, 2],
        "duty": ["comfort"], "event": [1, 2, 3], "attachment": [file["attachment"]], "request": [request["request"]],
        "webhook": [hook["id"]], "lead": [reported], "receipt": [reported], "token_id": [token.id],
        "Guitu-Acting-As": ["police-a", "police-a:caseworker"], "Guitu-Purpose": ["case_handling"],
        "to_unit": ["police-b", "civil-a", "health"], "unit": ["police-a"],
        "person": ["officer-1", "officer-2"], "name": ["play"], "parameter": ["stay_days", "strict"],
    }  # fmt: skip


def _made(client: TestClient, path: str, **said: Any) -> dict[str, Any]:
    answer = client.post(f"{PREFIX}{path}", **said)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
