"""JSON of the VOICEVOX engine's API, in its own names. Fields marked *Extension* are ours; clients may drop them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Finite = Annotated[float, Field(allow_inf_nan=False)]
Length = Annotated[float, Field(allow_inf_nan=False, ge=0, le=60)]
Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class Json(BaseModel):
    """Unknown fields are ignored, as the engine does."""

    model_config = ConfigDict(extra="ignore")


class Mora(Json):
    """A beat of Japanese, with its length and pitch."""

    text: str = Field(description="Katakana.")
    consonant: str | None = Field(default=None, description="Open JTalk's phoneme.")
    consonant_length: Length | None = Field(default=None, description="Seconds.")
    vowel: str = Field(description="Open JTalk's phoneme; a capital is devoiced, `pau` a pause.")
    vowel_length: Length = Field(description="Seconds.")
    pitch: Annotated[float, Field(allow_inf_nan=False, ge=0, le=20)] = Field(
        description="Natural logarithm of F0 in Hz; 0 where unvoiced."
    )
    spoken: str | None = Field(
        default=None,
        description="*Extension.* The phonemes it was made for, `=`, and the model's symbols for them with the marks"
        " and spaces that follow; used as long as the phonemes are the mora's.",
    )


class AccentPhrase(Json):
    """Moras under one accent."""

    moras: list[Mora] = Field(min_length=1)
    accent: int = Field(ge=1, description="After which mora the pitch falls, from 1.")
    pause_mora: Mora | None = Field(default=None, description="The pause after it, if there is one.")
    is_interrogative: bool = Field(default=False, description="Whether it ends a question.")
    analysed_accent: int | None = Field(
        default=None, description="*Extension.* The accent that the text was analysed to have."
    )

    @model_validator(mode="after")
    def _accent_is_in_the_phrase(self) -> AccentPhrase:
        if self.accent > len(self.moras):
            raise ValueError(f"accent {self.accent} is behind the last of {len(self.moras)} moras")
        return self


class Scales(Json):
    """What is said about a whole utterance."""

    speedScale: float = Field(ge=0.1, le=10, allow_inf_nan=False, description="Speed.")
    pitchScale: float = Field(ge=-2, le=2, allow_inf_nan=False, description="Pitch: each mora's times 2 to this power.")
    intonationScale: float = Field(ge=0, le=10, allow_inf_nan=False, description="Factor on the range of the pitch.")
    volumeScale: float = Field(ge=0, le=4, allow_inf_nan=False, description="Gain.")
    prePhonemeLength: Length = Field(description="Silence before speech, seconds.")
    postPhonemeLength: Length = Field(description="Silence after speech, seconds.")
    pauseLength: Length | None = Field(
        default=None, description="Length of every pause, seconds; null leaves each its own."
    )
    pauseLengthScale: float = Field(default=1, ge=0, le=100, allow_inf_nan=False, description="Factor on pauses.")
    tempoDynamicsScale: float = Field(
        default=1,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="Factor on how much moras differ in length; AivisSpeech's field.",
    )


class AudioQuery(Scales):
    """What to say and how, to the mora."""

    accent_phrases: list[AccentPhrase] = Field(description="None of a text without a sound: only silence is heard.")
    outputSamplingRate: int = Field(ge=4_000, le=192_000, description="Hz.")
    outputStereo: bool
    kana: str | None = Field(default=None, description="The kana notation; not read.")

    @property
    def n_moras(self) -> int:
        """How much there is to say."""
        return sum(len(phrase.moras) for phrase in self.accent_phrases)


class Preset(Scales):
    """A speaker with scales, under a name."""

    id: int
    name: str
    speaker_uuid: str
    style_id: int


class KanaBadRequest(Json):
    """A text that is not in the kana notation."""

    text: str
    error_name: str
    error_args: dict[str, str]


class Style(Json):
    """A way a speaker speaks."""

    name: str
    id: Int32
    type: Literal["talk"] = "talk"


class SupportedFeatures(Json):
    """Which optional routes take a speaker."""

    permitted_synthesis_morphing: Literal["ALL", "SELF_ONLY", "NOTHING"] = "ALL"


class Speaker(Json):
    """A voice."""

    name: str
    speaker_uuid: str
    styles: list[Style]
    version: str
    supported_features: SupportedFeatures = SupportedFeatures()


class StyleInfo(Json):
    """What there is to show of a style."""

    id: Int32
    icon: str
    portrait: str | None = None
    voice_samples: list[str]


class SpeakerInfo(Json):
    """What there is to show of a speaker."""

    policy: str
    portrait: str
    style_infos: list[StyleInfo]


class MorphableTarget(Json):
    """Whether two styles can be mixed."""

    is_morphable: bool


class SupportedDevices(Json):
    """What the server can compute on."""

    cpu: bool
    cuda: bool
    dml: bool


class UpdateInfo(Json):
    """A version and what it brought."""

    version: str
    descriptions: list[str]
    contributors: list[str] | None = None


class LicenseInfo(Json):
    """A part and its licence."""

    name: str
    version: str | None = None
    license: str | None = None
    text: str


class EngineFeatures(Json):
    """What the engine can do."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    adjust_mora_pitch: bool = True
    adjust_phoneme_length: bool = True
    adjust_speed_scale: bool = True
    adjust_pitch_scale: bool = True
    adjust_intonation_scale: bool = True
    adjust_volume_scale: bool = True
    adjust_pause_length: bool = True
    interrogative_upspeak: bool = True
    synthesis_morphing: bool = True
    sing: bool = False
    manage_library: bool = False
    return_resource_url: bool = True
    apply_katakana_english: bool = False


class EngineManifest(Json):
    """What the engine is."""

    manifest_version: str
    name: str
    brand_name: str
    uuid: str
    url: str
    icon: str
    default_sampling_rate: int
    frame_rate: float
    terms_of_service: str
    update_infos: list[UpdateInfo]
    dependency_licenses: list[LicenseInfo]
    supported_vvlib_manifest_version: str | None = None
    supported_features: EngineFeatures
