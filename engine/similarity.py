"""How alike two networks represent the same samples, layer by layer: linear CKA.

Source: Kornblith et al., "Similarity of Neural Network Representations Revisited", 2019, with the
unbiased estimate of HSIC of Song et al., "Feature Selection via Dependence Maximization", 2012,
which does not come out large for a few samples of many features, as the plain one does.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from engine import study
from engine.arrays import Floats
from engine.batching import batches_of
from engine.errors import SpecError
from engine.layers import Call, Layer, layers_of, listening
from engine.report import Reporter
from engine.results import Likeness, Similarity
from engine.runtime import numpy_generator
from engine.samples import Samples
from engine.spec import RunSpec, key
from engine.store import Record
from engine.workshop import Workshop

MOST_SAMPLES = 256  # of each split
FEWEST = 4  # samples; the unbiased estimate divides by n - 3
BATCH = 64  # samples of a forward
KEPT_PORTRAITS = 20  # one per model and split
Line = tuple[str, str, list[tuple[str, str]]]  # model, what it is compared with, pairs that takes
Portrait = list[np.ndarray]  # of one model: a Gram matrix for each layer


# -- the measure ----------------------------------------------------------------------------------
def cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear CKA of features x (n, p) and y (n, q) of the same n samples, at most 1.

    1: equal up to rotation, scaling and shift; about 0: unrelated. NaN for fewer than `FEWEST`
    samples, and where one of the two tells no samples apart.
    """
    return alignment(centered(x), centered(y))


def centered(features: np.ndarray) -> np.ndarray:
    """The U-centered linear Gram matrix (n, n) float32 of features (n, p); empty below `FEWEST`.

    The inner product of two of them is n (n - 3) times the unbiased estimate of HSIC.
    """
    n = len(features)
    if n < FEWEST:
        return np.zeros((0, 0), np.float32)
    wide = features.astype(np.float64)
    wide = wide - wide.mean(0)  # changes nothing but the rounding
    gram = wide @ wide.T
    np.fill_diagonal(gram, 0)
    sums = gram.sum(0)
    gram += sums.sum() / ((n - 1) * (n - 2)) - (sums[:, None] + sums) / (n - 2)
    np.fill_diagonal(gram, 0)
    found: np.ndarray = gram.astype(np.float32)
    return found


def alignment(one: np.ndarray, other: np.ndarray) -> float:
    """CKA of two U-centered Gram matrices (n, n): the cosine between them."""
    a, b = one.ravel().astype(np.float64), other.ravel().astype(np.float64)
    norms = float(a @ a) * float(b @ b)
    return float(a @ b) / norms**0.5 if norms > 0 else float("nan")


# -- from models to portraits ---------------------------------------------------------------------
def chosen(pool: np.ndarray, seed: int, split: str) -> np.ndarray:
    """At most `MOST_SAMPLES` of the indices in `pool`, drawn by the seed, sorted."""
    if len(pool) <= MOST_SAMPLES:
        return np.sort(pool)
    drawn = numpy_generator(seed, "similarity", split).choice(pool, MOST_SAMPLES, replace=False)
    return np.sort(drawn)


@torch.inference_mode()
def portrait(
    model: nn.Module, layers: Sequence[Layer], samples: Samples, rows: np.ndarray, report: Reporter
) -> Portrait:
    """(n, n) float32 U-centered Gram matrix of each layer of a model in eval mode.

    rows (n,): training samples. Raises Cancelled between batches.
    """
    calls = [layer.call for layer in layers]
    heard: dict[Call, np.ndarray] = {}

    def keep(call: Call, features: Tensor) -> None:
        if call in calls:
            heard[call] = features.cpu().numpy()

    def listen(part: slice) -> list[np.ndarray]:
        report.check()
        model(samples.pixels(torch.from_numpy(rows[part]).to(samples.device)))
        report.advance(part.stop - part.start)
        return [heard[call] for call in calls]

    report.expect(len(rows))
    with listening(model, keep, {call.path for call in calls}):
        parts = list(batches_of(samples.x, BATCH).over(len(rows), listen))
    return [centered(np.concatenate(one)) for one in zip(*parts, strict=True)]


class Similarities:
    """Answers how alike the models of a study are; pairs are kept in the store, each once.

    The portraits that were used last stay in memory, so that another pair costs one model.
    """

    def __init__(self, work: Workshop) -> None:
        self._work = work
        self._layers: dict[str, list[Layer]] = {}  # of the networks seen, by the Original's key
        self._portraits: OrderedDict[tuple[str, ...], Portrait] = OrderedDict()

    def of(self, spec: RunSpec, a: str, b: str, report: Reporter) -> Similarity:
        """A and B against Original, the Re-trains and each other, on forget and retain samples.

        SpecError if the study has no such model; raises Cancelled.
        """
        names = study.model_keys(spec)
        for one in (a, b):
            if one not in names:
                raise SpecError(f"This study has no model '{one}'. It has: {', '.join(names)}.")
        started = time.monotonic()
        report.stage("similarity of layers")
        rows, planned = self._rows(spec, report), list(_lines(a, b, spec.retrains))
        found = self._pairs(spec, planned, rows, report)
        if len({len(one.arrays["cka"]) for one in found.values()}) > 1:  # some are a stranger's
            self._seen(spec, report)  # from now on only pairs with these layers will do
            found = self._pairs(spec, planned, rows, report)
        layers = tuple(next(iter(found.values())).plain("layers"))
        lines = []
        for split, (model, to, pairs) in itertools.product(rows, planned):
            values = np.stack([found[split, *pair].arrays["cka"] for pair in pairs])
            lines.append(_likeness(split, model, to, values))
        counts = {split: len(one) for split, one in rows.items()}
        return Similarity(a, b, layers, counts, tuple(lines), time.monotonic() - started)

    def _rows(self, spec: RunSpec, report: Reporter) -> dict[str, np.ndarray]:
        """Split -> the samples that are looked at."""
        retained = self._work.dataset(spec.data, report).retained(spec.forget)
        pools = {"forget": np.array(spec.forget), "retain": retained}
        return {split: chosen(pool, spec.seed, split) for split, pool in pools.items()}

    def _pairs(
        self, spec: RunSpec, lines: Sequence[Line], rows: Mapping[str, np.ndarray], report: Reporter
    ) -> dict[tuple[str, str, str], Record]:
        """(split, one model, the other) -> the record of that pair, for all that lines are of."""
        return {
            (split, *pair): self._pair(spec, *pair, split, rows[split], report)
            for split in rows
            for _, _, pairs in lines
            for pair in pairs
        }

    def _pair(
        self, spec: RunSpec, one: str, other: str, split: str, rows: np.ndarray, report: Reporter
    ) -> Record:
        """The stored CKA (L,) of each layer, with the layers' names."""
        mark = pair_key(spec, one, other, split)

        def measure() -> Record:
            started = time.monotonic()
            pair = [self._portrait(spec, name, split, rows, report) for name in (one, other)]
            values = np.array([alignment(*grams) for grams in zip(*pair, strict=True)])
            names = json.dumps([layer.name for layer in self._seen(spec, report)])
            seconds = time.monotonic() - started
            return self._work.put(
                "similarities", mark, {"cka": values, "samples": rows}, spec, seconds,
                layers=names, models=json.dumps([one, other]), split=split,
            )  # fmt: skip

        layers = self._layers.get(_network(spec))
        needs = {} if layers is None else {"cka": (len(layers),)}
        what = "the similarity of layers"
        return self._work.once("similarities", mark, spec, what, measure, report, needs)

    def _seen(self, spec: RunSpec, report: Reporter) -> list[Layer]:
        """The layers of the study's network."""
        mark = _network(spec)
        if mark not in self._layers:
            samples, _ = self._work.on_device(self._work.dataset(spec.data, report))
            some = samples.pixels(torch.arange(FEWEST, device=samples.device))
            self._layers[mark] = layers_of(self._work.loaded(spec, "original", report), some)
        return self._layers[mark]

    def _portrait(
        self, spec: RunSpec, name: str, split: str, rows: np.ndarray, report: Reporter
    ) -> Portrait:
        rows_key = key("rows", spec.forget, spec.seed, spec.imported)
        mark = (study.model_keys(spec)[name], rows_key, split)
        if mark not in self._portraits:
            samples, _ = self._work.on_device(self._work.dataset(spec.data, report))
            model = self._work.loaded(spec, name, report)
            layers = self._seen(spec, report)
            self._portraits[mark] = portrait(model, layers, samples, rows, report)
            while len(self._portraits) > KEPT_PORTRAITS:
                self._portraits.popitem(last=False)
        self._portraits.move_to_end(mark)
        return self._portraits[mark]


def pair_key(spec: RunSpec, one: str, other: str, split: str) -> str:
    """Key of the CKA of two models on the samples of a split."""
    keys = study.model_keys(spec)
    return key("similarity", sorted((keys[one], keys[other])), split, spec.forget, spec.seed)


def _network(spec: RunSpec) -> str:
    """What the layers of a study go by: an Original of the same key may be somebody else's."""
    return f"{study.original_key(spec)}{' imported' * spec.imported}"


def _lines(a: str, b: str, retrains: int) -> Iterator[Line]:
    """(model, what it is compared with, the pairs of models that takes) of every line."""
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
