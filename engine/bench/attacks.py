"""Residual knowledge under attacks: copies made against one model, evaluated by four."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from engine.bench.row import BenchRow
from engine.bench.setting import SEED, Setting, forget_set, resnets
from engine.bench.timing import alternate
from engine.inference.evaluator import attack_model
from engine.models.base import Classifier
from engine.perturbations import BLOCK, named
from engine.residual.predictions import predict_copies
from engine.runtime.libraries import torchattacks
from engine.runtime.progress import Reporter
from engine.runtime.seeds import borrowed_global_seed
from engine.spec import AUTO, ModelSpec, ProbeSpec
from engine.study.compose import settled_probe

TAU = 8 / 255
VIEWERS = ("original", "retrain-0", "retrain-1", "retrain-2")  # of copies made against the first
FEW = 6  # samples with BLOCK draws, against FEW * BLOCK samples with one draw for the plain way
MORE = 4  # times as many for timing ours, as its set-up would dominate with a few


def fgsm(setting: Setting) -> Iterator[BenchRow]:
    """ResNet-18 on 32 x 32 images, FGSM against one model, evaluated by it and three Re-trains."""
    yield from _rows(setting, "fgsm", "FGSM", None)


def pgd(setting: Setting) -> Iterator[BenchRow]:
    """The same with PGD of ten steps."""
    yield from _rows(setting, "pgd", "PGD-10", 2)


def plain(
    models: Mapping[str, Classifier], x: Tensor, y: Tensor, probe: ProbeSpec
) -> dict[str, Tensor]:
    """model -> (n,) whether it recognizes one copy of each sample made against the Original."""
    library = torchattacks()
    source = models["original"]
    if probe.perturbation == "fgsm":
        attack = library.FGSM(source, eps=TAU)
    else:
        attack = library.PGD(source, eps=TAU, alpha=probe.step_size, steps=probe.steps)
    copies = attack(x, y)
    with torch.no_grad():
        return {name: models[name](copies).argmax(1) == y for name in VIEWERS}


def ours(
    models: Mapping[str, Classifier], x: Tensor, y: Tensor, probe: ProbeSpec, n_classes: int
) -> dict[str, np.ndarray]:
    """model -> (FEW, 1, BLOCK) predicted classes."""
    viewers = {name: models[name] for name in VIEWERS}
    return predict_copies(
        viewers, x, y, range(len(x)), probe, range(1), n_classes, Reporter(), models["original"]
    )


def _rows(setting: Setting, name: str, label: str, target: float | None) -> Iterator[BenchRow]:
    samples, models = resnets(setting)
    few = 1 if setting.quick else FEW
    x, y, _ = forget_set(samples, few * BLOCK)
    more = MORE * few
    # away from the true class, the default of torchattacks
    probe = ProbeSpec(name, (TAU,), BLOCK, SEED, target="none", arithmetic=AUTO)
    probe = settled_probe(probe, ModelSpec("resnet18"), setting.device.type)
    with borrowed_global_seed(SEED, "bench"):
        ratio = alternate(
            lambda: plain(models, x, y, probe),
            lambda: ours(models, x[:more], y[:more], probe, samples.n_classes),
            setting.rounds,
            setting.device,
            MORE,
        )
    row = ratio.row(f"{label}, ResNet-18, 32x32, 1 model attacked, 4 asked", target or 1)
    yield row if target else BenchRow(row.what, "", row.measured, None, row.facts)
    yield _compared(models, x[:few], y[:few], probe, samples.n_classes)


def _compared(
    models: Mapping[str, Classifier], x: Tensor, y: Tensor, probe: ProbeSpec, n_classes: int
) -> BenchRow:
    """The share of decisions that agree with plain float32 models on the same copies."""
    numbers = range(len(x))
    source = attack_model(models["original"], probe.arithmetic, x)
    kind = named(probe.perturbation)
    copies = kind.copies(probe, TAU, x, y, numbers, 0, n_classes, source).flatten(0, 1)
    found = ours(models, x, y, probe, n_classes)
    truth = y.cpu().numpy()
    equal = []
    for name in VIEWERS:
        with torch.no_grad():
            exact = models[name](copies).argmax(1).reshape(len(x), BLOCK).cpu().numpy()
        equal.append((exact == truth[:, None]) == (found[name][:, 0] == truth[:, None]))
    share = float(np.mean(equal))
    size = sum(one.size for one in equal)
    return BenchRow(
        "  same decisions as float32", ">= 99.9 %", f"{100 * share:.3f} % of {size:,}",
        share >= 0.999, {"equal": share, "decisions": size},
    )  # fmt: skip
