"""Files of a case through the REST door: they come in and go out as bytes, under names that are nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from api.http.shapes.files import MEDIA_TYPES, disposition_of, name_in
from engine.errors import RequestMalformed
from engine.service import attachments
from engine.service.attachments import Attachment
from engine.vault.filetypes import TYPES
from tests.core.play import START
from tests.http.conftest import Site, problem
from tests.service.desks import opened

POLICE, JUSTICE, ELSEWHERE = "officer-1@police-a", "officer-3@justice", "officer-5@police-n"
TEXT = ("说明。\n" * 20_000).encode()
"""More than three chunks of a stored file."""
NAME = "情况说明.txt"


@pytest.fixture
def files(standing: Site) -> str:
    """Give the address of the files of a new case."""
    return f"/api/v1/cases/{opened(standing.desk)}/files"


def _named(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Type": "application/octet-stream",
    }


def _stored(standing: Site) -> set[Path]:
    folder = standing.desk.attachments
    assert folder is not None
    return {path for path in folder.rglob("*") if path.is_file()}


def _in_pieces(content: bytes) -> Iterator[bytes]:
    yield from (content[place : place + 7000] for place in range(0, len(content), 7000))


def test_a_file_comes_in_and_goes_out_as_it_was(standing: Site, files: str) -> None:
    added = standing.as_(POLICE).post(files, content=_in_pieces(TEXT), headers=_named(NAME))
    assert added.status_code == 201, added.text
    reference = added.json()["attachment"]
    assert added.headers["location"] == f"{files}/{reference}"
    assert added.headers["etag"] == '"2"'
    (listed,) = standing.as_(POLICE).get(files).json()["items"]
    assert (listed["attachment"], listed["name"], listed["kind"], listed["size"]) == (reference, NAME, "txt", len(TEXT))
    out = standing.as_(POLICE).get(f"{files}/{reference}")
    assert out.content == TEXT
    assert out.headers["content-type"] == "text/plain; charset=utf-8"
    assert out.headers["content-length"] == str(len(TEXT))
    assert out.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(NAME)}"
    assert (out.headers["x-content-type-options"], out.headers["cache-control"]) == ("nosniff", "no-store")
    problem(standing.as_(POLICE).get(f"{files}/{'0' * 32}"), 404, "attachment_unknown")
    problem(standing.as_(ELSEWHERE).get(f"{files}/{reference}"), 404, "case_unknown")
    assert standing.as_(JUSTICE).get(f"{files}/{reference}").status_code == 403


def test_a_file_sent_twice_with_one_key_is_kept_once(standing: Site, files: str) -> None:
    keyed = _named(NAME) | {"Idempotency-Key": "file-1", "If-Match": '"1"'}
    first, again = (standing.as_(POLICE).post(files, content=TEXT, headers=keyed) for _ in range(2))
    assert first.json()["attachment"] == again.json()["attachment"]
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert len(standing.as_(POLICE).get(files).json()["items"]) == 1
    late = standing.as_(POLICE).post(files, content=TEXT, headers=_named(NAME) | {"If-Match": '"1"'})
    assert problem(late, 412, "stale_revision")["revision"] == 2


def test_what_may_not_be_attached_is_refused_and_leaves_nothing(
    standing: Site, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, before = standing.as_(POLICE).post, _stored(standing)
    problem(send(files, content=b"MZ\x90\x00", headers=_named("a.pdf")), 422, "attachment_refused")
    problem(send(files, content=TEXT, headers=_named("no ending")), 422, "attachment_refused")
    problem(send(files, content=TEXT, headers={"Content-Type": "application/octet-stream"}), 422, "request_invalid")
    bad = {**_named(NAME), "Content-Disposition": "form-data; name=file"}
    problem(send(files, content=TEXT, headers=bad), 400, "request_malformed")
    monkeypatch.setattr(attachments, "LARGEST", 1000)
    problem(send(files, content=_in_pieces(TEXT), headers=_named(NAME)), 422, "attachment_refused")
    assert standing.as_(POLICE).get(files).json()["items"] == []
    assert _stored(standing) == before


def test_a_stored_file_that_was_changed_does_not_go_out(standing: Site, files: str) -> None:
    reference = standing.as_(POLICE).post(files, content=TEXT, headers=_named(NAME)).json()["attachment"]
    (path,) = (one for one in _stored(standing) if one.name == reference)
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    problem(standing.as_(POLICE).get(f"{files}/{reference}"), 500, "content_unreadable")
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    broken_off = standing.as_(POLICE).get(f"{files}/{reference}")
    assert len(broken_off.content) < int(broken_off.headers["content-length"])
    assert TEXT.startswith(broken_off.content)


def test_every_kind_of_file_goes_out_as_what_it_is() -> None:
    assert set(MEDIA_TYPES) == set(TYPES)


@pytest.mark.parametrize("name", [NAME, "a b.pdf", "100%.png", "𠮷·x.docx", 'quote".txt', "a;b.txt"])
def test_a_name_comes_back_as_it_went_out(name: str) -> None:
    shown = Attachment("0" * 32, name, "txt", 1, START, "police-a", "officer-1")
    assert name_in(disposition_of(shown)) == name


@pytest.mark.parametrize(
    "words",
    [
        "", "attachment", "attachment; filename*=UTF-8''%ff", "attachment; filename*=gb18030''a.txt",
        'attachment; filename="a.txt"; filename*=UTF-8\'\'b.txt', "attachment; filename*=UTF-8''%E8",
        'attachment; filename="情.txt"', "attachment; filename*=UTF-8''a b.txt",
    ],
)  # fmt: skip
def test_a_disposition_that_leaves_the_name_open_is_refused(words: str) -> None:
    with pytest.raises(RequestMalformed):
        name_in(words)
    assert name_in('attachment; filename="a.txt"') == "a.txt"
