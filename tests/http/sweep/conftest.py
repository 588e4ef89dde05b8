"""The application over the world of the sweep: on SQLite in every run, on PostgreSQL in the long one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.http.routes import leads, shared_data
from api.http.shelf import Shelf
from engine.definitions.coverage import Coverage
from engine.service import definitions, release
from tests.conftest import Database
from tests.http.sweep.calling import Door, open_door
from tests.http.sweep.worlds import Furnished, furnished, with_desk
from tests.service.access.acts import _library
from tests.service.access.conftest import place  # noqa: F401 - a fixture
from tests.service.access.test_sweep import rehearsing
from tests.service.lead_play import RULES, SHARING


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep PostgreSQL, which answers as the other does and takes longer, for the long run."""
    for item in items:
        asked = getattr(item, "callspec", None)
        if item.path.is_relative_to(Path(__file__).parent) and asked and asked.params.get("place") == "postgresql":
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="module")
def world(place: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:  # noqa: F811
    """Give the world of the sweep; nobody changes it for good."""
    with furnished(place, tmp_path_factory.mktemp("attachments")) as found:
        yield found


@pytest.fixture(scope="module")
def door(whole_app: FastAPI, world: Furnished) -> Iterator[Door]:
    """Give the REST door over the desk of the world, with the rules of the play for leads and shared data."""
    with pytest.MonkeyPatch.context() as patch, open_door(whole_app) as opened:
        patch.setattr(leads, "lead_rules", lambda: RULES)
        patch.setattr(shared_data, "sharing_rules", lambda: SHARING)
        patch.setattr(release, "_checked", lambda library, *_: library.get("play").definition)
        patch.setattr(definitions, "covered", lambda *_: (Coverage("play@1", "", (), ()),))
        patch.setitem(whole_app.state._state, "shelf", Shelf(_library(), None))
        patch.setitem(whole_app.state._state, "desk", world.desk)
        yield opened


@pytest.fixture
def rehearsal(whole_app: FastAPI, door: Door, world: Furnished, monkeypatch: pytest.MonkeyPatch) -> Furnished:
    """Give the world behind a desk that judges and writes everything, and keeps nothing."""
    found = with_desk(world, rehearsing(world).desk)
    monkeypatch.setitem(whole_app.state._state, "desk", found.desk)
    return found
