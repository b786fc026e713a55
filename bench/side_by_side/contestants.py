"""Who is measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.servers import Server, voicegraph
from bench.side_by_side.environments import Environments

OURS = "voicegraph"
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server and what it is.

    Attributes:
        name: In the table.
        server: How it is started.
        note: What it is.
    """

    name: str
    server: Server
    note: str


def contestants(environments: Environments, config: Path, port: int, cores: int) -> list[Contestant]:
    """All of them; the packages once with all cores for one request, once with a worker for every core."""
    ours = Contestant(OURS, voicegraph(config, port), f"voicegraph serve --config {config.name}")
    found = [ours, Contestant("Kokoro-FastAPI", _kokoro_fastapi(environments, port), "as its start-cpu.sh starts it")]
    for workers, threads in dict.fromkeys([(1, cores), (cores, 1)]):
        packages = {
            "kokoro": (environments.kokoro, "kokoro_server", {"WEIGHTS": environments.weights}, "OMP_NUM_THREADS"),
            "kokoro-onnx": (
                environments.onnx,
                "onnx_server",
                {"MODEL": environments.onnx_model, "VOICES": environments.onnx_voices},
                "THREADS",
            ),
        }
        for package, (environment, module, files, variable) in packages.items():
            name = f"{package}, {workers} x {threads}"
            variables = {key: str(path) for key, path in files.items()} | {variable: str(threads)}
            server = Server(name, _gunicorn(environment, module, port, workers), variables, _HERE, workers)
            found.append(Contestant(name, server, "gunicorn and uvicorn; workers x threads of each"))
    return found


def _kokoro_fastapi(environments: Environments, port: int) -> Server:
    source = environments.fastapi_source
    program = str(environments.fastapi / "bin/uvicorn")
    variables = {
        "USE_GPU": "false",
        "PYTHONPATH": f"{source}:{source / 'api'}",
        "MODEL_DIR": "src/models",
        "VOICES_DIR": "src/voices/v1_0",
        "WEB_PLAYER_PATH": str(source / "web"),
        "API_LOG_LEVEL": "WARNING",
    }
    command = (program, "api.src.main:app", "--host", "127.0.0.1", "--port", str(port))
    return Server("Kokoro-FastAPI", command, variables, source)


def _gunicorn(environment: Path, module: str, port: int, workers: int) -> tuple[str, ...]:
    program = str(environment / "bin/gunicorn")
    kind = ("--worker-class", "uvicorn_worker.UvicornWorker", "--workers", str(workers))
    return (program, *kind, "--bind", f"127.0.0.1:{port}", "--timeout", "300", f"{module}:app")
