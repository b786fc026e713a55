"""What is counted: every metric of our own, by name, and what the stages count with them.

::

    METRICS    the table: name, kind, labels, buckets; docs/metrics.md is made of it
     + StageMeter    one per replica of a stage: queue, waits, batches, padding, work given up

Ray's metrics carry them: every replica's reach the Prometheus endpoint of its node, with ``ray_`` before the name,
``_total`` behind a counter's, and the labels ``deployment``, ``replica`` and ``application``. What Ray Serve counts by
itself (requests, replicas, batch sizes) is not counted again; docs/metrics.md says where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ray.serve import metrics
from ray.serve.context import _get_internal_replica_context as get_internal_replica_context

from deployments.fair_queue import Flow
from deployments.tracing import BatchPlace

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of buckets of times: fine where callers begin to notice."""
RATIOS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 25.0, 50.0, 100.0)

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: Without what Ray adds.
        kind: Of Prometheus.
        help: What it says.
        labels: Besides Ray's; ``help`` says what they can be.
        bounds: Of a histogram's buckets.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def exported(self) -> str:
        """Its name at the Prometheus endpoint."""
        return f"ray_{self.name}{'_total' if self.kind == 'counter' else ''}"

    def make(self) -> Any:
        """A counter, gauge or histogram of Ray's; without a running Ray it counts for nobody."""
        labels: Any = self.labels  # typed by Ray as one string
        match self.kind:
            case "counter":
                return metrics.Counter(self.name, self.help, labels)
            case "gauge":
                return metrics.Gauge(self.name, self.help, labels)
            case "histogram":
                return metrics.Histogram(self.name, self.help, list(self.bounds), labels)


SPEECH_RESPONSES = Metric(
    "voicegraph_speech_responses",
    "counter",
    "Valid speech requests by how they ended: completed, rejected or failed before any audio, broken after some audio,"
    " disconnected by the client.",
    ("outcome",),
)
HTTP_ERRORS = Metric(
    "voicegraph_http_errors",
    "counter",
    "Requests answered with an error, by route (as in the API's description; other where there is none), status and"
    " the error's code.",
    ("route", "status", "code"),
)
FIRST_AUDIO = Metric(
    "voicegraph_time_to_first_audio_seconds",
    "histogram",
    "From a speech request's arrival to its first audio being sent: mode stream, or whole where one file is sent when"
    " all of it is made.",
    ("mode",),
    SECONDS,
)
REAL_TIME = Metric(
    "voicegraph_real_time_ratio",
    "histogram",
    "Seconds of audio over the seconds in which they were made, of a completed speech request; waiting to run is in it,"
    " waiting for the listener is not.",
    (),
    RATIOS,
)
UTTERANCES = Metric(
    "voicegraph_utterances",
    "gauge",
    "Utterances of all callers by state: running, waiting to run. Jobs are not counted.",
    ("state",),
)
RETRIES = Metric(
    "voicegraph_retries",
    "counter",
    "Calls to the stages that were made again, by reason: lost with a replica, or overloaded.",
    ("reason",),
)
STAGE_WAITING = Metric("voicegraph_stage_waiting", "gauge", "Calls in the queue of a stage's replica.")
STAGE_RUNNING = Metric("voicegraph_stage_running", "gauge", "Calls in the batch that a stage's replica works on.")
STAGE_WAIT = Metric(
    "voicegraph_stage_wait_seconds",
    "histogram",
    "How long a call waited in the queue of a stage's replica, by priority: interactive or batch.",
    ("priority",),
    SECONDS,
)
STAGE_BUSY = Metric(
    "voicegraph_stage_busy_seconds",
    "counter",
    "Time in which a stage's replica had a batch at work; its rate is the share of time it is busy.",
)
STAGE_CALLS = Metric("voicegraph_stage_calls", "counter", "Calls in the batches run.")
STAGE_BATCHES = Metric(
    "voicegraph_stage_batches",
    "counter",
    "Batches run; calls over batches is their mean size (a sum in Ray's histogram of it is estimated from buckets).",
)
STAGE_WORK = Metric(
    "voicegraph_stage_work",
    "counter",
    "Work of the batches run, padding included: characters (TextFrontend), samples at 16 kHz (SpeakerEncoder), phoneme"
    " tokens (AcousticModel), frames of 25 ms (Vocoder).",
)
STAGE_PADDING = Metric(
    "voicegraph_stage_padding", "counter", "Padding in that work; its share of the work is computed for nothing."
)
STAGE_GIVEN_UP = Metric(
    "voicegraph_stage_given_up",
    "counter",
    "Calls nobody waited for in the end: their caller left while they were waiting or running, or they were late, past"
    " the time limit of their request.",
    ("when",),
)
STAGE_MAX_REPLICAS = Metric(
    "voicegraph_stage_max_replicas", "gauge", "Most replicas that the configuration allows the deployment."
)
CHARACTERS = Metric(
    "voicegraph_characters_read",
    "counter",
    "Characters of text given to the text frontend, by the language they are read in.",
    ("language",),
)
AUDIO = Metric(
    "voicegraph_audio_seconds",
    "counter",
    "Audio made by the vocoder, by priority: interactive or batch.",
    ("priority",),
)
EMBEDDING_LOOKUPS = Metric(
    "voicegraph_speaker_embedding_lookups",
    "counter",
    "Clips of reference audio by where their embedding was found: in the replica, joined to a request that computes"
    " it, shared in the records, or computed. Hit rate: all but computed, of all.",
    ("found",),
)
SPEECH_LOOKUPS = Metric(
    "voicegraph_speech_cache_lookups",
    "counter",
    "Speech requests by whether the very same was kept: hit or miss, error where the store did not answer. Hit rate:"
    " hit, of all.",
    ("found",),
)
SPEECH_SAVED = Metric(
    "voicegraph_speech_cache_audio_seconds",
    "counter",
    "Audio that was sent from the cache of speech instead of being made: what it saves, beside"
    " ray_voicegraph_audio_seconds_total.",
)
JOBS = Metric(
    "voicegraph_jobs",
    "gauge",
    "Jobs by state: queued, running, dead (in the dead-letter queue). Every JobWorker replica sees all of them.",
    ("state",),
)
VOICES_WAITING = Metric(
    "voicegraph_voices_waiting",
    "gauge",
    "Cloned voices that wait to be fitted. Every VoiceFitter replica sees all of them.",
)
METRICS: tuple[Metric, ...] = (
    SPEECH_RESPONSES,
    HTTP_ERRORS,
    FIRST_AUDIO,
    REAL_TIME,
    UTTERANCES,
    RETRIES,
    STAGE_WAITING,
    STAGE_RUNNING,
    STAGE_WAIT,
    STAGE_BUSY,
    STAGE_CALLS,
    STAGE_BATCHES,
    STAGE_WORK,
    STAGE_PADDING,
    STAGE_GIVEN_UP,
    STAGE_MAX_REPLICAS,
    CHARACTERS,
    AUDIO,
    EMBEDDING_LOOKUPS,
    SPEECH_LOOKUPS,
    SPEECH_SAVED,
    JOBS,
    VOICES_WAITING,
)
"""In the order of the data."""

GivenUp = Literal["waiting", "running", "late"]


class StageMeter:
    """What a replica of a stage counts."""

    def __init__(self) -> None:
        self._waiting = STAGE_WAITING.make()
        self._running = STAGE_RUNNING.make()
        self._wait = STAGE_WAIT.make()
        self._busy = STAGE_BUSY.make()
        self._calls = STAGE_CALLS.make()
        self._batches = STAGE_BATCHES.make()
        self._work = STAGE_WORK.make()
        self._padding = STAGE_PADDING.make()
        self._given_up = STAGE_GIVEN_UP.make()
        self._max_replicas = STAGE_MAX_REPLICAS.make()
        self._held = 0, 0
        self.lives()

    def holds(self, waiting: int, running: int) -> None:
        """So many calls wait and run now."""
        self._held = waiting, running
        self._waiting.set(waiting)
        self._running.set(running)

    def lives(self) -> None:
        """To be called every ten seconds or so: Ray forgets a gauge that was not set for twenty."""
        self.holds(*self._held)
        if (most := max_replicas()) is not None:
            self._max_replicas.set(most)

    def waited(self, flow: Flow, wait_s: float) -> None:
        """A call's turn came."""
        self._wait.observe(wait_s, {"priority": flow.priority.value})

    def ran(self, run_s: float, batch: BatchPlace) -> None:
        """A batch was run."""
        self._batches.inc()
        self._calls.inc(batch.size)
        self._work.inc(batch.padded_work)
        if run_s > 0:
            self._busy.inc(run_s)
        if batch.padding:
            self._padding.inc(batch.padding)

    def gave_up(self, when: GivenUp) -> None:
        """Nobody waits for a call any more."""
        self._given_up.inc(1, {"when": when})


def max_replicas() -> int | None:
    """Most replicas of the deployment this runs in; None outside of one. Ray has no public way to ask."""
    context = get_internal_replica_context()
    if context is None:
        return None
    config = context._deployment_config
    return int(config.autoscaling_config.max_replicas if config.autoscaling_config else config.num_replicas or 1)
