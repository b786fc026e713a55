"""How well instructions are understood: by words, by the meaning of sentences, and by both.

    python -m bench.instructions            the table, on what is in bench/instructions.tsv
    python -m bench.instructions --write    first draws the lines between the effects anew, through the examples

``bench/instructions.tsv`` holds instructions that are worded otherwise than the examples, and the moods that are right
for each. ``--misses`` lists what was misunderstood, ``--write`` also says how well the examples are told
apart, each by the others. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tts_models.assets import AssetStore, default_root
from tts_models.instructions import Manner, understand
from tts_models.instructions.examples import EXAMPLES
from tts_models.instructions.manner import Effect
from tts_models.instructions.meaning import LINES_FILE, Lines, Meaning, bare, family
from tts_models.instructions.sentences import SentenceEncoder
from tts_models.instructions.understanding import understand_meaning

ASKED = Path(__file__).with_name("instructions.tsv")


@dataclass(frozen=True)
class Asked:
    """An instruction and what is right for it.

    Attributes:
        language: Of the text.
        moods: Any of them.
        delivery: What else must move, as ``speed-``; ``-`` for nothing that is asked for.
        text: The instruction.
    """

    language: str
    moods: tuple[str, ...]
    delivery: str
    text: str

    def is_met_by(self, manner: Manner) -> bool:
        """Whether the mood is right, and what must move does."""
        if manner.emotion.name not in self.moods:
            return False
        if self.delivery == "-":
            return True
        value = getattr(manner, self.delivery[:-1]) - getattr(Manner(), self.delivery[:-1])
        return value > 0 if self.delivery.endswith("+") else value < 0


def asked(path: Path = ASKED) -> Iterator[Asked]:
    """The instructions of a file."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            language, moods, delivery, text = line.split("\t")
            yield Asked(language, tuple(moods.split("|")), delivery, text)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="draw the lines anew and write them into the package")
    parser.add_argument("--misses", action="store_true", help="list what was misunderstood")
    options = parser.parse_args()

    encoder = SentenceEncoder.load(AssetStore(default_root()).ensure("all-minilm-l6-v2"))
    if options.write:
        vectors, effects = _examples(encoder)
        print(f"{len(vectors)} examples, each told by the others: {_left_out(vectors, effects):.0%}")
        LINES_FILE.write_bytes(Lines.through(vectors, effects).to_bytes())
    meaning = Meaning(encoder, Lines.load())
    began = time.perf_counter()
    encoder.embed("Speak like a tired night-shift nurse who has just seen the sun rise over the car park.")
    report: dict[str, object] = {"embedding_ms": round(1000 * (time.perf_counter() - began), 1)}

    def by_words(text: str) -> Manner:
        return understand(text)

    def by_both(text: str) -> Manner:
        return understand(text, meaning)

    def by_meaning(text: str) -> Manner:
        return understand_meaning(text, meaning)

    ways: dict[str, Callable[[str], Manner]] = {"words": by_words, "meaning": by_meaning, "both": by_both}
    print(f"{'':16}" + "".join(f"{name:>10}" for name in ways))
    everything = list(asked())
    for language in dict.fromkeys(one.language for one in everything):
        own = [one for one in everything if one.language == language]
        right = {name: sum(one.is_met_by(way(one.text)) for one in own) / len(own) for name, way in ways.items()}
        print(f"{language:10}{len(own):4}  " + "".join(f"{share:10.0%}" for share in right.values()))
        report[language] = {name: round(share, 3) for name, share in right.items()}
        for one in own if options.misses else ():
            if not one.is_met_by(by_both(one.text)):
                print(f"    {'|'.join(one.moods)} {one.delivery}: {by_both(one.text)}  {one.text}")
    print(json.dumps(report))


def _examples(encoder: SentenceEncoder) -> tuple[np.ndarray, np.ndarray]:
    lines = [(index, line) for index, effect in enumerate(EXAMPLES) for line in _lines(effect)]
    return np.stack([encoder.embed(bare(line)) for _, line in lines]), np.array([index for index, _ in lines])


def _lines(effect: Effect) -> list[str]:
    return [line.strip() for line in EXAMPLES[effect].strip().splitlines()]


def _left_out(vectors: np.ndarray, effects: np.ndarray) -> float:
    """The share of examples whose family the lines through all others tell."""
    families = [family(effect) for effect in EXAMPLES]
    names = sorted(set(families))
    right = 0
    for index in range(len(vectors)):
        others = np.arange(len(vectors)) != index
        shares = Lines.through(vectors[others], effects[others]).shares(vectors[index])
        together = [sum(share for share, own in zip(shares, families, strict=True) if own == name) for name in names]
        right += names[int(np.argmax(together))] == families[effects[index]]
    return right / len(vectors)


if __name__ == "__main__":
    main()
