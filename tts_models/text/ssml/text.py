"""The text of a document while it is being read: with single spaces, and knowing where each character came from."""

from __future__ import annotations

import unicodedata

import regex

from tts_models.text.normalize.characters import is_cjk

_RUN = regex.compile(r"(\s+)|\S+")
_PLACEHOLDER = "\ufffc"


class TextBuilder:
    """Puts a text together from pieces of its source.

    Blanks in a row are one space, at the start none; a line break between two Han characters or kana is nothing, for
    it is only how the source is laid out.

    Args:
        source: Where the pieces are from.

    Attributes:
        length: Characters so far; a blank counts when something follows it.
        cuts: As in :class:`~tts_models.text.controls.ControlledText`.
        wide: As there.
    """

    def __init__(self, source: str) -> None:
        self.length = 0
        self.cuts: list[tuple[int, int]] = []
        self.wide: dict[int, int] = {}
        self._parts: list[str] = []
        self._shown = ["\0"] * len(source)
        self._last = ""
        self._shift = 0
        self._blank: tuple[int, bool] | None = None  # where it is, and whether it holds a line break

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._parts)

    @property
    def shown(self) -> str:
        """As :class:`~tts_models.text.ssml.document.SsmlText` has it."""
        return "".join(self._shown)

    def add(self, data: str, at: int, width: int) -> None:
        """Adds ``data``, which ``width`` characters of the source from ``at`` stand for."""
        for match in _RUN.finditer(data):
            piece, place = match.group(), at + match.start()
            if match[1]:
                blank_at, has_break = self._blank or (place, False)
                self._blank = blank_at, has_break or "\n" in piece
                self._show(" " * len(piece), place)
            else:
                self.flush(piece[0])
                self._put(piece, place, width if len(data) != width else len(piece))
                self._show(piece, place)

    def flush(self, following: str = "") -> None:
        """Adds a blank that waits for what follows it."""
        blank, self._blank = self._blank, None
        if blank is None or not self._last or self._last.isspace():
            return
        is_layout = blank[1] and following and _is_unspaced(self._last) and _is_unspaced(following)
        if not is_layout:
            self._put(" ", blank[0], 1)

    def separate(self, at: int) -> None:
        """Sets what follows apart by a line break, in place of the tag that begins at ``at``."""
        self._blank = None
        self._show("\n", at)
        if self._last not in ("", "\n"):
            self._put("\n", at, 1)

    def space_out(self, at: int) -> None:
        """Shows a blank in place of the tag that begins at ``at``."""
        self._show(" ", at)

    def hold(self, at: int) -> None:
        """Adds a placeholder for what is said without being written, in place of the tag that begins at ``at``."""
        self.flush()
        self._put(_PLACEHOLDER, at, 1)

    def _put(self, piece: str, at: int, width: int) -> None:
        if at - self.length != self._shift:
            self._shift = at - self.length
            self.cuts.append((self.length, self._shift))
        if width != len(piece):
            self.wide[self.length + len(piece) - 1] = width
        self._parts.append(piece)
        self._last = piece[-1]
        self.length += len(piece)

    def _show(self, piece: str, at: int) -> None:
        self._shown[at : at + len(piece)] = piece


def _is_unspaced(char: str) -> bool:
    return is_cjk(char) or (unicodedata.east_asian_width(char) in "WF" and not char.isalnum())
