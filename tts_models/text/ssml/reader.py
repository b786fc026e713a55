"""XML that strangers send, read safely: tags and text with their places in the source.

A document type is refused as soon as it begins, so there are no entities beyond XML's five and nothing is expanded;
nothing outside the document is ever looked at; depth and length are bounded. Source: ``xml.parsers.expat``, which reads
in time proportional to the length, without recursion, and knows where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol
from xml.parsers import expat

import regex

from tts_models.errors import InvalidRequest, InvalidSsml, RequestError

MAX_CHARACTERS = 1_000_000
"""Longest document, characters."""
MAX_DEPTH = 50
"""Most elements within one another."""

SSML_NAMESPACE = "http://www.w3.org/2001/10/synthesis"
_BEGINS = regex.compile(
    r"\s*(?:<\?xml\b[^>]{0,200}\?>\s*)?(?:<!--.{0,2000}?-->\s*)?<(?:speak[\s/>]|!DOCTYPE\s+speak\b)", regex.DOTALL
)
_BYTE_ORDER_MARK = "\ufeff"
_LATE_DECLARATION = regex.compile(r"(?<=^\s+)<\?xml\b[^>]{0,200}\?>")
_SYNTAX_HINTS = {
    "undefined entity": "XML has &amp; &lt; &gt; &quot; &apos; and numbers such as &#233;; write any other character"
    " as itself",
    "no element found": "the document ends before </speak>",
    "junk after document element": "nothing may follow </speak>",
    "not well-formed (invalid token)": "write & as &amp; and < as &lt;, and put quotes around attribute values",
}


def looks_like_ssml(text: str) -> bool:
    """Whether ``text`` begins as an SSML document does: with ``<speak``, an XML declaration or a comment before it.

    With a document type, too: it is refused, but not read aloud.
    """
    return _BEGINS.match(text.removeprefix(_BYTE_ORDER_MARK)) is not None


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag.

    Attributes:
        name: Its name without a prefix.
        foreign: Whether it is of another vocabulary than SSML.
        attributes: By name, ``xml:lang`` with its prefix; those of other vocabularies left out.
        at: Offset of its first character in the source.
        line: Line it begins in, from 1.
        column: Column it begins in, from 1.
    """

    name: str
    foreign: bool
    attributes: Mapping[str, str]
    at: int
    line: int
    column: int

    def refuse(self, why: str) -> NoReturn:
        """Raises that something is wrong here."""
        raise InvalidSsml(f"Line {self.line}, column {self.column}: {why}")


class Handler(Protocol):
    """What is told of a document, in order. Its request errors are raised on with line and column of the place."""

    def start(self, tag: Tag) -> None:
        """An element begins."""

    def end(self, at: int) -> None:
        """The innermost element ends; ``at`` is where its end tag begins, or its only one ends."""

    def text(self, data: str, at: int, width: int) -> None:
        """Text, ``width`` characters of the source from ``at``; more or fewer than in ``data`` if it is one entity."""


def read(source: str, handler: Handler) -> None:
    """Reads a document.

    Raises:
        InvalidSsml: It is not well formed, has a document type, is too long or too deep; with line and column.
        RequestError: What ``handler`` raises, with line and column.
    """
    if len(source) > MAX_CHARACTERS:
        raise InvalidSsml(f"The SSML has {len(source):,} characters; {MAX_CHARACTERS:,} are accepted.")
    _Reader(source, handler).read()


class _Reader:
    def __init__(self, source: str, handler: Handler) -> None:
        self._source = source
        self._handler = handler
        self._stack: list[Mapping[str, str]] = [{}]  # namespaces by prefix
        self._names: list[str] = []
        try:
            # Blanks before the XML declaration, which XML does not allow, are as easily written as understood.
            self._bytes = _LATE_DECLARATION.sub(lambda match: " " * len(match.group()), source, 1).encode()
        except UnicodeEncodeError as error:
            raise InvalidSsml(f"The SSML is no text: half of a surrogate pair at position {error.start}.") from None
        self._is_literal = False  # in CDATA
        self._known = (0, 0)  # a byte's index and its character's
        parser = self._parser = expat.ParserCreate("utf-8")  # whatever the document says of itself
        parser.ordered_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartCdataSectionHandler = lambda: self._set_literal(True)
        parser.EndCdataSectionHandler = lambda: self._set_literal(False)
        parser.StartDoctypeDeclHandler = self._doctype

    def _set_literal(self, is_literal: bool) -> None:
        self._is_literal = is_literal

    def read(self) -> None:
        try:
            self._parser.Parse(self._bytes, True)
        except expat.ExpatError as error:
            what = expat.errors.messages[error.code]
            hint = f"; {_SYNTAX_HINTS[what]}" if what in _SYNTAX_HINTS else ""
            if what == "mismatched tag" and self._names:
                hint = f"; <{self._names[-1]}> has not ended"
            raise InvalidSsml(
                f"Line {error.lineno}, column {error.offset + 1}: this is not well-formed XML: {what}{hint}."
            ) from None

    def _doctype(self, *_: Any) -> None:
        self._place().refuse("a document type (<!DOCTYPE>) is not accepted, nor are entities of one's own.")

    def _start(self, qualified: str, listed: list[str]) -> None:
        if len(self._stack) > MAX_DEPTH:
            self._place().refuse(f"more than {MAX_DEPTH} elements within one another.")
        given = dict(zip(listed[::2], listed[1::2], strict=True))
        declared = {name.partition(":")[2]: uri for name, uri in given.items() if name.partition(":")[0] == "xmlns"}
        namespaces = {**self._stack[-1], **declared} if declared else self._stack[-1]
        self._stack.append(namespaces)
        self._names.append(qualified)
        prefix, _, name = qualified.rpartition(":")
        foreign = namespaces.get(prefix, prefix and "unknown") not in ("", SSML_NAMESPACE)
        attributes = {key: value for key, value in given.items() if ":" not in key or key == "xml:lang"}
        attributes.pop("xmlns", None)
        tag = self._place(name, foreign, attributes)
        try:
            self._handler.start(tag)
        except InvalidSsml:
            raise
        except InvalidRequest as error:
            tag.refuse(error.message)
        except RequestError as error:
            raise type(error)(f"Line {tag.line}, column {tag.column}: {error.message}", "input") from None

    def _end(self, _: str) -> None:
        self._stack.pop()
        self._names.pop()
        self._handler.end(self._offset())

    def _text(self, data: str) -> None:
        at = self._offset()
        width = len(data)
        if not self._is_literal and self._source[at : at + 1] == "&" and (end := self._source.find(";", at)) > 0:
            width = end + 1 - at
        self._handler.text(data, at, width)

    def _place(self, name: str = "", foreign: bool = False, attributes: Mapping[str, str] | None = None) -> Tag:
        parser, at = self._parser, self._offset()
        return Tag(name, foreign, attributes or {}, at, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)

    def _offset(self) -> int:
        """Where the parser stands in the source, characters."""
        index = self._parser.CurrentByteIndex
        byte, character = self._known
        if index < byte:
            byte = character = 0
        character += len(self._bytes[byte:index].decode(errors="replace"))
        self._known = index, character
        return character
