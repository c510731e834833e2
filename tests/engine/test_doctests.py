"""Every docstring example is correct, and each public statistic has one."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.analysis import pareto
from engine.arrays import nanmean
from engine.comparison.cka import cka
from engine.membership import roc, scores
from engine.residual import over_seeds
from engine.residual.allocation import allocate, rates
from engine.residual.certificate import certificate, exact_interval
from engine.residual.disagreement import (
    disagreement,
    disagreement_bounds,
    perturbed_unlearn_accuracy,
)
from engine.residual.discoveries import conformal_p_values, excess_scores, q_values
from engine.residual.e_process import (
    absence_e_values,
    confidence_sequence,
    log_e_value,
    ratio_sequence,
)
from engine.residual.posterior import exceedance, posterior
from engine.residual.prediction import prediction
from engine.residual.ratio import (
    bootstrap_interval,
    curve,
    null_band,
    pooled_interval,
    prevalence,
    ratios,
    resampling_weights,
)
from engine.residual.sample_ratio import ratio_of
from engine.residual.smallest_tau import smallest_taus
from engine.residual.verdict import verdicts
from engine.results import pooled_ratio

ROOT = Path(__file__).parents[2]
STATISTICS: tuple[Callable[..., object], ...] = (
    ratios, curve, pooled_ratio, prevalence, bootstrap_interval, resampling_weights, null_band,
    posterior, exceedance, verdicts, prediction, certificate, exact_interval, log_e_value,
    absence_e_values, confidence_sequence, ratio_sequence, excess_scores, conformal_p_values,
    q_values, pooled_interval,
    disagreement, disagreement_bounds, perturbed_unlearn_accuracy,
    ratio_of, over_seeds.seed_curve, over_seeds.spread, allocate, rates, smallest_taus,
    roc.roc, roc.auc, roc.tpr_at, scores.modified_entropy, cka, pareto.front, nanmean,
)  # fmt: skip


def with_examples() -> list[str]:
    """The dotted names of the modules whose source has an example."""
    found = []
    for path in sorted((ROOT / "engine").rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


@pytest.mark.parametrize("name", with_examples())
def test_the_examples_of_a_module_are_right(name: str) -> None:
    module = importlib.import_module(name)
    found = doctest.testmod(module)
    assert found.attempted > 0 and found.failed == 0


@pytest.mark.parametrize(
    "statistic", STATISTICS, ids=lambda one: f"{one.__module__}.{one.__name__}"
)
def test_a_public_statistic_has_an_example(statistic: Callable[..., object]) -> None:
    assert ">>> " in (statistic.__doc__ or "")


def test_every_statistic_is_in_a_module_whose_examples_are_run() -> None:
    assert {statistic.__module__ for statistic in STATISTICS} <= set(with_examples())
