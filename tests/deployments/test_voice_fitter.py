"""The fitting stage around a fit that only counts: whose work a voice is, what is kept, and what becomes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from deployments.settings import StorageSettings
from deployments.storage.records import open_records
from deployments.storage.voices import ClonedVoice, VoiceStore
from deployments.voice_fitter import WAITING, VoiceFitter, scale_by_voices
from tests.deployments.fake_fitter import STEPS, CountingFit, reference, replica
from tests.support.waiting import until
from tts_models.errors import AssetError, OutOfMemory, ReferenceAudioError
from tts_models.speaker.recipe import VoiceRecipe

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> VoiceStore:
    return VoiceStore(open_records(StorageSettings(root=tmp_path)))


@contextmanager
def running(root: Path, fit: CountingFit, **settings: object) -> Iterator[VoiceFitter]:
    one = replica(root, fit, **settings)
    try:
        yield one
    finally:
        one.hand_back()


def add(store: VoiceStore, name: str = "Ana") -> ClonedVoice:
    recipe = VoiceRecipe({"af_heart": 1.0})
    new = ClonedVoice.new("t", name, recipe, language="en-US", gender="female", source="clone", similarity_start=0.9)
    return store.add(new, [reference()])


def ended(store: VoiceStore, name: str = "Ana", limit_s: float = 20) -> ClonedVoice:
    def final() -> ClonedVoice | None:
        voice = store.get("t", name)
        return voice if voice.status in ("fitted", "failed") and not voice.references else None  # and tidied up

    return until(final, limit_s, "the voice is fitted")


def test_a_waiting_voice_is_fitted_and_swapped_in(tmp_path: Path, store: VoiceStore) -> None:
    add(store)
    fit = CountingFit(step_s=0.05)
    with running(tmp_path, fit):
        seen = until(lambda: store.get("t", "Ana").progress, 10, "progress")
        assert 0 < seen < 1
        assert store.get("t", "Ana").status == "fitting"
        assert not store.get("t", "Ana").recipe.recipe().offset.any()
        voice = ended(store)
    assert (voice.status, voice.progress, voice.similarity) == ("fitted", 1.0, pytest.approx(0.2 + 0.02 * (STEPS - 1)))
    assert voice.similarity_start == pytest.approx(0.2), "measured as the other one, not as enrolment did"
    np.testing.assert_allclose(voice.recipe.recipe().offset[:128], 0.1 * STEPS, rtol=1e-5)
    (clip,) = fit.heard[0]
    assert abs(len(clip) - 32_000) <= 1
    assert store.references(voice) == []
    assert store.state(voice) is None


def test_kill_9_in_mid_fit_goes_on_where_it_was(tmp_path: Path, store: VoiceStore) -> None:
    add(store)
    command = [sys.executable, "-m", "tests.deployments.fake_fitter", str(tmp_path)]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    try:
        until(lambda: store.get("t", "Ana").progress > 0.2, 40, "progress")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    before = store.get("t", "Ana")
    assert before.status == "fitting"
    fit = CountingFit()
    with running(tmp_path, fit):
        voice = ended(store)
    assert voice.status == "fitted"
    assert fit.began_at == [pytest.approx(before.progress * STEPS, abs=2)]
    np.testing.assert_allclose(voice.recipe.recipe().offset[:128], 0.1 * STEPS, rtol=1e-5)


def test_a_replica_that_shuts_down_hands_back_at_once(tmp_path: Path, store: VoiceStore) -> None:
    add(store)
    with running(tmp_path, CountingFit(step_s=0.05), lease_s=60):
        until(lambda: store.state(store.get("t", "Ana")), 10, "a checkpoint")
    done = store.get("t", "Ana").progress
    fit = CountingFit()
    with running(tmp_path, fit, lease_s=60):  # it does not wait for the lease to end
        voice = ended(store)
    assert voice.status == "fitted"
    assert fit.began_at == [round(done * STEPS)]


def test_two_replicas_share_the_voices(tmp_path: Path, store: VoiceStore) -> None:
    names = ["Ana", "Ben", "Cleo"]
    for name in names:
        add(store, name)
    fits = [CountingFit(step_s=0.02), CountingFit(step_s=0.02)]
    with running(tmp_path, fits[0]), running(tmp_path, fits[1]):
        assert {ended(store, name).status for name in names} == {"fitted"}
    assert sorted(fits[0].began_at + fits[1].began_at) == [0, 0, 0]
    assert fits[0].began_at
    assert fits[1].began_at


def test_a_step_longer_than_the_lease_loses_nothing(tmp_path: Path, store: VoiceStore) -> None:
    add(store)
    slow, other = CountingFit(step_s=2.5), CountingFit()
    with running(tmp_path, slow, steps=1):
        until(lambda: slow.began_at, 10, "it begins")
        with running(tmp_path, other, steps=1):
            assert ended(store).status == "fitted"
    assert other.began_at == []


def test_a_voice_deleted_in_mid_fit_is_let_go(tmp_path: Path, store: VoiceStore) -> None:
    add(store)
    fit = CountingFit(step_s=0.05)
    with running(tmp_path, fit) as one:
        until(lambda: store.get("t", "Ana").progress, 10, "progress")
        store.delete("t", "Ana")
        add(store, "Ben")
        assert ended(store, "Ben").status == "fitted"
        one.check_health()
    assert [voice.name for voice in store.all("t")] == ["Ben"]


def test_speech_that_cannot_be_used_fails_with_the_reason(tmp_path: Path, store: VoiceStore) -> None:
    add(store)
    with running(tmp_path, CountingFit(error=ReferenceAudioError("There is 0.5 s of speech."))):
        voice = ended(store)
    assert (voice.status, voice.error) == ("failed", "There is 0.5 s of speech.")
    assert store.references(voice) == []


def test_a_defect_fails_the_voice_without_its_words(tmp_path: Path, store: VoiceStore) -> None:
    add(store)
    with running(tmp_path, CountingFit(error=RuntimeError("secret"))) as one:
        voice = ended(store)
        one.check_health()
    assert (voice.status, voice.error) == ("failed", "Something went wrong on the server.")


def test_what_may_pass_is_tried_again_but_not_for_ever(
    tmp_path: Path, store: VoiceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployments.voice_fitter._FAULT_PAUSE_S", 0.1)
    monkeypatch.setattr("deployments.voice_fitter._POLL_S", 0.1)
    add(store)
    fit = CountingFit(error=OutOfMemory("no room"))
    with running(tmp_path, fit, attempts=2):
        voice = ended(store)
    assert len(fit.began_at) == 2
    assert voice.status == "failed"
    assert "several times" in voice.error


def test_without_weights_voices_wait(tmp_path: Path, store: VoiceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.voice_fitter._FAULT_PAUSE_S", 0.1)
    add(store)
    loads: list[int] = []

    def load(*_: object) -> CountingFit:
        loads.append(1)
        if len(loads) < 3:
            raise AssetError("fetch them")
        return CountingFit()

    one = replica(tmp_path, CountingFit())
    one._load = lambda: load()
    try:
        assert ended(store).status == "fitted"
    finally:
        one.hand_back()
    assert len(loads) == 3


def test_where_fitting_is_off_voices_stay_ready(tmp_path: Path, store: VoiceStore) -> None:
    add(store)
    with running(tmp_path, CountingFit(), enabled=False) as one:
        threading.Event().wait(1.5)
        one.check_health()
    assert store.get("t", "Ana").status == "ready"


def test_only_the_fits_own_thread_stands_back(tmp_path: Path, store: VoiceStore) -> None:
    add(store)
    seen: list[int] = []

    class Watched(CountingFit):
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            seen.append(os.sched_getscheduler(threading.get_native_id()))
            return super().fit(*args, **kwargs)

    with running(tmp_path, Watched(), only_idle=True):
        ended(store)
    assert seen == [os.SCHED_IDLE]
    assert os.sched_getscheduler(threading.get_native_id()) == os.SCHED_OTHER


def test_how_many_wait_is_told_to_the_autoscaler(tmp_path: Path, store: VoiceStore) -> None:
    for name in ("Ana", "Ben"):
        add(store, name)
    with running(tmp_path, CountingFit(step_s=0.2)) as one:
        assert until(lambda: one.record_autoscaling_stats()[WAITING], 10, "they are counted") == 2


def test_the_load_is_the_voice_in_work_and_those_that_wait(tmp_path: Path, store: VoiceStore) -> None:
    for name in ("Ana", "Ben", "Cem"):
        add(store, name)

    def load(fitter: VoiceFitter) -> tuple[int, int]:
        told = asyncio.run(fitter.load())
        assert told.shares_queue
        return told.running, told.waiting

    with running(tmp_path, CountingFit(step_s=0.1)) as one:
        until(lambda: load(one) == (1, 2), 20, "one is fitted, two wait")
        until(lambda: load(one) == (0, 0), 60, "all are fitted")


def context(*seen: tuple[float, float], target: float = 2.0, least: int = 1) -> Any:
    series = {f"replica {i}": [SimpleNamespace(timestamp=at, value=count)] for i, (at, count) in enumerate(seen)}
    config = SimpleNamespace(get_target_ongoing_requests=lambda: target)
    return SimpleNamespace(raw_metrics={WAITING: series}, config=config, capacity_adjusted_min_replicas=least)


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [((), 1), (((1, 0),), 1), (((1, 2),), 1), (((1, 3),), 2), (((1, 9), (2, 4)), 2), (((2, 9), (1, 4)), 5)],
)
def test_as_many_replicas_as_the_voices_fill(seen: tuple[tuple[float, float], ...], wanted: int) -> None:
    assert scale_by_voices(context(*seen)) == (wanted, {})
