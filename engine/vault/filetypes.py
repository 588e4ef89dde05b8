"""What a file is by its content: an allow list of six kinds, each recognised by its structure, not by a few bytes.

=======  ==========================================================================================================
pdf      begins with ``%PDF-``, and ``%%EOF`` stands in the last 1024 bytes (ISO 32000-1, 7.5)
jpeg     its segments lead from the first byte through a frame header to the picture (ITU-T T.81, B.1)
png      its chunks lead from ``IHDR`` to ``IEND``, and nothing follows (PNG, third edition, 5)
heic     its boxes fill the file, ``meta`` and ``mdat`` among them, the first names its brand (ISO/IEC 23008-12)
docx     a zip archive from the first byte to the last whose ``[Content_Types].xml`` names one document of Word
xlsx     the same with one workbook of Excel (ECMA-376 part 2)
txt      UTF-8 without control characters, that no program takes for a page, a script or a drawing
=======  ==========================================================================================================

A file that is two things at once (a picture or PDF that is an archive as well, anything with a PDF header near its
beginning) is refused; so are macros and ActiveX in office files. TIFF is not on the list: its pages may lie anywhere in
the file, with anything between them. A general table of signatures was tried and not used: it takes any zip archive for
a document of Word and three bytes for a picture, and offers several answers with a guess how likely each is.

Out of scope: whether a PDF holds JavaScript, launches programs or embeds files; whether an office file points to a
template elsewhere; what a camera appended behind a JPEG picture, so long as it is no archive; viruses. Whoever opens
what was copied out needs a viewer that runs nothing.
"""

from __future__ import annotations

import codecs
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal
from xml.parsers import expat

from engine.errors import AttachmentRefused

Kind = Literal["pdf", "jpeg", "png", "heic", "docx", "xlsx", "txt"]


@dataclass(frozen=True, slots=True)
class FileType:
    """A kind of file that may be attached: what people call it, and the endings its name may have."""

    zh: str
    en: str
    endings: tuple[str, ...]


TYPES: Mapping[str, FileType] = {
    "pdf": FileType("PDF 文件", "PDF", ("pdf",)),
    "jpeg": FileType("JPEG 图片", "JPEG picture", ("jpg", "jpeg")),
    "png": FileType("PNG 图片", "PNG picture", ("png",)),
    "heic": FileType("HEIC 图片", "HEIC picture", ("heic", "heif")),
    "docx": FileType("Word 文档（.docx）", "Word document (.docx)", ("docx",)),
    "xlsx": FileType("Excel 工作簿（.xlsx）", "Excel workbook (.xlsx)", ("xlsx",)),
    "txt": FileType("UTF-8 纯文本", "plain text in UTF-8", ("txt",)),
}
_NEAR = 1024
"""Where readers of PDF look for its header and its end."""
_LONGEST_COMMENT = 65_535 + 22
_END_OF_ARCHIVE = b"PK\x05\x06\x00\x00\x00\x00"
_MOST_PARTS = 100_000
"""Of segments, chunks, boxes or parts: a file of more keeps us counting, and is none that anybody made in earnest."""
_LARGEST_PART_LIST = 1 << 20
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of JPEG that begin a frame: C0 to CF but for tables and extensions."""
_NOT_BEFORE_PICTURE = frozenset({0x00, 0x01, *range(0xD0, 0xDB)})
"""Markers without a length, and a picture that begins without a frame."""
_MAINS: Mapping[str, Kind] = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml": "xlsx",
}
_ACTIVE = re.compile(r"macro|vba|activex", re.IGNORECASE)
_TAKEN_FOR_MORE = re.compile(r"\s*(<[!?a-z]|#!|%!|\{\\rtf|mime-version:)", re.IGNORECASE)
_TEXT_CONTROLS = frozenset("\t\n\r\f")


class _Wrong(Exception):
    """A file that begins like a kind and is not one, or is more than that: why, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def kind_of(file: BinaryIO, name: str) -> Kind:
    """The kind of a file, which its name must not contradict. The file is read from any place, in small pieces.

    Raises :class:`AttachmentRefused`; it says what would be right and repeats neither name nor content.
    """
    size = file.seek(0, 2)
    head = _at(file, 0, _NEAR)
    try:
        if not head:
            raise _Wrong("文件是空的", "the file is empty")
        kind = _recognised(file, head, size)
        _check_is_only_that(file, kind, head, size)
    except _Wrong as wrong:
        raise _refused(wrong.zh, wrong.en) from None
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending not in TYPES[kind].endings:
        right = " / ".join(f".{one}" for one in TYPES[kind].endings)
        raise AttachmentRefused(
            f"文件名的扩展名与内容不符：内容是{TYPES[kind].zh}，扩展名应为 {right}",
            f"the ending of the name contradicts the content, which is a {TYPES[kind].en}: it should be {right}",
            kind=kind,
        )
    return kind


def _refused(zh: str, en: str) -> AttachmentRefused:
    kinds_zh = "、".join(one.zh for one in TYPES.values())
    kinds_en = ", ".join(one.en for one in TYPES.values())
    return AttachmentRefused(f"{zh}；可以附：{kinds_zh}", f"{en}; what may be attached: {kinds_en}")


def _recognised(file: BinaryIO, head: bytes, size: int) -> Kind:
    if head.startswith(b"PK"):
        return _office(file, size)
    for is_one, check, kind in _BY_BEGINNING:
        if is_one(head):
            check(file, size)
            return kind
    _check_text(file)
    return "txt"


def _check_is_only_that(file: BinaryIO, kind: Kind, head: bytes, size: int) -> None:
    if kind != "pdf" and b"%PDF-" in head:
        raise _Wrong(
            "文件开头另含 PDF，不是单一类型", "there is a PDF within the beginning: the file is two things at once"
        )
    archive = _END_OF_ARCHIVE in _at(file, max(size - _LONGEST_COMMENT, 0), _LONGEST_COMMENT)
    if archive and kind not in ("docx", "xlsx"):
        raise _Wrong(
            "文件末尾另含压缩包，不是单一类型", "there is an archive at the end: the file is two things at once"
        )


def _at(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


# ── papers and pictures ──


def _check_pdf(file: BinaryIO, size: int) -> None:
    if b"%%EOF" not in _at(file, max(size - _NEAR, 0), _NEAR):
        raise _Wrong("PDF 不完整：没有结尾", "the PDF is not whole: its end is missing")


def _check_jpeg(file: BinaryIO, size: int) -> None:
    place, has_frame = 2, False
    for _ in range(_MOST_PARTS):
        segment = _at(file, place, 4)
        if len(segment) < 4 or segment[0] != 0xFF:
            break
        marker, length = segment[1], int.from_bytes(segment[2:], "big")
        if marker == 0xFF:  # any number of these may stand before a marker
            place += 1
            continue
        if marker == 0xDA and has_frame and place + 2 + length < size:
            return
        if length < 2 or marker in _NOT_BEFORE_PICTURE:
            break
        has_frame = has_frame or marker in _FRAMES
        place += 2 + length
    raise _Wrong("JPEG 图片不完整或被改动", "the JPEG picture is not whole")


def _check_png(file: BinaryIO, size: int) -> None:
    place = 8
    for number in range(_MOST_PARTS):
        chunk = _at(file, place, 8)
        kind = chunk[4:]
        if len(kind) < 4 or (kind == b"IHDR") != (number == 0):
            break
        place += 12 + int.from_bytes(chunk[:4], "big")
        if kind == b"IEND" and place == size:
            return
        if kind == b"IEND" and place < size:
            raise _Wrong("PNG 图片之后另有内容", "something follows the PNG picture")
    raise _Wrong("PNG 图片不完整或被改动", "the PNG picture is not whole")


def _is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and not _HEIC_BRANDS.isdisjoint(head[place : place + 4] for place in _brands(head))


def _brands(head: bytes) -> Iterator[int]:
    """Yield where the brands of the first box stand: the major one, and after its version the compatible ones."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return iter((8, *range(16, end, 4)))


def _check_heic(file: BinaryIO, size: int) -> None:
    place = 0
    kinds: list[bytes] = []
    while place < size and len(kinds) < _MOST_PARTS:
        box = _at(file, place, 16)
        length = int.from_bytes(box[:4], "big")
        if length == 1:
            length = int.from_bytes(box[8:16], "big")
        elif length == 0:  # up to the end of the file
            length = size - place
        if length < 8:
            break
        kinds.append(box[4:8])
        place += length
    if place != size or not {b"meta", b"mdat"}.issubset(kinds):
        raise _Wrong("HEIC 图片不完整或被改动", "the HEIC picture is not whole")


_BY_BEGINNING: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], None], Kind], ...] = (
    (lambda head: head.startswith(b"%PDF-"), _check_pdf, "pdf"),
    (lambda head: head.startswith(b"\xff\xd8\xff"), _check_jpeg, "jpeg"),
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _check_png, "png"),
    (_is_heic, _check_heic, "heic"),
)  # fmt: skip


# ── office files ──


def _office(file: BinaryIO, size: int) -> Kind:
    end = _at(file, max(size - 22, 0), 22)
    if not end.startswith(_END_OF_ARCHIVE) or end[20:] != b"\x00\x00":
        raise _Wrong("压缩包不完整，或其后另有内容", "the archive is not whole, or something follows it")
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            listed = _part_list(archive, parts)
    except (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, OverflowError):
        raise _Wrong("压缩包不完整或被改动", "the archive is not whole") from None
    names = [part.filename for part in parts]
    if min(part.header_offset for part in parts) != 0 or len({name.lower() for name in names}) != len(names):
        raise _Wrong("压缩包之前另有内容，或含同名部分", "something precedes the archive, or two parts have one name")
    if any(_ACTIVE.search(words) for words in (*names, *listed)):
        raise _Wrong(
            "文档含宏或控件；请另存为不含宏的文档", "the document has macros or controls: save it without them"
        )
    mains = [_MAINS[one] for one in listed if one in _MAINS]
    if len(mains) != 1:
        raise _not_office()
    return mains[0]


def _part_list(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo]) -> list[str]:
    """The content types and names of parts that an office file lists."""
    if not 0 < len(parts) <= _MOST_PARTS or any(part.flag_bits & 1 for part in parts):
        raise _Wrong("压缩包为空、过大或已加密", "the archive is empty, has too many parts or is encrypted")
    found = next((part for part in parts if part.filename == "[Content_Types].xml"), None)
    if found is None or found.file_size > _LARGEST_PART_LIST or found.compress_type not in _COMPRESSIONS:
        raise _not_office()
    with archive.open(found) as file:
        return _attributes(file.read(_LARGEST_PART_LIST))


def _attributes(xml: bytes) -> list[str]:
    found: list[str] = []

    def begins(_name: str, attributes: dict[str, str]) -> None:
        found.extend(attributes.values())

    def refuse(*_words: object) -> None:
        raise _not_office()

    parser = expat.ParserCreate()
    parser.StartElementHandler = begins
    parser.StartDoctypeDeclHandler = refuse  # a list of parts has none; entities could grow without end
    try:
        parser.Parse(xml, True)
    except expat.ExpatError:
        raise _not_office() from None
    return found


def _not_office() -> _Wrong:
    return _Wrong("压缩包不是 Word 或 Excel 文档", "the archive is no document of Word or Excel")


# ── text ──


def _check_text(file: BinaryIO) -> None:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    file.seek(0)
    is_first = True
    while True:
        piece = file.read(64 * 1024)
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeDecodeError:
            raise _Wrong(
                "无法识别该文件的类型；若是纯文本，请另存为 UTF-8",
                "the kind of this file is not known; a plain text must be saved as UTF-8",
            ) from None
        if is_first and _TAKEN_FOR_MORE.match(text):
            raise _Wrong("文本是网页、脚本或图形代码", "the text is a page, a script or a drawing")
        if any(unicodedata.category(letter) == "Cc" and letter not in _TEXT_CONTROLS for letter in set(text)):
            raise _Wrong("文本含控制字符，不是纯文本", "there are control characters: this is no plain text")
        if not piece:
            return
        is_first = False
