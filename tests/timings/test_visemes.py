from __future__ import annotations

import pytest

from tts_models.text.vocabulary import SYMBOL_IDS, is_sound
from tts_models.timing import PhonemeMark
from tts_models.visemes import SHAPES, VISEMES, visemes


def test_every_symbol_of_the_vocabulary_has_its_shapes() -> None:
    assert SHAPES.keys() == SYMBOL_IDS.keys()
    assert len(VISEMES) == 15
    for symbol, shapes in SHAPES.items():
        assert all(viseme in VISEMES and 0 <= opening <= 1 for viseme, opening in shapes)
        assert any(viseme != "sil" for viseme, _ in shapes) is is_sound(symbol), symbol


def test_every_viseme_is_used() -> None:
    assert {viseme for shapes in SHAPES.values() for viseme, _ in shapes} == set(VISEMES)


def test_lips_are_closed_for_p_and_open_for_a() -> None:
    (_, closed), *_ = SHAPES["p"]
    assert closed == 0
    assert max(SHAPES, key=lambda symbol: max([opening for _, opening in SHAPES[symbol]], default=0)) in "aɑæɐIW"


def test_a_diphthong_is_two_shapes_and_a_short_gap_between_words_closes_no_mouth() -> None:
    marks = visemes(
        [
            PhonemeMark("", 0.0, 0.2),
            PhonemeMark("b", 0.2, 0.3),
            PhonemeMark("ˈI", 0.3, 0.5),
            PhonemeMark(" ", 0.5, 0.55),
            PhonemeMark("iː", 0.55, 0.7),
            PhonemeMark(" ", 0.7, 0.9),
            PhonemeMark("m", 0.9, 1.0),
            PhonemeMark(".", 1.0, 1.5),
        ]
    )
    assert [(mark.viseme, mark.start_s, mark.end_s) for mark in marks] == [
        ("sil", 0.0, 0.2),
        ("PP", 0.2, 0.3),
        ("aa", 0.3, pytest.approx(0.4)),
        ("ih", pytest.approx(0.4), 0.7),
        ("sil", 0.7, 0.9),
        ("PP", 0.9, 1.0),
        ("sil", 1.0, 1.5),
    ]
