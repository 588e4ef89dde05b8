"""Every name that is used is declared: functions, facts, documents, parameters, prohibitions, field classes."""

from __future__ import annotations

from engine.core.definition import Definition, Duty, Move, Step, Track
from engine.definitions.checks.context import Context
from engine.definitions.finding import Where, one_of
from engine.definitions.uses import requirements


def check_names(context: Context) -> None:
    """Look up every name outside conditions."""
    definition = context.definition
    _check_openers(context)
    _check_ends(context)
    for name, track in definition.tracks.items():
        _check_track(context, track, ("tracks", name))
    for name, duty in definition.duties.items():
        _check_held(context, duty, ("duties", name))
    for name, closing in definition.closings.items():
        _check_closing(context, closing.by, ("closings", name))
    for path, _, requirement in requirements(definition):
        if requirement.setting:
            _check_setting(context, requirement.setting, (*path, "setting"))
        if requirement.prohibition:
            banned, what = definition.prohibitions, ("禁止事项", "prohibition")
            context.known(requirement.prohibition, banned, (*path, "prohibition"), "unknown_prohibition", what)


def check_function(context: Context, name: str, path: Where) -> None:
    """A function must have the name the document prints for it in ``units``."""
    units = context.definition.units
    if name in units:
        return
    if name in context.functions:
        wrong = (f"职能“{name}”在units里没有印出的单位名称。", f"Function `{name}` has no printed unit in `units`.")
        line = f"{name}: {{zh: …, en: …, level: …}}"
        context.wrong(path, "missing_unit", wrong, (f"请在units里加{line}。", f"Add `{line}` to `units`."))
        return
    wrong = (f"没有职能“{name}”。", f"There is no function `{name}`.")
    context.wrong(path, "unknown_unit", wrong, one_of(name, {*units, *context.functions}))


def _check_openers(context: Context) -> None:
    """Openers are known functions, and every kind of record that has tracks has one."""
    definition = context.definition
    for scope, names in definition.openers.items():
        for index, name in enumerate(names):
            check_function(context, name, ("openers", scope, index))
    for scope in sorted({track.scope for track in definition.tracks.values()}):
        if not definition.openers.get(scope):
            wrong = (f"没有职能可以开立“{scope}”记录。", f"No function may open a record of scope `{scope}`.")
            right = (f"请在openers里写{scope}: [职能]。", f"Write `{scope}: [function]` under `openers`.")
            context.wrong(("openers",), "scope_without_opener", wrong, right)


def _check_ends(context: Context) -> None:
    """Every record of a victim or a crime that has tracks must be able to end."""
    definition = context.definition
    ended = {closing.scope for closing in definition.closings.values()} | {"office"}
    for scope in sorted({track.scope for track in definition.tracks.values()} - ended):
        wrong = (f"“{scope}”记录没有结案方式。", f"A record of scope `{scope}` can never be closed.")
        right = (
            f"请在closings里写一种scope: {scope}的结案。",
            f"Write a closing of `scope: {scope}` under `closings`.",
        )
        context.wrong(("closings",), "scope_without_closing", wrong, right)


def _check_closing(context: Context, by: tuple[str, ...], here: Where) -> None:
    """Somebody must be able to close."""
    for index, name in enumerate(by):
        check_function(context, name, (*here, "by", index))
    if not by:
        wrong = ("没有职能可以这样结案。", "No function may close a record this way.")
        right = ("请写by: [职能]。", "Write `by: [function]`.")
        context.wrong((*here, "by"), "closing_without_unit", wrong, right)


def _check_setting(context: Context, name: str, path: Where) -> None:
    """A setting is a parameter that is on or off."""
    parameters = context.definition.parameters
    if not context.known(name, parameters, path, "unknown_parameter", ("参数", "parameter")):
        return
    if parameters[name].type != "bool":
        wrong = (f"参数“{name}”不是bool。", f"Parameter `{name}` is not of type bool.")
        switches = [other for other, parameter in parameters.items() if parameter.type == "bool"]
        right = (
            f"请写bool参数（{', '.join(switches)}）。",
            f"Name a bool parameter ({', '.join(switches) or 'none yet'}).",
        )
        context.wrong(path, "setting_not_bool", wrong, right)


def _check_track(context: Context, track: Track, here: Where) -> None:
    """Functions, due parameters, facts and papers of one track."""
    if track.opens.on_request != "any":
        for index, name in enumerate(track.opens.on_request):
            check_function(context, name, (*here, "opens", "on_request", index))
    for name, step in track.steps.items():
        _check_held(context, step, (*here, "steps", name))
    for name, move in track.moves.items():
        _check_move(context, move, (*here, "moves", name))


def _check_held(context: Context, held: Step | Duty, here: Where) -> None:
    """The responsible function, those the clause prints beside it, and the due parameter."""
    if held.responsible:
        check_function(context, held.responsible, (*here, "by"))
    for name in (*held.joint_leads, *held.cooperating):
        _check_printed(context, name, here)
    if held.due is None:
        return
    parameters, path = context.definition.parameters, (*here, "due")
    if context.known(held.due, parameters, path, "unknown_parameter", ("参数", "parameter")):
        _check_days(context, held.due, context.definition, path)


def _check_printed(context: Context, name: str, here: Where) -> None:
    """A function that comes from a clause is reported once, where it is met first."""
    seen = {(item.code, item.en) for item in context.findings.found if item.code in ("missing_unit", "unknown_unit")}
    if not any(f"`{name}`" in en for _, en in seen):
        check_function(context, name, (*here, "basis"))


def _check_days(context: Context, name: str, definition: Definition, path: Where) -> None:
    """A due parameter counts days."""
    if definition.parameters[name].type != "days":
        wrong = (f"参数“{name}”不是days。", f"Parameter `{name}` is not of type days.")
        days = [other for other, parameter in definition.parameters.items() if parameter.type == "days"]
        right = (
            f"请写days参数（{', '.join(days)}）。",
            f"Name a parameter of type days ({', '.join(days) or 'none yet'}).",
        )
        context.wrong(path, "due_not_days", wrong, right)


def _check_move(context: Context, move: Move, here: Where) -> None:
    """Facts and papers of a move."""
    facts, documents = context.definition.facts, context.definition.documents
    for index, item in enumerate(move.form):
        context.known(item.fact, facts, (*here, "form", index), "unknown_fact", ("事实", "fact"))
    for name in move.sets:
        context.known(name, facts, (*here, "sets", name), "unknown_fact", ("事实", "fact"))
    for key, papers in (("materials", move.materials), ("records", move.records)):
        for index, name in enumerate(papers):
            context.known(name, documents, (*here, key, index), "unknown_document", ("材料", "document"))
