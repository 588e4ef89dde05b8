"""The form of an attack: who does it, how, and what must be noticed by whom and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from engine.ledger.verifying.report import Finding
from tests.tampering.world import Audit, Ground

Who = Literal["desk", "sequencer", "signer", "export", "verifier"]
THREE = (0.0, 0.5, 1.0)
"""The first place, the middle, the last."""


@dataclass(frozen=True)
class Seen:
    """Something that must be noticed: by whom, in which word, and what it must name.

    For the verifier, what is named are the parts of its place, and ``detail`` for how the detail begins.
    """

    who: Who
    word: str
    named: tuple[tuple[str, object], ...] = ()

    def is_in(self, audit: Audit) -> bool:
        """Whether it was noticed, with the true place."""
        if self.who == "verifier":
            return any(one.word == self.word and self._names(one) for one in audit.findings)
        wanted = dict(self.named).items()
        return any(
            (one.who, one.word) == (self.who, self.word) and wanted <= one.named.items() for one in audit.troubles
        )

    def _names(self, found: Finding) -> bool:
        told = {one.name: getattr(found.place, one.name) for one in fields(found.place)}
        for name, value in self.named:
            if name == "detail" and not found.detail.startswith(str(value)):
                return False
            if name != "detail" and told[name] != value:
                return False
        return True


def seen(who: Who, word: str, **named: object) -> Seen:
    """See :class:`Seen`."""
    return Seen(who, word, tuple(named.items()))


@dataclass(frozen=True)
class Truth:
    """What is true after an attack: the verifier's exit code (None: no bundle comes out), and what must be noticed."""

    exit_code: int | None
    seen: Sequence[Seen] = ()


@dataclass(frozen=True)
class Act:
    """One attack. ``by``: the least that somebody needs to do it. ``do`` is given a place between 0 and 1."""

    name: str
    by: str
    do: Callable[[Ground, float], Truth]
    places: tuple[float, ...] = THREE
    why_not: str = ""
    """Of what nobody can notice: why."""
