"""Consents: recordings in which somebody agrees that their voice is cloned. They are kept, for they are the proof."""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from pydantic import Field

from deployments.errors import StorageUnavailable
from deployments.settings import Settings
from deployments.storage.objects import Objects
from deployments.storage.records import Records, change
from deployments.storage.voices import VoicesFull, VoiceStore
from tts_models.errors import RequestError
from tts_models.types import FloatArray

_CONSENTS = "voice_consents"
_ID = re.compile(r"cons_[0-9a-f]{24}")


class ConsentNotFound(RequestError):
    """The tenant has no consent of that id."""

    default_param = "consent"


class ConsentInUse(RequestError):
    """There are voices that were made with the consent."""


class Consent(Settings):
    """A consent, as it is kept."""

    id: str = Field(description="Public id.")
    tenant: str = Field(description="Whose it is.")
    name: str = Field(description="As its owner calls it.")
    language: str = Field(description="BCP-47 tag of what is said.")
    created_at: float = Field(description="Unix time.")
    embedding: str = Field(description="Of whoever speaks: (192,) float32, little-endian, base64.", repr=False)

    @property
    def recording(self) -> str:
        """Key of the recording among the objects."""
        return f"consents/{self.id}/recording"

    def speaker(self) -> FloatArray:
        """Who speaks: ``(192,)`` float32, unit length."""
        return np.frombuffer(base64.b64decode(self.embedding), "<f4").astype(np.float32)


class ConsentStore:
    """The consents in ``records``, their recordings in ``objects``. Methods block.

    Args:
        records: Where they are kept.
        objects: Where their recordings are.
    """

    def __init__(self, records: Records, objects: Objects) -> None:
        self._records = records
        self._objects = objects

    def add(
        self, tenant: str, name: str, language: str, recording: bytes, speaker: FloatArray, *, most: int
    ) -> Consent:
        """Keeps a recording that has been listened to.

        Args:
            tenant: Whose it is.
            name: As its owner calls it.
            language: BCP-47 tag.
            recording: The file as it was sent.
            speaker: Embedding of whoever speaks, ``(192,)``.
            most: Most consents the tenant may have.

        Raises:
            VoicesFull: There is no room.
        """
        if (number := len(self.all(tenant))) >= most:
            raise VoicesFull(f"There are {number:,} consents of yours, and no more may be kept; delete one.")
        consent = Consent(
            id=f"cons_{secrets.token_hex(12)}",
            tenant=tenant,
            name=name,
            language=language,
            created_at=time.time(),
            embedding=base64.b64encode(speaker.astype("<f4").tobytes()).decode(),
        )
        try:
            self._objects.put(consent.recording, recording)
            self._records.put(_CONSENTS, consent.id, _bytes(consent))
        except BaseException:
            with suppress(StorageUnavailable):
                self._forget(consent)
            raise
        return consent

    def get(self, tenant: str, consent_id: str) -> Consent:
        """The tenant's consent of that id.

        Raises:
            ConsentNotFound: There is none.
        """
        found = self._records.get(_CONSENTS, consent_id) if _ID.fullmatch(consent_id) else None
        consent = Consent.model_validate_json(found) if found else None
        if consent is None or consent.tenant != tenant:
            raise ConsentNotFound(f"There is no consent {consent_id[:64]!r} of yours.")
        return consent

    def all(self, tenant: str) -> list[Consent]:
        """The tenant's consents, the newest first."""
        consents = map(Consent.model_validate_json, self._records.all(_CONSENTS).values())
        own = (consent for consent in consents if consent.tenant == tenant)
        return sorted(own, key=lambda consent: (consent.created_at, consent.id), reverse=True)

    def rename(self, tenant: str, consent_id: str, name: str) -> Consent:
        """Calls a consent otherwise; it as it is now.

        Raises:
            ConsentNotFound: There is none.
        """
        renamed = self.get(tenant, consent_id)

        def new(old: bytes | None) -> bytes:
            nonlocal renamed
            if old is None:
                raise ConsentNotFound(f"There is no consent {consent_id[:64]!r} of yours.")
            renamed = Consent.model_validate_json(old).model_copy(update={"name": name})
            return _bytes(renamed)

        change(self._records, _CONSENTS, consent_id, new)
        return renamed

    def recording(self, consent: Consent) -> bytes:
        """The recording, as it was sent.

        Raises:
            ObjectNotFound: It is gone.
        """
        return self._objects.get(consent.recording)

    def delete(self, tenant: str, consent_id: str, voices: VoiceStore) -> Consent:
        """Forgets a consent and its recording; what it was.

        Args:
            tenant: Whose it is.
            consent_id: Its id.
            voices: Where those are that may have been made with it.

        Raises:
            ConsentNotFound: There is none.
            ConsentInUse: There are voices that were made with it.
        """
        consent = self.get(tenant, consent_id)
        if using := [voice.name for voice in voices.kept() if consent.id in voice.consents]:
            raise ConsentInUse(f"Voices were made with this consent: {_listed(using)}. Delete them first.")
        self._forget(consent)
        return consent

    def _forget(self, consent: Consent) -> None:
        # The recording first: whatever dies in between leaves a consent that can be deleted again.
        self._objects.delete_all(f"consents/{consent.id}")
        self._records.delete(_CONSENTS, consent.id)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _bytes(consent: Consent) -> bytes:
    return consent.model_dump_json().encode()
