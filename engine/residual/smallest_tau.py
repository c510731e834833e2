"""The smallest perturbation norm at which a model recognizes a forgotten sample again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from engine.inference.evaluator import Evaluator, attack_model
from engine.perturbations import BLOCK, Messages, named
from engine.residual.copy_counts import HALVINGS, blocks_of
from engine.runtime.batching import batches_of
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec

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
    messages: Messages | None = None,
) -> np.ndarray:
    """(n,) float64 smallest tau at which a copy of each sample is classified as y; NaN if none is.

    x: (n, *shape) float32 in [0, 1] on the model's device; samples: their training-set indices;
    messages: those that samples encode.
    Copies move along `probe.draws` fixed random directions, or are attacked towards y. The grid of
    `probe.taus` is scanned upwards to the first tau at which any copy is recognized, then the step
    below is bisected, so that recognition confined to the inside of a step may be missed. Raises
    Cancelled between batches. This project's addition, beside r_tau of Hsu et al. 2025:

        tau(x, y) = inf of tau at which m(x') = y for one of the copies x' at distance tau

    A model that classifies a pixel of at least 0.6 as 1 recognizes 0.7 unperturbed and 0.5 from
    tau = 0.1 on; 0.3 would need more than 0.2:

    >>> model = nn.Linear(1, 2).eval()
    >>> weights = {"weight": [[0.0], [1.0]], "bias": [0.0, -0.6]}
    >>> _ = model.load_state_dict({name: torch.tensor(one) for name, one in weights.items()})
    >>> x, y = torch.tensor([[0.7], [0.5], [0.3]]), torch.ones(3, dtype=torch.long)
    >>> probe = ProbeSpec("linf", (0.0, 0.05, 0.2), draws=50)
    >>> smallest_taus(model, x, y, range(3), probe, 2, Reporter()).round(2)
    array([0. , 0.1, nan])
    """
    recognition = _Recognition(
        model, x, y, samples, replace(probe, target="true"), n_classes, report, messages
    )
    high = np.full(len(x), np.nan)
    low = np.zeros(len(x))
    remaining = np.arange(len(x))
    for below, tau in zip((0.0, *probe.taus), probe.taus, strict=False):
        recognized = recognition.recognized(remaining, tau)
        high[remaining[recognized]], low[remaining[recognized]] = tau, below
        remaining = remaining[~recognized]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        for tau in np.unique(middle[high > low]):
            rows = np.flatnonzero((middle == tau) & (high > low))
            recognized = recognition.recognized(rows, float(tau))
            high[rows[recognized]], low[rows[~recognized]] = tau, tau
    return high


class _Recognition:
    """Finds the samples that have a recognized copy at a given tau."""

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        y: Tensor,
        samples: Sequence[int],
        probe: ProbeSpec,
        n_classes: int,
        report: Reporter,
        messages: Messages | None,
    ) -> None:
        self._evaluator, self._attacked = Evaluator(model), attack_model(model, probe.arithmetic, x)
        self.x, self.y, self.samples = x, y, samples
        self.probe, self.n_classes, self.report = probe, n_classes, report
        self._kind = named(probe.perturbation).on(messages)
        self._kind.check(probe.taus)
        self._batches = batches_of(x, COPIES_AT_ONCE // BLOCK)

    def recognized(self, rows: np.ndarray, tau: float) -> np.ndarray:
        """(len(rows),) bool: whether any copy of these samples at `tau` is classified as y."""
        parts = self._batches.over(len(rows), lambda part: self._recognized_rows(rows[part], tau))
        return np.concatenate([np.zeros(0, dtype=bool), *parts])

    def _recognized_rows(self, rows: np.ndarray, tau: float) -> np.ndarray:
        recognized = np.zeros(len(rows), dtype=bool)
        chosen = torch.from_numpy(rows).to(self.x.device)
        for block in range(1 if tau == 0 else blocks_of(self.probe.draws)):
            copies = self._copies(chosen, tau, block)[:, : self._width(block)]
            classes = self._evaluator.classes(copies.flatten(0, 1)).reshape(copies.shape[:2])
            recognized |= (classes == self.y[chosen][:, None]).any(1).cpu().numpy()
            self.report.advance(float(classes.numel()))
        return recognized

    def _width(self, block: int) -> int:
        return min(BLOCK, self.probe.draws - block * BLOCK)

    def _copies(self, rows: Tensor, tau: float, block: int) -> Tensor:
        x, y = self.x[rows], self.y[rows]
        samples = [self.samples[row] for row in rows.tolist()]
        if tau == 0:
            return x[:, None]
        if self._kind.attack:
            with torch.inference_mode(False):  # attacks differentiate
                return self._perturbed(x.clone(), y.clone(), samples, tau, block)
        return self._perturbed(x, y, samples, tau, block)

    def _perturbed(
        self, x: Tensor, y: Tensor, samples: Sequence[int], tau: float, block: int
    ) -> Tensor:
        return self._kind.copies(
            self.probe, tau, x, y, samples, block, self.n_classes, self._attacked
        )
