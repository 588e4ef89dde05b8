"""The one written form of names and numbers of people, whatever way they were typed; and what GB 11643 says of one."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

import phonenumbers
from stdnum import numdb
from stdnum.cn import ric

ID_FORM = re.compile(r"[0-9]{17}[0-9X]")
"""18 characters that could be a number of GB 11643."""
GAPS = re.compile(r"[\s\-‐‒–—―−]")
"""What people put between the digits of a number: white space and any hyphen or dash."""

_OLD_ID_FORM = re.compile(r"[0-9]{15}")
_DOTS = re.compile(r"\s*[·•‧∙⋅・]\s*")
_DOT_IN_HAN = re.compile(r"(?<=[^\x00-\xff])\s*\.\s*(?=[^\x00-\xff])")
_ASCII_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_RESIDENTS_OF_TAIWAN = "830000"  # on residence permits since 2018; the tables of stdnum list only 710000


def normal_name(text: str) -> str:
    """A name as it is kept: NFKC, single spaces, and one form of the dot between its parts (U+00B7)."""
    dotted = _DOT_IN_HAN.sub("·", _DOTS.sub("·", tidy(text)))
    return re.sub("·+", "·", dotted).strip(" ·")


def normal_id(text: str) -> str:
    """An identity number without gaps, ``X`` as a capital; 15 digits become the 18 of GB 11643.

    Old numbers were given to people born in the 20th century only, so the year begins with 19. What is no number comes
    back tidied.
    """
    number = nfkc(GAPS.sub("", nfkc(text))).translate(_ASCII_UPPER)
    if not _OLD_ID_FORM.fullmatch(number):
        return number
    body = f"{number[:6]}19{number[6:]}"
    return body + ric.calc_check_digit(body + "0")


def normal_phone(text: str) -> str:
    """E.164 of a valid number (without a country code a Chinese one); of any other the digits, after a ``+`` if any."""
    number = _parsed(text)
    if number is None:
        return _dialled(text)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_valid_phone(text: str) -> bool:
    """Whether a numbering plan has such a number."""
    return _parsed(text) is not None


def national_number(text: str) -> str:
    """The digits of a phone number as people write it at home: without country code and trunk prefix."""
    number = _parsed(text)
    return _dialled(text).lstrip("+") if number is None else phonenumbers.national_significant_number(number)


def _dialled(text: str) -> str:
    written = tidy(text)
    return ("+" if written.startswith("+") else "") + re.sub("[^0-9]", "", written)


def _parsed(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(_dialled(text), "CN")
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def normal_paper_number(text: str) -> str:
    """The number of a paper: its letters and digits, Latin letters as capitals."""
    return nfkc(re.sub(r"[\W_]", "", nfkc(text))).translate(_ASCII_UPPER)


def has_right_check_digit(number: str) -> bool:
    """Whether 18 characters end in the check digit of GB 11643 (ISO 7064, MOD 11-2)."""
    return number[-1] == ric.calc_check_digit(number)


def is_valid_id(number: str | None) -> bool:
    """Whether it is a number of GB 11643: 18 characters, the right check digit, a date of birth that exists.

    An unknown region does not make it wrong: our tables may be older than the region.
    """
    return (
        number is not None
        and ID_FORM.fullmatch(number) is not None
        and has_right_check_digit(number)
        and born_by(number) is not None
    )


def born_by(number: str | None) -> date | None:
    """The date of birth in an identity number of 18 characters; ``None`` if it is none or the date does not exist."""
    if number is None or not ID_FORM.fullmatch(number):
        return None
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def nfkc(text: str) -> str:
    """Unicode's compatibility form: full-width letters and digits become plain ones (UAX #15)."""
    return unicodedata.normalize("NFKC", text)


def tidy(text: str) -> str:
    """NFKC, without white space at the ends, single spaces between."""
    return " ".join(nfkc(text).split())


def is_known_region(number: str) -> bool:
    """Whether the number begins with a region code of GB/T 2260 that was ever in force, as far as our tables know."""
    # stdnum's own look-up also compares the years of a region with the year of birth; but a number bears the region of
    # the first registration, which for older people is one that was named after they were born.
    found = numdb.get("cn/loc").info(number[:6])
    return number[:6] == _RESIDENTS_OF_TAIWAN or any("county" in properties for _, properties in found)
