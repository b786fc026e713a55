"""Voices and consents over the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from deployments.storage.consents import Consent
from deployments.storage.voices import GLOBAL, ClonedVoice, StoredRecipe, VoiceStatus
from serve_app.http.schemas import Text, VoiceName, require_text
from tts_models.speaker.voices import Gender

Source = Literal["preset", "clone", "mix", "import"]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64), AfterValidator(require_text)
]


class VoiceInfo(BaseModel):
    """A voice that a caller can choose."""

    id: str = Field(description="What to send as `voice`.", examples=["af_heart"])
    name: str = Field(description="What to show to people.", examples=["Heart (en-US, female)"])
    object: Literal["audio.voice"] = "audio.voice"
    type: Literal["preset", "audio_sample", "mix", "import"] = Field(description="The source, in OpenAI's words.")
    created_at: int = Field(description="Unix time, seconds; of a preset, when the model was published.")
    language: str = Field(description="BCP-47 tag of its own language.", examples=["en-US"])
    gender: Gender
    aliases: list[str] = Field(description="Other names for it.", examples=[["marin"]])
    pitch_hz: float | None = Field(default=None, description="Median F0 as it speaks, where known.")
    source: Source = Field(description="What it was made from.")
    licence: str | None = Field(default=None, description="Under which it may be used, where known.")
    shared: bool = Field(description="Whether everybody can speak with it.")
    status: VoiceStatus = Field(
        description="It can be used in every one: `ready`; `fitting`, a better one is being made of the same samples;"
        " `fitted`, that one is used; `failed`, it could not be made."
    )
    progress: float = Field(default=1.0, description="Of the fitting, 0 to 1.")
    similarity: float | None = Field(default=None, description="To the speaker now, 1 is equal; of cloned voices.")
    similarity_start: float | None = Field(default=None, description="Before the fitting, measured in the same way.")
    error: str | None = Field(default=None, description="Why the fitting failed.")
    consents: list[str] = Field(default=[], description="Ids of the consents of those who are heard in it.")
    description: str = Field(default="", description="In its owner's words.")

    @classmethod
    def of(cls, voice: ClonedVoice) -> VoiceInfo:
        """What its owner may know."""
        return cls(
            id=voice.id,
            name=voice.name,
            type="audio_sample" if voice.source == "clone" else voice.source,
            created_at=round(voice.created_at),
            language=voice.language,
            gender=voice.gender,
            aliases=[],
            pitch_hz=voice.pitch_hz,
            source=voice.source,
            licence=voice.licence,
            shared=voice.tenant == GLOBAL,
            status=voice.status,
            progress=voice.progress if voice.source == "clone" else 1.0,
            similarity=voice.similarity,
            similarity_start=voice.similarity_start,
            error=voice.error or None,
            consents=list(voice.consents),
            description=voice.description,
        )


class VoiceList(BaseModel):
    """Every voice."""

    voices: list[VoiceInfo]


class VoiceDeleted(BaseModel):
    """A voice that is gone."""

    id: str
    object: Literal["audio.voice.deleted"] = "audio.voice.deleted"
    deleted: Literal[True] = True


class VoiceFields(BaseModel):
    """What a caller says of a new voice."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Label = Field(
        description="Letters, digits, spaces, `_`, `-`, `.` and the like. Letter case makes no difference.",
        examples=["Ana"],
    )
    language: Text | None = Field(
        default=None, max_length=35, description="BCP-47 tag of the language that it reads unless told otherwise."
    )
    gender: Gender | None = Field(default=None, description="How it sounds; found out where absent.")
    consent: Text | None = Field(default=None, max_length=64, description="Id of the consent of whoever is heard.")
    description: Text = Field(default="", max_length=500, description="Extension. In your words.")
    licence: Text | None = Field(default=None, max_length=200, description="Extension. Under which it may be used.")
    shared: bool = Field(
        default=False, description="Extension. For everybody, not only for your key; an administrator may say so."
    )


class MixRequest(VoiceFields):
    """A mix to keep under a name."""

    voice: Annotated[VoiceName, AfterValidator(require_text)] = Field(
        description="The mix, or any other voice to keep as it is now.", examples=["af_bella(2)+af_sky(1)"]
    )


class VoiceFile(BaseModel):
    """A voice as one small file: what it is made of, nothing of what was said."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal["voicegraph-voice-1"] = Field(description="What this is.")
    name: Label
    language: Text = Field(max_length=35, description="BCP-47 tag.")
    gender: Gender
    source: Literal["clone", "mix", "import"] = "import"
    recipe: StoredRecipe = Field(description="What it is made of.")
    pitch_hz: float | None = Field(default=None, gt=0, lt=2000, allow_inf_nan=False)
    similarity: float | None = Field(default=None, ge=-1, le=1)
    licence: Text | None = Field(default=None, max_length=200)
    description: Text = Field(default="", max_length=500)

    @classmethod
    def of(cls, voice: ClonedVoice) -> VoiceFile:
        """``voice`` to be taken elsewhere."""
        return cls(
            format="voicegraph-voice-1",
            name=voice.name,
            language=voice.language,
            gender=voice.gender,
            source=voice.source,
            recipe=voice.recipe,
            pitch_hz=voice.pitch_hz,
            similarity=voice.similarity,
            licence=voice.licence,
            description=voice.description,
        )


class ConsentInfo(BaseModel):
    """A consent, as OpenAI describes one."""

    id: str
    object: Literal["audio.voice_consent"] = "audio.voice_consent"
    name: str
    language: str
    created_at: int = Field(description="Unix time, seconds.")

    @classmethod
    def of(cls, consent: Consent) -> ConsentInfo:
        """What its owner may know."""
        return cls(id=consent.id, name=consent.name, language=consent.language, created_at=round(consent.created_at))


class ConsentFields(BaseModel):
    """What a caller says of a consent."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Label
    language: Text = Field(max_length=35, description="BCP-47 tag of what is said in the recording.")


class ConsentChange(BaseModel):
    """A new name of a consent."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: Label


class ConsentList(BaseModel):
    """A page of consents, as OpenAI lists them."""

    object: Literal["list"] = "list"
    data: list[ConsentInfo]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool


class ConsentDeleted(BaseModel):
    """A consent that is gone."""

    id: str
    object: Literal["audio.voice_consent"] = "audio.voice_consent"
    deleted: Literal[True] = True
