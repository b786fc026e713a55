"""What every command gets, and how it fails and shows progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from tts_models.assets import AssetStore, ProgressEvent
from tts_models.assets import Progress as AssetProgress
from tts_models.errors import AssetError


class CommandFailed(Exception):
    """The command cannot do what it was asked; the argument says what, why and what would work, in one line."""


_PIPE_WIDTH = 200


@dataclass(frozen=True, slots=True)
class CliContext:
    """The options before the command.

    Attributes:
        home: Folder of the asset store, absolute.
        hub: Base address of the Hugging Face hub.
        offline: Never use the network.
    """

    home: Path
    hub: str
    offline: bool

    def store(self, home: Path | None = None) -> AssetStore:
        """The asset store in ``home``, or else in the user's folder."""
        return AssetStore(home or self.home, offline=self.offline, hub_endpoint=self.hub)


@cache
def results() -> Console:
    """Standard output: what the user asked for. Into a pipe it is wide, so that nothing is cut."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)


@cache
def messages() -> Console:
    """Standard error: progress and remarks, so that standard output can be piped."""
    return Console(stderr=True, highlight=False)


def table_of(*headers: str) -> Table:
    """A plain table; long cells are folded, never cut."""
    table = Table(box=None, header_style="bold", show_header=bool(headers), pad_edge=False)
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


@contextmanager
def waiting_for(what: str) -> Iterator[None]:
    """A spinner while something takes seconds; nothing where nobody watches."""
    if messages().is_terminal:
        with messages().status(what):
            yield
    else:
        yield


@contextmanager
def asset_progress(store: AssetStore) -> Iterator[AssetProgress]:
    """A progress callback that draws one bar for each asset that has to be worked on; lines where nobody watches."""
    if not messages().is_terminal:
        yield _LineProgress()
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=messages()) as bars:
        tasks: dict[str, TaskID] = {}

        def show(event: ProgressEvent, /) -> None:
            task = tasks.get(event.asset)
            if task is None:
                if event.step in ("ready", "verifying"):
                    return  # nothing to wait for
                task = tasks[event.asset] = bars.add_task(event.asset, total=None)
            if event.step == "ready":
                size_bytes = store.asset(event.asset).size_bytes
                bars.update(task, description=event.asset, completed=size_bytes, total=size_bytes)
                return
            words = f"{event.asset}  [dim]{event.step} {event.detail}"
            bars.update(task, description=words, completed=event.done_bytes, total=event.total_bytes or None)

        yield show


class _LineProgress:
    """A line for each step of an asset that has to be worked on."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, str]] = {}

    def __call__(self, event: ProgressEvent, /) -> None:
        started = event.asset in self._last
        if not started and event.step in ("ready", "verifying"):
            return
        if self._last.get(event.asset) != (event.step, event.detail):
            self._last[event.asset] = (event.step, event.detail)
            messages().print(f"{event.asset}: {event.step} {event.detail}".rstrip(), soft_wrap=True)


def fetch_assets(store: AssetStore, *names: str) -> list[Path]:
    """The named assets, fetched with progress bars where they are missing."""
    with asset_progress(store) as progress:
        return [store.ensure(name, progress) for name in names]


def fetch_all_assets(store: AssetStore) -> None:
    """Every asset; of those that are optional, it is said which cannot be had."""
    for name, asset in store.manifest.items():
        try:
            fetch_assets(store, name)
        except AssetError as error:
            if not asset.optional:
                raise
            messages().print(f"[yellow]without {name} ({asset.description}): {error}", soft_wrap=True)
