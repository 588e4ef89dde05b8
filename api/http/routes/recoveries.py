"""``/api/v1/recoveries``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/recoveries", tags=["sign-in"])
