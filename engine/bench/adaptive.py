"""Adaptive draws against c = 100 draws of every sample: passes, width and position of intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from engine.bench.row import BenchRow
from engine.bench.setting import MODELS, SEED, TUNED, Setting, digits, forget_set, images, trained
from engine.residual.allocation import allocate, complete
from engine.residual.chosen_copies import CopyEvaluator, no_predictions
from engine.residual.copy_counts import blocks_of, copies
from engine.residual.predictions import predict_copies
from engine.residual.summary import summarize
from engine.residual.verdict import RESIDUAL, verdict_columns, verdicts
from engine.results import Curve, Residual
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import PAPER_TAUS, ProbeSpec, TrainSpec, parse_taus

WIDER = (0.25, 1.0)  # by what share the interval of the mean may be wider
JUDGED = ("original", *TUNED)
RETRAINS = [role for role in MODELS if role.startswith("retrain-")]
RESOLVED = 0.01  # width of r below which relative widths of intervals do not matter


@dataclass(frozen=True)
class Case:
    """Models and the samples they are evaluated on."""

    models: Mapping[str, nn.Module]
    x: Tensor
    y: Tensor
    n_classes: int
    probe: ProbeSpec


@dataclass(frozen=True)
class Comparison:
    """Results of adaptive draws (`own`) and of the full grid, and the share of its passes."""

    own: Residual
    full: Residual
    share: float

    def widths(self) -> np.ndarray:
        """(m,) our interval's width in units of the full grid's."""
        pairs = [(one.high - one.low, whole.high - whole.low) for one, whole in self._curves()]
        own, full = (np.concatenate(part) for part in zip(*pairs, strict=True))
        wide = full > RESOLVED
        return np.asarray(own[wide] / full[wide])

    def inside(self) -> float:
        """Share of our r_tau that lie in the full grid's interval."""
        hits = [
            (whole.low <= one.mean) & (one.mean <= whole.high) | np.isnan(whole.mean)
            for one, whole in self._curves()
        ]
        return float(np.mean(hits))

    def gap(self) -> float:
        """Largest difference of the pooled ratio."""
        each = [np.abs(one.pooled - whole.pooled) for one, whole in self._curves()]
        return float(np.nanmax(each))

    def prevalence_gap(self) -> float:
        """Largest difference of the prevalence in percentage points, where both give one."""
        each = [np.abs(one.prevalence - whole.prevalence) for one, whole in self._curves()]
        return float(np.nanmax(each))

    def _curves(self) -> list[tuple[Curve, Curve]]:
        return [(self.own.curves[name], self.full.curves[name]) for name in JUDGED]


def digits_cnn(setting: Setting) -> Iterator[BenchRow]:
    """The small CNN on digits."""
    samples, probe = digits(setting), ProbeSpec(taus=parse_taus("0:0.4:11"), seed=SEED)
    spec = TrainSpec(epochs=3, lr=0.05)
    yield from _rows(setting, "small CNN, digits", samples, probe, spec, 50)


def small_cifar5(setting: Setting) -> Iterator[BenchRow]:
    """The small CNN on 32 x 32 images."""
    spec = TrainSpec(epochs=1 if setting.quick else 6, lr=0.05, batch=32)
    probe = ProbeSpec(taus=PAPER_TAUS[::2], seed=SEED)  # half the grid: the full one takes minutes
    yield from _rows(setting, "small CNN, 32x32", images(setting, 200), probe, spec, 25)


def _rows(
    setting: Setting, name: str, samples: Samples, probe: ProbeSpec, spec: TrainSpec, n: int
) -> Iterator[BenchRow]:
    x, y, _ = forget_set(samples, 10 if setting.quick else n)
    case = Case(trained("cnn", samples, spec), x, y, samples.n_classes, probe)
    blocks, numbers = range(blocks_of(probe.draws)), range(len(x))
    predictions = predict_copies(
        case.models, x, y, numbers, probe, blocks, case.n_classes, Reporter()
    )
    full = _summary(case, predictions)
    for wider in WIDER:
        yield _row(name, wider, _adaptively(case, wider, full))


def _adaptively(case: Case, wider: float, full: Residual) -> Comparison:
    n, probe = len(case.x), case.probe
    blank = (n, len(probe.taus), probe.draws, case.n_classes)
    predictions = {role: no_predictions(*blank) for role in case.models}
    cells = CopyEvaluator(case.models, case.x, case.y, range(n), probe, predictions, Reporter())
    fixed = np.broadcast_to(np.array(probe.taus) == 0, (n, len(probe.taus)))
    drawn = allocate(cells.ask, JUDGED, RETRAINS, fixed, probe.draws, wider)
    draws = complete(cells.ask, drawn, verdict_columns(probe.taus), probe.draws)
    classes = {role: one.classes for role, one in cells.said.items()}
    own = _summary(case, classes, *draws)
    return Comparison(own, full, cells.asked / (copies(probe, n) * len(case.models)))


def _summary(case: Case, predictions: Mapping[str, np.ndarray], *draws: np.ndarray) -> Residual:
    """All statistics; draws: of every cell, and which are settled, if they were adaptive."""
    y, probe = case.y.cpu().numpy(), case.probe
    numbers = np.arange(len(y))
    return summarize(probe, probe.draws, numbers, y, predictions, JUDGED, RETRAINS, *draws)


def _row(name: str, wider: float, comparison: Comparison) -> BenchRow:
    widths, inside = comparison.widths(), comparison.inside()
    width = float(np.median(widths)) if len(widths) else 1.0
    facts = {
        "share": comparison.share, "width": width, "widest": float(widths.max(initial=1.0)),
        "inside": inside, "pooled": comparison.gap(), "prevalence": comparison.prevalence_gap(),
        "discoveries": _discoveries(comparison.own), "of_all_draws": _discoveries(comparison.full),
    }  # fmt: skip
    return BenchRow(
        f"adaptive draws, {name}, aiming at {1 + wider:g}x as wide",
        f"<= {1 + wider:g}x wide",
        f"{comparison.share:.1%} of the passes; "
        f"width {width:.2f}x (at most {facts['widest']:.2f}x); "
        f"{inside:.0%} of r inside; pooled within {facts['pooled']:.3f}; "
        f"{facts['discoveries']} residual samples, {facts['of_all_draws']} with all draws; "
        f"prevalence within {facts['prevalence']:.3g} points",
        facts["widest"] <= 1 + wider and inside == 1.0,
        facts,
    )


def _discoveries(residual: Residual) -> int:
    """How many samples have the verdict residual, over the judged models."""
    return sum(int((verdicts(residual, name) == RESIDUAL).sum()) for name in JUDGED)
