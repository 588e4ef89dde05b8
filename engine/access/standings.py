"""Named examples of who stands where to what: the words of ``policies/tests`` and of the matrix. Pure.

Everything is made up around one person of one unit, and one case; what the words mean to a reader stands in
``policies/tests/README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.access.gate import Gate
from engine.access.model import NOBODY, CaseFile, Circumstances, Part, Role, Who
from engine.access.subjects import Closing, Duty, HandOff, Installation, Lead, Opening, Record, Subject, Track

NONE = "-"
"""In a cell: nothing of the kind."""
SHE, HERS = "officer-12", "unit-1"
"""The person who asks, and her unit."""

_OTHER, _THIRD, _ANOTHERS = "officer-34", "officer-56", "unit-2"
_CASE_AREAS = ("350100", "350000")
_CONTRIBUTES: tuple[Part, ...] = ("joint_lead", "cooperating", "referred")
_BOTH = "cooperating+receiving"
_BEFORE_ACCEPTING = "basic"

UNITS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "here": ("civil_affairs", _CASE_AREAS),
    "police": ("police", _CASE_AREAS),
    "above": ("civil_affairs", ("350000",)),
    "below": ("civil_affairs", ("350102", *_CASE_AREAS)),
    "elsewhere": ("civil_affairs", ("210300", "210000")),
}
"""What her unit serves as, and where it lies, seen from the case."""

STANDINGS: tuple[tuple[str, str], ...] = (
    *((part, when) for part in ("responsible", *_CONTRIBUTES) for when in ("now", "ended_inside", "ended_beyond")),
    ("receiving", "now"), ("receiving", "ended_inside"), (_BOTH, "now"), ("none", NONE),
)  # fmt: skip
"""As what her unit stands to the case, and whether it still does."""

WITHOUT_CASE = ("Installation", "Opening", "Lead")
"""The types of the schema that are no case and no part of one."""

GIVEN: Mapping[str, Circumstances] = {
    NONE: Circumstances(),
    "glass": Circumstances(has_glass=True),
    "overdue": Circumstances(is_overdue=True),
    "asked": Circumstances(asked_by=SHE),
    "asked_approved": Circumstances(asked_by=SHE, approvers=frozenset((_OTHER,))),
    "asked_two_approved": Circumstances(asked_by=SHE, approvers=frozenset((_OTHER, _THIRD))),
    "asked_self_approved": Circumstances(asked_by=SHE, approvers=frozenset((SHE, _OTHER, _THIRD))),
    "other_asked": Circumstances(asked_by=_OTHER),
    "other_two_approved": Circumstances(asked_by=_OTHER, approvers=frozenset((_THIRD, "officer-78"))),
    "other_self_approved": Circumstances(asked_by=_OTHER, approvers=frozenset((SHE, _THIRD))),
}
"""What else counts of the person and of a request."""

OF_KIND: Mapping[str, tuple[str, ...]] = {
    "Case": ("needed", "needed_glass", "needed_early"),
    "Record": ("nobody_holds",),
    "Track": ("not_there", "made_last_act"),
    "HandOff": ("not_there",),
    "Duty": ("not_there", "owes_it"),
    "Closing": ("not_there", "may_close"),
    "Lead": ("her_turn", "her_turn_accepted", "had_it", "had_it_accepted", "she_reported", "unit_reported"),
}
"""What else counts of a thing, by its type in the schema; one of these at a time."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Somebody, her unit, a case and what else counts, in words; ``held`` is a role she has besides, or none."""

    role: Role
    unit: str = "here"
    case: str = "responsible"
    when: str = "now"
    purpose: str = "case_handling"
    also: str = NONE
    held: Role | None = None

    def who(self) -> Who:
        """The person. Raises :class:`KeyError` for a unit that is no word of ours."""
        function, areas = UNITS[self.unit]
        held = {self.role} if self.held is None else {self.role, self.held}
        return Who(SHE, HERS, frozenset((function,)), areas, self.role, frozenset(held), self.purpose)

    def given(self) -> Circumstances:
        """What else counts for the decision."""
        return GIVEN.get("glass" if self.also == "needed_glass" else self.also, GIVEN[NONE])

    def about(self, kind: str, classes: tuple[str, ...]) -> Subject:
        """What is asked about, of a type of the schema; where her unit needs a class, it needs all of these."""
        match kind:
            case "Installation":
                return Installation()
            case "Opening":
                return Opening(_CASE_AREAS[0], "victim")
            case "Case":
                return self._file(classes if self.also in OF_KIND["Case"] else ())
            case "Lead":
                return self._lead()
            case "Record":
                return Record(self._file(()), self._tended_by(), self._at_work())
        return self._part_of_a_case(kind)

    def _part_of_a_case(self, kind: str) -> Subject:
        file, is_there = self._file(()), self.also != "not_there"
        if kind == "Duty":
            return Duty(file, "x", is_there, _hers(self.also == "owes_it"))
        if kind == "Closing":
            functions = frozenset(UNITS[self.unit][:1]) if self.also == "may_close" else frozenset(("justice",))
            return Closing(file, "x", is_there, functions if is_there else NOBODY)
        if kind == "HandOff":
            return HandOff(file, "x", is_there, _hers(is_there and self._holds), _hers(is_there and self._is_offered))
        return Track(
            file, "x", is_there, holder=_hers(is_there and self._holds),
            last_actor=_hers(is_there and (self._holds or self.also == "made_last_act")),
            contributors=_hers(is_there and self._contributes), at_work=self._at_work(),
        )  # fmt: skip

    def _lead(self) -> Lead:
        """A lead that is with another unit, which has accepted it, but for what counts here."""
        has_turn, had_it = self.also.startswith("her_turn"), self.also.startswith(("her_turn", "had_it"))
        accepted = self.also.endswith("_accepted")
        others = frozenset((_ANOTHERS,))
        return Lead(
            "L-1", "tip", turn=_hers(has_turn) or others, handled_by=_hers(had_it) | others,
            accepted_by=_hers(accepted) | others, reported_by=SHE if self.also == "she_reported" else _OTHER,
            reporting_unit=_hers(self.also in ("she_reported", "unit_reported")) or others,
        )  # fmt: skip

    @property
    def _holds(self) -> bool:
        return (self.case, self.when) == ("responsible", "now")

    @property
    def _is_offered(self) -> bool:
        return self.case in ("receiving", _BOTH) and self.when == "now"

    @property
    def _contributes(self) -> bool:
        return self.when == "now" and (self.case in _CONTRIBUTES or self.case == _BOTH)

    def _ever(self) -> frozenset[str]:
        return _hers(self.case == "responsible")

    def _tended_by(self) -> frozenset[str]:
        return self._ever() if self.also == "nobody_holds" else _hers(self._holds)

    def _at_work(self) -> frozenset[str]:
        return self._ever() | _hers(self._contributes)

    def _file(self, classes: tuple[str, ...]) -> CaseFile:
        """The case: nothing is left of a part that ended before the window, nor of an offer that was declined."""
        lasts = self.when == "now" or (self.when == "ended_inside" and self.case != "receiving")
        parts = {part: _hers(lasts) for part in self.case.split("+") if lasts and part != "none"}
        readers = dict.fromkeys(classes, _hers(bool(parts)))
        if self.case == "receiving" and self.also != "needed_early":
            readers = {name: units for name, units in readers.items() if name == _BEFORE_ACCEPTING}
        others = {"responsible": frozenset((_ANOTHERS,))}
        merged = {**others, **parts}
        if "responsible" in parts and not self._holds:
            merged["responsible"] = parts["responsible"] | others["responsible"]
        ever = self._ever() | (NOBODY if self._holds else others["responsible"])
        return CaseFile("GT-1", _CASE_AREAS, "victim", "open", merged, readers, {}, ever)


def words_also(kind: str) -> tuple[str, ...]:
    """What else may count where something of this type is asked about."""
    return (*GIVEN, *OF_KIND.get(kind, ()))


def kinds(gate: Gate) -> dict[str, tuple[str, ...]]:
    """The actions by the type of what they are about, in order."""
    found: dict[str, list[str]] = {}
    for action in sorted(gate.actions):
        for kind in gate.words.actions[action]:
            found.setdefault(kind, []).append(action)
    return {kind: tuple(actions) for kind, actions in found.items()}


def _hers(is_hers: bool) -> frozenset[str]:
    return frozenset((HERS,)) if is_hers else NOBODY
