"""Corrections, reversals, duties, consents, closing and reopening."""

from dataclasses import replace

import pytest

from engine.core import commands as cmd
from engine.core.case import StatedFact
from engine.errors import CaseClosed, CommandMalformed, HandOffImpossible, NothingToChange, Refused
from tests.core.play import READY, Game


def placed() -> Game:
    game = Game().open(**READY)
    game.act(cmd.Move(case="GT-1", track="rescue", move="place"))
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a", "cy")
    return game


def settled() -> Game:
    game = Game().open(**{"search.result": "found"})
    game.act(cmd.Move(case="GT-1", track="rescue", move="home"))
    return game


def test_a_correction_supersedes_and_flags_what_rested_on_the_old_fact() -> None:
    game = placed()
    entered = game.now.tracks["rescue"].visits["placed"].event
    game.act(cmd.Correct(case="GT-1", fact="search.result", value="found", reason="the parents called"))
    assert game.now.facts["search.result"].value == "found"
    assert game.now.flags == {entered: "fact:search.result"}
    game.act(cmd.ReviewFlag(case="GT-1", event=entered, reason="the child stays for now"))
    assert not game.now.flags


def test_a_correction_needs_a_reason() -> None:
    game = placed()
    with pytest.raises(Refused):
        game.act(cmd.Correct(case="GT-1", fact="search.result", value="found", reason=" "))


def test_a_reversed_acceptance_gives_the_step_back_and_reopens_the_offer() -> None:
    game = placed()
    game.act(cmd.Reverse(case="GT-1", track="rescue", reason="accepted the wrong case"), "civil-a")
    rescue = game.now.tracks["rescue"]
    assert (rescue.step, rescue.holder) == ("searching", "police-a")
    assert "placed" not in rescue.visits
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off()), "civil-a")
    assert game.now.tracks["rescue"].step == "placed"


def test_a_reversed_last_move_takes_the_track_back_from_its_end() -> None:
    game = settled()
    assert game.now.tracks["rescue"].status == "done"
    game.act(cmd.Reverse(case="GT-1", track="rescue", reason="wrong button"))
    rescue = game.now.tracks["rescue"]
    assert (rescue.step, rescue.holder, rescue.status) == ("searching", "police-a", "open")
    with pytest.raises(NothingToChange):
        game.act(cmd.Reverse(case="GT-1", track="rescue", reason="again"))


def test_a_reversal_flags_what_another_track_rested_on() -> None:
    game = settled()
    opened = game.now.tracks["archive"].visits["writing"].event
    game.act(cmd.Reverse(case="GT-1", track="rescue", reason="wrong button"))
    assert opened in game.now.flags


def test_no_reversal_while_an_offer_is_open() -> None:
    game = placed()
    game.act(cmd.Move(case="GT-1", track="rescue", move="send_back"), "civil-a")
    with pytest.raises(HandOffImpossible):
        game.act(cmd.Reverse(case="GT-1", track="rescue", reason="x"), "civil-a")


def archived() -> Game:
    game = settled()
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off("archive")), "civil-a", "cy")
    game.act(cmd.Move(case="GT-1", track="archive", move="keep"), "civil-a", "di")
    return game


def test_closing_is_refused_with_everything_that_holds_the_case() -> None:
    game = settled()
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Close(case="GT-1", outcome="archive"), "civil-a")
    assert [reason.code for reason in refusal.value.reasons] == ["track_open", "duty_open", "kept"]


def test_a_case_closes_when_every_duty_is_done_and_leaves_nothing_open() -> None:
    game = archived()
    game.act(cmd.SettleDuty(case="GT-1", duty="comfort", outcome="done", evidence=("report",)))
    game.act(cmd.Close(case="GT-1", outcome="archive"), "civil-a")
    assert game.now.status == "closed"
    assert not game.now.held()
    with pytest.raises(CaseClosed):
        game.act(cmd.OpenTrack(case="GT-1", track="aid"))


def test_a_duty_is_not_applicable_only_with_a_reason() -> None:
    game = archived()
    with pytest.raises(Refused):
        game.act(cmd.SettleDuty(case="GT-1", duty="comfort", outcome="not_applicable"))
    game.act(cmd.SettleDuty(case="GT-1", duty="comfort", outcome="not_applicable", reason="no relatives known"))
    game.act(cmd.Close(case="GT-1", outcome="archive"), "civil-a")


def test_a_duty_the_victim_may_not_decline_is_not_declined() -> None:
    game = archived()
    with pytest.raises(Refused):
        game.act(cmd.SettleDuty(case="GT-1", duty="comfort", outcome="declined"))


def test_a_duty_that_arose_with_a_track_holds_until_the_track_settles_it() -> None:
    game = archived()
    game.act(cmd.SettleDuty(case="GT-1", duty="comfort", outcome="done"))
    game.act(cmd.OpenTrack(case="GT-1", track="aid"), "civil-a")
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off("aid")), "justice")
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Close(case="GT-1", outcome="archive"), "civil-a")
    assert [reason.code for reason in refusal.value.reasons] == ["track_open", "duty_open"]
    game.act(cmd.Move(case="GT-1", track="aid", move="give"), "justice")
    game.act(cmd.Close(case="GT-1", outcome="archive"), "civil-a")


def test_what_the_victim_declines_settles_the_duty_as_declined() -> None:
    game = archived()
    game.act(cmd.OpenTrack(case="GT-1", track="aid"), "civil-a")
    game.act(cmd.DeclineTrack(case="GT-1", track="aid", reason="does not want a lawyer"), "civil-a")
    assert game.now.duties["aid_offered"].outcome == "declined"
    assert not game.now.hand_offs
    with pytest.raises(Refused):
        Game().open().act(cmd.DeclineTrack(case="GT-1", track="rescue"))


def test_an_unreviewed_flag_holds_the_case() -> None:
    game = archived()
    game.act(cmd.SettleDuty(case="GT-1", duty="comfort", outcome="done"))
    game.act(cmd.Correct(case="GT-1", fact="search.result", value="not_found", reason="it was not them"))
    with pytest.raises(Refused) as refusal:
        game.act(cmd.Close(case="GT-1", outcome="archive"), "civil-a")
    assert {reason.code for reason in refusal.value.reasons} == {"flag_open"}


def test_death_closes_with_its_own_requirement_and_ends_what_is_open() -> None:
    game = placed()
    game.act(cmd.Move(case="GT-1", track="rescue", move="send_back"), "civil-a")
    with pytest.raises(Refused):
        game.act(cmd.Close(case="GT-1", outcome="death"), "civil-a")
    game.act(cmd.Contribute(case="GT-1", track="rescue", documents=("report",)), "civil-a")
    game.act(cmd.Close(case="GT-1", outcome="death"), "civil-a")
    assert game.kinds() == ["hand_off_withdrawn", "track_ended", "case_closed"]


def test_nobody_closes_by_transfer_on_his_own() -> None:
    with pytest.raises(Refused):
        Game().open().act(cmd.Close(case="GT-1", outcome="transfer"))


def test_a_closed_case_is_reopened_on_a_track_with_a_reason() -> None:
    game = archived()
    game.act(cmd.SettleDuty(case="GT-1", duty="comfort", outcome="done"))
    game.act(cmd.Close(case="GT-1", outcome="archive"), "civil-a")
    with pytest.raises(Refused):
        game.act(cmd.Reopen(case="GT-1", track="archive", reason=""), "civil-a")
    game.act(cmd.Reopen(case="GT-1", track="archive", reason="new hardship"), "civil-a")
    assert game.now.status == "open"
    assert game.now.tracks["archive"].holder == "civil-a"


def test_consent_is_given_and_withdrawn() -> None:
    game = Game().open()
    for given in (True, False):
        game.act(cmd.RecordConsent(case="GT-1", consent="return", given=given))
        assert game.now.consents["return"].given is given
    with pytest.raises(NothingToChange):
        game.act(cmd.RecordConsent(case="GT-1", consent="return", given=False))
    with pytest.raises(CommandMalformed):
        game.act(cmd.RecordConsent(case="GT-1", consent="marriage", given=True))


def test_the_task_force_stays_while_the_case_is_unsolved() -> None:
    game = Game()
    game.act(cmd.OpenCase(case="GT-1", scope="criminal_case", area="900101", facts={"crime.solved": False}))
    with pytest.raises(Refused):
        game.act(cmd.Move(case="GT-1", track="task_force", move="dissolve"))
    game.act(cmd.Contribute(case="GT-1", track="task_force", facts={"crime.solved": True}))
    game.act(cmd.Move(case="GT-1", track="task_force", move="dissolve"))
    assert game.now.tracks["task_force"].status == "done"


def test_four_eyes() -> None:
    game = settled()
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off("archive")), "civil-a", "cy")
    with pytest.raises(Refused):
        game.act(cmd.Move(case="GT-1", track="archive", move="keep"), "civil-a", "ann")


def test_a_withdrawn_consent_flags_the_open_step_that_rested_on_it() -> None:
    game = Game().open(**{"search.result": "found"})
    game.act(cmd.RecordConsent(case="GT-1", consent="return", given=True))
    game.act(cmd.Move(case="GT-1", track="rescue", move="ask_wish"))
    entered = game.now.tracks["rescue"].visits["searching"].event
    game.act(cmd.RecordConsent(case="GT-1", consent="return", given=False))
    assert game.now.flags == {entered: "consent:return"}


def test_every_event_on_a_track_names_a_clause() -> None:
    game = placed()
    game.act(cmd.Contribute(case="GT-1", track="rescue", note="seen"), "civil-a")
    assert game.last is not None
    assert game.last.events[0].clauses == ("play 第1条",)


def test_what_a_closing_cut_short_goes_on_after_reopening() -> None:
    game = settled()
    game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off("archive")), "civil-a", "cy")
    game.act(cmd.Contribute(case="GT-1", track="archive", documents=("report",)), "civil-a")
    game.act(cmd.Close(case="GT-1", outcome="death"), "civil-a")
    assert game.now.tracks["archive"].status == "ended"
    game.act(cmd.Reopen(case="GT-1", track="rescue", reason="she is alive"))
    assert game.now.tracks["archive"].is_held
    game.act(cmd.Move(case="GT-1", track="rescue", move="home"))


def test_a_carer_whom_a_ban_of_the_other_jurisdiction_excludes_does_not_come_along() -> None:
    game = Game().open(buyers=["P-BUYER"])
    game.act(cmd.OfferTransfer(case="GT-1", area="800000", to_unit="police-n"))
    stated = StatedFact("P-BUYER", 2, "police-a")
    game.case = replace(game.now, facts={**game.now.facts, "carer": stated})  # as where no such ban binds
    decision = game.act(cmd.Accept(case="GT-1", hand_off=game.hand_off(None)), "police-n")
    assert decision.spawned is not None
    assert "carer" not in decision.spawned.case.facts
    assert decision.spawned.case.facts["buyers"].value == ["P-BUYER"]
