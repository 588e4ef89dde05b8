"""Files of a case on both databases: in whole, out whole, for nobody else, and nothing in clear anywhere."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor, AttachFile
from engine.core.events import FileAttached
from engine.errors import (
    AttachmentRefused,
    AttachmentUnknown,
    CaseClosed,
    CaseUnknown,
    CommandMalformed,
    ContentUnreadable,
    IdentifierInText,
    KeyReused,
    NotPermitted,
    StaleRevision,
)
from engine.service import attachments, read, stored_files
from engine.service.attachments import add, copy_to, listed
from engine.service.desk import Desk
from engine.service.handle import handle
from engine.service.persons import Persons
from engine.store.tables import TABLES
from engine.vault.filetypes import TYPES
from tests.conftest import Database
from tests.core.play import READY
from tests.service.desks import CIVIL, POLICE, ask, opened
from tests.service.filing import NAME, TEXT, WORDS, add_text, files, refusals, taken_out
from tests.service.inspection import as_owner, check_whole, sqlite_path
from tests.vault.test_filetypes import GOOD


@pytest.fixture(autouse=True)
def folder(desk: Desk, tmp_path: Path) -> Path:
    """Give the desk a folder of attachments that is not there yet."""
    desk.attachments = tmp_path / "attachments"
    return desk.attachments


# ── in and out ──


def test_a_file_comes_out_as_it_went_in(desk: Desk, folder: Path, database: Database) -> None:
    case = opened(desk)
    sizes = [1, 64 * 1024, 64 * 1024 + 1]
    contents = [b"x" * size for size in sizes] + [TEXT]
    ids = [add_text(desk, case, content, f"{number}.txt") for number, content in enumerate(contents)]
    assert [taken_out(desk, case, one) for one in ids] == contents
    shown = listed(desk, case, POLICE)
    assert [(one.id, one.name, one.kind, one.size) for one in shown] == [
        (one, f"{number}.txt", "txt", len(content))
        for number, (one, content) in enumerate(zip(ids, contents, strict=True))
    ]
    assert {(one.unit, one.person) for one in shown} == {("police-a", "ann")}
    assert len(files(folder)) == len(ids)
    check_whole(desk, database)


@pytest.mark.parametrize("kind", list(TYPES))
def test_every_allowed_kind_is_taken_and_told_in_the_history(desk: Desk, kind: str) -> None:
    case = opened(desk)
    content = GOOD[kind]()  # made once: an archive holds the time it was made at
    attachment = add_text(desk, case, content, f"f.{TYPES[kind].endings[0]}")
    assert taken_out(desk, case, attachment) == content
    last = read.timeline(desk, case, POLICE)[-1]
    assert (last.recorded.kind, last.recorded.unit, last.recorded.person) == ("file_attached", "police-a", "ann")
    assert attachment in last.said.zh
    assert TYPES[kind].zh in last.said.zh
    assert TYPES[kind].en in last.said.en
    assert listed(desk, case, POLICE)[0].added_at == last.recorded.at


def test_a_file_lies_for_the_engine_alone(desk: Desk, folder: Path) -> None:
    attachment = add_text(desk, opened(desk))
    (file,) = files(folder)
    assert file == folder / attachment[:2] / attachment
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent, folder)]
    assert modes == [0o600, 0o700, 0o700]


def test_neither_name_nor_content_nor_kind_lies_in_clear_anywhere(desk: Desk, folder: Path, database: Database) -> None:
    case = opened(desk)
    add_text(desk, case)
    with pytest.raises(AttachmentRefused):
        add_text(desk, case, GOOD["pdf"](), NAME)
    looked_for = [b"canary", NAME.encode(), WORDS.encode()[:12], b"txt"]
    for path in files(folder):
        assert not any(words in path.read_bytes() + str(path).encode() for words in looked_for[:3])
    if database.kind == "sqlite":
        for path in sqlite_path(database).parent.glob(sqlite_path(database).name + "*"):
            assert not any(words in path.read_bytes() for words in looked_for[:3])
    names = [name for name in TABLES if name != "pinned_definition"]
    for name, rows in zip(names, as_owner(database, *(f"SELECT * FROM {name}" for name in names)), strict=True):
        for row in rows:
            cells = [
                bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode() for cell in row.values()
            ]
            wanted = looked_for if name == "attachment" else looked_for[:3]
            assert not any(words in cell for words in wanted for cell in cells), name


def test_the_same_request_again_adds_nothing_and_another_file_under_its_key_is_refused(
    desk: Desk, folder: Path
) -> None:
    case = opened(desk)
    first = add(desk, case, io.BytesIO(TEXT), NAME, POLICE, idempotency_key="k")
    again = add(desk, case, io.BytesIO(TEXT), NAME, POLICE, idempotency_key="k")
    assert (again, again.repeated) == (first, True)
    for content, name in ((TEXT + b"!", NAME), (TEXT, "other.txt")):
        with pytest.raises(KeyReused):
            add(desk, case, io.BytesIO(content), name, POLICE, idempotency_key="k")
    assert [path.name for path in files(folder)] == [first.attachment]
    assert [one.id for one in listed(desk, case, POLICE)] == [first.attachment]


def test_a_file_copied_into_a_new_file_is_whole_or_not_there(desk: Desk, folder: Path, tmp_path: Path) -> None:
    case = opened(desk)
    attachment = add_text(desk, case)
    out = tmp_path / "out.txt"
    assert copy_to(desk, case, attachment, out, POLICE).name == NAME
    assert out.read_bytes() == TEXT
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with pytest.raises(CommandMalformed):
        copy_to(desk, case, attachment, out, POLICE)
    with pytest.raises(CommandMalformed):
        copy_to(desk, case, attachment, tmp_path / "nowhere" / "out.txt", POLICE)
    (stored,) = files(folder)
    stored.write_bytes(stored.read_bytes()[:-1])
    with pytest.raises(ContentUnreadable):
        copy_to(desk, case, attachment, tmp_path / "second.txt", POLICE)
    assert sorted(path.name for path in tmp_path.glob("*.txt*")) == ["out.txt"]


# ── refused ──


def test_what_may_not_be_attached_leaves_nothing_but_a_refusal(desk: Desk, folder: Path, database: Database) -> None:
    case = opened(desk)
    for content, name in (
        (b"MZ\x90\0", "f.txt"), (b"", "f.txt"), (GOOD["pdf"](), "f.jpg"), (TEXT, "canary"),
        (TEXT, "../f.txt"), (TEXT, "a\\f.txt"), (TEXT, ".txt "), (TEXT, "a\u202etxt.exe.txt"), (TEXT, "a\nb.txt"),
        (TEXT, "x" * 150 + ".txt"),
    ):  # fmt: skip
        with pytest.raises(AttachmentRefused) as refused:
            add_text(desk, case, content, name)
        assert name not in refused.value.en + refused.value.zh
    assert files(folder) == []
    assert listed(desk, case, POLICE) == []
    assert refusals(database) == [("attach_file", "attachment_refused")] * 10
    assert {type(event) for event in read.events_of(desk, case)}.isdisjoint({FileAttached})


def test_a_file_that_is_too_large_is_stopped_early_and_leaves_nothing(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = opened(desk)
    monkeypatch.setattr(attachments, "LARGEST", 200_000)
    assert taken_out(desk, case, add_text(desk, case, b"x" * 200_000)) == b"x" * 200_000
    endless = _Endless()
    with pytest.raises(AttachmentRefused):
        add(desk, case, endless, NAME, POLICE)
    assert 200_000 < endless.given <= 200_000 + 64 * 1024
    assert len(files(folder)) == 1


def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing(desk: Desk, folder: Path) -> None:
    case = opened(desk)
    with pytest.raises(AttachmentRefused):
        add(desk, case, _Torn(), NAME, POLICE)
    assert files(folder) == []


class _Torn:
    def __init__(self) -> None:
        self.left = 3

    def read(self, size: int, /) -> bytes:
        self.left -= 1
        if self.left:
            return b"x" * size
        raise OSError(5, "the stick was pulled out")


class _Endless:
    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int, /) -> bytes:
        self.given += size
        return b"x" * size


def test_a_case_has_a_largest_number_of_files(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, other = opened(desk), opened(desk)
    monkeypatch.setattr(stored_files, "MOST_OF_A_CASE", 2)
    for _ in range(2):
        add_text(desk, case)
    with pytest.raises(AttachmentRefused):
        add_text(desk, case)
    add_text(desk, other)
    assert (len(listed(desk, case, POLICE)), len(files(folder))) == (2, 3)


def test_a_name_that_tells_somebody_of_the_case_is_refused(desk: Desk, folder: Path) -> None:
    case = opened(desk, **READY)
    with desk.database.reading() as work:
        key = desk.safe.key_for(case, work)
        assert key is not None
        names = [Persons(desk.safe, work).opened(row, key).name for row in work.persons_of(case)]
    assert names
    for name in names:
        with pytest.raises(IdentifierInText):
            add_text(desk, case, name=f"{name}的户口簿.txt")
    assert files(folder) == []


def test_units_that_take_no_part_or_only_look_at_an_offer_get_nothing(
    desk: Desk, folder: Path, database: Database
) -> None:
    case = opened(desk, **READY)
    attachment = add_text(desk, case)
    (hand_off,) = ask(desk, cmd.Move(case=case, track="rescue", move="place")).offered
    before = refusals(database)
    refused = {CIVIL: NotPermitted, Actor("by", "civil-b"): CaseUnknown}
    for actor, error in refused.items():  # one is asked to take the step, the other has nothing to do with it
        for act in (
            lambda who=actor: add_text(desk, case, actor=who),
            lambda who=actor: listed(desk, case, who),
            lambda who=actor: taken_out(desk, case, attachment, who),
        ):
            with pytest.raises(error) as caught:
                act()
            assert caught.value.details.get("policies", []) == (
                ["only-basic-before-accepting"] if actor is CIVIL else []
            )  # fmt: skip
    assert refusals(database)[len(before) :] == [("attach_file", "not_permitted"), ("attach_file", "case_unknown")]
    assert [path.name for path in files(folder)] == [attachment]
    ask(desk, cmd.Accept(case=case, hand_off=hand_off), CIVIL)
    assert taken_out(desk, case, attachment, CIVIL) == TEXT
    assert len({add_text(desk, case, actor=CIVIL), attachment}) == 2


def test_a_closed_case_takes_no_file_and_still_gives_those_it_has(desk: Desk, folder: Path) -> None:
    case = opened(desk)
    attachment = add_text(desk, case)
    (offer,) = ask(desk, cmd.OfferTransfer(case=case, area="800000", to_unit="police-n")).offered
    ask(desk, cmd.Accept(case=case, hand_off=offer), Actor("ny", "police-n"))
    with pytest.raises(CaseClosed):
        add_text(desk, case)
    assert [path.name for path in files(folder)] == [attachment]
    assert taken_out(desk, case, attachment) == TEXT


def test_a_case_that_went_on_or_is_not_there_takes_nothing(desk: Desk, folder: Path) -> None:
    case = opened(desk)
    with pytest.raises(StaleRevision):
        add_text(desk, case, expected_revision=99)
    with pytest.raises(CaseUnknown):
        add_text(desk, "GT-NONE")
    assert files(folder) == []


def test_the_command_without_a_file_and_a_file_with_another_command_are_refused(desk: Desk) -> None:
    case = opened(desk)
    with pytest.raises(CommandMalformed):
        handle(desk, AttachFile(case=case, name=NAME, kind="txt", attachment="0" * 32), POLICE)
    file = stored_files.StoredFile("0" * 32, 1, 9, b"", "")
    with pytest.raises(CommandMalformed):
        handle(desk, cmd.Contribute(case=case, track="rescue", note="x"), POLICE, enclosed=file)
    assert listed(desk, case, POLICE) == []


# ── tampered with ──


def test_a_stored_file_that_was_changed_cut_swapped_or_lost_does_not_open(desk: Desk, folder: Path) -> None:
    case = opened(desk)
    one, other = add_text(desk, case), add_text(desk, case, TEXT + b"other")
    elsewhere = add_text(desk, opened(desk))
    path = folder / one[:2] / one
    stored = path.read_bytes()
    changed = bytearray(stored)
    changed[len(stored) // 2] ^= 1
    for wrong in (bytes(changed), stored[:-1], stored + b"\0", b""):
        path.write_bytes(wrong)
        with pytest.raises(ContentUnreadable):
            taken_out(desk, case, one)
    for another in (other, elsewhere):
        path.write_bytes((folder / another[:2] / another).read_bytes())
        with pytest.raises(ContentUnreadable):
            taken_out(desk, case, one)
    path.unlink()
    with pytest.raises(ContentUnreadable):
        taken_out(desk, case, one)
    assert taken_out(desk, case, other) == TEXT + b"other"


def test_a_row_moved_to_another_case_or_file_does_not_open(desk: Desk, database: Database) -> None:
    case, other = opened(desk), opened(desk)
    attachment = add_text(desk, case)
    as_owner(database, "UPDATE attachment SET case_id = %s", values=(other,))
    with pytest.raises(ContentUnreadable):
        listed(desk, other, POLICE)
    as_owner(database, "UPDATE attachment SET case_id = %s", values=(case,))
    as_owner(database, "UPDATE attachment SET id = %s", values=("0" * 32,))
    with pytest.raises(ContentUnreadable):
        taken_out(desk, case, "0" * 32)
    with pytest.raises(AttachmentUnknown) as refused:
        taken_out(desk, case, attachment)
    assert attachment not in refused.value.en
