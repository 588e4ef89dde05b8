"""Lists of cases as they go out."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field

from api.http.shapes.pages import NEXT
from api.http.shapes.plain import Shown
from engine.service.lists import MOST_COUNTED, Count


class CaseLineShown(Shown):
    """A case in a list."""

    case: str
    scope: str
    jurisdiction: str
    area: str
    definition: str = Field(description="流程定义及版本。 The definition and its version.", examples=["fujian@1"])
    revision: int
    status: str
    outcome: str | None
    opened_at: datetime
    changed_at: datetime


class CasePageShown(Shown):
    """Some cases, the newest first; ``next`` leads to those behind them, and is ``null`` at the end."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [{
                        "case": "GT-7K3M-9QXD-04RB", "scope": "victim", "jurisdiction": "350000", "area": "350102",
                        "definition": "fujian@1", "revision": 7, "status": "open", "outcome": None,
                        "opened_at": "2026-11-20T01:00:00Z", "changed_at": "2026-11-21T01:00:00Z",
                    }],
                    "next": None,
                }
            ]
        }
    )  # fmt: skip

    items: list[CaseLineShown]
    next: str | None = Field(description=NEXT)


class CountShown(Shown):
    """How many cases a unit takes part in; ``null`` stands for more than ``most_counted``."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"current": 17, "ended": 3, "most_counted": MOST_COUNTED}]}
    )

    current: int | None = Field(description="正在参与的个案数。 Cases the unit takes part in now.")
    ended: int | None = Field(description="近期结束参与的个案数。 Cases in which its part ended lately.")
    most_counted: int = Field(description="计数上限。 Of more than these it is only said that there are more.")


def count_shown(found: Count) -> CountShown:
    """A count as it goes out."""
    return CountShown(current=found.current, ended=found.ended, most_counted=MOST_COUNTED)
