"""People who do not exist: numbers made up from region 110101 and the algorithm of GB 11643, and what goes with them.

The check digit is computed here with the weights as the standard prints them, not with the library under test.
"""

from __future__ import annotations

from datetime import date

from engine.vault.identity import Identity, read_identity

TODAY = date(2026, 3, 1)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"


def number(born: str = "19900307", order: str = "001", region: str = "110101") -> str:
    """An invented identity number of GB 11643; odd ``order`` is a man's."""
    body = region + born + order
    return body + CHECKS[sum(weight * int(digit) for weight, digit in zip(WEIGHTS, body, strict=True)) % 11]


def number_with_x() -> str:
    """An invented number whose check digit is X."""
    return next(one for order in range(1, 999) if (one := number(order=f"{order:03d}")).endswith("X"))


def person(**raw: object) -> Identity:
    """The identity that was read from ``raw``."""
    return read_identity(raw, TODAY)[0]
