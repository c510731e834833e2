"""Time to the interval of r_tau, on networks trained by a study: a plain loop against a study."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from engine.bench.draws import DRAWS, plain
from engine.bench.row import BenchRow
from engine.bench.setting import SEED, Setting
from engine.bench.timing import alternate
from engine.pipeline.pipeline import Pipeline
from engine.results import Residual
from engine.runtime.progress import Reporter
from engine.runtime.seeds import borrowed_global_seed
from engine.spec import DataSpec, RunSpec
from engine.storage.store import Store

WIDER = (0, 25)  # percent: all draws, and adaptive ones whose interval may be as much wider
RESOLVED = 0.01  # width of r below which relative widths of intervals do not matter


@dataclass(frozen=True)
class Scene:
    """A study whose models are made: the small CNN on small CIFAR-5 if there is a root."""

    pipeline: Pipeline
    spec: RunSpec
    draws: int

    def measured(self, wider: int, seed: int) -> Residual:
        """Its residual knowledge, on copies that no earlier measurement has seen."""
        spec = self.with_probe(wider, seed)
        return self.pipeline.measurement.residual(self.pipeline.plan(spec), Reporter())

    def with_probe(self, wider: int, seed: int) -> RunSpec:
        """The study with copies drawn from another seed."""
        probe = replace(self.spec.probe, seed=seed, adaptive=float(wider))
        return replace(self.spec, probe=probe)

    def plainly(self) -> None:
        """Count recognized copies in a plain loop over models, norms and `draws` draws."""
        work, plan = self.pipeline.work, self.pipeline.plan(self.spec)
        models = {name: work.loaded(plan, name) for name in plan.models}
        dataset = self.pipeline.dataset(self.spec.data, Reporter())
        samples, _ = work.datasets.on_device(dataset)
        rows = torch.tensor(self.spec.forget, device=work.device)
        plain(models, samples.pixels(rows), samples.y[rows], self.spec.probe.taus, self.draws)


def interval(setting: Setting) -> Iterator[BenchRow]:
    """Original, three Re-trains and GD; c = 100, of which the plain loop does a share."""
    with tempfile.TemporaryDirectory(prefix="rk-bench-") as folder:
        pipeline = Pipeline(Store(Path(folder)), setting.device.type)
        with contextlib.closing(pipeline):
            yield from _rows(setting, _scene(setting, pipeline))


def _scene(setting: Setting, pipeline: Pipeline) -> Scene:
    data = DataSpec("small-cifar5", setting.root, SEED) if setting.root else DataSpec("digits")
    n, epochs = (5, 1) if setting.quick else (25, 15)
    spec = pipeline.compose(
        pipeline.dataset(data, Reporter()), model="cnn", methods=("gd",), forget=f"class:0:{n}",
        draws=10 if setting.quick else DRAWS, retrains=3, seed=SEED, training={"epochs": epochs},
    )  # fmt: skip
    plan = pipeline.plan(spec)
    for name in plan.models:
        pipeline.work.model(plan, name, Reporter())
    return Scene(pipeline, spec, 1 if setting.quick else 5)


def _rows(setting: Setting, scene: Scene) -> Iterator[BenchRow]:
    name = "32x32" if setting.root else "digits"
    seeds = itertools.count(1)
    with borrowed_global_seed(SEED, "bench"):
        scene.plainly()  # warm-up
        full = scene.measured(0, 0)
        for wider in WIDER:
            found: list[Residual] = []
            ratio = alternate(
                scene.plainly,
                lambda wider=wider, found=found: found.append(  # type: ignore[misc]
                    scene.measured(wider, next(seeds))
                ),
                setting.rounds,
                setting.device,
                scene.spec.probe.draws // scene.draws,
            )
            width = _width(found[-1], full)
            how = f"{1 + wider / 100:g}x as wide" if wider else "all draws"
            yield ratio.row(
                f"interval of r, small CNN, {name}, {how}", 4,
                f"for {scene.draws} of {scene.spec.probe.draws} draws; width {width:.2f}x",
                width=width,
            )  # fmt: skip


def _width(found: Residual, full: Residual) -> float:
    """The median width of the intervals in units of the full measurement's."""
    ratios = []
    for name, curve in full.curves.items():
        whole, own = curve.high - curve.low, found.curves[name].high - found.curves[name].low
        wide = whole > RESOLVED
        ratios.append(own[wide] / whole[wide])
    every = np.concatenate(ratios)
    return float(np.median(every)) if len(every) else 1.0
