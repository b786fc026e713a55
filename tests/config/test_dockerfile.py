"""The image takes the steps of ``make serve``, from files that are there."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.config.clusters import ROOT
from tts_models.assets import MANIFEST

FILE = ROOT / "config/kuberay/Dockerfile"


@pytest.fixture
def steps() -> list[tuple[str, str]]:
    """Its instructions, each on one line."""
    lines = re.sub(r"\\\n\s*", " ", FILE.read_text()).splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines if line and not line.startswith("#")]


def test_its_steps_are_those_of_make_serve(steps: list[tuple[str, str]]) -> None:
    runs = [step for kind, step in steps if kind == "RUN"]
    assert re.search(r"apt-get install .*\bmake\b", runs[0])
    assert runs[1].startswith("make environment")
    assert runs[2].startswith("voicegraph assets fetch")  # without names: all of them
    assert MANIFEST
    subprocess.run(["make", "--dry-run", "environment"], cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert ("CMD", '["voicegraph", "serve", "--config", "config/serve.yaml"]') in steps


def test_the_code_comes_after_the_environment(steps: list[tuple[str, str]]) -> None:
    """So that a change of code does not make 5 GB of environment anew."""
    kinds = [f"{kind} {step}" for kind, step in steps]
    environment = next(number for number, step in enumerate(kinds) if step.startswith("RUN make environment"))
    code = [
        number
        for number, step in enumerate(kinds)
        if re.match(r"COPY .*(tts_models|deployments|serve_app|config)", step)
    ]
    assert len(code) == 4
    assert min(code) > environment
    packages = re.search(r"include = \[(.*)\]", (ROOT / "pyproject.toml").read_text())
    assert packages is not None
    for package in re.findall(r'"(\w+)\*"', packages[1]):
        assert f"COPY --chown=ray {package} {package}" in kinds


def test_what_it_copies_is_there_and_let_in(steps: list[tuple[str, str]]) -> None:
    let_in = {
        line.removeprefix("!") for line in FILE.with_suffix(".dockerignore").read_text().split() if line[0] == "!"
    }
    copied = [word for kind, step in steps if kind == "COPY" for word in step.split()[1:-1]]
    assert set(copied) == let_in
    for name in copied:
        assert (ROOT / name).exists(), name


def test_it_does_not_run_as_root(steps: list[tuple[str, str]]) -> None:
    users = [step for kind, step in steps if kind == "USER"]
    assert users == ["1000"]  # a number: Kubernetes can tell that it is not root
