"""Whatever is sent: our own error or a reading, and nothing that is written between tags gets lost."""

from __future__ import annotations

import contextlib
from xml.sax.saxutils import escape

from hypothesis import given
from hypothesis import strategies as st

from tests.text.ssml.conftest import cast
from tts_models.errors import RequestError
from tts_models.text.ssml import parse_ssml

PIECES = [
    "<speak>", "</speak>", "<p>", "</p>", "<s>", "<break/>", "<break time='1s'/>", "<break time='x'/>", "<prosody",
    " rate='slow'>", "</prosody>", "<emphasis>", "</emphasis>", "<mark name='m'/>", "<voice name='jf_x'>", "</voice>",
    "<sub alias='x'>", "</sub>", "<say-as interpret-as='date'>", "</say-as>", "<phoneme ph='a'>", "</phoneme>",
    "<lang xml:lang='fr'>", "</lang>", "&amp;", "&#233;", "&x;", "&#0;", "<![CDATA[", "]]>", "<!--", "-->", "<?x ?>",
    "<!DOCTYPE a>", "\0", "\ud800", "\ufeff", "日本", "é", "a b", "\n", "\r\n", "<", ">", "&", "'", '"',
    "<a:b>", "</a:b>",
]  # fmt: skip
junk = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=30).map("".join)

WORDS = st.text(st.sampled_from("abcé日本 &<>\n\t'\"1"), min_size=0, max_size=8)
WRAPS = st.sampled_from(
    [
        ("<p>", "</p>"),
        ("<s>", "</s>"),
        ("<prosody rate='slow' pitch='+2st' volume='-6dB'>", "</prosody>"),
        ("<emphasis level='strong'>", "</emphasis>"),
        ("<voice name='jf_x'>", "</voice>"),
        ("<lang xml:lang='fr'>", "</lang>"),
        ("<x:y z='1'>", "</x:y>"),
        ("<w>", "</w>"),
    ]
)
BETWEEN = st.sampled_from(["", "<break/>", "<mark name='m'/>", "<!-- c -->", "<?p i?>"])
TREES = st.recursive(
    WORDS.map(escape),
    lambda inner: st.one_of(
        st.tuples(WRAPS, inner).map(lambda pair: pair[0][0] + pair[1] + pair[0][1]),
        st.lists(st.one_of(inner, BETWEEN), max_size=4).map("".join),
        WORDS.filter(str.strip).map(lambda text: f"<sub alias='x'>{escape(text)}</sub>"),
        WORDS.map(lambda text: f"<say-as interpret-as='cardinal'>{escape(text)}</say-as>"),
        WORDS.map(lambda text: "<![CDATA[" + text + "]]>"),
    ),
    max_leaves=12,
)


@given(junk)
def test_anything_is_read_or_refused(source: str) -> None:
    for document in (source, f"<speak>{source}</speak>"):
        with contextlib.suppress(RequestError):
            read = parse_ssml(document, "en-US", cast)
            assert len(read.shown) == len(document)


@given(TREES)
def test_nothing_written_is_lost_or_misplaced(content: str) -> None:
    source = f"<speak>{content}</speak>"
    read = parse_ssml(source, "en-US", cast)
    text = read.controlled
    kept = "".join(text.text.split()).replace("\ufffc", "")
    assert kept == "".join(read.shown.replace("\0", "").split())
    for offset, char in enumerate(text.text):
        if not char.isspace() and char != "\ufffc":
            start, end = text.written(offset, offset + 1)
            assert source[start:end] in (char, escape(char)), "a character and where it stands"
    # The blocks tile the text, and what is said of stretches lies within it.
    assert [block.start for block in text.blocks] == [0, *(block.end for block in text.blocks[:-1])]
    assert text.blocks[-1].end == len(text.text)
    assert all(0 <= change.start < change.end <= len(text.text) for change in text.changes)
    assert all(first.end <= second.start for first, second in zip(text.readings, text.readings[1:], strict=False))
    assert list(text.ends or ()) == sorted(text.ends or ())
