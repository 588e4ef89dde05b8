"""``/api/v1/cases/{case}/files``: the files of a case. Their bytes go through as they come; no plain copy is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from anyio import from_thread
from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from api.http.door import Caller, On, TheDesk, etag
from api.http.problems import problems
from api.http.routes.commanded import REFUSALS, CaseCode, answers, place_of, telling_how_it_stands
from api.http.shapes.answers import AnswerShown, answer_shown
from api.http.shapes.files import MEDIA_TYPES, NAMED_PATTERN, FilesShown, disposition_of, files_shown, name_in
from engine.service import attachments

router = APIRouter(prefix="/cases", tags=["documents"])
_BYTES = {"schema": {"type": "string", "format": "binary", "maxLength": attachments.LARGEST}}
Reference = Annotated[
    str,
    Path(
        max_length=32, description="附件代号。 The reference of a file.", examples=["0f3a5c7e9b1d2f480f3a5c7e9b1d2f48"]
    ),
]


class _Arriving:
    """The body of a request as it arrives, read from a worker thread; one that breaks off raises :class:`OSError`."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end only."""
        if not self._left:
            self._left = from_thread.run(self._next)
        found, self._left = self._left[:size], self._left[size:]
        return found

    async def _next(self) -> bytes:
        try:
            async for piece in self._pieces:
                if piece:
                    return piece
        except ClientDisconnect:
            raise OSError from None
        return b""


@router.post(
    "/{case}/files", operation_id="attach_file", summary="Add a file to a case", status_code=201,
    description="收入附件：请求体即文件内容，文件名写在 Content-Disposition 中，随即加密；文件名不得写姓名、号码。\n\n"
    "Adds a file: the body is its content, its name stands in Content-Disposition; both are encrypted at once. What "
    "kind of file it is, its content says. Never a person's name or number in the name.",
    responses=answers(201, "ETag", "Location", refused=(*REFUSALS, 408, 413, 507)),
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": _BYTES}}},
)  # fmt: skip
def attach_file(
    *, case: CaseCode, desk: TheDesk, actor: Caller, on: On, request: Request, response: Response,
    content_disposition: Annotated[
        str,
        Header(
            max_length=2000, description="RFC 6266/8187.", examples=["attachment; filename*=UTF-8''report.pdf"],
            json_schema_extra={"pattern": NAMED_PATTERN, "maxLength": 400},
        ),
    ],
) -> AnswerShown:  # fmt: skip
    """Add a file to a case, as it arrives."""
    name = name_in(content_disposition)
    with telling_how_it_stands(desk, case, actor):
        answer = attachments.add(
            desk, case, _Arriving(request.stream()), name, actor, expected_revision=on.expected_revision,
            idempotency_key=on.idempotency_key,
        )  # fmt: skip
    response.headers["ETag"] = etag(answer.revision)
    if answer.attachment is not None:
        response.headers["Location"] = place_of(request, "read_file", case=case, attachment=answer.attachment)
    return answer_shown(answer)


@router.get(
    "/{case}/files", operation_id="list_files", summary="List the files of a case",
    description="列出附件：代号、类型、大小、收入者和名称。\n\n"
    "The files of a case: reference, kind, size, who added each, and its name.",
    responses=problems(401, 403, 404, 410, 422),
)  # fmt: skip
def list_files(case: CaseCode, desk: TheDesk, actor: Caller) -> FilesShown:
    """The files of a case, the oldest first."""
    return files_shown(case, attachments.listed(desk, case, actor))


@router.get(
    "/{case}/files/{attachment}", operation_id="read_file", summary="Read a file of a case",
    description="附件内容，解密后逐块送出；不足 Content-Length 的即不完整，应丢弃。\n\n"
    "The content of a file, decrypted piece by piece. What ends before its Content-Length is not whole: drop it.",
    response_class=StreamingResponse,
    responses={
        **problems(401, 403, 404, 410, 422),
        200: {"description": "The content of the file", "content": {one: _BYTES for one in MEDIA_TYPES.values()}},
    },
)  # fmt: skip
def read_file(case: CaseCode, attachment: Reference, desk: TheDesk, actor: Caller) -> StreamingResponse:
    """The content of a file, to be kept and never to be shown as a page."""
    found, pieces = attachments.opened(desk, case, attachment, actor)
    headers = {
        "Content-Disposition": disposition_of(found), "Content-Length": str(found.size),
        "X-Content-Type-Options": "nosniff",
    }  # fmt: skip
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[found.kind], headers=headers)
