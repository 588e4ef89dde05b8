"""``python -m tests.bench.ledger_memory BUNDLE LOG_KEY KEY``: verify, and say how many bytes of memory that took."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.ledger.note import VerifierKey
from engine.ledger.streams import AuditorKey
from engine.ledger.verifying.brought import Brought
from engine.ledger.verifying.verifier import verify


def main() -> None:
    """Verify with the public key of the log and the private key of an auditor, in hex. Nothing more is loaded."""
    path, log_key, key = sys.argv[1:]
    keys = [AuditorKey(bytes.fromhex(key))]
    with Path(path).open("rb") as file:
        report = verify(file.read, Brought(log_key=VerifierKey.from_text(log_key), is_first=True, keys=keys))
    assert not any(check.found["fault"] for check in report.checks)
    print(_peak())


def _peak() -> int:
    """The most this process held at once; what the one that started it holds is not counted, as elsewhere it is."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    found = [line.split() for line in lines if line.startswith("VmHWM:")]
    return 1024 * int(found[0][1]) if found else 0


if __name__ == "__main__":
    main()
