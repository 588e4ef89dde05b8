"""Who a person is: the one form in which the safe keeps it, and the strict reading of what somebody typed.

Nothing here shows a value: neither the text of an error or a remark, nor the ``repr`` of an identity. Errors and
tracebacks end up in logs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

import msgspec

from engine.errors import CommandMalformed
from engine.vault.normal import (
    GAPS,
    ID_FORM,
    born_by,
    has_right_check_digit,
    is_known_region,
    is_valid_id,
    is_valid_phone,
    normal_id,
    normal_name,
    normal_paper_number,
    normal_phone,
    tidy,
)

One = TypeVar("One")

LONGEST_NAME = 50
LONGEST_ADDRESS = 200
LONGEST_NUMBER = 50
MOST_ENTRIES = 20
"""The most names, phones or papers of one person."""

ROLES: Mapping[str, tuple[str, str]] = {
    "victim": ("被拐卖受害人", "Victim"),
    "relative": ("亲属", "Relative"),
    "carer": ("抚养、照料人", "Carer"),
    "buyer_family": ("收买家庭成员", "Member of the buyer family"),
    "reporter": ("报案人、线索提供人", "Person who reported"),
}
"""Whom a case knows, each with its Chinese and English label."""

PAPERS: Mapping[str, tuple[str, str]] = {
    "passport": ("护照", "Passport"),
    "household_register": ("户口簿", "Household register"),
    "birth_certificate": ("出生医学证明", "Birth certificate"),
    "hk_macao_permit": ("往来港澳、港澳居民来往内地通行证", "Hong Kong and Macao travel permit"),
    "taiwan_permit": ("台湾居民来往大陆、大陆居民往来台湾通行证", "Taiwan travel permit"),
    "foreign_residence_permit": ("外国人居留证件", "Residence permit of a foreigner"),
    "other": ("其他证件", "Other paper"),
}
"""The kinds of paper, each with its Chinese and English label."""

CHINESE_PAPERS = frozenset({"hk_macao_permit", "taiwan_permit", "foreign_residence_permit"})
"""Only China issues these: their country is always ``CN``, so that one paper is never written in two ways."""

_COUNTRIES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_COUNTRIES.split())
"""ISO 3166-1 alpha-2."""

_SEXES = {"female": "female", "male": "male", "女": "female", "男": "male"}
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Not private-use or unassigned characters: a rare character of a name may be newer than this Python's tables.
_PHONE_FORM = re.compile(r"\+?[0-9()./-]+")
_DATE_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Unshown(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A record whose ``repr`` tells its class and nothing else, in plain tracebacks and in those of rich."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, not shown>"

    __str__ = __repr__

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Paper(_Unshown, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A paper: its kind (one of :data:`PAPERS`), its number, and the country that issued it if known."""

    kind: str
    number: str
    country: str | None = None


class Identity(_Unshown, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is known of who a person is. :func:`read_identity` makes one in its normal form.

    ``id_number`` is a citizen identity number of GB 11643; ``sex`` is ``female`` or ``male``.
    """

    name: str | None = None
    other_names: tuple[str, ...] = ()
    id_number: str | None = None
    born_on: date | None = None
    sex: str | None = None
    phones: tuple[str, ...] = ()
    address: str | None = None
    papers: tuple[Paper, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """Something in an identity that looks wrong and yet may be so: it is told, never in the way. Holds no value."""

    code: str
    field: str
    zh: str
    en: str


_LABELS = {
    "name": ("姓名", "name"),
    "other_names": ("其他姓名", "other names"),
    "id_number": ("公民身份号码", "citizen identity number"),
    "born_on": ("出生日期", "date of birth"),
    "sex": ("性别", "sex"),
    "phones": ("电话", "phones"),
    "address": ("住址", "address"),
    "papers": ("证件", "papers"),
}
_FAULTS = {
    "unknown_field": (
        f"有不认识的项目；可填：{'、'.join(_LABELS)}",
        f"there is a field nobody knows; there are: {', '.join(_LABELS)}",
    ),
    "unknown_part": ("只能有 kind、number、country", "may only have kind, number, country"),
    "missing_part": ("须有 kind 和 number", "needs kind and number"),
    "type": ("类型不对", "is of the wrong type"),
    "control": ("含有控制字符或不可见字符", "holds control or invisible characters"),
    "empty": ("不能为空", "is empty"),
    "too_long": ("过长", "is too long"),
    "too_many": (f"最多 {MOST_ENTRIES} 项", f"has more than {MOST_ENTRIES} entries"),
    "not_one_of_kinds": (f"种类应为：{'、'.join(PAPERS)}", f"kind is one of: {', '.join(PAPERS)}"),
    "not_a_sex": ("应为 female（女）或 male（男）", "is female or male"),
    "not_a_date": ("应为存在的日期，如 2001-01-31", "is a date that exists, such as 2001-01-31"),
    "future": ("晚于今天", "lies in the future"),
    "not_an_id_number": ("应为 18 位（或旧的 15 位）号码", "has 18 characters, or 15 digits of the old form"),
    "not_a_phone": ("应为 3 至 20 位数字，国外号码以 + 开头", "has 3 to 20 digits, with + before a country code"),
    "not_a_paper_number": ("号码中应有数字", "has a number with a digit in it"),
    "not_a_country": ("国家代码应为 ISO 3166 两位字母", "country is two letters of ISO 3166"),
    "issued_by_china": ("该证件只由中国签发，国家代码留空或填 CN", "is issued by China only: no country, or CN"),
}
_REMARKS = {
    "check_digit": ("校验码不符", "the check digit is wrong"),
    "no_such_birth_date": (
        "号码中的出生日期不存在或晚于今天",
        "its date of birth does not exist or lies in the future",
    ),
    "region_unknown": ("号码中的行政区划代码查不到", "the region code in the number is not known"),
    "birth_date_differs": ("与公民身份号码中的出生日期不同", "differs from the one in the identity number"),
    "sex_differs": ("与公民身份号码中的性别不同", "differs from the one in the identity number"),
    "not_a_valid_phone": ("不是有效的电话号码", "is no valid number"),
}


def read_identity(raw: Mapping[str, object], today: date) -> tuple[Identity, tuple[Remark, ...]]:
    """The identity that ``raw`` states, in its normal form, and what looks wrong in it without being in the way.

    Raises :class:`CommandMalformed` with all faults at once (``details["faults"]`` lists them as ``field: code``);
    neither the message nor the details repeat a value, nor a key that is not one of ours.
    """
    reader = _Reader(today)
    if any(key not in _LABELS for key in raw):
        reader.faults.append(("", "unknown_field"))
    read = {field: reader.field(field, raw[field]) for field in _LABELS if field in raw}
    if reader.faults:
        raise _malformed(reader.faults)
    if "other_names" in read:
        read["other_names"] = tuple(name for name in read["other_names"] if name != read.get("name"))
    identity = Identity(**read)
    return identity, tuple(_remarks(identity, today))


def age_on(identity: Identity, day: date) -> int | None:
    """Completed years on ``day``, from the date of birth, else from a valid identity number; ``None`` if unknown.

    A year is completed on the birthday. Whoever was born on 29 February completes it on 1 March where there is no
    29 February: a period of years without a corresponding day runs to the end of that month (民法典 第二百零二条),
    and a child keeps a child's protection a day longer rather than a day less. Criminal courts count 周岁 from the day
    after the birthday (法释〔2006〕1号 第二条); on the birthday itself their answer is one less.
    """
    born = identity.born_on or (born_by(identity.id_number) if is_valid_id(identity.id_number) else None)
    if born is None or day < born:
        return None
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def paper_country(kind: str, country: str | None) -> str | None:
    """The country of a paper: two capitals; of papers that only China issues always ``CN``."""
    return "CN" if kind in CHINESE_PAPERS else country and tidy(country).upper()


class _Fault(Exception):
    """A value that cannot be read; its one argument is a code of ``_FAULTS``, never the value."""


class _Reader:
    """Reads field after field and collects the faults; a value at fault is read as ``None``."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.faults: list[tuple[str, str]] = []

    def field(self, field: str, raw: object) -> Any:
        match field:
            case "other_names":
                return self.several(field, raw, lambda _, one: _name(one))
            case "phones":
                return self.several(field, raw, lambda _, one: _phone(one))
            case "papers":
                return self.several(field, raw, self.paper)
            case "born_on":
                return self.take(field, lambda one: _day(one, self.today), raw)
        return self.take(field, _READERS[field], raw)

    def take(self, field: str, read: Callable[[object], One], raw: object) -> One | None:
        try:
            return read(raw)
        except _Fault as fault:
            self.faults.append((field, fault.args[0]))
            return None

    def several(self, field: str, raw: object, read: Callable[[str, object], One]) -> tuple[One, ...]:
        listed = self.take(field, _listed, raw) or ()
        places = [f"{field}[{place}]" for place in range(1, len(listed) + 1)]
        read_ones = [self.take(place, partial(read, place), one) for place, one in zip(places, listed, strict=True)]
        return tuple(dict.fromkeys(one for one in read_ones if one is not None))

    def paper(self, field: str, raw: object) -> Paper:
        if not isinstance(raw, Mapping):
            raise _Fault("type")
        if raw.keys() - {"kind", "number", "country"}:
            raise _Fault("unknown_part")
        if not {"kind", "number"} <= raw.keys():
            raise _Fault("missing_part")
        kind = self.take(field, _kind, raw["kind"]) or ""
        number = self.take(field, _paper_number, raw["number"]) or ""
        country = self.take(field, lambda one: _country(one, kind), raw["country"]) if "country" in raw else None
        return Paper(kind=kind, number=number, country=paper_country(kind, country))


def _text(raw: object, longest: int = LONGEST_NUMBER) -> str:
    if not isinstance(raw, str):
        raise _Fault("type")
    if any(unicodedata.category(character) in _HIDDEN for character in raw):
        raise _Fault("control")
    text = tidy(raw)
    if not text:
        raise _Fault("empty")
    if len(text) > longest:
        raise _Fault("too_long")
    return text


def _name(raw: object) -> str:
    name = normal_name(_text(raw, LONGEST_NAME))
    if not name.strip(" ·.-'"):
        raise _Fault("empty")
    return name


def _id_number(raw: object) -> str:
    number = normal_id(_text(raw))
    if not ID_FORM.fullmatch(number):
        raise _Fault("not_an_id_number")
    return number


def _day(raw: object, today: date) -> date:
    day = _written_day(tidy(raw)) if isinstance(raw, str) else raw
    if not isinstance(day, date) or isinstance(day, datetime):
        raise _Fault("type")
    if day > today:
        raise _Fault("future")
    return day


def _written_day(text: str) -> date:
    try:
        if _DATE_FORM.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _Fault("not_a_date")


def _sex(raw: object) -> str:
    text = _text(raw)
    if text not in _SEXES:
        raise _Fault("not_a_sex")
    return _SEXES[text]


def _phone(raw: object) -> str:
    text = GAPS.sub("-", _text(raw))
    if not _PHONE_FORM.fullmatch(text) or not 3 <= sum(character.isdigit() for character in text) <= 20:
        raise _Fault("not_a_phone")
    return normal_phone(text)


def _kind(raw: object) -> str:
    if _text(raw) not in PAPERS:
        raise _Fault("not_one_of_kinds")
    return _text(raw)


def _paper_number(raw: object) -> str:
    number = normal_paper_number(_text(raw))
    if not any(character.isdigit() for character in number):
        raise _Fault("not_a_paper_number")
    return number


def _country(raw: object, kind: str) -> str:
    country = _text(raw).upper()
    if country not in COUNTRIES:
        raise _Fault("not_a_country")
    if country != paper_country(kind, country):
        raise _Fault("issued_by_china")
    return country


def _listed(raw: object) -> list[object] | tuple[object, ...]:
    if not isinstance(raw, list | tuple):
        raise _Fault("type")
    if len(raw) > MOST_ENTRIES:
        raise _Fault("too_many")
    return raw


_READERS: Mapping[str, Callable[[object], str]] = {
    "name": _name,
    "id_number": _id_number,
    "sex": _sex,
    "address": lambda raw: _text(raw, LONGEST_ADDRESS),
}


def _malformed(faults: list[tuple[str, str]]) -> CommandMalformed:
    told = [(*_label(field), *_FAULTS[code]) for field, code in faults]
    zh = "；".join(f"{label}{fault}" for label, _, fault, _ in told)
    en = "; ".join(f"{label} {fault}".strip() for _, label, _, fault in told)
    listed = [f"{field or 'identity'}: {code}" for field, code in faults]
    return CommandMalformed(f"身份信息填写有误：{zh}", f"identity: {en}", faults=listed)


def _label(field: str) -> tuple[str, str]:
    name, bracket, place = field.partition("[")
    zh, en = _LABELS.get(name, ("", ""))
    return f"{zh}{bracket}{place}", f"{en}{bracket}{place}"


def _remarks(identity: Identity, today: date) -> Iterator[Remark]:
    number = identity.id_number
    if number is not None:
        if not has_right_check_digit(number):
            yield _remark("check_digit", "id_number")
        born = born_by(number)
        if born is None or born > today:
            yield _remark("no_such_birth_date", "id_number")
        elif identity.born_on not in (None, born):
            yield _remark("birth_date_differs", "born_on")
        if not is_known_region(number):
            yield _remark("region_unknown", "id_number")
        if identity.sex not in (None, "male" if int(number[16]) % 2 else "female"):
            yield _remark("sex_differs", "sex")
    for place, phone in enumerate(identity.phones, start=1):
        if not is_valid_phone(phone):
            yield _remark("not_a_valid_phone", f"phones[{place}]")


def _remark(code: str, field: str) -> Remark:
    (label_zh, label_en), (zh, en) = _label(field), _REMARKS[code]
    return Remark(code, field, f"{label_zh}：{zh}", f"{label_en}: {en}")
