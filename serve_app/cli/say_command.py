"""``voicegraph say``: a text into an audio file, in this process or by a running server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from serve_app.captions import CaptionFormat, caption_file
from serve_app.cli.context import CliContext, CommandFailed, fetch_assets, messages, waiting_for
from serve_app.cli.dictionary_command import read_entries
from tts_models.assets import AssetStore
from tts_models.delivery import MAX_ENERGY, MAX_INTONATION, MAX_PITCH, MIN_ENERGY
from tts_models.errors import AssetError
from tts_models.timing import WordMark
from tts_models.types import EMOTIONS

if TYPE_CHECKING:
    from tts_models.instructions import Understanding

FORMATS = ("wav", "mp3", "opus", "aac", "flac", "pcm")
_EXTENSIONS = {**{name: name for name in FORMATS}, "ogg": "opus", "m4a": "aac", "raw": "pcm"}
_CONNECT_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class _Request:
    text: str
    voice: str
    language: str | None
    volume: float
    seed: int
    format: str
    input_format: str = "auto"
    manner: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Heard:
    """What captions are made of: the text as people read it, and its words."""

    shown: str = ""
    words: list[WordMark] = field(default_factory=list)


def say(
    context: typer.Context,
    text: Annotated[str | None, typer.Argument(help="What to say; `-` or nothing reads standard input.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; `-` is standard output.")] = Path(
        "out.wav"
    ),
    voice: Annotated[
        str,
        typer.Option(
            "--voice", "-v", help="Who says it, as `voicegraph voices` lists, or a mix: `af_bella(2)+af_sky(1)`."
        ),
    ] = "af_heart",
    language: Annotated[
        str | None,
        typer.Option("--language", "-l", show_default="the voice's own", help="BCP-47 tag, such as en-GB or ja."),
    ] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.25, max=4, show_default="1", help="1 is the voice's own rate.")
    ] = None,
    volume: Annotated[float, typer.Option(min=0, max=4, help="Gain.")] = 1.0,
    pitch: Annotated[
        float | None,
        typer.Option(min=-MAX_PITCH, max=MAX_PITCH, show_default="0", help="Shift of the pitch, semitones."),
    ] = None,
    energy: Annotated[
        float | None,
        typer.Option(min=MIN_ENERGY, max=MAX_ENERGY, show_default="1", help="Factor on loudness; 2 is +6 dB."),
    ] = None,
    intonation: Annotated[
        float | None,
        typer.Option(min=0, max=MAX_INTONATION, show_default="1", help="How far the pitch moves; 0 is monotone."),
    ] = None,
    emotion: Annotated[
        str | None, typer.Option("--emotion", "-e", show_default="neutral", help=", ".join(EMOTIONS))
    ] = None,
    intensity: Annotated[
        float | None, typer.Option(min=0, max=1, show_default="1", help="How much of the emotion.")
    ] = None,
    instructions: Annotated[
        str | None,
        typer.Option("--instructions", "-i", show_default="none", help="How to say it, such as 'slowly, a bit sad'."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same text with the same seed gives the same bytes.")] = 0,
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", show_default="by the file's extension", help=", ".join(FORMATS)),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="Also write captions: SubRip (.srt) or WebVTT (.vtt).", show_default="none")
    ] = None,
    ssml: Annotated[
        bool | None,
        typer.Option("--ssml/--no-ssml", show_default="if it begins with <speak", help="Read the text as SSML."),
    ] = None,
    dictionary: Annotated[
        Path | None,
        typer.Option(help="Pronunciations: JSON or PLS (.pls, .xml), without --url.", show_default="none"),
    ] = None,
    engine: Annotated[str, typer.Option(help="How the vocoder computes, without --url.")] = "auto",
    url: Annotated[
        str | None,
        typer.Option(show_default="say it in this process", help="A running server, such as http://127.0.0.1:8000."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="VOICEGRAPH_API_KEY", show_default="none", help="API key for --url.")
    ] = None,
) -> None:
    """Say a text into a file."""
    options: CliContext = context.obj
    input_format = {None: "auto", True: "ssml", False: "text"}[ssml]
    request = _Request(
        _text(text),
        voice,
        language,
        volume,
        seed,
        _format(format, output),
        input_format,
        _manner(
            speed=speed,
            pitch=pitch,
            energy=energy,
            intonation=intonation,
            emotion=emotion,
            intensity=intensity,
            instructions=instructions,
        ),
    )
    if dictionary and url:
        raise CommandFailed(
            "--dictionary is for speech made here; give it to a server with `voicegraph dictionary import`"
        )
    started = time.monotonic()
    caption_format = _caption_format(captions)
    heard = _Heard()
    pieces = _from_server(request, url, key) if url else _in_process(request, options, engine, heard, dictionary)
    with _writing(output) as file:
        for piece in pieces:
            file.write(piece)
    if captions and caption_format:
        with _writing(captions) as file:
            if url:
                file.writelines(_from_server(request, url, key, caption_format))
            else:
                file.write(caption_file(heard.shown, heard.words, caption_format).encode())
    if str(output) != "-":
        size_bytes = output.stat().st_size
        messages().print(f"{output}: {size_bytes:,} bytes in {time.monotonic() - started:.1f} s", soft_wrap=True)


def _manner(**given: Any) -> Mapping[str, Any]:
    """The options that were given."""
    emotion = given["emotion"]
    if emotion is not None and emotion not in EMOTIONS:
        raise CommandFailed(f"there is no emotion {emotion!r}; there are {', '.join(EMOTIONS)}")
    return {name: value for name, value in given.items() if value is not None}


def _text(argument: str | None) -> str:
    if argument is not None and argument != "-":
        return argument
    if sys.stdin.isatty():
        if argument is None:
            raise CommandFailed("there is nothing to say: give a text, or pipe one in")
        messages().print("[dim]reading the text from the terminal; end it with Ctrl-D")
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise CommandFailed(f"the text on standard input is not UTF-8: {error}") from error


def _format(wanted: str | None, output: Path) -> str:
    if wanted is None:
        if str(output) == "-":
            return "wav"
        extension = output.suffix.lower().lstrip(".")
        if extension not in _EXTENSIONS:
            known = ", ".join(f".{name}" for name in _EXTENSIONS)
            raise CommandFailed(f"{output}: the extension does not say which format to write; use {known}, or --format")
        return _EXTENSIONS[extension]
    if wanted.lower() not in FORMATS:
        raise CommandFailed(f"there is no format {wanted!r}; there are {', '.join(FORMATS)}")
    return wanted.lower()


def _caption_format(path: Path | None) -> CaptionFormat | None:
    if path is None:
        return None
    extension = path.suffix.lower()
    if extension not in (".srt", ".vtt"):
        raise CommandFailed(f"{path}: captions are written to .srt or .vtt")
    return "srt" if extension == ".srt" else "vtt"


@contextmanager
def _writing(output: Path) -> Iterator[IO[bytes]]:
    """``output`` open for writing; a failure leaves no half-written file, and what was there before stays."""
    if str(output) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # A device or a pipe is written to, not replaced.
    in_place = output.exists() and not output.is_file()
    partial = output if in_place else output.with_name(output.name + ".part")
    try:
        with partial.open("wb") as file:
            yield file
        if not in_place:
            partial.replace(output)
    except OSError as error:
        raise CommandFailed(f"cannot write {output}: {error.strerror or error}") from error
    finally:
        if not in_place:
            partial.unlink(missing_ok=True)


def _in_process(
    request: _Request, options: CliContext, engine: str, heard: _Heard, dictionary: Path | None
) -> Iterator[bytes]:
    """The file; ``heard`` is given every word as it is made."""
    entries = read_entries(dictionary) if dictionary else []
    store = options.store()
    kokoro, tables = fetch_assets(store, "kokoro-82m-v1.0", "voices-v1.0")
    with waiting_for("loading the models"):
        import numpy as np

        from serve_app.graph import Utterance
        from serve_app.http.audio_encoding import encode_once
        from serve_app.local_graph import LocalSpeechGraph
        from serve_app.manner import asked_for
        from serve_app.ssml import marked_up
        from serve_app.voices.book import VoiceBook
        from serve_app.voices.registry import own_voices
        from tts_models.instructions import Understanding
        from tts_models.speaker.voices import VoiceCatalogue
        from tts_models.text.dictionary import Dictionary

        voices = VoiceBook(VoiceCatalogue.load(tables), own_voices())
        speaker = voices.get(request.voice)
        try:
            graph = LocalSpeechGraph(kokoro, engine, Dictionary(entries))
        except ValueError as error:
            raise CommandFailed(f"--engine: {error}") from error
    asked = asked_for(request.manner, _understanding(store) if "instructions" in request.manner else Understanding())
    utterance = Utterance(
        request.text,
        speaker,
        request.language or speaker.language,
        asked.speed,
        request.volume,
        request.seed,
        delivery=asked.delivery,
    )
    utterance = marked_up(utterance, voices, request.input_format)  # type: ignore[arg-type]
    heard.shown = utterance.shown
    columns = (SpinnerColumn(), TextColumn("segments"), BarColumn(bar_width=30), MofNCompleteColumn())
    samples = []
    with Progress(*columns, console=messages(), transient=True) as bars:
        task = bars.add_task("segments", total=None)
        for audio, n_segments in graph.speak(utterance):
            samples.append(audio.samples)
            heard.words.extend(audio.timeline.words())
            bars.update(task, advance=1, total=n_segments)
    yield encode_once(request.format, np.concatenate(samples))  # type: ignore[arg-type]


def _understanding(store: AssetStore) -> Understanding:
    """Of instructions: by words alone where the sentence encoder cannot be had."""
    from tts_models.instructions import Meaning, Understanding

    try:
        (sentences,) = fetch_assets(store, "all-minilm-l6-v2")
        return Understanding(Meaning.load(sentences))
    except AssetError as error:
        messages().print(f"[yellow]instructions are understood by words alone: {error}", soft_wrap=True)
        return Understanding()


def _from_server(
    request: _Request, url: str, key: str | None, captions: CaptionFormat | None = None
) -> Iterator[bytes]:
    """The audio file, or its captions."""
    import requests

    body = {
        "model": "tts-1",
        "input": request.text,
        "input_format": request.input_format,
        "voice": request.voice,
        "response_format": request.format,
        "volume": request.volume,
        "seed": request.seed,
        "stream": False,
        **request.manner,
    }
    if request.language:
        body["language"] = request.language
    if captions:
        body["caption_format"] = captions
    try:
        with requests.post(
            f"{url.rstrip('/')}/v1/audio/{'captions' if captions else 'speech'}",
            json=body,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=(_CONNECT_TIMEOUT_S, _ANSWER_TIMEOUT_S),
            stream=True,
        ) as response:
            if response.status_code != requests.codes.ok:
                raise CommandFailed(f"the server answered {response.status_code}: {reason(response.text)}")
            yield from response.iter_content(1 << 16)
    except requests.exceptions.ConnectionError as error:
        raise CommandFailed(
            f"no answer from {url}; start a server with `voicegraph serve`, or leave --url out and say it here"
        ) from error
    except requests.exceptions.RequestException as error:
        raise CommandFailed(f"{url}: {error}") from error


def reason(body: str) -> str:
    """The message of an error in OpenAI's shape, or else the start of the body."""
    import json

    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200] or "no reason given"
