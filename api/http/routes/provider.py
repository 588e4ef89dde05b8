"""``/api/v1/sign-in/provider``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/sign-in/provider", tags=["sign-in"])
