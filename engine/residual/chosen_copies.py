"""Answers to chosen copies alone: the first draws of each (sample, tau), as many as it is given.

The copies are those that `engine.residual.predictions.verdicts` shows, so that counts are the full
run's, restricted to the first draws of a cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.arrays import Integers
from engine.inference.evaluator import ready
from engine.perturbations import BLOCK, Noise, named
from engine.residual.allocation import Answers, Counts
from engine.residual.predictions import copies_at_once
from engine.runtime.batching import batches_of
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec

ROWS = 1000  # samples whose noise is held at once
FAR = 60_000.0  # the largest margin that float16 holds, nearly


@dataclass(frozen=True, eq=False)
class Said:
    """What one model said so far.

    classes (n, T, c): uint8 or uint16 predicted class of each copy, `unseen` where it was not
    asked; margins (n, T, c): float16, by how much the true class's logit exceeds the best other
    one; drawn (n, T): int64 how many copies of each cell were asked, the first ones.
    """

    classes: np.ndarray
    margins: np.ndarray
    drawn: Counts

    def grown(self, draws: int) -> Said:
        """A copy with room for that many draws at least."""
        room = ((0, 0), (0, 0), (0, max(0, draws - self.classes.shape[2])))
        classes = np.pad(self.classes, room, constant_values=unseen(self.classes.dtype))
        return Said(classes, np.pad(self.margins, room), self.drawn.copy())


def unseen(dtype: np.dtype[Any]) -> int:
    """What stands for the class of a copy that nobody was asked about: never a class."""
    return int(np.iinfo(dtype).max)


def nothing_said(n: int, taus: int, draws: int, n_classes: int) -> Said:
    """What a model said that was not asked yet."""
    dtype = np.dtype(np.uint8 if n_classes < 256 else np.uint16)
    shape = (n, taus, draws)
    classes = np.full(shape, unseen(dtype), dtype)
    return Said(classes, np.zeros(shape, np.float16), np.zeros(shape[:2], np.int64))


class Cells:
    """Asks models about copies, and each of them about none twice."""

    def __init__(
        self,
        viewers: Mapping[str, nn.Module],
        x: Tensor,
        y: Tensor,
        samples: Sequence[int],
        probe: ProbeSpec,
        said: Mapping[str, Said],
        report: Reporter,
    ) -> None:
        """x, y, samples, probe: as `predictions.verdicts` takes them; said: what is known."""
        kind = named(probe.perturbation)
        assert isinstance(kind, Noise), "attacks are not drawn one by one"
        self._judges, self.said, self._kind = ready(viewers), said, kind
        self._x, self._y, self._samples, self._probe = x, y, np.asarray(samples), probe
        self._truth = y.cpu().numpy()
        self._report = report
        self._rows = batches_of(x, ROWS)
        self._copies = batches_of(x, copies_at_once(x))
        self._taus = torch.tensor(probe.taus, dtype=torch.float32, device=x.device)
        self._still = np.array(probe.taus) == 0
        self.asked = 0  # forward passes of single copies

    @torch.inference_mode()
    def ask(self, drawn: Counts) -> Answers:
        """At least `drawn` (n, T) answers to each cell. Raises Cancelled between batches."""

        def some(part: slice) -> None:
            rows = np.arange(part.start, part.stop)
            for block in range(-(-int(self._wanted(rows, drawn).max(initial=0)) // BLOCK)):
                self._ask_block(rows, block, drawn)

        for _ in self._rows.over(len(self._x), some):
            continue
        for one in self.said.values():
            np.maximum(one.drawn, drawn, out=one.drawn)
            for held in (one.classes, one.margins):
                held[:, self._still] = held[:, self._still, :1]
        right = {name: one.classes == self._truth[:, None, None] for name, one in self.said.items()}
        return Answers(right, {name: one.margins for name, one in self.said.items()})

    def _known(self, rows: np.ndarray) -> Counts:
        """(m, T) how many draws of these samples' cells every model was shown."""
        return np.asarray(np.min([one.drawn[rows] for one in self.said.values()], axis=0))

    def _wanted(self, rows: np.ndarray, drawn: Counts) -> Counts:
        """(m, T) up to which draw copies are to be made, 0 where every model knows them."""
        wanted = np.where(self._still, np.minimum(drawn[rows], 1), drawn[rows])
        return np.where(wanted > self._known(rows), wanted, 0)

    def _ask_block(self, rows: np.ndarray, block: int, drawn: Counts) -> None:
        """Ask about the copies of these samples that belong to one block of noise."""
        draw = np.arange(block * BLOCK, (block + 1) * BLOCK)
        asked = draw < self._wanted(rows, drawn)[:, :, None]
        asked &= draw >= self._known(rows)[:, :, None]
        some = asked.any((1, 2))
        if not some.any():
            return
        rows = rows[some]
        noise = self._noise(rows, block)
        at, taus, columns = np.nonzero(asked[some])

        def answer(part: slice) -> None:
            made = self._made(rows[at[part]], taus[part], noise[at[part], columns[part]])
            self._answer(made, rows[at[part]], taus[part], draw[columns[part]])

        for _ in self._copies.over(len(at), answer):
            continue

    def _noise(self, rows: np.ndarray, block: int) -> Tensor:
        samples, shape = self._samples[rows].tolist(), self._x.shape[1:]
        return self._kind.noise(samples, shape, self._probe.seed, block, self._x.device)

    def _made(self, rows: np.ndarray, taus: np.ndarray, noise: Tensor) -> Tensor:
        """(m, *shape) copies of these samples, one tau for each."""
        tau = self._taus[taus].reshape(-1, *[1] * noise.ndim)
        return self._kind.moved(self._x[rows], noise[:, None], tau)[:, 0]

    def _answer(self, copies: Tensor, rows: np.ndarray, taus: np.ndarray, draws: Integers) -> None:
        """Show these copies to the models that have not seen them."""
        for name, judge in self._judges.items():
            said = self.said[name]
            late = np.flatnonzero(draws >= said.drawn[rows, taus])
            if not len(late):
                continue
            where = (rows[late], taus[late], draws[late])
            shown = copies if len(late) == len(copies) else copies[late]
            classes, margins = judge.classes_and_margins(shown, self._y[rows[late]])
            said.classes[where] = classes.cpu().numpy()
            said.margins[where] = margins.float().clamp(-FAR, FAR).cpu().numpy()
            self.asked += len(late)
            self._report.advance(float(len(late)))
