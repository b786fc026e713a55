"""Dictionaries as W3C's Pronunciation Lexicon Specification 1.0.

A lexeme's graphemes become one entry each, read as its preferred phoneme or alias, else the first. What PLS has no word
for (case, priority, an accent, katakana, another language than the lexicon's) are attributes of a namespace of our own,
so that what is exported is imported the same. Unknown elements and attributes are left out of account; a document type,
and with it every entity, is refused.

Source: https://www.w3.org/TR/2008/REC-pronunciation-lexicon-20081014/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from tts_models.errors import InvalidRequest, RequestError
from tts_models.text.controls import read_ipa
from tts_models.text.dictionary import Entry
from tts_models.text.dictionary.entry import Alphabet
from tts_models.text.g2p.given import WordType
from tts_models.text.vocabulary import to_vocabulary

NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
OWN_NAMESPACE = "urn:voicegraph:lexicon"
KATAKANA = "x-voicegraph-katakana"
"""The alphabet of pronunciations in katakana."""
UNDETERMINED = "und"
"""``xml:lang`` of entries for every language."""

_XML = "http://www.w3.org/XML/1998/namespace"
_TEXTS = ("grapheme", "phoneme", "alias")
_SEPARATOR = " "


def read_pls(document: bytes) -> list[Entry]:
    """The entries of a lexicon, checked.

    Raises:
        InvalidRequest: It is none, or an entry cannot be; with line and column.
    """
    return _Reader().read(document)


def write_pls(entries: Iterable[Entry], language: str = "") -> str:
    """A lexicon.

    Args:
        entries: The entries.
        language: Of the lexicon; entries of another say so.
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<lexicon version="1.0" xmlns="{NAMESPACE}" xmlns:vg="{OWN_NAMESPACE}" alphabet="ipa"'
        f" xml:lang={quoteattr(language or UNDETERMINED)}>",
    ]
    for entry in entries:
        lines += [
            f"  <lexeme{_own_attributes(entry, language)}>",
            f"    <grapheme>{escape(entry.surface)}</grapheme>",
            f"    {_pronunciation(entry)}",
            "  </lexeme>",
        ]
    return "\n".join([*lines, "</lexicon>", ""])


def _own_attributes(entry: Entry, language: str) -> str:
    plain = Entry(entry.surface, entry.pronunciation, entry.alphabet, language)
    attributes = {
        "lang": (entry.language or UNDETERMINED, plain.language or UNDETERMINED),
        "accent": (entry.accent, plain.accent),
        "word-type": (entry.word_type.value, plain.word_type.value),
        "priority": (entry.priority, plain.priority),
        "case-sensitive": (str(entry.case_sensitive).lower(), str(plain.case_sensitive).lower()),
        "whole-word": (str(entry.whole_word).lower(), str(plain.whole_word).lower()),
    }
    return "".join(f" vg:{name}={quoteattr(str(own))}" for name, (own, usual) in attributes.items() if own != usual)


def _pronunciation(entry: Entry) -> str:
    said = escape(entry.pronunciation)
    match entry.alphabet:
        case Alphabet.TEXT:
            return f"<alias>{said}</alias>"
        case Alphabet.IPA:
            return f"<phoneme>{said}</phoneme>"
    return f'<phoneme alphabet="{KATAKANA}">{said}</phoneme>'


@dataclass(slots=True)
class _Lexeme:
    place: tuple[int, int]
    attributes: dict[str, str]
    graphemes: list[str] = field(default_factory=list)
    readings: list[tuple[bool, Alphabet, str]] = field(default_factory=list)


class _Reader:
    def __init__(self) -> None:
        self._parser = parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.buffer_text = True
        self._path: list[str] = []
        self._language = ""
        self._alphabet = ""
        self._lexeme: _Lexeme | None = None
        self._attributes: dict[str, str] = {}
        self._text: list[str] = []
        self._entries: list[Entry] = []

    def read(self, document: bytes) -> list[Entry]:
        try:
            self._parser.Parse(document, True)
        except expat.ExpatError as error:
            what = expat.errors.messages[error.code]
            raise InvalidRequest(_at(error.lineno, error.offset, f"the lexicon is no XML: {what}."), "body") from None
        return self._entries

    def _refuse_doctype(self, *_: Any) -> None:
        raise self._fault("a document type is not allowed, nor are entities.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(_SEPARATOR)
        if not self._path and (local, namespace) != ("lexicon", NAMESPACE):
            raise self._fault(f'the document is no lexicon; it begins with <lexicon xmlns="{NAMESPACE}" ...>.')
        self._path.append(local if namespace == NAMESPACE else "")
        match self._path:
            case ["lexicon"]:
                self._language = attributes.get(f"{_XML}{_SEPARATOR}lang", UNDETERMINED)
                self._alphabet = attributes.get("alphabet", "ipa")
            case ["lexicon", "lexeme"]:
                own = {
                    key.rpartition(_SEPARATOR)[2]: value for key, value in attributes.items() if OWN_NAMESPACE in key
                }
                self._lexeme = _Lexeme(self._place(), own)
            case ["lexicon", "lexeme", part] if part in _TEXTS:
                self._attributes, self._text = attributes, []

    def _characters(self, text: str) -> None:
        self._text.append(text)

    def _end(self, name: str) -> None:
        lexeme = self._lexeme
        match self._path:
            case ["lexicon", "lexeme", "grapheme"] if lexeme:
                lexeme.graphemes.append("".join(self._text))
            case ["lexicon", "lexeme", "phoneme"] if lexeme:
                alphabet = self._attributes.get("alphabet", self._alphabet)
                if alphabet not in ("ipa", KATAKANA):
                    raise self._fault(f"the alphabet {alphabet[:40]!r} is not known; ipa and {KATAKANA} are.")
                self._add_reading(Alphabet.IPA if alphabet == "ipa" else Alphabet.KATAKANA)
            case ["lexicon", "lexeme", "alias"]:
                self._add_reading(Alphabet.TEXT)
            case ["lexicon", "lexeme"] if lexeme:
                self._add_entries(lexeme)
                self._lexeme = None
        self._path.pop()

    def _add_reading(self, alphabet: Alphabet) -> None:
        assert self._lexeme is not None
        is_preferred = self._attributes.get("prefer", "false") in ("true", "1")
        self._lexeme.readings.append((is_preferred, alphabet, "".join(self._text).strip()))

    def _add_entries(self, lexeme: _Lexeme) -> None:
        if not lexeme.graphemes or not lexeme.readings:
            raise self._fault("a lexeme has at least one grapheme and one phoneme or alias.", lexeme.place)
        _, alphabet, reading = max(lexeme.readings, key=lambda one: one[0])
        own = lexeme.attributes
        try:
            entry = Entry(
                surface="",
                pronunciation=reading,
                alphabet=alphabet,
                language=_language(own.get("lang", self._language)),
                accent=int(own["accent"]) if "accent" in own else None,
                word_type=WordType(own.get("word-type", WordType.PROPER_NOUN)),
                priority=int(own.get("priority", Entry("", "").priority)),
                case_sensitive=own.get("case-sensitive") == "true",
                whole_word=own.get("whole-word") != "false",
            )
            for grapheme in lexeme.graphemes:
                said = _spelt(grapheme, reading) if alphabet is Alphabet.IPA else reading
                self._entries.append(replace(entry, surface=grapheme, pronunciation=said).checked())
        except RequestError as error:
            raise self._fault(error.message, lexeme.place) from None
        except ValueError as error:
            raise self._fault(f"{error}.", lexeme.place) from None

    def _place(self) -> tuple[int, int]:
        return self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber

    def _fault(self, what: str, place: tuple[int, int] | None = None) -> InvalidRequest:
        line, column = place or self._place()
        return InvalidRequest(_at(line, column, what), "body")


def _spelt(grapheme: str, ipa: str) -> str:
    """IPA as other systems write it in the symbols that the model has for its sounds."""
    try:
        return read_ipa(grapheme, ipa)
    except InvalidRequest:
        return to_vocabulary(ipa)


def _language(tag: str) -> str:
    return "" if tag == UNDETERMINED else tag


def _at(line: int, column: int, what: str) -> str:
    return f"Line {line}, column {column + 1}: {what}"
