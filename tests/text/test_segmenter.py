from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tts_models.text.g2p.words import Break, Word, join_symbols
from tts_models.text.segmenter import MIN_TOKENS, cut_into_segments


def words_of(text: str) -> list[Word]:
    """Words as an engine gives them for a text of ASCII letters and marks."""
    words = []
    offset = 0
    for part in text.split(" "):
        stem = part.strip('.,"“”')
        for piece in filter(None, [part[: part.index(stem)], stem, part[part.index(stem) + len(stem) :]]):
            words.append(Word(offset, offset + len(piece), piece, space=False))
            offset += len(piece)
        words[-1].space = True
        offset += 1
    return words


def texts(words: list[Word], first: int = 60, longest: int = 300, played: int = 0) -> list[str]:
    return [join_symbols(segment) for segment in cut_into_segments(words, first, longest, played)]


SENTENCE = "there were eleven people in this room when she came home."


def test_the_first_segment_is_short_and_the_rest_long() -> None:
    segments = texts(words_of(" ".join([SENTENCE] * 20)))
    assert segments[0] == SENTENCE
    assert len(segments[1]) > 2 * len(SENTENCE)
    assert all(100 <= len(segment) <= 200 for segment in segments[2:])
    assert all(segment.endswith(".") for segment in segments)


def test_later_parts_of_an_utterance_start_with_a_long_segment() -> None:
    segments = texts(words_of(" ".join([SENTENCE] * 20)), played=500)
    assert len(segments[0]) > 100


def test_a_tiny_sentence_joins_its_neighbour() -> None:
    assert texts(words_of("no. " + SENTENCE))[0].startswith("no. there")
    assert texts(words_of(" ".join([SENTENCE] * 4) + " no."))[-1].endswith("home. no.")


def test_a_long_sentence_is_cut_after_a_clause() -> None:
    clause = "there were eleven people in this room when she came home,"
    segments = texts(words_of(" ".join([clause] * 12)))
    assert len(segments) > 2
    assert all(segment.endswith(",") for segment in segments)


def test_words_without_any_mark_are_cut_between_words_in_even_pieces() -> None:
    segments = texts(words_of(" ".join(["word"] * 400)))
    assert "".join(segments).replace(" ", "") == "word" * 400
    assert all(segment.startswith("word") and segment.endswith("word") for segment in segments)
    assert all(len(segment) <= 300 for segment in segments)
    assert min(map(len, segments[1:])) > 100


def test_a_breath_is_taken_where_a_phrase_ends() -> None:
    words = words_of(" ".join(["word"] * 40))
    words[9].ends = Break.PHRASE
    assert texts(words)[0] == " ".join(["word"] * 10)


def test_one_giant_word_is_cut_by_tokens_and_its_text_with_it() -> None:
    segments = cut_into_segments([Word(0, 2000, "a" * 1000, space=False)], 60, 300)
    assert "".join(join_symbols(segment) for segment in segments) == "a" * 1000
    assert all(len(join_symbols(segment)) <= 300 for segment in segments)
    assert [segment[0].start for segment in segments] == [0, 500, 1000, 1500]


def test_quotation_marks_stay_with_their_words() -> None:
    quoted = f'{SENTENCE} "{SENTENCE}" {SENTENCE} "{SENTENCE}"'
    for segment in texts(words_of(quoted), first=20, longest=80):
        assert segment.count('"') in (0, 2)


def test_a_paragraph_is_a_better_end_than_a_sentence() -> None:
    words = words_of(" ".join([SENTENCE] * 4))
    ends = [index for index, word in enumerate(words) if word.symbols == "."]
    words[ends[1]].ends = Break.PARAGRAPH
    assert texts(words, played=1000) == [f"{SENTENCE} {SENTENCE}"] * 2


def test_marks_alone_are_never_a_segment() -> None:
    words = words_of(f"{SENTENCE} “ ” . , . {SENTENCE}")
    assert all("e" in segment for segment in texts(words, first=20, longest=60))


@given(
    st.lists(st.tuples(st.integers(1, 400), st.sampled_from(["", ",", "."]), st.booleans()), min_size=1, max_size=60)
)
def test_nothing_is_lost_and_nothing_is_too_long(shape: list[tuple[int, str, bool]]) -> None:
    words = []
    for length, mark, space in shape:
        words.append(Word(0, 0, "a" * length, space=space and not mark))
        if mark:
            words.append(Word(0, 0, mark, space=space))
    segments = cut_into_segments(words, 60, 300)
    symbols = ["".join(w.symbols for w in segment) for segment in segments]
    assert "".join(symbols) == "".join(w.symbols for w in words)
    assert all(len(join_symbols(segment)) <= 300 for segment in segments)
    if len(segments) > 1 and sum(map(len, symbols)) > 200:
        assert sum(len(piece) < MIN_TOKENS for piece in symbols) <= 1
