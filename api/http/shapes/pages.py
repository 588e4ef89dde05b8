"""What every list that comes in pages has in common: where to go on, and how a caller says so."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

MOST_MARK = 400
"""So many characters of a mark are taken."""
After = Annotated[
    str | None,
    Query(
        max_length=MOST_MARK,
        description="上一页给出的 next；不填则从头看起。 What the page before gave as its next.",
    ),
]
NEXT = "下一页的标记；没有下一页时为 null。 The mark of the next page; null on the last one."
