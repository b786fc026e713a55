"""Every setting of the application as one frozen tree; it is the ``args`` of ``config/*.yaml``.

::

    AppSettings
     + assets      where weights are kept
     + text        how text is cut into segments
     + speaker     speaker encoder: device, threads
     + acoustic    acoustic model: device, threads
     + vocoder     vocoder: engine, threads
     + synthesis   how the ingress drives the stages
     + admission   how many utterances run and wait
     + http        what the HTTP routes accept and answer
     + storage     where that is kept which outlives a restart
     + jobs        long work that nobody waits for on the line
     + cache       speech that is kept for whoever asks for it again
     + fitting     cloned voices are made more like their speakers

A misspelt key is an error. Each stage is given its own subtree only. What scales (replicas, queues, batch sizes) is not
here but beside it in the YAML, where Ray's operators look for it; :class:`BatchLimits` is the form of ``user_config``.
"""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tts_models.types import MAX_TOKENS


class Settings(BaseModel):
    """Base of every settings class: unknown keys are refused, values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AssetSettings(Settings):
    """Where weights, voices and dictionaries are kept on every node."""

    root: Path | None = Field(
        default=None, description="Folder of the asset store; null is the user's cache folder of the node."
    )
    offline: bool = Field(
        default=False, description="Never use the network: an asset that is not in the folder is an error."
    )


class TextSettings(Settings):
    """How the text frontend cuts a text into segments."""

    first_segment_tokens: int = Field(
        default=60,
        ge=1,
        le=MAX_TOKENS,
        description="About how many phoneme tokens the first segment has; sound starts when it is made.",
    )
    max_segment_tokens: int = Field(
        default=300,
        ge=1,
        le=MAX_TOKENS,
        description="Most phoneme tokens in any other segment; the acoustic model takes 510.",
    )
    warm_languages: tuple[str, ...] = Field(
        default=("en-US", "en-GB", "es", "fr-FR", "hi", "it", "ja", "pt-BR", "zh"),
        description="Languages (BCP-47) whose dictionaries are loaded before a replica reports healthy; any other is"
        " loaded by its first request.",
    )
    forbidden: dict[str, tuple[str, ...]] = Field(
        default={},
        description="Words that are not spoken, by the name of the rule that a refusal tells: whole words, `word*` to"
        " go on, `re:` before a regular expression.",
    )
    in_logs: bool = Field(
        default=False,
        description="Whether texts may stand in logs: errors then have their messages there, which may quote a text.",
    )
    forbidden_file: Path | None = Field(
        default=None, description="File with more of them: one a line, [rule] before those of a rule, # for remarks."
    )
    forbidden_hook: str | None = Field(
        default=None,
        pattern="^[A-Za-z_][\\w.]*:[A-Za-z_]\\w*$",
        description="Python function, module:function, that is given a text and its language and returns the name of"
        " the rule that forbids it, or None.",
    )


class SpeakerSettings(Settings):
    """The speaker encoder's replica."""

    device: str = Field(default="auto", description="Torch device: auto, cpu or cuda.")
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads of one replica's torch; null leaves torch's own choice."
    )
    cache_clips: int = Field(
        default=4096,
        ge=0,
        description="Clips of reference audio whose embeddings a replica keeps in memory, 1 KB each.",
    )
    cache_s: float = Field(
        default=604_800,
        ge=0,
        description="How long the embedding of a clip is kept in the records, for every replica, seconds; its sound"
        " never is. 0 keeps none.",
    )


class AcousticSettings(Settings):
    """The acoustic model's replica. Always float32: half precision changes durations."""

    device: str = Field(default="auto", description="Torch device: auto, cpu or cuda.")
    threads: int | None = Field(
        default=None, ge=1, description="Most CPU threads of one replica; null leaves torch's own choice."
    )


class VocoderSettings(Settings):
    """The vocoder's replica."""

    engine: str = Field(
        default="auto",
        description="How the vocoder computes: auto (the fastest the machine can run), fp32 (plain torch), cpu-fp32 or"
        " cpu-bf16 (compiled kernels), cuda-half.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="CPU threads of one replica's torch; compiled kernels take fewer while others compute. null leaves"
        " torch's own choice.",
    )


class SynthesisSettings(Settings):
    """How the ingress drives an utterance through the stages."""

    segments_in_flight: int = Field(
        default=3,
        ge=1,
        description="Most segments of one utterance in the stages at once. More keep the stages busier for one long"
        " text; fewer leave more room for other callers.",
    )
    segment_timeout_s: float = Field(
        default=120,
        gt=0,
        description="Longest a segment may take from the first stage to the last, waiting included, seconds.",
    )
    attempts: int = Field(
        default=4,
        ge=1,
        description="How many times a call is tried when the replica working on it dies, the first time included.",
    )
    retry_delay_s: float = Field(
        default=0.2, ge=0, description="Wait before the second try of a call, seconds; doubled for each one after."
    )


class AdmissionSettings(Settings):
    """How many utterances the application works on, over all ingress replicas. Jobs are not counted."""

    max_running: int = Field(
        default=400,
        ge=1,
        description="Utterances that run at once. Those that run share the stages fairly; one that has to wait may wait"
        " for the end of a long one, so this is well above what keeps the stages busy.",
    )
    max_waiting: int = Field(
        default=400, ge=0, description="Utterances that wait to run; the next one is told 429 and when to come back."
    )
    timeout_s: float = Field(
        default=60,
        gt=0,
        description="Until when an answer must have begun, seconds from the request, where the request does not say"
        " x-request-timeout-seconds; one that cannot is refused at once.",
    )


class LimitSettings(Settings):
    """How much one caller may ask for; null is no limit."""

    address_requests_per_s: float | None = Field(
        default=5,
        gt=0,
        description="Requests a second of one client address, of all callers there without a key limit.",
    )
    address_characters_per_min: int | None = Field(
        default=None, ge=1, description="Characters spoken a minute for one client address."
    )
    address_max_running: int | None = Field(
        default=None, ge=1, description="Utterances of one client address that run at once."
    )
    key_requests_per_s: float | None = Field(
        default=None, gt=0, description="Requests a second of an API key that has no such limit of its own."
    )
    key_characters_per_min: int | None = Field(
        default=None, ge=1, description="Characters spoken a minute for an API key that has no such limit of its own."
    )
    key_max_running: int | None = Field(
        default=None, ge=1, description="Utterances at once of an API key that has no such limit of its own."
    )
    key_max_waiting: int | None = Field(
        default=None, ge=0, description="Utterances waiting of an API key that has no such limit of its own."
    )
    burst_s: int = Field(
        default=4,
        ge=1,
        le=3600,
        description="Over how long requests are counted, seconds; as many as are allowed in it may come at once.",
    )
    loopback: bool = Field(
        default=False, description="Whether the limits of addresses hold for clients on the server's own machine too."
    )


class DictionarySettings(Settings):
    """How large a pronunciation dictionary may become."""

    max_entries: int = Field(default=10_000, ge=0, description="Most entries of one dictionary; 0 allows none.")
    max_surface_characters: int = Field(default=100, ge=1, description="Longest surface of an entry, characters.")
    max_pronunciation_characters: int = Field(
        default=300, ge=1, description="Longest pronunciation of an entry, characters."
    )


class VoiceSettings(Settings):
    """Voices that callers make."""

    max_voices: int = Field(
        default=100, ge=0, description="Most voices, and most consents, of one tenant; 0 allows none."
    )
    max_sample_bytes: int = Field(
        default=10 * 2**20, ge=1, description="Longest file of reference audio, or recording of a consent, bytes."
    )
    max_samples: int = Field(default=8, ge=1, le=8, description="Most files of reference audio for one voice.")
    max_body_bytes: int = Field(
        default=32 * 2**20, ge=1, description="Longest request body with reference audio in it, bytes."
    )
    require_consent: bool = Field(
        default=False,
        description="Whether a voice is cloned only with the consent (/v1/audio/voice_consents) of whoever is heard.",
    )


class HttpSettings(Settings):
    """What the HTTP routes accept and answer."""

    max_input_characters: int = Field(default=10_000, ge=1, description="Longest text accepted, characters.")
    max_body_bytes: int = Field(
        default=1_000_000, ge=1, description="Longest request body accepted, bytes, reference audio in it not counted."
    )
    model: str = Field(default="kokoro-82m", min_length=1, description="Name of the served model in the API.")
    model_aliases: tuple[str, ...] = Field(
        default=("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "kokoro"),
        description="Other names that mean the same model, for clients that name OpenAI's or Kokoro's.",
    )
    voicevox_mount: str | None = Field(
        default="/voicevox",
        pattern="^/",
        description="Where VOICEVOX's API is found; / for clients that expect it at the root, null for nowhere.",
    )
    voicevox_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of this machine (127.0.0.1) where VOICEVOX's API is found at the root besides, such as 50021;"
        " null for none.",
    )
    api_keys: Literal["auto", "required", "off"] = Field(
        default="auto",
        description="Whether callers need an API key: required, off, or auto, which needs none from clients on this"
        " machine while the server listens on the loopback interface only.",
    )
    voicevox_requires_key: bool = Field(
        default=True,
        description="Whether VOICEVOX's API asks for a key where the other routes do; its clients can send none but in"
        " their address, http://:KEY@host.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="Addresses or networks (10.0.0.0/8) of proxies that are believed in X-Forwarded-For; one on the"
        " server's own machine always is.",
    )

    keep_captions_s: float = Field(
        default=3600,
        ge=0,
        description="How long the captions of a request, and with them its text, can be asked for after it, seconds; 0"
        " keeps none.",
    )
    keep_captions_max: int = Field(
        default=10_000, ge=1, description="Requests whose captions one ingress replica keeps; the oldest go first."
    )
    allowed_origins: tuple[str, ...] = Field(
        default=(),
        description="Web origins (https://app.example.com) whose pages may call the API from a browser; [*] is any.",
    )
    limits: LimitSettings = Field(default_factory=LimitSettings, description="How much one caller may ask for.")
    dictionaries: DictionarySettings = Field(
        default_factory=DictionarySettings, description="How large a pronunciation dictionary may become."
    )

    voices: VoiceSettings = Field(default_factory=VoiceSettings, description="Voices that callers make.")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            ipaddress.ip_network(proxy, strict=False)  # a ValueError that says which
        return proxies


class StorageSettings(Settings):
    """Where that is kept which outlives a restart: presets, dictionaries, keys, jobs."""

    root: Path | None = Field(
        default=None,
        description="Folder of what is stored on this machine; null is the user's data folder of the node.",
    )
    records: str | None = Field(
        default=None,
        pattern="^(rediss?|unix)://",
        description="URL of the Redis server that keeps records, such as redis://host:6379/0; null is a SQLite file in"
        " the folder, which the replicas of one machine share. Several nodes need Redis.",
    )
    objects: str | None = Field(
        default=None,
        pattern="^s3://.",
        description="URL of the bucket that keeps what jobs make, such as"
        " s3://bucket/prefix?endpoint=https://host&region=eu-west-1, with credentials as AWS's tools find them; null is"
        " a folder in the folder.",
    )
    object_links: Literal["proxy", "redirect"] = Field(
        default="proxy",
        description="How clients get files from a bucket: proxy sends them through the server, redirect sends the"
        " client to a presigned link.",
    )


class JobSettings(Settings):
    """Long work that nobody waits for on the line."""

    max_characters: int = Field(default=1_000_000, ge=1, description="Longest text of a job, all chapters together.")
    max_body_bytes: int = Field(default=8_000_000, ge=1, description="Longest request body that submits a job, bytes.")
    max_queued: int = Field(default=1_000, ge=1, description="Most jobs waiting; the next one is told 429.")
    max_queued_per_tenant: int = Field(
        default=100, ge=1, description="Most jobs of one tenant waiting; its next one is told 429."
    )
    segments_in_flight: int = Field(default=4, ge=1, description="Most segments of one job in the stages at once.")
    attempts: int = Field(
        default=5,
        ge=1,
        description="How many times a job is tried when parts of the server are away or its worker dies, before it goes"
        " to the dead-letter queue.",
    )
    retry_delay_s: float = Field(
        default=5, gt=0, description="Wait before the second try of a job, seconds; doubled for each one after."
    )
    retry_max_delay_s: float = Field(default=300, gt=0, description="Longest wait before a new try of a job, seconds.")
    lease_s: float = Field(
        default=20, ge=1, description="A job whose worker was not heard of for this long goes to another one, seconds."
    )
    retention_s: float = Field(
        default=86_400, gt=0, description="How long a job and its results are kept after it has ended, seconds."
    )
    broker: str | None = Field(
        default=None,
        pattern="^(rediss?|unix)://",
        description="URL of the Redis server that hands jobs to workers through Celery; null is the one of"
        " storage.records, and without any, workers take jobs from the records themselves.",
    )


class CacheSettings(Settings):
    """Speech that is kept for whoever asks for the very same again."""

    enabled: bool = Field(
        default=False,
        description="Whether speech is kept for whoever asks for the very same again, in the object store"
        " (storage.objects), each tenant's apart.",
    )
    shared: bool = Field(
        default=False,
        description="Whether tenants share what preset voices said without a dictionary of their own; by how soon an"
        " answer comes they can then tell what others have had said.",
    )
    keep_s: float = Field(default=604_800, gt=0, description="How long speech is kept, seconds.")
    max_bytes: int = Field(
        default=10 * 2**30, ge=0, description="Most speech that is kept, bytes; 96 KB a second. The oldest goes first."
    )
    max_audio_s: float = Field(default=60, gt=0, description="Longest speech that is kept, seconds.")


class FittingSettings(Settings):
    """Cloned voices are made more like their speakers, in the background."""

    enabled: bool = Field(
        default=True, description="Whether they are; without it a cloned voice stays as it was made at once."
    )
    device: str = Field(default="auto", description="Torch device: auto, cpu or cuda.")
    threads: int | None = Field(
        default=1, ge=1, description="CPU threads of one replica's torch; null leaves torch's own choice."
    )
    only_idle: bool = Field(
        default=True, description="Whether the fit computes only while nothing else wants the CPU (Linux's SCHED_IDLE)."
    )
    steps: int = Field(default=40, ge=1, description="Most steps of a fit; it ends before if it no longer gets better.")
    attempts: int = Field(
        default=3,
        ge=1,
        le=200,
        description="How many times in a row a fit is begun that brings its worker down before it has done a step.",
    )
    lease_s: float = Field(
        default=30,
        ge=1,
        description="A voice whose worker was not heard of for this long goes to another one, seconds.",
    )


class AppSettings(Settings):
    """The whole tree."""

    assets: AssetSettings = Field(default_factory=AssetSettings, description="Weights, voices and dictionaries.")
    text: TextSettings = Field(default_factory=TextSettings, description="Text frontend.")
    speaker: SpeakerSettings = Field(default_factory=SpeakerSettings, description="Speaker encoder.")
    acoustic: AcousticSettings = Field(default_factory=AcousticSettings, description="Acoustic model.")
    vocoder: VocoderSettings = Field(default_factory=VocoderSettings, description="Vocoder.")
    synthesis: SynthesisSettings = Field(default_factory=SynthesisSettings, description="The graph's driver.")
    admission: AdmissionSettings = Field(
        default_factory=AdmissionSettings, description="How many utterances run and wait."
    )
    http: HttpSettings = Field(default_factory=HttpSettings, description="HTTP routes.")
    storage: StorageSettings = Field(default_factory=StorageSettings, description="What outlives a restart.")
    jobs: JobSettings = Field(default_factory=JobSettings, description="Jobs.")
    cache: CacheSettings = Field(default_factory=CacheSettings, description="Speech that is asked for again.")
    fitting: FittingSettings = Field(default_factory=FittingSettings, description="Fitting of cloned voices.")


class BatchLimits(Settings):
    """The ``user_config`` of a batching deployment; applied to running replicas without a restart.

    A batch is padded to its longest item, so its cost is ``items * longest``, here called its padded work. One item
    always fits, however long: it then runs alone. There are no defaults: a ``user_config`` in the YAML replaces the one
    in the code whole.
    """

    max_items: int = Field(ge=1, description="Most items in a batch.")
    max_padded_work: int = Field(
        ge=1,
        description="Most padded work in a batch of two or more: acoustic model, phoneme tokens; vocoder, frames of"
        " 25 ms; speaker encoder, samples at 16 kHz.",
    )
    wait_s: float = Field(ge=0, le=1, description="How long an incomplete batch waits for company, seconds.")
    max_run_s: float = Field(
        gt=0, description="Longest a batch may run, seconds: a replica that takes longer hangs, and is replaced."
    )


def field_table(settings: type[Settings] = AppSettings, prefix: str = "") -> list[tuple[str, str, str]]:
    """``(dotted key, default as YAML, description)`` of every leaf below ``settings``, in order; the README's table."""
    rows: list[tuple[str, str, str]] = []
    for name, field in settings.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, Settings):
            rows += field_table(annotation, f"{prefix}{name}.")
        else:
            default = "" if field.is_required() else json.dumps(field.get_default(call_default_factory=True))
            rows.append((prefix + name, default, field.description or ""))
    return rows
