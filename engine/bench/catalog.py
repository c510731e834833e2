"""The measurements of the benchmark by name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch

from engine.bench import (
    adaptive,
    attacks,
    audit,
    draws,
    interval,
    jacobians,
    memory,
    reopening,
    retrains,
    scaling,
    training,
    whole,
)
from engine.bench.row import BenchRow
from engine.bench.setting import Setting, resnets
from engine.errors import unknown
from engine.runtime.device import keep_freed_memory
from engine.runtime.progress import Reporter

Measurement = Callable[[Setting], Iterator[BenchRow]]

ALL: Mapping[str, Measurement] = {
    "residual-resnet18": draws.resnet18,
    "residual-digits": draws.digits_cnn,
    "adaptive-digits": adaptive.digits_cnn,
    "adaptive-images": adaptive.small_cifar5,
    "interval": interval.interval,
    "audit": audit.audit,
    "fgsm": attacks.fgsm,
    "pgd": attacks.pgd,
    "training-cnn": training.cnn,
    "training-resnet18": training.resnet18,
    "retrains": retrains.retrains,
    "fisher": jacobians.fisher,
    "ntk": jacobians.ntk,
    "memory": memory.memory,
    "reopening": reopening.reopening,
    "scaling": scaling.scaling,
}
ASKED: Mapping[str, Measurement] = {  # slow: by --only alone
    "accuracy-cnn": training.accuracy_cnn,
    "accuracy-resnet18": training.accuracy_resnet18,
    "whole-training": whole.training,
    "whole-residual": whole.residual,
}


def chosen(text: str) -> list[str]:
    """The names in 'residual-digits,pgd' ('': all of `ALL`); SpecError for an unknown one."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in {**ALL, **ASKED}:
            raise unknown("measurement", name, [*ALL, *ASKED])
    return names or list(ALL)


def run(
    names: Sequence[str], setting: Setting, threads: int, report: Reporter
) -> Iterator[BenchRow]:
    """The rows of these measurements, as they are completed; both ways use `threads` threads."""
    every = {**ALL, **ASKED}
    keep_freed_memory()  # also in favor of the plain way
    report.expect(len(names))
    try:
        with _threads(threads):
            for name in names:
                report.stage(name)
                for row in every[name](setting):
                    report.check()
                    yield row
                report.advance(1)
    finally:
        resnets.cache_clear()
        whole.trained.cache_clear()


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Use this number of torch threads inside the context."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
