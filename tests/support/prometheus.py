"""A real Prometheus over the project's own rules, where the machine has one, and what the dashboard asks it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml

from tests.support.waiting import free_port, until

CONFIG = Path(__file__).resolve().parents[2] / "config"


def dashboard_queries() -> list[tuple[str, str]]:
    """Title and query of everything on the dashboard."""
    panels = json.loads((CONFIG / "grafana/voicegraph.json").read_text())["panels"]
    return [
        (panel["title"], target["expr"].replace("$__rate_interval", "1m"))
        for panel in panels
        for target in panel.get("targets", [])
    ]


@contextmanager
def prometheus(endpoint: str, folder: Path) -> Iterator[Callable[[str], list[Any]]]:
    """Scrapes ``endpoint`` every three seconds and evaluates ``config/prometheus/rules.yml``; answers queries.

    A scrape may take as long as the interval, else Prometheus forgets every series until the next. Ray's agent needs
    about a second for it after many replicas have come and gone on a busy machine.

    Args:
        endpoint: URL of the metrics.
        folder: For its files.
    """
    binary = shutil.which("prometheus")
    assert binary
    config = yaml.safe_load((CONFIG / "prometheus/prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "3s", "evaluation_interval": "3s"}
    config["rule_files"] = [str(CONFIG / "prometheus/rules.yml")]
    for job in config["scrape_configs"]:
        del job["file_sd_configs"]
        job["static_configs"] = [{"targets": [urlsplit(endpoint).netloc]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [
                binary,
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
        url = f"http://127.0.0.1:{port}"

        def ask(query: str) -> list[Any]:
            answer = httpx.get(f"{url}/api/v1/query", params={"query": query}, timeout=10)
            assert answer.status_code == 200, f"{query}: {answer.text}"
            return list(answer.json()["data"]["result"])

        def is_ready() -> bool:
            try:
                return httpx.get(f"{url}/-/ready", timeout=5).status_code == 200
            except httpx.TransportError:
                assert server.poll() is None, (folder / "log").read_text()
                return False

        try:
            until(is_ready, 60, "Prometheus is ready")
            yield ask
        finally:
            server.terminate()
            server.wait(timeout=60)
