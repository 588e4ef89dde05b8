"""What may be asked for about leads and shared data, and who may: by hand, as in :mod:`tests.service.access.acts`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.core.commands import Actor
from engine.service import lead_reading, leads, shared_data
from tests.service.access.acts import HOUSE, LOOK, OFFICE, STAFF, TAKING_PART, Act, Do, house
from tests.service.access.worlds import GLASS, World, actor
from tests.service.lead_play import RULES, SHARING, what
from tests.service.shared_play import wanted

OWN = frozenset({"own"})


@dataclass(frozen=True, slots=True)
class LeadAct(Act):
    """About a lead that was reported by the unit that leads jointly, and accepted by the one that holds the case."""

    def expected(self, role: str, stands: str) -> str:
        """What comes of it: whoever may not know of the lead is told nothing of it."""
        may = stands != GLASS and any(role in roles and stands in where for roles, where in self.granted)
        return "done" if may else "lead_unknown"


def with_lead(world: World) -> World:
    """The world with such a lead, for good."""
    if not world.lead:
        reporter = actor("reporter", "lead")
        world.lead = leads.report_lead(world.desk, RULES, what(kind="tip"), reporter).lead
        leads.accept(world.desk, RULES, world.lead, actor("caseworker"))
    return world


def lead(action: str, do: Do) -> Act:
    """Something that the unit may that accepted the lead and has it."""
    return LeadAct(action, LOOK, ((STAFF, OWN),), do)


def _report(world: World, by: Actor) -> object:
    return leads.report_lead(world.desk, RULES, what(), by)


def _report_as_program(world: World, by: Actor) -> object:
    return leads.report_lead(world.desk, RULES, what(), replace(by, purpose="reporting"))


LEADS: tuple[Act, ...] = (
    house("report_lead", STAFF | {"reporter"}, _report),
    house("report_lead", STAFF | {"reporter", "service"}, _report_as_program),
    house("list_leads", STAFF, lambda world, by: lead_reading.listed(world.desk, by)),
    house("list_petitions", OFFICE, lambda world, by: lead_reading.petitions(world.desk, by)),
    house("read_shared", STAFF, lambda world, by: shared_data.received(world.desk, by)),
    LeadAct("read_receipt", HOUSE, ((STAFF | {"reporter"}, frozenset({"lead"})),), lambda world, by: (
        lead_reading.receipt(world.desk, world.lead, by))),
    lead("see_lead", lambda world, by: lead_reading.show(world.desk, RULES, world.lead, by)),
    lead("see_lead_names", lambda world, by: lead_reading.show(world.desk, RULES, world.lead, by, with_names=True)),
    lead("accept_lead", lambda world, by: leads.accept(world.desk, RULES, world.lead, by, case=world.case)),
    lead("pass_lead", lambda world, by: leads.pass_on(
        world.desk, RULES, world.lead, by, to_unit="civil-a", reason="theirs")),
    lead("close_lead", lambda world, by: leads.close(world.desk, RULES, world.lead, by, reason="no_ground")),
    lead("reward_lead", lambda world, by: leads.decide_reward(
        world.desk, RULES, world.lead, by, granted=True, reason="it helped")),
    Act("share_data", LOOK, ((STAFF, OWN),), lambda world, by: shared_data.share(
        world.desk, SHARING, world.case, wanted(classes=("basic",)), by)),
    Act("list_shares", LOOK, ((STAFF, TAKING_PART),), lambda world, by: shared_data.listed(world.desk, world.case, by)),
)  # fmt: skip
