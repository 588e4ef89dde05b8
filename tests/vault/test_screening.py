"""Screening of free text: every disguise that is promised, and the false alarms that are not wanted."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.vault.identity import Identity
from engine.vault.screening import KINDS, found_in
from tests.vault.invented import number, number_with_x, person

CHINESE = str.maketrans("0123456789", "〇一二三四五六七八九")
FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")
PERSON = person(
    name="阿依古丽·某某",
    other_names=["单乐", "Nguyễn Thị Đào"],
    id_number=number_with_x(),
    phones=["13800138000", "010-65123456"],
    address="某省某市某县幸福里小区三号楼2单元",
    papers=[{"kind": "passport", "number": "B7654321", "country": "VN"}],
)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("受害人阿依古丽·某某已到站", ("name",)),
        ("受害人阿依古丽某某已到站", ("name",)),
        ("受害人阿 依 古 丽 • 某 某已到站", ("name",)),
        ("受害人单乐已到站", ("name",)),
        ("受害人单\u200b乐已到站", ("name",)),
        ("她说自己叫nguyen  thi dao。", ("name",)),
        ("她说自己叫ＮＧＵＹỄＮ Thị-Đào", ("name",)),
        ("电话１３８ ００１３ ８０００", ("phone",)),
        ("电话一三八〇〇一三八〇〇〇", ("phone",)),
        ("电话幺三八零零幺三八零零零", ("phone",)),
        ("电话+86 (138) 0013.8000", ("phone",)),
        ("电话138\u200b0013\u20608000", ("phone",)),
        ("单位电话01065123456", ("phone",)),
        ("护照b 765-4321", ("paper",)),
        ("住幸福里小区3号楼二单元", ("address",)),
        ("住某省某市某县幸福里小区三号楼2单元。", ("address",)),
        ("阿依古丽某某，电话13800138000，护照B7654321", ("name", "phone", "paper")),
    ],
)
def test_what_stands_in_a_text_is_found(text: str, kinds: tuple[str, ...]) -> None:
    assert found_in(text, [person(), PERSON]) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "受害人已到站，身体状况良好。",
        "名单，乐观估计",
        "名单 乐观估计",
        "A boat to Nguyen Thi Daoxyz",
        "古丽·某某",
        "于2024年5月1日 13:80 移送，编号138-0013",
        "证件7654321",
        "某省某市某县",
        "三号楼2单元",
    ],
)
def test_what_does_not_stand_there_is_not_found(text: str) -> None:
    assert found_in(text, [PERSON]) == ()


def test_a_name_of_one_character_is_not_looked_for_and_one_of_two_only_side_by_side() -> None:
    assert found_in("乐某乐", [person(name="乐"), person(name="a")]) == ()
    assert found_in("单 乐", [person(name="单乐")]) == ()
    assert found_in("单乐", [person(name="单 乐")]) == ("name",)
    assert found_in("𠮷田来了", [person(name="𠮷田")]) == ("name",)
    assert found_in("𠮷，田", [person(name="𠮷田")]) == ()


def test_a_latin_name_is_found_as_words_only() -> None:
    assert found_in("母亲Anna说", [person(name="Anna")]) == ("name",)
    assert found_in("Joanna, Hannah", [person(name="Anna")]) == ()


@pytest.mark.parametrize("cut", [18, 12, 8])
def test_the_tail_of_an_identity_number_is_found_down_to_eight(cut: int) -> None:
    whole = number_with_x()
    assert found_in(f"尾号{whole[-cut:].lower()}", [person(id_number=whole)]) == ("id_number",)


@pytest.mark.parametrize("cut", [7, 6])
def test_a_shorter_tail_is_not_looked_for(cut: int) -> None:
    whole = number()
    assert found_in(f"尾号{whole[-cut:]}", [person(id_number=whole)]) == ()


@pytest.mark.parametrize("address", ["某省某市", "某省某市某县", "某市某区", "云南省德宏州", "3号"])
def test_an_address_where_many_live_is_not_looked_for(address: str) -> None:
    assert found_in(f"移送{address}公安机关", [person(address=address)]) == ()


def test_a_short_paper_number_or_phone_is_not_looked_for() -> None:
    paper = {"kind": "other", "number": "12345"}
    assert found_in("第12345号", [person(papers=[paper], phones=["12345"])]) == ()
    assert found_in("第123456号", [person(papers=[{**paper, "number": "123456"}])]) == ("paper",)


def test_kinds_come_once_and_in_order() -> None:
    told = f"{PERSON.address} B7654321 13800138000 {PERSON.id_number} 单乐"
    assert found_in(told, [PERSON, PERSON]) == KINDS


@st.composite
def disguised(draw: st.DrawFn) -> tuple[Identity, str]:
    """An invented number and one way in which somebody may write it."""
    born = draw(st.dates(OLDEST, YOUNGEST)).strftime("%Y%m%d")
    whole = number(born, f"{draw(st.integers(1, 999)):03d}")
    written = whole[:6] + whole[8:17] if draw(st.booleans()) else whole
    ways: list[Callable[[str], str]] = [
        str,
        str.lower,
        lambda one: one.translate(CHINESE),
        lambda one: one.translate(FULL_WIDTH),
    ]
    characters = [draw(st.sampled_from(ways))(character) for character in written]
    gaps = draw(st.lists(GAPS, min_size=len(characters), max_size=len(characters)))
    return person(id_number=whole), "".join(one + gap for one, gap in zip(characters, gaps, strict=True))


OLDEST, YOUNGEST = date(1930, 1, 1), date(1999, 12, 31)
GAPS = st.sampled_from(["", "", " ", "-", ".", "·", "\u3000", "\u200b", "\u2060", "—", "\ufeff", "\u00ad"])
AROUND = st.text(st.characters(exclude_categories=["Cs", "Nd", "Mn", "Mc", "Me"]), max_size=30)


@settings(max_examples=150, deadline=None)
@given(disguised(), AROUND, AROUND)
def test_a_known_identity_number_is_found_in_any_of_its_disguises(
    known: tuple[Identity, str], before: str, after: str
) -> None:
    identity, written = known
    assert "id_number" in found_in(before + written + after, [identity])


@pytest.mark.bench
def test_ten_identities_are_looked_for_in_five_thousand_characters_in_five_milliseconds() -> None:
    """Time of this process, the best of many runs: what else the machine does is not measured."""
    chance = random.Random(7)
    letters = "某县公安局接报后立即派员前往，二〇二四年5月13日到站。"
    text = "".join(chance.choice(letters) for _ in range(5000))
    people = [
        person(
            name=f"某{letter}·丁", other_names=[f"某{letter}", "Nguyen Thi"], id_number=number(order=f"{100 + place}"),
            phones=[f"1380013800{place}"], address=f"某县某镇某村{place}号院", papers=[
                {"kind": "passport", "number": f"B765432{place}"}
            ],
        )
        for place, letter in enumerate("甲乙丙丁戊己庚辛壬癸")
    ]  # fmt: skip
    assert found_in(text, people) == ()
    best = min(_seconds(text, people) for _ in range(60))
    assert best < 0.005


def _seconds(text: str, people: list[Identity]) -> float:
    start = time.process_time()
    found_in(text, people)
    return time.process_time() - start
