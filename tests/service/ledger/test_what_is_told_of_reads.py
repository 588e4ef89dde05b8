"""What the ledger tells of every look, and of keys, erasures and the installation; and what stands in no entry."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.errors import CaseUnknown, ErasureRefused, GuituError, NotHolder, NotPermitted, StoreUnavailable
from engine.ledger.entry import Kind, tag
from engine.ledger.event import ACTS
from engine.service import attachments, erasure, identities, installation, lists, read, release, vault_keys
from engine.service import scribe as scribing
from engine.service.account import ACT_OF
from engine.service.desk import Desk
from engine.service.erasure import Erasing
from engine.service.retention import retention
from engine.service.story_people import invented
from tests.canary import CANARIES, leaks
from tests.core.play import READY, RULES, directory
from tests.service.asking import CUSTODIANS, approved_erasure, end_hold
from tests.service.desks import CIVIL, POLICE, ask, identify, opened
from tests.service.ledger.opening import Book, Told
from tests.service.ledger.test_what_is_told import NOTHING, POLICY, check_said, stored
from tests.service.ledger.test_what_is_told_of_refusals import STRANGER
from tests.service.sealed_world import HERE, rotating
from tests.service.test_canary import Tried, _drive
from tests.service.town import ANN, CY, Town

GIRL: dict[str, Any] = msgspec.to_builtins(invented("P-GIRL"))
ROOT = Path(__file__).resolve().parents[3]
ELSEWHERE = {
    "tests/service/ledger/test_scribe.py": {"stream:open", "stream:close", "stream:heartbeat"},
    "tests/api/entered.py": {
        "auditor:add", "auditor:remove", "auditor:list", "ledger:export", "ledger:salts", "ledger:digests",
        "ledger:status", "backup:create", "case:count", "stall:list", "access:explain", "request:list",
        "emergency:list", "notice:list", "people:init", "people:add", "people:grant", "people:end", "people:deputy",
        "people:move", "people:deactivate", "people:list", "provider:link", "provider:unlink", "provider:list",
        "token:issue", "token:rotate", "token:revoke", "token:list", "lead:report", "lead:accept", "lead:pass",
        "lead:close", "lead:reward", "lead:show", "lead:list", "data:share", "data:list", "webhook:add",
        "webhook:rotate", "webhook:end", "webhook:list", "webhook:test",
    },
    "tests/service/test_webhooks.py": {"webhook:deliver"},
    "tests/http/test_definitions.py": {"definition:show"},
    "tests/service/sign_in/test_entered.py": {
        "sign_in:begin", "sign_in:prove", "sign_in:list", "sign_in:end", "sign_in:end_all", "sign_in:ticket",
        "password:set", "factor:add", "factor:remove", "recovery:ask", "recovery:approve", "recovery:complete",
        "recovery:list", "recovery:stop",
    },
    "tests/service/test_emergency.py": {"emergency:open", "emergency:review"},
    "tests/service/test_reidentify.py": {"identity:request", "identity:reveal"},
    "tests/service/test_requests.py": {"request:decline"},
    "tests/service/ledger/test_watch.py": {"ledger:held"},
    "tests/service/signer/test_rotation_and_restart.py": {"signer:key", "signer:restart"},
}  # fmt: skip
"""Acts of which the tests of these files see that they are entered."""


SEES = ("see-while-taking-part", "need-basic", "need-family")
"""What permits the police to see the case, and the classes its step needs; of the buyer family they see nothing."""
FILES = ("see-while-taking-part", "read-attachments", "need-free-text")
"""What permits the police to read its files: each may hold anything, and counts as a free text."""
PREVIEWS = ("see-what-is-offered", "need-basic")


@dataclass
class Seen:
    """A look at something, and what is told of it: whom it concerns, and whether the digest of the case is."""

    act: str
    look: Callable[[], object]
    actor: Actor | None = POLICE
    persons: tuple[str | None, ...] = (None,)
    has_digest: bool = True
    classes: frozenset[str] = frozenset({"basic", "family"})
    policies: tuple[str, ...] = SEES
    details: dict[str, object] = field(default_factory=dict)


def _looks(desk: Desk, case: str) -> list[Seen]:
    file = attachments.add(desk, case, io.BytesIO(b"a scanned page of nobody"), "page.txt", POLICE).attachment
    assert file is not None
    offer = ask(desk, cmd.Move(case=case, track="rescue", move="place"))
    none: frozenset[str] = frozenset()
    basic, word, own = frozenset({"basic"}), frozenset({"free_text"}), ("list-own-cases",)
    return [
        Seen("case:show", lambda: read.show(desk, case, POLICE)),
        Seen("case:show", lambda: read.show(desk, case, CIVIL), CIVIL, classes=basic, policies=PREVIEWS),
        Seen("case:moves", lambda: read.moves(desk, case, POLICE)),
        Seen("case:timeline", lambda: read.timeline(desk, case, POLICE)),
        Seen("case:replay", lambda: read.replay(desk, case, POLICE), classes=none, policies=SEES[:1]),
        Seen("case:replay", lambda: read.replay(desk, case), None, classes=none, policies=()),
        Seen("case:replay", lambda: read.events_of(desk, case, POLICE), classes=none, policies=SEES[:1]),
        Seen("worklist:show", lambda: lists.worklist(desk, CIVIL), CIVIL, classes=none, policies=own),
        Seen(
            "case:list", lambda: lists.cases_of(desk, POLICE).lines, classes=none, policies=own, has_digest=False
        ),
        Seen("file:list", lambda: attachments.listed(desk, case, POLICE), classes=word, policies=FILES),
        Seen(
            "file:read", lambda: attachments.copy_out(desk, case, file, io.BytesIO(), POLICE),
            classes=word, policies=FILES, details={"attachment": file},
        ),
        Seen(
            "identity:search", lambda: identities.search(desk, "900101", GIRL, POLICE), persons=("P-GIRL",),
            classes=frozenset({"identity"}), policies=("look-for-the-same-person",), has_digest=False,
        ),
        Seen("case:show", lambda: read.show(desk, offer.case, POLICE)),
    ]  # fmt: skip


def test_a_look_is_one_entry_with_what_was_looked_at(desk: Desk) -> None:
    case = opened(desk, **READY)
    identify(desk, case, "P-GIRL", "victim", invented("P-GIRL"))
    looks, book = _looks(desk, case), Book.at(desk)
    digest, revision = stored(desk, case)
    for one in looks:
        assert one.look()
        told = book.only()
        check_said(told, one.act, one.actor, policies=one.policies)
        assert told.event["details"] == one.details, one.act
        assert told.concerned == {(case, person) for person in one.persons}, one.act
        (subject,) = told.subjects
        assert subject is not None
        assert subject.field_classes == one.classes, one.act
        record = told.of(case, *one.persons)
        was = {"before": digest, "revision_before": revision} if one.has_digest else {}
        assert record == NOTHING | {"of": record["of"]} | was, one.act
    assert stored(desk, case) == (digest, revision), "looking changes nothing"


def test_a_list_concerns_every_case_on_it_in_as_many_parts_as_it_takes(desk: Desk) -> None:
    cases = {opened(desk) for _ in range(65)}
    book = Book.at(desk)
    for look, act in ((lists.cases_of, "case:list"), (lists.worklist, "worklist:show")):
        page = look(desk, POLICE)
        first = book.news()
        last = look(desk, POLICE, after=page.next)
        second = book.news()
        assert last.next is None
        assert [(one.act, one.event["part"], one.event["parts"]) for one in first] == [(act, 1, 2), (act, 2, 2)]
        assert [(one.act, one.event["part"], one.event["parts"]) for one in second] == [(act, 1, 1)]
        assert len({one.event["request"] for one in first}) == 1
        concerned = [set[Any]().union(*(one.concerned for one in told)) for told in (first, second)]
        assert [len(one) for one in concerned] == [50, 15]
        assert concerned[0] | concerned[1] == {(case, None) for case in cases}


def _looks_at_a_case(desk: Desk, case: str, actor: Actor) -> list[tuple[str, Callable[[], object]]]:
    return [
        ("case:moves", lambda: read.moves(desk, case, actor)),
        ("case:timeline", lambda: read.timeline(desk, case, actor)),
        ("case:replay", lambda: read.replay(desk, case, actor)),
        ("case:replay", lambda: read.events_of(desk, case, actor)),
        ("file:list", lambda: attachments.listed(desk, case, actor)),
        ("file:read", lambda: attachments.copy_out(desk, case, "x", io.BytesIO(), actor)),
    ]


def _refused_looks(desk: Desk, case: str) -> list[tuple[str, Callable[[], object]]]:
    return [
        ("case:show", lambda: read.show(desk, case, STRANGER)),
        *_looks_at_a_case(desk, case, STRANGER),
        ("identity:search", lambda: identities.search(desk, "900101", GIRL, STRANGER)),
    ]


def test_a_refused_look_is_entered_before_the_refusal_reaches_anybody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = opened(desk)
    book = Book.at(desk)
    for act, look in _refused_looks(desk, case):
        is_search = act == "identity:search"  # of no case in particular
        with pytest.raises(NotHolder if is_search else CaseUnknown):
            look()
        told = book.only()
        code, policies = ("not_holder", ["look-for-the-same-person"]) if is_search else ("case_unknown", [])
        check_said(told, act, STRANGER, "refused", code, policies=policies)
        assert told.concerned == (set() if is_search else {(case, None)})
        assert all(record == NOTHING | {"of": record["of"]} for _, record in told.records), "nothing was looked at"
        assert all(one is not None and one.field_classes == frozenset() for one in told.subjects)
    with pytest.raises(GuituError):
        read.show(desk, "GT-9999", POLICE)
    told = book.only()
    check_said(told, "case:show", POLICE, "refused", "case_unknown")
    assert told.concerned == set()
    monkeypatch.setattr(scribing, "_put", _refuse)
    for _, look in _refused_looks(desk, case):
        with pytest.raises(StoreUnavailable):  # and not CaseUnknown: nothing is answered that is not entered
            look()


def test_a_look_that_a_policy_forbids_is_entered_with_it(desk: Desk) -> None:
    case = opened(desk, **READY)
    ask(desk, cmd.Move(case=case, track="rescue", move="place"))
    book, (digest, revision) = Book.at(desk), stored(desk, case)
    for act, look in _looks_at_a_case(desk, case, CIVIL):
        with pytest.raises(NotPermitted):
            look()
        told = book.only()
        seen = PREVIEWS if act == "case:moves" else PREVIEWS[:1]  # the others read nothing of it first
        check_said(told, act, CIVIL, "refused", "not_permitted", policies=(*seen, "only-basic-before-accepting"))
        assert told.concerned == {(case, None)}
        (subject,) = told.subjects
        assert subject is not None
        assert subject.field_classes == ({"basic"} if act == "case:moves" else set())
        record = told.of(case)
        assert record == NOTHING | {"of": record["of"], "before": digest, "revision_before": revision}


def _refuse(*_: object) -> None:
    raise StoreUnavailable("不可用", "not there")


# ── erasure, keys, the installation ──


def test_holds_and_an_erasure_are_told_and_an_erased_case_is_named_nowhere(desk: Desk) -> None:
    case, rules = opened(desk), retention()
    ask(desk, cmd.Contribute(case=case, track="rescue", documents=("report",)))
    ask(desk, cmd.Close(case=case, outcome="death"))
    book, (digest, revision) = Book.at(desk), stored(desk, case)
    erasing, asker = Erasing(desk, rules, desk.attachments), Actor("officer-1", "police-a", "custody")
    erasure.hold(desk, rules, case, "claim", POLICE)
    request = approved_erasure(desk, case, asker)
    with pytest.raises(ErasureRefused):
        erasing.erase(case, "opened_by_mistake", asker, request)
    end_hold(desk, case, "claim", POLICE)
    salt = next(iter(salts for salts in book.salts.values()))
    certificate = erasing.erase(case, "opened_by_mistake", asker, request)
    held, asked, *approved, refused, ends, one, other, released, erased = book.news()
    asks, both = ["unit-asks-for-an-erasure"], ["unit-asks-for-an-erasure", "unit-erases-what-two-approved"]
    for told, custodian in zip((*approved, one, other), (*CUSTODIANS, *CUSTODIANS), strict=True):
        approver = replace(custodian, purpose="custody")
        check_said(told, "request:approve", approver, role="custodian", policies=["custodian-approves-erasure"])
    check_said(held, "erasure:hold", POLICE, policies=asks)
    check_said(asked, "erasure:request", asker, policies=asks)
    check_said(ends, "erasure:request", replace(POLICE, purpose="custody"), policies=asks)
    check_said(refused, "erasure:erase", asker, "refused", "erasure_refused", policies=asks)
    check_said(released, "erasure:release", POLICE, policies=both)
    check_said(erased, "erasure:erase", asker, policies=both)
    assert (held.event["details"], released.event["details"]["reason"]) == ({"reason": "claim"}, "claim")
    assert {one.event["details"]["request"] for one in (asked, *approved, refused, erased)} == {request}
    with desk.database.reading() as work:
        body = work.certificate_of(case)
    assert body is not None
    assert erased.event["details"] == asked.event["details"] | {
        "certificate": hashlib.sha256(body).hexdigest(), "ground": "opened_by_mistake", "tag": certificate.tag,
    }  # fmt: skip
    assert erased.event["approvals"] == [{"person": one.person, "unit": one.unit} for one in CUSTODIANS]
    for told in (held, refused, released, erased):
        assert told.header.kind is Kind.CONTROL
        assert told.concerned == {(case, None)}
        assert told.of(case) == NOTHING | {"of": certificate.tag, "before": digest, "revision_before": revision}
    assert certificate.tag == tag(salt)
    erasure.certificate_of(desk, case)
    lists.cases_of(desk, POLICE)
    looked, listed = book.news()
    check_said(looked, "erasure:certificate", None)
    check_said(listed, "case:list", POLICE, policies=["list-own-cases"])
    assert looked.concerned == listed.concerned == set()
    assert all(one is None for told in Book(desk.database, desk).news() for one in told.subjects), "salts are gone"


def test_a_rotation_and_a_look_at_the_keys_are_told(desk: Desk) -> None:
    opened(desk)
    book = Book.at(desk)
    steps = len(list(rotating(desk).run("case", HERE)))
    found = book.news()
    assert len(found) == steps > 1
    for told in found:
        check_said(told, "keys:rotate", None)
        assert told.header.kind is Kind.KEY_EVENT
        assert told.event["details"] == {"kind": "case", "jurisdiction": HERE}
    assert vault_keys.listed(desk)
    check_said(book.only(), "keys:status", None)
    with pytest.raises(GuituError):
        list(rotating(desk).run("case", "钟离渡鹤"))
    told = book.only()
    check_said(told, "keys:rotate", None, "refused", "command_malformed")
    assert told.event["details"] == {"kind": "case", "jurisdiction": "unknown"}


NOBODY: tuple[None, list[str], None] = (None, [], None)
"""As what nobody in particular acts, and who decided that."""


def decided(told: Told) -> tuple[str | None, list[str], str | None]:
    """As what somebody acted, by which policies, and of which set of policies they are."""
    return told.event["role"], told.event["policies"], told.event["policy"]


def test_what_is_done_to_approvers_and_definitions_is_told(town: Town) -> None:
    desk, book = town.desk, Book.at(town.desk)
    digest = town.hash()
    town.register(Actor("di", "police-b"))
    town.approve(ANN)
    with pytest.raises(GuituError):
        town.release()
    town.approve(CY)
    town.release()
    (last, *_) = reversed(release.approvers(desk))
    release.standing(desk)
    release.revoke_approver(desk, last.fingerprint, POLICE)
    found = book.news()
    assert [(one.act, one.event["outcome"], one.event["actor"], one.event["definition"]) for one in found] == [
        ("approver:add", "done", "ann", None), ("definition:approve", "done", "ann", digest),
        ("definition:release", "refused", "ann", digest), ("definition:approve", "done", "cy", digest),
        ("definition:release", "done", "ann", digest), ("approver:list", "done", None, None),
        ("definition:list", "done", None, None), ("approver:revoke", "done", "ann", None),
    ]  # fmt: skip
    manages = ("administrator", ["administrator-runs-the-installation"], POLICY)
    releases = ("definition_approver", ["approver-releases-procedures"], POLICY)
    assert [decided(one) for one in found] == [manages, *[releases] * 4, NOBODY, NOBODY, manages]


def test_what_is_done_to_directory_and_settings_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "find", lambda *_: type("Loaded", (), {"definition": RULES.definition}))
    monkeypatch.setattr(installation, "read_directory", lambda _: directory())
    library: Any = None
    book = Book.at(desk)
    installation.load_directory(desk, Path("directory.yaml"))
    installation.units(desk)
    installation.parameters(desk, library, "play")
    installation.set_parameter(desk, library, "play", parameter="strict", raw=True, actor=POLICE)
    with pytest.raises(GuituError):
        installation.set_parameter(desk, library, "play", parameter="strict", raw=True, actor=Actor("ann", "nobody"))
    setting = {"definition": "play", "parameter": "strict"}
    found = book.news()
    assert [(one.act, one.event["outcome"], one.event["actor"], one.event["details"]) for one in found] == [
        ("directory:load", "done", None, {"units": len(directory().units)}), ("directory:show", "done", None, {}),
        ("parameter:list", "done", None, {}), ("parameter:set", "done", "ann", setting),
        ("parameter:set", "refused", "ann", setting),
    ]  # fmt: skip
    sets = ("administrator", ["administrator-runs-the-installation"], POLICY)
    assert [decided(one) for one in found] == [NOBODY, NOBODY, NOBODY, sets, (None, [], POLICY)]


def test_a_world_for_trial_says_that_it_is_one(desk: Desk) -> None:
    told = Book(desk.database).only()
    assert (told.act, told.event["purpose"], told.event["actor"]) == ("trial:set_up", "trial", None)


def test_every_act_is_entered_in_some_test() -> None:
    own = (Path(__file__).read_text(encoding="utf-8")).partition("def test_every_act")[0]
    here = {act for act in ACTS if f'"{act}"' in own.partition("SEES = (")[2]} | set(ACT_OF.values())
    there = set[str]().union(*ELSEWHERE.values())
    assert (here | there, here & there) == (set(ACTS), set())
    for name, acts in ELSEWHERE.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        for act in acts - {"stream:open", "stream:close", "stream:heartbeat"}:
            assert f'"{act}"' in text, (name, act)


# ── what stands in no entry ──


def test_no_name_no_number_and_no_word_of_anybody_stands_in_any_entry(desk: Desk) -> None:
    book, tried = Book(desk.database, desk), Tried()
    case = _drive(desk, tried)
    found = book.everything()
    texts = {
        f"{number} {told.act}": json.dumps(
            [told.event, [asdict(one) for one in told.subjects if one is not None]], ensure_ascii=False, default=sorted
        ).encode()
        for number, told in enumerate(found)
    }  # fmt: skip
    assert len(texts) > 200
    assert case in {one.case for told in found for one in told.subjects if one is not None}
    assert leaks([*CANARIES.values(), "not_found", "misheard", "seen again"], texts) == []
