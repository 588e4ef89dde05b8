"""``/api/v1/hand-offs``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/hand-offs", tags=["hand-offs"])
