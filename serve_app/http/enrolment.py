"""Voices come into being: cloned from samples, mixed, taken in from a file, or made for one request."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deployments.settings import VoiceSettings
from deployments.storage.cloned_voice import is_voice_id
from deployments.storage.consents import Consent, ConsentStore
from deployments.storage.voices import GLOBAL, ClonedVoice
from serve_app.graph import SpeechGraph
from serve_app.http.audio_encoding import encode_once
from serve_app.http.caller import Caller
from serve_app.http.errors import ConsentMismatch, ConsentRequired, NotAllowed
from serve_app.http.voice_schemas import MixRequest, VoiceFields, VoiceFile
from serve_app.voices.book import VoiceBook
from serve_app.voices.expression import RESERVED, is_expression
from serve_app.voices.registry import VoiceRegistry
from tts_models.errors import InvalidRequest, RequestError, VoiceNotFound
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.presets import PresetVoices
from tts_models.speaker.profile import ReferenceProfile
from tts_models.speaker.recipe import VoiceRecipe
from tts_models.speaker.voices import Gender, Voice, VoiceCatalogue
from tts_models.text.languages import resolve_language

PRESET_LICENCE = "Apache-2.0"
DEFAULT_LANGUAGE = "en-US"
"""What a cloned voice reads whose language nobody has told: the preset next to it may be of any."""

_SAME_SPEAKER = 0.30
_MALE_BELOW_HZ, _FEMALE_ABOVE_HZ = 155.0, 180.0
"""Nearly all men speak lower than the one, nearly all women higher than 165 Hz."""
_NOT_IN_NAMES = re.compile(f"[{re.escape(RESERVED)}]")


@dataclass(frozen=True, slots=True)
class Enroller:
    """Makes voices.

    Attributes:
        registry: Where they are kept.
        presets: What they are made of, as the speaker encoder hears it.
        consents: Where consents are kept.
        settings: What is accepted.
    """

    registry: VoiceRegistry
    presets: PresetVoices
    consents: ConsentStore
    settings: VoiceSettings

    async def clone(
        self, graph: SpeechGraph, caller: Caller, wish: VoiceFields, samples: Sequence[bytes]
    ) -> ClonedVoice:
        """A voice like whoever is heard in ``samples``, to be fitted to them later.

        Raises:
            RequestError: It cannot be made, and nothing is kept.
        """
        tenant = _owner(caller, wish)
        language = _tag(wish.language)
        consent = await self.consent(caller, wish.consent)
        await self._require_free(tenant, wish.name)
        profile = await graph.profile(samples)
        _require_speaker(consent, profile)
        language = language or (consent.language if consent else DEFAULT_LANGUAGE)
        (nearest,) = self.presets.nearest(profile, language=language)
        voice = ClonedVoice.new(
            tenant,
            wish.name,
            nearest.recipe,
            language=language,
            gender=wish.gender or _heard_gender(profile) or gender_of(nearest.recipe, self._catalogue),
            source="clone",
            consents=(consent.id,) if consent else (),
            pitch_hz=round(profile.median_f0_hz, 1) or None,
            licence=wish.licence,
            description=wish.description,
            similarity=round(nearest.similarity, 4),
            similarity_start=round(nearest.similarity, 4),
        )
        references = await asyncio.to_thread(
            lambda: [encode_once("flac", clip, ENCODER_RATE_HZ) for clip in profile.clips]
        )
        return await self._add(voice, references)

    async def mix(self, caller: Caller, wish: MixRequest) -> ClonedVoice:
        """A mix under a name of its own; what it is mixed of may change or go without it.

        Raises:
            RequestError: It cannot be made.
        """
        tenant = _owner(caller, wish)
        book = await self._require_free(tenant, wish.name)
        whole = book.get(wish.voice)
        parts = book.parts(wish.voice)
        members = [book.own_voice(part.name) for part in parts]
        voice = ClonedVoice.new(
            tenant,
            wish.name,
            book.recipe(wish.voice),
            language=_tag(wish.language) or whole.language,
            gender=wish.gender or whole.gender,
            source="mix",
            consents=tuple(dict.fromkeys(id_ for member in members if member for id_ in member.consents)),
            pitch_hz=self.pitch_hz(book, wish.voice),
            licence=wish.licence or (None if any(members) else PRESET_LICENCE),
            description=wish.description,
        )
        return await self._add(voice)

    async def take_in(self, caller: Caller, wish: VoiceFields, file: VoiceFile) -> ClonedVoice:
        """A voice from a file.

        Args:
            caller: Who wants it.
            wish: Its name here, and what is to be other than in the file.
            file: As it was exported.

        Raises:
            RequestError: It cannot be made.
        """
        tenant = _owner(caller, wish)
        consent = await self.consent(caller, wish.consent, needed=file.source != "mix")
        await self._require_free(tenant, wish.name)
        if missing := sorted(file.recipe.presets.keys() - set(self._catalogue.names)):
            raise InvalidRequest(f"The voice is made of presets that are not here: {', '.join(missing)}.", "recipe")
        voice = ClonedVoice.new(
            tenant,
            wish.name,
            file.recipe.recipe(),
            language=_tag(wish.language) or resolve_language(file.language).tag,
            gender=wish.gender or file.gender,
            source="import",
            consents=(consent.id,) if consent else (),
            pitch_hz=file.pitch_hz,
            licence=wish.licence or file.licence,
            description=wish.description or file.description,
            similarity=file.similarity,
        )
        return await self._add(voice)

    async def one_off(
        self, graph: SpeechGraph, caller: Caller, sample: bytes, consent_id: str | None, language: str | None
    ) -> Voice:
        """A voice for one request, which is not kept.

        Args:
            graph: Listens to the sample.
            caller: Whose request.
            sample: Reference audio.
            consent_id: Of whoever is heard in it.
            language: BCP-47 tag of what it reads; None if nobody has said.

        Raises:
            RequestError: It cannot be made.
        """
        consent = await self.consent(caller, consent_id)
        try:
            profile = await graph.profile([sample], speech=False)
        except RequestError as error:
            raise type(error)(error.message, "reference_audio") from None
        _require_speaker(consent, profile)
        language = language or (consent.language if consent else DEFAULT_LANGUAGE)
        recipe = self.presets.nearest(profile, language=language)[0].recipe
        gender = _heard_gender(profile) or gender_of(recipe, self._catalogue)
        return recipe.voice(self._catalogue, "reference_audio", language, gender)

    async def consent(self, caller: Caller, consent_id: str | None, *, needed: bool = True) -> Consent | None:
        """The caller's consent of that id; None where none is named and none is needed.

        Raises:
            ConsentNotFound: There is none of that id.
            ConsentRequired: None is named, and this server wants one.
        """
        if consent_id:
            return await asyncio.to_thread(self.consents.get, caller.tenant, consent_id)
        if needed and self.settings.require_consent:
            raise ConsentRequired(
                "This server clones a voice only with the consent of whoever is heard: record it, send it to"
                " /v1/audio/voice_consents, and name its id as 'consent'."
            )
        return None

    def pitch_hz(self, book: VoiceBook, name: str) -> float | None:
        """Median F0 of a voice or a mix; None if that of any part is unknown."""
        pitches, weights = [], []
        for part in book.parts(name):
            own = book.own_voice(part.name)
            pitch_hz = own.pitch_hz if own else self.preset_pitch_hz(book.get(part.name).name)
            if pitch_hz is None:
                return None
            pitches.append(pitch_hz)
            weights.append(part.weight)
        return round(float(np.exp(np.average(np.log(pitches), weights=weights))), 1)

    def preset_pitch_hz(self, preset: str) -> float | None:
        """Median F0 of a preset; None if it is not known."""
        if preset not in self.presets.names:
            return None
        return round(float(self.presets.median_f0_hz[self.presets.names.index(preset)]), 1)

    @property
    def _catalogue(self) -> VoiceCatalogue:
        return self.registry.presets.catalogue

    async def _require_free(self, tenant: str, name: str) -> VoiceBook:
        """The voices of ``tenant``, if another one may be called ``name``.

        Raises:
            InvalidRequest: It is no name for a voice.
            VoiceExists, VoicesFull: It is taken, or there is no room.
        """
        _require_name(name)
        book = await self.registry.of(tenant)
        if book.has(name) and not book.own_voice(name):
            raise InvalidRequest(f"{name!r} is a preset's name already; take another.", "name")
        if is_expression(name) and not book.has(name):
            try:
                book.parts(name)
            except VoiceNotFound:
                pass
            else:
                raise InvalidRequest(f"{name!r} would be read as a mix; take another name.", "name")
        await asyncio.to_thread(self.registry.store.require_free, tenant, name, self.settings.max_voices)
        return book

    async def _add(self, voice: ClonedVoice, references: Sequence[bytes] = ()) -> ClonedVoice:
        return await asyncio.to_thread(
            lambda: self.registry.store.add(voice, references, most=self.settings.max_voices)
        )


def gender_of(recipe: VoiceRecipe, catalogue: VoiceCatalogue) -> Gender:
    """That of most of what ``recipe`` is made of."""
    female = sum(weight for name, weight in recipe.presets.items() if catalogue.get(name).gender == "female")
    return "female" if 2 * female >= sum(recipe.presets.values()) else "male"


def _heard_gender(profile: ReferenceProfile) -> Gender | None:
    """By how high somebody speaks; None where that says too little, as the preset that is nearest may."""
    if 0 < profile.median_f0_hz < _MALE_BELOW_HZ:
        return "male"
    return "female" if profile.median_f0_hz > _FEMALE_ABOVE_HZ else None


def _owner(caller: Caller, wish: VoiceFields) -> str:
    if not wish.shared or caller.tenant == GLOBAL:
        return caller.tenant
    if not caller.is_admin:
        raise NotAllowed("Only an administrator's key may make a voice for everybody.", "shared")
    return GLOBAL


def _tag(language: str | None) -> str | None:
    return resolve_language(language).tag if language else None


def _require_name(name: str) -> None:
    composed = unicodedata.normalize("NFC", name)
    if found := _NOT_IN_NAMES.search(composed):
        raise InvalidRequest(f"A voice's name may have no {found.group()!r}, which is for mixes and the like.", "name")
    if not composed[0].isalnum() or not composed.isprintable():
        raise InvalidRequest("A voice's name begins with a letter or a digit and has no control characters.", "name")
    if is_voice_id(composed):
        raise InvalidRequest("A voice's name may not look like a voice's id.", "name")


def _require_speaker(consent: Consent | None, profile: ReferenceProfile) -> None:
    if consent and float(consent.speaker() @ profile.embedding) < _SAME_SPEAKER:
        raise ConsentMismatch(
            f"The consent {consent.id} was spoken by somebody else than the reference audio, as far as can be heard."
        )
