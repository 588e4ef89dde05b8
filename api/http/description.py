"""The OpenAPI description of the REST door: programs are generated from it, so it says what is answered, no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.http.origins import PROBES, SAFE
from api.http.problems import MEDIA_TYPE, TITLES

ABOUT = """归途：被拐卖受害人解救后办理流程的记录系统。所有答复均为 JSON；错误均为 RFC 9457 问题文档。

Guitu: the engine of record for the handling of rescued trafficking victims. Answers are JSON, errors are RFC 9457
problem documents with a stable `code`; texts for people come in the language that `Accept-Language` asks for (zh, en).
Changes take `If-Match` and `Idempotency-Key`; lists are pages, `next` of one is `after` of the following."""

TAGS = (
    ("sign-in", "登录与第二验证方式", "Signing in, and second factors"),
    ("recoveries", "找回登录", "Getting a lost sign-in back"),
    ("tokens", "已登记服务的令牌", "Tokens of registered services"),
    ("definitions", "流程定义", "Definitions of procedures"),
    ("leads", "线索", "Leads"),
    ("shared-data", "共享数据", "Shared data"),
    ("cases", "个案及其办理", "Cases, and what is done to them"),
    ("hand-offs", "移交", "Hand-offs"),
    ("documents", "文书与附件", "Documents and attachments"),
    ("identities", "身份保管", "Custody of identities"),
    ("requests", "须他人批准的申请", "Requests that others approve"),
    ("emergencies", "紧急查阅", "Emergencies"),
    ("worklists", "待办", "Worklists"),
    ("board", "督办看板", "The board of the joint conference office"),
    ("notices", "通知", "Notices"),
    ("webhooks", "网络回调", "Webhooks"),
    ("people", "人员与角色", "People and their roles"),
    ("directory", "单位目录", "The unit directory"),
    ("access", "权限说明", "Why somebody may, or may not"),
    ("audit", "审计账", "The audit ledger"),
    ("health", "运行状况", "Health of the process"),
)
"""Each part of the door, in 中文 and English."""


def described(app: FastAPI) -> dict[str, Any]:
    """The description of an application, made once."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, openapi_version=app.openapi_version, summary="归途 REST API",
            description=ABOUT, routes=app.routes, servers=[{"url": app.root_path or "/"}],
            tags=[{"name": name, "description": f"{zh}\n\n{en}"} for name, zh, en in TAGS],
        )  # fmt: skip
        for path, operations in found["paths"].items():
            for method, operation in operations.items():
                _tell_all(path, method, operation)
        schemas = found["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = found
    return app.openapi_schema


def _tell_all(path: str, method: str, operation: dict[str, Any]) -> None:
    """Add what the guards before a route answer, and give its problems and parameters the form they have."""
    guarded: dict[str, Any] = {status: {} for status in _guarded(path, method, operation)}
    operation["responses"] = dict(sorted({**guarded, **operation["responses"]}.items()))
    _tell_problems(operation["responses"])
    for one in operation.get("parameters", ()):
        one["schema"] = _never_null(one["schema"])


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The form of a parameter that may be left out: no address and no header can say ``null``."""
    forms = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(forms) != 1:
        return schema
    return {**forms[0], **{name: value for name, value in schema.items() if name != "anyOf"}}


def _guarded(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    """With what the guards before a route may answer, whichever route it is."""
    if path not in PROBES:
        yield "421"
    if method.upper() not in SAFE:
        yield "403"
    if "requestBody" in operation:
        yield from ("408", "413", "415")


def _tell_problems(responses: dict[str, Any]) -> None:
    """Every error is a problem document: also the one that FastAPI describes by itself, in a form of its own."""
    for status, response in responses.items():
        if not status.startswith(("4", "5")):
            continue
        zh, en = TITLES[int(status)]
        response["description"] = f"{zh}\n\n{en}"
        response["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
