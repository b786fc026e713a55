"""Voices that callers made, in the records: cloned, mixed or imported.

::

    voices              id          -> ClonedVoice, a few KB       every change raises version()
    voice_references    enrolment/n -> the speech it is fitted to  until it is fitted, has failed or is deleted
    voice_states        enrolment   -> the fitting so far          likewise
    voice_progress      enrolment   -> how far that is             likewise; does not raise version()
    voice_leases        enrolment   -> whose work it is            expires unless its worker goes on

A voice's id is made of its tenant and name, so that a name is taken or free at once on every node, and whoever asks
by either needs one reading. Everything else hangs on the enrolment, a random name: a worker that still has a voice
which was deleted and enrolled anew cannot touch the new one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress

from pydantic import Field

from deployments.errors import StorageUnavailable
from deployments.settings import Settings
from deployments.storage.cloned_voice import (
    MAX_NAME_CHARACTERS,
    ClonedVoice,
    StoredRecipe,
    VoiceSource,
    VoiceStatus,
    is_voice_id,
    voice_id,
)
from deployments.storage.records import Records, change
from tts_models.errors import RequestError, VoiceNotFound
from tts_models.speaker.recipe import VoiceRecipe

__all__ = [
    "GLOBAL",
    "ClonedVoice",
    "StoredRecipe",
    "VoiceExists",
    "VoiceLost",
    "VoiceSource",
    "VoiceStatus",
    "VoiceStore",
    "VoicesFull",
]

GLOBAL = ""
"""The tenant whose voices all others can speak with."""

_VOICES, _REFERENCES, _STATES = "voices", "voice_references", "voice_states"
_PROGRESS, _LEASES = "voice_progress", "voice_leases"
_UNCOMMITTED_S = 3600.0
_LEASE_S = 60.0
_SPEECH_GONE = "The speech it was to be fitted to is gone; delete the voice and enrol it again."


class VoiceExists(RequestError):
    """The tenant has a voice of that name."""

    default_param = "name"


class VoicesFull(RequestError):
    """The tenant has as many voices as the server keeps for one."""


class VoiceLost(Exception):
    """The voice is not this worker's any more: it was deleted, or another worker has it."""


class _Progress(Settings):
    progress: float = Field(description="0 to 1.")
    similarity: float | None = Field(description="Reached so far.")
    similarity_start: float | None = Field(default=None, description="Before the fitting, measured in the same way.")


class VoiceStore:
    """The voices in ``records``. Methods block.

    Args:
        records: Where they are kept.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._lease_s = _LEASE_S
        self._lock = threading.Lock()
        self._version = -1
        self._parsed: dict[str, tuple[bytes, ClonedVoice]] = {}
        self._kept: tuple[ClonedVoice, ...] = ()

    # -- what callers do ----------------------------------------------------------------------------------------------

    def add(self, voice: ClonedVoice, references: Sequence[bytes] = (), *, most: int | None = None) -> ClonedVoice:
        """Adds a voice; it as it is kept.

        Args:
            voice: The voice.
            references: Speech to fit it to, 16 kHz mono flac each; without any it is not fitted.
            most: Most voices its tenant may have.

        Raises:
            VoiceExists: The tenant has one of that name.
            VoicesFull: There is no room.
        """
        self.require_free(voice.tenant, voice.name, most)
        keys = tuple(f"{voice.enrolment}/{number}" for number in range(len(references)))
        kept = voice.model_copy(update={"references": keys})
        try:
            # They expire until the voice is there: even if this process dies, nobody's speech is left behind.
            for key, reference in zip(keys, references, strict=True):
                self._records.put(_REFERENCES, key, reference, expires_s=_UNCOMMITTED_S)
            if not self._records.add(_VOICES, kept.id, _bytes(kept)):
                raise _exists(kept)
            self._require_room(kept.tenant, most, besides=kept.id)  # somebody may have come in between
            for key, reference in zip(keys, references, strict=True):
                self._records.put(_REFERENCES, key, reference)
        except BaseException:
            with suppress(StorageUnavailable):
                self._remove(kept)
            raise
        return kept

    def require_free(self, tenant: str, name: str, most: int | None = None) -> None:
        """Passes if ``tenant`` can have another voice, called ``name``.

        Raises:
            VoiceExists: It has one of that name.
            VoicesFull: It has ``most``.
        """
        if (voice := self._read(voice_id(tenant, name))) is not None:
            raise _exists(voice)
        self._require_room(tenant, most)

    def get(self, tenant: str, id_or_name: str) -> ClonedVoice:
        """The tenant's own voice of that id or name, or else everybody's.

        Raises:
            VoiceNotFound: There is none.
        """
        ids = [id_or_name] if is_voice_id(id_or_name) else []
        for candidate in (*ids, voice_id(tenant, id_or_name), voice_id(GLOBAL, id_or_name)):
            voice = self._read(candidate)
            if voice is not None and voice.tenant in (tenant, GLOBAL):
                return self.as_it_stands(voice)
        raise VoiceNotFound(f"There is no voice {id_or_name[:MAX_NAME_CHARACTERS]!r} of yours.")

    def all(self, tenant: str | None = None) -> list[ClonedVoice]:
        """Every voice, or those that a tenant can speak with: its own and everybody's; the oldest first."""
        wanted = [voice for voice in self.kept() if tenant is None or voice.tenant in (tenant, GLOBAL)]
        return [self.as_it_stands(voice) for voice in wanted]

    def as_it_stands(self, voice: ClonedVoice) -> ClonedVoice:
        """``voice`` with its progress, which is not in its record."""
        if voice.status != "fitting" or not (found := self._records.get(_PROGRESS, voice.enrolment)):
            return voice
        progress = _Progress.model_validate_json(found)
        update = {
            "progress": progress.progress,
            "similarity": progress.similarity or voice.similarity,
            "similarity_start": progress.similarity_start or voice.similarity_start,
        }
        return voice.model_copy(update=update)

    def delete(self, tenant: str, id_or_name: str) -> ClonedVoice:
        """Removes a voice and all that belongs to it; what it was.

        Raises:
            VoiceNotFound: The tenant itself has none of that id or name.
        """
        voice = self.get(tenant, id_or_name)
        if voice.tenant != tenant:
            raise VoiceNotFound(f"The voice {voice.name!r} is everybody's, not yours to delete.")
        self._remove(voice)
        return voice

    def kept(self) -> tuple[ClonedVoice, ...]:
        """Every voice as recorded, without the progress of its fitting; the oldest first.

        Asks for one integer, and reads on only if that has changed; else it is the same tuple as before.
        """
        with self._lock:
            version = self._records.version(_VOICES)  # before the voices: a change in between is found the next time
            if version != self._version:
                known = self._parsed
                self._parsed = {
                    id_: known[id_]
                    if id_ in known and known[id_][0] == value
                    else (value, ClonedVoice.model_validate_json(value))
                    for id_, value in self._records.all(_VOICES).items()
                }
                voices = (voice for _, voice in self._parsed.values())
                self._kept = tuple(sorted(voices, key=lambda voice: (voice.created_at, voice.id)))
                self._version = version
            return self._kept

    def version(self) -> int:
        """A number that grew with every change of any voice but the progress of a fitting."""
        return self._records.version(_VOICES)

    # -- what the fitting stage does ----------------------------------------------------------------------------------

    def waiting(self) -> int:
        """How many voices wait to be fitted, or are being."""
        return sum(map(_is_unfitted, self.kept()))

    def claim(self, worker: str, lease_s: float) -> ClonedVoice | None:
        """The oldest voice that waits and that no other worker has, now held by ``worker``; None if there is none.

        Args:
            worker: Unique name of whoever is going to fit it.
            lease_s: How long it is held after each :meth:`checkpoint`, seconds; after that anybody may claim it, and
                goes on from its :meth:`state`.
        """
        self._lease_s = lease_s
        for voice in self.kept():
            if _is_unfitted(voice):
                if self._records.add(_LEASES, voice.enrolment, worker.encode(), expires_s=lease_s):
                    try:
                        return self.as_it_stands(self._change(voice, status="fitting"))
                    except VoiceLost:
                        self.release(voice, worker)
            elif voice.references:  # whoever ended it did not come to tidy up
                self._tidy(voice)
        return None

    def references(self, voice: ClonedVoice) -> list[bytes]:
        """The speech that ``voice`` is fitted to, 16 kHz mono flac.

        Raises:
            VoiceLost: It is gone; the voice is deleted, or ended now.
        """
        found = [self._records.get(_REFERENCES, key) for key in voice.references]
        present = [reference for reference in found if reference is not None]
        if len(present) < len(found):
            self._tidy(self._change(voice, status="failed", error=_SPEECH_GONE))
            raise VoiceLost(voice.id)
        return present

    def state(self, voice: ClonedVoice) -> bytes | None:
        """What the last :meth:`checkpoint` kept; None before the first."""
        return self._records.get(_STATES, voice.enrolment)

    def checkpoint(
        self,
        voice: ClonedVoice,
        worker: str,
        state: bytes,
        progress: float,
        similarity: float | None,
        similarity_start: float | None = None,
    ) -> None:
        """Keeps how far the fitting is, and renews the lease.

        Args:
            voice: As claimed.
            worker: Who claimed it.
            state: What another worker would go on from.
            progress: 0 to 1.
            similarity: Reached so far; None if unknown.
            similarity_start: Before the fitting, measured in the same way; None leaves what enrolment said.

        Raises:
            VoiceLost: The voice is not this worker's any more.
        """
        self._renew(voice, worker)
        self._records.put(_STATES, voice.enrolment, state)
        now = _Progress(progress=progress, similarity=similarity, similarity_start=similarity_start)
        self._records.put(_PROGRESS, voice.enrolment, _bytes(now))
        if self._current(voice) is None:  # deleted meanwhile
            self._forget(voice)
            raise VoiceLost(voice.id)

    def release(self, voice: ClonedVoice, worker: str) -> None:
        """Lets another worker go on at once, because this one shuts down."""
        if self._records.get(_LEASES, voice.enrolment) == worker.encode():
            self._records.delete(_LEASES, voice.enrolment)

    def finish(
        self,
        voice: ClonedVoice,
        worker: str,
        recipe: VoiceRecipe,
        similarity: float | None,
        similarity_start: float | None = None,
    ) -> ClonedVoice:
        """Swaps the fitted voice in, at once for everybody, and forgets the speech it was fitted to.

        Args:
            voice: As claimed.
            worker: Who claimed it.
            recipe: What it is made of now.
            similarity: To the speaker.
            similarity_start: Before the fitting, measured in the same way; None leaves what enrolment said.

        Raises:
            VoiceLost: The voice is not this worker's any more.
        """
        return self._end(
            voice,
            worker,
            status="fitted",
            recipe=StoredRecipe.of(recipe),
            progress=1.0,
            similarity=similarity,
            error="",
            **({} if similarity_start is None else {"similarity_start": similarity_start}),
        )

    def fail(self, voice: ClonedVoice, worker: str, error: str) -> ClonedVoice:
        """Says that ``voice`` cannot be fitted; it stays what it was, and the speech is forgotten.

        Args:
            voice: As claimed.
            worker: Who claimed it.
            error: Why, for its owner.

        Raises:
            VoiceLost: The voice is not this worker's any more.
        """
        return self._end(voice, worker, status="failed", error=error)

    # -- changes ------------------------------------------------------------------------------------------------------

    def _require_room(self, tenant: str, most: int | None, besides: str = "") -> None:
        if most is not None:
            others = sum(other.tenant == tenant and other.id != besides for other in self.kept())
            if others >= most:
                raise VoicesFull(f"There are {others:,} voices of yours, and no more may be kept; delete one.")

    def _read(self, id_: str) -> ClonedVoice | None:
        found = self._records.get(_VOICES, id_)
        return ClonedVoice.model_validate_json(found) if found else None

    def _current(self, voice: ClonedVoice) -> ClonedVoice | None:
        """The voice as it is now; None if it is gone or another one of its name."""
        now = self._read(voice.id)
        return now if now is not None and now.enrolment == voice.enrolment else None

    def _change(self, voice: ClonedVoice, **fields: object) -> ClonedVoice:
        """Changes fields of ``voice`` if it is still to be fitted.

        Raises:
            VoiceLost: It is not.
        """
        changed = voice

        def new(old: bytes | None) -> bytes:
            nonlocal changed
            now = ClonedVoice.model_validate_json(old) if old else None
            if now is None or now.enrolment != voice.enrolment or not _is_unfitted(now):
                raise VoiceLost(voice.id)
            changed = now.model_copy(update=fields)
            return _bytes(changed)

        change(self._records, _VOICES, voice.id, new)
        return changed

    def _renew(self, voice: ClonedVoice, worker: str) -> None:
        holder = worker.encode()
        if not (
            self._records.swap(_LEASES, voice.enrolment, holder, holder, expires_s=self._lease_s)
            # It ran out and nobody else has come.
            or self._records.add(_LEASES, voice.enrolment, holder, expires_s=self._lease_s)
        ):
            raise VoiceLost(voice.id)
        if self._current(voice) is None:
            self.release(voice, worker)
            raise VoiceLost(voice.id)

    def _end(self, voice: ClonedVoice, worker: str, **fields: object) -> ClonedVoice:
        self._renew(voice, worker)
        return self._tidy(self._change(voice, **fields))

    def _tidy(self, ended: ClonedVoice) -> ClonedVoice:
        """Forgets what ``ended`` was fitted to, which is named in its record until it is gone."""
        self._forget(ended)
        found = self._records.get(_VOICES, ended.id)
        tidy = ended.model_copy(update={"references": ()})
        if found is not None and ClonedVoice.model_validate_json(found) == ended:
            self._records.swap(_VOICES, ended.id, found, _bytes(tidy))
        return tidy

    def _remove(self, voice: ClonedVoice) -> None:
        self._forget(voice)  # first, so that whatever dies in between leaves a voice that can be deleted again
        if self._current(voice) is not None:
            self._records.delete(_VOICES, voice.id)
        self._forget(voice)  # what its worker kept meanwhile

    def _forget(self, voice: ClonedVoice) -> None:
        for key in voice.references:
            self._records.delete(_REFERENCES, key)
        for collection in (_STATES, _PROGRESS, _LEASES):
            self._records.delete(collection, voice.enrolment)


def _is_unfitted(voice: ClonedVoice) -> bool:
    return voice.status in ("ready", "fitting") and bool(voice.references)


def _exists(voice: ClonedVoice) -> VoiceExists:
    return VoiceExists(f"There is a voice {voice.name!r} already, {voice.id}; delete that one, or take another name.")


def _bytes(value: ClonedVoice | _Progress) -> bytes:
    return value.model_dump_json().encode()
