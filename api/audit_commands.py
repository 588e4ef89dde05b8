"""``guitu audit``: keys of auditors, who they are, what they take along, and how they verify it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api import verify as verifier
from api.options import As, Json
from api.passphrase import PassphraseFd, passphrase
from api.speech import Speech, in_china
from api.world import World
from engine.errors import CommandMalformed
from engine.service import audit_export, auditors
from engine.service.actors import read_actor
from engine.service.stored_files import whole

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
NewBundle = Annotated[Path, typer.Option("--out", metavar="BUNDLE", help="The bundle to write, for the owner alone.")]


def register(group: typer.Typer) -> None:
    """Add the commands to their group."""
    group.callback()(_audit)
    group.command("keygen")(keygen)
    group.command("export")(export)
    group.command("status")(status)
    for name, command in (("verify", verify), ("open", open_entry), ("find", find)):
        group.command(name, context_settings=_PASSED_ON, add_help_option=False)(command)
    auditor = typer.Typer(help="Who reads the ledger: add, list, remove.", no_args_is_help=True, rich_markup_mode=None)
    auditor.command("add")(add)
    auditor.command("list")(list_)
    auditor.command("remove")(remove)
    group.add_typer(auditor, name="auditor")


def _audit() -> None:
    """The audit ledger: whom it is sealed to, taking it along, and verifying it without this program."""


def keygen(
    ctx: typer.Context, *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the private key goes; a new file.")],
    name: Annotated[str, typer.Option("--name", metavar="CODE", help="A code of its owner, such as auditor-1.")],
    x25519: Annotated[
        bool, typer.Option("--x25519", help="Without ML-KEM-768: a quantum computer could open it one day.")
    ] = False,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="An open file: whoever has it has the key.")
    ] = False,
    passphrase_fd: PassphraseFd = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Make the key of an auditor, best on a machine of her own. The public key is printed, to be added here."""
    world = World.of(ctx)
    if no_passphrase and passphrase_fd is not None:
        raise CommandMalformed(
            "--no-passphrase 与 --passphrase-fd 只能用一个", "use --no-passphrase or --passphrase-fd, not both"
        )
    words = None if no_passphrase else passphrase(world.speech, passphrase_fd, again=True)
    line = auditors.make_key(out, name, words, is_hybrid=not x25519)
    if world.speech.as_json:
        world.speech.give({"file": str(out), "public_key": line})
        return
    zh = f"私钥已写入 {out}：由审计人自行保管，另存副本；没有它，谁也读不了审计账。公钥："
    en = f"The private key is in {out}: its owner alone keeps it, with a copy; without it nobody reads the ledger."
    world.speech.complain(world.speech.pick(zh, f"{en} The public key:"), style="")
    world.speech.say(line)


def add(
    ctx: typer.Context, *,
    key: Annotated[str, typer.Argument(metavar="PUBLIC_KEY", help="As guitu audit keygen prints it.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Seal the ledger to one more auditor from now on; nobody reads what was entered before with the new key."""
    world = World.of(ctx)
    listed = auditors.add(_list_of(world), world.desk.scribe, key, read_actor(as_))
    _say_one(world.speech, listed, "已列为审计人", "is an auditor now")


def remove(
    ctx: typer.Context, *,
    which: Annotated[str, typer.Argument(metavar="AUDITOR", help="The name, or 8 or more digits of the key id.")],
    as_: As, as_json: Json = False,
) -> None:  # fmt: skip
    """Seal the ledger to this auditor no more; what was entered before stays readable with the key."""
    world = World.of(ctx)
    listed = auditors.remove(_list_of(world), world.desk.scribe, which, read_actor(as_))
    _say_one(world.speech, listed, "不再是审计人", "is no auditor any more")


def list_(ctx: typer.Context, *, as_: As, as_json: Json = False) -> None:
    """Whom the ledger is sealed to."""
    world = World.of(ctx)
    listed = auditors.looked_at(_list_of(world), world.desk.scribe, read_actor(as_))
    if world.speech.as_json:
        world.speech.give([_plain(one) for one in listed])
        return
    pick = world.speech.pick
    rows = [[one.key.name, one.key.id.hex()[:16], one.kind, in_china(one.added_at)] for one in listed]
    world.speech.table([pick("名称", "name"), pick("密钥", "key"), pick("种类", "kind"), pick("加入", "added")], rows)


def export(
    ctx: typer.Context, *, out: NewBundle, as_: As,
    salts: Annotated[
        Path | None, typer.Option("--salts", metavar="FILE", help="The salts of cases too: whom entries concern.")
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option("--case", metavar="CASE", help="Only this case's salt; may be given many times.")
    ] = None,
    digests: Annotated[
        Path | None, typer.Option("--digests", metavar="FILE", help="Digests of what is on record now, too.")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="With --digests: wait so long for the signer.")
    ] = 0.0,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Write the ledger up to its last checkpoint as a bundle, and beside it what an auditor may need to read it."""
    world = World.of(ctx)
    if case and salts is None:
        raise CommandMalformed("--case 只与 --salts 同用", "--case goes with --salts only")
    who, desk = world.actor(as_), world.desk
    made_digests = made_salts = None
    # Digests first: what is on record is held against the ledger, so the bundle must reach as far.
    if digests is not None:
        with _new_file(digests) as write:
            made_digests = audit_export.export_digests(desk, write, who)
    if salts is not None:
        with _new_file(salts) as write:
            made_salts = audit_export.export_salts(desk, write, case or None, who)
    with _new_file(out) as write:
        if made_digests is not None and not audit_export.is_signed(desk, made_digests.tree_size, wait):
            size = made_digests.tree_size
            zh = f"检查点尚未签到第 {size} 条，对账摘要不能全部核对；请等签署后重新导出，或用 --wait"
            en = f"no checkpoint covers {size} entries yet, so not all digests can be held against it: export again"
            world.speech.complain(world.speech.pick(zh, f"{en} when the signer was there, or use --wait"))
        made = audit_export.export(desk, write, who)
    _say_exported(world.speech, made, made_salts, made_digests)


def status(ctx: typer.Context, *, as_: As, as_json: Json = False) -> None:
    """How the ledger stands: entries, what waits, the last checkpoint and its age, streams that are held back."""
    world = World.of(ctx)
    found = audit_export.state(world.desk, world.actor(as_))
    if world.speech.as_json:
        world.speech.give(found)
        return
    pick, say = world.speech.pick, world.speech.say
    say(pick(f"审计账 {found.origin}", f"ledger {found.origin}"), style="bold")
    say(
        pick(f"  已排序 {found.size} 条，待排序 {found.waiting} 条", f"  {found.size} entries, {found.waiting} waiting")
    )
    if found.waiting_since is not None:
        since = in_china(found.waiting_since)
        say(pick(f"  最早的一条自 {since} 起等待", f"  the oldest waits since {since}"))
    if found.signed is None or found.signed_at is None:
        say(pick("  尚无签署的检查点", "  no checkpoint is signed yet"), style="red")
    else:
        age = max(0, int((found.at - found.signed_at).total_seconds()))
        zh = f"  检查点签到第 {found.signed} 条，签署人 {age} 秒前最后看过"
        say(pick(zh, f"  the last checkpoint covers {found.signed} entries, the signer last looked {age} seconds ago"))
    for one in found.held:
        zh = f"  记录流 {one.stream} 有缺口：应为第 {one.expected} 条，来的是第 {one.found} 条（{one.why}）"
        en = f"  stream {one.stream} is held back: entry {one.expected} was due, {one.found} came ({one.why})"
        say(pick(zh, en), style="red")


def verify(ctx: typer.Context) -> None:
    """Verify a bundle, without server and network; the options are those of python -m api.verify."""
    _pass_on(ctx)


def open_entry(ctx: typer.Context) -> None:
    """Show one entry of a bundle, opened with the key of an auditor."""
    _pass_on(ctx, "open")


def find(ctx: typer.Context) -> None:
    """Find entries of a bundle by case, person, unit, act or time."""
    _pass_on(ctx, "find")


def _pass_on(ctx: typer.Context, *first: str) -> None:
    raise typer.Exit(verifier.run([*first, *ctx.args], World.of(ctx).speech.language))


def _list_of(world: World) -> auditors.Auditors:
    return auditors.Auditors(world.settings.auditors)


@contextmanager
def _new_file(path: Path) -> Iterator[Callable[[bytes], object]]:
    """A new file for its owner alone, in its place once it is whole. Raises :class:`CommandMalformed`."""
    try:
        if path.exists():
            raise CommandMalformed(
                f"{path} 已存在，未作改动", f"{path} exists and was not touched; choose another file"
            )
        with whole(path) as file:
            yield file.write
    except OSError as error:
        raise CommandMalformed(f"{path} 无法写入", f"{path} cannot be written: {error.strerror}") from None


def _plain(one: auditors.Listed) -> dict[str, str]:
    return {
        "name": one.key.name, "key_id": one.key.id.hex(), "kind": one.kind, "added_at": one.added_at.isoformat(),
        "public_key": one.key.to_text(),
    }  # fmt: skip


def _say_one(speech: Speech, one: auditors.Listed, zh: str, en: str) -> None:
    if speech.as_json:
        speech.give(_plain(one))
        return
    named = f"{one.key.name} ({one.key.id.hex()[:16]})"
    speech.say(speech.pick(f"{named} {zh}", f"{named} {en}"))


def _say_exported(
    speech: Speech, made: audit_export.Exported, salts: audit_export.Listed | None, digests: audit_export.Listed | None
) -> None:
    if speech.as_json:
        speech.give({"bundle": made, "salts": salts, "digests": digests})
        return
    zh = f"已导出 {made.size} 条（{made.origin}），检查点之后另有 {made.after} 条，待排序 {made.waiting} 条"
    en = f"{made.size} entries of {made.origin} are exported; {made.after} came after the checkpoint"
    speech.say(speech.pick(zh, f"{en}, {made.waiting} wait"))
    if made.held:
        zh, en = f"{made.held} 条记录流有缺口，暂不排序", f"{made.held} streams have a hole and are held back"
        speech.complain(speech.pick(zh, en))
    for listed in (salts, digests):
        if listed is not None and listed.damaged:
            names = ", ".join(listed.damaged)
            speech.complain(speech.pick(f"无法打开：{names}", f"these do not open: {names}"))
