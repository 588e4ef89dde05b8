"""Who may, of what the engine's own sweep does not know as an act: signing in, webhooks, definitions, one's own.

Written by hand, as :mod:`tests.service.access.acts`; the acts of that module and of ``lead_acts`` are used as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import GuituError
from tests.service.access.acts import ADMINISTRATOR, ANYWHERE, AUDITOR, EVERYBODY, HOUSE, SUPERVISOR, Act, Granted
from tests.service.access.acts import EVERY as ON_CASES_AND_THE_HOUSE
from tests.service.access.lead_acts import LEADS
from tests.service.access.worlds import GLASS, World

EVERY: tuple[Act, ...] = (*ON_CASES_AND_THE_HOUSE, *LEADS)


def act(action: str, kind: str | None = None) -> Act:
    """The first act of the engine's sweep that asks the policies for this."""
    return next(one for one in EVERY if one.action == action and kind in (None, one.kind))


def _not_done_here(world: World, by: object) -> object:
    raise AssertionError("it is done through its address")


def on_the_house(action: str, *granted: Granted) -> Act:
    """An act on the installation that the engine's sweep has not, and who may."""
    return Act(action, HOUSE, granted, _not_done_here)


@dataclass(frozen=True, slots=True)
class OwnWebhook(Act):
    """About a webhook of the unit that holds the case: whoever may manage webhooks elsewhere is told of none."""

    def expected(self, role: str, stands: str) -> str:
        """What comes of it."""
        if role not in SUPERVISOR | ADMINISTRATOR or stands == GLASS:
            return "not_permitted"
        return "done" if stands == "own" else "webhook_unknown"


@dataclass(frozen=True, slots=True)
class OwnRecovery(Act):
    """Stopping the recovery of a caseworker of the unit next door."""

    def expected(self, role: str, stands: str) -> str:
        """What comes of it."""
        is_hers = (role, stands) == ("caseworker", RECOVERED)
        is_over_her = role in ADMINISTRATOR or (role == "unit_supervisor" and stands == RECOVERED)
        return "done" if stands != GLASS and (is_hers or is_over_her) else "recovery_unknown"


@dataclass(frozen=True, slots=True)
class Recovery(Act):
    """Agreeing to that recovery: not who asked for it."""

    def expected(self, role: str, stands: str) -> str:
        """What comes of it."""
        if role not in ADMINISTRATOR or stands == GLASS:
            return "not_permitted"
        return "self_grant" if stands == ASKED_FROM else "done"


@dataclass(frozen=True, slots=True)
class Herself(Act):
    """About one's own signing in: every person may, no program signs in so."""

    def expected(self, role: str, stands: str) -> str:
        """What comes of it."""
        return "not_signed_in" if role == "service" else "done"


RECOVERED, ASKED_FROM = "next door", "elsewhere"
"""Whose caseworker is recovered, and whose administrator asked for it."""
READ_BOOKS = on_the_house("read_definitions", (EVERYBODY, ANYWHERE))
READ_UNITS = on_the_house("read_directory", (EVERYBODY, ANYWHERE))
READ_SETTINGS = on_the_house("read_parameters", (ADMINISTRATOR | AUDITOR, ANYWHERE))
SIGN_IN = on_the_house("manage_sign_in", (ADMINISTRATOR, ANYWHERE))
LIST_RECOVERIES = on_the_house("list_recoveries", (EVERYBODY, ANYWHERE))
WEBHOOKS = on_the_house("manage_webhooks", (SUPERVISOR | ADMINISTRATOR, ANYWHERE))
WEBHOOK = OwnWebhook("manage_webhooks", HOUSE, (), _not_done_here)
STOPPING = OwnRecovery("stop_recovery", HOUSE, (), _not_done_here)
AGREEING = Recovery("manage_sign_in", HOUSE, (), _not_done_here)
HERSELF = Herself("herself", HOUSE, (), _not_done_here)


def http_of(code: str) -> int:
    """The status that an error of this code is answered with."""
    left = list(GuituError.__subclasses__())
    while left:
        one = left.pop()
        left += one.__subclasses__()
        if one.code == code:
            return one.http
    raise AssertionError(code)
