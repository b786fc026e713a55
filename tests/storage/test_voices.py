"""Voices in the records: whose they are, and how their fitting is shared out and survives what may happen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from deployments.errors import StorageUnavailable
from deployments.storage.records import Records, SqliteRecords
from deployments.storage.voices import ClonedVoice, StoredRecipe, VoiceExists, VoiceLost, VoicesFull, VoiceStore
from tests.support.waiting import until
from tts_models.errors import VoiceNotFound
from tts_models.speaker.recipe import VoiceRecipe

RECIPE = VoiceRecipe({"af_heart": 0.75, "am_puck": 0.25}, np.linspace(-1, 1, 256, dtype=np.float32), 1.5, 0.9, 1.1)
SPEECH = [b"fLaC one", b"fLaC two"]


def voice(name: str = "Ana", tenant: str = "t", **fields: object) -> ClonedVoice:
    return ClonedVoice.new(tenant, name, RECIPE, language="en-US", gender="female", source="clone", **fields)


def what_is_kept(records: Records) -> dict[str, dict[str, bytes]]:
    collections = ("voices", "voice_references", "voice_states", "voice_progress", "voice_leases")
    return {name: found for name in collections if (found := records.all(name))}


def same(one: VoiceRecipe, two: VoiceRecipe) -> bool:
    plain = (one.presets, one.semitones, one.range_scale, one.rate) == (
        two.presets,
        two.semitones,
        two.range_scale,
        two.rate,
    )
    return plain and bool((one.offset == two.offset).all())


def test_a_voice_is_found_by_id_and_name_by_its_tenant(records: Records) -> None:
    store = VoiceStore(records)
    kept = store.add(voice("Ana María", pitch_hz=210.0), SPEECH)

    for name in (kept.id, "Ana María", " ANA MARÍA ", "Ana Mari\N{COMBINING ACUTE ACCENT}a"):
        assert store.get("t", name) == kept
        with pytest.raises(VoiceNotFound):
            store.get("other", name)
    assert same(kept.recipe.recipe(), RECIPE)
    assert (kept.status, kept.pitch_hz) == ("ready", 210.0)
    assert store.all("t") == store.all() == [kept]
    assert store.all("other") == []


def test_what_is_everybodys_gives_way_to_ones_own(records: Records) -> None:
    store = VoiceStore(records)
    everybodys, own = store.add(voice(tenant="")), store.add(voice(tenant="t"))

    assert store.get("t", "Ana") == own
    assert store.get("u", "Ana") == everybodys
    assert store.all("u") == [everybodys]
    with pytest.raises(VoiceNotFound, match="not yours to delete"):
        store.delete("u", "Ana")
    store.delete("t", "Ana")
    assert store.get("t", "Ana") == everybodys


def test_a_name_is_given_once_and_the_limit_holds_for_many_at_once(records: Records) -> None:
    store = VoiceStore(records)

    def add(number: int) -> str:
        try:
            return store.add(voice(f"v{number % 4}"), SPEECH, most=100).name
        except VoiceExists:
            return ""

    with ThreadPoolExecutor(4) as pool:
        made = [name for name in pool.map(add, range(16)) if name]
    assert sorted(made) == ["v0", "v1", "v2", "v3"]
    assert len(what_is_kept(records)["voice_references"]) == 8

    def add_more(number: int) -> bool:
        try:
            store.add(voice(f"w{number}"), SPEECH, most=6)
        except VoicesFull:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        added = sum(pool.map(add_more, range(8)))
    assert len(store.all("t")) == 4 + added <= 6
    assert len(what_is_kept(records)["voice_references"]) == 2 * (4 + added)
    while add_more(100 + len(store.all("t"))):
        pass
    assert len(store.all("t")) == 6
    store.add(voice(tenant="another's"), most=1)


def test_deleting_leaves_nothing_and_the_name_is_free_again(records: Records) -> None:
    store = VoiceStore(records)
    first = store.add(voice(), SPEECH)
    store.claim("w", 60)
    store.checkpoint(first, "w", b"state", 0.5, 0.7)
    store.delete("t", first.id)
    assert what_is_kept(records) == {}

    second = store.add(voice(), SPEECH)
    assert second.id == first.id
    for late in (
        lambda: store.checkpoint(first, "w", b"late", 0.6, 0.7),
        lambda: store.finish(first, "w", RECIPE, 0.8),
        lambda: store.fail(first, "w", "late"),
        lambda: store.references(first),
    ):
        with pytest.raises(VoiceLost):
            late()
    assert store.get("t", "Ana") == second
    assert set(what_is_kept(records)) == {"voices", "voice_references"}


def test_a_fitting_from_claim_to_finish(records: Records) -> None:
    store = VoiceStore(records)
    kept = store.add(voice(similarity_start=0.6, similarity=0.6), SPEECH)
    store.add(voice("a mix"))  # nothing to fit it to
    assert store.waiting() == 1

    claimed = store.claim("w1", 60)
    assert claimed is not None
    assert (claimed.id, claimed.status) == (kept.id, "fitting")
    assert store.claim("w2", 60) is None
    assert store.references(claimed) == SPEECH
    assert store.state(claimed) is None

    before = store.version()
    store.checkpoint(claimed, "w1", b"\0state", 0.25, 0.7)
    assert store.version() == before  # those who keep a copy have nothing to read
    assert store.state(claimed) == b"\0state"
    now = store.get("t", kept.id)
    assert (now.status, now.progress, now.similarity_start, now.similarity) == ("fitting", 0.25, 0.6, 0.7)
    with pytest.raises(VoiceLost):
        store.checkpoint(claimed, "w2", b"", 0.3, None)

    better = VoiceRecipe({"af_bella": 1.0}, semitones=-2)
    store.finish(claimed, "w1", better, 0.85)
    fitted = store.get("t", kept.id)
    assert (fitted.status, fitted.progress, fitted.similarity, fitted.references) == ("fitted", 1.0, 0.85, ())
    assert same(fitted.recipe.recipe(), better)
    assert store.version() > before
    assert (store.waiting(), store.claim("w2", 60)) == (0, None)
    assert set(what_is_kept(records)) == {"voices"}
    with pytest.raises(VoiceLost):
        store.finish(claimed, "w1", better, 0.9)


def test_a_worker_that_is_gone_leaves_its_work_to_another(records: Records) -> None:
    store = VoiceStore(records)
    store.add(voice("first"), SPEECH)
    store.add(voice("second"), SPEECH)
    lost = store.claim("w1", 0.2)
    assert lost is not None
    store.checkpoint(lost, "w1", b"half", 0.5, None)
    other = store.claim("w2", 60)
    assert other is not None
    assert (lost.name, other.name) == ("first", "second")

    resumed = until(lambda: store.claim("w2", 60), 10, "a lease that runs out")
    assert (resumed.name, store.state(resumed), resumed.progress) == ("first", b"half", 0.5)
    with pytest.raises(VoiceLost):
        store.checkpoint(lost, "w1", b"late", 0.9, None)

    store.release(resumed, "w2")  # a worker that shuts down does not make the next one wait
    assert store.claim("w3", 60) is not None


def test_a_lease_that_ran_out_is_renewed_if_nobody_else_came(records: Records) -> None:
    store = VoiceStore(records)
    store.add(voice(), SPEECH)
    claimed = store.claim("w", 0.05)
    assert claimed is not None
    until(lambda: not records.all("voice_leases"), 10, "a lease that runs out")
    store.checkpoint(claimed, "w", b"slow", 0.5, None)
    assert store.fail(claimed, "w", "There were two speakers.").status == "failed"
    failed = store.get("t", "Ana")
    assert (failed.error, failed.references) == ("There were two speakers.", ())
    assert same(failed.recipe.recipe(), RECIPE)
    assert set(what_is_kept(records)) == {"voices"}


def test_whoever_claims_tidies_up_after_one_that_died_at_the_end(records: Records) -> None:
    store = VoiceStore(records)
    kept = store.add(voice(), SPEECH)
    ended = kept.model_copy(update={"status": "fitted"})
    records.put("voices", kept.id, ended.model_dump_json().encode())

    assert store.waiting() == 0
    assert store.claim("w", 60) is None
    assert set(what_is_kept(records)) == {"voices"}


def test_speech_that_is_gone_ends_the_fitting(records: Records) -> None:
    store = VoiceStore(records)
    kept = store.add(voice(), SPEECH)
    records.delete("voice_references", kept.references[1])
    claimed = store.claim("w", 60)
    assert claimed is not None
    with pytest.raises(VoiceLost):
        store.references(claimed)
    assert store.get("t", "Ana").status == "failed"
    assert store.waiting() == 0


@dataclass
class Failing:
    """Records that fail at the ``n``-th writing."""

    records: Records
    n: int

    def __getattr__(self, name: str) -> object:
        if name in ("put", "add", "swap"):
            self.n -= 1
            if self.n < 0:
                self.n = 10**6
                raise StorageUnavailable("the disk is full")
        return getattr(self.records, name)


@pytest.mark.parametrize("n", range(5))
def test_a_voice_that_cannot_be_kept_leaves_nothing(n: int) -> None:
    records = SqliteRecords(Path(":memory:"))
    with pytest.raises(StorageUnavailable):
        VoiceStore(Failing(records, n)).add(voice(), SPEECH)  # type: ignore[arg-type]
    assert what_is_kept(records) == {}


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    file = tmp_path / "records.sqlite3"
    kept = VoiceStore(SqliteRecords(file)).add(voice(), SPEECH)
    again = VoiceStore(SqliteRecords(file))
    assert again.get("t", "ana") == kept
    assert again.references(kept) == SPEECH


@pytest.mark.parametrize(
    "fields",
    [
        {"presets": {}},
        {"presets": {"af_heart": 0.5}},
        {"presets": {"af_heart": float("nan")}},
        {"presets": {"af_heart": 20.0, "af_bella": -19.0}},
        {"offset": "AAAA"},
        {"offset": "no base64"},
        {"offset": StoredRecipe.of(RECIPE).offset[:-8] + "AADAfw=="},
        {"semitones": 99},
        {"rate": 0},
        {"range_scale": float("inf")},
    ],
)
def test_a_recipe_out_of_bounds_is_refused(fields: dict[str, object]) -> None:
    good = StoredRecipe.of(RECIPE)
    assert StoredRecipe.model_validate_json(good.model_dump_json()) == good
    with pytest.raises(ValidationError):
        StoredRecipe.model_validate({**good.model_dump(), **fields})
