"""``guitu case``: moving a case on and handing it over. Each command here is one command of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.answers import act, tell_answer
from api.identity_commands import read_form, say_recorded
from api.options import (
    As,
    CaseId,
    Documents,
    Expect,
    Facts,
    HandOffId,
    Json,
    Key,
    Reason,
    To,
    Track,
    facts_of,
    hand_off_of,
)
from api.world import World
from engine.core import commands as cmd
from engine.service import identities

Scope = Annotated[Literal["victim", "criminal_case", "office"], typer.Option("--scope", help="Whose record it is.")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (
        ("open", open_), ("open-track", open_track), ("move", move), ("offer", offer), ("transfer", transfer),
        ("relocate", relocate), ("accept", accept), ("decline", decline), ("withdraw", withdraw), ("refer", refer),
        ("assign", assign), ("reverse", reverse), ("decline-track", decline_track), ("close", close),
        ("reopen", reopen),
    ):  # fmt: skip
        group.command(name)(command)


def open_(
    ctx: typer.Context,
    *,
    area: Annotated[str, typer.Option("--area", metavar="CODE", help="GB/T 2260 code of the area where it begins.")],
    as_: As,
    scope: Scope = "victim",
    definition: Annotated[str | None, typer.Option("--definition", metavar="ID", help="Else the area's own.")] = None,
    fact: Facts = None,
    document: Documents = None,
    identity: Annotated[
        Path | None,
        typer.Option("--identity", metavar="FILE", help="Who the victim is, as JSON (-: standard input)."),
    ] = None,
    despite: Annotated[
        list[str] | None,
        typer.Option("--despite", metavar="CASE", help="Looked at: somebody else. Many times."),
    ] = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Open a record; its tracks open by themselves as the facts ask for them. With an identity: duplicates first."""
    opening = cmd.OpenCase(
        case="", scope=scope, area=area, definition=definition, facts=facts_of(fact), documents=tuple(document or ()),
        idempotency_key=key,
    )  # fmt: skip
    world = World.of(ctx)
    if identity is None:
        act(world, opening, as_)
        return
    opened, recorded = identities.open_case(world.desk, opening, read_form(identity), world.actor(as_), despite or ())
    tell_answer(world, opened, victim=recorded.answer.person, remarks=recorded.remarks)
    say_recorded(world.speech, recorded)


def open_track(
    ctx: typer.Context, *, case: CaseId, track: Track, as_: As, to: To = None, fact: Facts = None,
    document: Documents = None, key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Open a track on request, such as legal aid, from any stage."""
    opening = cmd.OpenTrack(
        case=case, track=track, to_unit=to, facts=facts_of(fact), documents=tuple(document or ()), idempotency_key=key,
        expected_revision=expect,
    )  # fmt: skip
    act(World.of(ctx), opening, as_)


def move(
    ctx: typer.Context, *, case: CaseId, track: Track,
    name: Annotated[str, typer.Argument(metavar="MOVE", help="A move that leaves the step where the track stands.")],
    as_: As, to: To = None, fact: Facts = None, document: Documents = None, key: Key = None, expect: Expect = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make a move. Into a step of another function it offers a hand-off, and nothing moves until that is accepted."""
    moving = cmd.Move(
        case=case, track=track, move=name, to_unit=to, facts=facts_of(fact), documents=tuple(document or ()),
        idempotency_key=key, expected_revision=expect,
    )  # fmt: skip
    act(World.of(ctx), moving, as_)


def offer(
    ctx: typer.Context, *, case: CaseId, track: Track, as_: As, to: To = None, reason: Reason = "", key: Key = None,
    expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Offer a waiting track again, or the step a track stands at to another unit of the same function."""
    offering = cmd.Offer(
        case=case, track=track, to_unit=to, reason=reason, idempotency_key=key, expected_revision=expect
    )  # fmt: skip
    act(World.of(ctx), offering, as_)


def transfer(
    ctx: typer.Context, *, case: CaseId, as_: As,
    area: Annotated[str, typer.Option("--area", metavar="CODE", help="The area it goes to.")],
    to: Annotated[str, typer.Option("--to", metavar="UNIT", help="The unit there that is asked.")],
    reason: Reason = "", key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Offer the whole case to a unit of another jurisdiction; acceptance opens a linked successor case there."""
    offering = cmd.OfferTransfer(
        case=case, area=area, to_unit=to, reason=reason, idempotency_key=key, expected_revision=expect
    )  # fmt: skip
    act(World.of(ctx), offering, as_)


def relocate(
    ctx: typer.Context, *, case: CaseId, as_: As,
    area: Annotated[str, typer.Option("--area", metavar="CODE", help="The area where the victim lives now.")],
    reason: Reason = "", key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Say that the victim now lives in another area of the same jurisdiction; units are looked for from there on."""
    moving = cmd.Relocate(case=case, area=area, reason=reason, idempotency_key=key, expected_revision=expect)
    act(World.of(ctx), moving, as_)


def accept(
    ctx: typer.Context, *, case: CaseId, hand_off: HandOffId, as_: As, key: Key = None, expect: Expect = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Accept a hand-off: the conditions are judged again, and from now on your unit is responsible."""
    name = hand_off_of(case, hand_off)
    accepting = cmd.Accept(case=case, hand_off=name, idempotency_key=key, expected_revision=expect)
    act(World.of(ctx), accepting, as_)


def decline(
    ctx: typer.Context, *, case: CaseId, hand_off: HandOffId, as_: As,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="A reason of the definition.")],
    text: Annotated[str, typer.Option("--text", metavar="TEXT", help="What is missing or wrong.")] = "",
    key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Decline a hand-off with a reason; the sender was responsible all along and stays so."""
    name = hand_off_of(case, hand_off)
    declining = cmd.Decline(
        case=case, hand_off=name, reason=reason, text=text, idempotency_key=key, expected_revision=expect
    )  # fmt: skip
    act(World.of(ctx), declining, as_)


def withdraw(
    ctx: typer.Context, *, case: CaseId, hand_off: HandOffId, as_: As, reason: Reason = "", key: Key = None,
    expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Take back an offer nobody answered yet."""
    name = hand_off_of(case, hand_off)
    taking = cmd.Withdraw(case=case, hand_off=name, reason=reason, idempotency_key=key, expected_revision=expect)
    act(World.of(ctx), taking, as_)


def refer(
    ctx: typer.Context, *, case: CaseId, track: Track, as_: As, to: To = None, reason: Reason = "",
    ends: Annotated[str | None, typer.Option("--ends", metavar="REFERRAL", help="End this referral instead.")] = None,
    key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Bring another unit in; responsibility stays where it is."""
    referral = hand_off_of(case, ends) if ends is not None else None
    referring = cmd.Refer(
        case=case, track=track, to_unit=to, reason=reason, ends=referral, idempotency_key=key, expected_revision=expect
    )  # fmt: skip
    act(World.of(ctx), referring, as_)


def assign(
    ctx: typer.Context, *, case: CaseId, track: Track, as_: As,
    person: Annotated[
        str | None, typer.Option("--person", metavar="PERSON", help="Nobody in particular if not given.")
    ] = None,
    key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Give a track to a person inside your unit."""
    assigning = cmd.Assign(case=case, track=track, person=person, idempotency_key=key, expected_revision=expect)
    act(World.of(ctx), assigning, as_)


def reverse(
    ctx: typer.Context, *, case: CaseId, track: Track, as_: As, reason: Reason = "", key: Key = None,
    expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Undo the last move or acceptance of a track, with a reason; what rested on it elsewhere is flagged."""
    reversing = cmd.Reverse(case=case, track=track, reason=reason, idempotency_key=key, expected_revision=expect)
    act(World.of(ctx), reversing, as_)


def decline_track(
    ctx: typer.Context, *, case: CaseId, track: Track, as_: As, reason: Reason = "", key: Key = None,
    expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """The victim does not want what a track offers."""
    declining = cmd.DeclineTrack(case=case, track=track, reason=reason, idempotency_key=key, expected_revision=expect)
    act(World.of(ctx), declining, as_)


def close(
    ctx: typer.Context, *, case: CaseId,
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME", help="archive, death, lost_from_sight, duplicate …")],
    as_: As, reason: Reason = "",
    points_to: Annotated[str | None, typer.Option("--points-to", metavar="CASE", help="The case that goes on.")] = None,
    key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """End a record in one of the ways its definition knows; refused with everything that still holds it."""
    closing = cmd.Close(
        case=case, outcome=outcome, reason=reason, points_to=points_to, idempotency_key=key, expected_revision=expect
    )  # fmt: skip
    act(World.of(ctx), closing, as_)


def reopen(
    ctx: typer.Context, *, case: CaseId, track: Track, as_: As, reason: Reason = "", key: Key = None,
    expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Take a closed record up again on one of its tracks, with a reason."""
    reopening = cmd.Reopen(case=case, track=track, reason=reason, idempotency_key=key, expected_revision=expect)
    act(World.of(ctx), reopening, as_)
