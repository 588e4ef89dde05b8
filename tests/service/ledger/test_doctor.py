"""The doctor tells when nobody sequences, nobody signs, or nobody reads: work goes on meanwhile, unnoticed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.definitions.loader import Library
from engine.service.desk import Desk
from engine.service.installation import LEDGER_LATE, SIGNER_LATE, doctor
from engine.service.sequencer import sequence_all
from engine.service.signer import Signer, begin
from tests.service.desks import opened


def states(url: str, now: datetime, auditors: Path) -> dict[str, str]:
    """What the doctor finds about the ledger."""
    found = doctor(url, now, lambda: Library(()), auditors_file=auditors)
    return {one.name: one.state for one in found if one.name in ("auditors", "sequencer", "signer")}


def test_the_doctor_tells_who_is_missing(desk: Desk, database_url: str, tmp_path: Path) -> None:
    opened(desk)
    now, nobody = datetime.now(UTC), tmp_path / "auditors.json"
    assert states(database_url, now, nobody) == {"auditors": "bad", "sequencer": "ok"}
    assert states(database_url, now + 2 * LEDGER_LATE, nobody)["sequencer"] == "warn"
    sequence_all(desk.database)
    assert states(database_url, now + 2 * LEDGER_LATE, nobody) == {
        "auditors": "bad", "sequencer": "ok", "signer": "warn"
    }  # fmt: skip
    begin(tmp_path / "signer", desk.database, None)
    signer = Signer(tmp_path / "signer", desk.database, lambda: now)
    signer.sign()
    assert states(database_url, now + timedelta(minutes=1), nobody)["signer"] == "ok"
    assert states(database_url, now + 2 * SIGNER_LATE, nobody)["signer"] == "warn"
