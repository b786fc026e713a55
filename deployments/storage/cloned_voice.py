"""A voice that a caller made, as it is kept and sent: what it is made of, whose it is, and how its fitting goes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import time
import unicodedata
from typing import Literal, Self

import numpy as np
from pydantic import Field, field_validator

from deployments.settings import Settings
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import Gender
from tts_models.types import STYLE_DIM, FloatArray

VoiceSource = Literal["clone", "mix", "import"]
VoiceStatus = Literal["ready", "fitting", "fitted", "failed"]
"""A voice can be used in every one of them. ``ready``: as made at once; ``fitting``: a better one is being made;
``fitted``: that one is used; ``failed``: it could not be made, and the voice stays as it was."""

MAX_NAME_CHARACTERS = 64

_ID = re.compile(r"voice_[0-9a-f]{24}")
_MAX_OFFSET = 16.0
_MAX_WEIGHT = 10.0


class StoredRecipe(Settings):
    """A :class:`~tts_models.speaker.recipe.VoiceRecipe` as JSON; it may come from a stranger, so all is bounded."""

    presets: dict[str, float] = Field(min_length=1, max_length=64, description="Weight of each preset by its name.")
    offset: str = Field(default="", max_length=2048, description="256 float32, little-endian, base64; empty is zeros.")
    semitones: float = Field(default=0.0, ge=-24, le=24, allow_inf_nan=False, description="Shift of F0.")
    range_scale: float = Field(default=1.0, ge=0.1, le=10, allow_inf_nan=False, description="Factor on F0's range.")
    rate: float = Field(default=1.0, ge=0.25, le=4, allow_inf_nan=False, description="Factor on the speaking rate.")

    @field_validator("presets")
    @classmethod
    def _adds_up(cls, presets: dict[str, float]) -> dict[str, float]:
        weights = np.array(list(presets.values()))
        if not (np.abs(weights) <= _MAX_WEIGHT).all() or abs(weights.sum() - 1) > 1e-3:
            raise ValueError("the weights of the presets must add up to 1")
        return presets

    @field_validator("offset")
    @classmethod
    def _is_vector(cls, offset: str) -> str:
        vector = _vector(offset)
        if vector.shape != (STYLE_DIM,) or not (np.abs(vector) <= _MAX_OFFSET).all():  # a NaN is not either
            raise ValueError(f"the offset must be {STYLE_DIM} float32 of at most {_MAX_OFFSET:g}, in base64")
        return offset

    @classmethod
    def of(cls, recipe: VoiceRecipe) -> Self:
        """``recipe`` to be stored."""
        offset = recipe.offset.astype("<f4")
        return cls(
            presets={name: float(weight) for name, weight in recipe.presets.items()},
            offset=base64.b64encode(offset.tobytes()).decode() if offset.any() else "",
            semitones=float(recipe.semitones),
            range_scale=float(recipe.range_scale),
            rate=float(recipe.rate),
        )

    def recipe(self) -> VoiceRecipe:
        """The recipe itself."""
        return VoiceRecipe(self.presets, _vector(self.offset), self.semitones, self.range_scale, self.rate)


class ClonedVoice(Settings):
    """A voice that a caller made, as it is kept. :meth:`new` makes one."""

    id: str = Field(description="What to send as `voice`.")
    enrolment: str = Field(description="Random name of what belongs to this voice besides this record.", repr=False)
    tenant: str = Field(description="Whose it is; empty is everybody's.")
    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS, description="As its owner calls it.")
    created_at: float = Field(description="Unix time.")
    language: str = Field(description="BCP-47 tag of the language it reads unless told otherwise.")
    gender: Gender = Field(description="How it sounds.")
    source: VoiceSource = Field(description="What it was made from.")
    consents: tuple[str, ...] = Field(default=(), description="Ids of the consents of those who are heard in it.")
    recipe: StoredRecipe = Field(description="What it is made of.")
    pitch_hz: float | None = Field(default=None, description="Median F0, where known.")
    licence: str | None = Field(default=None, max_length=200, description="Under which it may be used, where known.")
    description: str = Field(default="", max_length=500, description="In its owner's words.")
    status: VoiceStatus = Field(default="ready", description="See `VoiceStatus`.")
    progress: float = Field(default=0.0, description="Of the fitting, 0 to 1.")
    similarity_start: float | None = Field(
        default=None,
        description="To the speaker, before the fitting; 1 is equal. As the next: of a voice that is"
        " ready by what is known of its preset, from then on by what it says, on speech that it is not fitted to.",
    )
    similarity: float | None = Field(default=None, description="To the speaker, now.")
    error: str = Field(default="", description="Why the fitting failed.")
    references: tuple[str, ...] = Field(default=(), description="Keys of the speech it is to be fitted to.")

    @classmethod
    def new(
        cls,
        tenant: str,
        name: str,
        recipe: VoiceRecipe,
        *,
        language: str,
        gender: Gender,
        source: VoiceSource,
        **fields: object,
    ) -> Self:
        """A voice that is not in the store yet.

        Args:
            tenant: Whose it is.
            name: As its owner calls it.
            recipe: What it is made of.
            language: BCP-47 tag.
            gender: How it sounds.
            source: What it was made from.
            fields: Any others.
        """
        return cls.model_validate(
            {
                "id": voice_id(tenant, name),
                "enrolment": secrets.token_hex(12),
                "tenant": tenant,
                "name": name,
                "created_at": time.time(),
                "language": language,
                "gender": gender,
                "source": source,
                "recipe": StoredRecipe.of(recipe),
                **fields,
            }
        )


def folded_name(name: str) -> str:
    """``name`` without what makes no difference: letter case, width, composition, spaces around it."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


def voice_id(tenant: str, name: str) -> str:
    """The id of the voice of that name."""
    named = f"{tenant}\0{folded_name(name)}".encode("utf-8", "replace")
    return "voice_" + hashlib.sha256(named).hexdigest()[:24]


def is_voice_id(text: str) -> bool:
    """Whether ``text`` has the form of a voice's id."""
    return _ID.fullmatch(text) is not None


def _vector(offset: str) -> FloatArray:
    """The numbers in base64, zeros of an empty text; of a wrong length where that is none."""
    if not offset:
        return np.zeros(STYLE_DIM, np.float32)
    try:
        data = base64.b64decode(offset, validate=True)
        return np.frombuffer(data, "<f4").astype(np.float32)
    except (binascii.Error, ValueError):
        return np.zeros(0, np.float32)
