"""One file over HTTP, continued where it broke off."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tts_models.assets.network import Network, SourceFailed

_BLOCK_BYTES = 1 << 16
"""What a broken connection can lose."""


def download(url: str, target: Path, size_bytes: int, on_bytes: Callable[[int], None], network: Network) -> None:
    """Fetch ``url`` into ``target``.

    The bytes gather in ``target.part``. What an earlier run left there is continued by an HTTP range request; a server
    that does not know ranges sends the file from its start.

    Args:
        url: Address of the file; redirects are followed.
        target: Where the complete file goes.
        size_bytes: Its length.
        on_bytes: Told the number of bytes present so far.
        network: Time limits.

    Raises:
        SourceFailed: The server cannot be reached, refuses, breaks off ``network.attempts`` times in a row without a
            new byte, or sends a file of another length.
        OSError: The disk cannot take it.
    """
    part = target.with_name(target.name + ".part")
    problem = ""
    fruitless = 0
    while fruitless < network.attempts:
        if fruitless:
            time.sleep(network.retry_wait_s * 2 ** (fruitless - 1))
        fruitless += 1
        had_bytes = _length(part)
        try:
            _continue(url, part, size_bytes, on_bytes, network)
        except requests.exceptions.ConnectTimeout as error:
            raise SourceFailed(f"no connection to {_host(url)} within {network.connect_timeout_s:g} s") from error
        except requests.exceptions.ConnectionError as error:
            if _never_connected(error):
                raise SourceFailed(f"no connection to {_host(url)}: {_root_cause(error)}") from error
            problem = f"the connection to {_host(url)} broke: {_root_cause(error)}"
        except requests.exceptions.RequestException as error:
            problem = f"{_host(url)}: {_root_cause(error)}"
        else:
            if _length(part) == size_bytes:
                part.replace(target)
                return
            problem = f"{_host(url)} sent {_length(part):,} of {size_bytes:,} bytes"
        if _length(part) > had_bytes:
            fruitless = 0
    raise SourceFailed(f"{problem} ({network.attempts} attempts)")


def _continue(url: str, part: Path, size_bytes: int, on_bytes: Callable[[int], None], network: Network) -> None:
    """Append what is missing to ``part``; return when the server has no more to send."""
    have_bytes = _length(part)
    if have_bytes > size_bytes:
        part.unlink()
        have_bytes = 0
    if have_bytes == size_bytes:
        return
    # "identity": the length and the range must count the file's own bytes.
    headers = {"Accept-Encoding": "identity"}
    if have_bytes:
        headers["Range"] = f"bytes={have_bytes}-"
    timeouts = (network.connect_timeout_s, network.stall_timeout_s)
    with requests.get(url, headers=headers, timeout=timeouts, stream=True) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()
            raise SourceFailed(f"{_host(url)} has the file with another length")
        if response.status_code >= 500 or response.status_code == requests.codes.too_many_requests:
            raise requests.exceptions.RequestException(f"HTTP {response.status_code} {response.reason}")
        if response.status_code >= 400:
            raise SourceFailed(f"{_host(url)} answered HTTP {response.status_code} {response.reason}")
        continues = response.status_code == requests.codes.partial_content and response.headers.get(
            "Content-Range", ""
        ).startswith(f"bytes {have_bytes}-")
        if not continues:
            have_bytes = 0
        with part.open("ab" if continues else "wb") as out:
            for block in response.iter_content(_BLOCK_BYTES):
                have_bytes += len(block)
                if have_bytes > size_bytes:
                    raise SourceFailed(f"{_host(url)} sends more than the {size_bytes:,} bytes of {part.stem}")
                out.write(block)
                on_bytes(have_bytes)


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _never_connected(error: BaseException) -> bool:
    return any(type(cause).__name__ in ("NameResolutionError", "NewConnectionError") for cause in _causes(error))


def _root_cause(error: BaseException) -> str:
    """The innermost reason in words, without the layers of classes and addresses around it."""
    for cause in reversed(_causes(error)):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return str(_causes(error)[-1])


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        item = pending.pop(0)
        if isinstance(item, BaseException) and item not in chain:
            chain.append(item)
            pending += [getattr(item, "reason", None), item.__cause__, item.__context__, *item.args]
    return chain
