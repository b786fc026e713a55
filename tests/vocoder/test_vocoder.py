"""The vocoder as its deployment calls it, narrow and random."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.vocoder.conftest import TINY, MakeFeatures, snr_db
from tts_models.engine import Engine
from tts_models.errors import AssetError, SynthesisError
from tts_models.types import AcousticFeatures, Audio
from tts_models.vocoder import Vocoder, VocoderNetwork
from tts_models.vocoder.limiter import CEILING

LENGTHS = (7, 1, 40, 23)


@pytest.fixture
def plain(tiny_network: VocoderNetwork, fp32: Engine) -> Vocoder:
    return Vocoder(tiny_network, fp32)


@pytest.fixture
def compiled(tiny_network: VocoderNetwork, fast: Engine) -> Vocoder:
    return Vocoder(tiny_network, fast)


def sound(result: object) -> np.ndarray:
    assert isinstance(result, Audio), result
    return result.samples


def test_a_padded_batch_of_any_lengths_is_its_items_alone(plain: Vocoder, make_features: MakeFeatures) -> None:
    batch = [make_features(n, seed=n) for n in LENGTHS]
    together = plain.waveforms(batch)
    for features, wave in zip(batch, together, strict=True):
        assert len(wave) == 600 * features.n_frames
        assert snr_db(plain.waveforms([features])[0], wave) > 100


def test_in_float64_padding_leaves_no_trace(tiny_network: VocoderNetwork) -> None:
    """What float32 could hide: every leak from the padding into an item."""
    network = tiny_network.double()
    torch.manual_seed(9)
    frames = [5, 12, 1]
    longest = max(frames)
    lengths = torch.tensor(frames)

    def masked(per_frame: int, extra: int, *shape: int) -> torch.Tensor:
        values = torch.randn(len(frames), *shape, per_frame * longest + extra, dtype=torch.float64)
        for row, count in zip(values, frames, strict=True):
            row[..., per_frame * count + extra :] = 0
        return values

    text, source = masked(1, 0, TINY.text_channels), masked(120, 1, TINY.n_fft + 2)
    f0_hz, energy = masked(2, 0).abs() * 100, masked(2, 0)
    timbre = torch.randn(len(frames), TINY.style_dim, dtype=torch.float64)
    together = network(text, f0_hz, energy, timbre, source, lengths)
    for item, count in enumerate(frames):
        alone = network(
            text[item : item + 1, :, :count],
            f0_hz[item : item + 1, : 2 * count],
            energy[item : item + 1, : 2 * count],
            timbre[item : item + 1],
            source[item : item + 1, :, : 120 * count + 1],
            None,
        )
        torch.testing.assert_close(together[item, :, : 120 * count + 1], alone[0], atol=1e-9, rtol=1e-9)


def test_the_compiled_network_is_the_plain_one(plain: Vocoder, compiled: Vocoder, make_features: MakeFeatures) -> None:
    enough = 90 if compiled.engine.dtype == torch.float32 else 25
    for n_frames in LENGTHS:
        features = make_features(n_frames, seed=n_frames)
        assert snr_db(plain.waveforms([features])[0], compiled.waveforms([features])[0]) > enough


def test_a_batch_of_the_compiled_one_is_its_items_alone_bit_for_bit(
    compiled: Vocoder, make_features: MakeFeatures
) -> None:
    batch = [make_features(n, seed=n) for n in LENGTHS]
    for features, audio in zip(batch, compiled.synthesize(batch), strict=True):
        assert np.array_equal(sound(audio), sound(compiled.synthesize([features])[0]))


def test_equal_requests_give_equal_bytes_and_another_seed_another_noise(
    plain: Vocoder, make_features: MakeFeatures
) -> None:
    features = make_features(20, seed=3)
    first, second, other = plain.synthesize([features, features, replace(features, seed=4)])
    assert np.array_equal(sound(first), sound(second))
    assert not np.array_equal(sound(first), sound(other))


def test_volume_multiplies(plain: Vocoder, make_features: MakeFeatures) -> None:
    features = make_features(10, volume=0.01)
    quiet, louder, silent = plain.synthesize([features, replace(features, volume=0.02), replace(features, volume=0.0)])
    np.testing.assert_allclose(sound(louder), 2 * sound(quiet), rtol=1e-5, atol=1e-9)
    assert not sound(silent).any()


def test_nothing_clips_however_loud(plain: Vocoder, make_features: MakeFeatures) -> None:
    (loud,) = plain.synthesize([make_features(30, volume=1000.0)])
    assert np.abs(sound(loud)).max() <= CEILING


FAULTS = {
    "no frames": lambda f: replace(f, durations_frames=np.zeros_like(f.durations_frames)),
    "a negative duration": lambda f: replace(f, durations_frames=np.append(f.durations_frames[1:], -1)),
    "too little F0": lambda f: replace(f, f0_hz=f.f0_hz[:-1]),
    "energy that is not finite": lambda f: replace(f, energy=np.where(f.energy > 0, np.float32("nan"), f.energy)),
    "a timbre of another model": lambda f: replace(f, timbre=f.timbre[:5]),
    "a text encoding of another length": lambda f: replace(f, text_encoding=f.text_encoding[:, 1:]),
    "a timbre that overflows": lambda f: replace(f, timbre=np.full_like(f.timbre, 3e38)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_item_fails_alone(plain: Vocoder, make_features: MakeFeatures, fault: str) -> None:
    good, also_good = make_features(12), make_features(30)
    bad: AcousticFeatures = FAULTS[fault](make_features(10))
    first, failed, last = plain.synthesize([good, bad, also_good])
    assert isinstance(failed, SynthesisError)
    for features, audio in ((good, first), (also_good, last)):
        assert np.array_equal(sound(audio), sound(plain.synthesize([features])[0]))


def test_a_bad_item_fails_alone_in_a_padded_batch_too(plain: Vocoder, make_features: MakeFeatures) -> None:
    """As on a GPU, where a batch is one tensor."""
    good = make_features(12)
    overflowing = replace(make_features(30), timbre=np.full(TINY.style_dim, 3e38, np.float32))
    together = plain.waveforms([good, overflowing])
    assert not torch.isfinite(together[1]).all()
    assert snr_db(plain.waveforms([good])[0], together[0]) > 100


def test_what_the_compiled_one_cannot_say_is_an_error_too(compiled: Vocoder, make_features: MakeFeatures) -> None:
    overflowing = replace(make_features(30), timbre=np.full(TINY.style_dim, 3e38, np.float32))
    good = make_features(9)
    failed, audio = compiled.synthesize([overflowing, good])
    assert isinstance(failed, SynthesisError)
    assert np.array_equal(sound(audio), sound(compiled.synthesize([good])[0]))


def test_warm_up_changes_nothing(compiled: Vocoder, make_features: MakeFeatures) -> None:
    features = make_features(15)
    cold = sound(compiled.synthesize([features])[0])
    compiled.warm_up()
    assert np.array_equal(sound(compiled.synthesize([features])[0]), cold)


def test_an_empty_batch_is_no_audio(plain: Vocoder) -> None:
    assert plain.synthesize([]) == []


def test_arrays_out_of_a_shared_store_may_be_read_only(plain: Vocoder, make_features: MakeFeatures) -> None:
    features = make_features(6)
    for name in ("text_encoding", "durations_frames", "f0_hz", "energy", "timbre"):
        getattr(features, name).flags.writeable = False
    assert len(sound(plain.synthesize([features])[0])) == 3600


def test_weights_load_by_name_and_every_one_is_used(tiny_network: VocoderNetwork, fp32: Engine, tmp_path: Path) -> None:
    state = {**tiny_network.state_dict(), "predictor.weight": torch.zeros(3)}
    save_file(state, tmp_path / "model.safetensors")
    loaded = Vocoder.load(tmp_path / "model.safetensors", fp32, TINY)
    loaded.warm_up()
    del state["decoder.generator.conv_post.bias"]
    save_file(state, tmp_path / "short.safetensors")
    with pytest.raises(AssetError, match=r"conv_post\.bias is missing"):
        Vocoder.load(tmp_path / "short.safetensors", fp32, TINY)
    save_file({**tiny_network.state_dict(), "decoder.extra": torch.zeros(1)}, tmp_path / "long.safetensors")
    with pytest.raises(AssetError, match=r"decoder\.extra has no place"):
        Vocoder.load(tmp_path / "long.safetensors", fp32, TINY)


def test_two_graphs_do_for_every_length_and_batch(tiny_network: VocoderNetwork) -> None:
    """What the GPU's engine compiles must not compile again for a new length: that costs a minute a time.

    One for a lone item, one for a batch; :meth:`Vocoder.warm_up` makes both.
    """
    graphs = []

    def compile_nothing(graph: torch.fx.GraphModule, _: object) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    torch._dynamo.reset()
    network = torch.compile(tiny_network, dynamic=True, backend=compile_nothing, fullgraph=True)
    for batch, frames in ((1, 40), (2, 50), (5, 64), (1, 77), (3, 45)):
        network(
            torch.randn(batch, TINY.text_channels, frames),
            torch.rand(batch, 2 * frames),
            torch.rand(batch, 2 * frames),
            torch.rand(batch, TINY.style_dim),
            torch.randn(batch, TINY.n_fft + 2, 120 * frames + 1),
            torch.full((batch,), frames),
        )
    torch._dynamo.reset()
    assert len(graphs) == 2


def test_a_gain_along_the_segment_is_heard_where_it_is_without_steps(
    tiny_network: VocoderNetwork, fp32: Engine, make_features: MakeFeatures
) -> None:
    vocoder = Vocoder(tiny_network, fp32)
    features = make_features(40)
    gain = np.ones(80, np.float32)
    gain[30:50] = 0.25
    (plain,) = vocoder.synthesize([features])
    (changed,) = vocoder.synthesize([replace(features, gain=gain)])
    assert isinstance(plain, Audio)
    assert isinstance(changed, Audio)
    np.testing.assert_array_equal(changed.samples[: 29 * 300], plain.samples[: 29 * 300])
    np.testing.assert_array_equal(changed.samples[51 * 300 :], plain.samples[51 * 300 :])
    np.testing.assert_allclose(
        changed.samples[31 * 300 : 49 * 300], 0.25 * plain.samples[31 * 300 : 49 * 300], rtol=1e-5
    )
    loud = np.abs(plain.samples) > 1e-3
    heard = changed.samples[loud] / plain.samples[loud]
    assert np.abs(np.diff(heard) / np.diff(np.flatnonzero(loud))).max() < 0.01, "no click"


@pytest.mark.parametrize("gain", [np.ones(79, np.float32), np.full(80, np.nan, np.float32)])
def test_a_gain_that_does_not_fit_fails_alone(
    tiny_network: VocoderNetwork, fp32: Engine, make_features: MakeFeatures, gain: np.ndarray
) -> None:
    failed, sound = Vocoder(tiny_network, fp32).synthesize([replace(make_features(40), gain=gain), make_features(20)])
    assert isinstance(failed, SynthesisError)
    assert isinstance(sound, Audio)
