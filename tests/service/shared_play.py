"""Sharing data in the play: what is asked for, but for some words."""

from __future__ import annotations

from typing import Any

from engine.service.shared_data import Sharing


def wanted(**words: Any) -> Sharing:
    """To share two classes with civil affairs next door, but for these words."""
    told: dict[str, Any] = {
        "ground": "play_minors", "classes": ("basic", "family"), "to_unit": "civil-b", "purpose": "who the child is",
    }  # fmt: skip
    return Sharing(**{**told, **words})
