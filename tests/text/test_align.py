from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_models.text.align import align


def written_for(source: str, target: str, part: str) -> str:
    """What of ``source`` the ``part`` of ``target`` came from."""
    to_source = align(source, target)
    start = target.index(part)
    return source[to_source[start] : to_source[start + len(part)]]


@pytest.mark.parametrize(
    ("source", "target", "part", "written"),
    [
        (
            "He paid $3.50 today",
            "He paid three dollars and fifty cents today",
            "three dollars and fifty cents",
            "$3.50",
        ),
        ("He paid $3.50 today", "He paid three dollars and fifty cents today", "paid", "paid"),
        ("He paid $3.50 today", "He paid three dollars and fifty cents today", "today", "today"),
        ("ﬁsh and chips", "fish and chips", "fish", "ﬁsh"),
        ("価格は１２円", "価格は十二円", "十二", "１２"),
        ("価格は１２円", "価格は十二円", "円", "円"),
        ("Hi 😀 there", "Hi there", "there", "there"),
    ],
)
def test_rewritten_parts_find_what_they_were_written_as(source: str, target: str, part: str, written: str) -> None:
    assert written_for(source, target, part).strip() == written


def test_a_cut_inside_a_rewritten_part_falls_behind_it() -> None:
    source, target = "$3.50 today", "three dollars and fifty cents today"
    to_source = align(source, target)
    assert to_source[target.index("dollars")] == len("$3.50")


@given(st.text(max_size=60), st.text(max_size=60))
def test_offsets_never_go_back_and_stay_inside(source: str, target: str) -> None:
    offsets = align(source, target)
    assert len(offsets) == len(target) + 1
    assert offsets == sorted(offsets)
    assert offsets[0] >= 0
    assert offsets[-1] == len(source)


@given(st.text(max_size=60))
def test_the_same_text_maps_to_itself(text: str) -> None:
    assert align(text, text) == list(range(len(text) + 1))
