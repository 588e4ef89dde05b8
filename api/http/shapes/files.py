"""The files of a case as they go out, and the name of one as it comes in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import quote, unquote

from pydantic import ConfigDict, Field

from api.http.shapes.plain import Shown
from engine.errors import RequestMalformed
from engine.service.attachments import Attachment

MEDIA_TYPES: Mapping[str, str] = {
    "pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png", "heic": "image/heic",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "txt": "text/plain; charset=utf-8",
}  # fmt: skip
"""As what each kind of file goes out; the kind was judged by the content when it came in."""
_NAMED = re.compile(
    r"(?:attachment|inline)\s*;\s*filename(?:\*=utf-8'[A-Za-z-]*'([A-Za-z0-9!#$&+.^_`|~%-]+)|=\"([ !#-\[\]-~]+)\")\s*",
    re.IGNORECASE,
)
NAMED_PATTERN = (
    r"^attachment; filename(\*=UTF-8'[a-z]{0,8}'([A-Za-z0-9._~-]|%[2-7][0-9A-F]){1,100}|=\"[ !#-\[\]-~]{1,100}\")$"
)
"""How the description tells programs to write the name: somewhat narrower than what is read."""


class FileShown(Shown):
    """A file of a case."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "attachment": "0f3a5c7e9b1d2f480f3a5c7e9b1d2f48", "name": "report.pdf", "kind": "pdf",
                    "size": 48213, "added_at": "2026-11-21T01:00:00Z", "unit": "police-a", "person": "officer-1",
                }
            ]
        }
    )  # fmt: skip

    attachment: str = Field(description="附件代号。 Its reference, which stands in its address.")
    name: str
    kind: str = Field(description="按内容判定的类型。 What it is, judged by its content.", examples=sorted(MEDIA_TYPES))
    size: int = Field(description="字节数。 In bytes.")
    added_at: datetime
    unit: str
    person: str


class FilesShown(Shown):
    """The files of a case, the oldest first."""

    case: str
    items: list[FileShown]


def files_shown(case: str, found: Iterable[Attachment]) -> FilesShown:
    """The files of a case as they go out."""
    return FilesShown(case=case, items=[_file(one) for one in found])


def _file(one: Attachment) -> FileShown:
    return FileShown(
        attachment=one.id, name=one.name, kind=one.kind, size=one.size, added_at=one.added_at, unit=one.unit,
        person=one.person,
    )  # fmt: skip


def name_in(disposition: str) -> str:
    """The name of a file in a ``Content-Disposition`` (RFC 6266): ``filename*`` of RFC 8187, or plain ASCII.

    Raises :class:`RequestMalformed`, which repeats nothing.
    """
    found = _NAMED.fullmatch(disposition.strip())
    try:
        if found is not None:
            return found[2] or unquote(found[1], errors="strict")
    except UnicodeDecodeError:
        pass
    raise RequestMalformed(
        "Content-Disposition 应写成 attachment; filename*=UTF-8''（按 RFC 8187 编码的文件名）",
        "Content-Disposition is attachment; filename*=UTF-8'' and the name of the file encoded by RFC 8187",
        place="header Content-Disposition",
    )


def disposition_of(one: Attachment) -> str:
    """The ``Content-Disposition`` under which a file goes out: to be kept, never to be shown in the page."""
    return f"attachment; filename*=UTF-8''{quote(one.name, safe='')}"
