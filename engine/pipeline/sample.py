"""Results around one sample or model: copies, decision regions, smallest tau of recognition."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.perturbations import Edit, EditedMessage, Perturbation, is_attack, named
from engine.pipeline.copy_cache import CopyCache
from engine.pipeline.models import StudyModels
from engine.pipeline.stored_results import Product, Recipe
from engine.residual.slice_arrays import packed, unpacked
from engine.results import Neighborhood, Recognition, Slice
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec, RunSpec, key, validate
from engine.storage.store import Record
from engine.study.plan import Plan

if TYPE_CHECKING:
    from torch import Tensor


def neighborhood(
    work: StudyModels, plan: Plan, sample: int, perturbation: str, tau: float, report: Reporter
) -> Neighborhood:
    """Perturbed copies of one sample and every model's predictions on them.

    perturbation '' and tau < 0 mean the study's own, at the middle of its grid. A result that is
    not stored yet is reported as the point 'neighborhood' from its first ten copies on.
    """
    spec, keys = plan.spec, plan.models
    dataset = work.datasets.load(spec.data, report)
    dataset.require(sample)
    name, tau = _lens(spec, perturbation, tau)
    kind = named(name).on(dataset.messages)
    kind.check([tau])
    probe = replace(spec.probe.everywhere, perturbation=name, taus=(tau,))
    edits = _edits(kind, sample, probe, tau)
    source = spec.aim if is_attack(probe) else ""
    decisive = (keys, probe, probe.draws, sample, keys[source] if source else "")
    mark, label = key("neighborhood", *decisive), dataset.label_of(sample)
    cache, shape = CopyCache(work.store), (probe.draws, *dataset.shape)

    def drawn() -> Tensor:
        """(c, *shape) copies on the device."""
        one = work.datasets.sample(dataset, sample)
        from engine.residual.neighborhood import copies_of

        against = work.loaded(plan, source) if source else None
        copies = copies_of(one, probe, tau, len(dataset.classes), against, dataset.messages)
        cache.put(mark, copies.cpu().numpy())
        return copies

    def make() -> Product:
        from engine.residual.neighborhood import predict_in_stages

        copies, models = drawn(), {model: work.loaded(plan, model) for model in keys}
        pixels = copies.cpu().numpy()
        started = time.monotonic()
        for verdicts in predict_in_stages(models, copies, label, report):
            report.point(
                "neighborhood", neighborhood_of(sample, label, probe, pixels, verdicts, edits)
            )
        predictions, confidence = verdicts
        arrays = {f"predictions/{model}": value for model, value in predictions.items()}
        arrays |= {f"confidence/{model}": value for model, value in confidence.items()}
        facts = {"sample": sample, "perturbation": name, "tau": tau}
        return Product(arrays, time.monotonic() - started, facts)

    def unpack(record: Record) -> Neighborhood:
        predictions = {model: record.arrays[f"predictions/{model}"] for model in keys}
        confidence = {model: record.arrays[f"confidence/{model}"] for model in keys}
        pixels = cache.get(mark, shape)
        if pixels is None:
            pixels = drawn().cpu().numpy()
        return neighborhood_of(sample, label, probe, pixels, (predictions, confidence), edits)

    recipe = Recipe(
        kind="neighborhoods",
        key=mark,
        needs={f"predictions/{model}": (probe.draws,) for model in keys},
        title=f"the copies of sample {sample}",
        make=make,
        unpack=unpack,
    )
    return work.results.obtain(recipe, spec, report)


def decision_slice(
    work: StudyModels,
    plan: Plan,
    sample: int,
    directions: str,
    tau: float,
    size: int,
    report: Reporter,
    *,
    perturbation: str = "",
    towards: int = -1,
) -> Slice:
    """Every model's decision regions on a plane through one sample.

    directions: one of results.DIRECTIONS, with attacks against the first unlearned model; towards:
    index of the sample that 'chosen' leads to; size: odd number of points per side; perturbation ''
    and tau < 0 as in `neighborhood`. SpecError if there is no such sample or plane.
    """
    spec, keys = plan.spec, plan.models
    dataset = work.datasets.load(spec.data, report)
    dataset.require(sample)
    name, tau = _lens(spec, perturbation, tau)
    seed, chosen = spec.probe.seed, directions == "chosen"
    if chosen:
        dataset.require(towards)

    def make() -> Product:
        from engine.residual import decision_slice as slices

        one = work.datasets.sample(dataset, sample)
        target = work.datasets.sample(dataset, towards) if chosen else None
        models = {model: work.loaded(plan, model) for model in keys}
        result = slices.slice_through(
            models, work.datasets.on_device(dataset)[0], one, directions,
            against=spec.aim, perturbation=name, tau=tau, size=size, seed=seed, report=report,
            towards=target,
        )  # fmt: skip
        arrays, facts = packed(result)
        return Product(arrays, facts.pop("seconds"), facts)

    aim = f"{directions} {towards}" if chosen else directions
    recipe = Recipe(
        kind="slices",
        key=key("slice", keys, spec.aim, name, tau, seed, sample, aim, size),
        needs={f"predictions/{model}": (size, size) for model in keys},
        title=f"the decision regions around sample {sample}",
        make=make,
        unpack=lambda record: unpacked(record.arrays, record.attributes, list(keys)),
    )
    return work.results.obtain(recipe, spec, report)


def recognition(
    work: StudyModels,
    plan: Plan,
    model: str,
    report: Reporter,
    *,
    perturbation: str = "",
    draws: int = 20,
) -> Recognition:
    """The smallest tau at which `model` recognizes each forget sample again.

    perturbation '' means the study's own; attacks target the true label. The study's tau grid is
    searched along `draws` directions. SpecError if the study has no such model.
    """
    plan.require(model)
    spec = plan.spec
    name = named(perturbation or spec.probe.perturbation).name
    probe = replace(spec.probe.everywhere, perturbation=name, target="true", draws=draws)
    probe = validate(probe)

    def make() -> Product:
        import torch

        from engine.residual.smallest_tau import smallest_taus

        dataset = work.datasets.load(spec.data, report)
        samples, _ = work.datasets.on_device(dataset)
        rows = torch.tensor(spec.forget, device=work.device)
        source = work.loaded(plan, model, report)
        report.stage(f"recognition by {model}")
        started = time.monotonic()
        taus = smallest_taus(
            source, samples.pixels(rows), samples.y[rows], spec.forget, probe,
            samples.n_classes, report, dataset.messages,
        )  # fmt: skip
        arrays = {"samples": np.array(spec.forget), "taus": taus}
        facts = {"model": model, "perturbation": name, "draws": draws}
        return Product(arrays, time.monotonic() - started, facts)

    def unpack(record: Record) -> Recognition:
        samples, taus = record.arrays["samples"], record.arrays["taus"]
        return Recognition(model, name, probe.draws, probe.taus[-1], samples, taus)

    recipe = Recipe(
        kind="recognitions",
        key=key("recognition", plan.models[model], probe, probe.draws, spec.forget),
        needs={"taus": (len(spec.forget),)},
        title=f"the recognition by {model}",
        make=make,
        unpack=unpack,
    )
    return work.results.obtain(recipe, spec, report)


def _edits(
    kind: Perturbation, sample: int, probe: ProbeSpec, tau: float
) -> tuple[EditedMessage, ...]:
    """The copies of a sample as messages; () where the perturbation changes no words."""
    if not isinstance(kind, Edit):
        return ()
    return tuple(kind.drawn(sample, probe.seed, probe.draws, tau))


def _lens(spec: RunSpec, perturbation: str, tau: float) -> tuple[str, float]:
    """(perturbation, tau), with '' and tau < 0 replaced by the study's own.

    SpecError if there is no such perturbation.
    """
    name = named(perturbation or spec.probe.perturbation).name
    return name, spec.probe.taus[len(spec.probe.taus) // 2] if tau < 0 else tau


def neighborhood_of(
    sample: int,
    label: int,
    probe: ProbeSpec,
    copies: np.ndarray,
    verdicts: tuple[dict[str, np.ndarray], dict[str, np.ndarray]],
    edits: tuple[EditedMessage, ...] = (),
) -> Neighborhood:
    """The neighborhood at the only tau of `probe`, with those copies that have predictions.

    edits: the copies as messages, if they are.
    """
    predictions, confidence = verdicts
    count = min(len(classes) for classes in predictions.values())
    return Neighborhood(
        sample=sample,
        label=label,
        perturbation=probe.perturbation,
        tau=probe.taus[0],
        copies=copies[:count],
        predictions=predictions,
        confidence=confidence,
        counts={name: int((classes == label).sum()) for name, classes in predictions.items()},
        edits=edits[:count],
    )
