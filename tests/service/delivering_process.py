"""A worker to be killed while it delivers: it sends to the receiver of the task, and never hears an answer."""

from __future__ import annotations

import sys
from datetime import datetime

from engine.service.webhook_delivery import deliver_batch
from tests.service.desks import play_desk


def main(url: str, since: str) -> None:
    """Deliver one batch on this database."""
    with play_desk(url, since=datetime.fromisoformat(since), known=True) as desk:
        deliver_batch(desk)


if __name__ == "__main__":
    main(*sys.argv[1:])
