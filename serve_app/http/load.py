"""``GET /v1/load`` and ``GET /v1/stats``: how busy the server is, and how its requests ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from fastapi import APIRouter
from pydantic import BaseModel, Field

from deployments.desk import AdmissionLoad
from serve_app.http.context import Context, Outcome
from serve_app.stage_load import StageLoad

router = APIRouter(prefix="/v1", tags=["load"])


class UtteranceLoad(BaseModel):
    """Utterances of all callers, jobs not counted."""

    running: int = Field(description="Utterances that run.")
    waiting: int = Field(description="Utterances that wait to run.")
    max_running: int = Field(description="Most that run at once.")
    max_waiting: int = Field(description="Most that wait; the next one is told 429.")
    estimated_wait_s: float = Field(description="About how long one that comes now waits, seconds.")


class StageLoadReport(BaseModel):
    """A stage over all of its replicas; what jobs have given it is in it."""

    name: str = Field(description="Name of the deployment.")
    replicas: int = Field(description="Replicas that answered.")
    running: int = Field(description="Segments that are worked on.")
    waiting: int = Field(description="Segments that wait in the replicas' queues.")
    max_running: int = Field(description="Segments that can be worked on at once.")
    max_waiting: int = Field(description="Segments that can wait.")
    p50_s: float | None = Field(description="Half of the last minute's segments took no longer, waiting included.")
    p95_s: float | None = Field(description="As long took 95 of a hundred.")
    estimated_wait_s: float = Field(description="About how long one that comes now waits, seconds.")
    batch: float | None = Field(description="Mean number of segments in the batches of the last 10 s.")


class Load(BaseModel):
    """How busy the server is."""

    utterances: UtteranceLoad
    stages: list[StageLoadReport]


class Stats(BaseModel):
    """How the requests for speech ended since the application started, over all ingress replicas."""

    total: int = Field(description="All that ended.")
    completed: int = Field(description="All audio sent.")
    rejected: int = Field(description="Refused before any audio.")
    failed: int = Field(description="Failed on the server before any audio.")
    broken: int = Field(description="Failed after some audio had been sent.")
    disconnected: int = Field(description="Given up by the client.")
    running: int = Field(description="Utterances that run.")
    waiting: int = Field(description="Utterances that wait to run.")
    max_waiting: int = Field(description="Most that wait.")
    average_wait_s: float | None = Field(description="How long the last 50 completed waited to run, seconds.")
    average_run_s: float | None = Field(description="How long they ran, seconds.")


@router.get("/load", summary="How busy the server is")
async def load(context: Context) -> Load:
    """What runs and what waits, stage by stage; it may be polled often."""
    return load_of(await context.admission.load(), await context.stages())


def load_of(admission: AdmissionLoad, stages: Sequence[StageLoad]) -> Load:
    """What callers are told of it."""
    return Load(
        utterances=UtteranceLoad(
            running=admission.running,
            waiting=admission.waiting,
            max_running=admission.max_running,
            max_waiting=admission.max_waiting,
            estimated_wait_s=_seconds(admission.wait_s),
        ),
        stages=[
            StageLoadReport(
                name=stage.name,
                replicas=stage.replicas,
                running=stage.running,
                waiting=stage.waiting,
                max_running=stage.max_running,
                max_waiting=stage.max_waiting,
                p50_s=stage.p50_s and _seconds(stage.p50_s),
                p95_s=stage.p95_s and _seconds(stage.p95_s),
                estimated_wait_s=_seconds(stage.wait_s),
                batch=stage.batch and round(stage.batch, 2),
            )
            for stage in stages
        ],
    )


@router.get("/stats", summary="How requests ended")
async def stats(context: Context) -> Stats:
    """Counts since the application started, and averages of the last 50 utterances."""
    admission = await context.admission.load()
    outcomes = {name: admission.outcomes.get(name, 0) for name in get_args(Outcome)}
    return Stats(
        total=sum(outcomes.values()),
        **outcomes,
        running=admission.running,
        waiting=admission.waiting,
        max_waiting=admission.max_waiting,
        average_wait_s=admission.average_wait_s,
        average_run_s=admission.average_run_s,
    )


def _seconds(value: float) -> float:
    return round(value, 4)
