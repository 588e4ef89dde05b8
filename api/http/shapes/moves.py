"""The moves of a case as they go out: open or blocked, with all that stands in the way."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from api.http.shapes.plain import Label, Named, ReasonShown, Shown, label, named, reason
from engine.service.read import MoveSheet


class MoveOptionShown(Shown):
    """One move from where a track stands. It is open when nothing stands in its way."""

    track: str
    move: str
    title: Label
    to_step: Named
    is_open: bool
    to_unit: str | None = Field(description="将请其接收的单位。 The unit that would be asked to accept, if any.")
    is_unit_missing: bool = Field(
        description="目录中没有对应单位。 The directory has no unit for the step it leads to."
    )
    clauses: list[str]
    provenance: str
    reasons: list[ReasonShown] = Field(description="全部未满足的条件。 All the conditions that are not met.")


class MovesShown(Shown):
    """What could be done now. ``blocked`` and ``holding`` are counts without explanation, and lists with it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case": "GT-7K3M-9QXD-04RB", "revision": 7,
                    "moves": [{
                        "track": "rescue", "move": "place", "title": {"zh": "安置", "en": "place"},
                        "to_step": {"code": "placed", "name": {"zh": "已安置", "en": "placed"}}, "is_open": False,
                        "to_unit": "civil-a", "is_unit_missing": False, "clauses": ["二（二）3"],
                        "provenance": "printed",
                        "reasons": [{
                            "code": "nobody_found", "message": {"zh": "须先查找亲属", "en": "relatives come first"},
                            "clauses": ["二（二）3"], "provenance": "printed", "judged": {"search.result": None},
                        }],
                    }],
                    "blocked": 1, "requestable": [], "holding_count": 2, "holding": None,
                }
            ]
        }
    )  # fmt: skip

    case: str
    revision: int
    moves: list[MoveOptionShown]
    blocked: int = Field(description="暂不能办理的动作数。 How many moves are blocked.")
    requestable: list[Named] = Field(description="可提请开启的办理线。 Tracks that may be opened on request.")
    holding_count: int = Field(description="归档前尚须完成的事项数。 How many things keep the case from closing.")
    holding: list[ReasonShown] | None = Field(
        description="归档前尚须完成的事项；仅在说明原因时给出。 What keeps the case from closing; if explained."
    )


def moves_shown(case: str, sheet: MoveSheet, *, explain: bool) -> MovesShown:
    """The moves of a case; the blocked ones, and why, where they are to be explained."""
    return MovesShown(
        case=case, revision=sheet.revision,
        moves=[
            MoveOptionShown(
                track=one.track, move=one.move, title=label(one.title), to_step=named(one.to_step, one.to_title),
                is_open=one.is_open, to_unit=one.to_unit, is_unit_missing=one.unit_missing,
                clauses=list(one.clauses), provenance=one.provenance,
                reasons=[reason(why) for why in one.reasons],
            )
            for one in sheet.options if explain or one.is_open
        ],
        blocked=sum(not one.is_open for one in sheet.options),
        requestable=[named(one, sheet.titles[one]) for one in sheet.requestable],
        holding_count=len(sheet.holding), holding=[reason(one) for one in sheet.holding] if explain else None,
    )  # fmt: skip
