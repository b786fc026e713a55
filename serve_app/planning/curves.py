"""How long a batch takes: measured, or estimated from arithmetic where nothing was measured."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from serve_app.planning.hardware import Gpu

MEASURED = Path(__file__).parent / "cpu_curves.json"
"""What ``python -m bench.service_times`` printed on two cores."""

FRAMES_PER_S = 40
VOCODER_FLOP_PER_FRAME = 2 * 26e9 / FRAMES_PER_S
"""26 GMAC a second of audio, counted from the shapes of Kokoro's decoder (25 to 27)."""
ACOUSTIC_SHARE = 1 / 19
"""Arithmetic of the acoustic model beside the vocoder's, as their times are on a CPU."""
PEAK_SHARE = 0.1
"""Of a GPU's peak that the models are taken to reach. Kokoro servers of others have published 66 to 126 seconds of
audio a second on GPUs of whose peaks that is 3 to 11 %; theirs do not batch."""
LAUNCH_S = {"AcousticModel": 0.03, "Vocoder": 0.01}
"""What a batch takes on a GPU however small it is: LSTMs go step by step, kernels are launched one by one. Assumed."""
LAUNCH_DEMAND = 0.1
"""Of the GPU that is busy meanwhile. Assumed."""


class Curve(Protocol):
    """Seconds that a batch takes alone on its device."""

    @property
    def launch_s(self) -> float:
        """Of it, that hardly keeps the device busy."""
        ...

    def seconds(self, items: int, longest: int) -> float:
        """Of a batch of ``items``, the longest of which has ``longest`` units; ``launch_s`` not counted."""
        ...


@dataclass(frozen=True)
class MeasuredCurve:
    """Linear between measured points and beyond the last ones.

    Attributes:
        points: ``(items, longest) -> seconds``; a full grid.
    """

    points: Mapping[tuple[int, int], float]
    launch_s: float = 0.0

    def seconds(self, items: float, longest: float) -> float:
        """See :class:`Curve`; also of what is so much in the mean."""
        sizes, lengths, seconds = self._grid
        return max(1e-6, _between(sizes, [_between(lengths, row, longest) for row in seconds], items))

    @cached_property
    def _grid(self) -> tuple[list[int], list[int], list[list[float]]]:
        sizes = sorted({size for size, _ in self.points})
        lengths = sorted({length for _, length in self.points})
        return sizes, lengths, [[self.points[size, length] for length in lengths] for size in sizes]


@dataclass(frozen=True)
class EstimatedCurve:
    """Arithmetic over what a device does of it a second; nobody measured it.

    Attributes:
        flop_per_unit: Of one unit (token, frame) of one item.
        flop_per_s: That the device is taken to reach.
        launch_s: See :class:`Curve`.
    """

    flop_per_unit: float
    flop_per_s: float
    launch_s: float

    def seconds(self, items: int, longest: int) -> float:
        """See :class:`Curve`."""
        return items * longest * self.flop_per_unit / self.flop_per_s


@dataclass(frozen=True)
class Speech:
    """What text turns into.

    Attributes:
        tokens_per_character: Phoneme tokens.
        frames_per_token: Of 25 ms.
    """

    tokens_per_character: float
    frames_per_token: float

    @property
    def audio_s_per_character(self) -> float:
        """Seconds."""
        return self.tokens_per_character * self.frames_per_token / FRAMES_PER_S


@dataclass(frozen=True)
class Handling:
    """Processor seconds of what is no model; measured in the processes of a running server.

    Attributes:
        proxy_request_s: Ray's proxy, a request.
        proxy_audio_s: A second of audio.
        ingress_request_s: Our ingress, a request.
        ingress_audio_s: A second of audio, encoded and sent.
        desk_request_s: The one ``Admission`` replica, a request.
        call_s: A replica of a stage, beside its model, a call.
        hop_s: Until a call has come from one process to the next; waiting, not work.
        controller_idle_s: The Serve controller, a second.
        idle_s: All processes of a machine on which nobody speaks, a second.
        other_request_s: All that is not named above (raylet, GCS, the client), a request.
    """

    proxy_request_s: float
    proxy_audio_s: float
    ingress_request_s: float
    ingress_audio_s: float
    desk_request_s: float
    call_s: float
    hop_s: float
    controller_idle_s: float = 0.0
    idle_s: float = 0.0
    other_request_s: float = 0.0


@dataclass(frozen=True)
class Curves:
    """All that a simulation needs to know of the time things take.

    Attributes:
        source: Where they come from, for whoever reads the result.
        text: Of the text frontend, by characters.
        acoustic: Of the acoustic model, by tokens.
        vocoder: Of the vocoder, by frames.
        speech: What text turns into.
        handling: What everything else takes.
        is_measured: Whether the models' curves are.
    """

    source: str
    text: Curve
    acoustic: Curve
    vocoder: Curve
    speech: Speech
    handling: Handling
    is_measured: bool = True


def read_curves(path: Path = MEASURED) -> Curves:
    """Curves from a file that ``bench.service_times`` has written.

    Where a server was measured, a stage has ``in_a_replica``: how much longer its model takes there than alone, since
    the replica's event loop, Ray's threads and the rest of the machine want the cores, too.

    Raises:
        ValueError: It is no such file; says what is missing.
    """
    try:
        document = json.loads(path.read_text())
        stages = {
            name: MeasuredCurve(
                {
                    (int(items), int(length)): float(seconds) * float(stage.get("in_a_replica", 1.0))
                    for items, length, seconds in stage["points"]
                },
                float(stage.get("launch_s", 0.0)),
            )
            for name, stage in document["stages"].items()
        }
        if not document["stages"]["Vocoder"]["points"]:
            raise ValueError("it has no points")
        return Curves(
            f"measured: {document['machine']}, {document['date']}",
            stages["TextFrontend"],
            stages["AcousticModel"],
            stages["Vocoder"],
            Speech(**document["speech"]),
            Handling(**document["handling"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} has no curves as `python -m bench.service_times` writes them: {error}") from error


def estimated_curves(gpu: Gpu, peak_share: float = PEAK_SHARE, measured: Curves | None = None) -> Curves:
    """Curves of the two models on a GPU that was never measured; all else is as measured on a CPU.

    Args:
        gpu: Which.
        peak_share: Of its peak that the models reach.
        measured: What was; from the file in the package unless given.
    """
    measured = measured or read_curves()
    per_token = VOCODER_FLOP_PER_FRAME * ACOUSTIC_SHARE * measured.speech.frames_per_token
    return replace(
        measured,
        source=f"estimated, not measured: {gpu.title} at {peak_share:.0%} of its peak",
        acoustic=EstimatedCurve(per_token, gpu.fp32_flop_per_s * peak_share, LAUNCH_S["AcousticModel"]),
        vocoder=EstimatedCurve(VOCODER_FLOP_PER_FRAME, gpu.half_flop_per_s * peak_share, LAUNCH_S["Vocoder"]),
        is_measured=False,
    )


def _between(xs: Sequence[int], ys: Sequence[float], x: float) -> float:
    """Linear; the first and last pieces go on beyond their ends."""
    if len(xs) == 1:
        return ys[0] * x / xs[0]
    right = min(max(bisect_right(xs, x), 1), len(xs) - 1)
    x0, x1, y0, y1 = xs[right - 1], xs[right], ys[right - 1], ys[right]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
