"""The data of every kind of figure: gathered through a pipeline, then drawn."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.analysis.curve_set import CurveSet
from engine.analysis.curves import run_of, runs_beside
from engine.analysis.highlights import HIGHLIGHTS, Emphasis, highlights
from engine.analysis.measures import MEASURES
from engine.analysis.model_table import GAP, RESIDUAL, ModelTable, board, with_published
from engine.analysis.point_colors import PanelData
from engine.analysis.ranking import measured_methods
from engine.analysis.sample_table import SampleTable
from engine.analysis.tradeoff import scatter as scatter_of
from engine.drawing.labels import NO_VERDICTS_NOTE, model_label
from engine.errors import unknown
from engine.figures.request import FigureRequest
from engine.residual.verdict import verdict_note
from engine.results import FINE, Embedding
from engine.runtime.progress import Reporter

MOST_SAMPLES = 60  # pictures on a contact sheet


def curves(
    request: FigureRequest,
    measure: str = MEASURES[0].name,
    hidden: Collection[str] = (),
    beside: Sequence[str] = (),
    mean: bool = False,
    **options: Any,
) -> list[Path]:
    """One measure of every model against tau, or its training loss."""
    from engine.figures.curves import curves as drawn
    from engine.figures.curves import losses

    study, facts = request.study, request.facts
    if measure == "loss":
        models = [one for one in request.models() if one.name not in hidden]
        return losses(models, study.labels, request.out, facts=facts, **options)
    if measure == "certified":
        from engine.figures.certified import certified

        return certified(
            study.residual, study.labels, request.out, hidden=hidden, facts=facts, **options
        )
    named = {one.name: one for one in MEASURES}
    if measure not in named:
        raise unknown("measure", measure, [*named, "certified", "loss"])
    runs = [run_of(study), *runs_beside(study, request.others(beside))]
    curve_set = CurveSet(runs, mean=mean, paper=request.published())
    return drawn(
        curve_set, request.out, measure=named[measure], hidden=hidden, facts=facts, **options
    )


def critical_tau(
    request: FigureRequest, hidden: Collection[str] = (), **options: Any
) -> list[Path]:
    """The smallest tau of re-recognition of every model, searched where it is not stored."""
    from engine.figures.critical_tau import critical_tau as drawn

    names = [one.name for one in request.models()]
    searches = {
        name: request.pipeline.recognition(request.spec, name, Reporter()) for name in names
    }
    labels, facts = request.study.labels, request.facts
    return drawn(searches, labels, request.out, hidden=hidden, facts=facts, **options)


def metrics(request: FigureRequest, **options: Any) -> list[Path]:
    """The table of all models and measures."""
    from engine.figures.metrics import metrics_table
    from engine.tables.model_csv import sheet

    models, options = _board(request, **options)
    paper = request.published()
    source = [f"{paper.table_of()}."] if paper else []
    note = " ".join(source + [NO_VERDICTS_NOTE] * models.withheld)
    return metrics_table(
        models, sheet(models), request.out, facts=request.facts, note=note, **options
    )


def scatter(request: FigureRequest, x: str = GAP, y: str = RESIDUAL, **options: Any) -> list[Path]:
    """Two measures of every model against each other."""
    from engine.figures.scatter import tradeoff

    models, options = _board(request, **options)
    named = {one.name: one for one in models.quantities}
    for name in (x, y):
        if name not in named:
            raise unknown("measure", name, named)
    return tradeoff(
        scatter_of(models, named[x], named[y]), models, request.out, facts=request.facts, **options
    )


def _board(
    request: FigureRequest,
    tau: float = -1.0,
    beside: Sequence[str] = (),
    mean: bool = False,
    **options: Any,
) -> tuple[ModelTable, dict[str, Any]]:
    """The board of the study and of those beside it, and the remaining options."""
    models = board(request.study, request.others(beside), tau=tau, mean=mean)
    paper = request.published()
    return (with_published(models, paper.rows) if paper else models), options


def neighborhood(
    request: FigureRequest,
    sample: int | None = None,
    tau: float = -1.0,
    perturbation: str = "",
    **options: Any,
) -> list[Path]:
    """The perturbed copies of one sample; by default the one with the largest r."""
    from engine.figures.neighborhood import neighborhood as drawn

    pipeline, study, quiet = request.pipeline, request.study, Reporter()
    sample = study.residual.worst_sample() if sample is None else sample
    near = pipeline.neighborhood(request.spec, sample, perturbation, tau, quiet)
    original = request.dataset.pixels(sample)
    return drawn(
        near, request.classes, study.labels, request.out,
        facts=request.facts, original=original,
        name=request.names([sample]).get(sample, ""), **options,
    )  # fmt: skip


def sample_curve(
    request: FigureRequest, sample: int | None = None, model: str = "", **options: Any
) -> list[Path]:
    """One sample's r over tau; by default of the one with the largest r."""
    from engine.figures.sample_curve import sample_curve as drawn

    residual = request.study.residual
    sample = residual.worst_sample() if sample is None else sample
    model = model or measured_methods(residual)[0]
    return drawn(
        residual,
        sample,
        model,
        request.study.labels,
        request.out,
        facts=request.facts,
        name=request.names([sample]).get(sample, ""),
        **options,
    )


def comparison(request: FigureRequest, **options: Any) -> list[Path]:
    """One tab of the comparison of two models."""
    from engine.figures.comparison import draw

    return draw(request, **options)


def embedding(
    request: FigureRequest,
    a: str = "original",
    b: str = "",
    tau: float = -1.0,
    highlight: str = "",
    **options: Any,
) -> list[Path]:
    """The joint embedding of the features of two models."""
    from engine.figures.embedding import embedding as drawn

    residual = request.study.residual
    b = b or request.spec.aim
    cloud = request.pipeline.embed(request.spec, (a, b), Reporter())
    scene = PanelData(cloud, a, request.classes, residual, residual.column(tau))
    if highlight:
        options["emphasis"] = _emphasis(request, cloud, highlight, (a, b))
    return drawn(
        scene, request.study.labels, request.out,
        models=tuple(dict.fromkeys((a, b))), facts=request.facts,
        names=request.names(cloud.sample.tolist()), **options,
    )  # fmt: skip


def _emphasis(
    request: FigureRequest, cloud: Embedding, highlight: str, models: Sequence[str]
) -> Emphasis:
    """The points of each model that a highlight selects; SpecError for an unknown one."""
    if highlight not in HIGHLIGHTS:
        raise unknown("highlight", highlight, HIGHLIGHTS)
    dataset = request.dataset
    table = SampleTable(dataset.labels, len(dataset.train_y))
    table.learn_models({one.name: one for one in request.models()})
    answers = {name: table.answers(name) for name in table.models}
    right = {name: one.right for name, one in answers.items() if one is not None}
    share = np.mean([one for name, one in right.items() if name.startswith("retrain")], axis=0)
    masks = {one: highlights(cloud, one, right["original"], share)[highlight] for one in models}
    return Emphasis(HIGHLIGHTS[highlight], masks)


def attack(
    request: FigureRequest,
    a: str = "",
    b: str = "retrain-0",
    score: str = "confidence",
    members: str = "forget",
    matched: bool = True,
    threshold: float | None = None,
    log: bool = False,
    per_sample: bool = False,
    **options: Any,
) -> list[Path]:
    """Membership inference on two models."""
    from engine.figures.attack import attack as drawn

    a = a or request.spec.aim
    results = request.pipeline.attack(
        request.spec, a, b, Reporter(), score=score, members=members, matched=matched
    )
    return drawn(
        results, request.study.labels, request.out,
        facts=request.facts, threshold=threshold, log=log, per_sample=per_sample, **options,
    )  # fmt: skip


def epochs(request: FigureRequest, model: str = "", epoch: int = -1, **options: Any) -> list[Path]:
    """Residual knowledge of one method, epoch by epoch."""
    from engine.figures.epochs import epochs as drawn

    named = [one.name for one in request.spec.methods]
    series = request.pipeline.epochs(request.spec, model or next(iter(named), ""), Reporter())
    return drawn(
        series, request.study.labels, request.out, epoch=epoch, facts=request.facts, **options
    )


def slice(
    request: FigureRequest,
    sample: int | None = None,
    directions: str = "attack",
    tau: float = -1.0,
    perturbation: str = "",
    towards: int = -1,
    size: int = FINE,
    **options: Any,
) -> list[Path]:
    """Decision regions on a plane through a sample."""
    from engine.figures.slice import slice_regions

    sample = request.study.residual.worst_sample() if sample is None else sample
    regions = request.pipeline.slice(
        request.spec, sample, directions, tau, size, Reporter(),
        perturbation=perturbation, towards=towards,
    )  # fmt: skip
    return slice_regions(
        regions, request.classes, request.study.labels, request.out,
        facts=request.facts, names=request.names([regions.sample, regions.other]), **options,
    )  # fmt: skip


def samples(
    request: FigureRequest,
    samples: Sequence[int] = (),
    model: str = "",
    title: str = "",
    most: int = MOST_SAMPLES,
    **options: Any,
) -> list[Path]:
    """Pictures of samples with the predictions of a model."""
    from engine.analysis.contact_sheet import sample_cards, worst
    from engine.figures.samples import samples as sheet

    study, models = request.study, {one.name: one for one in request.models()}
    model = model or measured_methods(study.residual)[0]
    if model not in models:
        raise unknown("model", model, models)
    title = title or f"The forget set, largest r of {model_label(model, study.labels)} first"
    numbers = list(samples) or worst(
        study.residual, model if model in study.residual.curves else ""
    )
    if len(numbers) > most:
        title = f"{title} ({most} of {len(numbers):,})"
    dataset = request.dataset
    cards = sample_cards(
        dataset, numbers[:most], models[model], request.spec.forget, study.residual
    )
    return sheet(
        cards, dataset.classes, model_label(model, study.labels), request.out,
        title=title, rule=verdict_note(study.residual), facts=request.facts, **options,
    )  # fmt: skip
