"""Fisher and NTK forgetting: one backward pass per sample and class against ours."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.bench.row import BenchRow
from engine.bench.setting import SEED, Setting, digits, network
from engine.bench.timing import alternate
from engine.methods.base import Problem
from engine.methods.fisher.computation import fisher_information
from engine.methods.ntk.computation import gram
from engine.models.base import Classifier
from engine.runtime.device_samples import Samples
from engine.spec import TrainSpec

SAMPLES, QUICK = 100, 10
BUDGET = 2.0**30  # bytes for a slice of the Jacobian
CLOSE = 1e-4  # relative difference that the order of float32 sums explains


def fisher(setting: Setting) -> Iterator[BenchRow]:
    """The diagonal of the Fisher information, small CNN on digits."""
    model, problem = _problem(setting)
    what = f"Fisher information, small CNN, {len(problem.retain)} digits"
    slow = plain_fisher(model, problem)
    fast = fisher_information(model, problem)  # warm-up as well
    yield alternate(
        lambda: plain_fisher(model, problem),
        lambda: fisher_information(model, problem),
        setting.rounds,
        setting.device,
    ).row(what, 1)
    yield _agreement(max(_apart(fast[name], slow[name]) for name in slow))


def ntk(setting: Setting) -> Iterator[BenchRow]:
    """The Gram matrix of the logits' gradients, small CNN on digits."""
    model, problem = _problem(setting)
    what = f"NTK's Gram matrix, small CNN, {len(problem.retain)} digits"
    slow, fast = plain_gram(model, problem), gram(model, problem, problem.retain, BUDGET)
    yield alternate(
        lambda: plain_gram(model, problem),
        lambda: gram(model, problem, problem.retain, BUDGET),
        setting.rounds,
        setting.device,
    ).row(what, 1)
    yield _agreement(_apart(fast, slow))


def plain_fisher(model: Classifier, problem: Problem) -> dict[str, Tensor]:
    """Parameter -> mean over samples of sum_y p_y (d CE(f(x), y) / d theta)^2, one by one."""
    weights = dict(model.named_parameters())
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for index in problem.retain:
        x = problem.samples.pixels(index[None])
        logits = model(x)
        p = logits.softmax(1)[0].detach()
        for y, chance in enumerate(p):
            loss = cross_entropy(logits, torch.tensor([y], device=x.device))
            found = torch.autograd.grad(loss, list(weights.values()), retain_graph=True)
            for name, gradient in zip(weights, found, strict=True):
                total[name] += chance * gradient**2
    return {name: one.detach() / len(problem.retain) for name, one in total.items()}


def plain_gram(model: Classifier, problem: Problem) -> Tensor:
    """(n K, n K) float64 products of the gradients of f_c(x_i), one by one."""
    weights = list(model.parameters())
    rows = []
    for index in problem.retain:
        logits = model(problem.samples.pixels(index[None]))[0]
        for logit in logits:
            found = torch.autograd.grad(logit, weights, retain_graph=True)
            rows.append(torch.cat([gradient.flatten() for gradient in found]))
    jacobian = torch.stack(rows)
    return (jacobian @ jacobian.T).double()


def _problem(setting: Setting) -> tuple[Classifier, Problem]:
    whole = digits(setting)
    n = QUICK if setting.quick else SAMPLES
    samples = Samples(whole.x[:n], whole.y[:n], whole.n_classes)
    model = network("cnn", samples)
    rows = torch.arange(n, device=setting.device)
    problem = Problem(
        original=model,
        samples=samples,
        retain=rows,
        forget=rows[:0],
        seed=SEED,
        train=TrainSpec(),
        fresh=lambda salt: network("cnn", samples, salt),
        initial=lambda: network("cnn", samples),
    )
    return model, problem


def _apart(one: Tensor, other: Tensor) -> float:
    """Largest difference relative to the largest value."""
    return float((one - other).abs().max() / other.abs().max())


def _agreement(apart: float) -> BenchRow:
    return BenchRow(
        "  largest difference, relative to the largest value", f"<= {CLOSE:g}", f"{apart:.1e}",
        apart <= CLOSE, {"apart": apart},
    )  # fmt: skip
