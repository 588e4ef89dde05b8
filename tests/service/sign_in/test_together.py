"""Several at once: a half sign-in, a code, a ticket and an approval are each used by one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.core.commands import Actor
from engine.errors import GuituError
from engine.service import recovery, second_factors, sign_in, tickets
from tests.service.sign_in.household import OFFICE, Household
from tests.signed import signed

AT_ONCE = 4


def at_once(*acts: Callable[[], object]) -> list[str]:
    """How each ended: "done", or the code of its error."""

    def ended(act: Callable[[], object]) -> str:
        try:
            act()
        except GuituError as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(ended, acts))


def test_of_several_at_once_one_is_let_in(either_offices: Household) -> None:
    home, desk = either_offices, either_offices.desk
    half, code = home.half("officer-1"), home.code("officer-1")
    same = [lambda: sign_in.finish(desk, half.token, code=code, source=OFFICE)] * AT_ONCE
    assert at_once(*same) == ["done"] + ["sign_in_failed"] * (AT_ONCE - 1)
    home.later(hours=2)
    halves, code = [home.half("officer-1").token for _ in range(AT_ONCE)], home.code("officer-1")
    each = [lambda token=token: sign_in.finish(desk, token, code=code, source=OFFICE) for token in halves]
    assert at_once(*each) == ["done"] + ["sign_in_failed"] * (AT_ONCE - 1)


def test_of_several_tickets_and_approvals_at_once_one_counts(either_offices: Household) -> None:
    home, desk = either_offices, either_offices.desk
    first, second = signed(Actor("admin-1", "justice")), signed(Actor("admin-2", "justice"))
    asked = at_once(*[lambda: recovery.ask(desk, first, "officer-1")] * AT_ONCE)
    assert asked == ["done"] + ["recovery_impossible"] * (AT_ONCE - 1)
    code = recovery.listed(desk, first)[0].recovery
    assert at_once(*[lambda: recovery.approve(desk, second, code)] * AT_ONCE).count("done") == 1
    home.later(days=2)
    made: list[tickets.Ticket] = []
    done = at_once(*[lambda: made.append(recovery.complete(desk, second, code))] * AT_ONCE)
    assert done == ["done"] + ["recovery_impossible"] * (AT_ONCE - 1)
    (ticket,) = made
    used = at_once(*[lambda: sign_in.with_ticket(desk, ticket.ticket, source=OFFICE)] * AT_ONCE)
    assert used == ["done"] + ["sign_in_failed"] * (AT_ONCE - 1)


def test_of_two_removals_at_once_the_last_second_factor_stays(either_home: Household) -> None:
    home, desk = either_home, either_home.desk
    actor = home.actor("officer-1")
    made = second_factors.begin_totp(desk, actor)
    home.enrol_code(actor, made)
    both = [one.factor for one in second_factors.listed(desk, actor)]
    assert len(both) == 2
    removed = at_once(*[lambda one=one: second_factors.remove(desk, actor, one) for one in both])
    assert removed == ["done", "enrolment_refused"]
    assert len(second_factors.listed(desk, actor)) == 1
