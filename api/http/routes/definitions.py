"""``/api/v1/definitions``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/definitions", tags=["definitions"])
