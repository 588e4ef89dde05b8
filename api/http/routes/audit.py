"""``/api/v1/audit``: how the ledger stands, and what an auditor takes along.

Entries are sealed to auditors: nobody reads one here. They are read away from here, with the private key of an auditor,
which is sent to no server.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from api.http.door import Caller, TheDesk
from api.http.problems import problems
from api.http.shapes.audit import Kind, LedgerShown, SaltsAsked, file_of, ledger_shown
from engine.service import audit_export

router = APIRouter(prefix="/audit", tags=["audit"])

_IN_MEMORY = 4 * 1024 * 1024
_AT_ONCE = 64 * 1024
_BYTES: Kind = "application/octet-stream"
_LINES: Kind = "application/x-ndjson"
_TAKING = problems(401, 403, 404, 409, 410, 422)


@router.get(
    "/status", operation_id="show_ledger_status", responses=problems(401, 403), summary="How the audit ledger stands",
    description="审计账的状态：已排序、待排序、最近的检查点、有缺口的记录流。\n\n"
    "What has its place and what waits, the last checkpoint, streams that are held back. No entry is read"
    " here: entries are sealed to auditors, who read them away from here with their own private keys.",
)  # fmt: skip
def show_ledger_status(desk: TheDesk, caller: Caller) -> LedgerShown:
    """How the audit ledger stands."""
    return ledger_shown(audit_export.state(desk, caller))


@router.post(
    "/bundles", operation_id="export_bundle", response_class=StreamingResponse,
    responses={**_TAKING, **file_of(_BYTES, "The ledger up to its last checkpoint, every entry still sealed")},
    summary="Take the ledger along as a bundle",
    description="导出审计账至最近的检查点（仍为密文），供离线核验。\n\n"
    "To be verified and read offline, with guitu audit verify, open and find. Every entry in it is still "
    "sealed.",
)  # fmt: skip
def export_bundle(desk: TheDesk, caller: Caller) -> StreamingResponse:
    """Take the ledger along as a bundle."""
    return _taken(lambda write: audit_export.export(desk, write, caller), _BYTES, "ledger.bundle")


@router.post(
    "/digests", operation_id="export_digests", response_class=StreamingResponse,
    responses={**_TAKING, **file_of(_LINES, "A line for every record and person")},
    summary="Take digests of what is on record along",
    description="导出现有记录的对账摘要，与审计账核对。\n\n"
    "Of every record and person as they are now, to be held against what the ledger says was done last.",
)  # fmt: skip
def export_digests(desk: TheDesk, caller: Caller) -> StreamingResponse:
    """Take digests of what is on record along."""
    return _taken(lambda write: audit_export.export_digests(desk, write, caller), _LINES, "ledger.digests")


@router.post(
    "/salts", operation_id="export_salts", response_class=Response,
    responses={**_TAKING, **file_of(_LINES, "A line for every case named")},
    summary="Take the salts of cases along",
    description="释出所列个案的对象盐：审计人据以识别记录所涉个案。\n\n"
    "With them, and a key, an auditor reads whom entries concern. Those of all cases at once are taken at"
    " the machine.",
)  # fmt: skip
def export_salts(desk: TheDesk, caller: Caller, body: SaltsAsked) -> Response:
    """Take the salts of cases along."""
    lines: list[bytes] = []
    audit_export.export_salts(desk, lines.append, body.cases, caller)
    return Response(b"".join(lines), media_type=_LINES, headers=_headers("ledger.salts"))


def _taken(make: Callable[[Callable[[bytes], object]], object], kind: Kind, name: str) -> StreamingResponse:
    """What was exported, as a file: made whole first, so that a refusal is an answer and not half a file."""
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))
        make(file.write)
        stack.pop_all()  # from here on it is closed when the last byte is sent
    file.seek(0)
    return StreamingResponse(_sent(file), media_type=kind, headers=_headers(name))


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while some := file.read(_AT_ONCE):
            yield some


def _headers(name: str) -> dict[str, str]:
    return {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
