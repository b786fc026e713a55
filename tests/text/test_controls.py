from __future__ import annotations

import pytest

from tts_models.errors import InvalidRequest
from tts_models.text.controls import MAX_TOTAL_PAUSE_S, ControlledText, parse_controls


def pauses(parsed: ControlledText) -> tuple[tuple[int, float | None], ...]:
    return tuple((block.end, block.pause_after_s) for block in parsed.blocks[:-1])


def test_a_given_pronunciation_leaves_its_word_in_the_text() -> None:
    parsed = parse_controls("I love [Kokoro](/kˈOkəɹO/), truly.")
    assert parsed.text == "I love Kokoro, truly."
    assert parsed.pronunciations == ((7, 13, "kˈOkəɹO"),)
    assert pauses(parsed) == ()


def test_pauses_leave_the_text_and_keep_their_place() -> None:
    parsed = parse_controls("One[pause:1.5s] two [pause:500ms][PAUSE: 2 s]")
    assert parsed.text == "One two "
    assert pauses(parsed) == ((3, 1.5), (8, 0.5), (8, 2.0))


@pytest.mark.parametrize(
    "text",
    [
        "[see](http://example.com)",
        "[1]",
        "[word](ipa)",
        "a [b] c",
        "[pause:long]",
        "[pause]",
        "[x](/a/",
        "[](/a/)",
        "[pause:1]",
    ],
)
def test_other_square_brackets_are_plain_text(text: str) -> None:
    parsed = parse_controls(text)
    assert parsed.text == text
    assert not parsed.pronunciations
    assert not pauses(parsed)


@pytest.mark.parametrize("pause", ["[pause:10.1s]", "[pause:-1s]", "[pause:10001ms]", "[pause:999999999s]"])
def test_a_pause_out_of_range_is_refused(pause: str) -> None:
    with pytest.raises(InvalidRequest, match="0 to 10 s") as error:
        parse_controls(f"Hello {pause} world")
    assert error.value.param == "input"


@pytest.mark.parametrize(("pause", "seconds"), [("[pause:0s]", 0.0), ("[pause:10s]", 10.0), ("[pause:.5s]", 0.5)])
def test_bounds_of_a_pause_are_allowed(pause: str, seconds: float) -> None:
    assert pauses(parse_controls(f"a{pause}b")) == ((1, seconds),)


def test_pauses_are_bounded_together_too() -> None:
    count = int(MAX_TOTAL_PAUSE_S / 10)
    assert len(pauses(parse_controls("a [pause:10s]" * count))) == count
    with pytest.raises(InvalidRequest, match="add up"):
        parse_controls("a [pause:10s]" * (count + 1))


def test_symbols_outside_the_vocabulary_are_named_with_the_nearest_known() -> None:
    with pytest.raises(InvalidRequest) as error:
        parse_controls("[zhuk](/ʐuk7/)")
    assert "'ʐ' (nearest: 'ʒ')" in error.value.message
    assert "'7'" in error.value.message
    assert "'u'" not in error.value.message


@pytest.mark.parametrize("ipa", ["", " ", "ˈ", "...", "ː"])
def test_a_pronunciation_without_sound_is_refused(ipa: str) -> None:
    with pytest.raises(InvalidRequest, match="no sound"):
        parse_controls(f"[word](/{ipa}/)")


def test_the_latin_g_is_the_ipa_one() -> None:
    assert parse_controls("[go](/gˈO/)").pronunciations == ((0, 2, "ɡˈO"),)
