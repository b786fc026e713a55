"""How long the voices of a language pause between two segments.

Measured: the silences (below -35 dB of the loudest) that the model itself makes inside segments of 300 tokens at speed
1, medians over up to four voices a language; at other speeds they are as the inverse of speed. After a clause most
languages have none to speak of, but a segment ends as a sentence does, and what follows a falling voice at once sounds
cut off. Japanese pauses vary most, 0.4 s after short sentences and 1.0 after long ones.
"""

from __future__ import annotations

from tts_models.text.g2p.words import Break

_SENTENCE_S = {
    "en-US": 0.48,
    "en-GB": 0.45,
    "es": 0.35,
    "fr-FR": 0.28,
    "hi": 0.30,
    "it": 0.33,
    "ja": 0.75,
    "pt-BR": 0.28,
    "zh": 0.24,
}
_CLAUSE_S = {"hi": 0.28, "ja": 0.40}
_SHORTEST_S = 0.12
_DEFAULT_S = 0.35
_PARAGRAPH_S = 0.4
"""What a paragraph adds to the end of a sentence."""
_SENTENCE_MARKS = frozenset(".!?…")
_CLAUSE_MARKS = frozenset(",;:—")
_CLOSERS = ' "”)“('


def gap_s(symbols: str, ends: Break, tag: str) -> float:
    """Seconds of silence, at speed 1, between a segment and the next.

    Args:
        symbols: Of the segment.
        ends: What the writer ended with it.
        tag: Language of the segment.
    """
    mark = symbols.rstrip(_CLOSERS)[-1:]
    sentence_s = _SENTENCE_S.get(tag, _DEFAULT_S)
    if ends is Break.PARAGRAPH:
        return sentence_s + _PARAGRAPH_S
    if mark in _SENTENCE_MARKS or ends is Break.SENTENCE:
        return sentence_s
    if mark in _CLAUSE_MARKS or ends is Break.CLAUSE:
        return _CLAUSE_S.get(tag, _SHORTEST_S)
    return _SHORTEST_S
