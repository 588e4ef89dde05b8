"""An installation: its schema, its unit directory, its local settings, and whether it is in good health."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from engine.core.commands import Actor, RawValue
from engine.core.definition import Definition, Fact, Label, Parameter
from engine.core.directory import Directory, Jurisdiction
from engine.core.facts import read_value
from engine.core.marks import cut
from engine.core.view import CHINA
from engine.definitions.directory_file import demo_directory, read_directory
from engine.definitions.loader import Library
from engine.errors import CommandMalformed, GuituError, UnitUnknown
from engine.service.account import Account
from engine.service.auditors import Auditors
from engine.service.definitions import find
from engine.service.desk import Desk
from engine.service.participation import refresh
from engine.service.permission import permit_act
from engine.service.released import Released, read_released
from engine.store import migrate
from engine.store.database import Database, engine_for, is_there
from engine.store.durability import durability
from engine.store.work import Work

T = TypeVar("T")
UNITS_ON_A_PAGE = 200
LEAST_PYTHON = (3, 11)
LEDGER_LATE = timedelta(minutes=1)
SIGNER_LATE = timedelta(minutes=10)
"""After so long an entry that waits, or the last checkpoint, is worth a warning."""
DEMO_MARK = ".guitu-demo-world"
DEMO_AUDIT = "audit"
"""Where a demo world keeps the keys of its ledger and the bundle it exports."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report; ``state`` ``bad`` means that work is not possible."""

    name: str
    state: Literal["ok", "warn", "bad"]
    said: Label


@dataclass(frozen=True, slots=True)
class ParameterLine:
    """A local setting of what a document leaves open, its default, and the value in force here."""

    name: str
    title: Label
    type: str
    default: object
    value: object
    is_set: bool
    open: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit of the directory."""

    id: str
    name: Label
    area: str
    area_name: Label
    functions: tuple[str, ...]
    merged_into: str | None


def upgrade(url: str, home: Path | None = None) -> str:
    """Bring the schema to that of this release and return its revision. Makes the folder of an embedded database."""
    if home is not None:
        home.mkdir(parents=True, exist_ok=True)
    return migrate.upgrade(url)


def has_database(url: str) -> bool:
    """Whether there is a database to look into; an embedded one may not be made yet."""
    return is_there(engine_for(url))


def make_demo_folder(folder: Path) -> None:
    """An empty folder for a demo world. Raises :class:`CommandMalformed` when it holds anything else."""
    if folder.exists() and not (folder / DEMO_MARK).is_file() and any(folder.iterdir()):
        raise CommandMalformed(
            f"{folder} 已存在且不是演示环境，未作改动；请用 --folder 另选文件夹",
            f"{folder} exists and is not a demo world; nothing was changed, choose another --folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    own = (folder / "keys" / name for name in ("root.json", "passphrase", "auditors.json"))
    for path in (*folder.glob("guitu.db*"), *own):
        path.unlink(missing_ok=True)
    shutil.rmtree(folder / DEMO_AUDIT, ignore_errors=True)
    (folder / DEMO_MARK).write_text("guitu demo\n", encoding="utf-8")


def load_demo_directory(desk: Desk) -> Directory:
    """Put the shipped demo directory into the database."""
    return load_directory(desk, demo_directory())


def load_directory(desk: Desk, path: Path) -> Directory:
    """Replace the unit directory by a file. Raises :class:`DirectoryBroken` with nothing changed."""
    directory = read_directory(path)
    with desk.changing(Account("directory:load", details={"units": len(directory.units)})) as work:
        before = work.load_directory()
        work.save_directory(directory)
        refresh(work, before, directory, desk.clock())
    desk.forget()
    return directory


def units(desk: Desk, area: str | None = None, actor: Actor | None = None) -> list[UnitLine]:
    """The units of the directory, or those that serve one area: its own and those above it.

    Raises :class:`UnitUnknown` for an area that is none, :class:`NotPermitted`.
    """
    account = Account("directory:show", actor)
    with desk.reading(account) as work:
        permit_act(desk, account, work, "read_directory", "caseworker")
        directory = work.load_directory()
    wanted = None if area is None else {one.code for one in directory.upward(area)}
    return [
        UnitLine(
            unit.id, Label(zh=unit.name().zh, en=unit.name().en), unit.jurisdiction,
            _area(directory.jurisdictions[unit.jurisdiction]), tuple(sorted(unit.functions)), unit.merged_into,
        )
        for unit in directory.units.values()
        if wanted is None or unit.jurisdiction in wanted
    ]  # fmt: skip


def unit_page(
    desk: Desk, area: str | None, actor: Actor, *, after: str | None = None
) -> tuple[list[UnitLine], str | None]:  # fmt: skip
    """The same page by page, in the order of their codes, with the mark of the next page.

    ``after`` is that of the page before. Raises what :func:`units` raises, and :class:`CommandMalformed`.
    """
    return cut(units(desk, area, actor), lambda one: one.id, after, UNITS_ON_A_PAGE)


def _area(area: Jurisdiction) -> Label:
    return Label(zh=area.zh, en=area.en)


def parameters(desk: Desk, library: Library, name: str, actor: Actor | None = None) -> list[ParameterLine]:
    """The local settings of a definition. Raises :class:`DefinitionUnknown`, :class:`NotPermitted`."""
    book = find(library, name).definition
    account = Account("parameter:list", actor)
    with desk.reading(account) as work:
        permit_act(desk, account, work, "read_parameters", "administrator")
        return _parameter_lines(book, work)


def _parameter_lines(book: Definition, work: Work) -> list[ParameterLine]:
    stated = work.settings_of(book.id)
    return [
        ParameterLine(
            key, parameter.title, parameter.type, parameter.default, stated.get(key, parameter.default), key in stated,
            parameter.open,
        )
        for key, parameter in book.parameters.items()
    ]  # fmt: skip


def set_parameter(
    desk: Desk, library: Library, name: str, *, parameter: str, raw: RawValue, actor: Actor
) -> ParameterLine:
    """Set a local setting. It is the deployer's choice and never a rule of the document."""
    book = find(library, name).definition
    known = book.parameters.get(parameter)
    if known is None:
        listed = ", ".join(book.parameters)
        raise CommandMalformed(f"没有参数 {parameter}；有：{listed}", f"no parameter {parameter}; there are: {listed}")
    value = _setting(parameter, known, raw)
    account = Account("parameter:set", actor, details={"definition": book.id, "parameter": parameter})
    with desk.changing(account) as work:
        permit_act(desk, account, work, "set_parameter", "administrator")
        work.set_setting(book.id, parameter, value, set_by=f"{actor.person}@{actor.unit}", set_at=desk.clock())
        lines = _parameter_lines(book, work)
    desk.forget()
    return next(line for line in lines if line.name == parameter)


def _setting(name: str, parameter: Parameter, raw: RawValue) -> object:
    kind: Literal["bool", "int", "text"] = {"bool": "bool", "code": "text"}.get(parameter.type, "int")  # type: ignore[assignment]
    value = read_value(name, Fact(title=parameter.title, type=kind, field_class="administrative"), raw)
    if parameter.type == "days" and isinstance(value, int) and value < 0:
        raise CommandMalformed(f"{name}：天数不能为负", f"{name}: a number of days is not negative")
    return value


def doctor(
    url: str, now: datetime, load_library: Callable[[], Library], *, key_file: Path | None = None,
    auditors_file: Path | None = None,
) -> list[Check]:  # fmt: skip
    """Look at everything an installation stands on; a fault is a line, never an exception of its own."""
    checks = [_python(), _clock(now)]
    library = _attempt("definitions", load_library, checks, lambda found: _count(found, "流程定义", "definitions"))
    revision = _attempt("schema", lambda: _at_head(url), checks, lambda at: (f"最新（{at}）", f"at head ({at})"))
    if revision is None:
        return checks
    database = _attempt("database", lambda: Database.open(url), checks, lambda found: (found.kind, found.kind))
    if database is None:
        return checks
    with database:
        checks += _embedded(database)
        checks += _trial(database)
        if key_file is not None:
            checks.append(_keys(database, key_file))
        if auditors_file is not None:
            checks.append(_auditors(Auditors(auditors_file)))
        checks += _ledger(database, now)
        directory = _attempt("directory", lambda: _directory(database), checks, _directory_words)
        shelf = {one.hash: one.definition for one in library.definitions} if library is not None else {}
        released = _attempt("releases", lambda: _released(database, shelf), checks, _released_words)
    if directory is not None and library is not None:
        checks += _resolving(directory, library)
    if directory is not None and released is not None:
        checks += _not_released(directory, released)
    return checks


def _trial(database: Database) -> Iterator[Check]:
    """Say so when whoever is not enrolled is taken at her word here."""
    with database.reading() as work:
        is_trial = work.is_trial()
    if is_trial:
        zh, en = "试验环境：未登记者也可自报身份办理，不得存放真实个案", "a world for trial: no real case belongs here"
        yield Check("trial", "warn", Label(zh=zh, en=en))


def _keys(database: Database, key_file: Path) -> Check:
    """Whether the key file is where it should be; it is not opened for this."""
    with database.reading() as work:
        is_sealed = bool(work.vault_keys())
    if not key_file.is_file():
        zh, en = f"没有密钥文件 {key_file}", f"there is no key file {key_file}"
        if is_sealed:
            said = Label(zh=f"{zh}，数据无法打开：请放回原文件", en=f"{en}, nothing can be opened: put it back")
            return Check("keys", "bad", said)
        return Check("keys", "warn", Label(zh=f"{zh}：请执行 guitu keys init", en=f"{en}: run guitu keys init"))
    if key_file.stat().st_mode & 0o077:
        zh, en = f"他人可读 {key_file}：请 chmod 600", f"others may read {key_file}: chmod 600 it"
        return Check("keys", "bad", Label(zh=zh, en=en))
    return Check("keys", "ok", Label(zh=f"密钥文件 {key_file}", en=f"key file {key_file}"))


def _auditors(auditors: Auditors) -> Check:
    """Whether anybody reads the ledger: without an auditor nothing is entered, and so nothing is done."""
    try:
        many = len(auditors.keys())
    except GuituError as error:
        return Check("auditors", "bad", Label(zh=error.zh, en=error.en))
    return Check("auditors", "ok", Label(zh=f"审计人 {many} 名", en=f"{many} auditors"))


def _ledger(database: Database, now: datetime) -> Iterator[Check]:
    """Whether somebody sequences and signs; work goes on without, so a person must be told."""
    with database.reading() as work:
        head, (waiting, oldest), last = work.ledger_head(), work.outbox_waiting(), work.last_checkpoint()
    size = head.size if head is not None else 0
    is_late = oldest is not None and now - oldest > LEDGER_LATE
    zh, en = f"审计账 {size} 条，待编入 {waiting} 条", f"ledger of {size} entries, {waiting} wait for their place"
    if is_late:
        zh, en = f"{zh}，且已久等：请启动 guitu worker", f"{en}, too long: start guitu worker"
    yield Check("sequencer", "warn" if is_late else "ok", Label(zh=zh, en=en))
    if size and (last is None or now - last.renewed_at > SIGNER_LATE):
        since = "-" if last is None else last.renewed_at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
        zh = f"检查点久未签署（上次 {since}）：请启动 guitu signer run"
        en = f"no checkpoint was signed for long (last {since} in China): start guitu signer run"
        yield Check("signer", "warn", Label(zh=zh, en=en))
    elif last is not None:
        yield Check("signer", "ok", Label(zh=f"检查点签到第 {last.size} 条", en=f"signed up to {last.size} entries"))


def _attempt(name: str, ask: Callable[[], T], checks: list[Check], say: Callable[[T], tuple[str, str]]) -> T | None:
    try:
        found = ask()
    except GuituError as error:
        checks.append(Check(name, "bad", Label(zh=error.zh, en=error.en)))
        return None
    zh, en = say(found)
    checks.append(Check(name, "ok", Label(zh=zh, en=en)))
    return found


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    state: Literal["ok", "bad"] = "ok" if sys.version_info >= LEAST_PYTHON else "bad"
    return Check("python", state, Label(zh=f"Python {version}（须 3.11 以上）", en=f"Python {version} (3.11 or newer)"))


def _clock(now: datetime) -> Check:
    shown = now.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
    state: Literal["ok", "bad"] = "ok" if now.utcoffset() is not None else "bad"
    return Check("clock", state, Label(zh=f"北京时间 {shown}", en=f"{shown} in China (UTC+8)"))


def _count(library: Library, zh: str, en: str) -> tuple[str, str]:
    names = ", ".join(loaded.name for loaded in library.definitions) or "-"
    return f"{zh}：{names}（与 released.lock 相符）", f"{en}: {names} (as released.lock says)"


def _at_head(url: str) -> str:
    with Database.open(url):
        return migrate.head()


def _embedded(database: Database) -> Iterator[Check]:
    for name, value, wanted in durability(database):
        right = value == wanted
        zh = f"数据库设置 {name} = {value}" if right else f"数据库设置 {name} = {value}，应为 {wanted}"
        en = f"setting {name} = {value}" if right else f"setting {name} = {value}, must be {wanted}"
        yield Check(name, "ok" if right else "bad", Label(zh=zh, en=en))


def _directory(database: Database) -> Directory:
    with database.reading() as work:
        found = work.load_directory()
    if not found.units:
        raise UnitUnknown("单位目录为空；请运行 guitu directory load", "no directory: run guitu directory load FILE")
    return found


def _directory_words(found: Directory) -> tuple[str, str]:
    areas, many = len(found.jurisdictions), len(found.units)
    return f"{areas} 个地区，{many} 个单位", f"{areas} areas, {many} units"


def _released(database: Database, shelf: Mapping[str, Definition]) -> Released:
    with database.reading() as work:
        return read_released(work, shelf)


def _released_words(found: Released) -> tuple[str, str]:
    count = len(found.releases)
    return f"{count} 个已发布流程定义，签名均有效", f"{count} released definitions, every signature is valid"


def _not_released(directory: Directory, released: Released) -> Iterator[Check]:
    """Definitions that the directory names for an area and that were never released here: no case may open on them."""
    named = {area.definition for area in directory.jurisdictions.values()} - {None}
    for missing in sorted(str(one) for one in named - {one.id for one in released.releases}):
        zh = f"流程定义 {missing} 尚未在本系统发布，不能据以立案；见 guitu definitions release"
        en = f"definition {missing} is not released here, no case may open on it: see guitu definitions release"
        yield Check(f"released:{missing}", "warn", Label(zh=zh, en=en))


def _resolving(directory: Directory, library: Library) -> Iterator[Check]:
    """Whether every function that a definition gives work to is served in every area it applies in."""
    books = {loaded.definition.id: loaded.definition for loaded in library.definitions}
    for area in directory.jurisdictions:
        book = books.get(directory.definition_for(area) or "")
        missing = [] if book is None else _unserved(book, directory, area)
        if missing:
            name = _area(directory.jurisdictions[area])
            listed = ", ".join(missing)
            yield Check(
                f"units:{area}", "warn",
                Label(zh=f"{name.zh}：无单位承担 {listed}", en=f"{name.en}: no unit for {listed}"),
            )  # fmt: skip


def _unserved(book: Definition, directory: Directory, area: str) -> list[str]:
    asked = {step.responsible for track in book.tracks.values() for step in track.steps.values()}
    asked |= {duty.responsible for duty in book.duties.values()}
    return sorted(one for one in asked if one is not None and directory.resolve(one, area) is None)


def plain_details(details: Mapping[str, object]) -> dict[str, Any]:
    """An error's details as JSON can hold them; findings are left to :func:`findings_of`."""
    return {
        name: value if isinstance(value, str | int | float | bool | None) else _listed(value)
        for name, value in details.items()
        if name not in ("findings", "failures")
    }


def _listed(value: object) -> object:
    return [str(one) for one in value] if isinstance(value, list | tuple | set | frozenset) else str(value)
