"""Verifying a bundle of the ledger, away from the program that wrote it: ``python -m api.verify BUNDLE …``.

It needs the project's wheel, cryptography and rfc3161-client, and nothing else: no database, no network. The formats
are described in docs/audit-format.md. Exit codes: 0 everything is right, 1 something is wrong, 2 something could not
be checked, 3 not asked in the right form.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from engine.ledger.auditor_file import BadKeyFile, needs_passphrase, read_key
from engine.ledger.bundle import Damaged
from engine.ledger.canonical import NotCanonical, encode, time_of
from engine.ledger.exports import BadExport, Digests, Salts, read_digests, read_salts
from engine.ledger.note import BadNote, VerifierKey
from engine.ledger.streams import AuditorKey
from engine.ledger.verifying.brought import Brought
from engine.ledger.verifying.looking import Seen, Wanted, find, look
from engine.ledger.verifying.report import BAD, GOOD, OPEN, USAGE, Check, Finding, Place, Report
from engine.ledger.verifying.sentences import CHECKS, COUNTS, STATES, VERDICTS, WORDS, Label, pick, sentence
from engine.ledger.verifying.verifier import verify

T = TypeVar("T")
PASSPHRASE = "GUITU_AUDITOR_PASSPHRASE"
_MOST_KEY_FILE = 1024 * 1024
_HELP: dict[str, Label] = {
    "verify": ("离线核对审计包", "verify a bundle of the ledger, offline"),
    "open": ("打开审计包中的一条记录", "open one entry of a bundle"),
    "find": ("查找审计包中的记录", "find entries of a bundle"),
    "bundle": ("审计包", "the bundle"),
    "log-key": ("审计账公钥，或存放它的文件", "the log's public key, or a file that holds it"),
    "witness": ("见证方公钥，或存放它的文件；可重复", "public key of a witness, or a file with it; may be repeated"),
    "remembered": ("您上次保存的检查点；无不符时写入新的", "your checkpoint of last time; the new one goes there"),
    "first": ("首次核对，没有上次的检查点", "the first time: there is no checkpoint of last time"),
    "key": ("审计人私钥文件；可重复", "file of an auditor's private key; may be repeated"),
    "salts": ("对象盐文件", "file of salts"),
    "digests": ("对账摘要文件", "file of digests"),
    "tsa-root": ("时间戳机构根证书（PEM）；可重复", "root certificate (PEM) of a timestamp authority; may be repeated"),
    "json": ("以 JSON 输出", "print JSON"),
    "language": ("语言", "language"),
    "number": ("条目编号，从 0 起", "number of the entry, from 0"),
    "case": ("个案", "case"), "person": ("人员", "person"), "unit": ("单位", "unit"), "actor": ("操作人", "who acted"),
    "act": ("操作", "act"), "outcome": ("结果", "outcome"),
    "since": ("自（2026-01-31T08:00:00.000Z，含）", "from then on (2026-01-31T08:00:00.000Z)"),
    "until": ("至（含）", "up to then"),
}  # fmt: skip


class _Usage(Exception):
    """Not asked in the right form, or a file is not what it should be; with 中文 and English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.label: Label = (zh, en)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Usage(f"参数不对：{message}", message)


def run(arguments: list[str], language: str = "zh") -> int:
    """Carry out ``[verify] BUNDLE …``, ``open BUNDLE …`` or ``find BUNDLE …``, and give the exit code."""
    spoken = _language_of(arguments, language)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {"verify": _verify, "open": _open, "find": _find}
    name = arguments[0] if arguments and arguments[0] in commands else "verify"
    rest = arguments[1:] if arguments and arguments[0] in commands else arguments
    try:
        return commands[name](_parser(name, spoken).parse_args(rest))
    except _Usage as wrong:
        print(pick(wrong.label, spoken), file=sys.stderr)
        return USAGE
    except SystemExit as asked_for_help:
        return GOOD if not asked_for_help.code else USAGE


def _language_of(arguments: list[str], language: str) -> str:
    """The language of usage errors too, which come before the arguments are understood."""
    at = arguments.index("--language") + 1 if "--language" in arguments else len(arguments)
    return arguments[at] if at < len(arguments) and arguments[at] in ("zh", "en") else language


def _parser(name: str, language: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=f"guitu audit {name}", description=pick(_HELP[name], language), allow_abbrev=False)

    def option(flag: str, **more: Any) -> None:
        parser.add_argument(f"--{flag}", help=pick(_HELP[flag], language), **more)

    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help=pick(_HELP["bundle"], language))
    option("key", metavar="FILE", type=Path, action="append", default=[])
    option("salts", metavar="FILE", type=Path)
    option("json", action="store_true")
    option("language", choices=["zh", "en"], default=language)
    if name == "verify":
        option("log-key", metavar="TEXT|FILE")
        option("witness", metavar="TEXT|FILE", action="append", default=[])
        option("remembered", metavar="FILE", type=Path)
        option("first", action="store_true")
        option("digests", metavar="FILE", type=Path)
        option("tsa-root", metavar="FILE", type=Path, action="append", default=[])
    elif name == "open":
        option("number", metavar="N", type=int, required=True)
    else:
        for flag in ("case", "person", "unit", "actor", "act", "outcome", "since", "until"):
            option(flag)
    return parser


# ── verify ──


def _verify(asked: argparse.Namespace) -> int:
    with ExitStack() as files:
        return _verify_with(asked, files)


def _verify_with(asked: argparse.Namespace, files: ExitStack) -> int:
    digests: Digests | None = None
    remembered = asked.remembered
    is_there = remembered is not None and remembered.exists()
    if asked.digests is not None:
        lines = files.enter_context(_opened(asked.digests))
        digests = _exported(lambda: read_digests(lines), asked.digests)
    brought = Brought(
        log_key=None if asked.log_key is None else _verifier_key(asked.log_key),
        witnesses=[_verifier_key(one) for one in asked.witness],
        remembered=_bytes(remembered) if is_there else None,
        is_first=asked.first, keys=_keys(asked), salts=_salts(asked), digests=digests,
        roots=[_bytes(one) for one in asked.tsa_root],
    )  # fmt: skip
    report = verify(files.enter_context(_opened(asked.bundle)).read, brought)
    is_kept = remembered is not None and (is_there or asked.first) and report.is_to_be_remembered
    if is_kept and report.checkpoint is not None:
        _replace(remembered, report.checkpoint)
    if asked.json:
        print(json.dumps(_as_data(report, is_kept), ensure_ascii=False, indent=1))
    else:
        _print(report, asked.language, remembered if is_kept else None)
    return report.exit_code


def _print(report: Report, language: str, kept: Path | None) -> None:
    for check in report.checks:
        counts = "，".join if language == "zh" else ", ".join
        told = counts(f"{pick(COUNTS[name], language)} {number}" for name, number in _counts(check).items())
        state, name = pick(STATES[check.state], language), pick(CHECKS[check.name], language)
        print(f"{state:<4}  {name}  {told}".rstrip())
        for listed, sort in ((check.faults, "fault"), (check.gaps, "gap"), (check.notes, "note")):
            for one in listed:
                print(f"      {sentence(one, language)}")
            if check.found[sort] > len(listed):
                print(pick(("      …… 共 {} 处", "      … {} in all"), language).format(check.found[sort]))
    if kept is not None:
        print(pick(("已记住检查点：{}", "checkpoint remembered: {}"), language).format(kept))
    print(pick(VERDICTS[report.exit_code], language))


def _counts(check: Check) -> dict[str, int]:
    return {**({"checked": check.checked} if check.checked else {}), **check.counts}


def _as_data(report: Report, is_kept: bool) -> dict[str, Any]:
    return {
        "exit": report.exit_code,
        "verdict": {"zh": VERDICTS[report.exit_code][0], "en": VERDICTS[report.exit_code][1]},
        "origin": report.origin,
        "size": report.size,
        "root": report.root.hex() if report.root else None,
        "told_not_proved": report.told,
        "is_remembered": is_kept,
        "checks": [_check_data(one) for one in report.checks],
    }


def _check_data(check: Check) -> dict[str, Any]:
    sorts = (("fault", check.faults), ("gap", check.gaps), ("note", check.notes))
    return {
        "name": check.name,
        "zh": CHECKS[check.name][0],
        "en": CHECKS[check.name][1],
        "state": check.state,
        "counts": _counts(check),
        **{f"{sort}s": [_finding_data(one) for one in listed] for sort, listed in sorts},
        **{f"{sort}_count": check.found[sort] for sort, _ in sorts},
    }


def _finding_data(finding: Finding) -> dict[str, Any]:
    place = {name: value for name, value in asdict(finding.place).items() if value is not None}
    zh, en = WORDS[finding.word]
    return {"word": finding.word, "zh": zh, "en": en, "detail": finding.detail, **place}


# ── open, find ──


def _open(asked: argparse.Namespace) -> int:
    keys, salts = _needed_keys(asked), _salts(asked)
    with _opened(asked.bundle) as file:
        try:
            found = next((one for one in look(file.read, keys, salts) if one.number == asked.number), None)
        except Damaged as damage:
            return _told_damage(damage, asked.language)
    if found is None:
        raise _Usage(f"审计包没有条目 {asked.number}", f"the bundle has no entry {asked.number}")
    _tell(found, asked.json, asked.language)
    return GOOD if found.event is not None else OPEN


def _find(asked: argparse.Namespace) -> int:
    wanted = Wanted(
        asked.case, asked.person, asked.unit, asked.actor, asked.act, asked.outcome,
        _moment(asked.since, "--since"), _moment(asked.until, "--until"),
    )  # fmt: skip
    keys, salts = _needed_keys(asked), _salts(asked)
    if salts is None and (asked.case or asked.person):
        raise _Usage("按个案或人员查找须提供 --salts", "--case and --person need --salts")
    with _opened(asked.bundle) as file:
        try:
            for one in find(file.read, keys, salts, wanted):
                _tell(one, asked.json, asked.language)
        except Damaged as damage:
            return _told_damage(damage, asked.language)
    return GOOD


def _tell(seen: Seen, as_json: bool, language: str) -> None:
    """One entry: on one line of JSON, or as lines for people."""
    subjects = [
        None if one is None else {"case": one.case, "person": one.person, "field_classes": sorted(one.field_classes)}
        for one in seen.subjects
    ]
    header = seen.header
    stream = header and {
        "kind": header.kind.name.lower(), "stream": header.stream_id.hex(), "seq": header.stream_seq,
        "key_index": header.key_index,
    }  # fmt: skip
    if as_json:
        told = {"number": seen.number, "header": stream, "event": seen.event, "why": seen.word, "subjects": subjects}
        print(json.dumps(told, ensure_ascii=False, sort_keys=True))
        return
    place = Place(seen.number, header.stream_id.hex()[:8] if header else None, header.stream_seq if header else None)
    print(sentence(Finding(seen.word, place), language) if seen.word else _line_of(seen, place, language))
    if seen.event is not None:
        print(f"  {encode(seen.event).decode()}")
    for one in subjects:
        unknown = pick(("（没有此个案的盐）", "(no salt of this case)"), language)
        print(f"  {unknown if one is None else json.dumps(one, ensure_ascii=False)}")


def _line_of(seen: Seen, place: Place, language: str) -> str:
    kind = seen.header.kind.name.lower() if seen.header else "-"
    act = seen.event.get("act") if seen.event else "-"
    return f"{pick(('条目', 'entry'), language)} {seen.number}  {kind}  {place.stream}/{place.seq}  {act}"


def _told_damage(damage: Damaged, language: str) -> int:
    print(sentence(Finding(f"bundle:{damage.what}", Place(byte=damage.at)), language), file=sys.stderr)
    return OPEN if damage.what == "cut short" else BAD


# ── files and keys ──


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise _Usage(f"无法读取 {path}", f"{path} cannot be read: {error.strerror}") from None


def _bytes(path: Path) -> bytes:
    with _opened(path) as file:
        found = file.read(_MOST_KEY_FILE + 1)
    if len(found) > _MOST_KEY_FILE:
        raise _Usage(f"{path} 过大", f"{path} is too large")
    return bytes(found)


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all, also when the power goes."""
    beside = path.with_name(f"{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise _Usage(f"无法写入 {path}", f"{path} cannot be written: {error.strerror}") from None


def _verifier_key(text: str) -> VerifierKey:
    """A public key as it is written, or the file that holds it."""
    path = Path(text)
    try:
        is_file = path.is_file()
    except OSError:  # too long to be the name of one
        is_file = False
    written = _bytes(path).decode("utf-8", "replace").strip() if is_file else text
    try:
        return VerifierKey.from_text(written)
    except BadNote:
        raise _Usage("公钥不是规定的写法：名称+编号+…", "not a public key as it is written: NAME+ID+…") from None


def _needed_keys(asked: argparse.Namespace) -> list[AuditorKey]:
    keys = _keys(asked)
    if not keys:
        raise _Usage("须提供 --key", "--key is needed")
    return keys


def _keys(asked: argparse.Namespace) -> list[AuditorKey]:
    return [_key(path) for path in asked.key]


def _key(path: Path) -> AuditorKey:
    data = _bytes(path)
    try:
        return read_key(data, _passphrase(path) if needs_passphrase(data) else None)
    except BadKeyFile as bad:
        zh, en = WORDS[f"key file:{bad.why}"]
        raise _Usage(f"{path}：{zh}", f"{path}: {en}") from None


def _passphrase(path: Path) -> str:
    given = os.environ.get(PASSPHRASE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise _Usage(
            f"没有终端可输入口令；请用环境变量 {PASSPHRASE}", f"no terminal to ask for the passphrase: {PASSPHRASE}"
        )
    return getpass.getpass(f"{path}: ")


def _salts(asked: argparse.Namespace) -> Salts | None:
    if asked.salts is None:
        return None
    with _opened(asked.salts) as file:
        return _exported(lambda: read_salts(file), asked.salts)


def _exported(read: Callable[[], T], path: Path) -> T:
    try:
        return read()
    except BadExport as bad:
        zh, en = WORDS[f"export:{bad.why}"]
        raise _Usage(f"{path} 第 {bad.line} 行：{zh}", f"{path}, line {bad.line}: {en}") from None


def _moment(text: str | None, flag: str) -> datetime | None:
    if text is None:
        return None
    try:
        return time_of(text, flag)
    except NotCanonical:
        raise _Usage(f"{flag} 应写成 2026-01-31T08:00:00.000Z", f"{flag} is written 2026-01-31T08:00:00.000Z") from None


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
