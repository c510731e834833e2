"""`rk-engine bench`: prints the table row by row, then writes the requested files."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from engine.bench import catalog
from engine.bench.row import BenchRow, closing, heading, line
from engine.bench.setting import Setting
from engine.errors import SpecError
from engine.runtime.console import ConsoleReporter
from engine.runtime.device import choose_device
from engine.storage import output_files
from engine.storage.store import versions


def bench(options: argparse.Namespace) -> None:
    """Run the benchmark; SpecError for an unknown measurement, device or number of threads."""
    if options.only == "?":
        print("\n".join([*catalog.ALL, *(f"{name} (only by name)" for name in catalog.ASKED)]))
        return
    names = catalog.chosen(options.only)
    if options.plot and "scaling" not in names:
        raise SpecError("--plot needs the measurement 'scaling'. Add it to --only.")
    setting = Setting(choose_device(options.device), options.quick, str(options.root))
    threads = _threads(options.threads)
    print(_circumstances(setting, threads))
    print(heading(), flush=True)
    rows, started = [], time.monotonic()
    with ConsoleReporter() as report:
        for row in catalog.run(names, setting, threads, report):
            print(line(row), flush=True)
            rows.append(row)
    print(f"{closing(rows)} {time.monotonic() - started:.0f} s in total.")
    if options.json:
        results = {"facts": _facts(setting, threads), "rows": [row.plain() for row in rows]}
        output_files.write_text(options.json, json.dumps(results, indent=1) + "\n")
    if options.plot:
        _plot(rows, options.plot)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads(count: int | None) -> int:
    if count is not None and count < 1:
        raise SpecError(f"--threads must be at least 1, but is {count}.")
    return count or cores()


def _facts(setting: Setting, threads: int) -> dict[str, Any]:
    name = torch.cuda.get_device_name(setting.device) if setting.device.type == "cuda" else ""
    return {
        "device": str(setting.device),
        "gpu": name,
        "machine": platform.machine(),
        "cores": cores(),
        "threads": threads,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "images": "small CIFAR-5" if setting.root else "made",
        "quick": setting.quick,
        "versions": versions(),
    }


def _circumstances(setting: Setting, threads: int) -> str:
    """The circumstances of the measurement: device, cores, load, images and version of torch."""
    facts = _facts(setting, threads)
    load = "unknown" if facts["load"] is None else f"{facts['load']:.2f}"
    return (
        f"{facts['gpu'] or facts['device']}, {threads} of {facts['cores']} cores for both ways, "
        f"load average {load} before, {facts['images']} images, torch {torch.__version__}"
    )


def _plot(rows: Sequence[BenchRow], out: Path) -> None:
    from engine.figures.scaling import Cost, scaling

    costs = [
        Cost(row.what.removeprefix("cost against "), row.facts["sizes"], row.facts["seconds"])
        for row in rows
        if "power" in row.facts
    ]
    for path in scaling(costs, out):
        print(path)
