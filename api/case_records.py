"""``guitu case``: what is put on record without a move."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from api.answers import act
from api.options import As, CaseId, Documents, Expect, Facts, Json, Key, Reason, Track, facts_of
from api.world import World
from engine.core import commands as cmd

Speaker = Literal["victim", "guardian", "representative"]
Outcome = Literal["done", "declined", "not_applicable"]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    for name, command in (
        ("contribute", contribute), ("consent", consent), ("duty", duty), ("correct", correct), ("review", review),
        ("link", link),
    ):  # fmt: skip
        group.command(name)(command)


def contribute(
    ctx: typer.Context, *, case: CaseId, track: Track, as_: As, fact: Facts = None, document: Documents = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="A note; never a name.")] = "",
    key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Add facts, documents or a note to a track without moving it; joint and cooperating units may."""
    adding = cmd.Contribute(
        case=case, track=track, facts=facts_of(fact), documents=tuple(document or ()), note=note, idempotency_key=key,
        expected_revision=expect,
    )  # fmt: skip
    act(World.of(ctx), adding, as_)


def consent(
    ctx: typer.Context, *, case: CaseId,
    name: Annotated[str, typer.Argument(metavar="CONSENT", help="A consent of the definition.")],
    as_: As,
    given: Annotated[bool, typer.Option("--given/--refused", help="Given, or refused or withdrawn.")] = True,
    spoken_by: Annotated[Speaker, typer.Option("--spoken-by", help="Who spoke.")] = "victim",
    key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Record what the victim, or who speaks for her or him, agreed to, refused or withdrew."""
    recording = cmd.RecordConsent(
        case=case, consent=name, given=given, spoken_by=spoken_by, idempotency_key=key,
        expected_revision=expect,
    )  # fmt: skip
    act(World.of(ctx), recording, as_)


def duty(
    ctx: typer.Context, *, case: CaseId,
    name: Annotated[str, typer.Argument(metavar="DUTY", help="A duty of the definition.")],
    outcome: Annotated[Outcome, typer.Argument(help="How it was settled.")],
    as_: As, reason: Reason = "",
    evidence: Annotated[
        list[str] | None, typer.Option("--evidence", metavar="DOCUMENT", help="What shows it; many times.")
    ] = None,
    period: Annotated[str, typer.Option("--period", metavar="TEXT", help="The period, for a duty of an office.")] = "",
    key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Settle a duty: done, declined by the victim, or not applicable with a reason."""
    settling = cmd.SettleDuty(
        case=case, duty=name, outcome=outcome, evidence=tuple(evidence or ()), reason=reason,
        period=period, idempotency_key=key, expected_revision=expect,
    )  # fmt: skip
    act(World.of(ctx), settling, as_)


def correct(
    ctx: typer.Context, *, case: CaseId,
    words: Annotated[str, typer.Argument(metavar="NAME=VALUE", help="The fact and what is right.")],
    as_: As, reason: Reason = "", key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Supersede a wrong fact, with a reason; moves that rested on it are flagged for review."""
    ((fact, value),) = facts_of([words]).items()
    correcting = cmd.Correct(
        case=case, fact=fact, value=value, reason=reason, idempotency_key=key, expected_revision=expect
    )  # fmt: skip
    act(World.of(ctx), correcting, as_)


def review(
    ctx: typer.Context, *, case: CaseId,
    event: Annotated[int, typer.Argument(metavar="EVENT", help="The number of the flagged event.")],
    as_: As, reason: Reason = "", key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Say that a flagged move was looked at again and stands."""
    reviewing = cmd.ReviewFlag(case=case, event=event, reason=reason, idempotency_key=key, expected_revision=expect)
    act(World.of(ctx), reviewing, as_)


def link(
    ctx: typer.Context, *, case: CaseId,
    criminal_case: Annotated[str, typer.Argument(metavar="CRIMINAL_CASE", help="The record of the crime.")],
    as_: As, key: Key = None, expect: Expect = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Point a victim's case to the criminal case it belongs to."""
    linking = cmd.LinkCriminalCase(
        case=case, criminal_case=criminal_case, idempotency_key=key, expected_revision=expect
    )  # fmt: skip
    act(World.of(ctx), linking, as_)
