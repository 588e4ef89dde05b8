"""``guitu definitions reach``: plays the stories in a passing world and says how far they reach."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.options import Json
from api.speech import Speech
from api.world import World, found_ledger
from engine import bootstrap
from engine.service import definitions as books
from engine.service import installation, trial, vault_keys
from engine.service.desk import Desk
from engine.service.reach import Reach, Share
from engine.service.reach import reach as reach_of
from engine.service.story import stories


def reach(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="One definition; all if not given.")] = None,
    as_json: Json = False,
) -> None:
    """Play every scenario in a passing world: which steps, moves, refusals and fields they reach, and which never."""
    world = World.of(ctx)
    loaded = world.library.definitions if name is None else (books.find(world.library, name),)
    with _passing_world(world) as desk:
        found = [reach_of(desk, one.definition, stories(world.settings.workflows, one.definition.id)) for one in loaded]
    if world.speech.as_json:
        world.speech.give([one.as_json() for one in found])
        return
    tell(world.speech, found)


@contextmanager
def _passing_world(world: World) -> Iterator[Desk]:
    """A demo world that is gone again when it was looked at."""
    with tempfile.TemporaryDirectory(prefix="guitu-reach-") as folder:
        passing = World(home=Path(folder), language=world.language, _library=world.library)
        try:
            passing.passphrase_file = vault_keys.init_demo(passing.settings.root_keys, bootstrap.now())
            installation.upgrade(passing.url, passing.home)
            trial.mark_trial(passing.url)
            found_ledger(passing)
            installation.load_demo_directory(passing.desk)
            every = [one.definition for one in passing.library.definitions]
            trial.release_all(passing.desk, every, offices=trial.DEMO_OFFICES)
            yield passing.desk
        finally:
            passing.close()


def tell(speech: Speech, found: list[Reach]) -> None:
    """A table of figures, then everything that no story comes to."""
    heads = [speech.pick("流程", "definition"), speech.pick("故事", "stories"), speech.pick("动作数", "acts")]
    heads += [speech.pick("环节", "steps"), speech.pick("动作", "moves"), speech.pick("不获准", "refusals")]
    heads += [speech.pick("表单项", "fields"), speech.pick("出发环节", "sources")]
    speech.table(
        heads, ([one.name, one.stories, one.acts, *(_figures(share) for _, share in _kinds(one))] for one in found)
    )
    labels = {
        "steps": speech.pick("环节", "steps"), "moves": speech.pick("动作", "moves"),
        "refusals": speech.pick("不获准的理由", "refusals"), "fields": speech.pick("表单项", "form fields"),
        "sources": speech.pick("出发环节", "sources of moves"),
    }  # fmt: skip
    for one in found:
        for kind, share in _kinds(one):
            if share.missing:
                never = speech.pick("未到达的", "never reached: ") + labels[kind]
                speech.say(f"{one.name}  {never}  {', '.join(share.missing)}")


def _kinds(one: Reach) -> list[tuple[str, Share]]:
    shares = {"steps": one.steps, "moves": one.moves, "refusals": one.refusals}
    return [*shares.items(), ("fields", one.fields), ("sources", one.sources)]


def _figures(share: Share) -> str:
    return f"{share.reached}/{len(share.counts)} {share.percent:.1f} %"
