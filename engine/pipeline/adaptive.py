"""Residual knowledge from adaptively allocated draws, using the store, the models and `allocate`.

Predictions are stored under a key of their own, so that another accuracy, more draws or one more
method query models only on copies that have not been classified yet.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import torch

from engine.pipeline.models import StudyModels
from engine.residual.allocation import Counts, allocate, complete
from engine.residual.chosen_copies import CopyEvaluator, Predictions, no_predictions
from engine.residual.copy_counts import copies, correct_counts
from engine.residual.summary import summarize
from engine.residual.verdict import verdict_columns
from engine.results import Residual
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study.keys import judged_models
from engine.study.plan import Plan


def measure(work: StudyModels, plan: Plan, report: Reporter) -> Residual:
    """Residual knowledge of all models of a study with an adaptive probe. Raises Cancelled."""
    report.stage("residual knowledge")
    spec, names = plan.spec, list(plan.models)
    probe, keys = spec.probe, {name: plan.counts(name) for name in names}
    y = work.datasets.load(spec.data, report).train_y[list(spec.forget)]
    shelf = work.results.shelf(spec)
    with shelf.making("counts", list(keys.values()), "residual knowledge", report):
        before = {name: _known(work, spec, key) for name, key in keys.items()}
        cells = _cells(work, plan, before, report)
        started = time.monotonic()
        drawn, settled = complete(
            cells.ask, _allocated(spec, cells), verdict_columns(probe.taus), probe.draws
        )
        seconds = (time.monotonic() - started) / len(names)
        for name in names:
            if (cells.said[name].drawn > before[name].drawn).any():
                _keep(work, plan, name, cells.said[name], y, seconds)
    report.forgo(max(0.0, copies(probe, len(spec.forget)) * len(names) - cells.asked))
    answers = {name: answers_of_model.classes for name, answers_of_model in cells.said.items()}
    return summarize(
        probe,
        probe.draws,
        np.array(spec.forget),
        y,
        answers,
        judged_models(spec),
        _retrains(spec),
        drawn,
        settled,
    )


def _allocated(spec: RunSpec, cells: CopyEvaluator) -> Counts:
    """(n_f, T) number of draws that curves need of each cell, all of which have been classified."""
    still = np.array(spec.probe.taus) == 0
    fixed = np.broadcast_to(still, (len(spec.forget), len(still)))
    probe = spec.probe
    return allocate(
        cells.ask, judged_models(spec), _retrains(spec), fixed, probe.draws, probe.adaptive / 100
    )


def _retrains(spec: RunSpec) -> list[str]:
    return [f"retrain-{number}" for number in range(spec.retrains)]


def _cells(
    work: StudyModels, plan: Plan, before: Mapping[str, Predictions], report: Reporter
) -> CopyEvaluator:
    spec = plan.spec
    samples, _ = work.datasets.on_device(work.datasets.load(spec.data, report))
    rows = torch.tensor(spec.forget, device=work.device)
    return CopyEvaluator(
        {name: work.loaded(plan, name) for name in before},
        samples.pixels(rows),
        samples.y[rows],
        spec.forget,
        spec.probe,
        {name: predictions.grown(spec.probe.draws) for name, predictions in before.items()},
        report,
    )


def _known(work: StudyModels, spec: RunSpec, key: str) -> Predictions:
    """Stored predictions of a model on copies, from this or earlier studies."""
    cells = (len(spec.forget), len(spec.probe.taus))
    needs = {"predictions": (*cells, None), "margins": (*cells, None), "drawn": cells}
    record = work.results.get("counts", key, spec, needs)
    if record is None:
        classes = len(work.datasets.load(spec.data, Reporter()).classes)
        return no_predictions(*cells, spec.probe.draws, classes)
    arrays = record.arrays
    return Predictions(arrays["predictions"], arrays["margins"], arrays["drawn"])


def _keep(
    work: StudyModels,
    plan: Plan,
    name: str,
    predictions: Predictions,
    y: np.ndarray,
    seconds: float,
) -> None:
    spec = plan.spec
    draws = predictions.classes.shape[2]
    arrays = {
        "predictions": predictions.classes,
        "margins": predictions.margins,
        "drawn": predictions.drawn,
        "counts": correct_counts(predictions.classes, y, draws),
        "samples": np.array(spec.forget),
        "taus": np.array(spec.probe.taus),
    }
    facts = {"viewer": name, "source": "", "draws": draws}
    work.results.put("counts", plan.counts(name), arrays, spec, seconds, **facts)
