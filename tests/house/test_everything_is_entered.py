"""Nothing is done or read past the ledger: every way into the record room enters an account, or stands here with why.

Which act each command of the command line is entered as is held in ``tests/api/test_commands_are_entered.py``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from engine.ledger.event import ACTS
from engine.service.account import ACT_OF
from tests.house.tree import ROOT, functions, imports, name_of, parse, sources

ENTERED = {("desk", "reading"), ("desk", "changing")}
"""Transactions that enter what they are given an account of, refused or not."""
DOORS = {"reading", "writing", "changing"}
"""Transactions of anybody else; those of a database enter nothing, and ``writing`` of a desk enters no refusal."""
BARE = {"kept", "entering", "_transaction", "ahead"}
"""Writing transactions that enter nothing by themselves, whoever is asked for one."""
BESIDE = {"engine.store.backup", "engine.store.durability", "engine.store.migrate", "engine.store.pg_tools"}
"""Parts of the record room that make a connection of their own, and of ``engine.store.database`` all but one name."""
SCRIBE = "engine/service/scribe.py"
"""What enters; its own transactions are not looked at."""

_ENTERS = "it is what enters"
_HANDLED = "its refusals are entered with the refusal that is put on record"
_TOLD_BEFORE = "entered by the transaction before it, without which nothing is written out"
_OWN_ACT = "what the same person has just done and had entered"
_DOCTOR = "looks at the installation and at no case, and must work where nothing can be entered yet"
_SIGNS = "the signer sees sizes and hashes, no case and no entry; what it signs stands in the database for all to see"
_COUNTED = "a try is counted before it is judged, and stays so; what came of it is entered"
_STORY = "the harness looks at what its own story did, in a world for trial"
_STAMPS = "hands over and takes in what is said about a checkpoint, which concerns no case"

WHY: Mapping[str, str] = {
    "api/key_commands.py init: database.reading": "makes the first key: until then nothing can be entered",
    "engine/bootstrap.py desk: database.reading": "verifies the releases when a process starts, and shows nothing",
    "engine/service/attachments.py add: database.reading": "only for the key of the case; the command is entered",
    "engine/service/attachments.py sweep: database.reading": "random names of files, to remove what no case lists",
    "engine/service/audit_export.py export: database.reading": _TOLD_BEFORE,
    "engine/service/audit_export.py export_digests: database.reading": _TOLD_BEFORE,
    "engine/service/audit_export.py export_salts: database.reading": _TOLD_BEFORE,
    "engine/service/audit_export.py is_signed: database.reading": "how far the last checkpoint reaches",
    "engine/service/backup.py imports engine.store.backup": "entered by the command before anything is taken",
    "engine/service/desk.py Desk.changing: self.writing": _ENTERS,
    "engine/service/desk.py Desk.ahead: database.reading": "a refusal is entered; what follows enters the rest",
    "engine/service/desk.py Desk.reading: self.ahead": _ENTERS,
    "engine/service/desk.py Desk.writing: scribe.entering": _ENTERS,
    "engine/service/outgoing.py sweep_own: database.reading": "random names of files, to know whose folder it is",
    "engine/service/desk.py kept: database.writing": "the one place that commits; each of its callers stands here",
    "engine/service/handle.py _answered_meanwhile: desk.writing": _HANDLED,
    "engine/service/handle.py handle: desk.writing": _HANDLED,
    "engine/service/installation.py _directory: database.reading": _DOCTOR,
    "engine/service/installation.py _keys: database.reading": _DOCTOR,
    "engine/service/installation.py _released: database.reading": _DOCTOR,
    "engine/service/installation.py _ledger: database.reading": _DOCTOR,
    "engine/service/installation.py _trial: database.reading": _DOCTOR,
    "engine/service/installation.py imports engine.store.database.engine_for": "whether there is a database at all",
    "engine/service/installation.py imports engine.store.database.is_there": "whether there is a database at all",
    "engine/service/installation.py imports engine.store.durability": _DOCTOR,
    "engine/service/installation.py imports engine.store.migrate": "makes the tables that the ledger lies in",
    "engine/service/provider.py _attempt: kept": "uses up the way back; what comes of it is entered after",
    "engine/service/provider.py _person: database.reading": "whose account it is; the sign-in, or why not, is entered",
    "engine/service/provider.py begin: kept": "remembers that a browser was sent away; its return is entered",
    "engine/service/read.py _added: database.reading": _OWN_ACT,
    "engine/service/refusals.py put_on_record: desk.writing": _ENTERS,
    "engine/service/readiness.py _open_keys: database.reading": "opens the vault keys, and shows none of them",
    "engine/service/readiness.py entries_waiting: database.reading": "how many entries wait for their place",
    "engine/service/release.py release: desk.ahead": "whether she may at all, before a proof that takes long",
    "engine/service/reidentify.py _opened: database.reading": _TOLD_BEFORE,
    "engine/service/rotation.py Rotation.resume: database.reading": "what stopped half-way; going on is entered",
    "engine/service/sequencer.py sequence: database.reading": "whether anything waits",
    "engine/service/sequencer.py sequence: kept": "gives entries their places, and can read none of them",
    "engine/service/sessions.py _found: database.reading": "whose token it is; what she then does is entered",
    "engine/service/sessions.py _found: kept": "when a sign-in was used last, once a minute",
    "engine/service/sign_in.py ask_again: kept": "what a passkey is to sign; the answer is entered",
    "engine/service/sign_in.py begin: kept": _COUNTED,
    "engine/service/sign_in.py finish: kept": _COUNTED,
    "engine/service/sign_in.py prove: kept": _COUNTED,
    "engine/service/sign_in.py with_ticket: kept": _COUNTED,
    "engine/service/signer.py Signer._hand_out: kept": _SIGNS,
    "engine/service/signer.py _look: database.reading": _SIGNS,
    "engine/service/signer.py begin: database.reading": _SIGNS,
    "engine/service/signer.py status: database.reading": _SIGNS,
    "engine/service/story.py Player._local_settings: database.reading": _STORY,
    "engine/service/story.py Player._unit: database.reading": _STORY,
    "engine/service/story.py Player.record: database.reading": _STORY,
    "engine/service/story_people.py introduce: database.reading": _STORY,
    "engine/service/timestamp_authority.py _keep: kept": _STAMPS,
    "engine/service/timestamp_authority.py last_checkpoint: database.reading": _STAMPS,
    "engine/service/timestamp_authority.py take: database.reading": _STAMPS,
    "engine/service/trial.py is_trial: database.reading": "whether anybody must sign in here, before anybody is asked",
    "engine/service/webhook_delivery.py _end_if_failing: database.reading": "since when it fails; the end is entered",
    "engine/service/webhook_delivery.py _settle: kept": "what came of what was entered before it was sent",
    "engine/service/webhook_delivery.py deliver_batch: database.reading": "whether anything is due",
    "engine/service/tokens.py _note_use: kept": "when a token was last used; what it is used for is entered",
    "engine/service/tokens.py present: database.reading": "whose token it is; what it is used for is entered",
    "engine/service/trial.py mark_trial: kept": "marks an empty database when it is made: nobody is its auditor yet",
}
"""Where a transaction enters nothing by itself, or no refusal, and why that is right."""


@cache
def _rooms() -> list[tuple[str, ast.Module]]:
    paths = [*sources("engine/service"), ROOT / "engine" / "bootstrap.py", *sources("api")]
    return [(name_of(path), parse(path)) for path in paths]


def ways_past(tree: ast.AST, path: str) -> Iterator[str]:
    """Yield every way into the record room that enters nothing by itself: in which function, and which way."""
    names = [name for name, _ in imports(tree)]
    yield from (f"{path} imports {name}" for name in names if _is_beside(name))
    is_desk = any(node.name == "kept" for node in functions(tree))
    bare = BARE if is_desk or "engine.service.desk.kept" in names else BARE - {"kept"}
    yield from _ways_below(tree, path, "", bare)


def _is_beside(name: str) -> bool:
    is_inside = name.startswith("engine.store.database.") and name != "engine.store.database.Database"
    return name in BESIDE or is_inside


def _ways_below(node: ast.AST, path: str, within: str, bare: set[str]) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        way = _way(child, bare)
        if way is not None:
            yield f"{path} {within or '-'}: {way}"
        inner = within
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{within}.{child.name}".lstrip(".")
        yield from _ways_below(child, path, inner, bare)


def _way(node: ast.AST, bare: set[str]) -> str | None:
    """The way that this very node goes; also when it only passes one on, or asks for one by its name."""
    if isinstance(node, ast.Call):
        return _called(node)
    if isinstance(node, ast.Attribute):
        owner = _owner(node)
        is_door = node.attr in BARE or (node.attr in DOORS and owner in ("database", "desk") and _is_past(node))
        return f"{owner}.{node.attr}" if is_door else None
    if isinstance(node, ast.Name) and node.id in bare:
        return node.id
    if isinstance(node, ast.alias) and node.name in BARE and node.asname:
        return f"{node.name} as {node.asname}"
    return None


def _called(node: ast.Call) -> str | None:
    """A transaction of somebody who is neither called desk nor database, or one that is looked up by its name."""
    if isinstance(node.func, ast.Attribute) and node.func.attr in DOORS:
        owner = _owner(node.func)
        return None if owner in ("database", "desk") else f"{owner}.{node.func.attr}"
    if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "attrgetter", "methodcaller"):
        return next((f"{node.func.id} {word}" for word in _words(node) if word in DOORS | BARE), None)
    return None


def _is_past(node: ast.Attribute) -> bool:
    return (_owner(node), node.attr) not in ENTERED


def _owner(node: ast.Attribute) -> str:
    return ast.unparse(node.value).rpartition(".")[2]


def _words(node: ast.Call) -> list[object]:
    return [one.value for one in node.args if isinstance(one, ast.Constant)]


def test_every_way_past_the_ledger_stands_here_and_why() -> None:
    found = {way for path, tree in _rooms() if path != SCRIBE for way in ways_past(tree, path)}
    assert sorted(found - set(WHY)) == [], "go through desk.changing or desk.reading, or say here why not"
    assert sorted(set(WHY) - found) == [], "gone, or it enters now: take it off the list"
    assert all(WHY.values())


GOES_THROUGH_THE_DESK = """
def shown(desk, case, actor):
    with desk.reading(Account("case:show", actor)) as work:
        return work.load_case(case)
"""
PAST = {
    "database.reading": "with desk.database.reading() as work: pass",
    "database.writing": "with self.desk.database.writing() as work: pass",
    "desk.writing": "with desk.writing(account) as work: pass",
    "kept": "with kept(desk.database) as work: pass",
    "kept as held": "from engine.service.desk import kept as held",
    "desk.kept": "from engine.service import desk\nwith desk.kept(database) as work: pass",
    "scribe.entering": "with desk.scribe.entering() as (lent, work): pass",
    "scribe._transaction": "with desk.scribe._transaction(settle) as work: pass",
    "store.reading": "store = desk.database\nwith store.reading() as work: pass",
    "open(url).reading": "with Database.open(url).reading() as work: pass",
    "getattr reading": "with getattr(desk.database, 'reading')() as work: pass",
}


@pytest.mark.parametrize("way", PAST)
def test_a_function_that_goes_past_the_ledger_is_found(way: str) -> None:
    lines = PAST[way].replace("\n", "\n    ")
    source = f"from engine.service.desk import kept\n{GOES_THROUGH_THE_DESK}\ndef quiet(desk, self):\n    {lines}\n"
    assert list(ways_past(ast.parse(source), "new.py")) == [f"new.py quiet: {way}"]
    assert f"new.py quiet: {way}" not in WHY


def test_a_way_that_is_only_passed_on_is_found() -> None:
    source = "def quiet(desk):\n    return run(desk.database.reading)"
    assert list(ways_past(ast.parse(source), "new.py")) == ["new.py quiet: database.reading"]


@pytest.mark.parametrize("line", ["from engine.store.backup import take", "from engine.store.database import Turn"])
def test_a_connection_of_its_own_is_found(line: str) -> None:
    (found, *_) = ways_past(ast.parse(f"{line}\n{GOES_THROUGH_THE_DESK}"), "new.py")
    assert found.startswith("new.py imports engine.store.")


def test_what_goes_through_the_desk_is_let_through() -> None:
    assert list(ways_past(ast.parse(GOES_THROUGH_THE_DESK), "new.py")) == []


# ── as what ──


def acts_in(tree: ast.AST) -> Iterator[str | None]:
    """Yield the act of every account that is made, and of what the scribe states itself; none where it is no constant.

    A function that is given the act has it from whoever calls it, in the same module.
    """
    states = "engine.ledger.event.stated" in [name for name, _ in imports(tree)]
    makers = ("Account", "stated") if states else ("Account",)
    for function in [tree, *functions(tree)]:
        for node in _own_calls(function):
            if _called_name(node) in makers:
                yield from _acts_of(node, function, tree)


def _own_calls(function: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls in a function, without those in functions inside it."""
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _own_calls(node)


def _called_name(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _acts_of(node: ast.Call, function: ast.AST, tree: ast.AST) -> Iterator[str | None]:
    act = node.args[0] if node.args else None
    if isinstance(act, ast.Constant):
        yield str(act.value)
    elif isinstance(act, ast.Subscript) and ast.unparse(act.value) == "ACT_OF":
        yield from ACT_OF.values()
    elif isinstance(act, ast.Name) and isinstance(function, ast.FunctionDef):
        yield from _handed_in(act.id, function, tree)
    else:
        yield None


def _handed_in(parameter: str, function: ast.FunctionDef, tree: ast.AST) -> Iterator[str | None]:
    names = [one.arg for one in function.args.args]
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and _called_name(one) == function.name]
    place = names.index(parameter) if parameter in names else len(names)
    given = [one.args[place] if len(one.args) > place else None for one in calls]
    yield from (str(one.value) if isinstance(one, ast.Constant) else None for one in given or [None])


def test_every_account_is_of_an_act_that_is_a_constant_of_the_vocabulary() -> None:
    found = {(path, act) for path, tree in _rooms() for act in acts_in(tree)}
    assert sorted(path for path, act in found if act not in ACTS) == []
    assert sorted(set(ACTS) - {act for _, act in found}) == [], "nobody enters these"


@pytest.mark.parametrize(
    "line",
    [
        'Account("case:peek", actor)', "Account(words, actor)", 'Account("case:" + what, actor)', "Account(act=what)",
        "Account(ACTS[what])", "given(what)",
    ],
)  # fmt: skip
def test_an_account_of_no_such_act_is_found(line: str) -> None:
    source = (
        f"def given(act):\n    return Account(act)\n\ngiven('case:show')\n\ndef new(actor, words, what):\n    {line}\n"
    )
    assert [act for act in acts_in(ast.parse(source)) if act not in ACTS]


def test_an_act_that_is_handed_in_is_that_of_the_callers() -> None:
    source = "def given(act):\n    return Account(act)\n\ngiven('case:show')\ngiven('case:list')\n"
    assert list(acts_in(ast.parse(source))) == ["case:show", "case:list"]


def test_no_act_is_put_into_an_account_later() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree in _rooms()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "act" and isinstance(node.ctx, ast.Store)
    ]
    assert found == []
