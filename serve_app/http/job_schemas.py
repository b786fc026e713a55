"""What goes over the wire about jobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from serve_app.http.schemas import ApiError, SpeechRequest, VoiceName
from serve_app.jobs.job import JobStatus
from tts_models.text.ssml import looks_like_ssml

MAX_CHAPTERS = 1_000


class Chapter(BaseModel):
    """A text of a document; what it leaves out is as in the request."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    input: str = Field(description="The text to say.")
    title: str | None = Field(default=None, max_length=200, description="For the manifest, and its file in the zip.")
    voice: VoiceName | None = Field(default=None, description="Who says it.")
    language: str | None = Field(default=None, max_length=35, description="BCP-47 tag of the language it is in.")

    @field_validator("input", "title", "voice", "language")
    @classmethod
    def _is_text(cls, value: str | None) -> str | None:
        return SpeechRequest._is_text(value)


class JobRequest(SpeechRequest):
    """What to say and how, as for `/v1/audio/speech`, but long: a text, or a document in chapters."""

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "model": "tts-1",
                    "voice": "af_heart",
                    "input": [{"title": "One", "input": "It began."}, {"title": "Two", "input": "It went on."}],
                }
            ]
        },
    )

    input: Annotated[  # type: ignore[assignment]
        str | list[str | Chapter],
        Field(
            description="A text; or the chapters of a document, each a text or an object with `input` and, if it"
            " differs, `title`, `voice` and `language`.",
            examples=["Hello from four stages."],
        ),
    ]
    chapter_pause_s: float = Field(
        default=1.0, ge=0, le=60, allow_inf_nan=False, description="Silence between two chapters, seconds."
    )

    @field_validator("model", "input", "voice", "instructions", "language")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        """In the place of the one that knows no chapters."""
        if not isinstance(value, list):
            return SpeechRequest._is_text(value)
        if not 1 <= len(value) <= MAX_CHAPTERS:
            raise ValueError(f"has {len(value):,} chapters; there may be 1 to {MAX_CHAPTERS:,}.")
        for text in value:
            if isinstance(text, str):
                SpeechRequest._is_text(text)
        return value

    @property
    def is_document(self) -> bool:
        """Whether it has chapters."""
        return not isinstance(self.input, str)

    @property
    def chapters(self) -> list[Chapter]:
        """The texts, at least one."""
        given: Any = self.input
        texts = [given] if isinstance(given, str) else given
        return [Chapter(input=text) if isinstance(text, str) else text for text in texts]

    def is_markup(self, chapter: Chapter) -> bool:
        """Whether ``chapter`` is an SSML document, which cannot be cut."""
        return self.input_format == "ssml" or (self.input_format == "auto" and looks_like_ssml(chapter.input))

    def speech(self, chapter: Chapter, text: str) -> SpeechRequest:
        """The request for ``text``, a part of ``chapter``."""
        fields = set(SpeechRequest.model_fields)
        own = self.model_dump(include=fields, exclude={"stream", "stream_format"}, exclude_unset=True)
        own["input_format"] = "ssml" if self.is_markup(chapter) else "text"
        changes = {"input": text, "voice": chapter.voice, "language": chapter.language}
        return SpeechRequest.model_validate(own | {name: value for name, value in changes.items() if value is not None})


class JobProgress(BaseModel):
    """How far a job is."""

    segments: int = Field(description="Segments made, each about a sentence or two.")
    characters: int = Field(description="Characters of the text that they say.")
    total_characters: int
    audio_s: float = Field(description="Seconds of audio made.")


class JobFiles(BaseModel):
    """Where to get what a job made."""

    audio: str
    zip: str | None = Field(description="A file for each chapter of a document, and the manifest.")
    manifest: str = Field(description="JSON: when each chapter, segment and word is heard.")
    captions: str = Field(description="Captions; `?format=srt` or `vtt`.")


class JobInfo(BaseModel):
    """A job."""

    id: str
    object: Literal["audio.job"] = "audio.job"
    status: JobStatus
    created_at: float = Field(description="Unix time.")
    started_at: float | None
    finished_at: float | None
    expires_at: float | None = Field(description="When the job and its files are removed.")
    position: int | None = Field(description="Jobs that are begun before it; 0 is next; null once it has begun.")
    estimated_s: float | None = Field(
        description="About how many seconds until it is done, by what jobs have taken here; null while none has been"
        " measured, and once it has ended."
    )
    chapters: int
    response_format: str
    progress: JobProgress
    attempts: int = Field(description="How many times a worker began it.")
    dead: bool = Field(description="Whether it failed as often as it is tried; `POST .../retry` tries it anew.")
    error: ApiError | None = Field(description="Why it failed, or why its last try did.")
    duration_s: float | None = Field(description="Length of the audio, once there is all of it.")
    size_bytes: int | None = Field(description="Length of the audio file.")
    files: JobFiles | None


class JobList(BaseModel):
    """Jobs, newest first."""

    object: Literal["list"] = "list"
    data: list[JobInfo]
    has_more: bool = Field(description="Whether there are more; `after` the id of the last one lists them.")


class JobDeleted(BaseModel):
    """A job that is gone."""

    id: str
    object: Literal["audio.job"] = "audio.job"
    deleted: Literal[True] = True
