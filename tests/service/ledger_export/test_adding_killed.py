"""Whoever adds an auditor may be killed at any moment: the list is whole, and the ledger tells of everybody on it."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path

from engine.core.commands import Actor
from engine.ledger.auditor_file import PublicKey
from engine.ledger.streams import AuditorKey
from engine.service.account import Account
from engine.service.auditors import Auditors, add
from engine.service.scribe import Scribe
from engine.store.database import Database
from tests.service.ledger_export.reading import told
from tests.service.processes import started

ADMIN = Actor("officer-1", "police-a")
FIRST = AuditorKey(b"\x01" * 32)
MOST_ACTS = 40


def _announced(database: Database) -> set[str]:
    """The names of everybody who was added, as the first auditor reads it."""
    events = [one.event for one in told(database, FIRST) if one.act == "auditor:add" and one.event]
    return {str(event["details"]["name"]) for event in events if isinstance(event["details"], dict)}


def test_the_list_holds_nobody_the_ledger_does_not_tell_of(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "auditors.json"
    with Database.open(database_url) as database, started("ledger_export.adding_process") as processes:
        scribe = Scribe(database, Auditors(path).keys, lambda: datetime.now(UTC))
        add(Auditors(path), scribe, PublicKey("first", FIRST.public).to_text(), ADMIN)
        new = PublicKey("new", AuditorKey(b"\x02" * 32).public)
        task = {"url": database_url, "list": str(path), "line": new.to_text()}
        before, ends, states = path.read_bytes(), [], set()
        for at in range(1, MOST_ACTS):
            ends += processes.run({**task, "at": at})
            names = {one.key.name for one in Auditors(path).listed()}
            assert {"first"} <= names <= {"first"} | _announced(database), at
            assert path.stat().st_mode & 0o777 == 0o600
            states.add((len(names), "new" in _announced(database)))
            scribe.enter(Account("case:list", ADMIN))
            if ends[-1] == 0:
                break
            path.write_bytes(before)
        assert ends == [-signal.SIGKILL] * (len(ends) - 1) + [0]
        assert len(ends) >= 8
        assert states == {(1, False), (1, True), (2, True)}
        assert [one.name for one in path.parent.iterdir()] == [path.name], "what others left behind is cleared away"
