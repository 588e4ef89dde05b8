"""``/api/v1/emergencies``."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/emergencies", tags=["emergencies"])
