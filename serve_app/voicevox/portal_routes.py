"""What a person sees who opens the façade's address in a browser, as the engine shows it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(tags=["engine"])

_PAGE = """<!doctype html>
<html lang="ja">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Voicegraph: VOICEVOX API</title>
<h1>Voicegraph</h1>
<p>VOICEVOX ENGINE と互換性のある API です。
<ul>
  <li><a href="{root}/setting">設定</a>
  <li><a href="{root}/docs">API ドキュメント</a>
</ul>
</html>
"""


@router.get("/", summary="Where to go from here", response_class=HTMLResponse)
async def portal(request: Request) -> HTMLResponse:
    """A page with links."""
    return HTMLResponse(_PAGE.format(root=request.scope.get("root_path", "")))
