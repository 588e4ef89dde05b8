"""``/api/v1/notices``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/notices", tags=["notices"])
