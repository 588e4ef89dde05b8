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
    postgres_programs: Path | None = None

    @staticmethod
    def from_environment(
        *, home: Path | None = None, database: str | None = None, language: str | None = None, log_level: str = "INFO"
    ) -> Settings:
        """Read ``GUITU_HOME``, ``GUITU_DATABASE_URL``, ``GUITU_LANGUAGE`` and what else begins with ``GUITU_`` below.

        What is given goes before the environment; a given ``home`` brings its own database. ``log_level`` holds where
        the environment says nothing.
        """
        stated = database if home is not None else database or os.environ.get("GUITU_DATABASE_URL")
        place = home or Path(os.environ.get("GUITU_HOME", Path.home() / ".guitu"))
        spoken = language or os.environ.get("GUITU_LANGUAGE", "zh")
        workflows = os.environ.get("GUITU_WORKFLOWS")
        programs = os.environ.get("GUITU_PG_BIN")
        return Settings(
            home=place,
            database_url=stated or f"sqlite:///{place / 'guitu.db'}",
            language=spoken if spoken in ("zh", "en") else "zh",
            log_level=os.environ.get("GUITU_LOG_LEVEL", log_level),
            workflows=Path(workflows) if workflows else None,
            postgres_programs=Path(programs) if programs else None,
        )
