"""The speaker encoder: equal to speechbrain's for one item, and to itself alone in any batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from serve_app.http.audio_encoding import encode_once
from tests.speaker.reference import reference_embedder, reference_features, reference_network
from tests.support.speech import Speech
from tts_models.assets import AssetStore
from tts_models.errors import AssetError, ReferenceAudioError, SeveralSpeakers
from tts_models.speaker import ENCODER_RATE_HZ
from tts_models.speaker.ecapa import EcapaConfig, EcapaTdnn, Extents
from tts_models.speaker.encoder import MIN_SAMPLES, SpeakerEncoder, _of_like_length
from tts_models.speaker.filter_bank import FilterBank
from tts_models.speaker.reference_audio import decode_reference_audio
from tts_models.types import FloatArray, SpeakerEmbedding

SMALL = EcapaConfig(channels=32, squeeze_channels=8, attention_channels=8, aggregate_channels=48)
CPU = torch.device("cpu")


def buzz(seed: int, duration_s: float) -> FloatArray:
    """Something like a voice: harmonics of a wandering pitch in noise, another for every seed."""
    rng = np.random.default_rng(seed)
    n = round(duration_s * ENCODER_RATE_HZ)
    pitch_hz = rng.uniform(80, 300) * (1 + 0.2 * np.sin(np.linspace(0, rng.uniform(3, 20), n)))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / ENCODER_RATE_HZ
    voice = sum(rng.uniform() / k * np.sin(k * phase) for k in range(1, 12))
    return (0.1 * voice + 0.003 * rng.standard_normal(n)).astype(np.float32)


def randomise(network: torch.nn.Module, seed: int = 0) -> None:
    """Random statistics as well: a fresh batch norm's are 0 and 1, which hides a wrong one."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0, generator=generator)
        elif tensor.is_floating_point() and ("norm" in name or "_bn" in name):
            tensor.uniform_(-1.0, 1.0, generator=generator)


@pytest.fixture(scope="module")
def small() -> SpeakerEncoder:
    torch.manual_seed(0)
    network = EcapaTdnn(SMALL)
    randomise(network)
    return SpeakerEncoder(network, CPU)


def vectors(encoder: SpeakerEncoder, batch: list[FloatArray]) -> FloatArray:
    out = encoder.embed(batch)
    assert all(isinstance(embedding, SpeakerEmbedding) for embedding in out)
    return np.stack([embedding.vector for embedding in out if isinstance(embedding, SpeakerEmbedding)])


def together(encoder: SpeakerEncoder, batch: list[FloatArray]) -> FloatArray:
    """Padded to one length, as a GPU takes them."""
    lengths = [len(samples) for samples in batch]
    waveforms = torch.zeros(len(batch), max(lengths))
    for row, samples in enumerate(batch):
        waveforms[row, : len(samples)] = torch.from_numpy(samples)
    return np.asarray(encoder.embeddings(waveforms, lengths).detach())


def test_features_are_speechbrains() -> None:
    samples = buzz(3, 1.234)
    samples[:4_000] = 0  # so that the floor of 80 dB below the loudest is met
    theirs = reference_features(samples, 80)
    ours, extents = FilterBank()(torch.from_numpy(samples)[None], [len(samples)])
    assert not extents.is_padded
    assert extents.max_length == len(theirs)
    torch.testing.assert_close(ours[0].T, theirs, atol=2e-4, rtol=0)


@pytest.mark.parametrize("duration_s", [0.25, 1.0, 3.21])
def test_a_small_network_is_speechbrains(duration_s: float, tmp_path: Path) -> None:
    torch.manual_seed(1)
    theirs = reference_network(SMALL)
    randomise(theirs)
    save_file(theirs.state_dict(), tmp_path / "ecapa.safetensors")
    encoder = SpeakerEncoder.load(tmp_path / "ecapa.safetensors", CPU, SMALL)
    samples = buzz(4, duration_s)
    np.testing.assert_allclose(
        vectors(encoder, [samples])[0],
        reference_embedder(theirs.state_dict(), SMALL)(samples),
        atol=1e-5,
    )


@settings(max_examples=8, deadline=None)
@given(lengths=st.lists(st.integers(MIN_SAMPLES, 2 * MIN_SAMPLES), min_size=2, max_size=4), seed=st.integers(0, 99))
def test_batched_is_single(small: SpeakerEncoder, lengths: list[int], seed: int) -> None:
    batch = [buzz(seed + row, length / ENCODER_RATE_HZ)[:length] for row, length in enumerate(lengths)]
    alone = np.concatenate([vectors(small, [samples]) for samples in batch])
    np.testing.assert_allclose(together(small, batch), alone, atol=2e-5)


def test_reflection_is_each_items_own() -> None:
    extents = Extents([7, 4], CPU)
    x = torch.arange(14.0).view(2, 1, 7)
    padded = extents.pad(x, 3)
    assert padded[0, 0].tolist() == [3, 2, 1, 0, 1, 2, 3, 4, 5, 6, 5, 4, 3]
    assert padded[1, 0, :10].tolist() == [10, 9, 8, 7, 8, 9, 10, 9, 8, 7]


def test_what_lies_in_the_padding_is_never_seen(small: SpeakerEncoder) -> None:
    features = torch.randn(2, 80, 60, generator=torch.Generator().manual_seed(5))
    spoilt = features.clone()
    spoilt[1, :, 25:] = 1e6
    network = small._network
    assert torch.equal(network(features, Extents([60, 25], CPU)), network(spoilt, Extents([60, 25], CPU)))


def test_a_bad_item_fails_alone(small: SpeakerEncoder) -> None:
    good, spoilt = buzz(1, 1.0), buzz(2, 1.0)
    spoilt[100] = np.nan
    batch = [good, np.zeros(0, np.float32), np.zeros(9_000, np.float32), spoilt, good[: MIN_SAMPLES - 1], buzz(3, 0.5)]
    out = small.embed(batch)
    assert [isinstance(result, ReferenceAudioError) for result in out] == [False, True, True, True, True, False]
    np.testing.assert_allclose(
        np.stack([out[0].vector, out[5].vector]), vectors(small, [batch[0], batch[5]]), atol=1e-6
    )
    assert out[0].voiced_s == pytest.approx(1.0)
    assert small.embed([]) == []
    assert all(isinstance(result, ReferenceAudioError) for result in small.embed(batch[1:3]))


def test_the_waveform_gets_its_gradient(small: SpeakerEncoder) -> None:
    waveforms = torch.from_numpy(np.stack([buzz(1, 1.0), np.pad(buzz(2, 0.6), (0, 6_400))])).requires_grad_()
    target = torch.nn.functional.normalize(torch.randn(2, 192, generator=torch.Generator().manual_seed(0)), dim=-1)
    loss = (small.embeddings(waveforms, [16_000, 9_600]) * target).sum()
    loss.backward()
    assert waveforms.grad is not None
    assert torch.isfinite(waveforms.grad).all()
    step = 1e-3 * waveforms.grad / waveforms.grad.norm()
    with torch.no_grad():
        change = (small.embeddings(waveforms + step, [16_000, 9_600]) * target).sum() - loss
    assert change.item() == pytest.approx(1e-3 * waveforms.grad.norm().item(), rel=0.2)


def test_loading_is_strict(tmp_path: Path) -> None:
    path = tmp_path / "ecapa.safetensors"
    weights = reference_network(SMALL).state_dict()
    with pytest.raises(AssetError, match=r"ecapa\.safetensors"):
        SpeakerEncoder.load(path, CPU)
    save_file(weights, path)
    with pytest.raises(AssetError, match="size mismatch"):
        SpeakerEncoder.load(path, CPU)
    for change in ({**weights, "more": torch.zeros(1)}, {k: v for k, v in weights.items() if k != "fc.conv.bias"}):
        save_file(change, path)
        with pytest.raises(AssetError, match=r"more|fc\.bias"):
            SpeakerEncoder.load(path, CPU, SMALL)


@pytest.fixture(scope="module")
def weights_path(assets: AssetStore) -> Path:
    return assets.ensure("ecapa-tdnn-voxceleb")


@pytest.fixture(scope="module")
def encoder(weights_path: Path) -> SpeakerEncoder:
    return SpeakerEncoder.load(weights_path, CPU)


@pytest.mark.parametrize("duration_s", [0.5, 3.3])
def test_the_release_is_speechbrains(encoder: SpeakerEncoder, weights_path: Path, duration_s: float) -> None:
    samples = buzz(7, duration_s)
    theirs = reference_embedder(load_file(weights_path), EcapaConfig())(samples)
    np.testing.assert_allclose(vectors(encoder, [samples])[0], theirs, atol=1e-5)


def test_the_release_batched_is_single(encoder: SpeakerEncoder) -> None:
    batch = [buzz(seed, duration_s) for seed, duration_s in enumerate((0.25, 1.0, 2.5, 0.7))]
    alone = np.concatenate([vectors(encoder, [samples]) for samples in batch])
    np.testing.assert_allclose(together(encoder, batch), alone, atol=1e-5)


def test_in_half_the_digits_it_hears_the_same(encoder: SpeakerEncoder, weights_path: Path) -> None:
    fast = SpeakerEncoder.load(weights_path, CPU, dtype=torch.bfloat16)
    batch = [buzz(seed, duration_s) for seed, duration_s in enumerate((1.0, 4.0))]
    assert (np.sum(vectors(fast, batch) * vectors(encoder, batch), axis=1) > 0.999).all()


@pytest.mark.parametrize(
    ("lengths", "groups"),
    [
        ([128, 32, 32, 32, 32], [[0], [1, 2, 3, 4]]),
        ([100, 80, 60, 40], [[0, 1], [2], [3]]),
        ([32, 90, 32, 100], [[3, 1], [0, 2]]),
        ([], []),
    ],
)
def test_what_is_of_like_length_goes_together(lengths: list[int], groups: list[list[int]]) -> None:
    assert list(_of_like_length(range(len(lengths)), lengths)) == groups


def test_speakers_are_told_apart(encoder: SpeakerEncoder, speech: list[Speech]) -> None:
    """From file to embedding: of eight halves of four clips, each is nearest to the other half of its own."""
    halves = []
    for one in speech:
        samples = decode_reference_audio(encode_once("mp3", one.samples))
        halves += [samples[: len(samples) // 2], samples[len(samples) // 2 :]]
    embeddings = vectors(encoder, halves)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-5)
    likeness = embeddings @ embeddings.T - 2 * np.eye(len(embeddings))
    assert likeness.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4, 7, 6], likeness.round(2)


def test_whoever_speaks_alone_is_one_speaker_and_two_are_two(encoder: SpeakerEncoder, speech: list[Speech]) -> None:
    clips = [decode_reference_audio(encode_once("flac", np.tile(one.samples, 2))) for one in speech]
    for clip in clips:
        profile = encoder.profile([clip])
        np.testing.assert_allclose(profile.embedding, vectors(encoder, [clip])[0], atol=1e-5)
        assert 80 < profile.median_f0_hz < 260
        assert profile.clips[0] is clip
    woman, man = clips[:2]
    with pytest.raises(SeveralSpeakers, match="More than one person"):
        encoder.profile([np.concatenate([woman, man])])
    for begins_s in (1, 3):  # in the middle of two of the pieces
        before = woman[: begins_s * ENCODER_RATE_HZ]
        with pytest.raises(SeveralSpeakers, match="More than one person"):
            encoder.profile([np.concatenate([before, man[: 2 * ENCODER_RATE_HZ], woman[len(before) :]])])
    with pytest.raises(SeveralSpeakers, match="Clip"):
        encoder.profile([woman, man])
