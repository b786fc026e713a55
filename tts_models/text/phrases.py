"""Where a speaker may take breath inside a clause: before a conjunction or the like, in Japanese after a particle."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tts_models.text.g2p.words import Break, Word


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENGLISH = _set(
    "and but or nor so yet because although though while when where which who whose that if unless until since than "
    "for with without from into through during between after before against in on at by"
)
_BREATH_BEFORE = {
    "en-US": _ENGLISH,
    "en-GB": _ENGLISH,
    "es": _set("y e o u pero sino porque aunque cuando donde que quien si mientras para por con sin desde hasta según"),
    "fr-FR": _set(
        "et ou mais car parce puisque quand lorsque où qui que dont si pour par avec sans depuis pendant après"
    ),
    "hi": _set("और या लेकिन मगर क्योंकि जब जहाँ कि जो अगर ताकि इसलिए"),
    "it": _set("e ed o ma però perché quando dove che chi se mentre per con senza dopo prima"),
    "pt-BR": _set("e ou mas porque quando onde que quem se enquanto para por com sem desde até depois"),
    "zh": _set("和 但 但是 因为 所以 如果 而 而且 或 或者 并 并且 虽然 然后 以及 因為 雖然 然後 並 並且"),
}
_BREATH_AFTER = {"ja": _set("は が を も から ので のに けど けれど ながら")}


def mark_phrases(words: Sequence[Word], text: str, language: str) -> None:
    """Notes in ``words`` of ``text`` where phrases end."""
    before, after = _BREATH_BEFORE.get(language, frozenset()), _BREATH_AFTER.get(language, frozenset())
    for word, following in pairwise(words):
        starts_phrase = text[following.start : following.end].lower() in before
        if word.ends is Break.NONE and (starts_phrase or text[word.start : word.end] in after):
            word.ends = Break.PHRASE
