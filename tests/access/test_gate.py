"""A few decisions of every chapter, and commands as the policies see them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import yaml

from engine.access.asking import asked, authorise
from engine.access.gate import Gate
from engine.access.listing import parts_counted, parts_listed, parts_that_see
from engine.access.model import PARTS, CaseFile, Circumstances, Role, Verdict, Who
from engine.access.participation import file_of, header_of, opener_of, parts_of
from engine.access.subjects import Duty, HandOff, Installation, Track
from engine.core import commands as cmd
from tests.access.standing import ELSEWHERE, case, person, with_part
from tests.core import play
from tests.house.tree import ROOT

HERS = case({"health": "unit-1", "dna": "unit-1", "basic": "unit-1 unit-2"}, responsible="unit-1", ever="unit-1")
HERE = Installation()


@cache
def gate() -> Gate:
    return Gate.opened()


def permitted(by: str) -> Verdict:
    return Verdict(True, (by,))


def forbidden(*by: str) -> Verdict:
    return Verdict(False, by)


NOT_PERMITTED = Verdict(False)


def given(asked_by: str = "", *approvers: str, has_glass: bool = False, is_overdue: bool = False) -> Circumstances:
    return Circumstances(has_glass, is_overdue, asked_by, frozenset(approvers))


# ── need to know ──


@pytest.mark.parametrize("role", ["caseworker", "unit_supervisor", "service"])
def test_a_case_is_seen_by_the_units_that_take_part_and_by_no_other(role: Role) -> None:
    for part in PARTS:
        one = with_part(part)
        seen = "see-what-is-offered" if part == "receiving" else "see-while-taking-part"
        assert gate().decide(person(role), "see_case", one) == permitted(seen)
        assert gate().decide(person(role, "unit-2"), "see_case", one) == NOT_PERMITTED
    assert gate().decide(person(role), "see_case", case(ever="unit-1")) == NOT_PERMITTED


def test_before_accepting_a_unit_sees_the_basic_class_and_no_timeline() -> None:
    offered = case(dict.fromkeys(gate().classes, "unit-1"), receiving="unit-1", responsible="unit-2")
    seen = {
        name for name, verdict in gate().disclosed(person(functions=("police",)), offered).items() if verdict.allowed
    }
    assert seen == {"basic"}
    assert gate().decide(person(), "read_timeline", offered) == forbidden("only-basic-before-accepting")
    both = replace(offered, parts={**offered.parts, "cooperating": frozenset(("unit-1",))})
    assert gate().disclosed(person(), both)["health"] == permitted("need-health")


def test_a_class_is_disclosed_to_the_units_whose_steps_need_it() -> None:
    seen = {
        name: verdict
        for name, verdict in gate().disclosed(person(functions=("police",)), HERS).items()
        if verdict.allowed
    }
    assert seen == {name: permitted(f"need-{name}") for name in ("basic", "health", "dna")}
    assert set(gate().disclosed(person(), HERS)) == set(gate().classes)


def test_an_identity_is_shown_to_the_one_who_asked_once_another_approved() -> None:
    who = person()
    assert gate().decide(who, "request_identity", HERS) == permitted("ask-for-an-identity")
    assert gate().decide(who, "reveal_identity", HERS, given("officer-12")) == NOT_PERMITTED
    assert gate().decide(who, "reveal_identity", HERS, given("officer-12", "custodian-1")) == permitted(
        "approved-identity-is-shown"
    )
    assert gate().decide(who, "reveal_identity", HERS, given("officer-13", "custodian-1")) == NOT_PERMITTED
    assert gate().decide(who, "reveal_identity", HERS, given("officer-12", "custodian-1", "officer-12")) == forbidden(
        "nobody-approved-for-herself"
    )
    assert (
        gate().decide(person(unit="unit-2"), "reveal_identity", HERS, given("officer-12", "custodian-1"))
        == NOT_PERMITTED
    )


def test_a_custodian_approves_what_others_ask_for_in_her_area() -> None:
    who = person("custodian", "office", code="custodian-1", areas=("350100", "350000"))
    for action in ("approve_identity", "approve_erasure", "approve_hold_release", "review_glass"):
        assert gate().decide(who, action, HERS, given("officer-12")).allowed
        assert gate().decide(who, action, HERS) == NOT_PERMITTED
        assert not gate().decide(who, action, HERS, given("custodian-1")).allowed
        away = replace(who, areas=ELSEWHERE)
        assert gate().decide(away, action, HERS, given("officer-12")) == NOT_PERMITTED
    assert gate().decide(who, "see_case", HERS) == NOT_PERMITTED


# ── DNA ──


def test_dna_stays_with_the_police_whoever_asks_and_whatever_she_broke() -> None:
    for one in (person(), person("unit_supervisor"), person("service")):
        for has_glass in (False, True):
            verdict = gate().decide(one, "disclose_dna", HERS, given(has_glass=has_glass))
            assert verdict == forbidden("dna-stays-with-police")
    assert gate().decide(person(functions=("police",)), "disclose_dna", HERS) == permitted("need-dna")


def test_dna_is_put_on_record_by_police_only_in_every_definition() -> None:
    vocabulary = yaml.safe_load((ROOT / "workflows/templates/vocabulary.yaml").read_text(encoding="utf-8"))
    dna = {name: fact for name, fact in vocabulary["facts"].items() if fact["field_class"] == "dna"}
    assert len(dna) > 5
    assert {name for name, fact in dna.items() if fact.get("stated_by") != ["police"]} == set()
    others = [one for one in (ROOT / "workflows").glob("*/*.yaml") if one.parent.name != "templates"]
    assert [one.name for one in others if "field_class: dna" in one.read_text(encoding="utf-8")] == []


# ── who never touches content ──


@pytest.mark.parametrize(
    ("role", "policy"),
    [("administrator", "administrators-never-see-content"), ("auditor", "auditors-never-see-content")],
)
def test_whoever_runs_or_audits_the_installation_touches_no_content_in_any_role(role: Role, policy: str) -> None:
    who = person("caseworker", also=(role,))
    for action in ("see_case", "disclose_basic", "reveal_identity", "break_glass", "erase_case"):
        assert policy in gate().decide(who, action, HERS, given("officer-12", "c-1", "c-2", has_glass=True)).policies
    assert gate().decide(who, "list_cases", HERE) == forbidden(policy)
    assert gate().decide(who, "move", Track(HERS, "rescue", True, frozenset(("unit-1",)))) == forbidden(policy)


def test_a_registered_service_works_like_its_unit_but_never_with_identities() -> None:
    who = person("service")
    assert gate().decide(who, "move", Track(HERS, "rescue", True, frozenset(("unit-1",)))).allowed
    for action in ("request_identity", "reveal_identity", "break_glass", "disclose_identity"):
        assert gate().decide(who, action, HERS) == forbidden("programs-never-touch-identities")
    assert gate().decide(who, "search_identity", HERE) == forbidden("programs-never-touch-identities")


@pytest.mark.parametrize("purpose", ["supervision", "audit", "administration", "reporting", "trial"])
def test_content_is_touched_to_handle_a_case_and_for_nothing_else(purpose: str) -> None:
    assert gate().decide(person(purpose=purpose), "see_case", HERS) == forbidden("only-for-handling")
    assert gate().decide(person("joint_conference", purpose=purpose), "list_stalled", HERE).allowed


def test_nothing_is_done_for_a_purpose_that_is_not_stated() -> None:
    who = person("administrator", purpose="unstated")
    assert gate().decide(who, "manage_people", HERE) == forbidden("purpose-is-stated")


# ── the glass ──


def test_a_broken_glass_opens_a_case_to_whoever_has_no_part_in_it() -> None:
    stranger = person(unit="unit-9")
    broken = given(has_glass=True)
    assert gate().decide(stranger, "break_glass", HERS) == permitted("break-the-glass")
    assert gate().decide(stranger, "see_case", HERS, broken) == permitted("glass-opens-the-case")
    assert gate().decide(stranger, "reveal_identity", HERS, broken) == permitted("glass-shows-identity")
    hidden = {name for name, verdict in gate().disclosed(stranger, HERS, broken).items() if not verdict.allowed}
    assert hidden == {"dna"}
    assert gate().decide(person("custodian"), "see_case", HERS, broken) == NOT_PERMITTED


def test_an_overdue_review_blocks_the_next_glass() -> None:
    assert gate().decide(person(), "break_glass", HERS, given(is_overdue=True)) == forbidden(
        "overdue-review-blocks-glass"
    )


def test_nobody_reviews_her_own_glass() -> None:
    who = person("custodian", code="custodian-1", also=("caseworker",))
    assert gate().decide(who, "review_glass", HERS, given("custodian-1")) == forbidden("nobody-reviews-her-own-glass")


# ── erasure ──


def test_a_case_is_erased_by_the_one_who_asked_after_two_others_approved() -> None:
    for who in (person(), person("custodian", "office")):
        assert gate().decide(who, "request_erasure", HERS).allowed
        assert gate().decide(who, "erase_case", HERS, given("officer-12", "c-1", "c-2")).allowed
        assert gate().decide(who, "erase_case", HERS, given("officer-12", "c-1")) == NOT_PERMITTED
        assert gate().decide(who, "erase_case", HERS, given("officer-13", "c-1", "c-2")) == NOT_PERMITTED
        mine = given("officer-12", "c-1", "officer-12")
        assert gate().decide(who, "erase_case", HERS, mine) == forbidden("nobody-approved-for-herself")
    assert gate().decide(person(unit="unit-2"), "request_erasure", HERS) == NOT_PERMITTED


# ── the installation ──


def test_each_role_does_its_own_acts_on_the_installation() -> None:
    everybody = {"read_definitions", "read_directory"}
    working = {
        "list_cases", "count_cases", "read_notices", "search_identity", "report_lead", "list_leads", "read_shared",
    }  # fmt: skip
    expected: dict[Role, set[str]] = {
        "caseworker": working, "unit_supervisor": working | {"list_people", "stop_recovery", "list_stalled",
        "manage_webhooks"},
        "service": {"list_cases", "count_cases"},
        "joint_conference": {"list_stalled", "count_cases", "list_petitions"}, "custodian": {"read_notices"},
        "auditor": {"read_ledger", "explain_access", "read_parameters"},
        "administrator": {
            "manage_people", "list_people", "manage_sign_in", "stop_recovery", "manage_tokens",
            "manage_webhooks", "manage_directory", "set_parameter", "read_parameters",
            "manage_approvers", "manage_auditors", "manage_signer", "manage_keys", "make_backup", "explain_access",
        },
        "definition_approver": {"approve_definition", "release_definition"}, "reporter": {"report_lead"},
        "reader": set(),
    }  # fmt: skip
    asked_of_it = [name for name, types in gate().words.actions.items() if "Installation" in types]
    for role, acts in expected.items():
        verdicts = gate().judged(person(role), asked_of_it, HERE)
        assert {name for name, verdict in verdicts.items() if verdict.allowed} == acts | everybody, role


# ── lists ──


def test_a_list_holds_the_cases_that_would_be_shown() -> None:
    assert parts_that_see(gate(), person()) == frozenset(PARTS)
    assert parts_listed(gate(), person()) == parts_counted(gate(), person()) == frozenset(PARTS)
    for role in ("administrator", "auditor", "custodian", "joint_conference", "reader"):
        assert parts_listed(gate(), person(role)) == parts_counted(gate(), person(role)) == frozenset()
    without = gate().without("see-what-is-offered")
    assert parts_listed(without, person()) == frozenset(PARTS) - {"receiving"}


# ── commands ──


def file(game: play.Game) -> CaseFile:
    one, book = game.now, play.RULES.definition
    rows = parts_of(one, book, game.units) | {opener_of(one)}
    return file_of(header_of(one), rows, one.units, book, game.units)


def worker(unit: str) -> Who:
    one = play.directory().units[unit]
    return person(unit=unit, functions=tuple(one.functions), areas=(one.jurisdiction, "900000"))


def judged(game: play.Game, command: cmd.Command, unit: str) -> Verdict:
    return authorise(gate(), command, worker(unit), game.now, file(game), play.RULES.definition, game.units)


def test_a_track_is_handled_by_its_holder_and_a_case_tended_by_it() -> None:
    game = play.Game().open()
    move = cmd.Move(case="GT-1", track="rescue", move="verify")
    assert judged(game, move, "police-a") == permitted("handle-what-you-hold")
    assert judged(game, move, "police-b") == NOT_PERMITTED
    relocate = cmd.Relocate(case="GT-1", area="900102", reason="moved")
    assert judged(game, relocate, "police-a") == permitted("tend-the-case")
    assert judged(game, relocate, "health") == NOT_PERMITTED


def test_a_joint_lead_contributes_and_does_not_move() -> None:
    game = play.Game().open()
    assert file(game).parts["joint_lead"] == {"health"}
    assert judged(game, cmd.Contribute(case="GT-1", track="rescue", note="seen"), "health") == permitted("contribute")
    assert judged(game, cmd.Contribute(case="GT-1", track="rescue", note="seen"), "civil-a") == NOT_PERMITTED
    assert judged(game, cmd.Move(case="GT-1", track="rescue", move="verify"), "health") == NOT_PERMITTED


def test_a_unit_at_work_adds_to_the_case_and_one_whose_contribution_ended_does_not() -> None:
    game = play.Game().open()
    adding = (
        cmd.OpenTrack(case="GT-1", track="aid"), cmd.AttachFile(case="GT-1", name="x"),
        cmd.RecordIdentity(case="GT-1", role="victim", holds=("name",)),
    )  # fmt: skip
    ended = replace(file(game), parts={**file(game).parts, "referred": frozenset(("civil-b",))})
    book = play.RULES.definition
    for command, by in zip(adding, ("open-a-track", "add-to-the-case", "add-to-the-case"), strict=True):
        assert judged(game, command, "health") == permitted(by)
        assert authorise(gate(), command, worker("civil-b"), game.now, ended, book, game.units) == NOT_PERMITTED
    assert gate().decide(worker("civil-b"), "see_case", ended).allowed


def test_what_is_not_there_is_told_to_those_who_may_see_the_case_and_to_nobody_else() -> None:
    game = play.Game().open()
    nothing = (
        cmd.Move(case="GT-1", track="aid", move="give"), cmd.Accept(case="GT-1", hand_off="GT-1/99"),
        cmd.SettleDuty(case="GT-1", duty="no_such", outcome="done"), cmd.Close(case="GT-1", outcome="no_such"),
        cmd.Reverse(case="GT-1", track="rescue", reason="x"), cmd.Contribute(case="GT-1", track="aid", note="x"),
    )  # fmt: skip
    for command in nothing:
        assert judged(game, command, "health") == permitted("be-told-what-is-not-there")
        assert judged(game, command, "police-n") == NOT_PERMITTED


def test_a_hand_off_is_answered_by_its_two_sides() -> None:
    sides = HandOff(HERS, "GT-1/4", True, frozenset(("unit-1",)), frozenset(("unit-2",)))
    for action, unit, other in (
        ("accept", "unit-2", "unit-1"),
        ("decline", "unit-2", "unit-1"),
        ("withdraw", "unit-1", "unit-2"),
    ):
        assert gate().decide(person(unit=unit), action, sides).allowed
        assert gate().decide(person(unit=other), action, sides) == NOT_PERMITTED


def test_a_duty_is_owed_by_the_units_of_its_function_and_a_closing_by_those_that_were_responsible() -> None:
    game = play.Game().open()
    settle = cmd.SettleDuty(case="GT-1", duty="comfort", outcome="done")
    found = asked(settle, worker("police-a"), game.now, file(game), play.RULES.definition, game.units)
    assert found is not None
    assert isinstance(found[1], Duty)
    assert judged(game, cmd.Close(case="GT-1", outcome="transfer"), "police-a") == permitted("close-the-case")
    assert judged(game, cmd.Close(case="GT-1", outcome="transfer"), "police-b") == NOT_PERMITTED
    assert judged(game, cmd.Close(case="GT-1", outcome="archive"), "police-a") == NOT_PERMITTED


def test_every_command_is_known_and_asks_for_the_action_of_its_name() -> None:
    game = play.Game().open()
    words = {"track": "rescue", "hand_off": "x", "duty": "x", "outcome": "x", "fact": "x", "facts": {}}
    for name, kind in cmd.COMMANDS.items():
        command = kind.__new__(kind)
        for key, value in {"area": "900101", "scope": "victim", **words}.items():
            if key in kind.__dataclass_fields__:
                object.__setattr__(command, key, value)
        opens = kind is cmd.OpenCase
        found = asked(command, worker("police-a"), None if opens else game.now, None if opens else file(game),
                      play.RULES.definition, game.units)  # fmt: skip
        assert found is not None, name
        assert found[0] == name
        assert type(found[1]).__name__ in gate().words.actions[name]


def test_a_command_that_is_not_known_or_has_no_case_is_refused() -> None:
    class Vanish(cmd.Move):
        """A command nobody wrote a rule for."""

    game = play.Game().open()
    assert not judged(game, Vanish(case="GT-1", track="rescue", move="verify"), "police-a").allowed
    move = cmd.Move(case="GT-1", track="rescue", move="verify")
    book = play.RULES.definition
    for one, known in ((None, None), (game.now, None), (None, file(game))):
        assert not authorise(gate(), move, worker("police-a"), one, known, book, game.units).allowed
