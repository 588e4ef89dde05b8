"""Data shared with another unit where a clause prints it, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.access.model import Verdict
from engine.core.commands import Actor, Move, OpenCase
from engine.errors import (
    CaseUnknown,
    CommandMalformed,
    ContentUnreadable,
    IdentifierInText,
    NothingToChange,
    NotPermitted,
    NotPrinted,
)
from engine.service import shared_data
from engine.service.account import Account
from engine.service.desk import Desk
from engine.service.lead_rules import sharing_rules
from engine.service.shared_data import share
from engine.service.sight import look_up
from engine.service.story_people import invented
from tests.canary import leaks
from tests.conftest import Database
from tests.core.play import READY
from tests.keys import AUDITOR
from tests.plaintexts import plaintexts
from tests.service.desks import CIVIL, POLICE, ask, identify, opened, play_desk
from tests.service.inspection import as_owner
from tests.service.lead_play import SHARING
from tests.service.shared_play import wanted

OTHER_CIVIL = Actor("di", "civil-b")


def reasons(desk: Desk, case: str, **words: Any) -> set[str]:
    """The codes of the reasons for which something is printed nowhere."""
    with pytest.raises(NotPrinted) as caught:
        share(desk, SHARING, case, wanted(**words), POLICE)
    return {reason.code for reason in caught.value.reasons}


def test_what_is_shared_is_what_the_unit_sees_without_anybody_in_it(desk: Desk) -> None:
    case = opened(desk, **READY)
    done = share(desk, SHARING, case, wanted(), POLICE)
    assert done.contents is not None
    assert (done.contents.clause, done.contents.provenance) == ("十", "reading")
    assert done.contents.facts == {"basic": {"victim.is_child": True}, "family": {"search.result": "not_found"}}
    (found,) = shared_data.received(desk, OTHER_CIVIL).lines
    assert found == done
    assert shared_data.received(desk, CIVIL).lines == ()
    assert shared_data.listed(desk, case, POLICE).lines == (done,)


def test_what_no_clause_prints_is_not_shared_and_all_reasons_are_told(desk: Desk) -> None:
    case = opened(desk, **READY)
    with pytest.raises(NotPrinted):
        share(desk, sharing_rules(), case, wanted(), POLICE)
    assert reasons(desk, case, ground="fujian_marriage") == set()
    assert reasons(desk, case, to_unit="justice") == {"other_unit"}
    assert reasons(desk, case, classes=("placement",)) == {"other_class"}
    assert reasons(desk, case, to_unit="police-a", classes=("identity",)) == {"same_unit", "other_class"}
    assert shared_data.listed(desk, case, POLICE).lines == ()


def test_who_may_not_share_and_what(desk: Desk) -> None:
    case = opened(desk)
    for actor in (OTHER_CIVIL, replace(POLICE, role="auditor")):
        with pytest.raises(CaseUnknown):
            share(desk, SHARING, case, wanted(), actor)
        with pytest.raises(CaseUnknown):
            shared_data.listed(desk, case, actor)
    with pytest.raises(NotPermitted):
        shared_data.received(desk, replace(OTHER_CIVIL, role="reporter"))
    with pytest.raises(NotPermitted) as caught:  # what she sees not herself she cannot share
        share(desk, SHARING, case, wanted(classes=("health",)), POLICE)
    assert caught.value.details["action"] == "disclose_health"
    with pytest.raises(NothingToChange):
        share(desk, SHARING, case, wanted(classes=("family",)), POLICE)
    for words in ({"classes": ()}, {"purpose": " "}, {"ground": "钟离渡鹤"}, {"to_unit": "19900071236"}):
        with pytest.raises(CommandMalformed):
            share(desk, SHARING, case, wanted(**words), POLICE)


def test_what_is_forbidden_to_the_receiver_is_not_shared_with_it(desk: Desk) -> None:
    case = opened(desk)
    account = Account("case:show", POLICE)
    with desk.reading(account) as work:
        seen = look_up(desk, case, work, account)
        seen = replace(seen, disclosed={**seen.disclosed, "dna": Verdict(True)})  # as if her steps needed it
    dna, units = wanted(classes=("dna",)), seen.directory.units
    shared_data._hold_disclosed(desk, dna, seen, units["police-b"], account)
    with pytest.raises(NotPermitted) as caught:
        shared_data._hold_disclosed(desk, dna, seen, units["civil-b"], account)
    assert caught.value.details["policies"] == ["dna-stays-with-police"]


def test_a_purpose_that_names_somebody_of_the_case_is_refused(desk: Desk) -> None:
    case = opened(desk)
    identify(desk, case, "P-VIC1", "victim")
    with pytest.raises(IdentifierInText):
        share(desk, SHARING, case, wanted(classes=("basic",), purpose=f"who {invented('P-VIC1').name} is"), POLICE)


def test_of_a_share_another_unit_of_the_case_sees_the_classes_it_may_see(desk: Desk) -> None:
    case = opened(desk, **READY)
    share(desk, SHARING, case, wanted(), POLICE)
    (hand_off,) = ask(desk, Move(case=case, track="rescue", move="place")).offered
    with pytest.raises(NotPermitted):  # who is only offered a step
        shared_data.listed(desk, case, CIVIL)
    assert hand_off


def test_shared_data_lie_sealed_and_go_with_the_key_of_the_case(database: Database) -> None:
    words = ["闻所未闻之用途丙", "not_found"]
    with play_desk(database.app_url) as desk:
        case = opened(desk, **READY)
        share(desk, SHARING, case, wanted(purpose=words[0]), POLICE)
        told = plaintexts(desk.database, AUDITOR, {})
        (rows,) = as_owner(database, "SELECT * FROM shared_data")
        texts = {"row": repr(rows).encode(), "bytes": b"|".join(bytes(row["sealed"]) for row in rows)}
        assert leaks(words, {**texts, **told}) == []
        as_owner(database, "DELETE FROM case_key")
        desk.safe.drop(case)
        (line,) = shared_data.received(desk, OTHER_CIVIL).lines
        assert (line.case, line.contents) == (case, None)


def test_a_share_moved_to_another_case_does_not_open(desk: Desk) -> None:
    one = opened(desk, **READY)
    two = ask(desk, OpenCase(case="", area="900101", facts={"victim.is_child": True})).case
    share(desk, SHARING, one, wanted(), POLICE)
    with desk.database.reading() as work:
        (row,) = work.shares_of(one, None, 9).lines
        key = desk.safe.key_for(two, work)
    assert key is not None
    with pytest.raises(ContentUnreadable):
        shared_data._contents(row, key)


def test_pages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_data, "PAGE", 2)
    case = opened(desk, **READY)
    done = [share(desk, SHARING, case, wanted(), POLICE).id for _ in range(3)]
    for look in (
        lambda after: shared_data.listed(desk, case, POLICE, after=after),
        lambda after: shared_data.received(desk, OTHER_CIVIL, after=after),
    ):
        first = look(None)
        assert [line.id for line in (*first.lines, *look(first.next).lines)] == done[::-1]
        assert look(first.next).next is None
