"""A search for words that must not lie anywhere in clear: in every form in which a program may have written them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_from_bytes

CANARIES = {
    "name": "钟离渡鹤",
    "id_number": "110101190003071239",
    "phone": "19900071236",
    "address": "雁回镇槐荫里七十三号",
}
"""An invented person, born before anybody alive: words that stand nowhere else."""
_CHARSETS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")


@dataclass(frozen=True, slots=True)
class Leak:
    """Words found where they must not be: in which file or text, at which byte, and how they were written."""

    where: str
    offset: int
    words: str
    encoding: str


def writings(words: str) -> dict[bytes, str]:
    """Every way to write these words, by its bytes, with its name."""
    found: dict[bytes, str] = {}
    for charset in _CHARSETS:
        plain = words.encode(charset)
        ways = {plain.hex().encode(): f"hex of {charset}"}
        ways[plain.hex().upper().encode()] = f"hex of {charset}"
        for text, where in _base64(plain):
            ways[text] = f"base64 of {charset}, {where}"
        percent = "".join(f"%{byte:02X}" for byte in plain)
        for one in (percent, percent.lower(), quote_from_bytes(plain)):
            ways[one.encode()] = f"percent-encoded {charset}"
        found = ways | {plain: charset} | found  # a writing is named after the plainest way to come to it
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in words)
    for one in (escaped, escaped.upper().replace("\\U", "\\u"), json.dumps(words)[1:-1]):
        found.setdefault(one.encode(), "JSON escapes")
    return found


def _base64(plain: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield what all of these bytes and nothing beside them makes in base64, at each of the three places in a group."""
    for before in range(3):
        start, end = -(-8 * before // 6), 8 * (before + len(plain)) // 6
        padded = bytes(before) + plain
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(padded)[start:end], f"{before} bytes in"


def leaks(words: Iterable[str], texts: Mapping[str, bytes]) -> list[Leak]:
    """Where these words stand in these texts, each writing once for each text."""
    return [
        Leak(where, offset, word, encoding)
        for word in words
        for writing, encoding in writings(word).items()
        for where, text in texts.items()
        if (offset := text.find(writing)) >= 0
    ]


def files_in(*folders: Path) -> dict[str, bytes]:
    """The content of every file below these folders, and their names as texts of their own."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    names = "\n".join(str(path) for path in paths)
    return {str(path): path.read_bytes() for path in paths} | {"names of files": names.encode()}
