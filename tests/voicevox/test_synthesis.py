"""What is heard is what the query says."""

from __future__ import annotations

import base64
import copy
import io
import json
import math
import wave
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
import requests

from deployments.desk import Ask
from deployments.fair_queue import Flow
from deployments.settings import AdmissionSettings, HttpSettings
from serve_app.admission import LocalAdmission
from serve_app.http.app import create_app
from serve_app.voicevox.app import mount_voicevox
from serve_app.voicevox.speakers import style_id
from tests.http.fakes import FakeGraph, Served, catalogue
from tests.voicevox.conftest import SPEAKER, ProsodyGraph, query
from tts_models.prosody import FRAME_S, mean_log_f0, span_points
from tts_models.text.word_filter import WordFilter
from tts_models.types import FloatArray

STATEMENT = "こんにちは、世界。"


def samples_of(data: bytes) -> tuple[FloatArray, int, int]:
    """Samples ``(n, channels)``, rate, channels."""
    with wave.open(io.BytesIO(data)) as reader:
        raw = reader.readframes(reader.getnframes())
        channels = reader.getnchannels()
        assert reader.getsampwidth() == 2
        return (
            (np.frombuffer(raw, "<i2").reshape(-1, channels) / 32767).astype(np.float32),
            reader.getframerate(),
            channels,
        )


async def heard(client: httpx.AsyncClient, body: dict[str, Any], **params: Any) -> FloatArray:
    response = await client.post("/synthesis", params={"speaker": SPEAKER, **params}, json=body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "audio/wav"
    return samples_of(response.content)[0][:, 0]


def length_s(body: dict[str, Any]) -> float:
    """As the query says, at speed 1."""
    moras = [mora for phrase in body["accent_phrases"] for mora in phrase["moras"]]
    pauses = [phrase["pause_mora"]["vowel_length"] for phrase in body["accent_phrases"] if phrase["pause_mora"]]
    spoken = sum(mora["vowel_length"] + (mora["consonant_length"] or 0) for mora in moras)
    return float(spoken + sum(pauses) + body["prePhonemeLength"] + body["postPhonemeLength"])


async def test_audio_is_as_long_as_the_query_says(client: httpx.AsyncClient) -> None:
    body = await query(client, STATEMENT)
    assert len(await heard(client, body)) == round(length_s(body) * 24_000)


def _edit_a_pause(body: dict[str, Any]) -> float:
    """Makes the first pause 1.5 s long."""
    next(phrase["pause_mora"] for phrase in body["accent_phrases"] if phrase["pause_mora"])["vowel_length"] = 1.5
    return 1.5


SILENCES: dict[str, Callable[[dict[str, Any]], float]] = {
    "pauseLength": lambda body: body.update(pauseLength=0.731) or 0.731,
    "no pause": lambda body: body.update(pauseLength=0.0) or 0.0,
    "pauseLengthScale": lambda body: body.update(pauseLengthScale=3.5) or 3.5,
    "both": lambda body: body.update(pauseLength=0.2, pauseLengthScale=0.5) or 0.1,
    "an edited pause": _edit_a_pause,
}


@pytest.mark.parametrize("change", SILENCES)
@pytest.mark.parametrize("text", [STATEMENT, "これは長い文章です。" * 12])
async def test_pauses_are_exact(change: str, text: str, client: httpx.AsyncClient) -> None:
    body = await query(client, text)
    plain = len(await heard(client, body))
    pauses = [p["pause_mora"]["vowel_length"] for p in body["accent_phrases"] if p["pause_mora"]]
    target = SILENCES[change](body)
    changed = len(await heard(client, body))
    if change == "an edited pause":
        expected = target - pauses[0]
    elif change == "pauseLengthScale":
        expected = 2.5 * sum(pauses)
    else:
        expected = target * len(pauses) - sum(pauses)
    assert changed - plain == pytest.approx(expected * 24_000, abs=len(pauses))


@pytest.mark.parametrize("before_s", [0.0, 0.1, 0.55])
@pytest.mark.parametrize("after_s", [0.0, 0.25, 1.0])
async def test_silences_at_the_ends_are_exact(before_s: float, after_s: float, client: httpx.AsyncClient) -> None:
    body = await query(client, STATEMENT)
    body |= {"prePhonemeLength": before_s, "postPhonemeLength": after_s}
    samples = await heard(client, body)
    assert len(samples) == round(length_s(body) * 24_000)
    (sound,) = np.nonzero(np.abs(samples) > 0.01)
    assert sound[0] / 24_000 == pytest.approx(before_s, abs=0.01)
    assert (len(samples) - sound[-1]) / 24_000 == pytest.approx(after_s, abs=0.01)


@pytest.mark.parametrize("speed", [0.5, 1.3, 2.0])
async def test_speed_divides_all_lengths(speed: float, client: httpx.AsyncClient) -> None:
    body = await query(client, "今日はとてもいい天気ですから、散歩に行きましょう。")
    samples = await heard(client, body | {"speedScale": speed})
    assert len(samples) / 24_000 == pytest.approx(length_s(body) / speed, abs=1.5 * FRAME_S)


def pitch_of(graph: ProsodyGraph, token: int) -> float:
    """Mean ln F0 that was spoken for a token of the last item."""
    durations, f0 = graph.curves(graph.items[-1])
    ((start, end),) = span_points(durations, np.array([[token, token + 1]]))
    return mean_log_f0(f0[start:end])


async def test_edited_moras_are_heard(client: httpx.AsyncClient, graph: ProsodyGraph) -> None:
    body = await query(client, STATEMENT)
    mora = body["accent_phrases"][0]["moras"][0]
    mora |= {"consonant_length": 0.2, "vowel_length": 0.3, "pitch": 5.9}
    await heard(client, body)
    durations, _ = graph.curves(graph.items[-1])
    assert durations[1:3].tolist() == [8, 12]
    assert pitch_of(graph, 2) == pytest.approx(5.9, abs=2e-3)
    mora["pitch"] = 0
    await heard(client, body)
    assert math.isnan(pitch_of(graph, 2))


async def test_pitch_and_intonation_are_the_engines_arithmetic(client: httpx.AsyncClient, graph: ProsodyGraph) -> None:
    body = await query(client, STATEMENT)
    pitches = [m["pitch"] for p in body["accent_phrases"] for m in p["moras"] if m["pitch"]]
    first = pitches[0]
    await heard(client, body | {"pitchScale": 0.1})
    assert pitch_of(graph, 2) == pytest.approx(first * 2**0.1, abs=2e-3)
    await heard(client, body | {"intonationScale": 0})
    assert pitch_of(graph, 2) == pytest.approx(np.mean(pitches), abs=2e-3)
    await heard(client, body | {"intonationScale": 2, "pitchScale": -0.05})
    low = np.array(pitches) * 2**-0.05
    assert pitch_of(graph, 2) == pytest.approx(low.mean() + 2 * (low[0] - low.mean()), abs=2e-3)


async def test_tempo_dynamics_move_lengths_about_their_mean(client: httpx.AsyncClient, graph: ProsodyGraph) -> None:
    body = await query(client, STATEMENT)
    await heard(client, body)
    natural = graph.curves(graph.items[-1])[0]
    await heard(client, body | {"tempoDynamicsScale": 0})
    even = graph.curves(graph.items[-1])[0]
    assert even.sum() == pytest.approx(natural.sum(), abs=2)
    moras = [even[1:3].sum(), even[3:4].sum(), even[4:6].sum(), even[6:8].sum(), even[8:10].sum()]
    assert max(moras) - min(moras) <= 2
    assert natural[3] < even[3]


async def test_volume_rate_and_channels(client: httpx.AsyncClient) -> None:
    body = await query(client, STATEMENT)
    plain = await heard(client, body)
    quiet = await heard(client, body | {"volumeScale": 0.5})
    assert np.abs(quiet).max() == pytest.approx(np.abs(plain).max() / 2, abs=1e-3)
    for rate_hz in (8_000, 44_100, 48_000):
        changed = body | {"outputSamplingRate": rate_hz, "outputStereo": True}
        response = await client.post("/synthesis", params={"speaker": SPEAKER}, json=changed)
        samples, rate, channels = samples_of(response.content)
        assert (rate, channels) == (rate_hz, 2)
        assert len(samples) == pytest.approx(len(plain) * rate_hz / 24_000, abs=1)
        assert np.array_equal(samples[:, 0], samples[:, 1])


async def test_questions_rise(client: httpx.AsyncClient, graph: ProsodyGraph) -> None:
    body = await query(client, "本当に？")
    plain = await heard(client, body, enable_interrogative_upspeak=False)
    raised = await heard(client, body)
    assert len(raised) - len(plain) == round(0.15 * 24_000)
    last = body["accent_phrases"][-1]["moras"][-1]
    token = len(graph.items[-1].token_ids) - 1  # before the question mark
    assert pitch_of(graph, token) == pytest.approx(last["pitch"] + 0.3, abs=2e-3)
    rising = copy.deepcopy(body)
    rising["accent_phrases"][-1]["moras"][-1]["pitch"] += 0.5
    await heard(client, rising)
    assert len(graph.items[-1].token_ids) == len(graph.items[0].token_ids)  # it rises by itself


async def test_a_query_without_lengths_and_pitches_is_the_models(
    client: httpx.AsyncClient, graph: ProsodyGraph
) -> None:
    body = await query(client, STATEMENT)
    plain = await heard(client, body)
    for mora in (mora for phrase in body["accent_phrases"] for mora in phrase["moras"]):
        mora |= {"pitch": 0, "vowel_length": 0, "consonant_length": 0 if mora["consonant"] else None}
    assert np.array_equal(await heard(client, body), plain)


BAD: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no moras": lambda body: body["accent_phrases"][0].update(moras=[]),
    "an accent behind the phrase": lambda body: body["accent_phrases"][0].update(accent=9),
    "an accent before the phrase": lambda body: body["accent_phrases"][0].update(accent=0),
    "no speed": lambda body: body.update(speedScale=0),
    "a speed that no model has": lambda body: body.update(speedScale=1e-5),
    "hours of silence": lambda body: body.update(pauseLength=60, pauseLengthScale=100),
    "a negative pause": lambda body: body.update(pauseLength=-1),
    "no mora of Japanese": lambda body: body["accent_phrases"][0]["moras"][0].update(consonant="q"),
    "no number": lambda body: body.update(pitchScale="high"),
    "not enough": lambda body: body.pop("speedScale"),
    "a rate of 1 Hz": lambda body: body.update(outputSamplingRate=1),
}


@pytest.mark.parametrize("fault", BAD)
async def test_bad_queries_are_refused(fault: str, client: httpx.AsyncClient) -> None:
    body = await query(client, STATEMENT)
    BAD[fault](body)
    response = await client.post("/synthesis", params={"speaker": SPEAKER}, json=body)
    assert response.status_code == 422, response.text
    assert "detail" in response.json()


async def test_not_a_number_is_refused(client: httpx.AsyncClient) -> None:
    import json

    body = await query(client, STATEMENT)
    headers = {"Content-Type": "application/json"}
    text = json.dumps(body | {"pitchScale": math.nan})
    response = await client.post("/synthesis", params={"speaker": SPEAKER}, content=text, headers=headers)
    assert response.status_code == 422


async def test_several_queries_are_a_zip(client: httpx.AsyncClient) -> None:
    bodies = [await query(client, text) for text in (STATEMENT, "はい。")]
    response = await client.post("/multi_synthesis", params={"speaker": SPEAKER}, json=bodies)
    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.namelist() == ["001.wav", "002.wav"]
        for name, body in zip(archive.namelist(), bodies, strict=True):
            assert np.array_equal(samples_of(archive.read(name))[0][:, 0], await heard(client, body))
    bodies[1]["outputSamplingRate"] = 48_000
    assert (await client.post("/multi_synthesis", params={"speaker": SPEAKER}, json=bodies)).status_code == 422
    assert (await client.post("/multi_synthesis", params={"speaker": SPEAKER}, json=[])).status_code == 422


@pytest.mark.parametrize("rate_hz", [24_000, 44_100, 8_000])
@pytest.mark.parametrize("stereo", [False, True])
async def test_a_stream_is_the_same_audio(rate_hz: int, stereo: bool, client: httpx.AsyncClient) -> None:
    body = await query(client, "これは長い文章です。" * 12)
    body |= {"outputSamplingRate": rate_hz, "outputStereo": stereo}
    streamed = await client.post("/streaming_synthesis", params={"speaker": SPEAKER}, json=body)
    whole = await client.post("/synthesis", params={"speaker": SPEAKER}, json=body)
    assert (streamed.status_code, whole.status_code) == (200, 200)
    (one, *form), (other, *same_form) = samples_of(streamed.content), samples_of(whole.content)
    assert form == same_form == [rate_hz, 1 + stereo]
    assert one.shape == other.shape
    assert np.abs(one - other).max() < 1.5 / 32767


async def test_a_mixture_of_styles(client: httpx.AsyncClient, graph: ProsodyGraph, served: Served) -> None:
    body = await query(client, STATEMENT)
    other = style_id("af_heart")
    for voice, value in (("jf_alpha", 0.0), ("af_heart", 8.0)):
        styles = np.full((510, 256), value, np.float32)
        object.__setattr__(served.app.state.context.voices.presets.get(voice), "styles", styles)
    params = {"base_speaker": SPEAKER, "target_speaker": other, "morph_rate": 0.25}
    response = await client.post("/synthesis_morphing", params=params, json=body)
    assert response.status_code == 200
    assert graph.items[-1].style == pytest.approx(2.0)
    assert (await client.post("/synthesis_morphing", params=params | {"morph_rate": 2}, json=body)).status_code == 422
    targets = (await client.post("/morphable_targets", json=[SPEAKER])).json()
    assert targets[0][str(other)] == {"is_morphable": True}
    assert (await client.post("/morphable_targets", json=[1])).status_code == 404


async def test_waves_are_joined(client: httpx.AsyncClient) -> None:
    body = await query(client, STATEMENT)
    files = []
    for changes in ({}, {"outputSamplingRate": 12_000}, {"outputStereo": True}):
        response = await client.post("/synthesis", params={"speaker": SPEAKER}, json=body | changes)
        files.append(base64.b64encode(response.content).decode())
    response = await client.post("/connect_waves", json=files)
    samples, rate, channels = samples_of(response.content)
    assert (rate, channels) == (24_000, 2)
    assert len(samples) == pytest.approx(3 * len(await heard(client, body)), abs=4)
    for bad in ([], ["%"], [base64.b64encode(b"RIFF").decode()]):
        assert (await client.post("/connect_waves", json=bad)).status_code == 422


async def test_a_busy_server_says_so(client: httpx.AsyncClient, served: Served) -> None:
    body = await query(client, STATEMENT)
    admission = served.app.state.context.admission
    limits = AdmissionSettings(max_running=1, max_waiting=0)
    full = LocalAdmission(limits)
    admission.desk = full.desk
    async with full.place(Ask("a", Flow("a"), 1, 1)):
        for path, sent in (
            ("/synthesis", body),
            ("/streaming_synthesis", body),
            ("/mora_data", body["accent_phrases"]),
        ):
            response = await client.post(path, params={"speaker": SPEAKER}, json=sent)
            assert response.status_code == 429, path
            assert int(response.headers["retry-after"]) > 0
        assert (await client.post("/audio_query", params={"speaker": SPEAKER, "text": "はい"})).status_code == 429
    assert served.outcomes["rejected"] == 4
    assert (await client.post("/synthesis", params={"speaker": SPEAKER}, json=body)).status_code == 200
    assert full.desk.load().running == 0


def test_a_client_who_leaves_stops_the_work(live: Served) -> None:
    import asyncio
    import threading

    graph = live.graph
    assert isinstance(graph, ProsodyGraph)
    started, cancelled = threading.Event(), threading.Event()

    async def forever(item: Any, *, is_first: bool = True) -> Any:
        started.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    body = requests.post(
        f"{live.base_url}/audio_query", params={"text": "はい。", "speaker": SPEAKER}, timeout=60
    ).json()
    object.__setattr__(graph, "synthesize", forever)
    with pytest.raises(requests.Timeout):
        requests.post(f"{live.base_url}/cancellable_synthesis", params={"speaker": SPEAKER}, json=body, timeout=1)
    assert started.is_set()
    assert cancelled.wait(60)


async def test_forbidden_words_are_not_spoken_by_their_moras() -> None:
    """The kana notation and edited queries pass no text frontend."""
    forbidden = WordFilter({"insults": ("バカ",)})
    app = create_app(FakeGraph(), catalogue(), HttpSettings(), count=lambda outcome: None, forbidden=forbidden)
    mount_voicevox(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/voicevox") as client:
        speaker = (await client.get("/speakers")).json()[0]["styles"][0]["id"]
        kana = {"text": "バカ'", "speaker": speaker, "is_kana": True}
        response = await client.post("/accent_phrases", params=kana)
        assert response.status_code == 422
        assert "rule: insults" in response.json()["detail"]
        lengths = {"consonant_length": 0.1, "vowel_length": 0.1, "pitch": 5}
        shown_as = [
            {"text": shown, "consonant": consonant, "vowel": "a", **lengths} for shown, consonant in ("ネb", "コk")
        ]
        phrases = [{"moras": shown_as, "accent": 1}]
        response = await client.post("/mora_data", params={"speaker": speaker}, json=phrases)
        assert response.status_code == 422
        scales = dict.fromkeys(("speedScale", "intonationScale", "volumeScale"), 1) | {"pitchScale": 0}
        silences = {"prePhonemeLength": 0.1, "postPhonemeLength": 0.1}
        query = {"accent_phrases": phrases, **scales, **silences, "outputSamplingRate": 24000, "outputStereo": False}
        for route in ("/synthesis", "/streaming_synthesis"):
            response = await client.post(route, params={"speaker": speaker}, json=query)
            assert response.status_code == 422
            assert "rule: insults" in response.json()["detail"]


@pytest.mark.parametrize("text", ["", " \u3000", "😀", "。。。", "！？"])
async def test_a_text_without_a_sound_is_silence_as_the_engine_has_it(text: str, client: httpx.AsyncClient) -> None:
    body = await query(client, text)
    assert (body["accent_phrases"], body["kana"]) == ([], "")
    body |= {"prePhonemeLength": 0.2, "postPhonemeLength": 0.3, "tempoDynamicsScale": 0.5, "speedScale": 2}
    silence = await heard(client, body)
    assert len(silence) == 0.25 * 24_000
    assert not silence.any()
    streamed = await client.post("/streaming_synthesis", params={"speaker": SPEAKER}, json=body)
    assert len(samples_of(streamed.content)[0]) == len(silence)


async def test_json_needs_no_content_type(client: httpx.AsyncClient) -> None:
    body = json.dumps(await query(client, STATEMENT)).encode()
    said = await client.post("/synthesis", params={"speaker": SPEAKER}, content=body)
    assert (said.status_code, said.headers["content-type"]) == (200, "audio/wav")


@pytest.mark.parametrize("style", ["base_speaker", "target_speaker"])
async def test_a_style_that_is_not_there_cannot_be_mixed(style: str, client: httpx.AsyncClient) -> None:
    params = {"base_speaker": SPEAKER, "target_speaker": SPEAKER, "morph_rate": 0.5} | {style: 1}
    refused = await client.post("/synthesis_morphing", params=params, json=await query(client, STATEMENT))
    assert (refused.status_code, refused.json()) == (404, {"detail": "該当するスタイル(style_id=1)が見つかりません"})
