"""How CR unlearns; the package describes it without importing torch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, normalize, one_hot

from engine.errors import TrainingError
from engine.methods._settings import SWEEP
from engine.methods._sweep import double
from engine.methods.base import Problem
from engine.methods.cr import CR, adapt
from engine.models.base import Classifier
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator

NEWTON_STEPS = 100  # far more than a strongly convex problem needs
GRADIENT_NORM = 1e-10  # at which the fit counts as exact

HALVINGS = 30  # of a step that does not decrease the objective, at most


def unlearn(problem: Problem, config: CR) -> Classifier:
    """The Original's features under logistic heads from which S_f was removed.

    Logs the bound on the remaining gradient, which a certificate compares with the noise.
    """
    model = problem.start().eval()
    everything = torch.cat([problem.retain, problem.forget])
    x = features(model, problem, everything)
    y = signs(problem.samples.y[everything], problem.samples.n_classes).to(x)
    rng = generator(problem.seed, "cr")
    shape = (problem.samples.n_classes, x.shape[1])
    tilt = config.noise * torch.randn(shape, generator=rng, dtype=x.dtype).to(x)
    w = fit(x, y, config.decay, tilt, problem.report)
    w, bound = forget(w, x, y, len(problem.forget), config, problem.report)
    problem.report.log(f"CR: the gradient remaining after the Newton step is at most {bound:.3g}.")
    adapt(model, config)
    with torch.no_grad():
        model.head.weight.copy_(w)
    return model


@torch.no_grad()
def features(model: Classifier, problem: Problem, indices: Tensor) -> Tensor:
    """Penultimate features (n, d) of the samples at `indices`, of L2 norm 1, float64."""
    rows = []
    for part in indices.split(SWEEP):
        rows.append(double(model.features(problem.samples.pixels(part))))
        problem.report.advance(len(part))
    return normalize(torch.cat(rows), dim=1)


def signs(labels: Tensor, n_classes: int) -> Tensor:
    """(n, K): +1 for a sample's own class, -1 for all others."""
    return 2 * one_hot(labels, n_classes) - 1


def fit(x: Tensor, y: Tensor, decay: float, tilt: Tensor, report: Reporter) -> Tensor:
    """Heads (K, d) that minimize `objective` for each class, to a gradient of `GRADIENT_NORM`.

    x: (n, d); y: (n, K) of +-1; tilt: (K, d), the random linear term. Raises TrainingError if
    Newton's method does not converge.
    """
    w = torch.zeros_like(tilt)
    for k in range(len(w)):
        for _ in range(NEWTON_STEPS):
            report.check()
            gradient = slope(w[k], x, y[:, k], decay) + tilt[k] / len(x)
            if gradient.norm() <= GRADIENT_NORM:
                break
            step = torch.linalg.solve(curvature(w[k], x, decay), gradient)
            w[k] -= _damping(w[k], step, gradient, x, y[:, k], decay, tilt[k]) * step
        else:
            raise TrainingError(
                f"CR's head of class {k} did not converge in {NEWTON_STEPS} Newton steps. Raise "
                f"cr.decay (now {decay:g})."
            )
    return w


def forget(
    w: Tensor, x: Tensor, y: Tensor, last: int, config: CR, report: Reporter
) -> tuple[Tensor, float]:
    """Heads after removing the `last` rows of x and y, and a bound on the remaining gradient.

    The bound sums (1/4) ||D|| ||X D|| ||X||_2 over steps D and classes, with X the retained rows.
    """
    w, bound, stop = w.clone(), 0.0, len(x) - last
    while len(x) > stop:
        size = min(config.removals or last, len(x) - stop)
        x, removed = x[:-size], x[-size:]
        y, removed_y = y[:-size], y[-size:]
        spectral_norm = float(torch.linalg.matrix_norm(x, 2))
        for k in range(len(w)):
            report.check()
            delta = newton_step(w[k], x, removed, removed_y[:, k], config.decay)
            bound += float(delta.norm() * (x @ delta).norm()) * spectral_norm / 4
            w[k] += delta
    return w, bound


def newton_step(w: Tensor, x: Tensor, removed: Tensor, removed_y: Tensor, decay: float) -> Tensor:
    """H^-1 g of one class, (d,): H of the n retained rows x, g of the m removed rows.

    g = sum (sigma(y w.x) - 1) y x + decay m w; H = sum sigma (1 - sigma) x x^T + decay n I.
    """
    g = len(removed) * slope(w, removed, removed_y, decay)
    step: Tensor = torch.linalg.solve(len(x) * curvature(w, x, decay), g)
    return step


def objective(w: Tensor, x: Tensor, y: Tensor, decay: float) -> Tensor:
    """Mean of -log sigma(y w.x) + decay/2 ||w||^2 for one class; w (d,), y (n,) of +-1."""
    return -logsigmoid(y * (x @ w)).mean() + decay / 2 * w.dot(w)


def slope(w: Tensor, x: Tensor, y: Tensor, decay: float) -> Tensor:
    """Gradient (d,) of `objective`."""
    return x.T @ ((torch.sigmoid(y * (x @ w)) - 1) * y) / len(x) + decay * w


def curvature(w: Tensor, x: Tensor, decay: float) -> Tensor:
    """Hessian (d, d) of `objective`."""
    s = torch.sigmoid(x @ w)
    h = (x * (s * (1 - s))[:, None]).T @ x / len(x)
    h.diagonal().add_(decay)
    return h


def _damping(
    w: Tensor, step: Tensor, gradient: Tensor, x: Tensor, y: Tensor, decay: float, tilt: Tensor
) -> float:
    """The largest of 1, 1/2, 1/4, ... at which the step decreases the objective enough (Armijo)."""

    def value(at: Tensor) -> float:
        return float(objective(at, x, y, decay) + tilt.dot(at) / len(x))

    start, descent, rate = value(w), float(gradient.dot(step)), 1.0
    for _ in range(HALVINGS):
        if value(w - rate * step) <= start - 1e-4 * rate * descent + 1e-14 * (1 + abs(start)):
            return rate
        rate /= 2
    return rate
