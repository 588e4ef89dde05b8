"""What Alembic runs around the migrations: inside the transaction that ``engine.store.migrate`` began."""

from __future__ import annotations

from alembic import context

from engine.store.tables import Row

context.configure(connection=context.config.attributes["connection"], target_metadata=Row.metadata)
with context.begin_transaction():
    context.run_migrations()
