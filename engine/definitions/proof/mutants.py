"""Mutants: every small wrong change of a definition that a slip of the pen could make.

Each operator is a pure function from a flattened definition to the definitions that differ from it in one thing. What
comes out must be caught by a check, an invariant or a story, or shown to change nothing (``catching.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from engine.core.definition import Definition
from engine.definitions.proof import loosening, rearranging, relabelling
from engine.definitions.proof.edits import Mutation

Operator = Callable[[Definition], Iterator[Mutation]]

_ALL: tuple[Operator, ...] = (
    loosening.requirement_removed, loosening.condition_negated, loosening.branch_dropped, loosening.branch_added,
    loosening.threshold_lowered, loosening.list_extended, loosening.list_shortened, loosening.setting_added,
    loosening.setting_dropped, loosening.prohibition_link_dropped,
    rearranging.unit_swapped, rearranging.partners_dropped, rearranging.final_moved, rearranging.target_redirected,
    rearranging.short_cut_added, rearranging.source_added, rearranging.source_dropped, rearranging.move_dropped,
    rearranging.form_field_dropped, rearranging.form_field_loosened, rearranging.effect_dropped,
    rearranging.track_dropped, rearranging.opening_changed, rearranging.start_moved, rearranging.track_declinable,
    relabelling.duty_dropped, relabelling.duty_arises_always, relabelling.duty_arises_later, relabelling.duty_loosened,
    relabelling.due_dropped, relabelling.prohibition_dropped, relabelling.fact_loosened, relabelling.provenance_raised,
    relabelling.provenance_lowered, relabelling.basis_dropped, relabelling.closing_loosened, relabelling.opener_changed,
    relabelling.default_changed, relabelling.listed_dropped,
)  # fmt: skip
OPERATORS: Mapping[str, Operator] = {operator.__name__: operator for operator in _ALL}
"""Every operator by its name."""
LABELS = frozenset({"provenance_raised", "provenance_lowered", "basis_dropped", "partners_dropped"})
"""Operators that change only what people are told of a source or of partners, never what the engine lets happen."""


def mutants(definition: Definition, operators: Iterable[str] | None = None) -> Iterator[Mutation]:
    """Every mutant of a definition by these operators (all if not given), in a fixed order."""
    for name in OPERATORS if operators is None else operators:
        yield from OPERATORS[name](definition)


def spread(definition: Definition, each: int, operators: Iterable[str] | None = None) -> Iterator[Mutation]:
    """At most ``each`` mutants of every operator, evenly over all it makes: always the same ones."""
    for name in OPERATORS if operators is None else operators:
        made = list(OPERATORS[name](definition))
        count = min(each, len(made))
        yield from (made[place * len(made) // count] for place in range(count))
