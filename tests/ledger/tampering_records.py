"""Ways to tamper with certificates, salts, the history of records, and what is on record now."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from engine.ledger.canonical import Value, encode, time_text
from engine.ledger.entry import Subject
from engine.ledger.exports import read_digests, read_salts
from tests.ledger.bundle_maker import (
    Parts,
    World,
    a_world,
    digest_of,
    lines,
    salt_of,
)
from tests.ledger.tampering import Tampered, as_it_is

INVENTED = json.dumps({"case": "case-9", "tag": "00" * 8}).encode()
"""A certificate of a case that was never opened."""

# ── certificates, salts ──


def certificate_missing() -> Tampered:
    world = a_world()
    return world.bundle(certificates=[]), world.brought()


def certificate_changed() -> Tampered:
    world = a_world()
    return world.bundle(certificates=[world.certificates[0].replace(b"retention", b"detention")]), world.brought()


def certificate_malformed() -> Tampered:
    world = a_world()
    return world.bundle(certificates=[b"[]"]), world.brought()


def certificate_that_cannot_be_printed() -> Tampered:
    world = a_world()
    body = json.dumps({"case": "case-9\u001b[2J", "tag": "00" * 8}).encode()
    return world.bundle(certificates=[*world.certificates, body]), world.brought()


def certificate_never_entered() -> Tampered:
    """A case is hidden behind a certificate of an erasure that nobody entered."""
    world = a_world()
    body = json.dumps({"case": "case-1", "tag": "00" * 8}).encode()
    return world.bundle(certificates=[*world.certificates, body]), world.brought()


def certificate_never_entered_though_the_log_goes_on() -> Tampered:
    """The same, and the exporter says that more was entered since; but the digests had the certificate before."""
    world = a_world()
    info = encode({**json.loads(Parts.of(world).info), "after": 1})
    bundle = world.bundle(certificates=[*world.certificates, INVENTED], info=info)
    return bundle, world.brought(digests=read_digests(digests_with_a_certificate_more(world)))


def digests_with_a_certificate_more(world: World, tree_size: int | None = None) -> list[bytes]:
    """What is on record when somebody put a certificate there by hand."""
    listed: dict[str, Value] = {"case": "case-9", "certificate": sha256(INVENTED).hexdigest()}
    return [*world.digests(tree_size=tree_size), *lines(listed)]


def certificate_of_another_case() -> Tampered:
    world = a_world()
    world.change("case-4", "opened")
    world.erase("case-4", tag="00" * 8)
    return as_it_is(world)


def salt_withheld() -> Tampered:
    world = a_world()
    return as_it_is(world, salts=read_salts(world.salts(only=["case-2"])))


def salts_of_another_log() -> Tampered:
    world = a_world()
    return as_it_is(world, salts=read_salts(world.salts(origin="guitu.ffffffffffffffff")))


def salt_changed() -> Tampered:
    """The event bears the tag of one case, the block is sealed for another."""
    world = a_world()
    event: dict[str, Value] = {**told(world), "records": [nothing_of("case-1")]}
    world.write(event, [(Subject("case-1", None, frozenset()), salt_of("case-2"))])
    return as_it_is(world)


def block_of_another_case() -> Tampered:
    world = a_world()
    event: dict[str, Value] = {**told(world), "records": [nothing_of("case-1")]}
    world.write(event, [(Subject("case-2", None, frozenset()), salt_of("case-1"))])
    return as_it_is(world)


def salts_of_a_damaged_case() -> Tampered:
    world = a_world()
    damaged = lines({"case": "case-7", "person": None, "damaged": True})
    return as_it_is(world, salts=read_salts([*world.salts(), *damaged]))


def nothing_of(case: str) -> Value:
    """A record that tells only of which case it is."""
    tag = hmac.digest(salt_of(case), b"guitu/ledger-subject-tag/v1", sha256)[:8].hex()
    return {"after": None, "before": None, "of": tag, "revision_after": None, "revision_before": None}


def told(world: World) -> dict[str, Value]:
    """The event of an act, before anything is told of records."""
    return {
        "v": 1, "at": time_text(world.later()), "act": "case:show", "actor": "officer-12", "unit": "unit-7",
        "role": None, "purpose": "case_handling", "outcome": "done", "reason": None, "policies": [], "policy": None,
        "definition": None, "request": "00" * 8, "part": 1, "parts": 1, "approvals": [], "details": {},
    }  # fmt: skip


# ── history ──


def changed_twice() -> Tampered:
    world = a_world()
    world.change("case-1", "another", told={**world.shown("case-1", 1), "revision_after": 2})
    world.cases["case-1"].contents.pop()
    return as_it_is(world)


def revision_skipped() -> Tampered:
    world = a_world()
    world.cases["case-1"].contents.append("behind the ledger")
    world.change("case-1", "went on")
    return as_it_is(world)


def begun_in_the_middle() -> Tampered:
    world = a_world()
    world.change("case-5", "opened", told={"revision_after": 2})
    return as_it_is(world)


def changed_on_something_else() -> Tampered:
    world = a_world()
    world.change("case-1", "went on", told={"before": digest_of("case-1", None, "something else")})
    return as_it_is(world)


def shown_something_else() -> Tampered:
    world = a_world()
    world.look("case-1", before=digest_of("case-1", None, "something else"))
    return as_it_is(world)


def shown_what_never_was() -> Tampered:
    world = a_world()
    world.look("case-1", revision_before=9)
    return as_it_is(world)


def shown_an_old_record() -> Tampered:
    world = a_world()
    world.later(61)
    world.look("case-2", 1)
    return as_it_is(world)


def shown_an_old_record_in_an_earlier_entry() -> Tampered:
    """The change was entered in time, and got its place after the look."""
    world = a_world()
    world.later(100)
    one, other = world.open(), world.open()
    world.look("case-1", stream=one)
    world.later(-70)
    world.change("case-1", "went on", other)
    world.later(70)
    return as_it_is(world)


def refused_and_changed() -> Tampered:
    world = a_world()
    world.tell("case:move", [("case-1", None, {**world.shown("case-1"), "after": "ab" * 32, "revision_after": 3})],
               outcome="refused", reason="not_holder")  # fmt: skip
    return as_it_is(world)


# ── what is on record now ──


def with_digests(change: Callable[[World], object]) -> Tampered:
    world = a_world()
    bundle, brought = as_it_is(world)
    change(world)
    return bundle, replace(brought, digests=read_digests(world.digests()))


def record_changed() -> Tampered:
    return with_digests(lambda world: world.cases["case-1"].contents.__setitem__(-1, "behind the ledger"))


def record_rolled_back() -> Tampered:
    return with_digests(lambda world: world.cases["case-2"].contents.pop())


def person_changed() -> Tampered:
    return with_digests(lambda world: world.cases["case-1"].persons.update({"P-1": "somebody else"}))


def person_removed() -> Tampered:
    return with_digests(lambda world: world.cases["case-1"].persons.clear())


def record_removed() -> Tampered:
    return with_digests(lambda world: world.cases.pop("case-2"))


def record_added() -> Tampered:
    return with_digests(lambda world: world.cases["case-1"].persons.update({"P-9": "put there"}))


def erased_and_still_there() -> Tampered:
    return with_digests(lambda world: setattr(world.cases["case-3"], "is_erased", False))


def erased_without_a_certificate() -> Tampered:
    world = a_world()
    told = [*world.digests()[:-1], encode({"case": "case-3", "certificate": "ab" * 32}) + b"\n"]
    return as_it_is(world, digests=read_digests(told))


def record_damaged() -> Tampered:
    world = a_world()
    told = [one for one in world.digests() if b"case-2" not in one]
    damaged = lines({"case": "case-2", "person": None, "damaged": True})
    return as_it_is(world, digests=read_digests([*told, *damaged]))


def digests_of_another_log() -> Tampered:
    world = a_world()
    return as_it_is(world, digests=read_digests(world.digests(origin="guitu.ffffffffffffffff")))
