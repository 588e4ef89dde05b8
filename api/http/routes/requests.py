"""``/api/v1/requests``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/requests", tags=["requests"])
