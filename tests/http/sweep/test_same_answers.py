"""Of something that somebody is not to know of the same is said as of something that is not there: the whole answer.

Status, headers and body, also of a case that was erased; and the statements that are run before it is said.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import httpx
import pytest

from tests.http.sweep.calling import Door
from tests.http.sweep.listening import listening
from tests.http.sweep.operations import ABOUT_A_CASE, ON_A_CASE, ON_LEADS, ON_REQUESTS, ROWS
from tests.http.sweep.test_sweep import BARRED, expected
from tests.http.sweep.worlds import EVERYONE, Cell, Furnished
from tests.service.access.acts import COMMAND

CODE = re.compile(r"GT-[0-9]{4}|[A-Z](-[0-9A-Z]{4}){3}|\b[a-z]{12}\b")
"""What stands for a case, for anything else with a code, or for a token."""
CASES = {*ON_A_CASE, *ABOUT_A_CASE, "explain_access"}
OTHERS = {
    *ON_LEADS, *ON_REQUESTS, "stop_recovery", "approve_recovery", "complete_recovery", "rotate_token", "revoke_token",
    "rotate_webhook_secret", "end_webhook", "list_webhook_deliveries", "test_webhook", "unlink_provider_account",
}  # fmt: skip
TOLD_TO_WHO_KNOWS = frozenset({"done", "self_grant"})
"""What comes of it for whoever knows of the thing: she may, or asked for it herself."""
STRANGERS: tuple[Cell, ...] = (
    ("caseworker", "ended long ago"), ("caseworker", "elsewhere"), ("custodian", "own"), ("administrator", "elsewhere"),
)  # fmt: skip
"""Some who may not see the case: two who may act, one who guards identities, one who runs the installation."""
ABSENT = {
    **dict.fromkeys(CASES, frozenset({"case_unknown"})), **dict.fromkeys(ON_REQUESTS, frozenset({"request_unknown"})),
    **dict.fromkeys(("erase_case", "release_hold"), frozenset({"case_unknown", "request_unknown"})),
    "review_emergency": frozenset({"emergency_unknown"}),
}  # fmt: skip
"""Of operations on a case, a request or a broken glass: what is said where there is none."""
UNKNOWN = {
    "case_unknown", "request_unknown", "emergency_unknown", "lead_unknown", "webhook_unknown", "token_unknown",
    "link_unknown",
}  # fmt: skip
OWED = "settle_duty"
"""Units that take no part may owe a duty: who does, is judged on the case itself."""
KNEW = {"own", "ended long ago"}
"""Where the unit is, or was, responsible for the case: a command of hers is judged on the case itself."""
READ_NOW_AND_THEN = {"vault_key"}
"""What is kept at hand for a while, whoever asks for whatever."""


def without(world: Furnished, name: str, wanted: frozenset[str]) -> Furnished:
    """The world as it is told to somebody who names codes that nobody was ever given.

    Who may act on the case, and is to know of no request, names the case and no request that there is.
    """
    asked = {
        kind: replace(one, exact=replace(one.exact, request="R-0000-0000-0000")) for kind, one in world.asked.items()
    }
    if name in CASES and wanted == {"request_unknown"}:
        return replace(world, asked=asked)
    return replace(
        world, case="GT-9999", lead="L-0000-0000-0000", webhook="W-0000-0000-0000", recovery="V-0000-0000-0000",
        glass="E-0000-0000-0000", token=12 * "y", link=12 * "z", asked=asked,
    )  # fmt: skip


def whole(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    """An answer, but for the codes that were sent and the number of the request."""
    document = answer.json() if answer.content else {}
    document.pop("instance", None)
    headers = [(name, words) for name, words in answer.headers.items() if name != "guitu-request-id"]
    return answer.status_code, CODE.sub("CODE", json.dumps(document, ensure_ascii=False)), headers


def compare(door: Door, world: Furnished, names: Iterable[str], cells: Iterable[Cell]) -> Counter[str]:
    """Hold what is refused to what is said of nothing; how often each operation was compared."""
    compared, wrong, callers = Counter[str](), [], list(cells)
    for name in names:
        for cell in callers:
            wanted = expected(name, cell)
            if wanted & TOLD_TO_WHO_KNOWS or (name in ABSENT and not wanted <= {*ABSENT[name], *BARRED}):
                continue  # she may know of it
            there = door.call(name, world, cell)
            compared[name] += 1
            absent = without(world, name, wanted)
            erased = [replace(absent, case=world.erased)] if name in CASES and absent.case != world.case else []
            others = [door.call(name, other, cell) for other in (absent, *erased)]
            wrong += [
                f"{name} by {cell}: {there.text}, of nothing {nothing.text}"
                for nothing in others
                if whole(there) != whole(nothing)
            ]
    assert not wrong, "\n".join(wrong)
    return compared


def test_what_one_may_not_know_of_and_what_is_not_there_are_answered_alike(door: Door, world: Furnished) -> None:
    compared = compare(door, world, sorted(CASES | OTHERS), STRANGERS)
    assert compared.keys() == CASES | OTHERS
    assert min(compared[name] for name in ON_A_CASE) >= 3


@pytest.mark.long
@pytest.mark.parametrize("stands", ["own", "next door", "elsewhere", "ended long ago"])
def test_every_role_is_answered_alike(door: Door, world: Furnished, stands: str) -> None:
    compared = compare(door, world, sorted(CASES | OTHERS), [cell for cell in EVERYONE if cell[1] == stands])
    print(stands, sum(compared.values()), "compared")
    assert sum(compared.values()) > len(CASES | OTHERS) * 4


def _is_kept_at_hand(statement: str) -> bool:
    """Whether it reads what is kept at hand for a while, whoever asks for whatever."""
    return any(table in statement for table in READ_NOW_AND_THEN)


def _tables(statements: Iterable[str]) -> Counter[str]:
    return Counter(table for one in statements for table in re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE) (\w+)", one))


@pytest.mark.parametrize("cell", STRANGERS)
def test_the_same_statements_are_run_for_what_is_not_hers_and_for_what_is_not_there(
    door: Door, world: Furnished, cell: Cell
) -> None:
    door.call("show_case", without(world, "show_case", frozenset()), cell)  # from then on keys are at hand
    differing, compared = {}, 0
    for name in sorted(CASES | OTHERS):
        wanted = expected(name, cell)
        if not wanted or not wanted <= UNKNOWN or name == OWED or (cell[1] in KNEW and ROWS[name].act.kind == COMMAND):
            continue
        heard = []
        for place in (without(world, name, wanted), world):
            world.desk.forget()  # so that each reads directory and settings anew
            with listening() as statements:
                door.call(name, place, cell)
            heard.append(Counter(one for one in statements if not _is_kept_at_hand(one)))
        compared += 1
        if heard[0] != heard[1]:
            differing[name] = (_tables((heard[1] - heard[0]).elements()), _tables((heard[0] - heard[1]).elements()))
    assert compared
    assert differing == {}
