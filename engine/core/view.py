"""What conditions may see of a case, and judging whole sets of requirements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Protocol

from engine.core.case import Case
from engine.core.conditions import Judged
from engine.core.definition import Definition, Requirement
from engine.errors import Reason

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The zone of all day arithmetic. China has kept UTC+8 without summer time since 1991."""


AGE = "victim.age_years"
"""The fact that the vault answers where it knows the birth date: whole years on the day of the question."""


class Identities(Protocol):
    """What the vault answers about the persons of a case without saying who they are."""

    @property
    def age_years(self) -> int | None:
        """The victim's age today in whole years, if the birth date is known."""

    def is_among(self, person: str, persons: Sequence[str]) -> bool | None:
        """Whether a person is one of these; ``None`` when they cannot be told apart, or one of them has no identity."""


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as conditions see it: its facts and tracks, the day, the local settings, and who acts."""

    case: Case
    now: datetime
    parameters: Mapping[str, object]
    actor_functions: frozenset[str] = frozenset()
    actor_person: str | None = None
    identities: Identities | None = None

    @property
    def today(self) -> date:
        """The day in China."""
        return self.now.astimezone(CHINA).date()

    def fact(self, name: str) -> object | None:
        """The stated value, or ``None``; an age is the vault's where it knows the birth date."""
        if name == AGE and self.identities is not None and (years := self.identities.age_years) is not None:
            return years
        stated = self.case.facts.get(name)
        return None if stated is None else stated.value

    def step_of(self, track: str) -> str | None:
        """Where the track stands, if it is open or done."""
        state = self.case.tracks.get(track)
        return state.step if state is not None and state.status in ("open", "done") else None

    def has_reached(self, track: str, step: str) -> bool:
        """Whether the track has entered the step; a start step nobody accepted yet does not count."""
        state = self.case.tracks.get(track)
        if state is None or (state.status == "waiting" and step == state.step):
            return False
        return step in state.visits

    def has_document(self, name: str) -> bool:
        """Whether the document is in the case."""
        return name in self.case.documents

    def has_consent(self, name: str) -> bool | None:
        """The last word on a consent."""
        consent = self.case.consents.get(name)
        return None if consent is None else consent.given

    def person_at(self, track: str, step: str) -> str | None:
        """Who entered the step last."""
        state = self.case.tracks.get(track)
        visit = state.visits.get(step) if state is not None else None
        return None if visit is None else visit.person

    def is_among(self, person: str, persons: Sequence[str]) -> bool | None:
        """Whether a person is one of these: by the vault, or, where none was asked, by reference alone."""
        return person in persons if self.identities is None else self.identities.is_among(person, persons)

    def parameter(self, name: str) -> object | None:
        """The local setting."""
        return self.parameters.get(name)


def default_parameters(definition: Definition) -> dict[str, object]:
    """The defaults of the definition's parameters."""
    return {name: parameter.default for name, parameter in definition.parameters.items()}


def judge_all(requirements: Mapping[str, Requirement], view: CaseView, judged: Judged) -> list[Reason]:
    """Judge every requirement; the unmet ones, each with clause, provenance and the values it saw.

    A requirement behind a local setting that is off is not judged, and the setting is noted instead.
    """
    unmet: list[Reason] = []
    for name, requirement in requirements.items():
        if requirement.setting is not None:
            is_on = view.parameter(requirement.setting)
            judged.see(f"parameter:{requirement.setting}", is_on)
            if is_on is not True:
                continue
        own = Judged()
        verdict = requirement.when.judge(view, own)
        judged.values.update(own.values)
        if verdict is not True:
            unmet.append(
                Reason(
                    code=name, zh=requirement.reason.zh, en=requirement.reason.en, clauses=requirement.clauses,
                    provenance=requirement.provenance, judged=own.values,
                )
            )  # fmt: skip
    return unmet
