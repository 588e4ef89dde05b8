"""``/api/v1/shared-data``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/shared-data", tags=["shared-data"])
