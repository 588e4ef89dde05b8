"""Passwords: which are taken, how they are kept, and whether one is right.

Length is asked for and nothing else (NIST SP 800-63B-4, 3.1.1.2: no rules of composition, no expiry); what can be
written down by a rule, such as one's own code or a row of keys, is refused. Kept is argon2id with the second choice of
parameters that RFC 9106, 4 recommends: 3 passes over 64 MiB on 4 lanes.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

SHORTEST = 12
LONGEST = 128
FEWEST_TURNS = 6
"""So many characters must come that neither repeat the one before nor lie beside it."""
SHORTEST_PATTERN = 8
"""What is only repeated must be as long as this."""
_NEVER_RIGHT = 4 * LONGEST
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a try costs: passes, memory in KiB, lanes."""

    passes: int = 3
    memory: int = 64 * 1024
    lanes: int = 4


def faults(password: str, person: str) -> list[str]:
    """All that stands against a password, as codes: too short or long, one's own code, a row or a repetition."""
    written = _written(password)
    found = []
    if len(written) < SHORTEST:
        found.append("password_short")
    if len(written) > LONGEST:
        found.append("password_long")
    plain = written.casefold()
    if person and person.casefold() in plain and len(plain.replace(person.casefold(), "")) < SHORTEST:
        found.append("password_own_code")
    if not found and (_turns(plain) < FEWEST_TURNS or _pattern(plain) < min(SHORTEST_PATTERN, len(plain))):
        found.append("password_pattern")
    return found


@dataclass(frozen=True)
class Passwords:
    """Keeps passwords at a cost, and tells whether one is right."""

    cost: Cost = field(default_factory=Cost)

    @cached_property
    def _hasher(self) -> PasswordHash:
        cost = self.cost
        return PasswordHash([Argon2Hasher(cost.passes, cost.memory, cost.lanes, hash_len=32, salt_len=16)])

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash(secrets.token_hex(16))

    def hashed(self, password: str) -> str:
        """The password as it is kept."""
        return self._hasher.hash(_bytes(password))

    def verify(self, password: str, kept: str | None) -> tuple[bool, str | None]:
        """Whether it is right, and how it is to be kept from now on, if otherwise than it was.

        ``None``: there is nobody whose it could be; that is found out at the same cost.
        """
        if len(password) > _NEVER_RIGHT:
            password, kept = "", None
        is_right, anew = self._hasher.verify_and_update(_bytes(password), kept or self._nobodys)
        return (is_right, anew) if kept else (False, None)


@cache
def shipped() -> Passwords:
    """Passwords at the cost that holds in every installation."""
    return Passwords()


def _written(password: str) -> str:
    """The one form of what can be typed in several: with an accent, or a letter that has it."""
    return unicodedata.normalize("NFC", password)


def _bytes(password: str) -> bytes:
    return _written(password).encode("utf-8", "surrogatepass")


def _turns(plain: str) -> int:
    return 1 + sum(not _is_beside(one, other) for one, other in pairwise(plain))


def _is_beside(one: str, other: str) -> bool:
    if abs(ord(one) - ord(other)) <= 1:
        return True
    return any(one + other in row or other + one in row for row in _ROWS)


def _pattern(plain: str) -> int:
    """The length of the shortest beginning that, said again and again, makes all of it."""
    return next(size for size in range(1, len(plain) + 1) if (plain[:size] * len(plain))[: len(plain)] == plain)
