"""``/api/v1/sign-in``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/sign-in", tags=["sign-in"])
