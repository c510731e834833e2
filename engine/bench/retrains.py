"""Many Re-trains: trained side by side against one by one, alone and in a study's store."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from engine.bench.row import BenchRow
from engine.bench.setting import SEED, Setting, digits, images, network
from engine.bench.timing import alternate
from engine.models.base import Classifier
from engine.pipeline.pipeline import Pipeline
from engine.runtime.cores import use_cores
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import derive
from engine.spec import DataSpec, TrainSpec
from engine.storage.store import Store
from engine.study.plan import Plan
from engine.training.ensemble import Member, train_together
from engine.training.sgd import train_from_scratch

MANY, FEW = 20, 5
SPEC = TrainSpec(epochs=30, lr=0.1)


def retrains(setting: Setting) -> Iterator[BenchRow]:
    """The MLP on digits, in training alone and in a study; then on 32 x 32 images."""
    if setting.device.type != "cpu":
        yield BenchRow(f"{MANY} Re-trains against one by one", "", "only on a CPU")
        return
    yield from _trained(setting, "digits' MLP", digits(setting), MANY / FEW)
    yield _in_a_study(setting)
    yield from _trained(setting, "MLP, 32x32", images(setting, 500), None)


def one_by_one(models: list[Classifier], samples: Samples, spec: TrainSpec) -> None:
    """Train each of the networks by itself."""
    rows = torch.arange(len(samples))
    for number, model in enumerate(models):
        train_from_scratch(
            model, samples, rows, spec, seed=derive(SEED, number), report=Reporter()
        )  # fmt: skip


def together(models: list[Classifier], samples: Samples, spec: TrainSpec) -> bool:
    """Train them side by side; False where this processor's arithmetic differs in company."""
    members = [Member(str(j), model, derive(SEED, j)) for j, model in enumerate(models)]
    rows = torch.arange(len(samples))
    return train_together(members, samples, rows, spec, Reporter()) is not None


def equal(ones: list[Classifier], others: list[Classifier]) -> int:
    """How many of the networks have the same weights, bit for bit."""
    pairs = zip(ones, others, strict=True)
    return sum(
        all(map(torch.equal, one.parameters(), other.parameters())) for one, other in pairs
    )  # fmt: skip


def _trained(
    setting: Setting, name: str, samples: Samples, target: float | None
) -> Iterator[BenchRow]:
    count = FEW if setting.quick else MANY
    spec = TrainSpec(epochs=2, lr=SPEC.lr) if setting.quick else SPEC
    alone: list[Classifier] = []
    grouped: list[Classifier] = []

    def fresh(into: list[Classifier]) -> list[Classifier]:
        into[:] = [network("mlp", samples, str(number)) for number in range(count)]
        return into

    with _one_thread():  # as a study does for networks as small as these
        few = TrainSpec(epochs=1)  # warm-up: neither way pays for the first use
        one_by_one(fresh(alone), samples, few)
        together(fresh(grouped), samples, few)
        ratio = alternate(
            lambda: one_by_one(fresh(alone), samples, spec),
            lambda: together(fresh(grouped), samples, spec),
            setting.rounds,
            setting.device,
        )
    what = f"{count} Re-trains of {name} against one by one"
    row = ratio.row(what, target or 1)
    yield row if target else BenchRow(row.what, "", row.measured, None, row.facts)
    same = equal(alone, grouped)
    yield BenchRow(
        "  same weights, bit for bit", "all", f"{same} of {count}", same == count, {"equal": same}
    )  # fmt: skip


def _in_a_study(setting: Setting) -> BenchRow:
    """The same with everything that a study does: networks made, outputs and weights stored."""
    many, few = (FEW, 2) if setting.quick else (MANY, FEW)
    with tempfile.TemporaryDirectory(prefix="rk-bench-") as folder, _one_thread():
        pipeline = Pipeline(Store(Path(folder)), setting.device.type)
        with contextlib.closing(pipeline):
            plans = (_plan(pipeline, many, SEED + step) for step in itertools.count())
            _made_alone(pipeline, next(plans), 1)  # warm-up
            ratio = alternate(
                lambda: _made_alone(pipeline, next(plans), few),
                lambda: pipeline.work.retrains(next(plans), Reporter()),
                setting.rounds,
                setting.device,
            )
    return ratio.row(f"  {many} made and stored, against {few} one by one", 1)


def _made_alone(pipeline: Pipeline, plan: Plan, count: int) -> None:
    for number in range(count):
        pipeline.work.model(plan, f"retrain-{number}", Reporter())


def _plan(pipeline: Pipeline, count: int, seed: int) -> Plan:
    """A study of digits' MLP, of which the Original is made."""
    spec = pipeline.compose(
        pipeline.dataset(DataSpec("digits"), Reporter()), methods=("gd",), retrains=count,
        seed=seed, training={"epochs": SPEC.epochs},
    )  # fmt: skip
    plan = pipeline.plan(spec)
    pipeline.work.model(plan, "original", Reporter())
    return plan


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    use_cores(most=1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
