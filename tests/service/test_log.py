"""What a person writes into a fact, a note or a reason never reaches the log or an error message."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from engine.core import commands as cmd
from engine.core.commands import COMMANDS, Actor, Command
from engine.errors import GuituError
from engine.service.desk import Desk
from engine.service.handle import handle
from engine.service.log import ALLOWED, configure, log
from engine.vault.identity import Identity
from tests.core.play import READY
from tests.service.desks import CIVIL, JUSTICE, POLICE, ask, opened

CANARY = "王小花-Wang-Xiaohua-13800138000"
NEIGHBOUR = Actor("ny", "police-n")
FREE_TEXT = {"reason", "note", "text"}
"""Fields of commands in which people write what they like."""
WHO = Identity(name="王小花", phones=("+8613800138000",), address=CANARY)
"""Who the canary is: an identity that comes enclosed with a command."""


@dataclass
class Said:
    """Everything that was logged and every error that was raised."""

    log: io.StringIO
    errors: list[GuituError] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def try_(self, desk: Desk, command: Command, actor: Actor) -> None:
        """Carry out a command; an error is as good as an answer here."""
        try:
            handle(desk, command, actor, enclosed=WHO if isinstance(command, cmd.RecordIdentity) else None)
        except GuituError as error:
            self.errors.append(error)

    def check(self) -> None:
        """No line and no error holds the canary, and every line holds allowed keys only."""
        assert CANARY not in self.log.getvalue()
        self.lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        assert all(line.keys() <= ALLOWED for line in self.lines)
        for error in self.errors:
            said = f"{error!s} {error!r} {error.zh} {error.en} {error.details} {error.args}"
            assert CANARY not in said, error.code
            assert all(CANARY not in f"{reason.zh} {reason.en} {reason.code}" for reason in error.reasons)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[Said]:
    """Give what is said while the log is set up as an installation does."""
    written = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr("engine.service.log.sys", SimpleNamespace(stderr=written))  # pytest changes sys.stderr itself
        configure("DEBUG")
        yield Said(written)
    structlog.reset_defaults()


def _right(case: str, hand_off: str) -> list[tuple[Command, Actor]]:
    """Every kind of command as a form would send it; free text and values of facts hold the canary."""
    facts: dict[str, Any] = {"note": CANARY}
    return [
        (cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True, **facts}), POLICE),
        (cmd.OpenTrack(case=case, track="aid", facts={"note": CANARY}), POLICE),
        (cmd.Contribute(case=case, track="rescue", note=CANARY), POLICE),
        (cmd.Withdraw(case=case, hand_off=hand_off, reason=CANARY), POLICE),
        (cmd.Move(case=case, track="rescue", move="note_it"), POLICE),
        (cmd.Offer(case=case, track="rescue", to_unit="police-b", reason=CANARY), POLICE),
        (cmd.Decline(case=case, hand_off=f"{case}/0", reason="not_ours", text=CANARY), Actor("bo", "police-b")),
        (cmd.Accept(case=case, hand_off=f"{case}/0"), Actor("bo", "police-b")),
        (cmd.OfferTransfer(case=case, area="800000", to_unit="police-n", reason=CANARY), POLICE),
        (cmd.Refer(case=case, track="rescue", to_unit="health", reason=CANARY), POLICE),
        (cmd.Relocate(case=case, area="900102", reason=CANARY), POLICE),
        (cmd.Assign(case=case, track="rescue", person="bo"), POLICE),
        (cmd.RecordConsent(case=case, consent="return", given=False), POLICE),
        (cmd.SettleDuty(case=case, duty="comfort", outcome="not_applicable", reason=CANARY), POLICE),
        (cmd.Correct(case=case, fact="note", value=CANARY + "!", reason=CANARY), POLICE),
        (cmd.Reverse(case=case, track="rescue", reason=CANARY), POLICE),
        (cmd.ReviewFlag(case=case, event=99, reason=CANARY), POLICE),
        (cmd.LinkCriminalCase(case=case, criminal_case="GT-NONE"), POLICE),
        (cmd.DeclineTrack(case=case, track="aid", reason=CANARY), POLICE),
        (cmd.Reopen(case=case, track="rescue", reason=CANARY), POLICE),
        (cmd.Close(case=case, outcome="archive", reason=CANARY), CIVIL),
        (cmd.AttachFile(case=case, name=CANARY, kind="pdf"), POLICE),
        (cmd.RecordIdentity(case=case, role="relative", holds=("name",)), POLICE),
        (cmd.Contribute(case=case, track="rescue", note=CANARY), POLICE),  # now it names somebody of the case
        (cmd.Close(case=case, outcome="transfer"), POLICE),
    ]


def test_every_kind_of_command_is_tried() -> None:
    assert {type(command) for command, _ in _right("c", "h")} == set(COMMANDS.values())


def test_what_is_written_into_right_commands_stays_out_of_log_and_errors(desk: Desk, said: Said) -> None:
    case = opened(desk, **READY)
    (hand_off,) = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered
    for command, actor in _right(case, hand_off):
        said.try_(desk, command, actor)
    said.check()
    done = {line["command"] for line in said.lines if line["event"] == "command_done"}
    assert len(done) > 8
    assert {line["event"] for line in said.lines} == {"command_done", "command_refused"}
    assert "record_identity" in done
    assert "identifier_in_text" in {error.code for error in said.errors}


@pytest.mark.parametrize("actor", [POLICE, CIVIL, JUSTICE, NEIGHBOUR], ids=lambda actor: actor.unit)
def test_what_is_written_into_wrong_commands_stays_out_of_log_and_errors(desk: Desk, said: Said, actor: Actor) -> None:
    case = opened(desk, **READY)
    (hand_off,) = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered
    for command, _ in _right(case, hand_off):
        for wrong in _spoiled(command, hand_off):
            said.try_(desk, wrong, actor)
    said.check()
    assert said.errors


def _spoiled(command: Command, hand_off: str) -> Iterator[Command]:
    """The command with the canary as every value and in every free text, one after the other."""
    names = {one.name for one in fields(command)}
    if "facts" in names:
        for fact in ("note", "victim.is_child", "victim.age_years", "search.result", "stay.since", "carer", "buyers"):
            yield replace(command, facts={fact: CANARY})  # type: ignore[call-arg]
        yield replace(command, facts={"buyers": [CANARY]})  # type: ignore[call-arg]
        yield replace(command, facts={"note": CANARY * 500})  # type: ignore[call-arg]
    if "hand_off" in names:
        command = replace(command, hand_off=hand_off)  # type: ignore[call-arg]
    for name in sorted(names & FREE_TEXT):
        words: dict[str, Any] = {name: CANARY}
        yield replace(command, **words)
    if isinstance(command, cmd.Correct):
        for fact in ("victim.is_child", "search.result", "carer", "buyers"):
            yield replace(command, fact=fact, value=CANARY)
    if isinstance(command, cmd.RecordIdentity):
        yield replace(command, person=CANARY)
    yield replace(command, expected_revision=77)


def test_a_key_that_is_not_allowed_is_dropped_and_counted(said: Said) -> None:
    log("command_done", case="GT-1", note=CANARY, person=CANARY)
    said.check()
    (line,) = said.lines
    assert (line["case"], line["dropped"]) == ("GT-1", 2)


def test_the_log_follows_standard_error_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    try:
        monkeypatch.setattr(sys, "stderr", first)
        configure("INFO")
        first.close()
        monkeypatch.setattr(sys, "stderr", second)
        log("command_done", case="GT-0001")
    finally:
        structlog.reset_defaults()
    assert json.loads(second.getvalue())["case"] == "GT-0001"
