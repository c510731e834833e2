"""One joint UMAP of the features of a study's models, from the store or computed now."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from engine.embedding import points
from engine.embedding.joint_umap import LAYOUT, Embedder
from engine.perturbations import is_attack
from engine.pipeline.models import StudyModels
from engine.pipeline.stored_results import Product, Recipe
from engine.results import Embedding
from engine.runtime.progress import Reporter
from engine.spec import RunSpec, key
from engine.study.plan import Plan


def embed(
    work: StudyModels, embedder: Embedder, plan: Plan, models: Sequence[str], report: Reporter
) -> Embedding:
    """One joint UMAP of the features of these models, comparable point by point.

    All models share the same retain, forget and test samples and perturbed copies; the order of
    the models does not matter. SpecError if the study lacks one of them.
    """
    plan.require(*models)
    names = [name for name in plan.models if name in models]

    def make() -> Product:
        started = time.monotonic()
        arrays = _laid_out(work, embedder, plan, names, report)
        return Product(arrays, time.monotonic() - started)

    recipe = Recipe(
        kind="embeddings",
        key=embedding_key(plan, names),
        needs={f"xy/{model}": (None, 2) for model in names},
        title="the embedding",
        make=make,
        unpack=lambda record: points.unpacked_embedding(record.arrays, names),
    )
    return work.results.obtain(recipe, plan.spec, report)


def embedding_key(plan: Plan, names: Sequence[str]) -> str:
    """Key of the joint embedding of these models, given in the order of the study."""
    spec, keys = plan.spec, plan.models
    used = {name: keys[name] for name in names}
    decisive = (used, keys.get(_source(spec), ""), spec.forget, spec.probe.everywhere, spec.seed)
    return key("joint embedding", *decisive, points.LIMITS, LAYOUT)


def _laid_out(
    work: StudyModels, embedder: Embedder, plan: Plan, names: Sequence[str], report: Reporter
) -> dict[str, np.ndarray]:
    """The stored arrays of the embedding of these models."""
    from engine.embedding import outputs

    report.stage("embedding")
    embedder.warm_up()
    spec = plan.spec
    dataset = work.datasets.load(spec.data, report)
    cast = points.select_points(spec, dataset)
    report.expect(len(cast.sample) * len(names))
    source = _source(spec)
    against = work.loaded(plan, source) if source else None
    x = outputs.pixels(
        cast, work.datasets.on_device(dataset), spec.probe, against, report, dataset.messages
    )
    views = {
        name: outputs.point_outputs(work.loaded(plan, name), x, cast.label, report)
        for name in names
    }
    features = [one.features for one in views.values()]
    return points.packed_arrays(
        cast, views, embedder.fit(features, cast.anchors, spec.seed, report)
    )


def _source(spec: RunSpec) -> str:
    """The model that adversarial copies are computed against; '' for random copies."""
    return spec.aim if is_attack(spec.probe) else ""
