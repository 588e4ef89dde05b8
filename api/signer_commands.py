"""``guitu signer``: the process that signs checkpoints of the ledger, and its key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.options import As, Json
from api.passphrase import PassphraseFd, passphrase
from api.speech import Speech
from api.worker_commands import told_by_signals
from api.world import World
from engine import bootstrap
from engine.errors import CommandMalformed
from engine.service import keyfile, signer, signer_acts, timestamp_authority, vault_keys
from engine.service.log import configure
from engine.service.signer import RestartReason
from engine.service.signer_folder import SignerFolder
from engine.service.timestamp_authority import Authority

Folder = Annotated[
    Path | None, typer.Option("--folder", metavar="DIR", help="The signer's own folder; home/signer if not given.")
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", envvar="GUITU_SIGNER_PASSPHRASE_FILE",
        help="A file that only its owner may read, with the passphrase of the signer's key.",
    ),
]  # fmt: skip
Roots = Annotated[
    list[Path] | None,
    typer.Option(
        "--tsa-roots", metavar="FILE", help="Root certificates (PEM) its answers are held against; many times."
    ),
]


def register(group: typer.Typer) -> None:
    """Add the commands to their group."""
    group.callback()(_signer)
    for command in (init, run, status, rotate, drop_old_key, restart, timestamp):
        group.command(command.__name__.replace("_", "-"))(command)


def _signer() -> None:
    """The signer of checkpoints: a process, a key and a memory of its own, best on another machine."""


def init(
    ctx: typer.Context, *, folder: Folder = None,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="For one that starts unattended: whoever has the file has the key.")
    ] = False,
    passphrase_file: PassphraseFile = None, passphrase_fd: PassphraseFd = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Make the signer of this ledger, once. Its public key is printed: auditors verify every bundle with it."""
    world = World.of(ctx)
    words = None if no_passphrase else _words(world.speech, passphrase_file, passphrase_fd, again=True)
    with signer.database_at(world.url) as database:
        key = signer.begin(_place(world, folder), database, words)
    _give_key(
        world.speech,
        key,
        "签署方已建立。验证公钥（交给每位审计人）：",
        "The signer is made. Its key, for every auditor:",
    )


def run(
    ctx: typer.Context, *, folder: Folder = None,
    once: Annotated[bool, typer.Option("--once", help="Sign once, say what was signed, and end.")] = False,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.01, help="The cadence, whatever happens meanwhile.")
    ] = signer.EVERY_SECONDS,
    tsa: Annotated[
        str | None, typer.Option("--tsa", metavar="URL", help="An authority (RFC 3161), asked for a timestamp hourly.")
    ] = None,
    tsa_roots: Roots = None, passphrase_file: PassphraseFile = None, passphrase_fd: PassphraseFd = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Sign the ledger at a fixed cadence, until told to stop (SIGTERM, Ctrl-C). A refusal is an alarm in the log."""
    world = World.of(ctx)
    configure(world.settings.log_level)
    authority = Authority(tsa, _contents(tsa_roots)) if tsa is not None else None
    place = _place(world, folder)
    words = _words_if_any(world.speech, place, passphrase_file, passphrase_fd)
    with signer.database_at(world.url) as database:
        signs = signer.Signer(place, database, bootstrap.now, words)
        if not once:
            with told_by_signals() as told:
                signs.run(told, every, authority)
            return
        signed = signs.sign()
        at = timestamp_authority.anchor(database, authority) if authority else None
    if world.speech.as_json:
        checkpoint = {"size": signed.checkpoint.size, "root": signed.checkpoint.root.hex()}
        world.speech.give({"note": signed.note.decode(), **checkpoint, "timestamp_at": at})
        return
    world.speech.say(signed.note.decode().rstrip("\n"))


def status(ctx: typer.Context, folder: Folder = None, as_json: Json = False) -> None:
    """What was signed last, and the ledger as it is now; never a private key."""
    world = World.of(ctx)
    with signer.database_at(world.url) as database:
        found = signer.status(_place(world, folder), database)
    if world.speech.as_json:
        world.speech.give(found)
        return
    pick = world.speech.pick
    names = {
        "log": pick("账名", "log"), "size": pick("现有条数", "entries now"),
        "signed_size": pick("已签署条数", "entries signed"), "signed_root": pick("已签署树根", "root signed"),
        "made_at": pick("最近检查点", "last checkpoint"), "renewed_at": pick("最近核对", "last looked at"),
        "timestamp_at": pick("最近时间戳", "last timestamp"),
    }  # fmt: skip
    rows = [[name, "-" if found[key] is None else str(found[key])] for key, name in names.items()]
    world.speech.table(["", ""], [*rows, *([pick("验证公钥", "key"), key] for key in found["keys"])])


def rotate(
    ctx: typer.Context, *, as_: As, folder: Folder = None, passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Make a new key. Both sign until drop-old-key: pass the new one on to every auditor first."""
    world = World.of(ctx)
    place = _place(world, folder)
    words = _words_if_any(world.speech, place, passphrase_file, passphrase_fd)
    key = signer_acts.rotate(world.desk, place, words, world.actor(as_))
    _give_key(world.speech, key.to_text(), "新的验证公钥（新旧密钥并行签署）：", "The new key (both sign for now):")


def drop_old_key(ctx: typer.Context, *, as_: As, folder: Folder = None, as_json: Json = False) -> None:
    """Sign with the newest key alone, when every auditor has it."""
    world = World.of(ctx)
    key = signer_acts.drop_old_key(world.desk, _place(world, folder), world.actor(as_))
    _give_key(world.speech, key.to_text(), "今后只以此密钥签署：", "From now on this key signs alone:")


def restart(
    ctx: typer.Context, *, as_: As, folder: Folder = None,
    reason: Annotated[RestartReason, typer.Option("--reason", help="Why the ledger is not the one that was signed.")],
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="Where the folder is lost: the new key is not closed.")
    ] = False,
    passphrase_file: PassphraseFile = None, passphrase_fd: PassphraseFd = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Begin anew on the ledger as it is now, under a new name: after a restored backup, never to silence an alarm."""
    world = World.of(ctx)
    place = _place(world, folder)
    if signer_acts.is_lost(place):
        words = None if no_passphrase else _words(world.speech, passphrase_file, passphrase_fd, again=True)
    else:
        words = _words_if_any(world.speech, place, passphrase_file, passphrase_fd)
    told = signer_acts.restart(world.desk, place, reason, words, world.actor(as_))
    if world.speech.as_json:
        world.speech.give({"key": SignerFolder(place).public()[0].to_text(), **told})
        return
    zh = f"原已签署 {told['signed_size']} 条，现有 {told['found_size']} 条；新账名 {told['new_log']}。新的验证公钥："
    en = (
        f"{told['signed_size']} entries were signed, {told['found_size']} are there; the log is {told['new_log']}. Key:"
    )
    _give_key(world.speech, SignerFolder(place).public()[0].to_text(), zh, en)


def timestamp(
    ctx: typer.Context, *,
    request: Annotated[
        Path | None, typer.Option("--request", metavar="FILE", help="Write the question about the last checkpoint.")
    ] = None,
    response: Annotated[
        Path | None, typer.Option("--response", metavar="FILE", help="Keep the authority's answer in this file.")
    ] = None,
    tsa_roots: Roots = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Have a checkpoint timestamped by an authority that this machine cannot reach: a question out, an answer in."""
    world = World.of(ctx)
    with signer.database_at(world.url) as database:
        if request is not None and response is None:
            keyfile.write_new(request, timestamp_authority.query(database))
            _say(world.speech, "file", str(request), f"时间戳请求已写入 {request}", f"The question is in {request}")
        elif response is not None and request is None:
            at = timestamp_authority.take(database, _content(response), _contents(tsa_roots)).isoformat()
            _say(world.speech, "timestamp_at", at, f"时间戳已收入：{at}", f"The timestamp was kept: {at}")
        else:
            raise CommandMalformed("请给出 --request 或 --response 之一", "give --request or --response, one of them")


def _place(world: World, folder: Path | None) -> Path:
    return folder or world.settings.signer


def _words(speech: Speech, file: Path | None, descriptor: int | None, *, again: bool = False) -> str:
    return passphrase(speech, descriptor, again=again) if file is None else vault_keys.passphrase_in(file)


def _words_if_any(speech: Speech, place: Path, file: Path | None, descriptor: int | None) -> str | None:
    """The passphrase of a key that has one."""
    return _words(speech, file, descriptor) if SignerFolder(place).needs_passphrase() else None


def _contents(files: list[Path] | None) -> tuple[bytes, ...]:
    return tuple(_content(file) for file in files or ())


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandMalformed(f"{file} 无法读取", f"{file} cannot be read: {error.strerror}") from None


def _give_key(speech: Speech, key: str, zh: str, en: str) -> None:
    _say(speech, "key", key, f"{zh}\n{key}", f"{en}\n{key}")


def _say(speech: Speech, name: str, value: str, zh: str, en: str) -> None:
    if speech.as_json:
        speech.give({name: value})
    else:
        speech.say(speech.pick(zh, en))
