"""Reading an identity: one normal form, all faults at once, remarks that block nothing, and no value shown anywhere."""

from __future__ import annotations

import io
import string
import unicodedata
from datetime import date, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from engine.errors import CommandMalformed
from engine.vault.identity import COUNTRIES, PAPERS, ROLES, Identity, Paper, age_on, read_identity
from engine.vault.normal import is_valid_id, normal_id, normal_name, normal_paper_number, normal_phone
from tests.vault.invented import TODAY, number, number_with_x, person

FULL_WIDTH = str.maketrans(string.digits + "X", "０１２３４５６７８９Ｘ")
EVERYTHING: dict[str, object] = {
    "name": "𠮷田·某某",
    "other_names": ["曾某"],
    "id_number": number(),
    "born_on": "1990-03-07",
    "sex": "male",
    "phones": ["13800138000"],
    "address": "某县某镇某村3号",
    "papers": [{"kind": "passport", "number": "B7654321", "country": "VN"}],
}


def faults(raw: dict[str, object]) -> list[str]:
    with pytest.raises(CommandMalformed) as caught:
        read_identity(raw, TODAY)
    listed = caught.value.details["faults"]
    assert isinstance(listed, list)
    return listed


def remarks(**raw: object) -> list[tuple[str, str]]:
    return [(remark.field, remark.code) for remark in read_identity(raw, TODAY)[1]]


def test_everything_is_read_and_nothing_is_remarked() -> None:
    identity, told = read_identity(EVERYTHING, TODAY)
    assert told == ()
    assert identity == Identity(
        name="𠮷田·某某",
        other_names=("曾某",),
        id_number=number(),
        born_on=date(1990, 3, 7),
        sex="male",
        phones=("+8613800138000",),
        address="某县某镇某村3号",
        papers=(Paper("passport", "B7654321", "VN"),),
    )
    assert msgspec.json.decode(msgspec.json.encode(identity), type=Identity) == identity


def test_vocabularies_are_labelled_in_both_languages() -> None:
    assert set(ROLES) == {"victim", "relative", "carer", "buyer_family", "reporter"}
    assert all(zh and en.isascii() for zh, en in (*ROLES.values(), *PAPERS.values()))
    assert len(COUNTRIES) == 249


@pytest.mark.parametrize("dot", ["·", "・", "•", "‧", "∙", "．", "･", " · ", ".", "··"])
def test_a_name_keeps_one_form_of_its_dot(dot: str) -> None:
    assert person(name=f"阿依古丽{dot}某某").name == "阿依古丽·某某"


@pytest.mark.parametrize("name", ["𠮷", "𠀀", "\U0002a700", "\U0002b740", "\U0002b820", "\U0002ceb0", "\U000323af"])
def test_a_rare_character_stays_one_character(name: str) -> None:
    """Extensions B to F, and one of H, which is newer than some Python's tables."""
    assert person(name=name).name == name
    assert person(name=name * 50).name == name * 50
    assert faults({"name": name * 51}) == ["name: too_long"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("Ｎｇｕｙｅｎ　Ｔｈｉ", "Nguyen Thi"), ("J. Nguyen", "J. Nguyen"), ("  单  某 ", "单 某"), ("e\u0301", "é")],
)
def test_a_name_is_tidied_and_not_case_folded(typed: str, kept: str) -> None:
    assert person(name=typed).name == kept


def test_another_name_is_kept_once_and_not_beside_itself() -> None:
    assert person(name="曾某", other_names=["曾某", "乐某", "乐某"]).other_names == ("乐某",)


def test_an_identity_number_is_read_in_every_way_of_writing() -> None:
    whole = number_with_x()
    spaced = f" {whole[:6]} {whole[6:14]}-{whole[14:].lower()} "
    for typed in (whole, whole.lower(), spaced, whole.translate(FULL_WIDTH)):
        assert person(id_number=typed).id_number == whole


def test_an_old_number_of_fifteen_digits_becomes_the_new_one() -> None:
    whole = number("19560229", "120")
    assert person(id_number=whole[:6] + whole[8:17]).id_number == whole
    assert is_valid_id(whole)


@pytest.mark.parametrize("typed", ["1" * 17, "1" * 19, "X" * 18, number()[:-1] + "Y", "1101019003070011", "１" * 14])
def test_what_cannot_be_an_identity_number_is_refused(typed: str) -> None:
    assert faults({"id_number": typed}) == ["id_number: not_an_id_number"]


def test_what_looks_wrong_in_a_number_is_remarked() -> None:
    good = number()
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    assert remarks(id_number=good, born_on="1990-03-07", sex="male") == []
    assert remarks(id_number=wrong) == [("id_number", "check_digit")]
    assert remarks(id_number=number("19901301")) == [("id_number", "no_such_birth_date")]
    assert remarks(id_number=number("20260302")) == [("id_number", "no_such_birth_date")]
    assert remarks(id_number=number(region="990101")) == [("id_number", "region_unknown")]
    assert remarks(id_number=good, born_on="1990-03-08") == [("born_on", "birth_date_differs")]
    assert remarks(id_number=good, sex="女") == [("sex", "sex_differs")]
    assert remarks(id_number=number(order="002"), sex="女") == []


@pytest.mark.parametrize("region", ["810000", "820000", "830000", "350100", "513301"])
def test_regions_of_residence_permits_and_of_older_people_are_known(region: str) -> None:
    assert remarks(id_number=number("19500101", region=region)) == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("138 0013 8000", "+8613800138000"),
        ("１３８－００１３－８０００", "+8613800138000"),
        ("0086 138 0013 8000", "+8613800138000"),
        ("(010) 6512-3456", "+861065123456"),
        ("+84 912 345 678", "+84912345678"),
    ],
)
def test_a_phone_is_kept_as_e164(typed: str, kept: str) -> None:
    identity, told = read_identity({"phones": [typed]}, TODAY)
    assert (identity.phones, told) == ((kept,), ())


def test_a_phone_that_no_plan_has_is_kept_and_remarked() -> None:
    identity, told = read_identity({"phones": ["13800138000", "1234 5"]}, TODAY)
    assert identity.phones == ("+8613800138000", "12345")
    assert [(remark.field, remark.code) for remark in told] == [("phones[2]", "not_a_valid_phone")]


def test_papers_that_only_china_issues_are_written_in_one_way() -> None:
    written = person(papers=[{"kind": "taiwan_permit", "number": "0123-4567"}])
    assert written.papers == (Paper("taiwan_permit", "01234567", "CN"),)
    assert written == person(papers=[{"kind": "taiwan_permit", "number": "０１２３４５６７", "country": "cn"}])
    foreign = {"kind": "hk_macao_permit", "number": "H1", "country": "HK"}
    assert faults({"papers": [foreign]}) == ["papers[1]: issued_by_china"]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ({"nickname": "x"}, "identity: unknown_field"),
        ({1: "x"}, "identity: unknown_field"),
        ({"name": 7}, "name: type"),
        ({"name": None}, "name: type"),
        ({"name": ""}, "name: empty"),
        ({"name": "\u3000"}, "name: empty"),
        ({"name": " · "}, "name: empty"),
        ({"name": "某\n某"}, "name: control"),
        ({"name": "某\u200b某"}, "name: control"),
        ({"name": "某\u202e某"}, "name: control"),
        ({"name": "某\ud842"}, "name: control"),
        ({"other_names": "某某"}, "other_names: type"),
        ({"other_names": ["某", 3]}, "other_names[2]: type"),
        ({"other_names": ["某"] * 21}, "other_names: too_many"),
        ({"born_on": "2023-02-29"}, "born_on: not_a_date"),
        ({"born_on": "20230228"}, "born_on: not_a_date"),
        ({"born_on": "2026-03-02"}, "born_on: future"),
        ({"born_on": 20230228}, "born_on: type"),
        ({"born_on": datetime(2020, 1, 1)}, "born_on: type"),  # noqa: DTZ001 - a zone would not make it a date
        ({"sex": "f"}, "sex: not_a_sex"),
        ({"phones": ["110 转 3"]}, "phones[1]: not_a_phone"),
        ({"phones": ["12"]}, "phones[1]: not_a_phone"),
        ({"address": "某" * 201}, "address: too_long"),
        ({"papers": [[]]}, "papers[1]: type"),
        ({"papers": [{"kind": "passport"}]}, "papers[1]: missing_part"),
        ({"papers": [{"kind": "passport", "number": "B1", "note": ""}]}, "papers[1]: unknown_part"),
        ({"papers": [{"kind": "visa", "number": "B1"}]}, "papers[1]: not_one_of_kinds"),
        ({"papers": [{"kind": "passport", "number": "B"}]}, "papers[1]: not_a_paper_number"),
        ({"papers": [{"kind": "passport", "number": "B1", "country": "XX"}]}, "papers[1]: not_a_country"),
    ],
)
def test_each_fault_is_named_with_its_field(raw: dict[str, object], fault: str) -> None:
    assert faults(raw) == [fault]


def test_today_is_not_the_future_and_a_date_may_come_as_one() -> None:
    assert person(born_on=TODAY).born_on == TODAY


def test_all_faults_come_at_once_and_repeat_no_value() -> None:
    secrets = ["Xanthippe", "Quetzal", "31415", "Yggdrasil", "ZZTOP", "Wolpertinger", "Kobold"]
    raw: dict[str, object] = {
        "Xanthippe": "Quetzal",
        "name": "Quetzal\n",
        "id_number": "31415",
        "born_on": "Yggdrasil",
        "papers": [{"kind": "Kobold", "number": "ZZTOP", "country": "Wolpertinger"}],
    }
    with pytest.raises(CommandMalformed) as caught:
        read_identity(raw, TODAY)
    error = caught.value
    assert error.details["faults"] == [
        "identity: unknown_field",
        "name: control",
        "id_number: not_an_id_number",
        "born_on: not_a_date",
        "papers[1]: not_one_of_kinds",
        "papers[1]: not_a_paper_number",
        "papers[1]: not_a_country",
    ]
    shown = f"{error.zh} {error.en} {error} {error.details} {error.__cause__} {error.__context__}"
    assert [secret for secret in secrets if secret in shown] == []
    assert "证件[1]种类应为" in error.zh
    assert "papers[1] kind is one of" in error.en


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        ("2012-03-01", date(2026, 3, 1), 14),
        ("2012-03-02", date(2026, 3, 1), 13),
        ("2012-02-29", date(2026, 2, 28), 13),
        ("2012-02-29", date(2026, 3, 1), 14),
        ("2012-02-29", date(2024, 2, 28), 11),
        ("2012-02-29", date(2024, 2, 29), 12),
        ("2026-03-01", date(2026, 3, 1), 0),
        ("2026-03-01", date(2026, 2, 28), None),
    ],
)
def test_age_in_completed_years(born: str, day: date, age: int | None) -> None:
    assert age_on(person(born_on=born), day) == age


def test_age_by_the_number_only_if_it_is_valid_and_no_date_is_stated() -> None:
    good = number("20100101")
    assert age_on(person(id_number=good), TODAY) == 16
    assert age_on(person(id_number=good, born_on="2012-01-01"), TODAY) == 14
    assert age_on(Identity(id_number=good[:-1] + ("0" if good[-1] != "0" else "1")), TODAY) is None
    assert age_on(person(id_number=number("20101301")), TODAY) is None
    assert age_on(Identity(), TODAY) is None


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), max_size=12)
DIGITS = st.text("0123456789０１８xX -+()·.", max_size=25)


@settings(max_examples=500, deadline=None)
@given(st.one_of(WORDS, DIGITS))
def test_every_normal_form_is_its_own_normal_form(text: str) -> None:
    for normal in (normal_name, normal_id, normal_phone, normal_paper_number):
        once = normal(text)
        assert normal(once) == once
        assert unicodedata.is_normalized("NFKC", once)


@settings(max_examples=200, deadline=None)
@given(name=WORDS, phone=DIGITS, paper=st.one_of(WORDS, DIGITS), address=WORDS)
def test_what_was_read_is_read_again_as_the_same(name: str, phone: str, paper: str, address: str) -> None:
    parts: list[dict[str, object]] = [
        {"name": name}, {"phones": [phone]}, {"papers": [{"kind": "other", "number": paper}]}, {"address": address},
    ]  # fmt: skip
    for raw in parts:
        try:
            identity, told = read_identity(raw, TODAY)
        except CommandMalformed:
            continue
        assert read_identity(msgspec.to_builtins(identity), TODAY) == (identity, told)


@settings(max_examples=100, deadline=None)
@given(st.text("某乐单仇阿QZyx9", min_size=4, max_size=20))
def test_no_way_of_showing_an_identity_shows_a_value(secret: str) -> None:
    paper = Paper("passport", secret, "VN")
    identity = Identity(name=secret, other_names=(secret,), phones=(secret,), address=secret, papers=(paper,))
    for thing, known in ((identity, "<Identity, not shown>"), (paper, "<Paper, not shown>")):
        assert repr(thing) == str(thing) == f"{thing}" == known
        console = Console(file=io.StringIO(), width=200)
        console.print(thing, [thing])
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert secret not in shown
        assert "passport" not in shown
