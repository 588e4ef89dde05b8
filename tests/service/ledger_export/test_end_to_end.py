"""From a day's work to the verdict of an auditor who has only files: everything passes, and a changed row does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api import verify
from engine.core import commands as cmd
from engine.core.commands import Actor
from engine.ledger.auditor_file import HYBRID_BYTES, PublicKey, write_key
from engine.ledger.streams import AuditorKey
from engine.service import read
from engine.service.audit_export import export, export_digests, export_salts
from engine.service.auditors import Auditors, add, remove
from engine.service.desk import Desk, kept
from engine.service.scribe import Scribe
from engine.service.signer import Signer
from engine.service.signer_folder import SignerFolder
from engine.service.trial import release_all
from tests.conftest import Database
from tests.core.play import OTHER, RULES, START, directory
from tests.service.desks import POLICE, ask, play_desk
from tests.service.inspection import as_owner
from tests.service.ledger_export.exporting import AUDIT, populated, signed, signer_of
from tests.service.sealed_world import World

ADMIN = Actor("officer-1", "police-a")
FIRST, SECOND = b"not a secret: an auditor's key ~", bytes(range(HYBRID_BYTES))


@dataclass
class Audited:
    """A world that is audited: its desk, its signer, and what the auditor holds."""

    desk: Desk
    database: Database
    signer: Signer
    folder: Path
    keys: list[str] = field(default_factory=list)
    world: World = field(default_factory=World)
    exports: int = 0

    def key(self, private: bytes, name: str) -> str:
        """Keep the key of an auditor in an open file, and give its public line."""
        path = self.folder / f"{name}.key"
        path.write_bytes(write_key(private, name, None, bytes(16), bytes(12)))
        self.keys += ["--key", str(path)]
        return PublicKey(name, AuditorKey(private).public).to_text()

    def export(self) -> list[str]:
        """Take digests and salts, let the ledger be signed, and export it: what the auditor verifies with."""
        self.exports += 1
        names = {name: self.folder / f"{self.exports}.{name}" for name in ("digests", "salts", "bundle")}
        with names["digests"].open("wb") as file:
            export_digests(self.desk, file.write, AUDIT)
        with names["salts"].open("wb") as file:
            export_salts(self.desk, file.write, None, AUDIT)
        signed(self.desk, self.signer)
        with names["bundle"].open("wb") as file:
            export(self.desk, file.write, AUDIT)
        log_key = SignerFolder(self.signer.folder).public()[0].to_text()
        beside = [word for name in ("digests", "salts") for word in (f"--{name}", str(names[name]))]
        return [str(names["bundle"]), "--log-key", log_key, *beside, *self.remembered()]

    def remembered(self) -> list[str]:
        """The checkpoint of last time, or that there is none."""
        return ["--remembered", str(self.folder / "remembered"), "--first"]

    def change(self, table: str, act: str, *values: object) -> None:
        """Change the database as its owner, who takes the guards off first."""
        if self.database.kind == "sqlite":
            triggers = as_owner(self.database, "SELECT name FROM sqlite_master WHERE type = 'trigger'")[0]
            as_owner(self.database, *(f"DROP TRIGGER {one['name']}" for one in triggers))
        else:
            as_owner(self.database, f"ALTER TABLE {table} DISABLE TRIGGER USER")
        as_owner(self.database, act, values=values)
        self.desk.safe.forget()


@pytest.fixture
def audited(database: Database, tmp_path: Path) -> Iterator[Audited]:
    """Give a world in which two auditors came one after the other, and a day's work was done."""
    with play_desk(database.app_url, known=True) as desk:
        desk.attachments = tmp_path / "attachments"
        auditors = Auditors(tmp_path / "keys" / "auditors.json")
        made = Audited(desk, database, signer_of(desk, tmp_path / "signer"), tmp_path)
        desk.scribe = Scribe(desk.database, auditors.keys, lambda: datetime.now(UTC))
        add(auditors, desk.scribe, made.key(FIRST, "auditor-1"), ADMIN)
        with kept(desk.database) as work:
            work.save_directory(directory())
        release_all(replace(desk, clock=lambda: START), (rules.definition for rules in (RULES, OTHER)))
        made.world, _ = populated(desk)
        add(auditors, desk.scribe, made.key(SECOND, "auditor-2"), ADMIN)
        read.show(desk, made.world.cases[1], POLICE)
        remove(auditors, desk.scribe, "auditor-1", ADMIN)
        read.show(desk, made.world.cases[2], POLICE)
        desk.scribe.beat()
        yield made


def verdict(words: list[str], capsys: pytest.CaptureFixture[str], code: int) -> dict[str, Any]:
    """What the verifier says, held to its exit code."""
    capsys.readouterr()
    found = verify.run([*words, "--json"], "en")
    said = capsys.readouterr().out
    assert found == code, said
    told: dict[str, Any] = json.loads(said)
    return told


def test_a_days_work_verifies_in_full(audited: Audited, capsys: pytest.CaptureFixture[str]) -> None:
    verdict([*audited.export(), *audited.keys], capsys, 0)
    ask(audited.desk, cmd.Contribute(case=audited.world.cases[1], track="rescue", note="seen again"))
    verdict([*audited.export(), *audited.keys], capsys, 0)


def test_without_all_keys_not_everything_can_be_checked(audited: Audited, capsys: pytest.CaptureFixture[str]) -> None:
    words = audited.export()
    verdict(words, capsys, 2)
    verdict([*words, *audited.keys[:2]], capsys, 2)


def test_without_salts_nobody_is_told_whom_entries_concern(
    audited: Audited, capsys: pytest.CaptureFixture[str]
) -> None:
    words = audited.export()
    at = words.index("--salts")
    verdict([*words[:at], *words[at + 2 :], *audited.keys], capsys, 2)


# ── somebody owns the database ──


def _entry_changed(audited: Audited) -> None:
    with audited.desk.database.reading() as work:
        (entry,) = work.entries(7, 1)
    forged = entry[:-1] + bytes([entry[-1] ^ 1])
    audited.change("ledger_entry", "UPDATE ledger_entry SET entry = %s WHERE number = %s", forged, 7)


def _entries_swapped(audited: Audited) -> None:
    with audited.desk.database.reading() as work:
        one, other = work.entries(7, 2)
    act = "UPDATE ledger_entry SET entry = CASE number WHEN 7 THEN %s ELSE %s END WHERE number IN (7, 8)"
    if audited.database.kind == "postgresql":
        act = act.replace("%s", "%s::bytea")
    audited.change("ledger_entry", act, other, one)


def _record_rolled_back(audited: Audited) -> None:
    case = audited.world.cases[1]
    asked = "SELECT content, revision, events FROM case_record WHERE id = %s"
    ((before,),) = as_owner(audited.database, asked, values=(case,))
    ask(audited.desk, cmd.Contribute(case=case, track="rescue", note="seen again"))
    audited.change(
        "case_record", "UPDATE case_record SET content = %s, revision = %s, events = %s WHERE id = %s",
        before["content"], before["revision"], before["events"], case,
    )  # fmt: skip


def _record_destroyed(audited: Audited) -> None:
    case = audited.world.cases[2]
    audited.change("case_record", "UPDATE case_record SET content = %s WHERE id = %s", b"x" * 60, case)


def _identity_removed(audited: Audited) -> None:
    audited.change("person", "DELETE FROM person WHERE case_id = %s", audited.world.cases[2])


def _certificate_changed(audited: Audited) -> None:
    case = audited.world.cases[0]
    ((row,),) = as_owner(audited.database, "SELECT body FROM erasure_certificate WHERE case_id = %s", values=(case,))
    forged = bytes(row["body"]).replace(b"opened_by_mistake", b"retention_is_over")
    audited.change("erasure_certificate", "UPDATE erasure_certificate SET body = %s WHERE case_id = %s", forged, case)


def _certificate_removed(audited: Audited) -> None:
    audited.change("erasure_certificate", "DELETE FROM erasure_certificate WHERE body <> %s", b"")


def _faults(told: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {one["name"]: one["faults"] for one in told["checks"] if one["state"] == "fail"}


@pytest.mark.parametrize(
    ("attack", "failing", "place"),
    [
        (_entry_changed, {"leaves", "append_only", "decryption"}, {"entry": 7}),
        (_entries_swapped, {"leaves", "append_only"}, {"entry": 7}),
        (_record_rolled_back, {"reconciliation"}, {"case": "GT-0002"}),
        (_record_destroyed, {"reconciliation"}, {"case": "GT-0003"}),
        (_identity_removed, {"reconciliation"}, {"case": "GT-0003", "person": "P-VIC3"}),
        (_certificate_changed, {"certificates"}, {"word": "certificate missing or changed"}),
        (_certificate_removed, {"certificates"}, {"word": "certificate missing or changed"}),
    ],
)
def test_what_was_changed_behind_the_ledger_is_found_and_named(
    audited: Audited, capsys: pytest.CaptureFixture[str], attack: Callable[[Audited], None], failing: set[str],
    place: dict[str, Any],
) -> None:  # fmt: skip
    verdict([*audited.export(), *audited.keys], capsys, 0)
    remembered = (audited.folder / "remembered").read_bytes()
    attack(audited)
    found = _faults(verdict([*audited.export(), *audited.keys], capsys, 1))
    assert failing <= set(found)
    assert any(place.items() <= fault.items() for name in found for fault in found[name]), found
    assert (audited.folder / "remembered").read_bytes() == remembered


# ── reading ──


def test_an_auditor_finds_what_was_done_with_one_case(audited: Audited, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, *rest = audited.export()
    salts = rest[rest.index("--salts") : rest.index("--salts") + 2]
    capsys.readouterr()
    assert verify.run(["find", bundle, *audited.keys, *salts, "--case", audited.world.cases[1], "--json"], "en") == 0
    found = [json.loads(line)["event"]["act"] for line in capsys.readouterr().out.splitlines()]
    assert {"case:open", "identity:record", "case:move", "file:attach", "case:show", "case:timeline"} <= set(found)
    assert verify.run(["find", bundle, *audited.keys, *salts, "--case", audited.world.cases[0], "--json"], "en") == 0
    assert capsys.readouterr().out == "", "of an erased case nobody finds anything any more"
