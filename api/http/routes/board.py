"""``/api/v1/board``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/board", tags=["board"])
