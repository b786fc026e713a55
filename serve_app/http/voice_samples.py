"""What a voice says of itself when somebody wants to hear it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SAMPLE_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "en-US": "Hello, this is how I sound. I can read anything you write, one sentence after the other.",
        "en-GB": "Hello, this is how I sound. I can read anything you write, one sentence after the other.",
        "es": "Hola, así sueno yo. Puedo leer todo lo que escribas, una frase tras otra.",
        "fr-FR": "Bonjour, voici ma voix. Je peux lire tout ce que vous écrivez, une phrase après l'autre.",
        "hi": "नमस्ते, मेरी आवाज़ ऐसी है। आप जो भी लिखें, वह इसी आवाज़ में सुनाई देगा।",
        "it": "Ciao, questa è la mia voce. Posso leggere tutto quello che scrivi, una frase dopo l'altra.",
        "ja": "こんにちは。これが私の声です。お書きになった文章を、続けて読み上げます。",
        "pt-BR": "Olá, esta é a minha voz. Posso ler tudo o que você escrever, uma frase após a outra.",
        "zh": "你好，这就是我的声音。你写的文字，我都可以一句一句地读出来。",
    }
)
"""By language; each takes about five seconds."""
