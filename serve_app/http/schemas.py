"""What goes over the wire, as pydantic models; they are also the API's documentation."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from serve_app.captions import CaptionFormat
from serve_app.manner import EmotionName
from serve_app.ssml import InputFormat
from tts_models.delivery import MAX_ENERGY, MAX_INTONATION, MAX_PITCH, MIN_ENERGY
from tts_models.visemes import Viseme

AudioFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
StreamFormat = Literal["audio", "sse"]
TimestampLevel = Literal["word", "phoneme", "viseme"]

MAX_INSTRUCTIONS_CHARACTERS = 4096
MAX_SEED = 2**32 - 1

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def require_text(value: str) -> str:
    """``value``; JSON can spell more than text: binary zeros, and halves of characters that no UTF-8 can write.

    Raises:
        ValueError: It is such.
    """
    if found := _NO_TEXT.search(value):
        what = "a null character" if found.group() == "\0" else "half of a surrogate pair"
        raise ValueError(f"is no text: it holds {what} at position {found.start()}.")
    return value


Text = Annotated[str, AfterValidator(require_text)]


def _voice_name(value: Any) -> Any:
    """``{"id": name}``, as OpenAI writes a custom voice, means the same as the name alone."""
    if isinstance(value, dict):
        return value.get("id", value)
    return value


VoiceName = Annotated[
    str,
    BeforeValidator(_voice_name),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
            ]
        }
    ),
]


class SpeechRequest(BaseModel):
    """What to say and how. Unknown fields are ignored, and ``null`` means the same as leaving a field out."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        json_schema_extra={
            "examples": [{"model": "tts-1", "input": "Hello from four stages.", "voice": "af_heart"}],
        },
    )

    model: str = Field(description="Any name that `GET /v1/models` lists.", examples=["tts-1"])
    input: str = Field(
        description="The text to say. `[word](/ipa/)` pronounces a word as written in IPA; `[pause:1.5s]` pauses;"
        " `[happy:0.5]...[/happy]` says a stretch in a mood. Or an SSML document; see `input_format`.",
        examples=["Hello from four stages."],
    )
    input_format: InputFormat = Field(
        default="auto",
        description="Extension. `ssml` reads `input` as SSML, `text` as it is; `auto` takes a text that begins with"
        " `<speak` for SSML.",
    )
    voice: VoiceName = Field(
        description="Any voice that `GET /v1/audio/voices` lists, by name or id, one of OpenAI's names, an object with"
        " its `id`, or a mix of voices such as `af_bella(2)+af_sky(1)`.",
        examples=["af_heart"],
    )
    reference_audio: str | None = Field(
        default=None,
        description="Extension. A recording of whoever is to be heard, in base64; `voice` is not needed then. Who is"
        " wanted again is better made a voice at `/v1/audio/voices`.",
    )
    consent: str | None = Field(
        default=None, max_length=64, description="Extension. Id of the consent of whoever is heard in it."
    )
    instructions: str | None = Field(
        default=None,
        max_length=MAX_INSTRUCTIONS_CHARACTERS,
        description="How to say it, in English, Japanese or Chinese: words and meaning become mood, pace, pitch,"
        " loudness and melody; the header `x-voicegraph-instructions` says what was understood. Fields that say so go"
        " before.",
        examples=["Speak like a tired night-shift nurse."],
    )
    response_format: AudioFormat = Field(
        default="mp3", description="File format of the audio; `pcm` is 24 kHz, 16 bit, little-endian, mono, no header."
    )
    speed: float = Field(
        default=1.0, ge=0.25, le=4.0, strict=True, allow_inf_nan=False, description="1 is the voice's own rate."
    )
    stream_format: StreamFormat = Field(
        default="audio", description="`audio` sends the file's bytes; `sse` sends them as server-sent events."
    )
    stream: StrictBool = Field(
        default=True,
        description="Extension. True sends audio as it is made, in a file of unknown length; false waits for all of it,"
        " sends `Content-Length`, and a `wav` then says how long it is.",
    )
    language: str | None = Field(
        default=None,
        max_length=35,
        description="Extension. BCP-47 tag of the language the text is in; the voice's own where absent.",
        examples=["en-GB"],
    )
    volume: float = Field(
        default=1.0, ge=0.0, le=4.0, strict=True, allow_inf_nan=False, description="Extension. Gain; 1 is unchanged."
    )
    pitch: float = Field(
        default=0.0,
        ge=-MAX_PITCH,
        le=MAX_PITCH,
        strict=True,
        allow_inf_nan=False,
        description="Extension. Shift of the voice's pitch, semitones.",
    )
    energy: float = Field(
        default=1.0,
        ge=MIN_ENERGY,
        le=MAX_ENERGY,
        strict=True,
        allow_inf_nan=False,
        description="Extension. Factor on loudness, predicted energy included; 2 is +6 dB. `volume` is a mere gain.",
    )
    intonation: float = Field(
        default=1.0,
        ge=0.0,
        le=MAX_INTONATION,
        strict=True,
        allow_inf_nan=False,
        description="Extension. Factor on how far the pitch moves up and down; 0 is monotone.",
    )
    emotion: EmotionName = Field(
        default="neutral", description="Extension. Mood of what the text gives no other, as `[happy]...[/happy]` does."
    )
    intensity: float = Field(
        default=1.0,
        ge=0.0,
        le=1.0,
        strict=True,
        allow_inf_nan=False,
        description="Extension. How much of the mood, 0 to 1.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=MAX_SEED,
        strict=True,
        description="Extension. Equal requests with equal seeds give equal audio.",
    )

    timestamps: TimestampLevel | None = Field(
        default=None,
        description="Extension. Says when each word is heard, and with `phoneme` each sound or with `viseme` each shape"
        " of the mouth. The answer is then JSON with the audio in it; with `stream_format: sse` an event of the type"
        " `speech.audio.timestamps` comes before the audio of each segment.",
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, body: Any) -> Any:
        if isinstance(body, dict):
            given = {key: value for key, value in body.items() if value is not None}
            return {"voice": "", **given} if "reference_audio" in given else given
        return body

    @field_validator("model", "input", "voice", "instructions", "language")
    @classmethod
    def _is_text(cls, value: str | None) -> str | None:
        return require_text(value) if value else value


class CaptionRequest(SpeechRequest):
    """A speech request, as it was or will be sent to ``/v1/audio/speech``, and the form of its captions."""

    caption_format: CaptionFormat = Field(default="srt", description="SubRip or WebVTT.")


class WordTimestamp(BaseModel):
    """A word of the text, and when it is heard. What is written as one (`$5.20`) is one word."""

    word: str = Field(description="As it is written.", examples=["$5.20"])
    start_s: float = Field(description="When it begins, seconds from the start of the audio.")
    end_s: float
    text_start: int = Field(description="Offset of its first character in `input`, in Unicode code points.")
    text_end: int = Field(description="Offset after its last character.")


class PhonemeTimestamp(BaseModel):
    """A sound, and when it is heard; between sounds it is silent."""

    phoneme: str = Field(description="IPA as Kokoro spells it, stress and tone included.", examples=["ˈO"])
    start_s: float
    end_s: float


class VisemeTimestamp(BaseModel):
    """A shape of the mouth, and when; they cover the whole audio."""

    viseme: Viseme = Field(description="One of the fifteen names that OVR LipSync uses.", examples=["aa"])
    mouth_open: float = Field(description="How far the mouth is open, 0 to 1.")
    start_s: float
    end_s: float


class MarkTimestamp(BaseModel):
    """A `<mark>` of SSML, and when it is reached."""

    name: str
    start_s: float = Field(description="Seconds from the start of the audio.")
    text_start: int = Field(description="Offset of its tag in `input`, in Unicode code points.")


class Timestamps(BaseModel):
    """What was asked for with ``timestamps``."""

    words: list[WordTimestamp]
    marks: list[MarkTimestamp] | None = Field(default=None, description="Of SSML that has any.")
    phonemes: list[PhonemeTimestamp] | None = Field(default=None, description="With `timestamps: phoneme`.")
    visemes: list[VisemeTimestamp] | None = Field(default=None, description="With `timestamps: viseme`.")


class TimedSpeech(Timestamps):
    """The audio file and when each part of the text is heard in it."""

    audio: str = Field(description="The audio file in base64.")
    format: AudioFormat
    duration_s: float


class SpeechAudioTimestamps(Timestamps):
    """Server-sent event: when the words of the next segment are heard; comes before that segment's audio."""

    type: Literal["speech.audio.timestamps"] = "speech.audio.timestamps"


class Usage(BaseModel):
    """What a request cost.

    A token of input is a character (Unicode code point) of the text; a token of output is 25 ms of audio, one frame of
    the acoustic model, rounded up.
    """

    input_tokens: int
    output_tokens: int
    total_tokens: int


class SpeechAudioDelta(BaseModel):
    """Server-sent event: some more bytes of the audio file, in base64."""

    type: Literal["speech.audio.delta"] = "speech.audio.delta"
    audio: str


class SpeechAudioDone(BaseModel):
    """Server-sent event: that was all."""

    type: Literal["speech.audio.done"] = "speech.audio.done"
    usage: Usage


class ApiError(BaseModel):
    """What was wrong."""

    message: str = Field(description="What was wrong, why, and what would work.")
    type: str = Field(description="`invalid_request_error`, `rate_limit_error` or `server_error`.")
    param: str | None = Field(default=None, description="The request parameter at fault; null where there is none.")
    code: str = Field(description="One word for programs.")


class ErrorResponse(BaseModel):
    """Every error has this shape."""

    error: ApiError


class SpeechError(ErrorResponse):
    """Server-sent event: the rest of the audio could not be made. The connection ends without its proper end."""

    type: Literal["error"] = "error"


class ModelName(BaseModel):
    """A name to send as ``model``."""

    id: str


class ModelNameList(BaseModel):
    """Every model name, as Open WebUI reads them."""

    models: list[ModelName]


class ModelInfo(BaseModel):
    """A model, as OpenAI describes one."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="Unix time of the model's publication, seconds.")
    owned_by: str


class ModelVoice(BaseModel):
    """A voice of a model; here ``name`` is what to send as ``voice``, as clients that read this list expect."""

    name: str
    language: str
    gender: Literal["female", "male"]


class ModelDetails(ModelInfo):
    """A model and its voices."""

    voices: list[ModelVoice]


class ModelList(BaseModel):
    """Every model name, as OpenAI lists them."""

    object: Literal["list"] = "list"
    data: list[ModelInfo]


class Health(BaseModel):
    """The server's state."""

    status: Literal["ok"] = "ok"
    model: str
    voices: int = Field(description="How many voices there are.")
    replicas: dict[str, int] = Field(description="How many replicas of each deployment are running.")
