"""A job as it is recorded.

::

    submit --> queued --claim--> running --> succeeded
                 ^                 |  |
                 +-----------------+  +----> failed --replay--> queued
                 try again, worker lost
    cancel: queued, running --> cancelled

``running`` goes with a lease, a record of its own that expires unless its worker renews it. A job that runs without one
has lost its worker.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Progress(_Value):
    """How far a job is.

    Attributes:
        segments: Segments made.
        characters: Characters of the text that they say.
        audio_s: Seconds of audio.
    """

    segments: int = 0
    characters: int = 0
    audio_s: float = 0.0


class JobFailure(_Value):
    """Why a job failed; may it be told to its caller.

    Attributes:
        message: What was wrong, why, what would work.
        kind: Name of the error's class.
        param: The request parameter at fault, or ``""``.
    """

    message: str
    kind: str = "InternalError"
    param: str = ""


class StoredFile(_Value):
    """A file that a job made.

    Attributes:
        key: Its name among the objects.
        size_bytes: Its length.
        sha256: Hexadecimal digest of its content.
        content_type: MIME type.
    """

    key: str
    size_bytes: int
    sha256: str
    content_type: str


class JobResult(_Value):
    """What a job made.

    Attributes:
        duration_s: Length of the audio.
        files: By what they are: ``audio``, ``zip``, ``manifest``, ``srt``, ``vtt``.
    """

    duration_s: float
    files: dict[str, StoredFile]


class Job(_Value):
    """A job.

    Attributes:
        id: Its name.
        tenant: Whose it is.
        caller: Who asked for it, as the fair queues tell callers apart.
        weight: Their share of a busy server.
        pace: Who their characters are counted for, where they are limited.
        characters_per_min: How many may be spoken a minute; None is any number.
        status: See the module.
        characters: Length of the text.
        chapters: Number of texts.
        response_format: Of the audio.
        created_s: When it was submitted, Unix time.
        queued_s: When it got its place in the queue.
        not_before_s: It is not tried again earlier.
        sent_s: When the broker was last given it; 0 where it has to be.
        started_s: When its first try began.
        finished_s: When it ended.
        expires_s: When it and its files are removed.
        attempts: How many times a worker began it since it was submitted or replayed.
        worker: Which try holds it, while running.
        progress: As of the last change of status; the lease knows better.
        error: Why it failed, or why the last try did.
        is_dead: In the dead-letter queue: tried as often as allowed.
        is_tidy: What a finished job does not need any more has been removed.
        result: What it made.
    """

    id: str
    tenant: str = ""
    caller: str = ""
    weight: float = 1.0
    pace: str = ""
    characters_per_min: int | None = None
    status: JobStatus = "queued"
    characters: int
    chapters: int = 1
    response_format: str
    created_s: float
    queued_s: float
    not_before_s: float = 0.0
    sent_s: float = 0.0
    started_s: float | None = None
    finished_s: float | None = None
    expires_s: float | None = None
    attempts: int = 0
    worker: str = ""
    progress: Progress = Field(default_factory=Progress)
    error: JobFailure | None = None
    is_dead: bool = False
    is_tidy: bool = False
    result: JobResult | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.status in ("succeeded", "failed", "cancelled")

    @property
    def folder(self) -> str:
        """Where its objects are."""
        return f"jobs/{self.id}"


class Lease(_Value):
    """Held by the worker of a running job; expires unless renewed.

    Attributes:
        worker: Which try holds it.
        renewed_s: When it was last renewed, Unix time.
        progress: How far the job is.
    """

    worker: str
    renewed_s: float
    progress: Progress = Field(default_factory=Progress)


class Pace(_Value):
    """How fast jobs are spoken.

    Attributes:
        s_per_character: Seconds of a worker's time for a character, averaged over about the last ``MEMORY`` characters.
        characters: How many it was measured on.
    """

    s_per_character: float = 0.0
    characters: int = 0

    def after(self, took_s: float, characters: int) -> Pace:
        """The pace with one more measurement."""
        share = characters / (min(self.characters, _PACE_MEMORY) + characters)
        mean = self.s_per_character + share * (took_s / characters - self.s_per_character)
        return Pace(s_per_character=mean, characters=self.characters + characters)


_PACE_MEMORY = 20_000
