"""Every operation of the description, as every role, by a unit that stands to the case in every way there is.

What is expected is what the engine's own sweep expects of the same act (:mod:`tests.service.access.acts`). Nothing is
kept: what is permitted is carried out to its end, and then dropped. No answer holds a word of a class that is withheld
from the caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import httpx
import pytest
from fastapi import FastAPI

from engine.access.model import ROLES
from engine.errors import NotSignedIn
from engine.service import sessions
from tests.http.sweep.calling import DROPPED, Door, came_of, operations_of
from tests.http.sweep.listening import listening
from tests.http.sweep.operations import APART, NOT_FOR_PROGRAMS, ON_ONESELF, PLACES, ROWS
from tests.http.sweep.rules import http_of
from tests.http.sweep.worlds import EVERYONE, PROGRAM, SOME, Cell, Furnished
from tests.service.access.acts import CASEWORK
from tests.service.access.test_sweep import LATER
from tests.service.access.test_what_is_withheld import READS, SEEN_BY, withheld_words, words_of
from tests.service.access.worlds import ANN, CLASSES, NOBODY_ACTS, SEARCHED, WORDS

TOLD_TO_WHO_MAY = LATER | {"passkey_missing", "enrolment_refused", "recovery_impossible", "provider_missing"}
"""What is said to whoever may, for such a reason and not for who she is."""
BARRED = frozenset({"purpose_not_granted", "strong_sign_in_needed"})
EVERY_WORD = [word for name in CLASSES for word in words_of(name)]
"""What gives any class away."""
PUBLIC: Mapping[str, tuple[str, ...]] = {"show_definition": (SEARCHED,)}
"""Words that an operation tells everybody, because a definition says them."""


def told(name: str, cell: Cell, answer: httpx.Response) -> str:
    """What came of a request, in the words of the engine's sweep; the status is held to the code."""
    code = came_of(answer)
    if code == "done":
        return code
    assert answer.status_code == http_of(code), (name, cell, answer.text)
    assert answer.headers["content-type"] == "application/problem+json", (name, cell)
    return "done" if code in TOLD_TO_WHO_MAY else code


def expected(name: str, cell: Cell) -> frozenset[str]:
    """What may come of it."""
    if cell[0] == PROGRAM and name in NOT_FOR_PROGRAMS:
        return BARRED
    return frozenset({ROWS[name].act.expected(*cell)})


def given_away(answer: httpx.Response, cell: Cell, got: str) -> list[str]:
    """Words that this caller may come across nowhere, and nobody in a refusal."""
    role, stands = cell
    reads = got == "done" and role in CASEWORK and stands in READS
    text = f"{answer.text} {answer.headers}"
    return [word for word in (withheld_words(stands) if reads else EVERY_WORD) if word in text]


def sweep(door: Door, world: Furnished, cells: Iterable[Cell]) -> Counter[str]:
    """Hold every operation to what is expected of these callers; how many answers had which status."""
    found, wrong = Counter[str](), []
    callers = list(cells)
    for name in ROWS:
        for cell in callers:
            answer = door.call(name, world, cell)
            wanted, got = expected(name, cell), told(name, cell, answer)
            found["dropped" if DROPPED in answer.headers else str(answer.status_code)] += 1
            if got not in wanted:
                wrong.append(f"{name} by {cell}: expected {sorted(wanted)}, got {answer.status_code} {answer.text}")
            leaked = set(given_away(answer, cell, got)) - set(PUBLIC.get(name, ()))
            if leaked:
                wrong.append(f"{name} by {cell}: holds {sorted(leaked)}")
    assert not wrong, "\n".join(wrong)
    return found


def test_some_of_every_standing_and_of_every_kind_of_role(door: Door, rehearsal: Furnished) -> None:
    found = sweep(door, rehearsal, SOME)
    assert min(found["200"], found["dropped"], found["403"], found["404"], found["401"], found["409"]) > 0
    assert found["403"] + found["404"] > len(ROWS) * len(SOME) / 2
    assert "500" not in found


@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
def test_every_role_of_every_unit(door: Door, rehearsal: Furnished, role: str) -> None:
    found = sweep(door, rehearsal, [cell for cell in EVERYONE if cell[0] == role])
    assert sum(found.values()) >= len(ROWS) * 10
    print(role, sorted(found.items()))


# ── the table ──


def test_the_table_knows_every_operation_of_the_description(whole_app: FastAPI) -> None:
    operations = operations_of(whole_app)
    assert sorted(set(operations) ^ {*ROWS, *APART}) == [], "say in tests/http/sweep/operations.py how it is called"
    assert not ROWS.keys() & APART.keys()
    assert {name for name, one in operations.items() if not one.asks_who} == APART.keys() - {"show_proof"}
    for name, row in ROWS.items():
        known = {*PLACES, *row.places}
        assert all(f"{{{place}}}" in operations[name].path for place in row.places), name
        assert operations[name].path.format(**dict.fromkeys(known, "")), name
        assert bool(operations[name].kinds) == (row.body is not None or row.raw is not None), name
    assert ROWS.keys() >= NOT_FOR_PROGRAMS


# ── nobody in particular ──

WORTHLESS: Mapping[str, str | None] = {
    "none": None, "nobody's": "gts_" + 43 * "x", "no program's": f"gtk_{12 * 'a'}_{43 * 'x'}", "no token": "of-no-form",
}  # fmt: skip


def test_whoever_is_not_signed_in_is_told_the_same_everywhere_and_nothing_is_asked_for(
    door: Door, world: Furnished
) -> None:
    answers = set[str]()
    for name in ROWS:
        with listening() as heard:
            answer = door.call(name, world, None)
        assert (answer.status_code, came_of(answer), heard) == (401, "not_signed_in", []), name
        answers.add(answer.text.replace(answer.json()["instance"], ""))
    assert len(answers) == 1


def test_a_token_of_nobody_opens_nothing(door: Door, world: Furnished) -> None:
    said = {
        (why, name, door.send(name, row, world, token).status_code)
        for why, token in WORTHLESS.items()
        for name, row in list(ROWS.items())[:: 1 if why == "nobody's" else 7]
    }
    assert {status for _, _, status in said} == {401}


def test_who_may_not_act_for_a_unit_does_nothing_in_its_name(
    door: Door, world: Furnished, rehearsal: Furnished
) -> None:
    wrong = []
    for why, (person, code) in NOBODY_ACTS.items():
        if why in ("not enrolled", "deactivated"):
            with pytest.raises(NotSignedIn):
                sessions.begin_as(world.desk, person, strong=True)
            continue
        bearer = sessions.begin_as(world.desk, person, strong=True).token
        for name in ROWS.keys() - ON_ONESELF.keys():
            got = came_of(door.send(name, ROWS[name], rehearsal, bearer, **{"Guitu-Acting-As": ANN.unit}))
            wrong += [f"{name}, {why}: {got}"] * (got != code)
    assert not wrong, "\n".join(wrong)


def test_nobody_is_what_she_only_says_she_is(door: Door, rehearsal: Furnished) -> None:
    caseworker, program = rehearsal.bearer(("caseworker", "own")), rehearsal.bearer((PROGRAM, "own"))
    as_another, of_another = {"Guitu-Acting-As": f"{ANN.unit}:administrator"}, {"Guitu-Acting-As": "police-n"}
    wrong = []
    for name in ROWS.keys() - ON_ONESELF.keys():
        for bearer, said, code in (
            (caseworker, as_another, "role_not_held"),
            (caseworker, of_another, "not_member"),
            (program, of_another, "request_malformed"),
        ):
            got = came_of(door.send(name, ROWS[name], rehearsal, bearer, **said))
            wrong += [f"{name}, {said}: {got}"] * (got != code)
    assert not wrong, "\n".join(wrong)


# ── what is shown ──


@pytest.mark.parametrize("stands", SEEN_BY)
def test_what_is_disclosed_is_shown_so_that_what_is_not_would_be_found(
    door: Door, world: Furnished, stands: str
) -> None:
    text = door.call("show_case", world, ("caseworker", stands)).text
    assert [name for name in READS[stands] if WORDS[name] not in text] == []
