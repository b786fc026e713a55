from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.jobs.pieces import PARAGRAPH_S, SENTENCE_S, pieces


@given(st.text(alphabet="ab .,!\n。[]()/:1s", max_size=400), st.integers(1, 60))
def test_pieces_are_the_whole_text(text: str, most: int) -> None:
    found = list(pieces(text, most))
    assert "".join(piece.text for piece in found) == text
    assert all(1 <= len(piece.text) <= most for piece in found)
    assert [piece.start for piece in found] == [sum(len(p.text) for p in found[:i]) for i in range(len(found))]


@pytest.mark.parametrize(
    ("text", "first", "pause_s"),
    [
        ("One. Two. Six.\n\nThree. Four. Five", "One. Two. Six.\n\n", PARAGRAPH_S),
        ("One two. Three four. Five six seven", "One two. Three four. ", SENTENCE_S),
        (
            "一二三四五六七八。九十一二三四五六七八九十一二三四五",
            "一二三四五六七八。九十一二三四五六七八九十一二三",
            0.0,
        ),
        ("一二三四五六七八九十一二三四。五六七八九十一二三四五", "一二三四五六七八九十一二三四。", SENTENCE_S),
        ("one two three, four five six seven", "one two three, ", 0.0),
        ("one two three four five six seven", "one two three four five ", 0.0),
        ("one two three [pause:1.5s]four five", "one two three ", 0.0),
        ("onetwothreefourfivesixseveneight", "onetwothreefourfivesixse", 0.0),
    ],
)
def test_cuts_fall_where_a_reader_would_pause(text: str, first: str, pause_s: float) -> None:
    piece = next(pieces(text, 24))
    assert (piece.text, piece.pause_after_s) == (first, pause_s)
