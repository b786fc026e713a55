"""What is made of the measurements of several servers; setting them up and measuring is a person's."""

from __future__ import annotations

import ast
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from bench.side_by_side import __main__ as side_by_side
from bench.side_by_side.contestants import contestants
from bench.side_by_side.environments import Environments
from serve_app.bench.client import Answer
from serve_app.bench.loads import Run
from serve_app.bench.texts import Line

OPTIONS = Namespace(cores=2, clients=8, seconds=10, rounds=1)


def run(first_s: float, whole_s: float, audio_s: float, answers: int, *broken: str) -> Run:
    made = Run("closed", 8, 0, 10)
    for number in range(answers):
        made.answers.append(
            Answer(Line(f"text {number}"), 0, 200, None, "", 1 + number, first_s, whole_s, audio_s, (), 0.0)
        )
    made.answers += [Answer(Line("x"), 0, 200, error, "", 5.0, 1.0, 1.0, 0.0, (), 0.0) for error in broken]
    return made


@pytest.fixture
def result(tmp_path: Path) -> dict[str, Any]:
    everybody = contestants(Environments(tmp_path), Path("local.yaml"), 1234, cores=2)
    turns = {one.name: [[run(0.9, 1.0, 3.0, 2), run(0.9, 5.0, 9.0, 1), run(1.5, 2.0, 3.0, 2)]] for one in everybody}
    turns["voicegraph"] = [[run(0.3, 0.5, 3.1, 4), run(0.3, 3.0, 9.0, 1), run(0.5, 1.0, 3.1, 6)]]
    turns["Kokoro-FastAPI"] = [[run(1.2, 2.0, 1.0, 2), run(1.2, 6.0, 9.0, 1), run(2.0, 3.0, 1.0, 1, "cut")]]
    return side_by_side._result(OPTIONS, everybody, turns)


def test_the_best_of_the_others_is_the_measure(result: dict[str, Any]) -> None:
    assert list(result["servers"]) == [
        "voicegraph", "Kokoro-FastAPI", "kokoro, 1 x 2", "kokoro-onnx, 1 x 2", "kokoro, 2 x 1", "kokoro-onnx, 2 x 1",
    ]  # fmt: skip
    assert result["ratios"] == {
        "requests_per_s_of_best": 3.0,
        "p95_of_best": 0.5,
        "first_audio_short_s_of_best": 0.33,
        "first_audio_long_s_of_best": 0.33,
    }


def test_errors_and_audio_that_is_too_short_are_counted(result: dict[str, Any]) -> None:
    row = result["servers"]["Kokoro-FastAPI"]
    assert row["errors"] == {"200 cut": 1}
    assert row["cut"] == 3  # two from one client, one from many; the long text is whole
    assert result["servers"]["voicegraph"]["cut"] == 0


def test_a_table_is_printed(result: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    side_by_side._print(result)
    assert "Kokoro-FastAPI" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["kokoro_server.py", "onnx_server.py", "weights_for_kokoro.py"])
def test_what_runs_in_other_environments_needs_nothing_of_ours(name: str) -> None:
    tree = ast.parse((Path(side_by_side.__file__).parent / name).read_text())
    imported = {
        module.split(".")[0]
        for node in ast.walk(tree)
        for module in ([a.name for a in node.names] if isinstance(node, ast.Import) else
                       [node.module or ""] if isinstance(node, ast.ImportFrom) else [])
    }  # fmt: skip
    assert not imported & {"bench", "serve_app", "deployments", "tts_models", "tests"}
