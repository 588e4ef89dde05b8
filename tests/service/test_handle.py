"""The straight way of one request, on both databases."""

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import (
    CaseUnknown,
    ClockBehind,
    CommandMalformed,
    HandOffImpossible,
    KeyReused,
    NotHolder,
    NotPermitted,
    Refused,
    StaleRevision,
    StoreUnavailable,
    UnitUnknown,
)
from engine.service import lists, read
from engine.service.desk import Desk
from engine.store.answers import RefusalRow
from tests.core.play import READY, START
from tests.service.desks import CIVIL, JUSTICE, POLICE, READY_AT, ask, opened
from tests.service.inspection import reasons_of

CIVIL_B = Actor("by", "civil-b")


def refusals(desk: Desk, case: str) -> list[RefusalRow]:
    with desk.database.reading() as work:
        return work.refusals_of(case)


def test_a_case_walks_from_opening_to_its_archive_and_replays_equal(desk: Desk) -> None:
    case = opened(desk, **READY)
    offered = ask(desk, cmd.Move(case=case, track="rescue", move="place", facts={"stay.since": "2025-01-01"}))
    ask(desk, cmd.Accept(case=case, hand_off=offered.offered[0]), CIVIL)
    ask(desk, cmd.Move(case=case, track="rescue", move="settle"), CIVIL)
    aid = ask(desk, cmd.OpenTrack(case=case, track="aid"), CIVIL)
    ask(desk, cmd.Accept(case=case, hand_off=aid.offered[0]), JUSTICE)
    ask(desk, cmd.Move(case=case, track="aid", move="give"), JUSTICE)
    ask(desk, cmd.Move(case=case, track="archive", move="keep"), Actor("di", "civil-a"))
    ask(desk, cmd.SettleDuty(case=case, duty="comfort", outcome="done"))
    closed = ask(desk, cmd.Close(case=case, outcome="archive"), CIVIL)
    assert closed.happened == ("case_closed",)
    sheet = read.show(desk, case, CIVIL)
    assert (sheet.case.status, sheet.case.revision) == ("closed", READY_AT + 9)
    assert read.replay(desk, case).status == "closed"
    lines = read.timeline(desk, case, CIVIL)
    assert [line.recorded.number for line in lines] == list(range(1, len(lines) + 1))
    assert all(line.said.zh and line.said.en for line in lines)


def test_a_refusal_is_put_on_record_with_its_reasons(desk: Desk) -> None:
    case = opened(desk)
    with pytest.raises(Refused):
        ask(desk, cmd.Move(case=case, track="rescue", move="place"))
    (row,) = refusals(desk, case)
    assert (row.code, row.command, row.unit, row.person) == ("conditions_unmet", "move", "police-a", "ann")
    assert reasons_of(desk, row) == ["form_incomplete", "parents_first", "no_buyer"]
    assert read.show(desk, case, POLICE).case.revision == 1


def test_a_unit_that_does_not_hold_the_step_is_refused_and_that_is_on_record(desk: Desk) -> None:
    case = opened(desk)
    with pytest.raises(NotHolder):
        ask(desk, cmd.Move(case=case, track="rescue", move="note_it"), JUSTICE)
    with pytest.raises(CaseUnknown):
        ask(desk, cmd.Move(case=case, track="rescue", move="note_it"), CIVIL)
    assert [(row.code, row.unit) for row in refusals(desk, case)] == [
        ("not_holder", "justice"), ("case_unknown", "civil-a"),
    ]  # fmt: skip


def test_a_joint_lead_contributes_but_does_not_complete(desk: Desk) -> None:
    case, health = opened(desk), Actor("hu", "health")
    ask(desk, cmd.Contribute(case=case, track="rescue", note="examined"), health)
    with pytest.raises(NotHolder):
        ask(desk, cmd.Move(case=case, track="rescue", move="note_it"), health)


def test_only_the_receiver_answers_and_only_the_sender_withdraws(desk: Desk) -> None:
    case = opened(desk, **READY)
    (hand_off,) = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered
    with pytest.raises(NotHolder):
        ask(desk, cmd.Accept(case=case, hand_off=hand_off))
    with pytest.raises(NotHolder):
        ask(desk, cmd.Withdraw(case=case, hand_off=hand_off), CIVIL)
    with pytest.raises(CaseUnknown):
        ask(desk, cmd.Accept(case=case, hand_off=hand_off), CIVIL_B)
    ask(desk, cmd.Withdraw(case=case, hand_off=hand_off))
    with pytest.raises(CaseUnknown):
        ask(desk, cmd.Accept(case=case, hand_off=hand_off), CIVIL)
    with pytest.raises(HandOffImpossible):
        ask(desk, cmd.Accept(case=case, hand_off=hand_off))


def test_an_unknown_case_unit_or_area_is_named(desk: Desk) -> None:
    with pytest.raises(CaseUnknown):
        ask(desk, cmd.Move(case="GT-9999", track="rescue", move="place"))
    case = opened(desk)
    with pytest.raises(UnitUnknown):
        ask(desk, cmd.Move(case=case, track="rescue", move="place"), Actor("x", "nobody"))
    with pytest.raises(UnitUnknown):
        ask(desk, cmd.OpenCase(case="", area="123456"))


def test_a_unit_that_may_not_open_such_a_record_is_refused(desk: Desk) -> None:
    with pytest.raises(NotHolder):
        ask(desk, cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True}), CIVIL)


def test_a_stale_revision_is_refused(desk: Desk) -> None:
    case = opened(desk)
    ask(desk, cmd.Move(case=case, track="rescue", move="note_it", expected_revision=1))
    with pytest.raises(StaleRevision):
        ask(desk, cmd.Move(case=case, track="rescue", move="note_it", expected_revision=1))


def test_a_double_submit_gets_the_first_answer_and_happens_once(desk: Desk) -> None:
    case = opened(desk)
    command = cmd.Move(case=case, track="rescue", move="note_it", idempotency_key="k1")
    first, second = ask(desk, command), ask(desk, command)
    assert (first, first.repeated, second.repeated) == (second, False, True)
    assert read.show(desk, case, POLICE).case.revision == 2


def test_a_double_submitted_opening_opens_one_case(desk: Desk) -> None:
    command = cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True}, idempotency_key="open")
    assert ask(desk, command).case == ask(desk, command).case


def test_a_key_with_other_words_is_refused(desk: Desk) -> None:
    case = opened(desk)
    ask(desk, cmd.Move(case=case, track="rescue", move="note_it", idempotency_key="k1"))
    with pytest.raises(KeyReused):
        ask(desk, cmd.Move(case=case, track="rescue", move="place", idempotency_key="k1"))


def test_a_key_belongs_to_one_unit(desk: Desk) -> None:
    case = opened(desk, **READY)
    ask(desk, cmd.Contribute(case=case, track="rescue", note="a", idempotency_key="k"))
    answer = ask(desk, cmd.Contribute(case=case, track="rescue", note="a", idempotency_key="k"), Actor("hu", "health"))
    assert not answer.repeated


def test_a_refused_request_may_be_repeated_under_its_key_when_it_has_become_right(desk: Desk) -> None:
    case = opened(desk)
    command = cmd.Move(case=case, track="rescue", move="home", idempotency_key="k2")
    with pytest.raises(Refused):
        ask(desk, command)
    ask(desk, cmd.Contribute(case=case, track="rescue", facts={"search.result": "found"}))
    assert not ask(desk, command).repeated


def test_a_clock_that_went_back_stops_the_move_and_is_no_refusal(desk: Desk) -> None:
    case = opened(desk)
    desk.clock.at = START.replace(year=2025)  # type: ignore[attr-defined]
    with pytest.raises(ClockBehind):
        ask(desk, cmd.Move(case=case, track="rescue", move="note_it"))
    assert refusals(desk, case) == []


def test_when_the_refusal_cannot_be_written_the_door_fails_closed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    case = opened(desk)

    def unplugged(step: int) -> None:
        if step == 4:
            monkeypatch.setattr(desk.scribe, "database", Unplugged())

    monkeypatch.setattr(desk, "probe", unplugged)
    with pytest.raises(StoreUnavailable):
        ask(desk, cmd.Move(case=case, track="rescue", move="place"))


class Unplugged:
    """A database whose cable was pulled."""

    def writing(self) -> object:
        raise StoreUnavailable("数据库无法连接", "the database cannot be reached")


def test_a_transfer_closes_here_and_opens_there_in_one_commit(desk: Desk) -> None:
    case = opened(desk)
    (hand_off,) = ask(desk, cmd.OfferTransfer(case=case, area="800000", to_unit="police-n")).offered
    there = Actor("ny", "police-n")
    answer = ask(desk, cmd.Accept(case=case, hand_off=hand_off), there)
    assert answer.successor is not None
    successor = read.show(desk, answer.successor, there).case
    assert (successor.predecessor, successor.revision, successor.pin.id) == (case, 1, "other")
    assert read.replay(desk, answer.successor).predecessor == case
    assert read.replay(desk, case).points_to == answer.successor


def test_one_criminal_case_is_shared_by_its_victims(desk: Desk) -> None:
    crime = ask(desk, cmd.OpenCase(case="", scope="criminal_case", area="900101", facts={"crime.solved": False})).case
    victims = [opened(desk), opened(desk)]
    for victim in victims:
        ask(desk, cmd.LinkCriminalCase(case=victim, criminal_case=crime))
    with desk.database.reading() as work:
        assert sorted(work.victims_of(crime)) == sorted(victims)
    with pytest.raises(CommandMalformed):
        ask(desk, cmd.LinkCriminalCase(case=victims[0], criminal_case=victims[1]))


def test_a_unit_that_takes_no_part_may_not_look(desk: Desk) -> None:
    case = opened(desk)
    for look in (read.show, read.moves, read.timeline, read.replay, read.events_of):
        for code in (case, "GT-9999"):
            with pytest.raises(CaseUnknown, match=f"no case {code}"):
                look(desk, code, Actor("x", "police-b"))


def test_why_a_move_is_blocked_is_told_without_making_it(desk: Desk) -> None:
    case = opened(desk)
    sheet = read.moves(desk, case, POLICE)
    place = next(option for option in sheet.options if option.move == "place")
    assert not place.is_open
    assert [reason.code for reason in place.reasons] == ["form_incomplete", "parents_first", "no_buyer"]
    assert place.to_unit == "civil-a"
    assert next(option for option in sheet.options if option.move == "note_it").is_open
    assert "aid" in sheet.requestable
    assert {reason.code for reason in sheet.holding} == {"track_open", "duty_open"}


def test_the_receiver_of_an_offer_sees_a_preview_of_nobody_before_accepting(desk: Desk) -> None:
    case = opened(desk, **READY)
    (hand_off,) = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered
    sheet = read.show(desk, case, CIVIL)
    assert sheet.is_preview
    assert {fact.name for fact in sheet.facts} == {"victim.is_child"}
    assert set(sheet.case.facts) == {"victim.is_child"}
    assert [one.missing for one in sheet.hand_offs] == [("report",)]
    for look in (read.timeline, read.moves, read.replay):
        with pytest.raises(NotPermitted) as caught:
            look(desk, case, CIVIL)
        assert caught.value.details["policies"] == ["only-basic-before-accepting"]
    ask(desk, cmd.Accept(case=case, hand_off=hand_off), CIVIL)
    assert not read.show(desk, case, CIVIL).is_preview


def test_a_victim_who_moves_within_the_jurisdiction_takes_the_case_to_the_units_there(desk: Desk) -> None:
    case = opened(desk, **READY)
    ask(desk, cmd.Relocate(case=case, area="900102", reason="moved to the mother's village"))
    (hand_off,) = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered
    assert read.show(desk, case, CIVIL_B).hand_offs[0].to_unit == "civil-b"
    ask(desk, cmd.Accept(case=case, hand_off=hand_off), CIVIL_B)
    with desk.database.reading() as work:
        assert [one.area for one in work.cases()] == ["900102"]
    assert [one.id for one in lists.cases_of(desk, CIVIL_B).lines] == [case]
