"""What lies sealed in the record room opens in its place, in its revision, with its key, and in no other way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from engine.core import commands as cmd
from engine.errors import (
    ContentUnreadable,
    GuituError,
    HistoryBroken,
    KeyForeign,
    KeyMaterialDamaged,
    NotHolder,
    Refused,
    StaleRevision,
    StoreUnavailable,
)
from engine.service import read
from engine.service.content import unseal_refusal
from engine.service.desk import Desk
from engine.service.safe import Safe
from engine.service.story_people import invented
from engine.vault.roots import RootKeys
from tests.conftest import Database
from tests.core.play import READY
from tests.service.desks import CIVIL, POLICE, ask, identify, opened, play_desk
from tests.service.inspection import as_owner, check_whole, everything, key_of, without_the_guard, written_in

SECRET = "seen in the blue house behind the mill"


def note(case: str, text: str = SECRET) -> cmd.Command:
    """A command that puts free text into a case."""
    return cmd.Contribute(case=case, track="rescue", note=text)


def refuse(desk: Desk, case: str) -> None:
    """Put a refusal of a case on record."""
    with pytest.raises(Refused):
        ask(desk, cmd.Move(case=case, track="rescue", move="home"))


def test_nothing_of_what_is_written_lies_readable_in_the_record_room(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk, note="the grey mill", **READY)
        ask(desk, replace(note(case), idempotency_key="k"))
        refuse(desk, case)
    stored = written_in(database)
    for word in (SECRET, "blue house", "grey mill", "not_found", "parents found", "conditions not met"):
        assert word.encode() not in stored
    for person in (invented("P-CARER"), invented("P-BUYER")):
        assert str(person.name).encode() not in stored
        assert str(person.id_number).encode() not in stored
    assert b"P-CARER" in stored, "a reference may be seen: it names nobody"


# ── moved ──

MOVES: dict[str, tuple[str, str]] = {
    "the content of another case": (
        "UPDATE case_record SET content = (SELECT content FROM case_record WHERE id = 'GT-0002') WHERE id = 'GT-0001'",
        "case_record",
    ),
    "an event of another case": (
        "UPDATE case_event SET body = (SELECT body FROM case_event WHERE case_id = 'GT-0002' AND number = 1)"
        " WHERE case_id = 'GT-0001' AND number = 1",
        "case_event",
    ),
    "another event of this case": (
        "UPDATE case_event SET body = (SELECT body FROM case_event WHERE case_id = 'GT-0001' AND number = 1)"
        " WHERE case_id = 'GT-0001' AND number = 2",
        "case_event",
    ),
    "the content in the place of an event": (
        "UPDATE case_event SET body = (SELECT content FROM case_record WHERE id = 'GT-0001')"
        " WHERE case_id = 'GT-0001' AND number = 1",
        "case_event",
    ),
    "an event in the place of the content": (
        "UPDATE case_record SET content = (SELECT body FROM case_event WHERE case_id = 'GT-0001' AND number = 1)"
        " WHERE id = 'GT-0001'",
        "case_record",
    ),
    "another person of this case": (
        "UPDATE person SET sealed = (SELECT sealed FROM person WHERE case_id = 'GT-0001' AND id = 'P-BUYER')"
        " WHERE case_id = 'GT-0001' AND id = 'P-CARER'",
        "person",
    ),
    "the same person of another case": (
        "UPDATE person SET sealed = (SELECT sealed FROM person WHERE case_id = 'GT-0002' AND id = 'P-CARER')"
        " WHERE case_id = 'GT-0001' AND id = 'P-CARER'",
        "person",
    ),
}


@pytest.mark.parametrize("what", MOVES)
def test_a_cell_that_was_moved_does_not_open(database: Database, what: str) -> None:
    act, table = MOVES[what]
    with play_desk(database.app_url) as desk:
        one, other = opened(desk, **READY), opened(desk, **READY)
        assert (one, other) == ("GT-0001", "GT-0002")
        without_the_guard(database, act)
        with pytest.raises(ContentUnreadable) as caught:
            (read.timeline if table == "case_event" else read.moves)(desk, one, POLICE)
        assert one in caught.value.en
        assert (caught.value.code, caught.value.exit_code) == ("content_unreadable", 9)
        if table == "person":
            before = everything(database)
            with pytest.raises(ContentUnreadable):
                ask(desk, note(one))
            assert everything(database) == before
        read.timeline(desk, other, POLICE)
        read.moves(desk, other, POLICE)


def test_the_reasons_of_a_refusal_that_were_moved_do_not_open(desk: Desk, database: Database) -> None:
    case, other = opened(desk), opened(desk)
    for one in (case, case, other):
        refuse(desk, one)
    with desk.database.reading() as work:
        first, second = work.refusals_of(case)
        (third,) = work.refusals_of(other)
    key = key_of(desk, case)
    assert b"reasons" in unseal_refusal(first.body, key, case, first.at)
    for body, at in ((first.body, second.at), (third.body, first.at), (third.body, third.at)):
        with pytest.raises(ContentUnreadable):
            unseal_refusal(body, key, case, at)


# ── older, cut ──


def test_an_older_revision_put_back_does_not_open(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        ((old,),) = as_owner(database, "SELECT * FROM case_record")
        ask(desk, note(case))
        as_owner(database, "UPDATE case_record SET content = %s", values=(old["content"],))
        with pytest.raises(ContentUnreadable):
            read.show(desk, case, POLICE)
        with pytest.raises(ContentUnreadable):
            ask(desk, note(case))


def test_an_older_row_put_back_whole_is_found_by_its_history(database: Database) -> None:
    """Row and revision together are what once was right: only what happened since tells that they are old."""
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        ((old,),) = as_owner(database, "SELECT * FROM case_record")
        ask(desk, note(case))
        as_owner(
            database, "UPDATE case_record SET content = %s, revision = %s, events = %s, changed_at = %s",
            values=(old["content"], old["revision"], old["events"], old["changed_at"]),
        )  # fmt: skip
        with pytest.raises(HistoryBroken):
            read.replay(desk, case)
        before = everything(database)
        with pytest.raises((StaleRevision, HistoryBroken)):
            ask(desk, note(case))
        after = everything(database)
        assert {**after, "refusal": []} == {**before, "refusal": []}


def test_an_older_identity_put_back_does_not_open(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        identify(desk, case, "P-AUNT", "relative")
        ((old,),) = as_owner(database, "SELECT * FROM person")
        identify(desk, case, "P-AUNT", "relative")
        as_owner(database, "UPDATE person SET sealed = %s", values=(old["sealed"],))
        with pytest.raises(ContentUnreadable):
            read.moves(desk, case, POLICE)


def test_what_was_cut_does_not_open(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        ((row,),) = as_owner(database, "SELECT content FROM case_record")
        whole = bytes(row["content"])
        for size in (1, 17, 18, 33, 34, len(whole) // 2, len(whole) - 1):
            as_owner(database, "UPDATE case_record SET content = %s", values=(whole[:size],))
            with pytest.raises(ContentUnreadable):
                read.show(desk, case, POLICE)
        as_owner(database, "UPDATE case_record SET content = %s", values=(whole,))
        read.show(desk, case, POLICE)


# ── keys ──


def _fails_alike(desk: Desk, case: str, error: type[GuituError], database: Database) -> None:
    """Looking, replaying and acting all end in one error, and nothing is written, not even a refusal."""
    before = everything(database)
    for act in (
        lambda: read.show(desk, case, POLICE), lambda: read.replay(desk, case), lambda: ask(desk, note(case)),
    ):  # fmt: skip
        with pytest.raises(error) as caught:
            act()
        assert SECRET not in f"{caught.value} {caught.value.details}"
    assert everything(database) == before


def test_a_case_whose_key_was_removed_is_lost_and_says_so(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case, other = opened(desk), opened(desk)
        as_owner(database, "DELETE FROM case_key WHERE case_id = %s", values=(case,))
        _fails_alike(desk, case, KeyMaterialDamaged, database)
        ask(desk, note(other))


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "one bit": lambda wrapped: wrapped[:-1] + bytes([wrapped[-1] ^ 1]),
    "the commitment": lambda wrapped: wrapped[:40] + bytes([wrapped[40] ^ 1]) + wrapped[41:],
    "cut": lambda wrapped: wrapped[:50],
    "rubbish": lambda wrapped: b"x" * len(wrapped),
}


@pytest.mark.parametrize("table", ["case_key", "vault_key"])
@pytest.mark.parametrize("what", CHANGES)
def test_a_key_that_somebody_changed_opens_nothing(database: Database, table: str, what: str) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        ((row,),) = as_owner(database, f"SELECT wrapped FROM {table}")
        as_owner(database, f"UPDATE {table} SET wrapped = %s", values=(CHANGES[what](bytes(row["wrapped"])),))
        desk.safe.forget()
        error = KeyForeign if (table, what) == ("vault_key", "rubbish") else KeyMaterialDamaged
        _fails_alike(desk, case, KeyMaterialDamaged if what == "rubbish" else error, database)


def test_the_key_of_another_case_opens_nothing(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case, other = opened(desk), opened(desk)
        as_owner(
            database, "UPDATE case_key SET wrapped = (SELECT wrapped FROM case_key WHERE case_id = %s)", values=(other,)
        )
        desk.safe.forget()
        _fails_alike(desk, case, KeyMaterialDamaged, database)


def test_the_keys_of_another_installation_open_nothing(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        case = opened(desk)
        theirs = RootKeys.fresh()
        desk.safe = Safe(lambda: theirs, desk.clock)
        _fails_alike(desk, case, KeyForeign, database)
        before = everything(database)
        with pytest.raises(KeyForeign):
            opened(desk)
        assert everything(database) == before


def test_a_key_of_a_jurisdiction_that_another_process_made_first_is_used(database: Database) -> None:
    with play_desk(database.app_url) as one, play_desk(database.app_url, 500, known=True) as other:
        for desk in (one, other):
            with desk.database.reading() as work:
                assert desk.safe.ring(work).newest("case", "900000") is None
        cases = [opened(one, **READY), opened(other, **READY)]
        kinds = [(row["kind"], row["version"]) for row in everything(database)["vault_key"]]
        assert sorted(kinds) == [("case", 1), ("identity", 1), ("index", 1)]
        for desk in (one, other):
            for case in cases:
                read.moves(desk, case, POLICE)
        check_whole(one, database)


def test_an_opening_that_was_rolled_back_leaves_no_key_behind(database: Database) -> None:
    opening = cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True}, idempotency_key="k")
    with play_desk(database.app_url) as desk, play_desk(database.app_url, 500, known=True) as other:

        def fail(step: int) -> None:
            if step == 9:
                raise StoreUnavailable("断开", "gone")

        desk.probe = fail
        with pytest.raises(StoreUnavailable):
            ask(desk, opening)
        assert everything(database)["vault_key"] == []
        desk.probe = lambda step: None
        with pytest.raises(NotHolder):
            ask(desk, opening, CIVIL)
        assert b"reasons" in _of_no_case(other, database), "sealed with a key that everybody has"
        first = ask(desk, opening)
        assert not first.repeated
        assert {(row["kind"], row["version"]) for row in everything(database)["vault_key"]} == {
            ("case", 1), ("installation", 1),
        }  # fmt: skip
        other.clock = desk.clock
        again = ask(other, opening)
        assert (again, again.repeated) == (first, True)
        refuse(other, first.case)
        read.show(other, first.case, POLICE)
        check_whole(other, database)


def _of_no_case(desk: Desk, database: Database) -> bytes:
    """The body of the one refusal that belongs to no case, opened by this desk."""
    (row,) = everything(database)["refusal"]
    at = row["at"] if isinstance(row["at"], datetime) else datetime.fromisoformat(row["at"])
    with desk.database.reading() as work:
        return unseal_refusal(bytes(row["body"]), desk.safe.house(work), row["case_id"] or "", at)


def test_a_case_that_was_not_opened_in_the_end_leaves_no_key_that_others_are_sealed_under(database: Database) -> None:
    with play_desk(database.app_url) as desk:
        for step in range(3, 10):

            def fail(at: int, step: int = step) -> None:
                if at == step:
                    raise StoreUnavailable("断开", "gone")

            desk.probe = fail
            with pytest.raises(StoreUnavailable):
                ask(desk, cmd.OpenCase(case="", area="900101", facts={"victim.is_child": True}))
        desk.probe = lambda step: None
        case = opened(desk, **READY)
    with play_desk(database.app_url, 500, known=True) as desk:
        read.moves(desk, case, POLICE)
        check_whole(desk, database)
