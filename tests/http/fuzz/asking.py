"""Schemathesis before the REST door, in process: who calls, what is asked, and what was found to be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import schemathesis
from fastapi import FastAPI
from schemathesis import Case
from schemathesis.auths import AuthContext
from schemathesis.checks import CheckContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.run import PhaseName
from schemathesis.specs.openapi.checks import is_unexpected_http_status_case

from api.http.documentation import DESCRIPTION
from tests.http.fuzz.exceptions import LEFT_OUT, SWITCHED_OFF

if TYPE_CHECKING:
    from schemathesis.engine.recorder import ScenarioRecorder
    from schemathesis.schemas import BaseSchema

SEED = 20261122
PHASES = ("examples", "coverage", "fuzzing", "stateful")
USUAL = ("2xx", "3xx", "401", "403", "404", "409", "429")
"""With which a request that is of its form may be answered: what the procedure refuses (422) is none the less of its
form, and :func:`of_its_form` holds more strictly, by the code, that nothing is refused for its form (400, 422)."""
OFTEN = 0.7
"""How often a place of an address holds something that is there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is asked: ``examples`` of each operation, and of each way through several, at most ``steps`` long."""

    phases: tuple[str, ...] = PHASES
    examples: int = 2
    ways: int = 5
    steps: int = 6
    seconds: int | None = None
    seed: int | None = SEED
    operations: tuple[str, ...] = ()


@dataclass
class Found:
    """What a run came to. ``faults`` are told in words, each once."""

    calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    faults: dict[tuple[str, str], str] = field(default_factory=dict)
    seconds: float = 0.0
    transitions: int = 0

    def figures(self) -> str:
        """The figures, in one line."""
        calls = ", ".join(f"{phase} {count}" for phase, count in self.calls.items())
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        done = (
            f"{len(self.operations)} operations ({len(self.answered)} done), {sum(self.calls.values())} calls ({calls})"
        )
        held = f"{self.transitions} links, {sum(self.checks.values())} checks, {len(self.faults)} faults"
        return f"{done}, {held}, {self.seconds:.0f} s; {statuses}"

    def words(self) -> str:
        """The faults, for whoever reads a failed test."""
        return "\n\n".join(f"{operation}: {title}\n{told}" for (operation, title), told in self.faults.items())


@schemathesis.check
def of_its_form(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """What the description allows is never refused for its form."""
    meta = case.meta
    is_of_its_form = meta is not None and meta.generation.mode.is_positive and not is_unexpected_http_status_case(case)
    if is_of_its_form and response.status_code in (400, 422):
        told = _problem(response)
        is_form = told.get("code") in ("request_invalid", "request_malformed") and not _is_no_fault(told, case)
        assert not is_form or _has_written_fraction(case.body), f"{response.text} {case.path_parameters}"
    return None


@schemathesis.check
def told_as_a_problem(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """Every error is a problem document, and says no more of an unforeseen one than its number."""
    if response.status_code >= 400 and case.method.upper() != "HEAD":
        assert {"type", "title", "status", "detail", "code", "instance"} <= _problem(response).keys(), response.text
    return None


def _is_no_fault(told: Mapping[str, Any], case: Case) -> bool:
    """A service that names another unit is refused for what it is; and no ETag goes without its quotation marks.

    The generator drops those of ``If-Match`` in its phase of bounds, and takes what is left for of the form.
    """
    place = told.get("details", {}).get("place")
    tag = next((str(value) for name, value in case.headers.items() if name.lower() == "if-match"), "")
    return place == "header Guitu-Acting-As" or (place == "header If-Match" and tag.isdigit())


def _has_written_fraction(value: object) -> bool:
    """Whether a whole number is written ``5.0``, which JSON Schema takes for whole; the door takes it for none."""
    if isinstance(value, dict):
        return any(_has_written_fraction(one) for one in value.values())
    if isinstance(value, list):
        return any(_has_written_fraction(one) for one in value)
    return isinstance(value, float) and value.is_integer()


def _problem(response: Response) -> dict[str, Any]:
    found = response.json()
    assert isinstance(found, dict)
    return found


def schema_of(
    app: FastAPI, plan: Plan, known: Mapping[str, Sequence[str | int]], token: Callable[[], str] | None
) -> Any:
    """The description of an application, ready to be asked by whoever holds the token.

    ``known``: what there is in the world, by the places of addresses that hold it.
    """
    loaded: BaseSchema = schemathesis.openapi.from_asgi(DESCRIPTION, app, config=_config(plan, known))
    if token is not None:
        loaded.auth(refresh_interval=None)(_holder(token))
    if plan.operations:
        return loaded.exclude(lambda asked: asked.operation.definition.raw["operationId"] not in plan.operations)
    return loaded.exclude(operation_id=list(LEFT_OUT))


def _holder(token: Callable[[], str]) -> type:
    """Whoever presents the token, in the way schemathesis asks for it."""

    class Holder:
        def get(self, case: Case, context: AuthContext) -> str:
            return token()

        def set(self, case: Case, data: str, context: AuthContext) -> None:
            case.headers["Authorization"] = f"Bearer {data}"

    return Holder


def _config(plan: Plan, known: Mapping[str, Sequence[str | int]]) -> SchemathesisConfig:
    places = {
        f"{place}.{name}": {"dictionary": name, "probability": OFTEN}
        for name in known
        for place in (("header",) if name.startswith("Guitu-") else ("path", "body"))
    }
    phases: dict[str, Any] = {name: {"enabled": name in plan.phases} for name in PHASES}
    phases["stateful"] |= {"generation": {"max-examples": plan.ways}, "max-steps": plan.steps}
    return SchemathesisConfig.from_dict({
        "suppress-health-check": ["all"],
        **({"seed": plan.seed} if plan.seed is not None else {}),
        **({"max-time": plan.seconds} if plan.seconds is not None else {}),
        "dictionaries": {name: {"values": list(values)} for name, values in known.items()},
        "parameters": places,
        "checks": {"positive_data_acceptance": {"expected-statuses": [*USUAL, "400", "410", "412", "422"]}},
        "continue-on-failure": True,
        "generation": {
            "max-examples": plan.examples, "database": "none", "no-shrink": True, "allow-x00": False,
            "deterministic": plan.seed is not None,
        },
        "phases": phases,
        "operations": [
            {"include-operation-id": list(names), "checks": {check: {"enabled": False}}}
            for check, names, _ in SWITCHED_OFF
        ],
    })  # fmt: skip


def run(schema: Any) -> Found:
    """Ask everything, and say what was found."""
    found = Found()
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                _take(found, event.phase, event.recorder)
            case events.PhaseStarted(payload=events.StatefulPhasePayload() as payload):
                found.transitions = payload.transitions_selected
            case events.NonFatalError():
                found.faults[(event.label, type(event.value).__name__)] = str(event.value)[:800]
            case events.FatalError():
                raise event.exception
            case events.EngineFinished():
                found.seconds = event.running_time
    return found


def _take(found: Found, phase: PhaseName, recorder: ScenarioRecorder) -> None:
    found.calls[phase.value] += len(recorder.interactions)
    for number, node in recorder.cases.items():
        label = node.value.operation.label
        found.operations.add(label)
        answer = recorder.interactions.get(number)
        status = answer.response.status_code if answer is not None and answer.response is not None else 0
        found.statuses[status] += 1
        if 200 <= status < 300:
            found.answered.add(label)
        for check in recorder.checks.get(number, ()):
            found.checks[check.name] += 1
            if check.status is Status.FAILURE and check.failure_info is not None:
                failure = check.failure_info.failure
                told = f"{phase.value} {status} {failure.message}\n{check.failure_info.code_sample}"
                found.faults.setdefault((label, f"{check.name}: {failure.title}"), told[:1200])
