"""``/api/v1/worklists``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/worklists", tags=["worklists"])
