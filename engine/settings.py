"""Settings of an installation, read once from the environment. Nothing else in the house looks at it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the database is, which language people read first, and where logs go.

    ``database_url`` is a SQLAlchemy URL; the embedded default is a SQLite file in ``home``. ``postgres_programs`` is
    the folder of ``pg_dump`` and ``pg_restore``; without one they are looked for on the ``PATH``.
    """

    home: Path
    database_url: str
    language: str = "zh"
    log_level: str = "INFO"
    workflows: Path | None = None
    key_file: Path | None = None
    passphrase_file: Path | None = None
    postgres_programs: Path | None = None

    @property
    def root_keys(self) -> Path:
        """The key file: apart from the data, so that one can be backed up without the other."""
        return self.key_file or self.home / "keys" / "root.json"

    @property
    def auditors(self) -> Path:
        """The list of auditors, beside the key file: who can write the database alone cannot add a reader."""
        return self.root_keys.parent / "auditors.json"

    @property
    def signer(self) -> Path:
        """The folder of the signer of checkpoints, unless it is kept on another machine."""
        return self.home / "signer"

    @property
    def attachments(self) -> Path:
        """The folder of the encrypted files; it belongs to one database, and is backed up with it."""
        return self.home / "attachments"

    @staticmethod
    def from_environment(
        *, home: Path | None = None, database: str | None = None, language: str | None = None, log_level: str = "INFO"
    ) -> Settings:
        """Read the variables that begin with ``GUITU_``: each is named beside its field below.

        What is given goes before the environment; a given ``home`` brings its own database, keys and
        attachments. ``log_level`` holds where the environment says nothing.
        """
        stated = database if home is not None else database or os.environ.get("GUITU_DATABASE_URL")
        place = home or Path(os.environ.get("GUITU_HOME", Path.home() / ".guitu"))
        spoken = language or os.environ.get("GUITU_LANGUAGE", "zh")
        return Settings(
            home=place,
            database_url=stated or f"sqlite:///{place / 'guitu.db'}",
            language=spoken if spoken in ("zh", "en") else "zh",
            log_level=os.environ.get("GUITU_LOG_LEVEL", log_level),
            workflows=_path("GUITU_WORKFLOWS"),
            key_file=None if home is not None else _path("GUITU_KEY_FILE"),
            passphrase_file=_path("GUITU_PASSPHRASE_FILE"),
            postgres_programs=_path("GUITU_PG_BIN"),
        )


def _path(name: str) -> Path | None:
    stated = os.environ.get(name)
    return Path(stated) if stated else None
