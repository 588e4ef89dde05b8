"""Definitions that cases are pinned to, and the local settings of what they leave open."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import bindparam, select

from engine.store.statements import Statement, upsert_into
from engine.store.tables import TABLES
from engine.store.wires import Wire

_PINNED = TABLES["pinned_definition"]
_SETTING = TABLES["parameter_setting"]

_PIN = upsert_into(_PINNED)
_BODY = Statement(select(_PINNED.c.body).where(_PINNED.c.hash == bindparam("named")), "named")
_SET = upsert_into(_SETTING, "value", "source", "set_by", "set_at")
_SETTINGS = Statement(
    select(_SETTING.c.name, _SETTING.c.value)
    .where(_SETTING.c.definition_id == bindparam("of"))
    .order_by(_SETTING.c.name),
    "of",
)


class DefinitionRows:
    """The part of a unit of work that keeps definitions and settings."""

    wire: Wire

    def pin_definition(self, hash: str, id: str, version: str, body: bytes, at: datetime) -> None:
        """Keep a definition (canonical JSON) under its hash; what is kept already stays as it is."""
        self.wire.write(_PIN, (hash, id, version, body, at))

    def pinned_definition(self, hash: str) -> bytes | None:
        """The definition kept under a hash, as canonical JSON."""
        found = self.wire.row(_BODY, (hash,))
        return None if found is None else found[0]

    def settings_of(self, definition_id: str) -> dict[str, object]:
        """The local settings for a definition, by parameter; what is not set is not in it."""
        return {name: json.loads(value) for name, value in self.wire.rows(_SETTINGS, (definition_id,))}

    def set_setting(self, definition_id: str, name: str, value: object, *, set_by: str, set_at: datetime) -> None:
        """Set a parameter, over what was set before. ``value`` is anything JSON can hold."""
        self.wire.write(_SET, (definition_id, name, json.dumps(value), "deployer", set_by, set_at))
