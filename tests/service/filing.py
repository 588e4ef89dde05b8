"""Adding files to cases at a desk and taking them out, and what lies in their folder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from engine.core.commands import Actor
from engine.service.attachments import add, copy_out
from engine.service.desk import Desk
from tests.conftest import Database
from tests.service.desks import POLICE
from tests.service.inspection import as_owner

WORDS = "只有本案的人可以读到的话\n"
TEXT = WORDS.encode() * 5_000
NAME = "谈话记录-canary.txt"


def add_text(desk: Desk, case: str, content: bytes = TEXT, name: str = NAME, actor: Actor = POLICE, **more: Any) -> str:
    """Add a file, a text if none is given, and answer its reference."""
    answer = add(desk, case, io.BytesIO(content), name, actor, **more)
    assert answer.attachment is not None
    return answer.attachment


def taken_out(desk: Desk, case: str, attachment: str, actor: Actor = POLICE) -> bytes:
    """The content of a file of the case."""
    out = io.BytesIO()
    copy_out(desk, case, attachment, out, actor)
    return out.getvalue()


def files(folder: Path) -> list[Path]:
    """Every file in a folder and below."""
    return [path for path in folder.rglob("*") if path.is_file()]


def refusals(database: Database) -> list[tuple[str, str]]:
    """What was refused and why, the first one first."""
    (rows,) = as_owner(database, "SELECT command, code FROM refusal ORDER BY id")
    return [(row["command"], row["code"]) for row in rows]
