"""The similarity of two models of a study, from the store or computed and stored."""

from __future__ import annotations

import itertools
import json
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.arrays import Floats
from engine.comparison.cka import FEWEST, GramMatrices, alignment, drawn_samples
from engine.pipeline.loaded_models import cache_key
from engine.pipeline.models import StudyModels
from engine.pipeline.stored_results import Product, Recipe
from engine.results import Likeness, Similarity
from engine.runtime.progress import Reporter
from engine.spec import RunSpec, key
from engine.storage.store import Record
from engine.study.plan import Plan

if TYPE_CHECKING:
    from engine.comparison.activations import Layer
    from engine.runtime.device_samples import Samples

KEPT_PORTRAITS = 20  # one per model and split


Line = tuple[str, str, list[tuple[str, str]]]  # model, what it is compared with, required pairs


class Similarities:
    """Measures the similarity of a study's models; each pair is stored once.

    The most recently used portraits stay in memory, so that another pair costs one model.
    """

    def __init__(self, work: StudyModels) -> None:
        self._work = work
        self._layers: dict[
            str, list[Layer]
        ] = {}  # of the networks used so far, by the Original's key
        self._portraits: OrderedDict[tuple[str, ...], GramMatrices] = OrderedDict()

    def clear(self) -> None:
        """Drop what is kept in memory."""
        self._layers.clear()
        self._portraits.clear()

    def of(self, plan: Plan, a: str, b: str, report: Reporter) -> Similarity:
        """A and B against Original, the Re-trains and each other, on forget and retain samples.

        SpecError if the study lacks one of them; raises Cancelled.
        """
        plan.require(a, b)
        started = time.monotonic()
        report.stage("similarity of layers")
        rows, planned = self._rows(plan.spec, report), list(_lines(a, b, plan.spec.retrains))
        records = self._pairs(plan, planned, rows, report)
        if len({len(one.arrays["cka"]) for one in records.values()}) > 1:  # some were imported
            self._seen(plan, report)  # from now on, pairs must have these layers
            records = self._pairs(plan, planned, rows, report)
        layers = tuple(next(iter(records.values())).plain("layers"))
        lines = []
        for split, (model, to, pairs) in itertools.product(rows, planned):
            values = np.stack([records[split, *pair].arrays["cka"] for pair in pairs])
            lines.append(_likeness(split, model, to, values))
        counts = {split: len(one) for split, one in rows.items()}
        return Similarity(a, b, layers, counts, tuple(lines), time.monotonic() - started)

    def _rows(self, spec: RunSpec, report: Reporter) -> dict[str, np.ndarray]:
        """Split -> the samples to compare on."""
        retained = self._work.datasets.load(spec.data, report).retained(spec.forget)
        pools = {"forget": np.array(spec.forget), "retain": retained}
        return {split: drawn_samples(pool, spec.seed, split) for split, pool in pools.items()}

    def _pairs(
        self, plan: Plan, lines: Sequence[Line], rows: Mapping[str, np.ndarray], report: Reporter
    ) -> dict[tuple[str, str, str], Record]:
        """(split, model, other model) -> the record of the pair, for all pairs of the lines."""
        return {
            (split, *pair): self._pair(plan, *pair, split, rows[split], report)
            for split in rows
            for _, _, pairs in lines
            for pair in pairs
        }

    def _pair(
        self, plan: Plan, one: str, other: str, split: str, rows: np.ndarray, report: Reporter
    ) -> Record:
        """The record of the CKA (L,) of each layer, with the names of the layers.

        It names the models in the order of the study, whoever asked for the pair in which order.
        """
        one, other = sorted((one, other), key=[*plan.models].index)
        mark = pair_key(plan, one, other, split)

        def measure() -> Product:
            started = time.monotonic()
            pair = [self._portrait(plan, name, split, rows, report) for name in (one, other)]
            values = np.array([alignment(*grams) for grams in zip(*pair, strict=True)])
            names = json.dumps([layer.name for layer in self._seen(plan, report)])
            seconds = time.monotonic() - started
            facts = {"layers": names, "models": json.dumps([one, other]), "split": split}
            return Product({"cka": values, "samples": rows}, seconds, facts)

        layers = self._layers.get(_network(plan))
        needs = {} if layers is None else {"cka": (len(layers),)}
        title = "the similarity of layers"
        recipe = Recipe("similarities", mark, needs, title, measure, unpack=lambda record: record)
        return self._work.results.obtain(recipe, plan.spec, report)

    def _seen(self, plan: Plan, report: Reporter) -> list[Layer]:
        """The layers of the study's network."""
        network_key = _network(plan)
        if network_key not in self._layers:
            samples = self._samples(plan.spec, report)
            import torch

            from engine.comparison.activations import layers_of

            probe_samples = samples.pixels(torch.arange(FEWEST, device=samples.device))
            self._layers[network_key] = layers_of(
                self._work.loaded(plan, "original", report), probe_samples
            )
        return self._layers[network_key]

    def _samples(self, spec: RunSpec, report: Reporter) -> Samples:
        """The training samples, on the device."""
        return self._work.datasets.on_device(self._work.datasets.load(spec.data, report))[0]

    def _portrait(
        self, plan: Plan, name: str, split: str, rows: np.ndarray, report: Reporter
    ) -> GramMatrices:
        spec = plan.spec
        rows_key = key("rows", spec.forget, spec.seed, spec.imported)
        portrait_key = (plan.models[name], rows_key, split)
        if portrait_key not in self._portraits:
            samples = self._samples(plan.spec, report)
            model = self._work.loaded(plan, name, report)
            layers = self._seen(plan, report)
            from engine.comparison.gram_matrices import gram_matrices

            self._portraits[portrait_key] = gram_matrices(model, layers, samples, rows, report)
            while len(self._portraits) > KEPT_PORTRAITS:
                self._portraits.popitem(last=False)
        self._portraits.move_to_end(portrait_key)
        return self._portraits[portrait_key]


def pair_key(plan: Plan, one: str, other: str, split: str) -> str:
    """Key of the CKA of two models on the samples of a split."""
    pair = sorted((plan.models[one], plan.models[other]))
    return key("similarity", pair, split, plan.spec.forget, plan.spec.seed)


def _network(plan: Plan) -> str:
    """Cache key of a study's layers; an imported Original may have the same store key."""
    return cache_key(plan.models["original"], plan.spec.imported)


def _lines(a: str, b: str, retrains: int) -> Iterator[Line]:
    """(model, what it is compared with, required pairs of models) of every line."""
    names = [f"retrain-{number}" for number in range(retrains)]
    for model in dict.fromkeys((a, b)):
        if model != "original":
            yield model, "original", [(model, "original")]
        others = [(model, name) for name in names if name != model]
        if others:
            yield model, "retrain", others
    if a != b:
        yield a, b, [(a, b)]
    if retrains > 1:
        yield "retrain", "retrain", list(itertools.combinations(names, 2))


def _likeness(split: str, model: str, to: str, values: Floats) -> Likeness:
    return Likeness(split, model, to, values.mean(0), values.min(0), values.max(0))
