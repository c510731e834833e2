"""How far a forgotten sample must be pushed until a model recognizes it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from engine.inference.evaluator import Ready, attackable
from engine.perturbations import BLOCK, named
from engine.residual.predictions import blocks_of
from engine.runtime.batching import batches_of
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec

HALVINGS = 10  # of a step of the grid: a thousandth of it is left
COPIES_AT_ONCE = 2000


@torch.inference_mode()
def smallest_taus(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    samples: Sequence[int],
    probe: ProbeSpec,
    n_classes: int,
    report: Reporter,
) -> np.ndarray:
    """(n,) float64 smallest tau at which a copy of each sample is called y; NaN if none is.

    x: (n, *shape) float32 in [0, 1] on the model's device; samples: their training-set indices.
    Copies go along `probe.draws` fixed random directions, or are attacked towards y. The grid of
    `probe.taus` is scanned upward to the first tau at which any copy is recognized, then the step
    below it is halved, so a recognition that ends again within one step may be missed. Raises
    Cancelled between batches. This project's addition, beside r_tau of Hsu et al. 2025:

        tau(x, y) = inf of tau at which m(x') = y for one of the copies x' at distance tau

    A model that calls one pixel 1 from 0.6 on recognizes 0.7 as it is, and 0.5 from 0.1 on; more
    than 0.2 would be needed for 0.3:

    >>> model = nn.Linear(1, 2).eval()
    >>> weights = {"weight": [[0.0], [1.0]], "bias": [0.0, -0.6]}
    >>> _ = model.load_state_dict({name: torch.tensor(one) for name, one in weights.items()})
    >>> x, y = torch.tensor([[0.7], [0.5], [0.3]]), torch.ones(3, dtype=torch.long)
    >>> probe = ProbeSpec("linf", (0.0, 0.05, 0.2), draws=50)
    >>> smallest_taus(model, x, y, range(3), probe, 2, Reporter()).round(2)
    array([0. , 0.1, nan])
    """
    seen = _Eye(model, x, y, samples, replace(probe, target="true"), n_classes, report)
    high = np.full(len(x), np.nan)
    low = np.zeros(len(x))
    left = np.arange(len(x))
    for below, tau in zip((0.0, *probe.taus), probe.taus, strict=False):
        found = seen.recognized(left, tau)
        high[left[found]], low[left[found]] = tau, below
        left = left[~found]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        for tau in np.unique(middle[high > low]):
            rows = np.flatnonzero((middle == tau) & (high > low))
            found = seen.recognized(rows, float(tau))
            high[rows[found]], low[rows[~found]] = tau, tau
    return high


class _Eye:
    """Says which of the samples have a recognized copy at one tau."""

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        samples: Sequence[int],
        probe: ProbeSpec,
        n_classes: int,
        report: Reporter,
    ) -> None:
        self._judge, self._attacked = Ready(model), attackable(model, probe.arithmetic, x)
        self.x, self.y, self.samples = x, y, samples
        self.probe, self.n_classes, self.report = probe, n_classes, report
        self._kind = named(probe.perturbation)
        self._kind.check(probe.taus)
        self._batches = batches_of(x, COPIES_AT_ONCE // BLOCK)

    def recognized(self, rows: np.ndarray, tau: float) -> np.ndarray:
        """(len(rows),) bool: whether any copy of each of these samples at `tau` is called y."""
        parts = self._batches.over(len(rows), lambda part: self._seen(rows[part], tau))
        return np.concatenate([np.zeros(0, dtype=bool), *parts])

    def _seen(self, rows: np.ndarray, tau: float) -> np.ndarray:
        found = np.zeros(len(rows), dtype=bool)
        chosen = torch.from_numpy(rows).to(self.x.device)
        for block in range(1 if tau == 0 else blocks_of(self.probe.draws)):
            copies = self._copies(chosen, tau, block)[:, : self._width(block)]
            called = self._judge.classes(copies.flatten(0, 1)).reshape(copies.shape[:2])
            found |= (called == self.y[chosen][:, None]).any(1).cpu().numpy()
            self.report.advance(float(called.numel()))
        return found

    def _width(self, block: int) -> int:
        return min(BLOCK, self.probe.draws - block * BLOCK)

    def _copies(self, rows: Tensor, tau: float, block: int) -> Tensor:
        x, y = self.x[rows], self.y[rows]
        samples = [self.samples[row] for row in rows.tolist()]
        if tau == 0:
            return x[:, None]
        if self._kind.attack:
            with torch.inference_mode(False):  # attacks differentiate
                return self._made(x.clone(), y.clone(), samples, tau, block)
        return self._made(x, y, samples, tau, block)

    def _made(self, x: Tensor, y: Tensor, samples: Sequence[int], tau: float, block: int) -> Tensor:
        return self._kind.copies(
            self.probe, tau, x, y, samples, block, self.n_classes, self._attacked
        )
