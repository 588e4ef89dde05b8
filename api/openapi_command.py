"""``guitu openapi``: the description of the REST door, to generate programs from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import typer

from api.options import Json

if TYPE_CHECKING:
    from engine.service.desk import Desk


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("openapi")(openapi)


def openapi(ctx: typer.Context, as_json: Json = False) -> None:
    """Print the description of the REST door (OpenAPI 3.1, JSON either way), as the door itself answers it."""
    from api.http.app import make_app  # the whole door is loaded by whoever wants it alone

    described = make_app(cast("Desk", None)).openapi()
    typer.echo(json.dumps(described, ensure_ascii=False, indent=1))
