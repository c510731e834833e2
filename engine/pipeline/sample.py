"""Results around one sample or model: copies, decision regions, smallest tau of recognition."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from engine.perturbations import is_attack, named
from engine.pipeline.models import StudyModels
from engine.pipeline.stored_results import Product, Recipe
from engine.residual import decision_slice as slices
from engine.residual.neighborhood import copies_of, neighborhood_of, predict_in_stages
from engine.residual.smallest_tau import smallest_taus
from engine.results import Neighborhood, Recognition, Slice
from engine.runtime.progress import Reporter
from engine.spec import RunSpec, key, validate
from engine.storage.store import Record
from engine.study.plan import Plan


def neighborhood(
    work: StudyModels, plan: Plan, sample: int, perturbation: str, tau: float, report: Reporter
) -> Neighborhood:
    """Perturbed copies of one sample and every model's predictions on them.

    perturbation '' and tau < 0 mean the study's own, at the middle of its grid. A result that is
    not stored yet is reported as the point 'neighborhood' from its first ten copies on.
    """
    spec, keys = plan.spec, plan.models
    dataset = work.datasets.load(spec.data, report)
    one = work.datasets.sample(dataset, sample)
    name, tau = _lens(spec, perturbation, tau)
    probe = replace(spec.probe.everywhere, perturbation=name, taus=(tau,))
    source = spec.aim if is_attack(probe) else ""
    against = work.loaded(plan, source) if source else None
    copies = copies_of(one, probe, tau, len(dataset.classes), against)

    def make() -> Product:
        models = {model: work.loaded(plan, model) for model in keys}
        started = time.monotonic()
        for verdicts in predict_in_stages(models, copies, one.y, report):
            report.point("neighborhood", neighborhood_of(one, probe, copies, verdicts))
        predictions, confidence = verdicts
        arrays = {f"predictions/{model}": value for model, value in predictions.items()}
        arrays |= {f"confidence/{model}": value for model, value in confidence.items()}
        facts = {"sample": sample, "perturbation": name, "tau": tau}
        return Product(arrays, time.monotonic() - started, facts)

    def unpack(record: Record) -> Neighborhood:
        predictions = {model: record.arrays[f"predictions/{model}"] for model in keys}
        confidence = {model: record.arrays[f"confidence/{model}"] for model in keys}
        return neighborhood_of(one, probe, copies, (predictions, confidence))

    decisive = (keys, probe, probe.draws, sample, keys[source] if source else "")
    recipe = Recipe(
        kind="neighborhoods",
        key=key("neighborhood", *decisive),
        needs={f"predictions/{model}": (len(copies),) for model in keys},
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
    one = work.datasets.sample(dataset, sample)
    name, tau = _lens(spec, perturbation, tau)
    seed = spec.probe.seed
    target = work.datasets.sample(dataset, towards) if directions == "chosen" else None

    def make() -> Product:
        models = {model: work.loaded(plan, model) for model in keys}
        result = slices.slice_through(
            models, work.datasets.on_device(dataset)[0], one, directions,
            against=spec.aim, perturbation=name, tau=tau, size=size, seed=seed, report=report,
            towards=target,
        )  # fmt: skip
        arrays, facts = slices.packed(result)
        return Product(arrays, facts.pop("seconds"), facts)

    aim = f"{directions} {towards}" if target else directions
    recipe = Recipe(
        kind="slices",
        key=key("slice", keys, spec.aim, name, tau, seed, sample, aim, size),
        needs={f"predictions/{model}": (size, size) for model in keys},
        title=f"the decision regions around sample {sample}",
        make=make,
        unpack=lambda record: slices.unpacked(record.arrays, record.attributes, list(keys)),
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
        samples, _ = work.datasets.on_device(work.datasets.load(spec.data, report))
        rows = torch.tensor(spec.forget, device=work.device)
        source = work.loaded(plan, model, report)
        report.stage(f"recognition by {model}")
        started = time.monotonic()
        taus = smallest_taus(
            source, samples.pixels(rows), samples.y[rows], spec.forget, probe,
            samples.n_classes, report,
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


def _lens(spec: RunSpec, perturbation: str, tau: float) -> tuple[str, float]:
    """(perturbation, tau), with '' and tau < 0 replaced by the study's own.

    SpecError if there is no such perturbation.
    """
    name = named(perturbation or spec.probe.perturbation).name
    return name, spec.probe.taus[len(spec.probe.taus) // 2] if tau < 0 else tau
