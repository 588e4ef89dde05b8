"""The end of the demo: the ledger of its world is signed, exported, verified away from it, and a forgery found out."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from api import verify
from api.world import World
from engine.service import audit_export
from engine.service.actors import read_actor
from engine.service.sequencer import sequence_all
from engine.service.trial_ledger import WHO, TrialLedger, forged

AUDITOR = f"{WHO.person}@{WHO.unit}"
_EXPECTED = {"exported": 0, "forged": 1}
"""What the verifier must answer; a demo in which it answers otherwise has failed."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What the auditor takes along from the world, and the log's key that she was given once."""

    folder: Path
    log_key: str
    auditor_key: Path

    @property
    def bundle(self) -> Path:
        """The ledger up to its checkpoint."""
        return self.folder / "bundle"

    def words(self, bundle: Path) -> list[str]:
        """What the verifier is asked."""
        told = {"--log-key": self.log_key, "--key": str(self.auditor_key), "--salts": str(self.folder / "salts"),
                "--digests": str(self.folder / "digests"), "--remembered": str(self.folder / "remembered")}  # fmt: skip
        return [str(bundle), *(word for pair in told.items() for word in pair), "--first"]


def audit(world: World, ledger: TrialLedger) -> dict[str, Any]:
    """Sign, export and verify; then verify a copy in which one byte is another. Says all of it, and gives it as data.

    Ends the demo with exit code 1 when the verifier does not say what is true.
    """
    brought = _taken_along(world, ledger)
    content, number = forged(brought.bundle.read_bytes())
    copy = brought.folder / "bundle-forged"
    copy.write_bytes(content)
    pick = world.speech.pick
    heads = {
        "exported": pick("═══ 审计：离线核验导出的审计包", "═══ The audit: the exported bundle, verified offline"),
        "forged": pick(
            f"═══ 审计：另一份副本中第 {number} 条被改动一个字节，校验和也已重算",
            f"═══ The audit: a copy in which one byte of entry {number} was changed, and the checksum put right",
        ),
    }
    found = {}
    for name, bundle in (("exported", brought.bundle), ("forged", copy)):
        code, said = _verified(world, brought.words(bundle), heads[name])
        found[name] = {"exit_code": code, "report": said}
        if code != _EXPECTED[name]:
            world.speech.complain(pick("核验结果与事实不符", "the verifier did not say what is true"))
            raise typer.Exit(1)
    return found | {"changed_entry": number, "log_key": brought.log_key}


def _taken_along(world: World, ledger: TrialLedger) -> Brought:
    desk, who = world.desk, read_actor(AUDITOR)
    # Digests and salts first: the checkpoint must reach as far as they do.
    with (ledger.folder / "digests").open("wb") as file:
        audit_export.export_digests(desk, file.write, who)
    with (ledger.folder / "salts").open("wb") as file:
        audit_export.export_salts(desk, file.write, None, who)
    desk.scribe.close()
    sequence_all(desk.database)
    key, _signed = ledger.sign(desk.database, desk.scribe)
    brought = Brought(ledger.folder, key, ledger.auditor_key)
    with brought.bundle.open("wb") as file:
        audit_export.export(desk, file.write, who)
    return brought


def _verified(world: World, words: list[str], head: str) -> tuple[int, object]:
    if world.speech.as_json:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = verify.run([*words, "--json"], world.speech.language)
        return code, json.loads(said.getvalue())
    world.speech.say()
    world.speech.say(head, style="bold")
    world.speech.say(f"  guitu audit verify {words[0]} …", style="dim")
    return verify.run(words, world.speech.language), None
