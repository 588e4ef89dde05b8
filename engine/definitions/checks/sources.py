"""Nothing is passed off as printed: basis, provenance and the units a clause prints agree."""

from __future__ import annotations

from engine.core.conditions import TrackAt, TrackReached, walk
from engine.core.definition import Duty, Prohibition, Sourced, Step
from engine.definitions.basis import printed_units
from engine.definitions.checks.context import Context
from engine.definitions.finding import Where
from engine.definitions.uses import requirements

PARTNERS = "partners_not_as_printed"
"""No file can say otherwise: flattening derives the partners. A definition changed after that can."""


def check_sources(context: Context) -> None:
    """Basis and provenance of every element, and how each prohibition is held."""
    definition = context.definition
    for track_name, track in definition.tracks.items():
        here: Where = ("tracks", track_name)
        _check_basis(context, track, here)
        for name, step in track.steps.items():
            _check_basis(context, step, (*here, "steps", name))
            _check_lead(context, step, (*here, "steps", name))
            _check_partners(context, step, (*here, "steps", name))
        for name, move in track.moves.items():
            _check_basis(context, move, (*here, "moves", name))
    for name, duty in definition.duties.items():
        _check_basis(context, duty, ("duties", name))
        _check_lead(context, duty, ("duties", name))
        _check_partners(context, duty, ("duties", name))
        _check_office(context, duty, ("duties", name))
    for name, prohibition in definition.prohibitions.items():
        _check_basis(context, prohibition, ("prohibitions", name))
        _check_held(context, name, prohibition)
    for name, closing in definition.closings.items():
        _check_basis(context, closing, ("closings", name))
    for path, _, requirement in requirements(definition):
        _check_basis(context, requirement, path)


def _check_basis(context: Context, element: Sourced, path: Where) -> None:
    """What claims to come from the document names a clause."""
    if element.basis or element.provenance not in ("printed", "reading"):
        return
    wrong = (
        f"来源写“{element.provenance}”，却没有条款依据。",
        f"Provenance is {element.provenance}, but there is no basis.",
    )
    right = ("请写basis: [行号]，或provenance: deployer。", "Write `basis: [row]`, or `provenance: deployer`.")
    context.wrong(path, "missing_basis", wrong, right)


def _check_lead(context: Context, held: Step | Duty, path: Where) -> None:
    """The responsible unit is one that the clause prints, or is labelled ``deployer``."""
    by = held.responsible
    rows = _leads(context, held)
    if by is None or held.provenance not in ("printed", "reading") or by in rows:
        return
    if held.provenance == "reading" and not rows:
        return
    printed = ", ".join(rows)
    wrong = (f"条款没有印“{by}”为负责单位。", f"The clause does not print `{by}` as a responsible unit.")
    right = (
        f"请用{printed}之一，或写provenance: deployer。" if rows else "请写provenance: deployer。",
        f"Use one of {printed}, or write `provenance: deployer`." if rows else "Write `provenance: deployer`.",
    )
    context.wrong((*path, "by"), "lead_not_printed", wrong, right)


def _leads(context: Context, held: Step | Duty) -> list[str]:
    """The functions the clauses print as responsible."""
    rows = [context.inventory.row(basis.row) for basis in held.basis]
    units = [unit for row in rows if row for unit in row.responsible]
    return list(dict.fromkeys(unit.function for unit in units if unit.function))


def _check_partners(context: Context, held: Step | Duty, path: Where) -> None:
    """Joint leads, cooperating units and the names shown as printed are those of the clauses, no more and no less."""
    rows = [row for row in (context.inventory.row(basis.row) for basis in held.basis) if row]
    for key, names in printed_units(rows, held.responsible).items():
        if list(getattr(held, key)) != names:
            printed = ", ".join(names) or "-"
            wrong = (f"{key}与条款所印不符。", f"`{key}` is not what the clauses print.")
            right = (f"应为：{printed}。", f"It is: {printed}.")
            context.wrong((*path, key), PARTNERS, wrong, right)


def _check_office(context: Context, duty: Duty, path: Where) -> None:
    """An office's duty is kept with evidence; no track settles it."""
    if duty.scope != "office" or duty.settled_by is None:
        return
    if any(isinstance(condition, TrackAt | TrackReached) for condition in walk(duty.settled_by)):
        wrong = ("机构职责不能由环节了结。", "A duty of an office cannot be settled by a track.")
        right = ("请删去settled_by，以证据记录完成。", "Remove `settled_by`; it is recorded as done, with evidence.")
        context.wrong((*path, "settled_by"), "office_duty_settled", wrong, right)


def _check_held(context: Context, name: str, prohibition: Prohibition) -> None:
    """A ban held by requirements is named by one; any other says by what it is held."""
    here: Where = ("prohibitions", name)
    if prohibition.held != "requirements":
        if prohibition.held_by is None:
            wrong = ("没有写明由什么保证。", "It is not said what holds this ban.")
            right = ("请写held_by: {zh: …, en: …}。", "Write `held_by: {zh: …, en: …}`.")
            context.wrong((*here, "held"), "held_by_missing", wrong, right)
        return
    if not any(requirement.prohibition == name for _, _, requirement in requirements(context.definition)):
        wrong = ("没有任何条件落实这项禁止。", "No requirement holds this ban.")
        right = (
            f"请在某条件里写prohibition: {name}，或改写held。",
            f"Write `prohibition: {name}` in a requirement, or say by `held` what else holds it.",
        )
        context.wrong(here, "prohibition_unheld", wrong, right)
