"""Closed and open loops, and the numbers they come to."""

from __future__ import annotations

import itertools

import pytest

from serve_app.bench.client import Answer, SpeechClient, Target
from serve_app.bench.loads import Run, closed_loop, open_loop
from serve_app.bench.report import jain, percentiles, summary
from serve_app.bench.texts import SENTENCES, VOICES, Line, lines
from tests.bench.fake_server import PCM, Script, served

LINES = itertools.repeat(Line("Hello."))


async def test_in_a_closed_loop_each_client_waits_for_its_answer() -> None:
    script = Script([(0.02, PCM * 2400)])
    with served(script) as url:
        async with SpeechClient(Target(url)) as client:
            told: list[Answer] = []
            run = await closed_loop(client, LINES, clients=3, seconds=0.6, filling_s=0.2, told=told.append)
    assert 1 < script.most_at_once <= 3
    assert {answer.client for answer in run.answers} == {0, 1, 2}
    assert told == run.answers
    assert len(run.answers) == len(script.bodies)
    assert 0 < len(run.done) <= len(run.sent) < len(run.answers)
    assert run.requests_per_s == pytest.approx(len(run.done) / 0.6)
    assert 0 < run.client_cpu < 2


async def test_in_an_open_loop_nobody_waits_for_anybody() -> None:
    script = Script([(0.3, PCM * 2400)])
    with served(script) as url:
        async with SpeechClient(Target(url)) as client:
            run = await open_loop(client, LINES, rate_per_s=50, seconds=0.5, seed=1)
            again = await open_loop(client, LINES, rate_per_s=50, seconds=0.5, seed=1)
    assert script.most_at_once > 5
    assert all(answer.is_good for answer in run.answers)
    assert 10 < len(run.answers) < 45
    assert len(run.answers) == len(again.answers)  # by the seed, however late a busy machine sends them


async def test_a_server_that_is_gone_is_counted_and_not_stormed() -> None:
    async with SpeechClient(Target("http://127.0.0.1:9")) as client:
        run = await closed_loop(client, LINES, clients=2, seconds=0.3)
    assert 2 <= len(run.answers) <= 6
    assert summary(run)["errors"] == {"- no_connection": len(run.sent)}


def answer(sent_s: float, whole_s: float, client: int = 0, error: str | None = None, kind: str = "short") -> Answer:
    line = Line("x", None, kind, "en")
    status = 429 if error else 200
    return Answer(line, client, status, error, "", sent_s, whole_s / 2, whole_s, 2.0, (0.1,), 0.0)


def test_a_run_in_numbers() -> None:
    run = Run("closed", 2, 10, 20)
    run.answers = [
        answer(8, 1),  # sent and done before the window
        answer(9, 2),  # done in it
        answer(11, 1),
        answer(13, 3, client=1, kind="long"),
        answer(14, 1, client=1, error="rate_limit_exceeded"),
        answer(19, 4),  # sent in it, done behind it
    ]
    result = summary(run)
    assert result["sent"] == 4
    assert result["requests_per_s"] == 0.3
    assert result["audio_s_per_s"] == 0.6
    assert result["errors"] == {"429 rate_limit_exceeded": 1}
    assert result["whole_s"] == {"p50": 3, "p95": 4, "p99": 4, "max": 4}
    assert result["first_audio_s"] == {"p50": 1.5, "p95": 2, "p99": 2, "max": 2}
    assert result["between_chunks_s"] == {"p50": 0.1, "p95": 0.1, "p99": 0.1, "max": 0.1}
    assert result["fairness"] == {"over": "clients", "jain": 0.9, "least_audio_s": 2.0, "most_audio_s": 4.0}
    by_text = result["by_text"]
    assert isinstance(by_text, dict)
    assert by_text["long-en"]["whole_s"]["max"] == 3


def test_a_client_that_got_nothing_counts() -> None:
    run = Run("closed", 4, 0, 10)
    run.answers = [answer(1, 1, client=2)]
    fairness = summary(run)["fairness"]
    assert isinstance(fairness, dict)
    assert fairness["jain"] == 0.25


def test_jain() -> None:
    assert jain([3, 3, 3]) == 1
    assert jain([1, 0, 0, 0]) == 0.25
    assert jain([]) is None
    assert jain([0, 0]) is None


def test_percentiles() -> None:
    assert percentiles(range(1, 101)) == {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    assert percentiles([2.0]) == {"p50": 2, "p95": 2, "p99": 2, "max": 2}
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None, "max": None}


def test_texts_take_turns_and_hardly_repeat() -> None:
    made = list(itertools.islice(lines(["short", "long"], list(VOICES), seed=3), 16))
    assert [(line.kind, line.language) for line in made] == [
        (kind, language) for kind in ("short", "long") for language in VOICES
    ]
    assert [line.voice for line in made[:8]] == list(VOICES.values())
    assert made == list(itertools.islice(lines(["short", "long"], list(VOICES), seed=3), 16))
    assert made != list(itertools.islice(lines(["short", "long"], list(VOICES), seed=4), 16))
    for kind, count in SENTENCES.items():
        (one,) = itertools.islice(lines([kind]), 1)
        assert one.text.count(".") == count
    many = [line.text for line in itertools.islice(lines(), 200)]
    assert len(set(many)) > 150
