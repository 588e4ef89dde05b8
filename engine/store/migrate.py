"""Bring a database to the schema of this release. The schema is upgraded step by step, never made anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from engine.store.database import engine_for, is_there
from engine.store.faults import DRIVER_ERRORS, fault_of
from engine.store.wires import SEES_THE_HOUSE

_LOCK = 0x67756974  # "guit": one upgrade at a time on PostgreSQL; on SQLite the write lock does it


def upgrade(url: str, to: str = "head") -> str:
    """Upgrade the schema in one transaction and return the revision it then has; makes the file on SQLite.

    On PostgreSQL run it as the owner of the database, not as the role the engine runs with. Raises
    :class:`StoreUnavailable` when the database cannot be reached or refuses, :class:`StoreFull` on a full disk.
    """
    with _connected(url) as connection:
        command.upgrade(_config(connection), to)
        return _current(connection) or ""


def downgrade(url: str, to: str) -> str:
    """Take the schema back to an earlier revision (``base``: to nothing, with all that was recorded)."""
    with _connected(url) as connection:
        command.downgrade(_config(connection), to)
        return _current(connection) or ""


def current(url: str) -> str | None:
    """The revision the database has; ``None`` when it was never upgraded."""
    if not is_there(engine_for(url)):
        return None
    with _connected(url) as connection:
        return _current(connection)


def head() -> str:
    """The newest revision there is."""
    return ScriptDirectory.from_config(_config(None)).get_current_head() or ""


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """Give a connection inside one transaction, kept when the block ends well; leaves none open behind it."""
    engine = engine_for(url)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "BEGIN")
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                connection.exec_driver_sql(SEES_THE_HOUSE)  # else it would take a full database for an empty one
            yield connection
            connection.exec_driver_sql("COMMIT")
    except DRIVER_ERRORS as error:
        raise fault_of(error) from None
    finally:
        engine.dispose()


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
