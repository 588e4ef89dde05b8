"""Screening: whether a free text names somebody whose identity is sealed. It tells the kind, never the value or place.

What is looked for is chosen so that a finding is worth stopping for; whoever is warned of ordinary words learns to
pass over warnings:

- a **name** of one character is not looked for: it is an ordinary word wherever it stands. One of two characters only
  as it is written, side by side: across a gap it would be found between any two words. A longer one also with gaps,
  dots and hyphens within. A name in Latin letters only as whole words, with or without diacritics.
- an **identity number** whole, in its old form of 15 digits, or by its last eight characters (month, day, order code,
  check digit). Not by its last six: a date, a postal code or an amount has six digits too. Eight begin with a month,
  which neither a date that begins with its year does, nor a Chinese telephone number without its area code.
- a **phone** by its national number of seven or more digits, with any prefix before it.
- a **paper** by its number of six or more characters.
- an **address** of four or more characters, whole or by its last eight, numerals in either writing; none that ends
  with a county or anything above, because it names a place where many live.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from engine.vault.identity import Identity
from engine.vault.index import name_value, without_diacritics
from engine.vault.normal import ID_FORM, national_number, nfkc, normal_id, normal_name, normal_paper_number

KINDS = ("name", "id_number", "phone", "paper", "address")
"""What may be found, in the order in which it is told."""
TAIL = 8
"""The last characters of an identity number or an address that are enough to be found."""
LEAST_PHONE = 7
LEAST_PAPER = 6
LEAST_ADDRESS = 4

_NUMERALS = "〇一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖", "○壹貳參肆伍陸柒捌玖"
_BETWEEN_NAMES = re.compile(r"[\s·•‧∙⋅・.'’ʼ`\-‐–—]+")
_LATIN_WORD = re.compile(r"[a-z]+")
_LATIN_WITH_MARKS = re.compile("[a-z\u00c0-\u024f\u0300-\u036f\u1e00-\u1eff]+")
_WHERE_MANY_LIVE = re.compile(r"([省市县縣州盟旗]|(?<![小社园])区)$")


class _Digits(dict[int, int | str | None]):
    """What each character is read as in a number: any digit as a plain one, nothing for what is no letter or digit.

    As below, a character is judged when it is first met: a table of all would be large, and of the usual ones short.
    """

    def __missing__(self, code: int) -> int | str | None:
        character = chr(code)
        self[code] = read = (
            str(unicodedata.decimal(character)) if character.isdecimal() else code if character.isalnum() else None
        )
        return read


class _Plain(dict[int, str | None]):
    """What each character is read as: NFKC, case folded; nothing for one of no width, which no reader sees."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        self[code] = read = None if unicodedata.category(character) == "Cf" else nfkc(character).casefold()
        return read


_DIGITS = _Digits({ord(numeral): str(digit) for row in _NUMERALS for digit, numeral in enumerate(row)})
_DIGITS.update({ord("幺"): "1", ord("×"): "x"})
_PLAIN = _Plain()


def found_in(text: str, identities: Iterable[Identity]) -> tuple[str, ...]:
    """Which of :data:`KINDS` of these identities stand in a text, in any of the disguises named above.

    Both are compared in NFKC, case folded and without characters of no width; numbers also without anything between
    their digits, and with Chinese numerals read as digits. An empty answer does not prove that a text names nobody.
    """
    screened = _Screened(text)
    found: set[str] = set()
    for identity in identities:
        found.update(kind for kind in KINDS if kind not in found and screened.tells(kind, identity))
    return tuple(kind for kind in KINDS if kind in found)


class _Screened:
    """A text in the forms in which the kinds are looked for."""

    def __init__(self, text: str) -> None:
        self.plain = _folded(text)
        self.without_gaps = _BETWEEN_NAMES.sub("", self.plain)
        self.numbers = _numbers(self.plain)
        latin = without_diacritics(" ".join(_LATIN_WITH_MARKS.findall(self.plain)))
        self.words = f" {' '.join(_LATIN_WORD.findall(latin))} "

    def tells(self, kind: str, identity: Identity) -> bool:
        if kind == "name":
            return any(self._names(name) for name in (identity.name, *identity.other_names) if name)
        return any(sought in self.numbers for sought in _sought(kind, identity))

    def _names(self, name: str) -> bool:
        latin = without_diacritics(_folded(normal_name(name)))
        if latin.isascii():
            words = " ".join(_LATIN_WORD.findall(latin))
            return len(words) > 1 and f" {words} " in self.words
        letters = _BETWEEN_NAMES.sub("", _folded(name_value(name)))
        return len(letters) > 1 and letters in (self.plain if len(letters) == 2 else self.without_gaps)


def _sought(kind: str, identity: Identity) -> Iterator[str]:
    """Yield what to look for among the numbers of a text; none of it is empty."""
    if kind == "id_number" and ID_FORM.fullmatch(number := normal_id(identity.id_number or "")):
        yield number[-TAIL:].lower()
        if number[6:8] == "19":
            yield number[:6] + number[8:17]
    elif kind == "phone":
        digits = (national_number(phone) for phone in identity.phones)
        yield from (one for one in digits if len(one) >= LEAST_PHONE)
    elif kind == "paper":
        written = (_numbers(_folded(normal_paper_number(paper.number))) for paper in identity.papers)
        yield from (one for one in written if len(one) >= LEAST_PAPER)
    elif kind == "address" and identity.address:
        address = _numbers(_folded(identity.address))
        if len(address) >= LEAST_ADDRESS and not _WHERE_MANY_LIVE.search(address):
            yield address[-TAIL:]


def _folded(text: str) -> str:
    # Character by character first: NFKC of a text that is nearly in that form already is many times faster.
    return nfkc(text.translate(_PLAIN))


def _numbers(text: str) -> str:
    return text.translate(_DIGITS)
