"""Membership inference on models of a study, with the reference models that the store holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from engine.arrays import Mask
from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.membership.attack import attack
from engine.membership.references import Reference, References
from engine.membership.results import Attack
from engine.membership.scores import score_named
from engine.metrics.base import log_odds
from engine.pipeline.models import StudyModels
from engine.pipeline.siblings import same_method, siblings
from engine.results import ModelResult
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.study import keys
from engine.study.plan import Plan


def infer(
    work: StudyModels,
    plan: Plan,
    names: Iterable[str],
    report: Reporter,
    *,
    score: str,
    members: str,
    matched: bool,
) -> Attack:
    """Attack one or two models of a study; see engine.membership.attack.

    U-LiRA and RMIA also read the models of stored studies of other seeds with the same data,
    network and training. SpecError for a model that the study lacks, and as `attack` raises.
    """
    spec = plan.spec
    dataset, models = work.datasets.load(spec.data, report), work.models(plan)
    chosen = list(names)
    for name in chosen:
        if name not in models:
            raise SpecError(f"This study has no model '{name}'. It has: {', '.join(models)}.")
    referenced = score_named(score).referenced and members == "forget"
    return attack(
        {name: models[name] for name in chosen}, dataset.train_y, dataset.test_y,
        np.array(spec.forget),
        score=score, members=members, matched=matched, seed=spec.seed,
        validation=dataset.validation,
        references=references(work, spec, models, dataset, report) if referenced else None,
    )  # fmt: skip


def references(
    work: StudyModels,
    spec: RunSpec,
    models: Mapping[str, ModelResult],
    dataset: Dataset,
    report: Reporter,
) -> References:
    """The reference models of the study's forget samples: its own, and those of other seeds.

    Models of one seed and of overlapping forget sets start from the same weights and are nearly the
    same: each sample has those of one study per seed. A model whose outputs are not finite is left
    out. Raises Cancelled.
    """
    forget = np.unique(spec.forget)
    everywhere = np.ones(len(forget), bool)
    out = {
        one.key: _reference(one, forget, everywhere, dataset)
        for name, one in models.items()
        if name.startswith("retrain-")
    }
    trained: dict[str, Reference] = {}
    if "original" in models:
        own = models["original"]
        trained[own.key] = _reference(own, forget, everywhere, dataset)
    unlearned: dict[str, dict[str, Reference]] = {}
    covered: dict[int, Mask] = {}
    for other in siblings(work, spec):
        report.check()
        if other.seed == spec.seed:
            continue
        before = covered.setdefault(other.seed, ~everywhere)
        forgotten = np.isin(forget, other.forget) & ~before
        covered[other.seed] = before | forgotten
        for name, result in _stored(work, other, bool(forgotten.any())):
            if name == "original":
                trained.setdefault(result.key, _reference(result, forget, everywhere, dataset))
            elif name.startswith("retrain-"):
                out[result.key] = _reference(result, forget, forgotten, dataset)
            elif same_method(spec, other, name):
                group = unlearned.setdefault(name, {})
                group[result.key] = _reference(result, forget, forgotten, dataset)
    retrains = [one for name, one in models.items() if name.startswith("retrain-")]
    kept = _finite(out)
    judged = {one.key for one in kept}
    return References(
        kept,
        _finite(trained),
        {name: _finite(group) for name, group in unlearned.items()},
        tuple(one for one in retrains if one.key in judged),
    )


def _stored(work: StudyModels, spec: RunSpec, forgotten: bool) -> Iterator[tuple[str, ModelResult]]:
    """The stored models of another study that this program trained, all or the Original alone."""
    for name, key in keys.model_keys(spec).items():
        if keys.foreign_model(spec, name) is None and (forgotten or name == "original"):
            result = work.under(spec, name, key)
            if result is not None:
                yield name, result


def _reference(model: ModelResult, forget: np.ndarray, counts: Mask, dataset: Dataset) -> Reference:
    return Reference(
        model.key,
        log_odds(model.train_logits[forget], dataset.train_y[forget]),
        log_odds(model.test_logits, dataset.test_y),
        counts,
    )


def _finite(models: Mapping[str, Reference]) -> tuple[Reference, ...]:
    return tuple(
        one
        for one in models.values()
        if np.isfinite(one.forget).all() and np.isfinite(one.test).all()
    )
