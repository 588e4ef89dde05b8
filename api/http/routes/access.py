"""``/api/v1/access``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/access", tags=["access"])
