"""Growth of the cost with forget set, draws, tau, models and image size: nearly linear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.bench.row import BenchRow
from engine.bench.setting import SEED, Setting, forget_set, images, network
from engine.bench.timing import spent
from engine.perturbations import BLOCK
from engine.residual.predictions import predict_copies
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec

LINEAR = 1.25  # largest exponent that counts as nearly linear
GRIDS: Mapping[str, tuple[int, ...]] = {
    "samples": (25, 50, 100),
    "draws": (10, 20, 40),
    "taus": (4, 8, 16),
    "models": (2, 4, 8),
    "side": (16, 32, 64),
}
WORDS = {
    "samples": "samples", "draws": "draws", "taus": "tau", "models": "models",
    "side": "pixels of an image",
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    """One measurement of the small CNN; side in pixels."""

    samples: int = 25
    draws: int = BLOCK
    taus: int = 4
    models: int = 2
    side: int = 32


def scaling(setting: Setting) -> Iterator[BenchRow]:
    """Seconds against each size, the others fixed, and the exponent of the fitted power law."""
    base = Size(samples=4, side=16) if setting.quick else Size()
    for axis, values in GRIDS.items():
        steps = values[:2] if setting.quick else values
        costs = [_fastest(setting, replace(base, **{axis: value})) for value in steps]
        sizes = [value**2 if axis == "side" else value for value in steps]
        power = float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])
        pairs = zip(sizes, costs, strict=True)
        shown = ", ".join(f"{size:,}: {1000 * one:.0f} ms" for size, one in pairs)
        yield BenchRow(
            f"cost against {WORDS[axis]}", f"power <= {LINEAR:g}", f"power {power:.2f} ({shown})",
            power <= LINEAR, {"axis": axis, "sizes": sizes, "seconds": costs, "power": power},
        )  # fmt: skip


def _fastest(setting: Setting, size: Size) -> float:
    samples = images(replace(setting, root=""), size.samples, size.side)
    models = {str(number): network("cnn", samples, str(number)) for number in range(size.models)}
    x, y, numbers = forget_set(samples, size.samples)
    taus = tuple(np.linspace(0.01, 0.1, size.taus).tolist())
    probe, blocks = ProbeSpec(taus=taus, seed=SEED), range(size.draws // BLOCK)

    def measure() -> None:
        predict_copies(models, x, y, numbers, probe, blocks, samples.n_classes, Reporter())

    return min(spent(measure, setting.device).work for _ in range(1 + setting.rounds))
