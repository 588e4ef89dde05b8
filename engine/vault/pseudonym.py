"""Pseudonyms of cases: short, random, readable aloud, with a check character; derived from nobody.

The alphabet is Crockford's base 32 (no I, L, O, U, so no letter is taken for a digit and no word is spelled).
"""

from __future__ import annotations

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_CHARACTERS = 11
_READ_AS = str.maketrans("ILO", "110")


def new_pseudonym() -> str:
    """Make a new one, e.g. ``GT-7K3M-9QXD-04RB``: 55 random bits and one check character."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    return _written(body + check_character(body))


def new_reference() -> str:
    """Make a reference to a person, e.g. ``P-7K3M-9QXD-04RB``: it says nothing about who that is."""
    return "P-" + new_pseudonym().removeprefix("GT-")


def check_character(body: str) -> str:
    """One character that any single wrong character and nearly every swap of neighbours changes.

    Weighted sum modulo 32 with odd weights: an odd weight is invertible, so no single error cancels out.
    """
    total = sum((2 * place + 1) * ALPHABET.index(character) for place, character in enumerate(body))
    return ALPHABET[total % len(ALPHABET)]


def tidy(spoken: str) -> str | None:
    """The pseudonym somebody typed or read aloud, in its written form; ``None`` if it cannot be one."""
    letters = spoken.strip().upper().removeprefix("GT").replace("-", "").replace(" ", "").translate(_READ_AS)
    if len(letters) != _RANDOM_CHARACTERS + 1 or any(letter not in ALPHABET for letter in letters):
        return None
    return _written(letters) if check_character(letters[:-1]) == letters[-1] else None


def _written(letters: str) -> str:
    return "GT-" + "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))
