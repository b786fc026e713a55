"""Entries, and which of them are found where; no engine."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_models.errors import InvalidRequest, UnsupportedLanguage
from tts_models.text.dictionary import Dictionary, Entry
from tts_models.text.dictionary.entry import Alphabet, pronunciation_of
from tts_models.text.dictionary.index import fold


def entry(surface: str, pronunciation: str = "x", **fields: Any) -> Entry:
    return Entry(surface, pronunciation, **fields).checked()


def found(dictionary: Dictionary, text: str, language: str = "en-US") -> list[str]:
    return [
        f"{text[match.start : match.end]}={match.entry.pronunciation}" for match in dictionary.matches(text, language)
    ]


@pytest.mark.parametrize(
    ("surface", "text", "wanted"),
    [
        ("GIF", "A gif, GIFs, ＧＩＦ (gif) _gif_ 2gif", ["gif", "ＧＩＦ", "gif", "gif"]),
        ("C++", "C++ c++11 C+", ["C++", "c++"]),
        ("e", "e é e\u0301 ee l'e", ["e", "e"]),
        ("café", "cafe\u0301 CAFÉ cafe", ["cafe\u0301", "CAFÉ"]),
        ("New York", "new york, New\nYork, NewYork", ["new york", "New\nYork"]),
        ("ガール", "ｶﾞｰﾙ、ガールズ、ガール", ["ｶﾞｰﾙ", "ガール"]),
        ("ロン", "ロンとロンドン", ["ロン"]),
        ("京都", "東京都と京都", ["京都", "京都"]),
        ("कमल", "कमल कमला", ["कमल"]),
        ("ß", "ss ß", ["ss", "ß"]),
        ("ss", "ß", ["ß"]),
        ("s", "ß s", ["s"]),
        (":-)", "fine :-) really", [":-)"]),
    ],
)
def test_where_a_surface_is_found(surface: str, text: str, wanted: list[str]) -> None:
    assert found(Dictionary([entry(surface)]), text) == [f"{one}=x" for one in wanted]


def test_case_and_parts_of_words_where_the_entry_says_so() -> None:
    assert found(Dictionary([entry("US", case_sensitive=True)]), "US us Us ＵＳ") == ["US=x", "ＵＳ=x"]
    assert found(Dictionary([entry("ロン", whole_word=False)]), "ロンドン") == ["ロン=x"]
    assert found(Dictionary([entry("graph", whole_word=False)]), "Voicegraphs") == ["graph=x"]


def test_which_of_two_that_overlap() -> None:
    longer = Dictionary([entry("東京", "a"), entry("東京都", "b"), entry("都庁", "c")])
    assert found(longer, "東京都庁") == ["東京都=b"]
    priority = Dictionary([entry("東京", "a"), entry("東京都", "b"), entry("都庁", "c", priority=6)])
    assert found(priority, "東京都庁") == ["東京=a", "都庁=c"]
    tiers = Dictionary([entry("New", "own")], [entry("New York", "global", priority=10), entry("York", "g")])
    assert found(tiers, "New York") == ["New=own", "York=g"]
    newest = Dictionary([entry("GIF", "old"), entry("gif", "new")])
    assert found(newest, "gif") == ["gif=new"]


def test_language() -> None:
    dictionary = Dictionary([entry("chat", "a", language="fr"), entry("chat", "b", language="en-GB"), entry("pt", "c")])
    assert found(dictionary, "chat pt", "fr-FR") == ["chat=a", "pt=c"]
    assert found(dictionary, "chat pt", "en-GB") == ["chat=b", "pt=c"]
    assert found(dictionary, "chat pt", "en-US") == ["pt=c"]
    assert entry("a", language="en").language == "en"
    assert entry("a", language="en-AU").language == "en-GB"
    assert entry("a", language="pt").language == "pt"
    assert entry("a", language="cmn").language == "zh"


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"surface": "  "}, "surface", "empty"),
        ({"surface": "a\x00"}, "surface", "control"),
        ({"pronunciation": " "}, "pronunciation", "empty"),
        ({"pronunciation": "!?"}, "pronunciation", "no letter"),
        ({"alphabet": Alphabet.IPA, "pronunciation": "ɢa"}, "pronunciation", "'ɢ' (nearest: 'ɡ')"),
        ({"alphabet": Alphabet.IPA, "pronunciation": "ˈ"}, "pronunciation", "no sound"),
        ({"alphabet": Alphabet.IPA, "pronunciation": "a", "language": "ja"}, "alphabet", "katakana"),
        ({"alphabet": Alphabet.KATAKANA, "pronunciation": "ひらがな"}, "pronunciation", "not katakana"),
        ({"alphabet": Alphabet.KATAKANA, "pronunciation": "キャャ"}, "pronunciation", "no mora"),
        ({"alphabet": Alphabet.KATAKANA, "pronunciation": "アヮ"}, "pronunciation", "no mora"),
        ({"alphabet": Alphabet.KATAKANA, "pronunciation": "ア" * 101}, "pronunciation", "at most 100 moras"),
        ({"alphabet": Alphabet.KATAKANA, "pronunciation": "アイ", "accent": 3}, "accent", "has 2 moras"),
        ({"accent": 1}, "accent", "moras"),
        ({"priority": 11}, "priority", "0 to 10"),
    ],
)
def test_entries_that_cannot_be(fields: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says.replace("(", r"\(").replace(")", r"\)")) as raised:
        Entry(**{"surface": "a", "pronunciation": "b"} | fields).checked()
    assert raised.value.param == param


def test_a_language_that_is_not_ours() -> None:
    with pytest.raises(UnsupportedLanguage, match="'tlh' is not supported"):
        entry("a", language="tlh")


def test_half_width_katakana_and_the_usual_accent() -> None:
    word = entry("x", "ﾎﾞｲｽｸﾞﾗﾌ", alphabet=Alphabet.KATAKANA)
    assert word.pronunciation == "ボイスグラフ"
    assert pronunciation_of(word).accent == 4
    assert pronunciation_of(entry("x", "アンパン", alphabet=Alphabet.KATAKANA)).accent == 1
    assert pronunciation_of(entry("x", "アンパン", alphabet=Alphabet.KATAKANA, accent=0)).accent == 0


LETTERS = st.sampled_from("aAbé ßカーﾞガ東京\u0301'１1.")
TEXT = st.text(LETTERS, max_size=40)
SURFACE = st.text(LETTERS, min_size=1, max_size=4).filter(lambda text: bool(text.strip()))
ENTRY = st.builds(
    Entry,
    SURFACE,
    st.just("x"),
    priority=st.integers(0, 10),
    case_sensitive=st.booleans(),
    whole_word=st.booleans(),
).map(Entry.checked)


@given(TEXT, st.lists(ENTRY, max_size=12), st.lists(ENTRY, max_size=4))
def test_matches_are_in_order_apart_and_what_is_written(text: str, own: list[Entry], shared: list[Entry]) -> None:
    matches = Dictionary(own, shared).matches(text, "en-US")
    assert all(before.end <= after.start for before, after in pairwise(matches))
    for match in matches:
        assert fold(text[match.start : match.end])[0] == fold(match.entry.surface)[0]
        assert match.entry in own + shared


@given(TEXT, ENTRY)
def test_one_entry_is_found_wherever_a_plain_search_finds_it(text: str, one: Entry) -> None:
    """But for what overlaps an earlier place, and where a letter or word goes on."""
    matches = Dictionary([Entry(one.surface, "x", whole_word=False)]).matches(text, "en-US")
    folded, surface = fold(text)[0], fold(one.surface)[0]
    if surface not in folded:
        assert not matches
    if text == one.surface:
        assert [(match.start, match.end) for match in matches] == [(0, len(text))]


@given(st.text(max_size=50))
def test_folding_says_where_everything_came_from(text: str) -> None:
    folded, origins = fold(text)
    assert len(origins) == len(folded) + 1
    assert list(origins) == sorted(origins)
    assert origins[len(folded)] == len(text)
