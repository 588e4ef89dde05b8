"""What a file is by its content: the allowed kinds, and everything that only looks like one or is more than one."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import AttachmentRefused
from engine.vault.filetypes import TYPES, kind_of

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
WITH_MACROS = "application/vnd.ms-word.document.macroEnabled.main+xml"


def pdf() -> bytes:
    return b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*, before: bytes = segment(0xE0, b"JFIF\0"), frame: bytes = segment(0xC0, b"frame")) -> bytes:
    return b"\xff\xd8" + before + frame + segment(0xDA, b"scan") + b"picture\xff\xd9"


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*inner: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + b"".join(inner) + chunk(b"IDAT", b"x") + chunk(b"IEND")


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def heic(brands: bytes = b"heic\0\0\0\0mif1heic", inner: bytes = box(b"meta") + box(b"mdat", b"picture")) -> bytes:
    return box(b"ftyp", brands) + inner


def listing(*types: str) -> bytes:
    rows = "".join(f'<Override PartName="/part{number}" ContentType="{one}"/>' for number, one in enumerate(types))
    return f'<?xml version="1.0"?><Types>{rows}</Types>'.encode()


def office(
    *types: str, parts: tuple[str, ...] = ("part0",), listed: bytes | None = None, first: str = "first"
) -> bytes:  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(first, "words")
        archive.writestr("[Content_Types].xml", listing(*types) if listed is None else listed)
        for name in parts:
            archive.writestr(name, "words")
    return out.getvalue()


def archive_of(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, "words")
    return out.getvalue()


GOOD: dict[str, Callable[[], bytes]] = {
    "pdf": pdf, "jpeg": jpeg, "png": png, "heic": heic, "docx": lambda: office(WORD), "xlsx": lambda: office(EXCEL),
    "txt": lambda: "访谈记录\r\n\tsecond line".encode(),
}  # fmt: skip


def kind(content: bytes, name: str) -> str:
    return kind_of(io.BytesIO(content), name)


def judged(content: bytes, name: str) -> str:
    try:
        return kind(content, name)
    except AttachmentRefused:
        return "refused"


def refusal(content: bytes, name: str) -> AttachmentRefused:
    with pytest.raises(AttachmentRefused) as refused:
        kind(content, name)
    return refused.value


def test_every_kind_is_recognised_under_each_of_its_endings() -> None:
    assert set(GOOD) == set(TYPES)
    for name, make in GOOD.items():
        for ending in TYPES[name].endings:
            assert kind(make(), f"文件.{ending}") == name
            assert kind(make(), f"a.b.{ending.upper()}") == name


def test_a_name_whose_ending_contradicts_the_content_is_refused_and_told_what_is_right() -> None:
    for name, make in GOOD.items():
        for other in TYPES:
            if other != name:
                refused = refusal(make(), f"secret-word.{TYPES[other].endings[0]}")
                assert f".{TYPES[name].endings[0]}" in refused.en
                assert f".{TYPES[name].endings[0]}" in refused.zh
                assert "secret-word" not in refused.en + refused.zh
        refusal(make(), "without-ending")
        refusal(make(), f"two.{TYPES[name].endings[0]}.exe")


@pytest.mark.parametrize("whole", ["pdf", "jpeg", "png", "heic", "docx", "xlsx"])
def test_a_file_that_was_cut_is_refused(whole: str) -> None:
    content = GOOD[whole]()
    kept = 7 if whole in ("jpeg", "pdf") else 0  # of a picture its end is not looked at, of a PDF its last line is
    for size in range(len(content) - kept - 1):
        refusal(content[:size], f"f.{TYPES[whole].endings[0]}")


REFUSED = {
    "nothing": (b"", "f.txt"),
    "a program": (b"MZ\x90\0", "f.txt"),
    "a script": (b"#!/bin/sh\n", "f.txt"),
    "a page": (b"\n <!DOCTYPE html><p>", "f.txt"),
    "a drawing": (b"<svg onload='x'/>", "f.txt"),
    "rich text": (b"{\\rtf1 words}", "f.txt"),
    "text in GB 18030": ("访谈记录".encode("gb18030"), "f.txt"),
    "text in UTF-16": ("words".encode("utf-16"), "f.txt"),
    "text with an escape": (b"words\x1b[2J", "f.txt"),
    "text with a zero byte far behind": (b"words " * 30_000 + b"\0", "f.txt"),
    "text cut within a letter": ("访谈".encode()[:-1], "f.txt"),
    "an old picture": (b"GIF89a", "f.png"),
    "a TIFF": (b"II*\0\x08\0\0\0", "f.jpg"),
    "an old document": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "f.docx"),
    "any archive": (archive_of("words.txt"), "f.docx"),
    "a presentation": (office(WORD.replace("wordprocessingml.document", "presentationml.presentation")), "f.docx"),
    "two documents in one": (office(WORD, EXCEL), "f.docx"),
    "macros by type": (office(WITH_MACROS), "f.docx"),
    "macros beside a document": (office(WORD, "application/vnd.ms-office.vbaProject"), "f.docx"),
    "macros that are not listed": (office(WORD, parts=("word/vbaProject.bin",)), "f.docx"),
    "macros of an old workbook": (office(EXCEL, "application/vnd.ms-excel.macrosheet+xml"), "f.xlsx"),
    "controls": (office(WORD, "application/vnd.ms-office.activeX+xml"), "f.docx"),
    "a list of parts with entities": (office(listed=listing(WORD).replace(b"<Types", b"<!DOCTYPE t><Types")), "f.docx"),
    "an archive that says more follows": (office(WORD)[:-2] + b"\x05\0", "f.docx"),
    "a list of parts that is no XML": (office(listed=b"words"), "f.docx"),
    "a list of parts that is too long": (office(listed=listing(WORD) + b" " * (1 << 20)), "f.docx"),
    "two parts of one name": (office(WORD, parts=("part", "PART")), "f.docx"),
    "an archive with something before it": (b"PK before" + office(WORD), "f.docx"),
    "an archive with something behind it": (office(WORD) + b"behind", "f.docx"),
    "a document behind a document": (office(WORD) + office(WORD), "f.docx"),
    "a PDF that is an archive": (pdf() + archive_of("words.txt"), "f.pdf"),
    "an archive whose comment ends a PDF": (pdf() + archive_of("words.txt")[:-2] + b"\x06\0%%EOF\n", "f.pdf"),
    "a picture that is an archive": (jpeg() + office(WORD), "f.jpg"),
    "a picture with a PDF in it": (jpeg(before=segment(0xFE, pdf())), "f.jpg"),
    "a document with a PDF at its head": (office(WORD, first="%PDF-1.4"), "f.docx"),
    "text with a PDF in it": (b"words\n" + pdf(), "f.txt"),
    "a PDF whose end is missing": (b"%PDF-1.7\n" + bytes(2000), "f.pdf"),
    "a JPEG without a frame": (jpeg(frame=b""), "f.jpg"),
    "a JPEG of two beginnings": (jpeg(before=segment(0xD8, b"x")), "f.jpg"),
    "a PNG with something behind it": (png() + b"behind", "f.png"),
    "a PNG of two heads": (png(chunk(b"IHDR", bytes(13))), "f.png"),
    "a PNG without a head": (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND"), "f.png"),
    "a film": (heic(b"isom\0\0\0\0isommp42"), "f.heic"),
    "a HEIC without its description": (heic(inner=box(b"mdat", b"picture")), "f.heic"),
    "a HEIC with something behind it": (heic() + b"behind", "f.heic"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_only_looks_like_a_kind_or_is_more_than_one_is_refused(name: str) -> None:
    refused = refusal(*REFUSED[name])
    assert refused.zh != refused.en
    assert "words" not in refused.en


def test_what_real_files_hold_is_not_refused() -> None:
    assert kind(b"\xef\xbb\xbf" + "带签名的文本".encode(), "f.txt") == "txt"
    assert kind(("字" * 70_000).encode(), "f.txt") == "txt"
    assert kind(jpeg(before=b"\xff\xff" + segment(0xE1, b"x" * 60_000)) + b"what a camera appends", "f.jpg") == "jpeg"
    assert kind(png(chunk(b"tEXt", b"words")), "f.png") == "png"
    long = struct.pack(">I4sQ", 1, b"mdat", 20) + b"film"
    assert kind(heic(b"mif1\0\0\0\0mif1heic", box(b"meta") + long), "f.heif") == "heic"
    assert kind(heic(inner=box(b"meta") + bytes(4) + b"mdat" + b"to the end"), "f.heic") == "heic"
    assert kind(pdf() + b"\r\n" * 20, "f.pdf") == "pdf"


@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\xff\xd8\xff", b"%PDF-", b"\0\0\0\x18ftypheic"]))
def test_whatever_a_file_holds_it_is_judged(content: bytes, begin: bytes) -> None:
    assert judged(begin + content, "f.txt") in ("txt", "refused")


@given(st.sampled_from(["docx", "xlsx"]), st.data())
def test_a_damaged_archive_is_judged_too(which: str, data: st.DataObject) -> None:
    content = bytearray(GOOD[which]())
    for _ in range(3):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert judged(bytes(content), f"f.{which}") in (which, "refused")
