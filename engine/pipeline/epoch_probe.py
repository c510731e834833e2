"""Evaluates a model after every epoch of its unlearning, without affecting it.

A `EpochWatch` takes the place of the `Resume` that stores a run's last finished epoch, so methods
need not know about it: it receives the weights after each epoch, copies them into its own network
and classifies with that. The run's weights, generators and modes are untouched, and the
observations are stored with the epoch, so a resumed run continues to be watched.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.analysis.epoch_series import EpochView
from engine.perturbations import Messages
from engine.residual.predictions import predict_copies
from engine.runtime.batching import batches_of
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec
from engine.study.viewpoint import (
    ACCURACIES,
    cost_of_evaluation,
    evaluated_epochs,
    evaluation_count,
)
from engine.training.sgd import Resume

FREE_SECONDS = 5.0  # time that watching a method may always take ...
SHARE = 0.25  # ... or this share of the method's own time so far
_VALUES = 1_000_000  # input values per forward where accuracies are taken

Views = tuple[EpochView, ...]


@dataclass(frozen=True, eq=False)
class WatchProbe:
    """The samples and copies that a model is evaluated on, the same for all epochs and models.

    rows (n,): the forget samples that `probe` (no attack) makes copies of; retain, forget, test:
    indices of the samples for the accuracies; mark: key that identifies all of this; messages:
    those that samples encode.
    """

    train: Samples
    tests: Samples
    rows: Sequence[int]
    probe: ProbeSpec
    retain: Tensor
    forget: Tensor
    test: Tensor
    mark: str
    messages: Messages | None = None

    def look(self, model: nn.Module, epoch: int, report: Reporter) -> EpochView:
        """Evaluate `model`, temporarily in eval mode. Raises Cancelled."""
        with _evaluating(model):
            predictions = self._predictions(model, report)
            return EpochView(epoch, predictions, self._accuracy(model, report))

    def cost(self) -> float:
        """Sample passes of one evaluation."""
        return cost_of_evaluation(
            self.probe, len(self.rows), map(len, (self.retain, self.forget, self.test))
        )

    def _predictions(self, model: nn.Module, report: Reporter) -> np.ndarray:
        rows = torch.tensor(self.rows, device=self.train.device)
        x, y = self.train.pixels(rows), self.train.y[rows]
        predictions = predict_copies(
            {"": model}, x, y, self.rows, self.probe, range(1), self.train.n_classes, report,
            messages=self.messages,
        )  # fmt: skip
        return predictions[""]

    def _accuracy(self, model: nn.Module, report: Reporter) -> dict[str, float]:
        shares = (
            _right(model, self.train, self.retain, report),
            100 - _right(model, self.train, self.forget, report),
            _right(model, self.tests, self.test, report),
        )
        return dict(zip(ACCURACIES, shares, strict=True))


class EpochWatch(Resume):
    """A Resume that passes states on to `kept`, and evaluates the model at epochs that are due.

    planned: epochs the method is configured for, 0 if it has none; tell(views): called after every
    new view.
    """

    def __init__(
        self,
        sight: WatchProbe,
        original: nn.Module,
        planned: int,
        kept: Resume,
        report: Reporter,
        tell: Callable[[Views], None],
    ) -> None:
        self._sight, self._kept, self._report, self._tell = sight, kept, report, tell
        self._original = original
        self._double = copy.deepcopy(original)
        self._due = evaluated_epochs(planned)
        self._epoch = 0
        self._last = 0.0  # seconds that the last evaluation took
        self._within = 0.0  # seconds of evaluations since training began, included in its clock
        self._left = evaluation_count(planned)
        self._thinned = False  # whether an epoch was skipped to save time
        self.views: Views = ()
        self.seconds = 0.0  # of all evaluations, including earlier sessions
        self.session_seconds = 0.0  # of the evaluations in this session

    def begin(self) -> None:
        """Evaluate the Original, or restore the observations of an interrupted run."""
        state = self._kept.load()
        self._recall(state.get("watched") if state is not None else None)
        if not self.views:
            self._look(self._original, 0)
        else:
            self._tell(self.views)
            self._left -= len(self.views)
            self._report.forgo(len(self.views) * self._sight.cost())
        if state is not None:
            self._catch_up(state)
        self._within = 0.0  # training and its clock start now

    def end(self, model: nn.Module) -> None:
        """Evaluate the finished model, unless its last epoch was just evaluated."""
        number = max(1, self._epoch)
        if self.views[-1].epoch != number or not _same(self._double, model):
            self.views = tuple(view for view in self.views if view.epoch < number)
            self._look(model, number)
        self._report.forgo(max(0, self._left) * self._sight.cost())

    def load(self) -> dict[str, Any] | None:
        """The last stored state."""
        return self._kept.load()

    def keep(self, state: dict[str, Any]) -> None:
        """Store the state, then evaluate it and store it again with the observation."""
        self._hand_on(state)
        self._epoch = int(state["epoch"])
        if self._epoch in self._due and self._affordable(float(state["seconds"])):
            self._look_at(state)
            self._hand_on(state)

    def _hand_on(self, state: dict[str, Any]) -> None:
        trained = float(state["seconds"]) - self._within
        self._kept.keep({**state, "seconds": trained, "watched": self._packed()})

    def _affordable(self, trained: float) -> bool:
        allowed = max(FREE_SECONDS, SHARE * (trained - self._within))
        affordable = self.seconds + self._last <= allowed
        if not affordable and not self._thinned:
            self._thinned = True
            self._report.log(
                f"Watching would take more than {SHARE:.0%} of the time of "
                f"{self._report.current_stage or 'this run'}: some epochs are skipped."
            )
        return affordable

    def _catch_up(self, state: dict[str, Any]) -> None:
        """Evaluate the stored epoch, if the run was interrupted before that was done."""
        self._epoch = int(state["epoch"])
        if self._epoch in self._due and self.views[-1].epoch < self._epoch:
            self._look_at(state)
            self._kept.keep({**state, "watched": self._packed()})

    def _look_at(self, state: dict[str, Any]) -> None:
        try:
            self._double.load_state_dict(state["model"])
        except RuntimeError:  # another network, from a plug-in method: its final model is evaluated
            self._due = frozenset()
            self._report.log("This method trains another network: only its final model is watched.")
            return
        self._look(self._double, int(state["epoch"]))

    def _look(self, model: nn.Module, epoch: int) -> None:
        started = time.monotonic()
        try:
            view = self._sight.look(model, epoch, self._report)
        finally:
            self._last = time.monotonic() - started
            self.seconds += self._last
            self.session_seconds += self._last
            self._within += self._last
        self._left -= 1
        self.views = (*self.views, view)
        self._tell(self.views)

    def _packed(self) -> dict[str, Any]:
        """The views as tensors and plain data, for a checkpoint loaded as weights only."""
        predictions = [torch.from_numpy(view.predictions.astype(np.int32)) for view in self.views]
        return {
            "mark": self._sight.mark,
            "seconds": self.seconds,
            "epochs": [view.epoch for view in self.views],
            "predictions": predictions,
            "accuracy": [dict(view.accuracy) for view in self.views],
        }

    def _recall(self, packed: Mapping[str, Any] | None) -> None:
        """Restore what `_packed` wrote, unless it was for other samples or copies."""
        if packed is None or packed["mark"] != self._sight.mark:
            return
        dtype = np.uint8 if self._sight.train.n_classes <= 256 else np.uint16
        self.seconds = float(packed["seconds"])
        self.views = tuple(
            EpochView(int(epoch), predictions.numpy().astype(dtype), dict(accuracy))
            for epoch, predictions, accuracy in zip(
                packed["epochs"], packed["predictions"], packed["accuracy"], strict=True
            )
        )


@torch.inference_mode()
def _right(model: nn.Module, samples: Samples, rows: Tensor, report: Reporter) -> float:
    """Percentage of these samples that are classified correctly."""
    correct = 0
    batches = batches_of(samples, _VALUES // samples.x[0].numel())

    def found(part: slice) -> Tensor:
        part_rows = rows[part]
        said: Tensor = model(samples.pixels(part_rows)).argmax(1)
        return said == samples.y[part_rows]

    for said in batches.over(len(rows), found):
        correct += int(said.sum())
        report.advance(len(said))
    return 100 * correct / max(1, len(rows))


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode; afterwards every module returns to its own mode."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _same(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have identical weights, bit for bit."""
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
