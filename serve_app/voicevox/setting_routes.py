"""The setting page, where people who cannot change a configuration file say which web pages may call."""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse

from serve_app.voicevox.origins import CorsPolicyMode, Setting, SettingStore

router = APIRouter(tags=["setting"])

_PAGE = """<!doctype html>
<html lang="ja">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Voicegraph: 設定</title>
<style>
  body {{ font: 1rem/1.6 sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
  label {{ display: block; margin: 1rem 0 }}
  select, input, button {{ font: inherit; padding: .3rem; width: 100%; box-sizing: border-box }}
  button {{ width: auto; padding: .3rem 2rem }}
</style>
<h1>設定 <small>Settings</small></h1>
<form method="post">
  <label>このAPIを呼び出せるページ (CORS policy)
    <select name="cors_policy_mode">
      <option value="localapps"{localapps}>このコンピューターのアプリだけ (localapps)</option>
      <option value="all"{all}>すべて (all)</option>
    </select>
  </label>
  <label>許可するオリジン、空白区切り (allow_origin)
    <input name="allow_origin" value="{allow_origin}" placeholder="https://example.com">
  </label>
  <button>保存 (Save)</button> <output></output>
</form>
<script>
  const form = document.querySelector("form"), told = document.querySelector("output");
  form.addEventListener("submit", async event => {{
    event.preventDefault();
    told.textContent = "…";
    try {{
      const answer = await fetch(location.href, {{ method: "POST", body: new URLSearchParams(new FormData(form)) }});
      told.textContent = answer.ok ? "保存しました" : "保存できませんでした (" + answer.status + ")";
    }} catch {{
      told.textContent = "保存できませんでした";
    }}
  }});
</script>
</html>
"""


@router.get("/setting", summary="The setting page", response_class=HTMLResponse)
async def setting_page(request: Request) -> HTMLResponse:
    """A page with a form."""
    setting = await _store(request).get()
    chosen = {mode: " selected" if mode == setting.cors_policy_mode else "" for mode in ("localapps", "all")}
    return HTMLResponse(_PAGE.format(allow_origin=escape(setting.allow_origin), **chosen))


@router.post("/setting", summary="Change the settings", status_code=204)
async def change_setting(
    request: Request,
    cors_policy_mode: Annotated[CorsPolicyMode, Form()],
    allow_origin: Annotated[str, Form(max_length=4_096)] = "",
) -> None:
    """They hold at once, on every replica within a second, and are kept across restarts."""
    await _store(request).set(Setting(cors_policy_mode=cors_policy_mode, allow_origin=allow_origin))


def _store(request: Request) -> SettingStore:
    store: SettingStore = request.app.state.setting
    return store
