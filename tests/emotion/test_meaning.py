"""What instructions mean beyond the words that are known."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench.instructions import asked
from tts_models.assets import AssetStore
from tts_models.errors import AssetError
from tts_models.instructions import Meaning, Understanding, understand
from tts_models.instructions.examples import EXAMPLES
from tts_models.instructions.glosses import glosses
from tts_models.instructions.meaning import Lines, bare, examples_digest
from tts_models.instructions.sentences import VOCABULARY, SentenceEncoder
from tts_models.instructions.understanding import in_english
from tts_models.instructions.word_pieces import WordPieces
from tts_models.types import FloatArray

PIECES = ["[UNK]", "[CLS]", "[SEP]", "night", "nurse", "cafe", "un", "##believ", "##able", "!", "-", "病"]


@pytest.fixture(scope="module")
def encoder(assets: AssetStore) -> SentenceEncoder:
    return SentenceEncoder.load(assets.ensure("all-minilm-l6-v2"))


@pytest.fixture(scope="module")
def meaning(encoder: SentenceEncoder) -> Meaning:
    return Meaning(encoder, Lines.load())


def toy_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """A network of the release's layout, two layers of 64."""
    rng = np.random.default_rng(seed)
    shapes = {f"embeddings.{name}_embeddings.weight": (size, 64) for name, size in (("word", 12), ("position", 256))}
    shapes["embeddings.token_type_embeddings.weight"] = (2, 64)
    shapes |= {f"embeddings.LayerNorm.{part}": (64,) for part in ("weight", "bias")}
    for layer in ("encoder.layer.0.", "encoder.layer.1."):
        inner = {f"attention.self.{part}": (64, 64) for part in ("query", "key", "value")}
        inner |= {"attention.output.dense": (64, 64), "intermediate.dense": (128, 64), "output.dense": (64, 128)}
        for name, shape in inner.items():
            shapes |= {f"{layer}{name}.weight": shape, f"{layer}{name}.bias": shape[:1]}
        for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{layer}{norm}.{part}": (64,) for part in ("weight", "bias")}
    tensors = {name: rng.standard_normal(shape).astype(np.float16) for name, shape in shapes.items()}
    return {**tensors, VOCABULARY: np.frombuffer("\n".join(PIECES).encode(), np.uint8)}


class TestWordPieces:
    @pytest.mark.parametrize(
        ("text", "pieces"),
        [
            ("Night-NURSE!", ["night", "-", "nurse", "!"]),
            ("Café unbelievable", ["cafe", "un", "##believ", "##able"]),
            ("夜 病", ["[UNK]", "病"]),
            ("", []),
        ],
    )
    def test_words_are_cut_into_the_longest_pieces(self, text: str, pieces: list[str]) -> None:
        numbers = [PIECES.index(piece) for piece in ["[CLS]", *pieces, "[SEP]"]]
        assert WordPieces(PIECES).encode(text, 256) == numbers

    def test_of_a_long_text_the_beginning_is_read(self) -> None:
        assert WordPieces(PIECES).encode("nurse night " * 500, 6) == [1, 4, 3, 4, 3, 2]


class TestSentenceEncoder:
    def test_vectors_have_unit_length_whatever_the_text(self) -> None:
        encoder = SentenceEncoder(toy_tensors())
        for text in ("", "nurse", "night " * 1000, "🎉"):
            assert np.linalg.norm(encoder.embed(text)) == pytest.approx(1, abs=1e-5)

    def test_another_file_is_refused(self, tmp_path: Path) -> None:
        from safetensors.numpy import save_file

        path = tmp_path / "other.safetensors"
        save_file({"weight": np.zeros(3, np.float32)}, path)
        with pytest.raises(AssetError, match=r"other\.safetensors cannot be loaded"):
            SentenceEncoder.load(path)

    def test_it_is_the_network_that_transformers_has(self, encoder: SentenceEncoder) -> None:
        torch = pytest.importorskip("torch")
        transformers = pytest.importorskip("transformers")
        network = transformers.BertModel(
            transformers.BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536), False
        ).eval()
        ours = {**encoder._weights, "embeddings.word_embeddings.weight": encoder._vectors.astype(np.float32)}
        network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in ours.items()})
        for text in ("Speak like a tired night-shift nurse.", "Naïve? “No” — it's 3 o'clock…"):
            ids = torch.tensor([encoder._words.encode(text, 256)])
            with torch.inference_mode():
                theirs = network(ids).last_hidden_state.mean(1)[0].numpy()
            assert encoder.embed(text) @ theirs / np.linalg.norm(theirs) > 0.999

    def test_what_means_the_same_is_near(self, encoder: SentenceEncoder) -> None:
        one, same, other = map(encoder.embed, ("a boy who weeps", "a child in tears", "the terms of a contract"))
        assert one @ same > one @ other + 0.2


class TestExamples:
    def test_the_lines_were_drawn_through_these_examples(self) -> None:
        assert Lines.load().examples == examples_digest(), "run python -m bench.instructions --write"

    def test_no_example_is_asked_about(self) -> None:
        examples = {bare(line.strip()).lower() for lines in EXAMPLES.values() for line in lines.strip().splitlines()}
        assert not examples & {bare(one.text).lower() for one in asked()}

    def test_every_gloss_has_words_in_both_languages_which_are_found(self) -> None:
        (ja, _), (zh, chinese) = glosses("ja"), glosses("zh")
        assert ja.search("疲れた看護師")
        assert chinese[zh.search("像护士一样").group()] == "nurse"  # type: ignore[union-attr]

    def test_lines_through_vectors_tell_them_apart(self) -> None:
        effects = np.repeat(np.arange(len(EXAMPLES)), 3)
        vectors = np.eye(len(EXAMPLES), dtype=np.float32)[effects]
        lines = Lines.through(vectors, effects)
        assert [int(np.argmax(lines.shares(vector))) for vector in vectors] == effects.tolist()


class Nowhere:
    """An encoder to which every sentence is as far from everything: at right angles to all lines."""

    def embed(self, text: str) -> FloatArray:
        lines = Lines.load()
        along, _ = np.linalg.qr(lines.weights)
        away = np.ones(len(lines.middle), np.float32)
        return lines.middle + away - along @ (along.T @ away)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("not too excited", ""),
        ("Sad, but not too slow", "Sad"),
        ("like somebody who does not care", "like somebody who does not care"),
        ("as if you could not believe it. Not too loud!", "as if you could not believe it"),
        ("夜勤明けの看護師", "night shift, after work, nurse"),
        ("看護師ではなく、医者のように", "doctor"),
        ("不要像老师，像护士", "nurse"),
        ("别像机器", ""),
        ("12345", "12345"),
    ],
)
def test_what_is_wanted_in_english(text: str, english: str) -> None:
    assert in_english(text) == english


def test_what_is_near_to_nothing_asks_for_nothing() -> None:
    assert understand("over hill and dale", Meaning(Nowhere(), Lines.load())) == understand("")


def test_what_was_understood_is_remembered() -> None:
    asked_of: Counter[str] = Counter()

    class Counting(Nowhere):
        def embed(self, text: str) -> FloatArray:
            asked_of[text] += 1
            return super().embed(text)

    understanding = Understanding(Meaning(Counting(), Lines.load()))
    for _ in range(3):
        understanding("over hill and dale")
    assert asked_of == {"over hill and dale": 1}


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("like a boy whose dog has run away", "sad"),
        ("someone has just cut you off in traffic", "angry"),
        ("without a word of anger, as if you had all the time in the world by a lake", "calm"),
        ("not too excited", "neutral"),
        ("don't sound like a crying widow", "neutral"),
        ("葬式で弔辞を読むように", "sad"),
        ("像在法庭上宣读判决", "serious"),
        ("", "neutral"),
    ],
)
def test_scenes_have_a_mood(text: str, mood: str, meaning: Meaning) -> None:
    assert understand(text, meaning).emotion.name == mood


@pytest.mark.parametrize(("language", "times"), [("en", 1.4), ("ja", 1.15), ("zh", 1.15)])
def test_meaning_and_words_together_understand_more(language: str, times: float, meaning: Meaning) -> None:
    own = [one for one in asked() if one.language == language]
    words = sum(one.is_met_by(understand(one.text)) for one in own)
    both = sum(one.is_met_by(understand(one.text, meaning)) for one in own)
    assert both >= 0.7 * len(own)
    assert both >= times * words


def test_a_name_is_no_mood(meaning: Meaning) -> None:
    for text in ("Speak with a lisp.", "with a British accent", "Read this aloud.", "The text is about bees."):
        assert understand(text, meaning) == understand(text), text
