"""Spans of our own: waits, batches and who shared them, segments."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deployments import tracing
from deployments.fair_queue import Flow
from deployments.fair_worker import FairWorker
from deployments.settings import BatchLimits, SynthesisSettings
from serve_app.graph import RaySpeechGraph, Utterance
from tts_models.errors import SynthesisError
from tts_models.types import Phonemes

LIMITS = BatchLimits(max_items=4, max_padded_work=1000, wait_s=0.05, max_run_s=60)


class Traces:
    """A provider that keeps its spans here."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.tracer = provider.get_tracer("test")

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._kept.get_finished_spans() if span.name == name]

    def count(self) -> int:
        return len(self._kept.get_finished_spans())


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    traces = Traces()
    monkeypatch.setattr(tracing, "_tracer", traces.tracer)
    return traces


def worker(model: Any = list) -> FairWorker[int, int]:
    return FairWorker(model, lambda item: item, ThreadPoolExecutor(1), LIMITS)


async def test_a_call_shows_its_wait_and_its_batch_and_who_shared_it(traces: Traces) -> None:
    work = worker()

    async def request(length: int) -> trace.SpanContext:
        with traces.tracer.start_as_current_span("request") as span:
            await work(length, Flow(str(length)))
            return span.get_span_context()

    first, second = await asyncio.gather(request(10), request(4))
    assert first.trace_id != second.trace_id
    batches = {span.context.trace_id: span for span in traces.named("batch") if span.context}
    waits = {span.context.trace_id: span for span in traces.named("wait") if span.context}
    for me, other in ((first, second), (second, first)):
        wait, batch = waits[me.trace_id], batches[me.trace_id]
        assert wait.parent
        assert batch.parent
        assert wait.parent.span_id == batch.parent.span_id == me.span_id
        assert [link.context.trace_id for link in batch.links] == [other.trace_id]
        assert dict(batch.attributes or {}) == {
            "voicegraph.batch_size": 2,
            "voicegraph.padded_work": 20,
            "voicegraph.padding": 6,
        }
        times_ns = [wait.start_time, wait.end_time, batch.start_time, batch.end_time]
        assert all(times_ns)
        assert (wait.start_time or 0) < (wait.end_time or 0) < (batch.end_time or 0)


async def test_a_call_that_fails_shows_its_batch_too(traces: Traces) -> None:
    with traces.tracer.start_as_current_span("request"), pytest.raises(SynthesisError):
        await worker(lambda items: [SynthesisError("no") for _ in items])(3, Flow())
    assert len(traces.named("batch")) == 1


async def test_one_that_leaves_before_its_turn_shows_its_wait_only(traces: Traces) -> None:
    with traces.tracer.start_as_current_span("request"):
        task = asyncio.create_task(worker()(3, Flow()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    assert (len(traces.named("wait")), len(traces.named("batch"))) == (1, 0)


async def test_without_a_trace_nothing_is_made(traces: Traces) -> None:
    await worker()(3, Flow())
    with tracing.part("segment", segment=0):
        pass
    assert traces.count() == 0


async def test_batches_are_formed_in_nobodys_trace(traces: Traces) -> None:
    """Or the spans and log lines of all later batches would be the first request's."""
    seen: list[trace.Span] = []

    class Notes(FairWorker[int, int]):
        async def run_batch(self, items: list[int]) -> Sequence[int | BaseException]:
            seen.append(trace.get_current_span())
            return await super().run_batch(items)

    work = Notes(list, lambda item: item, ThreadPoolExecutor(1), LIMITS)
    with traces.tracer.start_as_current_span("request"):
        await work(3, Flow())
    assert seen == [trace.INVALID_SPAN]


async def test_every_segment_has_its_part_of_the_trace(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work: list[trace.Span] = []
    graph = RaySpeechGraph(*(_Handle() for _ in range(4)), settings=SynthesisSettings())  # type: ignore[arg-type]

    async def segments(*_: Any) -> list[Phonemes]:
        return [Phonemes("a", "a", token_ids, "en-US") for token_ids in ((1, 2), (3,))]

    async def work(_: RaySpeechGraph, item: Any, is_first: bool) -> str:
        at_work.append(trace.get_current_span())
        return "made"

    monkeypatch.setattr(RaySpeechGraph, "segments", segments)
    monkeypatch.setattr("serve_app.graph.acoustic_input", lambda *_: None)
    utterance = Utterance("x", None, "en-US")  # type: ignore[arg-type]
    with traces.tracer.start_as_current_span("request") as request:
        assert len([made async for made in graph._in_order(utterance, work)]) == 2
    spans = traces.named("segment")
    assert [dict(span.attributes or {}) for span in spans] == [{"voicegraph.segment": 0}, {"voicegraph.segment": 1}]
    assert {span.parent.span_id for span in spans if span.parent} == {request.get_span_context().span_id}
    assert [span.get_span_context() for span in at_work] == [span.context for span in spans]


def test_the_way_to_a_collector_is_what_ray_serve_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray.serve._private.tracing_utils import _load_span_processors

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    (processor,) = _load_span_processors("deployments.tracing:otlp", "unused.json")
    assert isinstance(processor, BatchSpanProcessor)


class _Handle:
    def options(self, **_: Any) -> _Handle:
        return self
