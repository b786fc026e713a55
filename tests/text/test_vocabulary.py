from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_models.text.vocabulary import (
    PUNCTUATION,
    SYMBOL_IDS,
    VOCABULARY_SIZE,
    encode,
    has_sound,
    to_vocabulary,
    unknown_symbols,
)


def test_ids_are_rows_of_the_embedding_and_leave_the_padding_token_free() -> None:
    ids = SYMBOL_IDS.values()
    assert len(SYMBOL_IDS) == 114
    assert len(set(ids)) == 114
    assert min(ids) > 0
    assert max(ids) < VOCABULARY_SIZE
    assert SYMBOL_IDS["ˈ"] == 156
    assert SYMBOL_IDS["ꭧ"] == 23
    assert set(SYMBOL_IDS) > PUNCTUATION


def test_the_phonemes_of_misaki_are_all_known() -> None:
    from misaki.en import GB_VOCAB, US_VOCAB

    assert not unknown_symbols("".join(GB_VOCAB | US_VOCAB))


@pytest.mark.parametrize(
    ("ipa", "symbols"),
    [
        ("həlˈO", "həlˈO"),
        ("ɡ", "ɡ"),
        ("g", "ɡ"),
        ("hũ", "hu\u0303"),
        ("ç", "ç"),
        ("ʐɨ", "ʒɨ"),
        ("bˈʌtn\u0329", "bˈʌtᵊn"),
        ("ʔɐ̃\u032f", "ʔɐ\u0303"),
        ("a5b2", "ab"),
        ("¿ˈola", "ˈola"),
        ("tɕ\u0361i", "tɕi"),
    ],
)
def test_unknown_ipa_becomes_the_nearest_known(ipa: str, symbols: str) -> None:
    assert to_vocabulary(ipa) == symbols


@given(st.text())
def test_spelling_gives_known_symbols_only_and_is_stable(text: str) -> None:
    symbols = to_vocabulary(text)
    assert not unknown_symbols(symbols)
    assert to_vocabulary(symbols) == symbols
    assert len(encode(symbols)) == len(symbols)


IPA_LETTERS = "".join(chr(code) for code in range(0x250, 0x2B0)) + "ɸβðθχħʕæœøŋçʘǀǃǂǁ"


def test_no_letter_of_the_ipa_is_dropped() -> None:
    assert [letter for letter in IPA_LETTERS if not has_sound(to_vocabulary(letter))] == []


def test_encoding_an_unknown_symbol_is_an_error_and_never_silent() -> None:
    with pytest.raises(KeyError):
        encode("ʑ")
