"""``guitu access matrix``: who may do what as what, in one sheet, with the policies that decide it."""

from __future__ import annotations

from typing import Annotated

import typer

from api.options import Json
from api.world import World
from engine.service import access_matrix


def matrix(
    ctx: typer.Context,
    is_check: Annotated[
        bool,
        typer.Option("--check", help="Only say whether policies/matrix.csv is what the policies make; exit 1 if not."),
    ] = False,
    is_write: Annotated[bool, typer.Option("--write", help="Write policies/matrix.csv of this checkout anew.")] = False,
    as_json: Json = False,
) -> None:
    """Print the sheet of roles, standings and actions as CSV, drawn from the policies."""
    speech = World.of(ctx).speech
    if as_json:
        speech.give({"matrix": access_matrix.rows(), "is_current": access_matrix.is_current()})
        return
    if is_write:
        place = access_matrix.write()
        speech.say(speech.pick(f"已写入 {place.name}", f"wrote {place.name}"))
    elif not is_check:
        typer.echo(access_matrix.drawn(), nl=False)
    elif access_matrix.is_current():
        speech.say(speech.pick("权限矩阵与规则一致", "the matrix is what the policies make"))
    else:
        zh = "权限矩阵与规则不一致：请以 --write 重写并核对差异"
        en = "the matrix is not what the policies make: write it anew with --write and read the changes"
        speech.say(speech.pick(zh, en))
        raise typer.Exit(1)
