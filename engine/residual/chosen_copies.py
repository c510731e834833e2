"""Predictions of selected copies only: the first draws of each (sample, tau), as allocated.

The copies are those of `engine.residual.predictions.predict_copies`, so that counts equal those of
the full run, restricted to the first draws of a cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.arrays import Integers
from engine.inference.evaluator import evaluators_of
from engine.perturbations import BLOCK, Noise, named
from engine.residual.allocation import Answers, Counts
from engine.residual.predictions import copies_at_once
from engine.runtime.batching import batches_of
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec

ROWS = 1000  # samples whose noise is in memory at the same time
FAR = 60_000.0  # approximately the largest margin that float16 can represent


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of one model so far.

    classes (n, T, c): uint8 or uint16 predicted class of each copy, `missing_class` where there is
    none yet; margins (n, T, c): float16, the true class's logit minus the best other one; drawn (n,
    T): int64 number of copies of each cell that have predictions, which are the first ones.
    """

    classes: np.ndarray
    margins: np.ndarray
    drawn: Counts

    def grown(self, draws: int) -> Predictions:
        """A copy with room for at least that many draws."""
        room = ((0, 0), (0, 0), (0, max(0, draws - self.classes.shape[2])))
        classes = np.pad(self.classes, room, constant_values=missing_class(self.classes.dtype))
        return Predictions(classes, np.pad(self.margins, room), self.drawn.copy())


def missing_class(dtype: np.dtype[Any]) -> int:
    """The placeholder for the class of a copy without prediction, which is never a class."""
    return int(np.iinfo(dtype).max)


def no_predictions(n: int, taus: int, draws: int, n_classes: int) -> Predictions:
    """Empty predictions of a model."""
    dtype = np.dtype(np.uint8 if n_classes < 256 else np.uint16)
    shape = (n, taus, draws)
    classes = np.full(shape, missing_class(dtype), dtype)
    return Predictions(classes, np.zeros(shape, np.float16), np.zeros(shape[:2], np.int64))


class CopyEvaluator:
    """Evaluates models on copies, each copy at most once."""

    def __init__(
        self,
        viewers: Mapping[str, nn.Module],
        x: Tensor,
        y: Tensor,
        samples: Sequence[int],
        probe: ProbeSpec,
        said: Mapping[str, Predictions],
        report: Reporter,
    ) -> None:
        """x, y, samples, probe: as in `predictions.predict_copies`; said: predictions so far."""
        kind = named(probe.perturbation)
        assert isinstance(kind, Noise), "attacks cannot be drawn one by one"
        self._evaluators, self.said, self._kind = evaluators_of(viewers), said, kind
        self._x, self._y, self._samples, self._probe = x, y, np.asarray(samples), probe
        self._truth = y.cpu().numpy()
        self._report = report
        self._row_batches = batches_of(x, ROWS)
        self._batches = batches_of(x, copies_at_once(x))
        self._taus = torch.tensor(probe.taus, dtype=torch.float32, device=x.device)
        self._at_zero = np.array(probe.taus) == 0
        self.asked = 0  # forward passes of single copies

    @torch.inference_mode()
    def ask(self, drawn: Counts) -> Answers:
        """At least `drawn` (n, T) predictions of each cell. Raises Cancelled between batches."""

        def predict_rows(part: slice) -> None:
            rows = np.arange(part.start, part.stop)
            for block in range(-(-int(self._requested(rows, drawn).max(initial=0)) // BLOCK)):
                self._predict_block(rows, block, drawn)

        for _ in self._row_batches.over(len(self._x), predict_rows):
            continue
        for prediction in self.said.values():
            np.maximum(prediction.drawn, drawn, out=prediction.drawn)
            for array in (prediction.classes, prediction.margins):
                array[:, self._at_zero] = array[:, self._at_zero, :1]
        right = {
            name: prediction.classes == self._truth[:, None, None]
            for name, prediction in self.said.items()
        }
        return Answers(right, {name: prediction.margins for name, prediction in self.said.items()})

    def _completed(self, rows: np.ndarray) -> Counts:
        """(m, T) number of draws of these samples' cells that every model has predicted."""
        return np.asarray(np.min([one.drawn[rows] for one in self.said.values()], axis=0))

    def _requested(self, rows: np.ndarray, drawn: Counts) -> Counts:
        """(m, T) number of draws to make, 0 where every model has predicted them."""
        wanted = np.where(self._at_zero, np.minimum(drawn[rows], 1), drawn[rows])
        return np.where(wanted > self._completed(rows), wanted, 0)

    def _predict_block(self, rows: np.ndarray, block: int, drawn: Counts) -> None:
        """Predict the copies of these samples that belong to one block of noise."""
        draw = np.arange(block * BLOCK, (block + 1) * BLOCK)
        requested = draw < self._requested(rows, drawn)[:, :, None]
        requested &= draw >= self._completed(rows)[:, :, None]
        active = requested.any((1, 2))
        if not active.any():
            return
        rows = rows[active]
        noise = self._noise(rows, block)
        cells, taus, columns = np.nonzero(requested[active])

        def predict_part(part: slice) -> None:
            copies = self._copies_at(
                rows[cells[part]], taus[part], noise[cells[part], columns[part]]
            )
            self._predict(copies, rows[cells[part]], taus[part], draw[columns[part]])

        for _ in self._batches.over(len(cells), predict_part):
            continue

    def _noise(self, rows: np.ndarray, block: int) -> Tensor:
        samples, shape = self._samples[rows].tolist(), self._x.shape[1:]
        return self._kind.noise(samples, shape, self._probe.seed, block, self._x.device)

    def _copies_at(self, rows: np.ndarray, taus: np.ndarray, noise: Tensor) -> Tensor:
        """(m, *shape) copies of these samples, with one tau each."""
        tau = self._taus[taus].reshape(-1, *[1] * noise.ndim)
        return self._kind.moved(self._x[rows], noise[:, None], tau)[:, 0]

    def _predict(self, copies: Tensor, rows: np.ndarray, taus: np.ndarray, draws: Integers) -> None:
        """Predict these copies with the models that have not done so."""
        for name, evaluator in self._evaluators.items():
            said = self.said[name]
            missing = np.flatnonzero(draws >= said.drawn[rows, taus])
            if not len(missing):
                continue
            index = (rows[missing], taus[missing], draws[missing])
            shown = copies if len(missing) == len(copies) else copies[missing]
            classes, margins = evaluator.classes_and_margins(shown, self._y[rows[missing]])
            said.classes[index] = classes.cpu().numpy()
            said.margins[index] = margins.float().clamp(-FAR, FAR).cpu().numpy()
            self.asked += len(missing)
            self._report.advance(float(len(missing)))
