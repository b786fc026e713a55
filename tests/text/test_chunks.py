"""Where a long text is cut before anything is known of its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_models.text.chunks import MAX_CHUNK_CHARS, split_text
from tts_models.text.controls import parse_controls


def chunks(text: str) -> list[str]:
    """The pieces that tile ``text``, which has no pauses."""
    (pieces,) = split_text(parse_controls(text))
    assert [piece.start for piece in pieces[1:]] == [piece.end for piece in pieces[:-1]]
    return [text[piece.start : piece.end] for piece in pieces]


@pytest.mark.parametrize(
    ("unit", "ends"),
    [
        ("She came in 1999, 2, 3 times and left again. ", ". "),
        ("it was late, it was dark, nobody else came ", ", "),
        ("बारिश हो रही थी, कोई नहीं आया और ", ", "),
        ("他们来了，没有人说话", "，"),
        ("誰も来なかった、雨が降っていた", "、"),
        ("one word and another ", " "),
        ("alpha,beta,gamma,delta,", ","),
    ],
)
def test_a_long_text_is_cut_at_its_best_place(unit: str, ends: str) -> None:
    text = (unit * MAX_CHUNK_CHARS)[: 5 * MAX_CHUNK_CHARS]
    *cut, rest = chunks(text)
    assert len(cut) >= 4
    assert "".join([*cut, rest]) == text
    assert all(piece.endswith(ends) for piece in cut)
    assert all(MAX_CHUNK_CHARS // 4 < len(piece) <= MAX_CHUNK_CHARS for piece in cut)


def test_numbers_are_not_cut() -> None:
    text = "x" * 10 + " 1, 2: 3; 4,567,890" * 100
    assert all(piece.endswith(" ") for piece in chunks(text)[:-1])


@given(st.text(st.sampled_from("ab.,;: 1\u0301\u0941क中。\n"), max_size=2000))
def test_chunks_tile_any_text(text: str) -> None:
    pieces = chunks(text)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= MAX_CHUNK_CHARS for piece in pieces)
