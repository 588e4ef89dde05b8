"""``/healthz``, ``/readyz`` and ``/metrics``: asked by machines that watch over this one."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.http.door import TheDesk
from api.http.metrics import Metrics
from api.http.problems import problems
from engine.errors import NotReady, OnlyFromHere
from engine.service.readiness import standings

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
router = APIRouter(tags=["health"])


class Health(BaseModel):
    """That the process is alive, or ready."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"status": "ok"}]})

    status: Annotated[str, Field(max_length=10)]


@router.get(
    "/healthz", operation_id="health", summary="Is the process alive", responses=problems(),
    description="进程是否在运行；不查任何依赖。\n\nWhether the process is alive; nothing it stands on is looked at.",
)  # fmt: skip
def health() -> Health:
    """The process is alive."""
    return Health(status="ok")


@router.get(
    "/readyz", operation_id="readiness", summary="Can it do its work", responses=problems(),
    description="数据库、结构版本、密钥与审计账是否就绪；只说代码。\n\n"
    "Whether database, schema, keys and ledger are ready; codes only.",
)  # fmt: skip
def readiness(desk: TheDesk) -> Health:
    """Raise :class:`NotReady` with the codes of what is not ready."""
    faults = [f"{one.name}:{one.fault}" for one in standings(desk) if one.fault is not None]
    if faults:
        listed = ", ".join(faults)
        raise NotReady(f"尚未就绪：{listed}", f"not ready: {listed}")
    return Health(status="ok")


@router.get(
    "/metrics", operation_id="metrics", summary="Figures for Prometheus", response_class=Response,
    responses={200: {"content": {"text/plain": {"example": "guitu_ledger_waiting 0.0"}}}, **problems(403)},
    description="供 Prometheus 采集的计数；只限本机，除非另有设置。\n\n"
    "Counts for Prometheus; told to this machine only, unless a setting opens them.",
)  # fmt: skip
def metrics(request: Request) -> Response:
    """Tell the figures. Raises :class:`OnlyFromHere`."""
    if not request.app.state.shows_metrics and not _is_here(request):
        raise OnlyFromHere("仅限本机读取", "told to this machine only (GUITU_METRICS_OPEN=1 opens it)")
    counted = request.app.state.metrics
    assert isinstance(counted, Metrics), "the app is made with them"
    return Response(counted.text(), media_type=PLAIN)


def _is_here(request: Request) -> bool:
    """Whether the caller is on this machine; one on a socket of it is whoever may open that socket: not said."""
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
