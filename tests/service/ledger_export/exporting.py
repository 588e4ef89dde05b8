"""A world with something of everything the ledger tells of, and what an auditor is handed of it, read by hand."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import GuituError
from engine.ledger.bundle import sections
from engine.ledger.exports import read_digests, read_salts
from engine.service import attachments, audit_export, erasure, lists, read, signer_folder
from engine.service.desk import Desk
from engine.service.erasure import Certificate
from engine.service.sequencer import sequence_all
from engine.service.signer import Signer
from tests.core.play import READY
from tests.service.asking import erase
from tests.service.desks import POLICE, ask
from tests.service.sealed_world import World, case_of

AUDIT = Actor("officer-9", "justice", "audit")
LABEL = b"guitu/audit-bundle/v1\n"
INFO, CHECKPOINT, TIMESTAMP, CERTIFICATE, ENTRIES, END = 1, 2, 3, 4, 5, 255


@dataclass
class Bundle:
    """A bundle, taken apart by its description and not by the program."""

    data: bytes
    sections: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.data.startswith(LABEL)
        at = len(LABEL)
        while at < len(self.data):
            kind, size = struct.unpack_from(">BQ", self.data, at)
            content = self.data[at + 9 : at + 9 + size]
            if kind == END:
                assert content == sha256(self.data[:at]).digest()
            self.sections.append((kind, content))
            at += 9 + size
        kinds = [kind for kind, _ in self.sections]
        assert kinds == sorted(kinds)
        assert (kinds[:2], kinds[-1], kinds.count(END)) == ([INFO, CHECKPOINT], END, 1)

    def all_of(self, kind: int) -> list[bytes]:
        """The content of every section of a kind."""
        return [content for found, content in self.sections if found == kind]

    @property
    def info(self) -> dict[str, Any]:
        """What the exporter says."""
        (content,) = self.all_of(INFO)
        said: dict[str, Any] = json.loads(content)
        return said

    def entries(self) -> Iterator[bytes]:
        """Every entry, whose indexes are what they must be."""
        number = 0
        for content in self.all_of(ENTRIES):
            (first,) = struct.unpack_from(">Q", content)
            assert first == number
            at = 8
            while at < len(content):
                (size,) = struct.unpack_from(">I", content, at)
                yield content[at + 4 : at + 4 + size]
                at, number = at + 4 + size, number + 1
            assert number - first <= 1_024


def bundle(desk: Desk) -> Bundle:
    """What an auditor is handed now."""
    out = io.BytesIO()
    audit_export.export(desk, out.write, AUDIT)
    out.seek(0)
    read_back = [one for section in sections(out.read) for one in section.page]
    assert read_back == list(Bundle(out.getvalue()).entries())
    return Bundle(out.getvalue())


def lines(write_to: Callable[[Callable[[bytes], object]], object]) -> list[dict[str, Any]]:
    """The lines of a file that an export writes, which the program reads back too."""
    out = io.BytesIO()
    write_to(out.write)
    out.seek(0)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    if found[0]["file"] == "guitu/audit-salts":
        assert len(read_salts(out).by_tag) == len(found) - 1
    else:
        assert len(list(read_digests(out).lines)) == len(found) - 1
    return found


def populated(desk: Desk) -> tuple[World, Certificate]:
    """Three cases, of which the first is erased; commands, refusals, reads, files and lists."""
    world = World()
    for reference, facts in (("P-VIC1", {}), ("P-VIC2", READY), ("P-VIC3", {})):
        case = case_of(desk, world, reference, **facts)
        attachments.add(desk, case, io.BytesIO(b"a scanned page of nobody"), "page.txt", POLICE)
        if not facts:
            with pytest.raises(GuituError):
                ask(desk, cmd.Move(case=case, track="rescue", move="place"))
        read.show(desk, case, POLICE)
        read.timeline(desk, case, POLICE)
    first, second, _ = world.cases
    ask(desk, cmd.Move(case=second, track="rescue", move="note_it", facts={"note": "seen"}, idempotency_key="first"))
    ask(desk, cmd.Move(case=second, track="rescue", move="note_it", facts={"note": "seen"}, idempotency_key="first"))
    ask(desk, cmd.Contribute(case=first, track="rescue", documents=("report",)))
    ask(desk, cmd.Close(case=first, outcome="death"))
    certificate = erase(desk, first, POLICE)
    with pytest.raises(GuituError):
        read.show(desk, first, POLICE)
    lists.worklist(desk, POLICE)
    assert erasure.certificate_of(desk, first) == certificate
    return world, certificate


def signer_of(desk: Desk, folder: Path) -> Signer:
    """The signer of this ledger, made now."""
    with desk.database.reading() as work:
        head = work.ledger_head()
    assert head is not None
    signer_folder.init(folder, head.origin, None)
    return Signer(folder, desk.database, lambda: datetime.now(UTC))


def signed(desk: Desk, signer: Signer) -> int:
    """Give everything its place and have it signed; how many entries that is."""
    sequence_all(desk.database)
    return signer.sign().checkpoint.size
