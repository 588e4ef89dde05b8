"""The blind index: what of a person can be asked for, as tokens that tell nothing without the key; and likeness.

A token is an HMAC-SHA-256 over a normalised value, the jurisdiction and the field. Equal values of one field in one
jurisdiction have equal tokens, so a record is found again without the database ever holding a name or a number.
The index only finds candidates; whether two people are one is judged by :func:`likeness`, on the opened identities.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain, combinations, islice, product, zip_longest
from typing import Literal

from engine.errors import CommandMalformed
from engine.vault.identity import PAPERS, Identity, Paper, paper_country
from engine.vault.normal import (
    born_by,
    is_valid_id,
    nfkc,
    normal_id,
    normal_name,
    normal_paper_number,
    normal_phone,
    tidy,
)

FIELDS = ("id_number", "phone", "name", "pinyin", "paper")
"""What can be asked for."""
MOST_READINGS = 32
"""The most pinyin values of one name; the likeliest readings are kept."""
LONGEST_QUESTION = 100
LABEL = b"guitu/index/v1"
TOKEN_BYTES = 16

Likeness = Literal["same", "likely", "possible", "different", "unknown"]
Values = dict[str, frozenset[str]]

_OF_ONE_PERSON = frozenset(PAPERS) - {"household_register", "other"}
"""Kinds of paper that belong to one person: a register is a whole household's, of another paper nobody knows."""
# Variation selectors too: they choose a glyph of a character, not another character.
_JOINTS = re.compile("[\\s·.'’ʼ`\\-‐–—\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_NOT_DECOMPOSED = str.maketrans({"đ": "d", "ð": "d", "ø": "o", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_LATIN_RUN = re.compile("[a-z]+")
_LONGEST_SYLLABLE = 6


def values(identity: Identity) -> Values:
    """The normalised values of an identity for every one of :data:`FIELDS`, none where nothing is known.

    ``name`` and ``pinyin`` are of the name and of all other names. ``pinyin`` is toneless syllables joined by a space,
    ü as ``v``, in every reading of the characters up to :data:`MOST_READINGS`; Latin names are folded and bare of
    diacritics. ``paper`` is kind, country and number, and once more without the country, for whoever does not know it.
    """
    names = [name for name in (identity.name, *identity.other_names) if name]
    return {
        "id_number": frozenset({normal_id(identity.id_number)} if identity.id_number else ()),
        "phone": frozenset(value for value in map(normal_phone, identity.phones) if value),
        "name": frozenset(value for value in map(name_value, names) if value),
        "pinyin": frozenset(value for name in names for value in pinyin_values(name)),
        "paper": frozenset(value for paper in identity.papers for value in _paper_values(paper)),
    }


def values_asked(raw: Mapping[str, str]) -> Values:
    """The values of a search: any of :data:`FIELDS`, in the words of whoever asks.

    They are made as :func:`values` makes them, so whatever way of writing is recorded, another one finds it. A name
    gives pinyin values too: one typed in letters finds by sound, with or without gaps between the syllables. A paper is
    written ``kind:country:number`` or ``kind:number``. Raises :class:`CommandMalformed`, without repeating a value.
    """
    if not raw or raw.keys() - set(FIELDS) or not all(map(_can_be_asked, raw.values())):
        known, longest = ", ".join(FIELDS), LONGEST_QUESTION
        raise CommandMalformed(
            f"请按以下项目查询，每项 1 至 {longest} 个字符：{known}",
            f"ask by any of these, 1 to {longest} characters each: {known}",
        )
    name, spelled = raw.get("name", ""), raw.get("pinyin", "")
    return values(
        Identity(
            name=normal_name(name) or None,
            id_number=raw.get("id_number"),
            phones=(raw["phone"],) if "phone" in raw else (),
            papers=(_paper_asked(raw["paper"]),) if "paper" in raw else (),
        )
    ) | {"pinyin": frozenset(value for text in (name, spelled) if text for value in pinyin_values(text))}


def token(key: bytes, jurisdiction: str, field: str, value: str) -> bytes:
    """The token of one value: the first 16 bytes of HMAC-SHA-256 under ``key``.

    What is authenticated is ``guitu/index/v1``, then jurisdiction, field and value, each as UTF-8 after its length in
    four bytes (big-endian), so no two triples share their bytes. Raises :class:`ValueError` for a key below 32 bytes.
    """
    if len(key) < hashlib.sha256().digest_size:
        raise ValueError("an index key has at least 32 bytes")
    parts = [part.encode() for part in (jurisdiction, field, value)]
    message = LABEL + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.digest(key, message, "sha256")[:TOKEN_BYTES]


def tokens(keys: Mapping[str, bytes], jurisdiction: str, identity: Identity) -> dict[str, frozenset[bytes]]:
    """The tokens of an identity by field. ``keys`` holds one key for each of :data:`FIELDS`."""
    return tokens_of(keys, jurisdiction, values(identity))


def tokens_of(
    keys: Mapping[str, bytes], jurisdiction: str, of: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[bytes]]:
    """The tokens of values by field: of an identity's, or of those somebody asks for."""
    return {
        field: frozenset(token(keys[field], jurisdiction, field, one) for one in found) for field, found in of.items()
    }


def likeness(a: Identity, b: Identity) -> Likeness:
    """How far two identities look like one person.

    - ``same``: an equal valid identity number, or an equal paper of one country that belongs to one person only;
    - ``different``: both have a valid identity number and these differ;
    - ``likely``: a name in common, and a date of birth or a phone in common;
    - ``possible``: a name, its sound, a phone, or any other paper or number in common;
    - ``unknown``: nothing of that. Names that differ tell nothing: people have several, and traffickers give new ones.
    """
    one, other = values(a), values(b)
    shared = {field for field in FIELDS if one[field] & other[field]}
    valid_a, valid_b = _valid_ids(one), _valid_ids(other)
    if valid_a & valid_b or _papers_of_one(a) & _papers_of_one(b):
        return "same"
    if valid_a and valid_b:
        return "different"
    if "name" in shared and ("phone" in shared or _dates(a) & _dates(b)):
        return "likely"
    return "possible" if shared else "unknown"


def is_same_person(a: Identity, b: Identity) -> bool | None:
    """Whether two identities are one person, for a ban that admits no mistake; ``None`` if nobody can tell from these.

    ``likely`` counts as the same, ``possible`` as not known: only two differing valid identity numbers say no.
    """
    return {"same": True, "likely": True, "possible": None, "unknown": None, "different": False}[likeness(a, b)]


def name_value(name: str) -> str:
    """A name for comparison: case folded, without dots, gaps and hyphens between its parts."""
    return nfkc(_JOINTS.sub("", normal_name(name).casefold()))


def pinyin_values(name: str) -> frozenset[str]:
    """How a name sounds, as :func:`values` writes it; of Latin letters also every way to split them into syllables."""
    text = normal_name(name).casefold()
    plain = dict.fromkeys((_with_v(text), without_diacritics(text)))
    spellings = dict.fromkeys(chain(plain, (re.sub("([ln])yu", r"\1v", letters) for letters in plain)))
    told = [_readings([choice for part in _JOINTS.split(one) for choice in _choices(part)]) for one in spellings]
    # In turns, so that no way of spelling ü takes all the room.
    found = dict.fromkeys(reading for turn in zip_longest(*told) for reading in turn if reading)
    return frozenset(islice(found, MOST_READINGS))


def without_diacritics(text: str) -> str:
    """Folded Latin letters without what is written above, below or through them; other scripts stay as they are."""
    decomposed = unicodedata.normalize("NFD", text.translate(_NOT_DECOMPOSED))
    return unicodedata.normalize("NFC", re.sub("(?<=[a-z])[\u0300-\u036f]+", "", decomposed))


def _with_v(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return without_diacritics(re.sub("u([\u0300-\u0307\u0309-\u036f]*)\u0308", r"v\1", decomposed))


def _choices(part: str) -> Iterator[Sequence[str]]:
    """Yield the readings of each character, and of each run of Latin letters as it is and split into syllables."""
    for run in re.findall("[a-z]+|[^a-z]", part):
        if _LATIN_RUN.fullmatch(run):
            yield tuple(dict.fromkeys((run, *_split(run))))
        else:
            yield _sounds().get(ord(run)) or (run,)


def _readings(choices: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the likeliest readings: first all at their first choice, then one character differing, then two, ..."""
    return islice((" ".join(reading) for reading in _by_difference(choices) if reading), MOST_READINGS)


def _by_difference(choices: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    open_places = [place for place, choice in enumerate(choices) if len(choice) > 1]
    for count in range(len(open_places) + 1):
        for places in combinations(open_places, count):
            for others in product(*(choices[place][1:] for place in places)):
                chosen = dict(zip(places, others, strict=True))
                yield [chosen.get(place, choice[0]) for place, choice in enumerate(choices)]


def _split(word: str) -> list[str]:
    """All ways to split letters into pinyin syllables (xian: ``xian``, ``xi an``), at most :data:`MOST_READINGS`."""
    ways: list[list[str]] = [[] for _ in word] + [[""]]
    for start in reversed(range(len(word))):
        for end in range(min(len(word), start + _LONGEST_SYLLABLE), start, -1):
            if word[start:end] in _syllables():
                ways[start] += [f"{word[start:end]} {rest}".rstrip() for rest in ways[end]]
        ways[start] = ways[start][:MOST_READINGS]
    return ways[0]


@lru_cache(maxsize=1)
def _sounds() -> Mapping[int, tuple[str, ...]]:
    """The toneless readings of each character, the usual one first."""
    # Its tables take a third of a second and its phrases a whole one more: they are read when the first name is, and
    # phrases never. A name is no phrase; 单 or 乐 in a name may be read in any way.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin.constants import PINYIN_DICT

    told = {code: readings.split(",") for code, readings in PINYIN_DICT.items()}
    toneless = {one: _with_v(one) for one in set(chain.from_iterable(told.values()))}
    return {code: tuple(dict.fromkeys(toneless[one] for one in readings)) for code, readings in told.items()}


@lru_cache(maxsize=1)
def _syllables() -> frozenset[str]:
    readings = set(chain.from_iterable(_sounds().values()))
    return frozenset(one for one in readings if _LATIN_RUN.fullmatch(one) and re.search("[aeiouv]", one))


def _paper_values(paper: Paper) -> Iterator[str]:
    number, country = normal_paper_number(paper.number), paper_country(paper.kind, paper.country)
    yield f"{paper.kind}::{number}"
    if country:
        yield f"{paper.kind}:{country}:{number}"


def _can_be_asked(text: str) -> bool:
    # A lone surrogate has no UTF-8; encoding it would fail with an error that holds the text.
    return bool(tidy(text)) and len(text) <= LONGEST_QUESTION and not any("\ud800" <= one <= "\udfff" for one in text)


def _paper_asked(text: str) -> Paper:
    kind, _, rest = nfkc(text).strip().partition(":")
    country, colon, number = rest.partition(":")
    if kind not in PAPERS or not normal_paper_number(number if colon else rest):
        raise CommandMalformed(
            "证件请写作 种类:国家:号码 或 种类:号码", "write a paper as kind:country:number or kind:number"
        )
    return Paper(kind=kind, number=number, country=country or None) if colon else Paper(kind=kind, number=rest)


def _papers_of_one(identity: Identity) -> set[tuple[str, str, str]]:
    told = (
        (one.kind, paper_country(one.kind, one.country), normal_paper_number(one.number)) for one in identity.papers
    )
    return {(kind, country, number) for kind, country, number in told if country and kind in _OF_ONE_PERSON}


def _valid_ids(found: Values) -> set[str]:
    return {number for number in found["id_number"] if is_valid_id(number)}


def _dates(identity: Identity) -> set[date | None]:
    number = identity.id_number
    told = {identity.born_on, born_by(number) if is_valid_id(number) else None}
    return told - {None}
