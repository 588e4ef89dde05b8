"""Lists that come page by page on the command line: how to go on, and saying so."""

from __future__ import annotations

from typing import Annotated

import typer

from api.speech import Speech

After = Annotated[
    str | None, typer.Option("--after", metavar="PLACE", help="Go on behind what the page before gave as its next.")
]


def goes_on(speech: Speech, place: str | None) -> None:
    """Say how to see what lies behind a page, if anything does."""
    if place is not None:
        speech.say(speech.pick(f"后续：--after {place}", f"more: --after {place}"), style="dim")
