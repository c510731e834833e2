"""Every view of studies whose numbers are bad: it draws, and says what there is to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import synthetic
from battery import FRAMED
from shown import Shown

from engine.residual.summary import summarize
from engine.results import ModelResult, Residual
from engine.spec import ProbeSpec
from explorer.state.selection import Selection
from explorer.views.base import View

CLASSES = 4


def measured(called: dict[str, int], count: int, labels: np.ndarray) -> Residual:
    """What residual knowledge comes to where each model calls one class alone (-1: the right)."""
    template = synthetic.residual()
    taus, draws = len(template.taus), template.draws

    def said(name: str) -> np.ndarray:
        one = called.get(name, called[""])
        right = np.broadcast_to(labels[:count, None, None], (count, taus, draws))
        return right.astype(np.uint8) if one < 0 else np.full((count, taus, draws), one, np.uint8)

    names = [name for name in template.counts if "@" not in name]
    judged = list(template.curves)
    retrains = [name for name in names if name.startswith("retrain")]
    probe = ProbeSpec("gaussian", tuple(float(tau) for tau in template.taus), draws)
    return summarize(
        probe, draws, template.samples[:count], labels[:count], {n: said(n) for n in names},
        judged, retrains,
    )  # fmt: skip


def undefined(shown: Shown) -> Residual:
    """No Re-train ever recognizes any sample."""
    labels = np.zeros(10, int)
    return measured({"": 0, "retrain-0": 1, "retrain-1": 1, "retrain-2": 1}, 10, labels)


def nothing(shown: Shown) -> Residual:
    """Nobody ever recognizes any sample."""
    return measured({"": 1}, 10, np.zeros(10, int))


def everything(shown: Shown) -> Residual:
    """Everybody always recognizes every sample."""
    return measured({"": -1}, 10, np.zeros(10, int))


def single(shown: Shown) -> Residual:
    """One forgotten sample."""
    return measured({"": -1, "rurk": 1}, 1, np.zeros(1, int))


def one_class(model: ModelResult) -> ModelResult:
    """The model, calling everything the same class as surely as can be."""

    def logits(found: np.ndarray) -> np.ndarray:
        sure = np.zeros_like(found)
        sure[:, 0] = 1e4
        return sure

    return replace(
        model, train_logits=logits(model.train_logits), test_logits=logits(model.test_logits)
    )


@pytest.mark.parametrize("bad", [undefined, nothing, everything, single])
@pytest.mark.parametrize("kind", FRAMED)
def test_every_view_draws_bad_numbers(
    kind: type[View], bad: Callable[[Shown], Residual], shown: Shown
) -> None:
    shown.fill()
    found = bad(shown)
    forget = found.samples
    old = shown.state.study
    assert old is not None
    metrics = {
        name: {measure: float("nan") for measure in row} for name, row in old.metrics.items()
    }
    shown.state.models = {name: one_class(one) for name, one in shown.state.models.items()}
    shown.state.forget = tuple(int(i) for i in forget)
    shown.state.residual = found
    shown.state.study = replace(old, residual=found, forget=forget, metrics=metrics)
    shown.state.selection = Selection(int(forget[0]), frozenset(int(i) for i in forget))
    view = shown.view(kind)
    image = view.grab().toImage()
    assert not image.isNull()
    shown.state.theme = "dark"
    view.grab()
