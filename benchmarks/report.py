"""How every benchmark reports: one JSON object, last on stdout."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Results = Mapping[str, float | int | None]


def machine() -> dict[str, Any]:
    """The machine that the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def show(benchmark: str, results: Results, *, as_json: bool) -> None:
    """Print ``results`` (flat, units in the names): as a table, or as one JSON object."""
    rounded = {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in results.items()
    }
    if as_json:
        report = {"benchmark": benchmark, "machine": machine(), "results": rounded}
        sys.stdout.write(json.dumps(report) + "\n")
        return
    width = max(map(len, rounded))
    for name, value in rounded.items():
        sys.stdout.write(f"{name:{width}}  {value}\n")


def percentile(values: Sequence[float], share: float) -> float | None:
    """The quantile ``share`` (0 to 1) of ``values``; None without values."""
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[min(98, max(0, round(share * 100) - 1))]


def spread(name: str, values: Sequence[float]) -> dict[str, float | None]:
    """Median and 95th percentile of ``values``, named as results."""
    return {
        f"{name}_p50": statistics.median(values) if values else None,
        f"{name}_p95": percentile(values, 0.95),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
