"""On plain sentences the symbols are those of the reference package, less what its model would not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tts_models.text import LANGUAGES, TextFrontend
from tts_models.text.g2p.english import SPACY_MODEL
from tts_models.text.vocabulary import SYMBOL_IDS

Reference = Callable[[str, str], str]

SENTENCES = {
    "en-US": [
        "The quick brown fox jumps over the lazy dog.",
        "She said, “I can't believe it's not butter!” and left.",
        "Kubernetes orchestrates containers; Grafana draws them.",
        "I have read the lead article — twice (really).",
        "The well-known U.S. senator, Dr. Smith, used to live here.",
        "'Don't stop,' she cried.",
        "He's a state-of-the-art T-shirt maker... isn't he?",
    ],
    "es": [
        "El niño jugaba en el jardín; su madre lo miraba.",
        "¡Qué sorpresa! ¿De verdad vienes mañana?",
        "La universidad (fundada en Madrid) es «muy» antigua.",
    ],
    "fr-FR": [
        "Bonjour, comment allez-vous aujourd'hui ?",
        "Les enfants ont mangé une pomme dans l'école.",
        "Il a dit : « Je viens demain ! »",
        "Qu'est-ce que c'est que ça ?",
    ],
    "hi": [
        "नमस्ते, आप कैसे हैं?",
        "यह किताब बहुत अच्छी है, लेकिन महँगी है",
    ],
    "it": [
        "Ciao, come stai oggi?",
        "L'amico dell'uomo è un po' strano.",
        "Perché non vieni con noi? È una bella giornata!",
    ],
    "ja": [
        "こんにちは、元気ですか？",
        "彼女は本を読んでいる。",
        "今日はとても天気がいいですね！",
        "ちょっと待ってください。",
        "新幹線で京都へ旅行しました。",
        "「はい」と彼は言った。",
        "大きい犬が小さい猫を聞いてびっくりした。",
        "機械学習の研究をしています。",
    ],
    "pt-BR": [
        "Olá, como você está?",
        "O coração não tem razão; só emoção.",
        "Ela não foi à praia porque estava chovendo.",
    ],
    "zh": [
        "你好，今天天气怎么样？",
        "我很好。",
        "北京是中国的首都；上海是最大的城市。",
        "他走了，然后又回来了！",
    ],
}
SENTENCES["en-GB"] = SENTENCES["en-US"]


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    """``kokoro.KPipeline`` without its model, given the spaCy model that it would download."""
    import spacy
    from kokoro import KPipeline
    from loguru import logger

    logger.disable("kokoro")
    load = spacy.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spacy.util, "is_package", lambda name: True)
        patch.setattr(spacy, "load", lambda name, **options: load(SPACY_MODEL, **options))
        pipeline = cache(lambda prefix: KPipeline(prefix, repo_id="hexgrad/Kokoro-82M", model=False))

        def phonemes(text: str, tag: str) -> str:
            spoken = " ".join(result.phonemes for result in pipeline(LANGUAGES[tag].voice_prefix)(text))
            return " ".join("".join(symbol for symbol in spoken if symbol in SYMBOL_IDS).split())

        yield phonemes


@pytest.mark.parametrize(
    ("tag", "sentence"), [(tag, sentence) for tag, sentences in SENTENCES.items() for sentence in sentences]
)
def test_symbols_equal_the_reference(reference: Reference, frontend: TextFrontend, tag: str, sentence: str) -> None:
    spoken = " ".join(phonemes.symbols for phonemes in frontend.segments(sentence, tag))
    assert spoken == reference(sentence, tag)


def test_kana_are_spelt_as_the_reference_spells_them() -> None:
    import jaconv
    from misaki.cutlet import HEPBURN

    from tts_models.text.g2p.japanese import kana_to_symbols

    kana = {jaconv.hira2kata(key): symbols for key, symbols in HEPBURN.items() if "ぁ" <= key <= "ヺ"}
    assert len(kana) > 160
    assert {key: kana_to_symbols(key) for key in kana} == kana
