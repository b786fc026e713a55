"""What machines can do and what they cost. Facts of data sheets and price lists; nothing here was measured by us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PRICES_DATE = "2026-06"
"""When the prices below were read; on demand, Linux, us-east-1. They change, and yours may differ: check yours."""


@dataclass(frozen=True)
class Gpu:
    """A kind of GPU.

    Attributes:
        title: As people call it.
        memory_bytes: That programs can use.
        half_flop_per_s: Peak in bfloat16 or float16 on tensor cores, dense; of data sheets.
        fp32_flop_per_s: Peak in float32.
        usd_per_h: One GPU with its share of the machine.
        instance: What the price is of.
    """

    title: str
    memory_bytes: int
    half_flop_per_s: float
    fp32_flop_per_s: float
    usd_per_h: float
    instance: str


GPUS: Mapping[str, Gpu] = {
    "h200": Gpu("H200", 139 * 2**30, 989e12, 67e12, 5.41, "an eighth of an 8 x H200 capacity block (p5e, us-east-2)"),
    "a10g": Gpu("A10G", 22 * 2**30, 70e12, 35e12, 1.006, "g5.xlarge"),
    "l4": Gpu("L4", 22 * 2**30, 121e12, 30.3e12, 0.805, "g6.xlarge"),
    "t4": Gpu("T4", 15 * 2**30, 65e12, 8.1e12, 0.526, "g4dn.xlarge"),
}
USD_PER_CORE_H = 0.0446
"""A virtual core of a c7i machine."""
