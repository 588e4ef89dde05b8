"""A process with a desk that looks at a case so many times, says so, and waits: to be looked into from outside."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.service import read
from engine.service.auditors import Auditors
from engine.service.scribe import Scribe
from tests.core.play import START
from tests.service.desks import POLICE, play_desk

MANY_DAYS = timedelta(days=300)


def main() -> None:
    """Work on the database, with the list of auditors, on the case, so many times; end with the input."""
    url, auditors, case, times = sys.argv[1:]
    with play_desk(url, 9000, since=START + MANY_DAYS, known=True) as desk:
        desk.scribe = Scribe(desk.database, Auditors(Path(auditors)).keys, lambda: datetime.now(UTC))
        for _ in range(int(times)):
            read.show(desk, case, POLICE)
        print("done", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
