"""Draws go where they are informative, and estimates stay unbiased."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from engine.errors import SpecError
from engine.pipeline.pipeline import Pipeline
from engine.residual import chosen_copies
from engine.residual.allocation import (
    FIRST,
    Answers,
    Counts,
    allocate,
    certain,
    fair_draws,
    rates,
    widening,
)
from engine.residual.chosen_copies import CopyEvaluator, Predictions, missing_class, no_predictions
from engine.residual.disagreement import disagreement_bounds, disagreement_per_sample
from engine.residual.posterior import posterior
from engine.residual.predictions import predict_copies
from engine.residual.ratio import LEVEL, curve, resampling_weights
from engine.residual.summary import summarize
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, ProbeSpec, RunSpec, key
from engine.study.compose import counts_key, study_key

DRAWS = 100
RETRAIN = "retrain-0"


class Made:
    """Cells whose models recognize copies with known probability: margins are normal."""

    def __init__(self, p: dict[str, np.ndarray], seed: int, draws: int = DRAWS) -> None:
        rng = np.random.default_rng(seed)
        self.margins = {
            name: stats.norm.ppf(np.clip(one, 1e-12, 1 - 1e-12))[:, :, None]
            + rng.normal(size=(*one.shape, draws))
            for name, one in p.items()
        }
        self.right = {name: one > 0 for name, one in self.margins.items()}
        self.asked = 0

    def ask(self, drawn: Counts) -> Answers:
        self.asked += 1
        beyond = np.arange(DRAWS) >= drawn[:, :, None]  # omitted draws differ
        right = {name: np.where(beyond, ~one, one) for name, one in self.right.items()}
        return Answers(right, {n: np.where(beyond, -one, one) for n, one in self.margins.items()})

    def allocate(self, wider: float = 0.25) -> Counts:
        shape = next(iter(self.right.values())).shape[:2]
        retrains = [name for name in self.right if name.startswith("retrain-")]
        return allocate(self.ask, ["gd"], retrains, np.zeros(shape, bool), DRAWS, wider)

    def counts(self, drawn: Counts) -> dict[str, np.ndarray]:
        seen = np.arange(DRAWS) < drawn[:, :, None]
        return {name: (one & seen).sum(2) for name, one in self.right.items()}


def column(*p: float) -> np.ndarray:
    return np.array(p)[:, None]


# -- where draws go --------------------------------------------------------------------------------
def test_what_is_always_or_never_recognized_gets_few_draws_and_what_rarely_is_gets_all() -> None:
    sure, never, rare = 1 - 1e-12, 1e-12, 0.01
    p = column(sure, never, rare)
    far = Made({"gd": p, RETRAIN: p}, 1)
    for one in far.margins.values():
        one[0], one[1] = 50 + 0.1 * one[0], -50 + 0.1 * one[1]
    drawn = far.allocate(wider=1000)[:, 0]
    assert drawn[0] == drawn[1] == FIRST
    assert drawn[2] == DRAWS


def test_a_model_that_is_undecided_keeps_no_cell_open_for_longer_than_the_retrains_need() -> None:
    made = Made({"gd": column(0.5), RETRAIN: column(1 - 1e-12)}, 2)
    assert made.allocate(wider=1000)[0, 0] == FIRST
    halves = Made({"gd": np.full((400, 1), 0.5), RETRAIN: np.full((400, 1), 0.5)}, 2)
    assert halves.allocate(wider=1000).mean() == pytest.approx(2 * FIRST, rel=0.1)


def test_a_narrower_interval_takes_more_draws() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.4, 0.9, (60, 1))
    made = Made({"gd": p, RETRAIN: np.clip(p * 0.9, 0, 1)}, 3)
    few, more = made.allocate(0.5), made.allocate(0.1)
    assert few.mean() < more.mean() < DRAWS
    for drawn, wider in ((few, 0.5), (more, 0.1)):
        found = widening(made.ask(drawn), drawn, ["gd"], [RETRAIN], DRAWS)
        assert (found <= 1 + wider).all()


def test_cells_without_a_perturbation_count_as_fully_drawn() -> None:
    made = Made({"gd": np.full((5, 2), 0.5), RETRAIN: np.full((5, 2), 0.9)}, 4)
    fixed = np.zeros((5, 2), bool)
    fixed[:, 0] = True
    drawn = allocate(made.ask, ["gd"], [RETRAIN], fixed, DRAWS, 1000)
    assert (drawn[:, 0] == DRAWS).all()
    assert (drawn[:, 1] < DRAWS).all()


def test_fewer_draws_than_the_first_ones_are_all_drawn() -> None:
    made = Made({"gd": column(0.5), RETRAIN: column(0.5)}, 4)
    drawn = allocate(made.ask, ["gd"], [RETRAIN], np.zeros((1, 1), bool), 3, 0.1)
    assert drawn.tolist() == [[3]]


def test_what_is_called_certain_hardly_ever_changes() -> None:
    rng = np.random.default_rng(5)
    cells = 20_000
    center = rng.normal(0, 20, cells)
    margins = center[:, None] + rng.normal(size=(cells, DRAWS))
    drawn = np.full(cells, 8)
    found = certain(margins[:, :8] > 0, margins[:, :8], drawn, DRAWS)
    same = (margins > 0).all(1) | (margins < 0).all(1)
    assert found.mean() > 0.5
    assert (~same[found]).mean() < 1e-3


def test_margins_that_are_no_numbers_make_nothing_certain() -> None:
    margins = np.full((1, 6), np.nan)
    assert not certain(np.zeros((1, 6), bool), margins, np.array([6]), DRAWS).any()


# -- estimates -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("m", "a"), [(0.9, 0.5), (0.3, 0.6), (0.97, 0.97)])
def test_the_ratio_and_the_rates_are_unbiased_although_sampling_stops_by_what_is_seen(
    m: float, a: float
) -> None:
    cells = 20_000
    made = Made({"gd": np.full((cells, 1), m), RETRAIN: np.full((cells, 1), a)}, 6)
    drawn = made.allocate(wider=1000)
    assert drawn.mean() < DRAWS / 5
    found = made.counts(drawn)
    ratio = found["gd"] / found[RETRAIN]
    assert abs(ratio.mean() - m / a) < 4 * ratio.std() / math.sqrt(cells)
    for name, p in (("gd", m), (RETRAIN, a)):
        share = rates(made.right[name], drawn)
        assert abs(share.mean() - p) < 4 * share.std() / math.sqrt(cells)


def population(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A forget set with samples that are always, never, rarely and sometimes recognized."""
    kind = rng.choice(4, n, p=[0.4, 0.15, 0.05, 0.4])
    a = np.choose(kind, [np.full(n, 1 - 1e-12), np.full(n, 1e-12), rng.uniform(0.1, 0.2, n),
                         rng.uniform(0.4, 0.95, n)])  # fmt: skip
    m = np.where(kind == 1, 1e-12, np.clip(a * rng.uniform(0.8, 1.4, n), 0, 1 - 1e-12))
    return {"gd": m[:, None], RETRAIN: a[:, None], "retrain-1": (a * 0.98)[:, None]}


def test_the_interval_covers_what_all_draws_would_say_at_its_nominal_rate_and_is_as_narrow() -> (
    None
):
    rng = np.random.default_rng(7)
    many = Made(population(30_000, rng), 8).right
    u, a = many["gd"].sum(2), np.stack([many[RETRAIN].sum(2), many["retrain-1"].sum(2)])
    expected = float(curve(u, a, resampling_weights(len(u), 1)[:2]).mean[0])
    hits, trials, n, widths, spent = 0, 150, 80, [], []
    for trial in range(trials):
        made, weights = Made(population(n, rng), trial), resampling_weights(n, trial)
        drawn, full = made.allocate(), np.full((n, 1), DRAWS)
        found, whole = (
            curve(one["gd"], np.stack([one[RETRAIN], one["retrain-1"]]), weights)
            for one in (made.counts(drawn), made.counts(full))
        )
        hits += bool(found.low[0] <= expected <= found.high[0])
        widths.append((found.high - found.low)[0] / (whole.high - whole.low)[0])
        spent.append(drawn.mean() / DRAWS)
    spread = 4 * math.sqrt(LEVEL * (1 - LEVEL) / trials)
    assert hits / trials >= LEVEL - spread
    assert np.median(widths) <= 1.25
    assert np.mean(spent) < 0.38


def test_the_posterior_of_cells_with_different_draws_is_each_ones_own() -> None:
    u, a = np.array([[3], [40]]), np.array([[[4], [30]]])
    found = posterior(u, a, np.array([[4], [50]]))
    assert found[0] == posterior(u[:1], a[:, :1], 4)[0]
    assert found[1] == posterior(u[1:], a[:, 1:], 50)[0]


def test_nothing_behind_a_cells_draws_is_counted_and_bounds_hold() -> None:
    rng = np.random.default_rng(9)
    y, drawn = rng.integers(0, 3, 6), rng.integers(4, 21, (6, 2))
    said = {n: rng.integers(0, 3, (6, 2, 20)).astype(np.uint8) for n in ("gd", RETRAIN)}
    probe = ProbeSpec("gaussian", (0.1, 0.2), 20, adaptive=10)
    one = summarize(probe, 20, np.arange(6), y, said, ["gd"], [RETRAIN], drawn)
    changed = {n: np.where(np.arange(20) < drawn[:, :, None], a, 7) for n, a in said.items()}
    two = summarize(probe, 20, np.arange(6), y, changed, ["gd"], [RETRAIN], drawn)
    for name in said:
        cut = [[(said[name][i, t, : drawn[i, t]] == y[i]).sum() for t in (0, 1)] for i in range(6)]
        assert one.counts[name].tolist() == two.counts[name].tolist() == cut
    low, high = disagreement_bounds(one, "gd")
    found = disagreement_per_sample(one, "gd")
    assert (low <= found + 1e-12).all()
    assert (found <= high + 1e-12).all()
    assert one.said_draws == f"c = {drawn.min()} to {drawn.max()}, {drawn.mean():.1f} on average"
    fair = fair_draws(drawn, 20)
    assert ((fair == drawn) == (drawn == 20)).all()


# -- which copies are evaluated --------------------------------------------------------------------
def models() -> dict[str, nn.Module]:
    found: dict[str, nn.Module] = {}
    for number, name in enumerate(("original", RETRAIN)):
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).eval()
        rng = torch.Generator().manual_seed(number)
        for parameter in net.parameters():
            parameter.data.normal_(generator=rng)
        found[name] = net
    return found


PROBE = ProbeSpec("gaussian", (0.0, 0.1, 0.3), draws=20, seed=4)


def asker(
    said: dict[str, Predictions] | None = None,
) -> tuple[CopyEvaluator, dict[str, np.ndarray]]:
    """Cells of seven samples, and the result of `predict_copies` for all of their copies."""
    x = torch.rand(7, 1, 4, 4, generator=torch.Generator().manual_seed(5))
    y, samples = torch.arange(7) % 3, [3, 5, 8, 13, 21, 34, 55]
    blank = {name: no_predictions(7, 3, 20, 3) for name in models()}
    found = CopyEvaluator(models(), x, y, samples, PROBE, said or blank, Reporter())
    return found, predict_copies(models(), x, y, samples, PROBE, range(2), 3, Reporter())


def test_answers_are_the_full_runs_and_no_copy_is_shown_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chosen_copies, "ROWS", 3)
    cells, full = asker()
    rng = np.random.default_rng(1)
    first = rng.integers(1, 9, (7, 3))
    then = np.minimum(first + rng.integers(0, 14, (7, 3)), 20)
    first[:, 0] = then[:, 0] = 20  # tau = 0
    cells.ask(first)
    answers = cells.ask(then)
    seen = np.arange(20) < then[:, :, None]
    for name, said in cells.said.items():
        assert (said.classes[seen] == full[name][seen]).all()
        assert (said.classes[~seen] == missing_class(said.classes.dtype)).all()
        assert not answers.right[name][~seen].any()
    assert cells.asked == 2 * (then[:, 1:].sum() + 7)


def test_what_is_known_of_one_model_is_asked_of_the_others_alone() -> None:
    cells, full = asker()
    drawn = np.full((7, 3), 12)
    cells.ask(drawn)
    said = {"original": cells.said["original"], RETRAIN: no_predictions(7, 3, 20, 3)}
    again, _ = asker(said)
    again.ask(drawn)
    assert again.asked == 7 * (2 * 12 + 1)
    for name in full:
        assert (again.said[name].classes[:, :, :12] == full[name][:, :, :12]).all()


@pytest.mark.parametrize(("n_classes", "kind"), [(255, np.uint8), (256, np.uint16)])
def test_no_class_is_mistaken_for_a_copy_that_was_not_shown(n_classes: int, kind: type) -> None:
    said = no_predictions(1, 1, 2, n_classes)
    assert said.classes.dtype == kind
    assert (said.classes >= n_classes).all()
    more = said.grown(5)
    assert (more.classes >= n_classes).all()
    assert more.classes.shape == (1, 1, 5)


# -- studies ---------------------------------------------------------------------------------------
def test_keys_of_other_studies_stay_as_they_were() -> None:
    probe = ProbeSpec()
    assert key(probe) == key(replace(probe, adaptive=0.0))
    assert key(probe) != key(replace(probe, adaptive=10.0))


def adaptive(spec: RunSpec, percent: float) -> RunSpec:
    return replace(spec, probe=replace(spec.probe, adaptive=percent))


def study_of(pipeline: Pipeline, **words: object) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    usual: dict[str, object] = {"methods": ("gd",), "training": {"epochs": 6}, "retrains": 2}
    return pipeline.compose(iris, **{**usual, "draws": 30, **words})


def test_an_adaptive_study_counts_the_first_of_the_full_ones_draws(pipeline: Pipeline) -> None:
    spec = study_of(pipeline)
    full = pipeline.run(spec, Reporter())
    found = pipeline.run(adaptive(spec, 50), Reporter())
    assert found.key != full.key
    drawn = found.residual.drawn
    assert drawn is not None
    assert found.residual.draws == drawn.max() == 30
    assert 4 <= drawn[:, 1:].min() < 30
    seen = np.arange(30) < drawn[:, :, None]
    for name, said in full.residual.predictions.items():
        assert (found.residual.predictions[name][seen] == said[seen]).all()
        assert (found.residual.predictions[name][~seen] == 255).all()
    again = pipeline.study(found.key).residual
    assert again.drawn is not None
    assert (again.drawn == drawn).all()
    assert again.rates.keys() == again.counts.keys()
    for name, one in full.residual.curves.items():
        other = found.residual.curves[name]
        assert other.mean[0] == one.mean[0]  # no perturbation: nothing is left to draw
        assert np.isfinite(other.mean).sum() == np.isfinite(one.mean).sum()


class Counting(Reporter):
    """How much was done."""

    done = 0.0

    def advance(self, units: float) -> None:
        self.done += units
        super().advance(units)


def test_another_accuracy_asks_only_about_what_nobody_was_shown(pipeline: Pipeline) -> None:
    spec = adaptive(study_of(pipeline), 100)
    first = pipeline.run(spec, Reporter()).residual.drawn
    assert first is not None
    again, more = Counting(), Counting()
    pipeline.store.path("studies", study_key(spec)).unlink()
    repeated = pipeline.run(spec, again).residual.drawn
    assert repeated is not None
    assert again.done == 0
    assert (repeated == first).all()
    closer = pipeline.run(adaptive(spec, 10), more).residual.drawn
    assert closer is not None
    assert more.done == 4 * (closer - first).sum()
    assert counts_key(spec, "gd") == counts_key(adaptive(spec, 10), "gd")


def test_attacks_are_not_drawn_adaptively(pipeline: Pipeline) -> None:
    with pytest.raises(SpecError, match="choose gaussian, l2 or linf"):
        study_of(pipeline, perturbation="fgsm", probe={"adaptive": 10})
