"""What the bench walks: a procedure, the units that serve it, and a script that is the same for every case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.core import commands as cmd
from engine.core.directory import Directory
from engine.core.machine import Rules
from engine.vault.identity import Identity

Kind = Literal["moves", "offers", "acceptances", "others"]
KINDS: tuple[Kind, ...] = ("moves", "offers", "acceptances", "others")


@dataclass(frozen=True, slots=True)
class Act:
    """One command of the script; its case and the county of its unit are filled in (``{area}`` in ``unit``).

    ``enclosed`` is the identity that comes with the command, if one does.
    """

    unit: str
    command: cmd.Command
    kind: Kind = "others"
    track: str = ""
    enclosed: Identity | None = None

    def unit_in(self, area: str) -> str:
        """The unit that acts for a county."""
        return self.unit.replace("{area}", area)

    def on(self, case: str, area: str, key: str) -> tuple[cmd.Command, cmd.Actor]:
        """The command on one case, with an idempotency key, and who gives it."""
        unit = self.unit_in(area)
        command = replace(self.command, case=case, idempotency_key=key)
        if isinstance(command, cmd.Accept | cmd.Decline | cmd.Withdraw):
            command = replace(command, hand_off=f"{case}/{command.hand_off}")
        if isinstance(command, cmd.OpenCase):
            command = replace(command, area=area)
        return command, cmd.Actor(f"{unit}-officer", unit)


@dataclass(frozen=True, slots=True)
class Procedure:
    """Everything a case of the bench needs: its rules, units and areas; how it is opened; the script that is timed."""

    name: str
    rules: Rules
    directory: Directory
    areas: tuple[str, ...]
    opening: tuple[Act, ...]
    script: tuple[Act, ...]

    @property
    def acts(self) -> tuple[Act, ...]:
        """The opening and the script."""
        return (*self.opening, *self.script)


def composition(acts: Sequence[Act]) -> dict[str, int]:
    """How many of these acts make a move at once, offer a hand-off, accept one, or do something else."""
    counted = Counter(act.kind for act in acts)
    return {kind: counted[kind] for kind in KINDS}
