"""The blind index: what finds whom, what a token depends on, and when two identities are one person."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import CommandMalformed
from engine.vault.identity import Identity, Paper
from engine.vault.index import (
    FIELDS,
    MOST_READINGS,
    is_same_person,
    likeness,
    name_value,
    pinyin_values,
    token,
    tokens,
    tokens_of,
    values,
    values_asked,
)
from tests.vault.invented import number, person

KEYS = {field: hashlib.sha256(field.encode()).digest() for field in FIELDS}


def is_found(identity: Identity, field: str, asked: str) -> set[str]:
    """By which fields a search finds an identity, judged by tokens alone."""
    recorded = tokens(KEYS, "350000", identity)
    sought = tokens_of(KEYS, "350000", values_asked({field: asked}))
    return {one for one in FIELDS if recorded[one] & sought[one]}


@pytest.mark.parametrize(
    ("name", "readings"),
    [
        ("单某", {"dan mou", "shan mou", "chan mou"}),
        ("曾某", {"ceng mou", "zeng mou"}),
        ("乐某", {"le mou", "yue mou"}),
        ("仇某", {"chou mou", "qiu mou"}),
        ("解某", {"jie mou", "xie mou"}),
        ("吕某", {"lv mou"}),
        ("尉迟某", {"yu chi mou"}),
        ("𠀀某", {"he mou"}),
        ("𠮷某", {"𠮷 mou"}),
        ("Nguyễn Thị Đào", {"nguyen thi dao"}),
        ("阿Q", {"a q"}),
        ("Lǚ Mǒu", {"lv mou", "lu mou"}),
    ],
)
def test_a_name_sounds_in_every_reading_of_its_characters(name: str, readings: set[str]) -> None:
    assert readings <= pinyin_values(name)


def test_readings_end_at_the_cap_and_the_likeliest_are_kept() -> None:
    many = pinyin_values("单乐仇曾解" * 10)
    assert len(many) == MOST_READINGS
    assert " ".join(["dan le chou ceng jie"] * 10) in many
    surname_differs = " ".join(["shan le chou ceng jie", *["dan le chou ceng jie"] * 9])
    assert surname_differs in many
    assert len(pinyin_values("an" * 25)) == MOST_READINGS


@pytest.mark.parametrize(
    ("field", "asked", "by"),
    [
        ("name", "单乐", {"name", "pinyin"}),
        ("name", "shan yue", {"pinyin"}),
        ("name", "ShanYue", {"pinyin"}),
        ("pinyin", "shàn yuè", {"pinyin"}),
        ("pinyin", "dan-le", {"pinyin"}),
        ("pinyin", "dan lu", set()),
        ("name", "乐单", set()),
        ("name", "阿单", {"name", "pinyin"}),
        ("phone", "０１０ 6512 3456", {"phone"}),
        ("phone", "+86 10 65123456", {"phone"}),
        ("id_number", number()[:6] + number()[8:17], {"id_number"}),
        ("id_number", number(order="003"), set()),
        ("paper", "passport:VN:b 765-4321", {"paper"}),
        ("paper", "passport:B7654321", {"paper"}),
        ("paper", "passport::B7654321", {"paper"}),
        ("paper", "other:B7654321", set()),
        ("paper", "taiwan_permit:01234567", {"paper"}),
    ],
)
def test_a_search_finds_whatever_way_it_is_asked(field: str, asked: str, by: set[str]) -> None:
    papers = [
        {"kind": "passport", "number": "B7654321", "country": "VN"},
        {"kind": "taiwan_permit", "number": "01234567"},
    ]
    identity = person(name="单乐", other_names=["阿单"], id_number=number(), phones=["010-65123456"], papers=papers)
    assert is_found(identity, field, asked) == by


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        ("吕某", "lü mou"),
        ("吕某", "LYU MOU"),
        ("吕某", "lvmou"),
        ("阿依古丽·某某", "ayigulimoumou"),
        ("西安", "xian"),
        ("先某", "xianmou"),
        ("西安", "xi'an"),
        ("Nguyễn Thị Đào", "NGUYEN THI DAO"),
        ("LI XIAOMOU", "lixiaomou"),
    ],
)
def test_a_name_typed_in_letters_finds_by_sound(recorded: str, asked: str) -> None:
    assert "pinyin" in is_found(person(name=recorded), "name", asked)


def test_a_name_is_one_whatever_joins_its_parts() -> None:
    ways = ("阿依古丽·某某", "阿依古丽 某某", "阿依古丽某某", "阿依古丽・某某", "阿依古丽•某\U000e0100某")
    assert {name_value(way) for way in ways} == {"阿依古丽某某"}
    assert name_value("NGUYEN Thi-Hoa") == name_value("Nguyen Thihoa") == "nguyenthihoa"


def test_every_field_has_values_even_of_nobody() -> None:
    assert values(Identity()) == dict.fromkeys(FIELDS, frozenset())


@pytest.mark.parametrize(
    "raw",
    [
        {}, {"address": "Quetzal"}, {"name": " "}, {"name": "Quetzal\ud842"}, {"name": "Quetzal" * 15},
        {"paper": "Quetzal"}, {"paper": "passport:VN:"},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_without_a_value(raw: dict[str, str]) -> None:
    with pytest.raises(CommandMalformed) as caught:
        values_asked(raw)
    assert "Quetzal" not in f"{caught.value.zh} {caught.value.en} {caught.value.details} {caught.value.__context__}"


def test_a_token_is_made_as_the_page_says() -> None:
    message = b"guitu/index/v1" + b"\0\0\0\x06350000" + b"\0\0\0\x04name" + b"\0\0\0\x06" + "单某".encode()
    expected = hmac.new(KEYS["name"], message, hashlib.sha256).digest()[:16]
    assert token(KEYS["name"], "350000", "name", "单某") == expected
    with pytest.raises(ValueError, match="32 bytes"):
        token(b"short", "350000", "name", "单某")


@dataclass(frozen=True)
class Asked:
    """All that a token depends on."""

    key: bytes
    jurisdiction: str
    field: str
    value: str

    def token(self) -> bytes:
        return token(self.key, self.jurisdiction, self.field, self.value)


# Short texts over few letters, so that two draws often are the same bytes when simply put together.
PARTS = st.text("a\0\x01", max_size=4)
ASKED = st.builds(Asked, st.sampled_from(list(KEYS.values())), PARTS, PARTS, PARTS)


@settings(max_examples=200, deadline=None)
@given(ASKED, ASKED)
def test_a_token_differs_when_anything_differs(one: Asked, other: Asked) -> None:
    assert (one.token() == other.token()) == (one == other)
    assert len(one.token()) == 16


@settings(max_examples=200, deadline=None)
@given(ASKED, st.sampled_from(["key", "jurisdiction", "field", "value"]))
def test_a_token_differs_when_one_thing_differs(one: Asked, changed: str) -> None:
    changes: dict[str, Any] = {changed: bytes(32) if changed == "key" else getattr(one, changed) + "b"}
    other = replace(one, **changes)
    assert one.token() != other.token()


@settings(max_examples=200, deadline=None)
@given(PARTS, PARTS, PARTS, st.integers(0, 8))
def test_shifting_the_border_between_two_parts_changes_the_token(a: str, b: str, c: str, at: int) -> None:
    joined = a + b
    one, other = Asked(KEYS["name"], a, b, c), Asked(KEYS["name"], joined[:at], joined[at:], c)
    assert (one.token() == other.token()) == (one == other)


PASSPORT = {"kind": "passport", "number": "B7654321", "country": "VN"}
WRONG = number()[:-1] + ("0" if number()[-1] != "0" else "1")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ({"id_number": number()}, {"id_number": number(), "name": "某甲"}, "same"),
        ({"papers": [PASSPORT], "name": "某甲"}, {"papers": [PASSPORT], "name": "某乙"}, "same"),
        (
            {"papers": [PASSPORT], "id_number": number()},
            {"papers": [PASSPORT], "id_number": number(order="003")},
            "same",
        ),
        (
            {"id_number": number(), "name": "某甲", "born_on": "1990-03-07"},
            {"id_number": number(order="003"), "name": "某甲", "born_on": "1990-03-07"},
            "different",
        ),
        ({"name": "某甲", "born_on": "1990-03-07"}, {"other_names": ["某甲"], "born_on": "1990-03-07"}, "likely"),
        ({"name": "某甲", "born_on": "1990-03-07"}, {"name": "某甲", "id_number": number()}, "likely"),
        ({"name": "某甲", "phones": ["13800138000"]}, {"name": "某甲", "phones": ["+86 13800138000"]}, "likely"),
        ({"name": "某甲", "born_on": "1990-03-07"}, {"name": "某甲", "born_on": "1990-03-08"}, "possible"),
        ({"name": "单某"}, {"name": "Shan Mou"}, "possible"),
        ({"name": "单某"}, {"name": "山某"}, "possible"),
        ({"phones": ["13800138000"], "name": "某甲"}, {"phones": ["13800138000"], "name": "某乙"}, "possible"),
        ({"id_number": WRONG}, {"id_number": WRONG}, "possible"),
        ({"papers": [{**PASSPORT, "kind": "other"}]}, {"papers": [{**PASSPORT, "kind": "other"}]}, "possible"),
        (
            {"papers": [{**PASSPORT, "kind": "household_register", "country": "CN"}]},
            {"papers": [{**PASSPORT, "kind": "household_register", "country": "CN"}]},
            "possible",
        ),
        ({"papers": [PASSPORT]}, {"papers": [{"kind": "passport", "number": "B7654321"}]}, "possible"),
        ({"papers": [PASSPORT]}, {"papers": [{**PASSPORT, "country": "LA"}]}, "possible"),
        ({"name": "某甲", "born_on": "1990-03-07"}, {"name": "某乙", "born_on": "1990-03-07"}, "unknown"),
        ({"id_number": WRONG}, {"id_number": number()}, "unknown"),
        ({"name": "某甲"}, {"phones": ["13800138000"]}, "unknown"),
        ({}, {}, "unknown"),
    ],
)
def test_likeness_and_the_ban(a: dict[str, object], b: dict[str, object], expected: str) -> None:
    one, other = person(**a), person(**b)
    assert likeness(one, other) == likeness(other, one) == expected
    banned = {"same": True, "likely": True, "different": False}.get(expected)
    assert is_same_person(one, other) is banned
    assert is_same_person(other, one) is banned


def test_likeness_does_not_need_the_normal_form() -> None:
    typed = Identity(name="单 某", phones=("138-0013-8000",), papers=(Paper("passport", "b 7654321", "vn"),))
    assert likeness(typed, person(papers=[PASSPORT])) == "same"
    assert likeness(typed, person(name="单某", phones=["13800138000"])) == "likely"
