"""What a trace shows of a stage besides what Ray Serve puts there: how long a call waited, and the batch it was in.

::

    POST /v1/audio/speech                                           the ingress
     + route_to_replica TextFrontend segments
     |  + replica_handle_request TextFrontend segments              Ray Serve's, with the replica
     |     + wait, batch                                            ours
     + segment 0                                                    ours
     |  + route_to_replica AcousticModel synthesize
     |  |  + replica_handle_request ...
     |  |     + wait
     |  |     + batch        how many, how much padding; linked to the others in it, of whatever trace
     |  + route_to_replica Vocoder synthesize ...
     + segment 1 ...

Ray Serve's ``TracingConfig`` (``tracing_config`` in the YAML) turns it on; until then a call costs one look at a
context variable. Spans hold numbers and ids, no texts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_tracer = trace.get_tracer("voicegraph")


def otlp() -> list[SpanProcessor]:
    """Sends spans to a collector, as OTLP over HTTP; an ``exporter_import_path`` for ``tracing_config``.

    OpenTelemetry's own variables say where to: ``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_SERVICE_NAME`` and the like.
    """
    # Imported where traces are wanted only.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return [BatchSpanProcessor(OTLPSpanExporter())]


@dataclass(frozen=True, slots=True)
class BatchPlace:
    """The batch that a call was in.

    Attributes:
        size: Calls in it.
        padded_work: What it took, in the stage's unit.
        padding: How much of that was padding.
        traces: Of those calls in it that are traced.
    """

    size: int
    padded_work: int
    padding: int
    traces: Sequence[SpanContext] = ()


def here() -> SpanContext | None:
    """Where in a trace this is; None where none is recorded."""
    span = trace.get_current_span()
    return span.get_span_context() if span.is_recording() else None


@contextmanager
def part(name: str, **attributes: str | int) -> Iterator[None]:
    """A span around a part of the work, if there is a trace for it to be in."""
    if here() is None:
        yield
        return
    with _tracer.start_as_current_span(name, attributes=_named(attributes), record_exception=False):
        yield


@contextmanager
def whole(name: str, **attributes: str | int) -> Iterator[None]:
    """A span around work that no request asked for; it begins a trace where there are any."""
    with _tracer.start_as_current_span(name, attributes=_named(attributes), record_exception=False):
        yield


def note_call(came_s: float, began_s: float | None, batch: BatchPlace | None) -> None:
    """Spans of a call to a stage that has just ended, in the trace that this is in.

    Args:
        came_s: When it came, ``time.monotonic``.
        began_s: When its batch began; None if it never did.
        batch: That batch.
    """
    me = here()
    if me is None:
        return
    now_ns, now_s = time.time_ns(), time.monotonic()

    def unix_ns(at_s: float) -> int:
        return now_ns - int((now_s - at_s) * 1e9)

    wait = _tracer.start_span("wait", start_time=unix_ns(came_s))
    wait.end(unix_ns(began_s) if began_s is not None else now_ns)
    if began_s is None or batch is None:
        return
    others = [Link(other) for other in batch.traces if other.span_id != me.span_id]
    sizes = {"batch_size": batch.size, "padded_work": batch.padded_work, "padding": batch.padding}
    _tracer.start_span("batch", start_time=unix_ns(began_s), links=others, attributes=_named(sizes)).end(now_ns)


def _named(attributes: dict[str, str | int] | dict[str, int]) -> dict[str, str | int]:
    return {f"voicegraph.{name}": value for name, value in attributes.items()}
