"""Residual knowledge from random draws: a loop over models, tau and draws against ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.bench.row import BenchRow
from engine.bench.setting import (
    MODELS,
    SEED,
    Setting,
    digits,
    forget_set,
    operations,
    resnets,
    trained,
)
from engine.bench.timing import alternate, matrix_rate, spent
from engine.models.base import Classifier
from engine.perturbations import BLOCK, Noise, named
from engine.residual.copy_counts import correct_counts
from engine.residual.predictions import predict_copies
from engine.residual.ratio import curve, resampling_weights
from engine.runtime.libraries import torchattacks
from engine.runtime.progress import Reporter
from engine.runtime.seeds import borrowed_global_seed
from engine.spec import ASKED, AUTO, PAPER_TAUS, ModelSpec, ProbeSpec, TrainSpec, parse_taus
from engine.study.compose import settled_probe

DRAWS = 100  # of the complete measurement, of which a share is timed
MORE = 4  # times as many predictions as the plain way computes, for large networks
DIGITS_TAUS = "0:0.4:11"


@dataclass(frozen=True)
class Work:
    """The input of both ways: the plain one gets all samples, ours the first `few`.

    The plain way does `plain_draws` draws, ours `blocks` blocks of draws. In a round, ours computes
    `more` times as many predictions (samples times draws) as the plain way.
    """

    network: str
    models: Mapping[str, Classifier]
    x: Tensor
    y: Tensor
    n_classes: int
    probe: ProbeSpec
    plain_draws: int
    few: int
    blocks: int

    @property
    def share(self) -> float:
        """The share of the complete measurement (c = 100 for every sample) in a round."""
        return self.plain_draws / DRAWS

    @property
    def more(self) -> int:
        """Our number of predictions divided by the plain way's."""
        return self.few * self.blocks * BLOCK // (len(self.x) * self.plain_draws)


def resnet18(setting: Setting) -> Iterator[BenchRow]:
    """ResNet-18 on 32 x 32 images, 5 models, 11 tau, Gaussian."""
    n = 20 if setting.quick else 100
    draws = 10 if setting.device.type == "cuda" else 1
    samples, models = resnets(setting)
    x, y, _ = forget_set(samples, n)
    yield from _rows(
        setting,
        "ResNet-18, 32x32",
        Work(
            "resnet18", models, x, y, samples.n_classes, probe_of(setting, "resnet18", PAPER_TAUS),
            draws, MORE * n * draws // BLOCK, 1,
        ),
    )  # fmt: skip


def digits_cnn(setting: Setting) -> Iterator[BenchRow]:
    """The small CNN on digits, 5 models, 11 tau, Gaussian."""
    samples = digits(setting)
    n, blocks = (20, 1) if setting.quick else (100, 4)
    x, y, _ = forget_set(samples, n)
    probe = probe_of(setting, "cnn", parse_taus(DIGITS_TAUS))
    models = trained("cnn", samples, TrainSpec(epochs=3, lr=0.05))
    work = Work("cnn", models, x, y, samples.n_classes, probe, blocks * BLOCK, n, blocks)
    yield from _rows(setting, "small CNN, digits", work)


def plain(
    models: Mapping[str, Classifier], x: Tensor, y: Tensor, taus: Sequence[float], draws: int
) -> dict[str, Tensor]:
    """model -> (T, n) recognized copies of each sample, counted in a plain loop."""
    library = torchattacks()
    counts = {}
    for name, model in models.items():
        counts[name] = torch.zeros(len(taus), len(x), dtype=torch.int64, device=x.device)
        for t, tau in enumerate(taus):
            attack = library.GN(model, std=tau)
            for _ in range(draws):
                copies = attack(x, y)
                with torch.no_grad():
                    counts[name][t] += model(copies).argmax(1) == y
    return counts


def ours(work: Work) -> dict[str, np.ndarray]:
    """model -> (few, T, draws) predicted classes."""
    return predict_copies(
        work.models, work.x[: work.few], work.y[: work.few], range(work.few), work.probe,
        range(work.blocks), work.n_classes, Reporter(),
    )  # fmt: skip


@torch.inference_mode()
def in_float32(work: Work) -> dict[str, np.ndarray]:
    """model -> (few, T, draws) classes that plain float32 models predict for our copies."""
    x, shape, kind = work.x[: work.few], work.x.shape[1:], named(work.probe.perturbation)
    assert isinstance(kind, Noise)
    taus = work.probe.taus
    found = {
        name: np.zeros((work.few, len(taus), work.blocks * BLOCK), np.uint8) for name in work.models
    }
    for block in range(work.blocks):
        columns = slice(block * BLOCK, (block + 1) * BLOCK)
        noise = kind.noise(range(work.few), shape, work.probe.seed, block, x.device)
        for t, tau in enumerate(taus):
            copies = kind.moved(x, noise, tau).flatten(0, 1)
            for name, model in work.models.items():
                called = model(copies).argmax(1).reshape(work.few, BLOCK)
                found[name][:, t, columns] = called.cpu().numpy()
    return found


def probe_of(setting: Setting, network: str, taus: tuple[float, ...]) -> ProbeSpec:
    """The default probe of a study."""
    probe = ProbeSpec(taus=taus, seed=SEED, between=AUTO)
    return settled_probe(probe, ModelSpec(network), setting.device.type)


def _rows(setting: Setting, name: str, work: Work) -> Iterator[BenchRow]:
    taus = work.probe.taus
    few = work.x[:2], work.y[:2]
    with borrowed_global_seed(SEED, "bench"):
        plain(work.models, *few, taus[:1], 1)  # warm-up: neither way pays for the first use
        ratio = alternate(
            lambda: plain(work.models, work.x, work.y, taus, work.plain_draws),
            lambda: ours(work),
            setting.rounds,
            setting.device,
            work.more,
        )
    what = f"residual knowledge, {name}, {len(MODELS)} models, {len(taus)} tau"
    done = f"{work.share:.0%} of {DRAWS} draws, ours in {work.more * work.share:.0%}"
    yield ratio.row(what, 4, done, share=work.share)
    work = replace(work, few=work.few // work.more)
    yield from compared(work)
    yield rate(setting, work)


def compared(work: Work) -> Iterator[BenchRow]:
    """Agreement of our decisions with float32 on the same copies."""
    fast, exact = ours(work), in_float32(work)
    y = work.y[: work.few].cpu().numpy()
    right = {
        name: (fast[name] == y[:, None, None], exact[name] == y[:, None, None]) for name in fast
    }
    equal = np.mean([one == other for one, other in right.values()])
    size = sum(one.size for one, _ in right.values())
    yield BenchRow(
        "  same decisions as float32", ">= 99.9 %", f"{100 * equal:.3f} % of {size:,}",
        bool(equal >= 0.999), {"equal": float(equal), "decisions": size},
    )  # fmt: skip
    judged = [name for name in fast if not name.startswith("retrain-")]
    gap = max(_gap(fast, exact, name, y) for name in judged)
    yield BenchRow(
        "  largest difference of r_tau", "<= 0.005", f"{gap:.4f}", gap <= 0.005, {"gap": gap}
    )


def _gap(
    fast: Mapping[str, np.ndarray], exact: Mapping[str, np.ndarray], name: str, y: np.ndarray
) -> float:
    one, other = (_mean(found, name, y) for found in (fast, exact))
    return float(np.nanmax(np.abs(one - other), initial=0.0))


def _mean(found: Mapping[str, np.ndarray], name: str, y: np.ndarray) -> np.ndarray:
    draws = found[name].shape[2]
    retrains = [role for role in found if role.startswith("retrain-")]
    a = np.stack([correct_counts(found[role], y, draws) for role in retrains])
    mean: np.ndarray = curve(
        correct_counts(found[name], y, draws), a, resampling_weights(len(y), 0)
    ).mean
    return mean


def rate(setting: Setting, work: Work) -> BenchRow:
    """The speed of our forward passes as a share of the machine's matrix products."""
    each = operations(work.network, tuple(work.x.shape[1:]), work.n_classes)
    copies = work.blocks * sum(1 if tau == 0 else BLOCK for tau in work.probe.taus)
    done = each * copies * work.few * len(work.models)
    work = replace(work, probe=replace(work.probe, between=ASKED))
    reached = done / spent(lambda: ours(work), setting.device).wall
    limit, kind = matrix_rate(setting.device)
    target = 0.5 if work.network == "resnet18" else None
    return BenchRow(
        f"  share of this machine's {kind} matrix rate",
        f">= {target:.0%}" if target else "",
        f"{reached / limit:.0%} ({reached / 1e9:,.0f} of {limit / 1e9:,.0f} GFLOP/s)",
        reached / limit >= target if target else None,
        {"rate": reached, "matrix_rate": limit, "kind": kind},
    )
