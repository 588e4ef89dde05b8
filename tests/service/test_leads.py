"""Leads at a desk, on both databases: who reports, handles and sees them, and what lies where."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from engine.core.commands import Actor, OpenCase
from engine.errors import (
    CaseUnknown,
    CommandMalformed,
    GuituError,
    IdentifierInText,
    KeyReused,
    LeadImpossible,
    LeadUnknown,
    NothingToChange,
    NotPermitted,
    NotPrinted,
    StaleRevision,
    StoreUnavailable,
    UnitUnknown,
)
from engine.service import lead_reading, leads, lists, notices
from engine.service.desk import Desk
from engine.service.leads import accept, close, decide_reward, pass_on, report_lead
from tests.service.desks import CIVIL, POLICE, ask, opened
from tests.service.lead_play import (
    DUTY,
    HERE,
    LOCAL,
    NEXT_DOOR,
    PERSON,
    PRINTED,
    RULES,
    SCHOOL,
    SILENT,
    reported,
    shown,
    what,
)

OTHER_POLICE = Actor("bo", "police-b")


# ── reporting ──


def test_a_report_comes_to_the_police_of_its_area_and_tells_which_duty_asked_for_it(desk: Desk) -> None:
    receipt = reported(desk)
    assert re.fullmatch(r"L-[0-9A-Z-]{14}", receipt.lead)
    assert (receipt.to_unit, receipt.duties) == ("police-a", (DUTY,))
    sheet = shown(desk, receipt.lead)
    assert (sheet.lead.seen, sheet.lead.status, sheet.lead.reporter) == (what().seen, "received", "reporter-1")
    assert reported(desk, area=NEXT_DOOR).to_unit == "police-b"


def test_where_no_document_asks_for_it_a_report_is_of_ones_own_accord(desk: Desk) -> None:
    assert reported(desk, concerns_minor=False).duties == ()
    assert reported(desk, category="hotel").duties == ()
    assert report_lead(desk, SILENT, what(), SCHOOL).duties == ()


def test_the_same_key_gets_the_same_receipt_and_no_second_lead(desk: Desk) -> None:
    first = report_lead(desk, RULES, what(), SCHOOL, key="today-1")
    again = report_lead(desk, RULES, what(), SCHOOL, key="today-1")
    assert (again, again.repeated) == (first, True)
    assert len(lead_reading.listed(desk, POLICE).lines) == 1
    with pytest.raises(KeyReused):
        report_lead(desk, RULES, what(urgency="now"), SCHOOL, key="today-1")


AMISS: tuple[tuple[dict[str, Any], type[GuituError]], ...] = (
    ({"kind": "rumour"}, CommandMalformed), ({"category": "钟离渡鹤"}, CommandMalformed),
    ({"urgency": "x"}, CommandMalformed), ({"seen": " "}, CommandMalformed),
    ({"area": "19900071236"}, CommandMalformed), ({"area": "123"}, UnitUnknown),
    ({"to_unit": "civil-a"}, CommandMalformed), ({"persons": ({"name": ""},)}, CommandMalformed),
    ({"kind": "petition", "to_unit": "nowhere"}, UnitUnknown),
)  # fmt: skip


def test_what_is_not_of_its_form_is_refused_without_being_repeated(desk: Desk) -> None:
    for words, error in AMISS:
        with pytest.raises(error) as caught:
            reported(desk, **words)
        said = f"{caught.value.zh}{caught.value.en}{caught.value.details}"
        assert PERSON["name"] not in said
        assert PERSON["phones"][0] not in said
    assert lead_reading.listed(desk, POLICE).lines == ()


def test_names_go_into_the_part_for_names_and_a_text_that_holds_one_is_refused(desk: Desk) -> None:
    with pytest.raises(IdentifierInText, match="persons only") as caught:
        reported(desk, seen="鹤来了，就是钟离渡鹤", persons=(PERSON,))
    assert caught.value.details["fields"] == ["seen"]
    lead = reported(desk, persons=(PERSON,), contact="ask at the gate").lead
    accept(desk, RULES, lead, POLICE)
    for act in (
        lambda: pass_on(desk, RULES, lead, POLICE, to_unit="civil-a", reason="电话 199 0007 1236"),
        lambda: close(desk, RULES, lead, POLICE, reason="no_ground", text="钟离渡鹤不在"),
    ):
        with pytest.raises(IdentifierInText):
            act()
    assert shown(desk, lead).lead.status == "accepted"


# ── handling ──


def test_a_lead_is_accepted_passed_on_passed_back_and_closed(desk: Desk) -> None:
    lead = reported(desk).lead
    done = pass_on(desk, RULES, lead, POLICE, to_unit="civil-a", reason="roaming, no crime")
    assert (done.status, done.turn, done.basis) == ("passed_on", "civil-a", ())
    with pytest.raises(NotPermitted):
        accept(desk, RULES, lead, POLICE)
    pass_on(desk, RULES, lead, CIVIL, to_unit="police-a", reason="it is a crime")
    assert accept(desk, RULES, lead, POLICE, expected=3).revision == 4
    assert close(desk, RULES, lead, POLICE, reason="no_ground").turn is None
    history = [type(one.event).__name__ for one in shown(desk, lead, CIVIL).history]
    assert history == ["LeadReported", "LeadPassed", "LeadPassed", "LeadAccepted", "LeadClosed"]
    with pytest.raises(NotPermitted):  # nobody has its turn any more
        close(desk, RULES, lead, POLICE, reason="no_ground")


def test_a_unit_is_told_when_it_becomes_its_turn_and_whoever_gave_it_away_is_not(desk: Desk) -> None:
    lead = reported(desk).lead
    pass_on(desk, RULES, lead, POLICE, to_unit="civil-a", reason="roaming, no crime")
    for unit in (POLICE, CIVIL):
        (told,) = notices.listed(desk, unit).lines
        assert (told.kind, told.case, told.about) == ("lead_waits", None, lead)
    assert notices.listed(desk, SCHOOL).lines == ()


def test_refusals_of_the_desk(desk: Desk) -> None:
    lead = reported(desk).lead
    with pytest.raises(StaleRevision):
        accept(desk, RULES, lead, POLICE, expected=7)
    with pytest.raises(CommandMalformed, match="no such reason"):
        close(desk, RULES, lead, POLICE, reason="boredom")
    with pytest.raises(LeadImpossible):
        close(desk, RULES, lead, POLICE, reason="case_opened")
    with pytest.raises(LeadImpossible):
        pass_on(desk, RULES, lead, POLICE, to_unit="police-a", reason="why not")
    with pytest.raises(UnitUnknown):
        pass_on(desk, RULES, lead, POLICE, to_unit="nowhere", reason="why not")
    accept(desk, RULES, lead, POLICE)
    with pytest.raises(NothingToChange):
        accept(desk, RULES, lead, POLICE)
    assert shown(desk, lead).lead.revision == 2


def test_a_lead_is_linked_to_a_case_that_one_may_see_or_opens_one(desk: Desk) -> None:
    mine = opened(desk)
    theirs = ask(desk, OpenCase(case="", area=NEXT_DOOR, facts={"victim.is_child": True}), OTHER_POLICE).case
    lead = reported(desk).lead
    for case in (theirs, "GT-9999"):
        with pytest.raises(CaseUnknown):
            accept(desk, RULES, lead, POLICE, case=case)
    assert accept(desk, RULES, lead, POLICE, case=mine).case == mine
    other = reported(desk).lead
    with pytest.raises(StaleRevision):
        leads.open_case(desk, RULES, other, POLICE, {}, expected=7)
    answer, done = leads.open_case(desk, RULES, other, POLICE, {"victim.is_child": True})
    assert (done.case, done.status) == (answer.case, "accepted")
    with pytest.raises(LeadImpossible):  # and not a second time
        leads.open_case(desk, RULES, other, POLICE, {"victim.is_child": True})
    assert close(desk, RULES, other, POLICE, reason="case_opened").status == "closed"


def test_asked_again_after_the_link_had_failed_no_second_case_is_opened(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = reported(desk).lead
    accept(desk, RULES, lead, POLICE)

    def away(*_words: object, **_more: object) -> None:
        raise StoreUnavailable("不可用", "away")

    with monkeypatch.context() as patched:
        patched.setattr(leads, "accept", away)
        with pytest.raises(StoreUnavailable):
            leads.open_case(desk, RULES, lead, POLICE, {"victim.is_child": True})
    answer, done = leads.open_case(desk, RULES, lead, POLICE, {"victim.is_child": True})
    assert (answer.repeated, done.case) == (True, answer.case)
    assert [line.id for line in lists.cases_of(desk, POLICE).lines] == [answer.case]


def test_a_reward_is_decided_where_it_is_printed_by_the_police_that_accepted(desk: Desk) -> None:
    lead = reported(desk, kind="tip", category="public").lead
    accept(desk, RULES, lead, POLICE)
    with pytest.raises(NotPrinted):
        decide_reward(desk, SILENT, lead, POLICE, granted=True, reason="it helped")
    with pytest.raises(LeadUnknown):
        decide_reward(desk, RULES, lead, OTHER_POLICE, granted=True, reason="it helped")
    done = decide_reward(desk, RULES, lead, POLICE, granted=True, reason="it helped", amount=500)
    assert done.basis == (PRINTED,)
    local = RULES.model_copy(update={"rewards": [LOCAL]})
    other = reported(desk, kind="tip", category="public").lead
    accept(desk, local, other, POLICE)
    assert decide_reward(desk, local, other, POLICE, granted=False, reason="known before").basis == (LOCAL,)
    assert LOCAL.clause is None


def test_a_petition_goes_to_the_unit_that_is_responsible_and_its_supervisors_see_where_it_is(desk: Desk) -> None:
    with pytest.raises(NotPrinted):
        report_lead(desk, SILENT, what(kind="petition"), SCHOOL)
    lead = reported(desk, kind="petition", category="department", to_unit="civil-a").lead
    reported(desk)
    office = Actor("head", "justice", "supervision", "joint_conference")
    (line,) = lead_reading.petitions(desk, office).lines
    assert (line.lead, line.turn, line.status, line.days) == (lead, "civil-a", "received", 0)
    assert (line.category, line.urgency, line.concerns_minor, line.case) == (None, None, None, None)
    far = Actor("head", "police-n", "supervision", "joint_conference")
    assert lead_reading.petitions(desk, far).lines == ()
    with pytest.raises(LeadUnknown):
        shown(desk, lead, replace(office, purpose="case_handling"))


# ── looking ──


def test_whoever_reported_looks_up_how_far_it_has_come_and_no_more(desk: Desk) -> None:
    lead = reported(desk).lead
    colleague = replace(SCHOOL, person="reporter-2")
    assert lead_reading.receipt(desk, lead, SCHOOL).status == "received"
    pass_on(desk, RULES, lead, POLICE, to_unit="civil-a", reason="theirs")
    found = lead_reading.receipt(desk, lead, SCHOOL)
    assert (found.status, found.title.zh) == ("passed_on", "已移送")
    said = []
    for actor, code in ((colleague, lead), (POLICE, lead), (SCHOOL, "L-0000-0000-0000")):
        with pytest.raises(LeadUnknown) as caught:
            lead_reading.receipt(desk, code, actor)
        said.append(caught.value.zh.replace(code, "L"))
    assert len(set(said)) == 1
    assert lead_reading.receipt(desk, lead, Actor("doc", "health", role="caseworker")).status == "passed_on"


ACTS: tuple[Callable[[Desk, str, Actor], object], ...] = (
    lambda desk, lead, by: shown(desk, lead, by),
    lambda desk, lead, by: shown(desk, lead, by, with_names=True),
    lambda desk, lead, by: accept(desk, RULES, lead, by),
    lambda desk, lead, by: pass_on(desk, RULES, lead, by, to_unit="civil-a", reason="theirs"),
    lambda desk, lead, by: close(desk, RULES, lead, by, reason="no_ground"),
    lambda desk, lead, by: decide_reward(desk, RULES, lead, by, granted=True, reason="x"),
)


def said_of(desk: Desk, act: Callable[[Desk, str, Actor], object], code: str, who: Actor) -> tuple[str, str]:
    """What is said to whoever is not to know of a lead, without its code."""
    with pytest.raises(LeadUnknown) as caught:
        act(desk, code, who)
    return caught.value.zh.replace(code, "L"), caught.value.en.replace(code, "L")


def test_whoever_is_not_to_know_of_a_lead_hears_what_is_said_of_none(desk: Desk) -> None:
    lead = reported(desk).lead
    strangers = (OTHER_POLICE, replace(SCHOOL, role="reporter"), replace(POLICE, role="reporter"))
    for act, who in product(ACTS, strangers):
        assert said_of(desk, act, lead, who) == said_of(desk, act, "L-0000-0000-0000", who)
    for act in ACTS:
        with pytest.raises(NotPermitted):  # she may know of it, and looks for another purpose
            act(desk, lead, replace(POLICE, purpose="supervision"))


def test_whom_a_lead_names_is_shown_to_the_unit_that_accepted_it_and_entered(desk: Desk) -> None:
    lead = reported(desk, persons=(PERSON,), contact="gate 3").lead
    assert shown(desk, lead).has_named
    assert shown(desk, lead).named is None
    with pytest.raises(NotPermitted):
        shown(desk, lead, with_names=True)
    accept(desk, RULES, lead, POLICE)
    named = shown(desk, lead, with_names=True).named
    assert named is not None
    assert (named.persons, named.contact) == (({"name": "钟离渡鹤", "phones": ("+8619900071236",)},), "gate 3")
    pass_on(desk, RULES, lead, POLICE, to_unit="civil-a", reason="theirs")
    with pytest.raises(NotPermitted):
        shown(desk, lead, with_names=True)


def test_lists_come_in_pages_and_hold_the_leads_of_the_unit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead_reading, "PAGE", 2)
    codes = [reported(desk).lead for _ in range(5)]
    pass_on(desk, RULES, codes[0], POLICE, to_unit="civil-a", reason="theirs")
    reported(desk, area=NEXT_DOOR)
    for whose, wanted in (("turn", codes[:0:-1]), ("past", codes[::-1])):
        found: list[str] = []
        after = None
        for _ in range(4):
            page = lead_reading.listed(desk, POLICE, whose=whose, after=after)  # type: ignore[arg-type]
            found += [line.lead for line in page.lines]
            after = page.next
            if after is None:
                break
        assert found == wanted
    assert [line.lead for line in lead_reading.listed(desk, CIVIL).lines] == codes[:1]
    (line,) = lead_reading.listed(desk, OTHER_POLICE).lines
    assert (line.category, line.urgency, line.concerns_minor) == ("school", "soon", True)
    with pytest.raises(CommandMalformed):
        lead_reading.listed(desk, POLICE, after="nonsense")
    with pytest.raises(NotPermitted):
        lead_reading.listed(desk, SCHOOL)


def test_what_an_area_prints_is_told_with_its_clauses(desk: Desk) -> None:
    found = lead_reading.reporting_rules(desk, RULES, HERE, SCHOOL)
    assert (found.documents, found.duties, found.rewards, found.petitions, found.passing) == (
        ("play",), (DUTY,), (PRINTED,), (LOCAL,), (),
    )  # fmt: skip
