"""Reopening a large session: three seeds of a study with 13 methods and 2,000 forget samples."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine import registry
from engine.bench.child import in_child, peak
from engine.bench.row import BenchRow
from engine.bench.setting import SEED, Setting
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.records import labels_of, study_arrays, study_attributes
from engine.residual.summary import summarize
from engine.results import Residual, Study
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator
from engine.spec import DataSpec, MethodSpec, ModelSpec, ProbeSpec, RunSpec, TrainSpec
from engine.storage.store import Store
from engine.study import compose

DATA = DataSpec("digits")
METHODS, SEEDS = 13, (131, 42, 7)
FORGET, DRAWS, CLASSES = 2000, 100, 10
TRAINED, TESTED = 50_000, 10_000  # samples with stored logits
QUICK = 20  # times fewer samples
LONGEST, LARGEST = 1.0, 1024.0  # s, MiB


def reopening(setting: Setting) -> Iterator[BenchRow]:
    """Seconds and memory to load list, study and models in a fresh process."""
    fewer = QUICK if setting.quick else 1
    with tempfile.TemporaryDirectory(prefix="rk-bench-") as folder:
        write(Path(folder), fewer)
        found = in_child(reopen, folder)
    yield BenchRow(
        f"reopening {METHODS} methods, 11 tau, {FORGET // fewer:,} samples, {len(SEEDS)} seeds",
        "<= 1 s",
        f"{found['seconds']:.2f} s (list {found['list']:.2f}, study {found['study']:.2f}, "
        f"models {found['models']:.2f}); the studies of all seeds {found['all']:.2f} s",
        found["seconds"] <= LONGEST, found,
    )  # fmt: skip
    yield BenchRow(
        "  memory, all seeds' studies and one's models", "<= 1 GiB",
        f"{found['mib']:.0f} MiB above the imports", found["mib"] <= LARGEST,
    )  # fmt: skip


def write(root: Path, fewer: int = 1) -> None:
    """Fill the store in `root` with synthetic studies and models."""
    pipeline = Pipeline(Store(root), "cpu")
    specs = [_spec(seed, FORGET // fewer) for seed in SEEDS]
    residual = _residual(specs[0])
    rng = numpy_generator(SEED, "bench", "logits")
    arrays: dict[str, np.ndarray] = {
        "history/loss": np.ones(137),
        "outputs/train": rng.normal(size=(TRAINED // fewer, CLASSES)).astype(np.float32),
        "outputs/test": rng.normal(size=(TESTED // fewer, CLASSES)).astype(np.float32),
    }
    for spec in specs:
        plan = pipeline.plan(spec)
        for name, mark in plan.models.items():
            pipeline.work.results.put("models", mark, arrays, spec, 1.0, model=name)
        labels = labels_of(spec)
        metrics = {name: {"seconds": 1.0} for name in labels}
        made = Study(
            plan.key, compose.as_plain(spec), np.array(spec.forget), metrics, labels,
            residual,
        )  # fmt: skip
        pipeline.work.results.put(
            "studies", made.key, study_arrays(made), spec, 1.0, **study_attributes(made)
        )
    pipeline.close()


def reopen(folder: str) -> dict[str, float]:
    """Seconds of each step of reopening, and the memory in MiB."""
    pipeline = Pipeline(Store(Path(folder)), "cpu")
    pipeline.dataset(DATA, Reporter())  # small: only the loading of results is measured
    before = peak()
    started = time.perf_counter()
    listed = pipeline.studies()
    at_list = time.perf_counter()
    shown = pipeline.study(listed[0].key)
    at_study = time.perf_counter()
    models = pipeline.models(pipeline.spec_of(shown))
    ended = time.perf_counter()
    others = [pipeline.study(one.key) for one in listed[1:]]
    at_all = time.perf_counter()
    pipeline.close()
    assert len(models) == METHODS + 4 and len(others) == len(SEEDS) - 1
    return {
        "seconds": ended - started,
        "list": at_list - started,
        "study": at_study - at_list,
        "models": ended - at_study,
        "all": at_study - at_list + at_all - ended,
        "mib": peak() - before,
    }


def _spec(seed: int, forget: int) -> RunSpec:
    names = [name for name in registry.names("method") if name != "retrain"][:METHODS]
    return RunSpec(
        replace(DATA, fingerprint="0" * 20),
        ModelSpec("resnet18"),
        TrainSpec(),
        tuple(range(forget)),
        tuple(MethodSpec(name, _config(name)) for name in names),
        seed=seed,
        probe=ProbeSpec(seed=seed, draws=DRAWS),
    )


def _config(name: str) -> object:
    config = registry.get("method", name).config
    assert config is not None
    return config()


def _residual(spec: RunSpec) -> Residual:
    """Random predictions whose accuracy decreases with tau."""
    rng = numpy_generator(SEED, "bench", "answers")
    n, names = len(spec.forget), list(compose.model_keys(spec))
    y = rng.integers(0, CLASSES, n)
    chance = np.linspace(0.9, 0.2, len(spec.probe.taus))[None, :, None]
    size = (n, len(spec.probe.taus), DRAWS)
    answers = {
        name: np.where(rng.random(size) < chance, y[:, None, None], rng.integers(0, CLASSES, size))
        for name in names
    }
    found = {name: one.astype(np.uint8) for name, one in answers.items()}
    judged = [name for name in names if not name.startswith("retrain-")]
    retrains = [name for name in names if name.startswith("retrain-")]
    return summarize(spec.probe, DRAWS, np.array(spec.forget), y, found, judged, retrains)
