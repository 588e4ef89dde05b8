"""Attacks on what the ledger tells of: records, persons, keys, certificates of erasure."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256

from engine.ledger.entry import tag
from tests.tampering.acts import Act, Truth, seen
from tests.tampering.attacker import DEPENDENT, Owner, Row, at, events, number_of, numbers_about, owner_of
from tests.tampering.before_sequencing import ADMIN
from tests.tampering.world import Ground

_LATER = timedelta(minutes=2)
"""Longer than a slow reader may take."""
_CASES = (1, 2)
"""The cases of the world that are not erased."""


def _record(owner: Owner, case: str) -> Row:
    (row,) = owner.do("SELECT * FROM case_record WHERE id = %s", case)
    return row


def _last_change(ground: Ground) -> int:
    ground.sign()
    return number_of(ground, "case:contribute")


def _rolled_back(ground: Ground, where: float) -> Truth:
    chosen = at(where, _CASES)
    case = ground.world.cases[chosen]
    with owner_of(ground) as owner:
        before = _record(owner, case)
        ground.change(2, chosen)
        owner.do(
            "UPDATE case_record SET content = %s, revision = %s, events = %s, changed_at = %s WHERE id = %s",
            before["content"], before["revision"], before["events"], before["changed_at"], case,
        )  # fmt: skip
        for table in ("case_event_part", "case_event"):
            owner.do(f"DELETE FROM {table} WHERE case_id = %s AND number > %s", case, before["events"])
    ground.desk.safe.forget()
    number = _last_change(ground)
    detail = f"{before['revision'] + 2} / {before['revision']}"
    return Truth(1, (seen("verifier", "changed behind the ledger", entry=number, case=case, detail=detail),))


def _shown_the_old(ground: Ground, times: int, later: timedelta) -> str:
    """For a while only: somebody is shown the old record, and at the audit the new one is back."""
    case = ground.world.cases[1]
    with owner_of(ground) as owner:
        before = _record(owner, case)
        ground.change(1, 1)
        after = _record(owner, case)
        act = "UPDATE case_record SET content = %s, revision = %s, events = %s WHERE id = %s"
        owner.do(act, before["content"], before["revision"], before["events"], case)
        ground.clock.ahead += later
        ground.show(times)
        owner.do(act, after["content"], after["revision"], after["events"], case)
    return case


def _rolled_back_and_shown(ground: Ground, where: float) -> Truth:
    case = _shown_the_old(ground, at(where, (1, 2, 5)), _LATER)
    ground.sign()
    number = number_of(ground, "case:show")
    return Truth(1, (seen("verifier", "old record shown", entry=number, case=case),))


def _rolled_back_and_shown_soon(ground: Ground, where: float) -> Truth:
    _shown_the_old(ground, at(where, (1, 2, 5)), timedelta(seconds=30))
    return Truth(0)


def _other_content(ground: Ground, where: float) -> Truth:
    chosen = at(where, _CASES)
    case = ground.world.cases[chosen]
    with owner_of(ground) as owner:
        before = _record(owner, case)["content"]
        ground.change(1, chosen)
        owner.do("UPDATE case_record SET content = %s WHERE id = %s", before, case)
    ground.tried("desk", lambda: ground.show(1, chosen))
    return Truth(1, (seen("desk", "content_unreadable", case=case), seen("verifier", "damaged record", case=case)))


def _removed(ground: Ground, where: float) -> Truth:
    chosen = at(where, _CASES)
    case = ground.world.cases[chosen]
    first = numbers_about(ground, case)[0]
    with owner_of(ground) as owner:
        for table in DEPENDENT:
            owner.do(f"DELETE FROM {table} WHERE case_id = %s", case)
        owner.do("DELETE FROM case_record WHERE id = %s", case)
    ground.tried("desk", lambda: ground.show(1, chosen))
    return Truth(
        1, (seen("desk", "case_unknown", case=case), seen("verifier", "no salt and no certificate", entry=first))
    )


def _person_removed(ground: Ground, where: float) -> Truth:
    case = ground.world.cases[at(where, _CASES)]
    with owner_of(ground) as owner:
        rows = owner.do("SELECT id FROM person WHERE case_id = %s ORDER BY id", case)
        person = at(where, range(len(rows)))
        owner.do("DELETE FROM blind_index WHERE case_id = %s AND person = %s", case, rows[person]["id"])
        owner.do("DELETE FROM person WHERE case_id = %s AND id = %s", case, rows[person]["id"])
    return Truth(1, (seen("verifier", "gone", case=case, person=rows[person]["id"]),))


def _salt_destroyed(ground: Ground, where: float) -> Truth:
    chosen = at(where, _CASES)
    case = ground.world.cases[chosen]
    with owner_of(ground) as owner:
        owner.do("DELETE FROM case_key WHERE case_id = %s", case)
    ground.desk.safe.forget()
    ground.tried("desk", lambda: ground.show(1, chosen))
    return Truth(1, (
        seen("desk", "key_material_damaged"), seen("verifier", "damaged salt", case=case),
        seen("verifier", "damaged record", case=case),
    ))  # fmt: skip


def _certificate(ground: Ground, owner: Owner) -> tuple[Row, int]:
    """The certificate of the case that was erased first, and the number of the entry that tells of it."""
    (row,) = owner.do("SELECT * FROM erasure_certificate WHERE case_id = %s", ground.world.cases[0])
    digest = sha256(row["body"]).hexdigest()
    return row, next(number for number, event in enumerate(events(ground)) if digest in str(event.get("details")))


def _certificate_removed(ground: Ground, where: float) -> Truth:
    with owner_of(ground) as owner:
        row, number = _certificate(ground, owner)
        owner.do("DELETE FROM erasure_certificate WHERE case_id = %s", row["case_id"])
    return Truth(1, (seen("verifier", "certificate missing or changed", entry=number),))


def _certificate_altered(ground: Ground, where: float) -> Truth:
    words = at(where, (0, 1, 2))
    old, new = ((b"opened_by_mistake", b"retention_is_over"), (b"civil-a", b"civil-b"), (b"ann@", b"bob@"))[words]
    with owner_of(ground) as owner:
        row, number = _certificate(ground, owner)
        assert old in row["body"]
        altered = row["body"].replace(old, new)
        owner.do("UPDATE erasure_certificate SET body = %s WHERE case_id = %s", altered, row["case_id"])
    return Truth(1, (seen("verifier", "certificate missing or changed", entry=number),))


def _done_away_with(ground: Ground, where: float, *, knows_the_tag: bool) -> str:
    """A case is done away with by hand, and a certificate made for it that looks like one."""
    case = ground.world.cases[at(where, _CASES)]
    with ground.desk.database.reading() as work:
        key = ground.desk.safe.key_for(case, work)
    assert key is not None, "the case is there"
    with owner_of(ground) as owner:
        row, _ = _certificate(ground, owner)
        words = json.loads(row["body"])
        words |= {"case": case, "tag": tag(key.ledger_salt()) if knows_the_tag else words["tag"]}
        body = json.dumps(words, separators=(",", ":")).encode()
        owner.do("INSERT INTO erasure_certificate (case_id, at, body) VALUES (%s, %s, %s)", case, row["at"], body)
        owner.do("DELETE FROM case_key WHERE case_id = %s", case)
    return case


def _certificate_invented(ground: Ground, where: float) -> Truth:
    first = numbers_about(ground, ground.world.cases[at(where, _CASES)])[0]
    case = _done_away_with(ground, where, knows_the_tag=False)
    return Truth(1, (
        seen("verifier", "certificate never entered", case=case),
        seen("verifier", "no salt and no certificate", entry=first),
    ))  # fmt: skip


def _certificate_invented_well(ground: Ground, where: float) -> Truth:
    case = _done_away_with(ground, where, knows_the_tag=True)
    return Truth(1, (seen("verifier", "certificate never entered", case=case),))


ACTS = (
    Act("a case put back to an earlier revision, with its events", ADMIN, _rolled_back),
    Act("an old record put back, shown to somebody, and taken away again", ADMIN, _rolled_back_and_shown),
    Act("the same within a minute of the change", ADMIN, _rolled_back_and_shown_soon,
        why_not="a slow reader may be shown what was there a moment ago, and be entered after the change"),
    Act("the sealed content of another revision put into a case", ADMIN, _other_content, (0.0, 1.0)),
    Act("a case removed with everything of it", ADMIN, _removed, (0.0, 1.0)),
    Act("a person's identity removed", ADMIN, _person_removed),
    Act("a case's key destroyed without an erasure", ADMIN, _salt_destroyed, (0.0, 1.0)),
    Act("a certificate of erasure removed", ADMIN, _certificate_removed, (0.0,)),
    Act("a certificate of erasure altered", ADMIN, _certificate_altered),
    Act("a case's key destroyed, and a certificate invented", ADMIN, _certificate_invented, (0.0, 1.0)),
    Act("the same by somebody who knows the case's salt", "database and vault administrator",
        _certificate_invented_well, (0.0, 1.0)),
)  # fmt: skip
