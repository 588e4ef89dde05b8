"""``/api/v1/directory``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/directory", tags=["directory"])
