"""The examples of the README do what they say, run one after the other as a reader would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

from tests.e2e.conftest import ROOT, Application
from tests.e2e.readme import Example, examples

README = ROOT / "README.md"
EXAMPLES = examples(README.read_text()) if README.exists() else []


def test_the_readme_has_examples_in_bash_and_in_python() -> None:
    assert {example.language for example in EXAMPLES} == {"bash", "python"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader tries them: one folder, so that an example may use what another made."""
    return tmp_path_factory.mktemp("readme")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"line {example.line}")
def test_example(example: Example, folder: Path, application: Application) -> None:
    shell = ["bash", "-euo", "pipefail", "-c"] if example.language == "bash" else [sys.executable, "-c"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    done = subprocess.run(
        [*shell, example.for_server(application.url)],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    for name in example.makes:
        if name.endswith(".vtt"):
            assert " --> " in (folder / name).read_text()
            continue
        with av.open(str(folder / name)) as file:
            assert sum(frame.samples for frame in file.decode(audio=0)) > 0


def test_marked_blocks_are_found() -> None:
    markdown = """Try:

<!-- test makes=a.mp3,b.wav -->
```bash
curl http://localhost:8000/health
```

```bash
rm -rf /
```

<!-- test -->

```python
print("http://127.0.0.1:8000/v1")
```
"""
    bash, python = examples(markdown)

    assert (bash.language, bash.makes, bash.line) == ("bash", ("a.mp3", "b.wav"), 5)
    assert bash.for_server("http://h:1") == "curl http://h:1/health\n"
    assert python.for_server("http://h:1") == 'print("http://h:1/v1")\n'


@pytest.mark.parametrize("markdown", ["<!-- test -->\nno block\n", "<!-- test -->\n```yaml\na: 1\n```\n"])
def test_a_mark_without_a_block_is_an_error(markdown: str) -> None:
    with pytest.raises(ValueError, match="mark"):
        examples(markdown)
