"""A hand-off is a protocol of two."""

import pytest

from engine.core import commands as cmd
from engine.errors import HandOffImpossible, NothingToChange, Refused, UnitUnknown
from tests.core.play import READY, Game, directory, unit


def offered() -> Game:
    game = Game().open()
    game.act(cmd.Move(case="GT-1", track="rescue", move="place", facts=READY))
    return game


def test_a_move_into_another_functions_step_offers_and_does_not_move() -> None:
    game = offered()
    assert game.kinds() == ["facts_recorded", "hand_off_offered"]
    assert game.now.tracks["rescue"].step == "searching"
    assert game.now.hand_offs[game.hand_off()].to_unit == "civil-a"


def test_responsibility_stays_with_the_giver_until_accepted() -> None:
    game = offered()
    assert game.now.tracks["rescue"].holder == "police-a"
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    assert game.now.tracks["rescue"].holder == "civil-a"
    assert game.now.tracks["rescue"].step == "placed"
    assert game.kinds() == ["hand_off_accepted", "moved"]


def test_the_material_list_says_what_is_present_and_what_is_missing() -> None:
    game = offered()
    assert game.now.hand_offs[game.hand_off()].missing == ("report",)
    game.act(cmd.Withdraw(case="GT-1", hand_off=game.hand_off()))
    game.act(cmd.Move(case="GT-1", track="rescue", move="place", documents=("report",)))
    assert game.now.hand_offs[game.hand_off()].present == ("report",)


def test_conditions_are_judged_again_at_acceptance_and_the_offer_stays_open() -> None:
    game = offered()
    game.act(cmd.Correct(case="GT-1", fact="buyers", value=["P-BUYER", "P-CARER"], reason="found out"))
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    assert [reason.code for reason in refusal.value.reasons] == ["no_buyer"]
    assert game.now.tracks["rescue"].holder == "police-a"
    assert game.now.hand_offs


def test_a_declined_hand_off_leaves_the_giver_responsible_and_can_be_made_anew() -> None:
    game = offered()
    first = game.hand_off()
    game.act(cmd.Decline(case="GT-1", hand_off=first, reason="papers_missing", text="no report"), "civil-a")
    assert game.now.tracks["rescue"].holder == "police-a"
    game.act(cmd.Move(case="GT-1", track="rescue", move="place", documents=("report",)))
    assert game.hand_off() != first


def test_declining_needs_a_reason_the_definition_knows() -> None:
    game = offered()
    with pytest.raises(Exception, match="papers_missing"):
        game.act(cmd.Decline(case="GT-1", hand_off=game.hand_off(), reason="no_idea"), "civil-a")


def test_a_withdrawn_hand_off_cannot_be_accepted() -> None:
    game = offered()
    hand_off = game.hand_off()
    game.act(cmd.Withdraw(case="GT-1", hand_off=hand_off))
    with pytest.raises(HandOffImpossible):
        game.act(cmd.Accept(case="GT-1", hand_off=hand_off), "civil-a")


def test_an_overdue_hand_off_can_still_be_accepted() -> None:
    from datetime import timedelta

    game = offered()
    game.at += timedelta(days=400)
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    assert game.now.tracks["rescue"].holder == "civil-a"


def test_nobody_moves_a_track_that_waits_for_an_answer() -> None:
    game = offered()
    with pytest.raises(HandOffImpossible):
        game.act(cmd.Move(case="GT-1", track="rescue", move="note_it"))


def test_nobody_offers_to_himself() -> None:
    game = Game().open()
    with pytest.raises(HandOffImpossible):
        game.act(cmd.Offer(case="GT-1", track="rescue", to_unit="police-a"))
    with pytest.raises(HandOffImpossible):
        game.act(cmd.Move(case="GT-1", track="rescue", move="place", facts=READY, to_unit="police-a"))


def test_a_step_can_be_offered_to_the_same_function_elsewhere() -> None:
    game = Game().open()
    game.act(cmd.Offer(case="GT-1", track="rescue", to_unit="police-b", reason="the victim moved"))
    assert game.now.tracks["rescue"].holder == "police-a"
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "police-b")
    assert game.now.tracks["rescue"].holder == "police-b"
    assert game.kinds() == ["hand_off_accepted", "holder_changed"]


def test_a_step_is_not_offered_to_a_unit_without_its_function() -> None:
    game = Game().open()
    with pytest.raises(UnitUnknown):
        game.act(cmd.Offer(case="GT-1", track="rescue", to_unit="civil-a"))


def test_a_track_for_another_unit_waits_with_its_opener() -> None:
    game = Game().open()
    game.act(cmd.OpenTrack(case="GT-1", track="aid"))
    aid = game.now.tracks["aid"]
    assert (aid.status, aid.holder) == ("waiting", "police-a")
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off("aid")), "justice")
    aid = game.now.tracks["aid"]
    assert (aid.status, aid.holder) == ("open", "justice")


def test_a_declined_opening_waits_with_the_opener_and_is_offered_again() -> None:
    game = Game().open()
    game.act(cmd.OpenTrack(case="GT-1", track="aid"))
    game.act(cmd.Decline(case="GT-1", hand_off=game.hand_off("aid"), reason="not_ours"), "justice")
    assert game.now.tracks["aid"].status == "waiting"
    game.act(cmd.Offer(case="GT-1", track="aid"))
    assert game.hand_off("aid")


def test_a_track_whose_function_nobody_serves_waits_unoffered() -> None:
    units = {name: one for name, one in directory().units.items() if name != "justice"}
    game = Game(units=type(directory())(directory().jurisdictions, units)).open()
    game.act(cmd.OpenTrack(case="GT-1", track="aid"))
    assert game.now.tracks["aid"].holder == "police-a"
    assert not game.now.hand_offs


def test_a_merged_unit_carries_on_in_its_successor() -> None:
    game = Game().open()
    merged = directory(unit("police-ab", "900101", "police"))
    units = dict(merged.units)
    units["police-a"] = unit("police-a", "900101", "police", merged_into="police-ab")
    game.units = type(merged)(merged.jurisdictions, units)
    game.act(cmd.Move(case="GT-1", track="rescue", move="note_it"), "police-ab")
    with pytest.raises(HandOffImpossible):
        game.act(cmd.Offer(case="GT-1", track="rescue", to_unit="police-ab"), "police-ab")


def test_a_transfer_opens_a_linked_case_and_the_sender_holds_on_until_accepted() -> None:
    game = Game().open()
    game.act(cmd.OfferTransfer(case="GT-1", area="800000", to_unit="police-n"))
    assert game.now.status == "open"
    decision = game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off(None)), "police-n")
    assert (game.now.status, game.now.outcome, game.now.points_to) == ("closed", "transfer", "GT-NEXT")
    assert decision.spawned is not None
    child = decision.spawned.case
    assert (child.predecessor, child.pin.id) == ("GT-1", "other")
    assert child.facts["victim.is_child"].value is True
    assert child.tracks["rescue"].holder == "police-n"


def test_a_transfer_within_one_definition_is_offered_track_by_track_instead() -> None:
    game = Game().open()
    with pytest.raises(HandOffImpossible):
        game.act(cmd.OfferTransfer(case="GT-1", area="900102", to_unit="police-b"))


def test_assignment_stays_inside_the_unit_and_ends_when_the_unit_changes() -> None:
    game = offered()
    game.act(cmd.Assign(case="GT-1", track="rescue", person="bo"))
    assert game.now.tracks["rescue"].assignee == "bo"
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    assert game.now.tracks["rescue"].assignee is None


def test_a_referral_brings_a_unit_in_and_moves_nothing() -> None:
    game = Game().open()
    game.act(cmd.Refer(case="GT-1", track="rescue", to_unit="health", reason="check-up"))
    assert game.now.tracks["rescue"].holder == "police-a"
    referral = next(iter(game.now.referrals))
    game.act(cmd.Refer(case="GT-1", track="rescue", ends=referral))
    assert not game.now.referrals
    with pytest.raises(NothingToChange):
        game.act(cmd.Refer(case="GT-1", track="rescue", to_unit="police-a"))
