"""What is asked for: short, medium and long texts in eight languages, hardly any of them twice.

A number in every sentence changes from one request to the next, so that a server which keeps what it has said once is
measured at making it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

SENTENCES = {"short": 1, "medium": 3, "long": 9}
"""How many sentences texts have: about 3, 10 and 30 seconds of speech."""
VOICES = {
    "en": "af_heart",
    "es": "ef_dora",
    "fr": "ff_siwis",
    "hi": "hf_alpha",
    "it": "if_sara",
    "ja": "jf_alpha",
    "pt": "pf_dora",
    "zh": "zf_xiaobei",
}
"""Who speaks a language where nobody is named: Kokoro's voices, whose names say their language."""
_UNSPACED = ("ja", "zh")
_NUMBERS = range(2, 100)
_TEMPLATES = {
    "en": (
        "The next train to Cambridge leaves from platform {}.",
        "Please keep the {} letters until I come back.",
        "The captain looked at the chart and folded it {} times.",
        "There are {} people waiting in front of the museum.",
        "My sister has lived at number {} since the summer.",
        "It takes about {} minutes to walk to the harbour.",
        "We ordered {} chairs and only one of them is broken.",
        "The wind will turn before {} of the boats are home.",
    ),
    "es": (
        "El próximo tren a Sevilla sale del andén {}.",
        "Guarda las {} cartas hasta que yo vuelva.",
        "El capitán miró el mapa y lo dobló {} veces.",
        "Hay {} personas esperando delante del museo.",
        "Mi hermana vive en el número {} desde el verano.",
        "Se tarda unos {} minutos en llegar al puerto.",
    ),
    "fr": (
        "Le prochain train pour Lyon part du quai {}.",
        "Gardez les {} lettres jusqu'à mon retour.",
        "Le capitaine regarda la carte et la plia {} fois.",
        "Il y a {} personnes qui attendent devant le musée.",
        "Ma sœur habite au numéro {} depuis cet été.",
        "Il faut environ {} minutes pour aller au port.",
    ),
    "hi": (
        "अगली ट्रेन प्लेटफ़ॉर्म {} से जाएगी।",
        "मेरे लौटने तक ये {} चिट्ठियाँ रख लीजिए।",
        "संग्रहालय के सामने {} लोग खड़े हैं।",
        "मेरी बहन गर्मियों से मकान नंबर {} में रहती है।",
        "बंदरगाह तक पैदल {} मिनट लगते हैं।",
        "हमने {} कुर्सियाँ मँगवाई थीं।",
    ),
    "it": (
        "Il prossimo treno per Roma parte dal binario {}.",
        "Conserva le {} lettere finché non torno.",
        "Il capitano guardò la mappa e la piegò {} volte.",
        "Ci sono {} persone che aspettano davanti al museo.",
        "Mia sorella abita al numero {} da quest'estate.",
        "Ci vogliono circa {} minuti per arrivare al porto.",
    ),
    "ja": (
        "次の電車は{}番線から出ます。",
        "私が戻るまで、{}通の手紙を預かってください。",
        "船長は地図を見て、{}回折りたたみました。",
        "美術館の前で{}人が待っています。",
        "姉は夏から{}番地に住んでいます。",
        "港まで歩いて{}分ほどかかります。",
    ),
    "pt": (
        "O próximo trem para Santos sai da plataforma {}.",
        "Guarde as {} cartas até eu voltar.",
        "O capitão olhou o mapa e o dobrou {} vezes.",
        "Há {} pessoas esperando em frente ao museu.",
        "Minha irmã mora no número {} desde o verão.",
        "Leva uns {} minutos para chegar ao porto.",
    ),
    "zh": (
        "下一班火车从{}号站台出发。",
        "请把这{}封信保管到我回来。",
        "船长看了看地图，把它折了{}次。",
        "博物馆前面有{}个人在等。",
        "我姐姐从夏天起住在{}号。",
        "走到港口大约需要{}分钟。",
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """Something to say.

    Attributes:
        text: The text.
        voice: Who says it; None for whoever the target names.
        kind: One of ``SENTENCES``, or empty.
        language: One of ``VOICES``, or empty.
    """

    text: str
    voice: str | None = None
    kind: str = ""
    language: str = ""


def lines(
    kinds: Sequence[str] = ("short",),
    languages: Sequence[str] = ("en",),
    voices: Mapping[str, str] = VOICES,
    seed: int = 0,
) -> Iterator[Line]:
    """Lines for ever: kinds and languages in turn, sentences and numbers at random; the same ``seed`` gives the same.

    Args:
        kinds: Of ``SENTENCES``.
        languages: Of ``VOICES``.
        voices: Who speaks each language.
        seed: Of the choice.
    """
    dice = random.Random(seed)
    while True:
        for kind in kinds:
            for language in languages:
                count = SENTENCES[kind]
                templates = _TEMPLATES[language]
                chosen: list[str] = []
                while len(chosen) < count:
                    chosen += dice.sample(templates, min(count - len(chosen), len(templates)))
                text = ("" if language in _UNSPACED else " ").join(
                    template.format(dice.choice(_NUMBERS)) for template in chosen
                )
                yield Line(text, voices[language], kind, language)
