"""``/docs``: the description of the REST door as a page, with Swagger UI served by the application itself."""

from __future__ import annotations

import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from engine.errors import AssetsMissing, RouteUnknown

BUILT = Path(__file__).resolve().parents[1] / "assets" / "built"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing that stands in the page itself; ``data:`` for the arrows in the style sheet."""
_KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
_FOREVER = "public, max-age=31536000, immutable"
_PAGE = """<!doctype html>
<html lang="zh-Hans">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>归途 REST API · Guitu REST API</title>
<link rel="stylesheet" href="{style}">
<link rel="icon" href="data:,">
</head>
<body>
<div id="description" data-url="{url}"></div>
<noscript><p>此页面需要 JavaScript；接口描述见 <a href="{url}">{url}</a>。</p>
<p lang="en">This page needs JavaScript; the description itself is at <a href="{url}">{url}</a>.</p></noscript>
<script src="{bundle}"></script>
<script src="{begin}"></script>
</body>
</html>
"""
DESCRIPTION = "/api/v1/openapi.json"
router = APIRouter(include_in_schema=False)


@cache
def names(folder: Path = BUILT) -> dict[str, str]:
    """Under which name each asset lies. Raises :class:`AssetsMissing` when they were not built."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise AssetsMissing(
            "此页面的文件尚未生成：请执行 make setup；接口描述见 /api/v1/openapi.json",
            "the files of this page were not built: run make setup; the description is at /api/v1/openapi.json",
        ) from None
    return {str(name): str(place) for name, place in manifest["names"].items()}


@router.get(DESCRIPTION)
def description(request: Request) -> Response:
    """What programs are generated from, made once in a process."""
    kept = request.app.state
    if getattr(kept, "description", None) is None:
        kept.description = json.dumps(request.app.openapi(), ensure_ascii=False).encode()
    return Response(kept.description, media_type="application/json")


@router.get("/docs")
def documentation(request: Request) -> Response:
    """The page. Raises :class:`AssetsMissing`."""
    root, found = request.scope.get("root_path", ""), names()
    page = _PAGE.format(
        style=escape(f"{root}/assets/{found['swagger-ui.css']}"),
        bundle=escape(f"{root}/assets/{found['swagger-ui-bundle.js']}"),
        begin=escape(f"{root}/assets/{found['docs.js']}"),
        url=escape(f"{root}{DESCRIPTION}"),
    )
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/assets/{name}")
def asset(name: str) -> Response:
    """A file under the name of its content, good for ever. Raises :class:`RouteUnknown`, :class:`AssetsMissing`."""
    if name not in names().values():  # nothing else is read, whatever it is called
        raise RouteUnknown("没有此资源", "there is no such resource")
    content, kind = (BUILT / name).read_bytes(), _KINDS[Path(name).suffix]
    return Response(content, media_type=kind, headers={"Cache-Control": _FOREVER})
