"""The options that many commands share, written once; and how their words become values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.world import World
from engine.errors import CommandMalformed


def _remember_json(ctx: typer.Context, value: bool) -> bool:
    """The error page must know it too."""
    World.of(ctx).speech.as_json |= value
    return value


As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="@UNIT[:ROLE]",
        envvar="GUITU_AS",
        default_factory=str,
        show_default=False,
        help="For which unit whoever signed in acts, as what if it matters; in a world for trial PERSON@UNIT[:ROLE].",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", callback=_remember_json, is_eager=True, help="Answer, or refuse, as JSON on stdout.")
]
CaseId = Annotated[str, typer.Argument(metavar="CASE", help="The pseudonym of the case, such as GT-7K3M-9QXD-04RB.")]
Track = Annotated[str, typer.Argument(metavar="TRACK", help="A track of its definition.")]
HandOffId = Annotated[str, typer.Argument(metavar="HAND_OFF", help="The hand-off, CASE/NUMBER or the number alone.")]
Key = Annotated[
    str | None, typer.Option("--key", metavar="KEY", help="Idempotency key: the same key gets the first answer again.")
]
Expect = Annotated[
    int | None,
    typer.Option("--expect", metavar="REVISION", help="The revision you looked at; refused if the case went on since."),
]
Facts = Annotated[
    list[str] | None, typer.Option("--fact", metavar="NAME=VALUE", help="A fact of the form; may be given many times.")
]
Documents = Annotated[
    list[str] | None, typer.Option("--document", metavar="NAME", help="A document that is now in the case; many times.")
]
To = Annotated[str | None, typer.Option("--to", metavar="UNIT", help="The unit to ask; the nearest one if not given.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")]
NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="A unit directory written as YAML.")]


def facts_of(words: list[str] | None) -> dict[str, Any]:
    """``name=value`` words as facts; the definition reads the values. Raises :class:`CommandMalformed`."""
    facts: dict[str, Any] = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise CommandMalformed("--fact 应写成 名称=值", "--fact is NAME=VALUE")
        if name in facts:
            raise CommandMalformed("同一登记项给了两次", "a fact is given twice")
        facts[name.strip()] = value
    return facts


def hand_off_of(case: str, words: str) -> str:
    """``12`` or ``CASE/12`` as the identifier of a hand-off."""
    return words if "/" in words else f"{case}/{words}"
