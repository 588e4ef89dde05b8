"""Persons of a case: compared by who they are, found again, kept out of free text, and shown to nobody."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor, Command
from engine.core.definition import Definition
from engine.core.machine import compile_rules
from engine.errors import (
    CaseUnknown,
    CommandMalformed,
    DuplicateFound,
    IdentifierInText,
    NotHolder,
    Refused,
)
from engine.service import identities, read
from engine.service.content import unseal_refusal
from engine.service.desk import Desk
from engine.service.handle import handle
from engine.service.known import load
from engine.service.story_people import invented
from engine.vault.identity import Identity
from tests.conftest import Database
from tests.core.play import OTHER as OTHER_RULES
from tests.core.play import PLAY, READY, RULES, basis, label, requirement
from tests.service.desks import CIVIL, POLICE, ask, identify, opened, play_desk
from tests.service.inspection import check_whole, everything, key_of, written_in

THERE = Actor("ny", "police-n")
BUYER, OTHER = invented("P-BUYER"), invented("P-OTHER")
GIRL = Identity(name="虚构小花", id_number=invented("P-GIRL").id_number, phones=("+8613800138000",))


def reasons(caught: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [reason.code for reason in caught.value.reasons]


# ── recorded ──


def test_an_identity_is_sealed_under_a_reference_and_said_to_nobody(desk: Desk, database: Database) -> None:
    case = opened(desk)
    command = cmd.RecordIdentity(case=case, role="victim", holds=())
    raw = {"name": GIRL.name, "id_number": GIRL.id_number, "phones": ["138 0013 8000"], "born_on": "2010-01-05"}
    made = identities.record(desk, command, raw, POLICE)
    person = made.answer.person
    assert person is not None
    assert person.startswith("P-")
    state = read.show(desk, case, POLICE).case.persons[person]
    assert (state.role, state.holds) == ("victim", ("born_on", "id_number", "name", "phones"))
    assert [remark.code for remark in made.remarks] == ["birth_date_differs"]
    stored = written_in(database)
    for one in (GIRL.name, GIRL.id_number, "13800138000", "2010-01-05"):
        assert str(one).encode() not in stored
    said = f"{made} {read.timeline(desk, case, POLICE)}"
    assert not any(str(one) in said for one in (GIRL.name, GIRL.id_number, "13800138000"))
    check_whole(desk, database)


def test_an_amended_identity_is_a_new_revision_found_by_what_it_is_now(desk: Desk, database: Database) -> None:
    case = opened(desk)
    identify(desk, case, "P-GIRL", "victim", GIRL)
    amended = replace_identity(GIRL, id_number=invented("P-ELSE").id_number)
    identify(desk, case, "P-GIRL", "victim", amended)
    (row,) = everything(database)["person"]
    assert (row["id"], row["revision"], row["role"]) == ("P-GIRL", 2, "victim")
    assert read.show(desk, case, POLICE).case.revision == 3
    assert identities.search(desk, "900101", {"id_number": GIRL.id_number}, POLICE) == []
    (found,) = identities.search(desk, "900101", {"id_number": amended.id_number}, POLICE)
    assert (found.case, found.person, found.likeness) == (case, "P-GIRL", "same")


def replace_identity(identity: Identity, **changes: Any) -> Identity:
    return Identity(**{name: getattr(identity, name) for name in identity.__struct_fields__} | changes)


@pytest.mark.parametrize("word", ["王小花", "P-", "P-abcd", "GT-1", "P-0001\n", "P-" + "0" * 40])
def test_only_a_reference_may_name_a_person(desk: Desk, database: Database, word: str) -> None:
    """It lies in the record room as it is."""
    case = opened(desk)
    with pytest.raises(CommandMalformed) as caught:
        identify(desk, case, word, "relative")
    assert word.strip() not in f"{caught.value}" or word in ("P-", "GT-1")
    assert everything(database)["person"] == []
    assert word.encode() not in written_in(database) or word in ("P-", "GT-1")


def test_a_reference_keeps_its_role_and_a_role_needs_an_open_case_that_is_ones_own(desk: Desk) -> None:
    case = opened(desk)
    identify(desk, case, "P-AUNT", "relative")
    with pytest.raises(CommandMalformed):
        identify(desk, case, "P-AUNT", "carer")
    stranger = cmd.RecordIdentity(case=case, role="relative", holds=(), person="P-UNCLE")
    with pytest.raises(CaseUnknown):
        handle(desk, stranger, Actor("x", "police-b"), enclosed=OTHER)
    ask(desk, cmd.Offer(case=case, track="rescue", to_unit="police-b"))
    with pytest.raises(NotHolder):
        handle(desk, stranger, Actor("x", "police-b"), enclosed=OTHER)
    with pytest.raises(CommandMalformed):
        handle(desk, stranger, POLICE)
    with pytest.raises(CommandMalformed):
        handle(desk, cmd.Contribute(case=case, track="rescue", note="x"), POLICE, enclosed=OTHER)


# ── compared ──


WAYS: dict[str, Callable[[str, str], Command]] = {
    "a contribution": lambda case, person: cmd.Contribute(case=case, track="rescue", facts={"carer": person}),
    "a correction": lambda case, person: cmd.Correct(case=case, fact="carer", value=person, reason="misheard"),
    "a move": lambda case, person: cmd.Move(
        case=case, track="rescue", move="report_again", facts={"carer": person, "search.result": "not_found"}
    ),
    "a placement": lambda case, person: cmd.Move(case=case, track="rescue", move="place", facts={"carer": person}),
    "a track on request": lambda case, person: cmd.OpenTrack(case=case, track="aid", facts={"carer": person}),
}


def _stated(desk: Desk, *, corrects: bool) -> str:
    """A case that knows the buyer family; for a correction a carer is on record already."""
    known = READY if corrects else {name: value for name, value in READY.items() if name != "carer"}
    return opened(desk, **known)


@pytest.mark.parametrize("way", WAYS)
def test_a_carer_of_the_buyer_family_is_refused_under_any_reference(desk: Desk, database: Database, way: str) -> None:
    case = _stated(desk, corrects=way == "a correction")
    disguised = replace_identity(BUYER, name="虚构另名")
    identify(desk, case, "P-AUNT", "carer", disguised)
    before = everything(database)
    with pytest.raises(Refused) as caught:
        ask(desk, WAYS[way](case, "P-AUNT"))
    assert "no_buyer" in reasons(caught)
    assert {**everything(database), "refusal": []} == {**before, "refusal": []}


@pytest.mark.parametrize("way", WAYS)
def test_a_carer_whom_nobody_can_compare_is_refused(desk: Desk, way: str) -> None:
    case = _stated(desk, corrects=way == "a correction")
    with pytest.raises(Refused) as caught:
        ask(desk, WAYS[way](case, "P-NOBODY"))
    assert "no_buyer" in reasons(caught)
    identify(desk, case, "P-NOBODY", "carer", Identity(name="虚构某人"))
    with pytest.raises(Refused) as caught:
        ask(desk, WAYS[way](case, "P-NOBODY"))
    assert "no_buyer" in reasons(caught), "a name alone does not tell people apart"


@pytest.mark.parametrize("way", WAYS)
def test_a_carer_who_is_somebody_else_is_let_through(desk: Desk, way: str) -> None:
    case = _stated(desk, corrects=way == "a correction")
    identify(desk, case, "P-AUNT", "carer", OTHER)
    ask(desk, WAYS[way](case, "P-AUNT"))
    assert read.show(desk, case, POLICE).case.facts["carer"].value == "P-AUNT"


def test_a_case_does_not_open_with_a_carer_and_a_buyer_family_that_nobody_can_compare(desk: Desk) -> None:
    with pytest.raises(Refused) as caught:
        ask(desk, cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True, **READY}))
    assert reasons(caught) == ["no_buyer"]


def test_what_rested_on_an_identity_is_flagged_when_it_is_amended(desk: Desk) -> None:
    case = opened(desk, **READY)
    (hand_off,) = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered
    ask(desk, cmd.Accept(case=case, hand_off=hand_off), CIVIL)
    assert read.show(desk, case, CIVIL).case.flags == {}
    identify(desk, case, "P-CARER", "carer", BUYER)
    now = read.show(desk, case, CIVIL).case
    assert now.flags == {now.tracks["rescue"].visits["placed"].event: "identity:P-CARER"}
    assert read.replay(desk, case).flags == now.flags


def test_an_offer_is_judged_on_who_the_carer_is_when_it_is_accepted(desk: Desk) -> None:
    case = opened(desk, **READY)
    (hand_off,) = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered
    identify(desk, case, "P-CARER", "carer", BUYER)
    with pytest.raises(Refused) as caught:
        ask(desk, cmd.Accept(case=case, hand_off=hand_off), CIVIL)
    assert reasons(caught) == ["no_buyer"]


@pytest.mark.parametrize("is_buyer", [False, True], ids=["somebody else", "of the buyer family"])
def test_a_transfer_takes_everybody_along_but_leaves_a_banned_carer_behind(
    desk: Desk, database: Database, is_buyer: bool
) -> None:
    case = opened(desk, **READY)
    if is_buyer:
        identify(desk, case, "P-CARER", "carer", BUYER)
    (hand_off,) = ask(desk, cmd.OfferTransfer(case=case, area="800000", to_unit="police-n")).offered
    successor = ask(desk, cmd.Accept(case=case, hand_off=hand_off), THERE).successor
    assert successor is not None
    shown = read.show(desk, successor, THERE)
    assert "buyers" not in shown.case.facts, "with whom a carer is compared is for the vault to know"
    assert [one.field_class for one in shown.withheld] == ["buyer_family"]
    with desk.database.reading() as work:
        now = load(desk, successor, work, for_update=False)
    assert set(now.persons) == set(shown.case.persons) == {"P-CARER", "P-BUYER"}
    assert now.facts["buyers"].value == ["P-BUYER"]
    assert ("carer" in now.facts) == (not is_buyer)
    identify_there = cmd.RecordIdentity(case=successor, role="carer", holds=(), person="P-AUNT")
    handle(desk, identify_there, THERE, enclosed=BUYER)
    way = "a correction" if "carer" in now.facts else "a contribution"
    with pytest.raises(Refused) as caught:
        ask(desk, WAYS[way](successor, "P-AUNT"), THERE)
    assert reasons(caught) == ["no_buyer"], "they can be compared there as they could here"
    found = identities.search(desk, "800000", {"id_number": BUYER.id_number}, THERE)
    assert {one.case for one in found} == {successor}, "found in the jurisdiction it went to"
    check_whole(desk, database)


# ── age ──

AGED = compile_rules(
    Definition.model_validate(
        {
            **PLAY, "id": "aged",
            "tracks": {
                "rescue": {
                    "title": label("rescue"), "provenance": "printed", "basis": basis("1"),
                    "opens": {"when": {"fact": "victim.is_child", "known": True}}, "start": "searching",
                    "steps": {
                        "searching": {"title": label("searching"), "provenance": "printed", "basis": basis("1"),
                                      "responsible": "police"},
                        "settled": {"title": label("settled"), "provenance": "printed", "basis": basis("1"),
                                    "final": True},
                    },
                    "moves": {
                        "settle": {
                            "title": label("settle"), "source": ["searching"], "to": "settled", "provenance": "reading",
                            "basis": basis("2"),
                            "requires": {"of_age": requirement(
                                {"fact": "victim.age_years", "at_least": 16}, "younger than 16")},
                        },
                    },
                },
            },
            "duties": {}, "prohibitions": {},
            "closings": {"transfer": {"title": label("transfer"), "by": ["police"], "needs_duties": False,
                                      "provenance": "deployer"}},
        }
    )
)  # fmt: skip


def test_the_birth_date_decides_an_age_on_the_very_day_whatever_was_stated(database: Database) -> None:
    before, after = datetime(2026, 1, 4, 15, 59, tzinfo=UTC), datetime(2026, 1, 4, 16, 0, tzinfo=UTC)
    morning = before.replace(hour=1)
    with play_desk(database.app_url, since=morning, released=(RULES, OTHER_RULES, AGED)) as desk:
        stated: dict[str, cmd.RawValue] = {"victim.is_child": True, "victim.age_years": 40}
        case = ask(desk, cmd.OpenCase(case="", area="900101", definition="aged", facts=stated)).case
        identify(desk, case, "P-GIRL", "victim", Identity(born_on=date(2010, 1, 5)))
        settle = cmd.Move(case=case, track="rescue", move="settle")
        desk.clock = lambda: before  # one minute to midnight in China
        with pytest.raises(Refused) as caught:
            ask(desk, settle)
        assert reasons(caught) == ["of_age"]
        assert 15 in caught.value.reasons[0].judged.values()
        desk.clock = lambda: after
        assert "moved" in ask(desk, settle).happened


# ── free text ──

TEXTS = {
    "a name": "the aunt of 虚构小花 called",
    "a name across gaps": "虚 构 小 花 was seen",
    "a name in other letters": "虚构小花（化名）",
    "a number": f"her number is {GIRL.id_number}",
    "a number with gaps": f"{str(GIRL.id_number)[:6]} {str(GIRL.id_number)[6:14]}-{str(GIRL.id_number)[14:]}",
    "a number in full-width digits": str(GIRL.id_number).translate({ord(d): ord(d) + 0xFEE0 for d in "0123456789"}),
    "a phone": "call 138-0013-8000 at night",
    "a phone with its country": "call +86 138 0013 8000",
}
FIELDS: dict[str, Callable[[str, str], Command]] = {
    "note": lambda case, text: cmd.Contribute(case=case, track="rescue", note=text),
    "a fact": lambda case, text: cmd.Contribute(case=case, track="rescue", facts={"note": text}),
    "the reason of a correction": lambda case, text: cmd.Correct(
        case=case, fact="search.result", value="found", reason=text
    ),
    "a corrected text": lambda case, text: cmd.Correct(case=case, fact="note", value=text, reason="misheard"),
    "a referral": lambda case, text: cmd.Refer(case=case, track="rescue", to_unit="health", reason=text),
    "a duty": lambda case, text: cmd.SettleDuty(case=case, duty="comfort", outcome="done", reason=text),
    "a relocation": lambda case, text: cmd.Relocate(case=case, area="900102", reason=text),
    "a transfer": lambda case, text: cmd.OfferTransfer(case=case, area="800000", to_unit="police-n", reason=text),
    "a move": lambda case, text: cmd.Move(case=case, track="rescue", move="note_it", facts={"note": text}),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_text_that_holds_an_identifier_of_the_case_is_refused_and_not_kept(
    desk: Desk, database: Database, what: str
) -> None:
    _refused_for_its_text(desk, database, FIELDS["note"], TEXTS[what])


@pytest.mark.parametrize("field", FIELDS)
def test_every_free_text_is_looked_at(desk: Desk, database: Database, field: str) -> None:
    known = {"note": "before"} if field == "a corrected text" else {}
    _refused_for_its_text(desk, database, FIELDS[field], TEXTS["a name"], **known)


def _refused_for_its_text(
    desk: Desk, database: Database, command: Callable[[str, str], Command], text: str, **known: str
) -> None:
    case = opened(desk, **{"search.result": "not_found", **known})
    identify(desk, case, "P-GIRL", "victim", GIRL)
    before = everything(database)
    with pytest.raises(IdentifierInText) as caught:
        ask(desk, command(case, text))
    after = everything(database)
    assert {**after, "refusal": []} == {**before, "refusal": []}
    (row,) = after["refusal"]
    sealed = unseal_refusal(bytes(row["body"]), key_of(desk, case), case, _instant(row["at"]))
    for held in (sealed.decode(), f"{caught.value} {caught.value.details}"):
        assert text not in held
        assert not any(str(one) in held for one in (GIRL.name, GIRL.id_number, "13800138000", *GIRL.phones))
    ask(desk, command(case, "the aunt called"))


def _instant(stored: Any) -> datetime:
    return stored if isinstance(stored, datetime) else datetime.fromisoformat(stored)


def test_identifiers_of_another_case_are_no_ones_business(desk: Desk) -> None:
    case, other = opened(desk), opened(desk)
    identify(desk, other, "P-GIRL", "victim", GIRL)
    ask(desk, FIELDS["note"](case, TEXTS["a name"]))


# ── found ──

ASKED: dict[str, tuple[dict[str, object], str, tuple[str, ...]]] = {
    "by its number": ({"id_number": GIRL.id_number}, "same", ("id_number",)),
    "by name and phone": ({"name": "虚构小花", "phones": ["13800138000"]}, "likely", ("name", "phone", "pinyin")),
    "by phone": ({"phones": ["0086 138 0013 8000"]}, "possible", ("phone",)),
    "by the sound of the name": ({"name": "Xugou Xiaohua"}, "possible", ("pinyin",)),
    "by a name that sounds alike": ({"name": "许够晓华"}, "possible", ("pinyin",)),
}


@pytest.mark.parametrize("what", ASKED)
def test_a_record_of_the_same_person_is_found(desk: Desk, what: str) -> None:
    case = opened(desk)
    identify(desk, case, "P-GIRL", "victim", GIRL)
    identify(desk, opened(desk), "P-OTHER", "victim", replace_identity(OTHER, name="无关"))
    raw, likeness, by = ASKED[what]
    (found,) = identities.search(desk, "900101", raw, Actor("bo", "police-b"))
    assert (found.case, found.person, found.role, found.likeness, found.by) == (case, "P-GIRL", "victim", likeness, by)
    assert identities.search(desk, "800000", raw, THERE) == [], "another jurisdiction has keys of its own"


@pytest.mark.parametrize("actor", [CIVIL, THERE], ids=["opens no record", "of another jurisdiction"])
def test_only_who_may_open_a_record_there_may_look_for_one(desk: Desk, actor: Actor) -> None:
    with pytest.raises(NotHolder):
        identities.search(desk, "900101", {"name": "虚构小花"}, actor)


def test_a_second_record_of_one_person_is_opened_only_by_who_looked_at_the_first(
    desk: Desk, database: Database
) -> None:
    opening = cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True})
    raw = {"name": GIRL.name, "id_number": GIRL.id_number}
    first, made = identities.open_case(desk, opening, raw, POLICE)
    assert read.show(desk, first.case, POLICE).case.persons[made.answer.person or ""].role == "victim"
    before = everything(database)
    with pytest.raises(DuplicateFound) as caught:
        identities.open_case(desk, opening, raw, POLICE)
    assert caught.value.details["cases"] == [first.case]
    assert str(GIRL.name) not in f"{caught.value} {caught.value.details}"
    assert everything(database)["case_record"] == before["case_record"]
    second, _ = identities.open_case(desk, opening, raw, POLICE, despite=[first.case])
    with pytest.raises(DuplicateFound) as caught:
        identities.open_case(desk, opening, raw, POLICE, despite=[first.case])
    assert caught.value.details["cases"] == [second.case]
    identities.open_case(desk, opening, {"name": GIRL.name}, POLICE)
