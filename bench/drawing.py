"""Line charts as SVG, without a library: what the benches draw into ``docs/images``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 760
PANEL = 170
_LEFT, _RIGHT, _TOP, _GAP = 64, 16, 14, 34
_MOST_POINTS = 400
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by colour-blind readers too. Source: M. Okabe, K. Ito, "Color universal design", 2002."""


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: In the legend.
        points: In the order of x.
        steps: Drawn in steps, each value holding until the next.
        dots: Drawn as dots instead.
    """

    name: str
    points: Sequence[tuple[float, float]]
    steps: bool = False
    dots: bool = False


@dataclass(frozen=True)
class Panel:
    """One chart of a drawing; all of them share their x axis.

    Attributes:
        title: What y is.
        lines: What is drawn.
        log: Whether y is logarithmic.
        floor: Least y that is shown.
    """

    title: str
    lines: Sequence[Line]
    log: bool = False
    floor: float = 0.0


def draw(panels: Sequence[Panel], x_title: str, *, log_x: bool = False) -> str:
    """The SVG."""
    xs = [x for panel in panels for line in panel.lines for x, _ in line.points]
    x_axis = _Axis(min(xs), max(xs), _LEFT, WIDTH - _RIGHT, log=log_x)
    height = _TOP + len(panels) * (PANEL + _GAP) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, x_axis, _TOP + 14 + number * (PANEL + _GAP))
    parts.append(f'<text x="{WIDTH / 2}" y="{height - 6}" text-anchor="middle" fill="#333">{escape(x_title)}</text>')
    return "\n".join([*parts, "</svg>\n"])


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (math.log10(max(v, 1e-12)) if self.log else v for v in (self.low, self.high, value))
        share = (value - low) / (high - low or 1)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Round values, five or so."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(first, last + 1)]
        step = 10 ** math.floor(math.log10(max(self.high - self.low, 1e-9) / 4))
        step *= next(factor for factor in (1, 2, 5, 10) if (self.high - self.low) / (step * factor) <= 6)
        first = math.ceil(self.low / step)
        return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _panel(panel: Panel, x_axis: _Axis, top: float) -> list[str]:
    ys = [y for line in panel.lines for _, y in line.points if math.isfinite(y) and (y > 0 or not panel.log)]
    low = min(ys) if panel.log else min(panel.floor, *ys)
    y_axis = _Axis(low, max(max(ys), low + 1e-9) * (1.3 if panel.log else 1.05), top + PANEL, top, panel.log)
    parts = [f'<text x="{_LEFT}" y="{top - 6}" font-weight="bold" fill="#111">{escape(panel.title)}</text>']
    for tick in y_axis.ticks():
        y = y_axis.at(tick)
        parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#333">{_number(tick)}</text>')
    for tick in x_axis.ticks():
        x = x_axis.at(tick)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + PANEL}" stroke="#eee"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{top + PANEL + 14}" text-anchor="middle" fill="#333">{_number(tick)}</text>'
        )
    for number, line in enumerate(panel.lines):
        colour = COLOURS[number % len(COLOURS)]
        parts += _line(line, x_axis, y_axis, colour)
        x = WIDTH - _RIGHT - 150 * (len(panel.lines) - number) + 20
        parts.append(f'<rect x="{x}" y="{top - 15}" width="12" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 17}" y="{top - 6}" fill="#333">{escape(line.name)}</text>')
    return parts


def _line(line: Line, x_axis: _Axis, y_axis: _Axis, colour: str) -> list[str]:
    shown = line.points if line.steps else line.points[:: max(1, len(line.points) // _MOST_POINTS)]
    points = [(x_axis.at(x), y_axis.at(y)) for x, y in shown if math.isfinite(y) and (y > 0 or not y_axis.log)]
    if line.dots:
        return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}"/>' for x, y in points]
    path: list[str] = []
    for number, (x, y) in enumerate(points):
        if line.steps and number:
            path.append(f"L{x:.1f} {points[number - 1][1]:.1f}")
        path.append(f"{'L' if number else 'M'}{x:.1f} {y:.1f}")
    return [f'<path d="{" ".join(path)}" fill="none" stroke="{colour}" stroke-width="1.6"/>']


def _number(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:.4g}"
