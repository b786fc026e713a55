"""Bad requests by the thousand against a running server: no 5xx, no dead replica, no growth of memory.

    python -m bench.hostile --url http://127.0.0.1:8000 --requests 10000 --files 2000 --uploads 500

Some of the requests are made from the server's own API descriptions, each against its rules somewhere (schemathesis);
the others are good requests with their bytes, headers, methods or addresses spoilt. Files are recordings in six formats
with bytes changed, cut, doubled or moved, for the decoder processes as the speaker encoder's replica runs them; uploads
are speech of this server in its own formats, spoilt alike, of which it is to make a voice. The same seed makes the same
requests.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import av
import httpx
import hypothesis
import numpy as np
import psutil
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode

from tts_models.errors import ReferenceAudioError
from tts_models.speaker.decoder_process import Decoders
from tts_models.speaker.reference_audio import ReferenceAudioLimits

REPLICA = "ray::ServeReplica"
_TIMEOUT_S = 120.0
_FORMATS = {
    "wav": ("wav", "pcm_s16le"),
    "mp3": ("mp3", "libmp3lame"),
    "flac": ("flac", "flac"),
    "ogg": ("ogg", "libopus"),
    "m4a": ("ipod", "aac"),
    "webm": ("webm", "libopus"),
}


@dataclass
class Answers:
    """What came back.

    Attributes:
        statuses: How often each.
        faults: Requests that were answered with 5xx, or not at all.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def note(self, status: int, request: str) -> None:
        """Counts an answer; 0 is none."""
        self.statuses[status] += 1
        if status >= 500 or status == 0:
            self.faults.append(f"{status} {request[:2000]}")


def described(url: str, path: str, count: int, seed: int, answers: Answers, headers: dict[str, str]) -> None:
    """Sends ``count`` requests, each against some rule of the description at ``path``."""
    if requests.get(url + path, timeout=_TIMEOUT_S).status_code != requests.codes.ok:
        return
    schema = schemathesis.openapi.from_url(url + path)
    # One without parameters has no rule to go against, and any string may stand in an address.
    operations = [each for each in (found.ok() for found in schema.get_all_operations()) if _has_rules(each)]
    session = requests.Session()
    share = -(-count // max(1, len(operations)))
    for operation in operations:
        strategy = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=share,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=strategy)
        def send(case: Any) -> None:
            where = f"{case.method} {case.path}"
            try:
                response = case.call(session=session, headers=headers, timeout=_TIMEOUT_S)
            except requests.exceptions.RequestException as error:
                if not isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.Timeout):
                    return  # the client itself refuses to send it
                answers.note(0, f"{where} {error!r}")
            else:
                answers.note(response.status_code, f"{where} {case.query!r} {case.body!r}")

        with contextlib.suppress(hypothesis.errors.Unsatisfiable, schemathesis.errors.SchemathesisError):
            send()


def _has_rules(operation: Any) -> bool:
    return bool(list(operation.body) or list(operation.query))


def spoilt(url: str, count: int, seed: int, answers: Answers, headers: dict[str, str]) -> None:
    """Sends ``count`` requests that were good before their bytes were spoilt."""
    chance = random.Random(seed)
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S) as client:
        for _ in range(count):
            method, path, sent, body = _spoilt(chance)
            try:
                request = client.build_request(method, path, headers={**sent, **headers}, content=body)
            except (httpx.InvalidURL, UnicodeError, ValueError):
                continue
            try:
                with client.stream(request.method, request.url, headers=request.headers, content=body) as response:
                    answers.note(response.status_code, f"{method} {path} {sent} {body!r}")
            except httpx.LocalProtocolError:
                continue
            except httpx.HTTPError as error:
                answers.note(0, f"{method} {path} {sent} {body!r} {error!r}")


def _spoilt(chance: random.Random) -> tuple[str, str, dict[str, str], bytes]:
    good: dict[str, Any] = {"model": "tts-1", "input": "Hi.", "voice": "af_heart", "response_format": "pcm"}
    path = chance.choice(["/v1/audio/speech", "/v1/audio/captions"])
    sent = {"Content-Type": "application/json"}
    method = "POST"
    match chance.randrange(7):
        case 0:  # one value of another kind
            good[chance.choice([*good, "speed", "seed", "language", "stream", "timestamps", "x" * 99])] = _odd(chance)
            body = json.dumps(good).encode()
        case 1:  # broken JSON
            body = bytearray(json.dumps(good).encode())
            for _ in range(chance.randint(1, 8)):
                body[chance.randrange(len(body))] = chance.randrange(256)
        case 2:  # cut, doubled
            body = json.dumps(good).encode()
            body = body[: chance.randrange(len(body))] * chance.randint(1, 3)
        case 3:  # depth, size
            body = chance.choice([b"[", b'{"a":', b'["', b"\x00", b"\xff"]) * chance.randint(1, 50_000)
        case 4:  # another content type
            body = json.dumps(good).encode()
            sent["Content-Type"] = chance.choice(
                ["multipart/form-data; boundary=x", "text/xml", "", "application/json; x"]
            )
            sent["Content-Encoding"] = chance.choice(["gzip", "br", "identity", "x"])
        case 5:  # other addresses
            method = chance.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"])
            parts = [
                "v1",
                "audio",
                "..",
                "%2e%2e",
                "%00",
                "speech",
                "voicevox",
                "models",
                "é",
                "a" * 500,
                "etc/passwd",
                "//",
            ]
            path = "/" + "/".join(chance.choices(parts, k=chance.randint(0, 6)))
            body = b""
        case _:  # other headers
            body = json.dumps({**good, "speed": 99}).encode()
            name = chance.choice(
                ["Authorization", "X-Forwarded-For", "x-request-id", "x-request-timeout-seconds", "Accept"]
            )
            sent[name] = "".join(chance.choices("ab,;:=\"' ~0-9.[]%/\\", k=chance.randint(0, 300))).strip()
    return method, path, sent, bytes(body)


def _odd(chance: random.Random) -> Any:
    text = "".join(chr(chance.choice([0, 10, 0x200B, 0xD800, 0xFFFF, 0x1F600, 0x202E, 97])) for _ in range(9))
    nested: Any = 1
    for _ in range(60):
        nested = [nested]
    numbers = [-1, 0, 1e308, -(2**63), 2**64, 10**400, float("nan"), float("inf")]
    return chance.choice(
        [*numbers, text, nested, {}, [], None, True, {"id": text}, "[pause:9999s]", "[a](/\0/)", "?" * 99]
    )


def recordings(seconds: float = 1.0) -> dict[str, bytes]:
    """A sound in each format."""
    rate_hz = 48_000
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    sound = (0.4 * np.sin(2 * np.pi * (200 * t + 300 * t**2))).astype(np.float32)
    made = {}
    for name, (container, codec) in _FORMATS.items():
        out = io.BytesIO()
        with av.open(out, "w", format=container) as file:
            stream = file.add_stream(codec, rate=rate_hz, layout="mono")
            resampler = av.AudioResampler(stream.format.name, "mono", rate_hz, frame_size=stream.frame_size or 1_024)
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate = rate_hz
            for piece in (*resampler.resample(frame), *resampler.resample(None)):
                file.mux(stream.encode(piece))
            file.mux(stream.encode(None))
        made[name] = out.getvalue()
    return made


def mutations(files: Sequence[bytes], count: int, seed: int) -> Iterator[bytes]:
    """``files``, spoilt in ``count`` ways; their heads, where structure is, more often than their bodies."""
    chance = random.Random(seed)
    for number in range(count):
        data = bytearray(files[number % len(files)])
        for _ in range(chance.choice([1, 1, 3, 20, 200])):
            at = chance.randrange(min(len(data), chance.choice([64, 512, len(data)])))
            size = chance.choice([1, 1, 2, 4, 16])
            match chance.randrange(5):
                case 0 | 1:
                    data[at : at + size] = chance.randbytes(size)
                case 2:
                    data[at : at + size] = chance.choice([b"\xff", b"\0", b"\x7f", b"\x80"]) * size
                case 3:
                    data[at:at] = data[at : at + chance.choice([4, 64, 1024])]
                case _:
                    del data[at : at + size]
            if not data:
                data = bytearray(b"\0")
        if chance.random() < 0.1:
            data = data[: chance.randrange(1, len(data) + 1)]
        yield bytes(data)


def spoken(url: str, headers: dict[str, str]) -> list[bytes]:
    """Four seconds of speech of the server at ``url``, in each of its formats."""
    text = "Please leave your name and number after the tone, and we will call you back."
    made = []
    for name in ("wav", "mp3", "flac", "opus", "aac"):
        request = {"model": "tts-1", "voice": "am_michael", "input": text, "response_format": name}
        response = requests.post(f"{url}/v1/audio/speech", json=request, headers=headers, timeout=_TIMEOUT_S)
        response.raise_for_status()
        made.append(response.content)
    return made


def uploaded(url: str, files: Iterator[bytes], answers: Answers, headers: dict[str, str]) -> None:
    """Has a voice made from each file, and deletes those that were."""
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S, headers=headers) as client:
        for number, data in enumerate(files):
            try:
                response = client.post(
                    "/v1/audio/voices", data={"name": f"spoilt {number}"}, files={"audio_sample": ("clip", data)}
                )
                if response.is_success:
                    client.delete(f"/v1/audio/voices/{response.json()['id']}").raise_for_status()
            except httpx.HTTPError as error:
                answers.note(0, f"upload {number} {error!r}")
            else:
                answers.note(response.status_code, f"upload {number} {response.text[:500]}")


def decoded(decode: Callable[[bytes, ReferenceAudioLimits], Any], files: Iterator[bytes]) -> Counter[str]:
    """How the files ended: ``heard``, ``refused``, or ``decoder failed``; anything else is raised."""
    ended: Counter[str] = Counter()
    for data in files:
        try:
            decode(data, ReferenceAudioLimits())
            ended["heard"] += 1
        except ReferenceAudioError as error:
            failed = "its decoder failed" in error.message or "too long to decode" in error.message
            ended["decoder failed" if failed else "refused"] += 1
    return ended


def replicas(server: int | None) -> dict[int, tuple[str, float]]:
    """Replicas on this machine by process: name, and memory in MB.

    Args:
        server: Process that started them, where there are those of several servers.
    """
    found = {}
    processes = psutil.Process(server).children(recursive=True) if server else psutil.process_iter()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            title = (process.cmdline() or [""])[0]
            if title.startswith(REPLICA):
                found[process.pid] = (title.rpartition(":")[2], process.memory_info().rss / 1e6)
    return found


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", default="", help="API key")
    parser.add_argument("--server", type=int, help="process id of `voicegraph serve`, if there are other Rays here")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--described", type=int, default=2_500, help="of them, made from the description; ten a second")
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--uploads", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    headers = {"Authorization": f"Bearer {options.key}"} if options.key else {}
    answers, warm = Answers(), Answers()
    started_s = time.monotonic()
    spoilt(options.url, max(1, options.requests // 20), options.seed + 1, warm, headers)  # fills caches
    before = replicas(options.server)
    described(options.url, "/openapi.json", options.described, options.seed, answers, headers)
    described(options.url, "/voicevox/openapi.json", options.described // 5, options.seed, answers, headers)
    spoilt(options.url, options.requests - sum(answers.statuses.values()), options.seed, answers, headers)
    requests_s = time.monotonic() - started_s
    uploads = Answers()
    uploaded(options.url, mutations(spoken(options.url, headers), options.uploads, options.seed), uploads, headers)
    health = requests.get(f"{options.url}/health", timeout=_TIMEOUT_S).status_code
    after = replicas(options.server)
    for fault in (answers.faults + uploads.faults)[:20]:
        print(fault)
    with Decoders() as decoders:
        files = decoded(decoders, mutations(list(recordings().values()), options.files, options.seed))
    print(
        json.dumps(
            {
                "requests": sum(answers.statuses.values()),
                "statuses": dict(sorted(answers.statuses.items())),
                "uploads": dict(sorted(uploads.statuses.items())),
                "faults": len(answers.faults) + len(uploads.faults),
                "seconds": round(requests_s),
                "health": health,
                "replicas": len(before),
                "replicas_lost": len(before.keys() - after.keys()),
                "memory_mb": {
                    f"{name} {pid}": [round(mb), round(after[pid][1]) if pid in after else None]
                    for pid, (name, mb) in before.items()
                },
                "files": dict(files),
            }
        )
    )


if __name__ == "__main__":
    main()
