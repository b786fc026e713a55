"""The command line in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from serve_app.cli import main
from serve_app.cli.context import messages, results


@dataclass(frozen=True)
class Outcome:
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of the error, without the word."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("error: ")


Voicegraph = Callable[..., Outcome]


@pytest.fixture
def voicegraph(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Voicegraph:
    """Runs ``voicegraph ARGUMENTS``."""
    monkeypatch.delenv("VOICEGRAPH_HOME", raising=False)

    def run(*arguments: object) -> Outcome:
        results.cache_clear()
        messages.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Outcome(int(ended.value.code or 0), out, err)

    return run
