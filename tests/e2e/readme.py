"""The examples of a Markdown file that are marked to be run.

A fenced block of ``bash`` or ``python`` right after the line ``<!-- test -->`` is an example that a test runs;
``<!-- test makes=hello.mp3 -->`` names the audio files it must leave behind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_EXAMPLE = re.compile(
    r"^<!-- test(?: makes=(?P<makes>\S+))? -->\n+```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_MARK = re.compile(r"^<!-- test\b", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A block of code.

    Attributes:
        language: ``bash`` or ``python``.
        code: What to run.
        makes: Names of the audio files it leaves behind.
        line: Where it begins in the file, from 1.
    """

    language: str
    code: str
    makes: tuple[str, ...]
    line: int

    def for_server(self, url: str) -> str:
        """The code, asking the server at ``url`` instead of the one that a reader has started."""
        return re.sub(r"http://(localhost|127\.0\.0\.1):8000", url, self.code)


def examples(markdown: str) -> list[Example]:
    """The marked blocks, in order.

    Raises:
        ValueError: If a mark is followed by no block of a language that can be run.
    """
    found = [
        Example(
            language=match["language"],
            code=match["code"],
            makes=tuple((match["makes"] or "").split(",")) if match["makes"] else (),
            line=markdown.count("\n", 0, match.start("code")) + 1,
        )
        for match in _EXAMPLE.finditer(markdown)
    ]
    if len(found) != len(_MARK.findall(markdown)) or any(e.language not in ("bash", "python") for e in found):
        raise ValueError("every <!-- test --> mark must stand right before a block of bash or python")
    return found
