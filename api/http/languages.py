"""In which of its two languages the REST door answers."""

from __future__ import annotations

from typing import Literal

from starlette.datastructures import Headers

Language = Literal["zh", "en"]
_MOST_STATED = 20


def spoken(headers: Headers) -> Language:
    """The language the caller reads: of those it accepts the one it likes best that is spoken here, else Chinese."""
    stated = headers.get("accept-language", "").lower().split(",")[:_MOST_STATED]
    liked = [(_weight(part), -place, part.strip()[:2]) for place, part in enumerate(stated)]
    known = [one for one in liked if one[0] > 0 and one[2] in ("zh", "en")]
    return "en" if known and max(known)[2] == "en" else "zh"


def _weight(part: str) -> float:
    """How much a language is liked: 1, or what ``q=`` says; 0 for what is none."""
    _, _, stated = part.partition(";q=")
    try:
        return float(stated) if stated else 1.0
    except ValueError:
        return 0.0
