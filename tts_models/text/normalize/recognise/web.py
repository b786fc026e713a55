"""Addresses: URLs, domains, e-mail, @mentions, #hashtags, file paths."""

from __future__ import annotations

import re

from tts_models.text.normalize.grammar import Grammar
from tts_models.text.normalize.lexicon import word_set
from tts_models.text.normalize.recognise.context import BEGIN, END, Context

_TLD = (
    "com|org|net|edu|gov|mil|int|info|biz|io|ai|app|dev|co|me|tv|fm|ly|gg|xyz|online|site|tech|cloud|blog|shop|eu|"
    "uk|us|ca|au|nz|ie|in|jp|cn|tw|hk|kr|sg|fr|de|it|es|pt|br|mx|ar|cl|ch|be|nl|at|se|no|dk|fi|pl|cz|ru|ua|tr|za|il"
)
_HOST = r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,10}"
_URL = re.compile(
    rf"{BEGIN}(?:(?P<scheme>https?|ftp|wss?)://)(?P<rest>[^\s<>\"'“”«»（）「」、。，]{{1,2000}})", re.IGNORECASE
)
_DOMAIN = re.compile(
    rf"{BEGIN}(?:www\.{_HOST}|[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{0,5}}?\.(?:{_TLD})(?![A-Za-z0-9-]|\.[a-z]))"
    rf"(?::\d{{1,5}})?(?:/[A-Za-z0-9._~/?#@!$&*+,;=%-]{{0,1000}})?",
    re.IGNORECASE,
)
_EMAIL = re.compile(rf"{BEGIN}[A-Za-z0-9][A-Za-z0-9._%+-]{{0,63}}@{_HOST}\.[A-Za-z]{{2,24}}(?![A-Za-z0-9@])")
_TAG = re.compile(r"[#@](?=[^\W\d])\w{1,100}")
_PIECE = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d\s]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+")
_SPELT = re.compile(r"[^aeiouy]{2,5}$|[a-z]{2}$", re.IGNORECASE)
_WORDS_OF_TWO = word_set("my go to no so do me be we us up on in it is he an at by of or if")


def _spell(address: str, grammar: Grammar) -> str:
    """An address in words: its signs by name, its numbers as numbers, its words as words."""
    spoken: list[str] = []
    for piece in _PIECE.findall(address):
        lower = piece.lower()
        if piece.isdecimal():
            spoken.append(
                grammar.cardinal(int(piece)) if len(piece) <= 2 and piece[0] != "0" else grammar.digits(piece)
            )
        elif lower in grammar.web:
            spoken.append(grammar.web[lower])
        elif piece.isalpha() and piece.isascii():
            spelt = _SPELT.match(piece) and (lower not in _WORDS_OF_TWO or spoken[-1:] == [grammar.web["."]])
            spoken.append(grammar.letters(piece) if spelt and lower not in ("co", "me") else piece)
        elif piece.isalpha():
            spoken.append(piece)
        elif piece in grammar.symbols:
            spoken.append(grammar.symbols[piece])
    return " ".join(spoken)


def _trim(address: str) -> str:
    """Without the punctuation of the sentence around it."""
    address = address.rstrip(".,;:!?*_~'\"")
    if address.endswith(")") and "(" not in address:
        address = address.rstrip(").,;:!?")
    return address


def url(ctx: Context, i: int) -> tuple[int, str] | None:
    """``https://www.example.com/a?b=1``, ``example.com``."""
    match = _URL.match(ctx.text, i)
    if match:
        rest = _trim(match["rest"])
        if not rest:
            return None
        scheme = ctx.grammar.letters(match["scheme"])
        return match.start("rest") + len(rest), f"{scheme}{ctx.grammar.pause}{_spell(rest.rstrip('/'), ctx.grammar)}"
    match = _DOMAIN.match(ctx.text, i)
    if match:
        address = _trim(match[0])
        return i + len(address), _spell(address.rstrip("/"), ctx.grammar)
    return None


def email(ctx: Context, i: int) -> tuple[int, str] | None:
    """``jane.doe@example.com``."""
    match = _EMAIL.match(ctx.text, i)
    return (match.end(), _spell(match[0], ctx.grammar)) if match else None


def tag(ctx: Context, i: int) -> tuple[int, str] | None:
    """``#ThrowbackThursday``, ``@jane_doe``: the sign by name, then the words of the name."""
    match = _TAG.match(ctx.text, i)
    if not match:
        return None
    name = " ".join(part for part in _CAMEL.split(match[0][1:]) if part)
    sign = ctx.grammar.symbols[match[0][0]]
    return (match.end(), f"{sign}{ctx.grammar.space}{ctx.grammar.name_with_numbers(name)}") if name else None


_PATH = re.compile(rf"(?:~?(?:/[\w.-]{{1,80}}){{2,20}}/?|[A-Za-z]:(?:\\[\w.-]{{1,80}}){{1,20}}){END}")


def path(ctx: Context, i: int) -> tuple[int, str] | None:
    r"""``/usr/local/bin``, ``C:\Users\jane``."""
    match = _PATH.match(ctx.text, i)
    if not match or (i and not ctx.text[i - 1].isspace() and ctx.text[i - 1] not in "\"'(“«"):
        return None
    address = _trim(match[0])
    spoken = _spell(address.replace("\\", " \\ "), ctx.grammar)
    return (i + len(address), spoken) if spoken else None
