"""What a voice says while it is fitted: a sentence in each language, so that it is not fitted to one's sounds."""

from __future__ import annotations

SENTENCES = (
    "ðə bˈY wʌz ðɛɹ wˌɛn ðə sˈʌn ɹˈOz.",  # The boy was there when the sun rose.
    "aʝˈeɾ poɾ la tˈaɾðe fwˈimos xˈuntos al meɾkˈaðo.",  # Ayer por la tarde fuimos juntos al mercado.
    "wˌi fˈInd ʤˈY ɪn ðə sˈɪmpᵊlᵻst θˈɪŋz.",  # We find joy in the simplest things.
    "wo↓mən mi↗ŋtʰjɛ→n ʦau↓ʂa↘ŋ i↘ʨʰi↓ ʨʰy↘ kʊ→ŋɥɛ↗n pa.",  # 我们明天早上一起去公园吧。
    "ðə ʃˈɪp wɒz tˈɔːn əpˈɑːt ˌɒn ðə ʃˈɑːp ɹˈiːf.",  # The ship was torn apart on the sharp reef.
    "lə pətˈi ʃˈa dˈɔʁ dɑ̃ la ʃˈɑ̃bʁ blˈø.",  # Le petit chat dort dans la chambre bleue.
    "kʲoː βa totemo iː teŋkʲi desɨ ne.",  # 今日はとてもいい天気ですね。
    "domˈanɪ matːˈina andjˈamo al mˈare kon ʎɪ amˈiʧɪ.",  # Domani mattina andiamo al mare con gli amici.
    "ˈaːɟ mˈɔːsəm bˈʌhʊt ˈʌcʰcʰaː hɛː.",  # आज मौसम बहुत अच्छा है।
    "ʊ mˌenˈinʊ komprˈow ũŋ lˈivrʊ na sˌidˈaʤy.",  # O menino comprou um livro na cidade.
)
"""Phoneme symbols as Kokoro spells them, two seconds each."""

HELD_OUT = (
    "hˈɛlp ðə wˈʊmən ɡɛt bˈæk tə hɜɹ fˈit.",  # Help the woman get back to her feet.
    "la lˈuna βɾˈiʎa sˌoβɾe el ˈaɣwa tɾankˈila.",  # La luna brilla sobre el agua tranquila.
)
"""Sentences that the voice is not fitted on but judged by."""
