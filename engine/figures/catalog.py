"""Every kind of figure: its data are gathered through a pipeline, then drawn.

The table of kinds is available without importing the modules that draw.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import PROGRAM
from engine.analysis.curve_set import CurveSet
from engine.analysis.curves import run_of, runs_beside
from engine.analysis.measures import MEASURES
from engine.analysis.model_table import GAP, QUANTITIES, RESIDUAL, ModelTable, board, with_published
from engine.analysis.point_colors import COLOR_SCHEMES, PanelData
from engine.analysis.ranking import measured_methods
from engine.analysis.tradeoff import scatter
from engine.drawing.labels import NO_VERDICTS_NOTE, model_label
from engine.errors import unknown
from engine.figures.request import FigureRequest
from engine.residual.verdict import verdict_note
from engine.results import DIRECTIONS, FINE, Study
from engine.runtime.libraries import require
from engine.runtime.progress import Reporter
from engine.storage.origins import sentence

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline

__all__ = ["KINDS", "FigureRequest", "Kind", "draw", "figure"]

MOST_SAMPLES = 60  # pictures on a contact sheet


@dataclass(frozen=True)
class Kind:
    """A kind of figure. options: of `draw`, besides width_mm and font_size, with their help."""

    title: str
    draw: Callable[..., list[Path]]
    options: Mapping[str, str]


def figure(pipeline: Pipeline, one: Study, kind: str, out: Path, **options: Any) -> list[Path]:
    """Draw a figure of a study, with its numbers as CSV: one of `KINDS`; returns the files.

    SpecError for an unknown kind, format or size.
    """
    from engine.user_code.calls import attributed_errors  # torch: not when kinds are listed

    stored = pipeline.spec_of(one)
    spec = replace(stored, data=pipeline.work.datasets.located(stored.data))
    origin = {"origin": sentence(one.origins)} if one.origins else {}
    facts = {"version": PROGRAM, "key": one.key, "seed": str(spec.seed), **origin}
    with attributed_errors():
        return draw(FigureRequest(pipeline, one, spec, out, facts), kind, options)


def draw(request: FigureRequest, kind: str, options: Mapping[str, Any]) -> list[Path]:
    """Draw the figure and its CSV; returns the files. SpecError for an unknown kind.

    options: those of the kind, and those of `canvas.output_options`: `dpi`; `numbers` False to omit
    the CSV; a `booklet` that receives the figure as a page.
    """
    if kind not in KINDS:
        raise unknown("figure", kind, KINDS)
    require("matplotlib", "Figures need")
    from engine.figures.canvas import output_options

    saving = {name: options[name] for name in ("dpi", "numbers", "booklet") if name in options}
    drawing = {name: value for name, value in options.items() if name not in saving}
    with output_options(**saving):
        return KINDS[kind].draw(request, **drawing)


def _curves(
    request: FigureRequest,
    measure: str = "residual",
    hidden: Collection[str] = (),
    beside: Sequence[str] = (),
    mean: bool = False,
    **options: Any,
) -> list[Path]:
    from engine.figures.curves import curves, losses

    study, facts = request.study, request.facts
    if measure == "loss":
        models = [one for one in request.models() if one.name not in hidden]
        return losses(models, study.labels, request.out, facts=facts, **options)
    named = {one.name: one for one in MEASURES}
    if measure not in named:
        raise unknown("measure", measure, [*named, "loss"])
    runs = [run_of(study), *runs_beside(study, request.others(beside))]
    curve_set = CurveSet(runs, mean=mean, paper=request.published())
    return curves(
        curve_set, request.out, measure=named[measure], hidden=hidden, facts=facts, **options
    )


def _metrics(request: FigureRequest, **options: Any) -> list[Path]:
    from engine.figures.metrics import metrics_table
    from engine.tables.model_csv import sheet

    models, options = _board(request, **options)
    paper = request.published()
    source = [f"{paper.table_of()}."] if paper else []
    note = " ".join(source + [NO_VERDICTS_NOTE] * models.withheld)
    return metrics_table(
        models, sheet(models), request.out, facts=request.facts, note=note, **options
    )


def _scatter(request: FigureRequest, x: str = GAP, y: str = RESIDUAL, **options: Any) -> list[Path]:
    from engine.figures.scatter import tradeoff

    models, options = _board(request, **options)
    named = {one.name: one for one in models.quantities}
    for name in (x, y):
        if name not in named:
            raise unknown("measure", name, named)
    return tradeoff(
        scatter(models, named[x], named[y]), models, request.out, facts=request.facts, **options
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


def _neighborhood(
    request: FigureRequest,
    sample: int | None = None,
    tau: float = -1.0,
    perturbation: str = "",
    **options: Any,
) -> list[Path]:
    from engine.figures.neighborhood import neighborhood

    pipeline, study, quiet = request.pipeline, request.study, Reporter()
    sample = study.residual.worst_sample() if sample is None else sample
    near = pipeline.neighborhood(request.spec, sample, perturbation, tau, quiet)
    original = request.dataset.pixels(sample)
    return neighborhood(
        near, request.classes, study.labels, request.out,
        facts=request.facts, original=original,
        name=request.names([sample]).get(sample, ""), **options,
    )  # fmt: skip


def _sample_curve(
    request: FigureRequest, sample: int | None = None, model: str = "", **options: Any
) -> list[Path]:
    from engine.figures.sample_curve import sample_curve

    residual = request.study.residual
    sample = residual.worst_sample() if sample is None else sample
    model = model or measured_methods(residual)[0]
    return sample_curve(
        residual,
        sample,
        model,
        request.study.labels,
        request.out,
        facts=request.facts,
        name=request.names([sample]).get(sample, ""),
        **options,
    )


def _comparison(request: FigureRequest, **options: Any) -> list[Path]:
    from engine.figures.comparison import draw

    return draw(request, **options)


def _embedding(
    request: FigureRequest, a: str = "original", b: str = "", tau: float = -1.0, **options: Any
) -> list[Path]:
    from engine.figures.embedding import embedding

    residual = request.study.residual
    b = b or request.spec.aim
    cloud = request.pipeline.embed(request.spec, (a, b), Reporter())
    scene = PanelData(cloud, a, request.classes, residual, residual.column(tau))
    return embedding(
        scene, request.study.labels, request.out,
        models=tuple(dict.fromkeys((a, b))), facts=request.facts,
        names=request.names(cloud.sample.tolist()), **options,
    )  # fmt: skip


def _attack(
    request: FigureRequest,
    a: str = "",
    b: str = "retrain-0",
    score: str = "confidence",
    members: str = "forget",
    matched: bool = True,
    threshold: float | None = None,
    log: bool = False,
    **options: Any,
) -> list[Path]:
    from engine.figures.attack import attack

    a = a or request.spec.aim
    results = request.pipeline.attack(
        request.spec, a, b, Reporter(), score=score, members=members, matched=matched
    )
    return attack(
        results, request.study.labels, request.out,
        facts=request.facts, threshold=threshold, log=log, **options,
    )  # fmt: skip


def _epochs(request: FigureRequest, model: str = "", epoch: int = -1, **options: Any) -> list[Path]:
    from engine.figures.epochs import epochs

    named = [one.name for one in request.spec.methods]
    series = request.pipeline.epochs(request.spec, model or next(iter(named), ""), Reporter())
    return epochs(
        series, request.study.labels, request.out, epoch=epoch, facts=request.facts, **options
    )


def _slice(
    request: FigureRequest,
    sample: int | None = None,
    directions: str = "attack",
    tau: float = -1.0,
    perturbation: str = "",
    towards: int = -1,
    size: int = FINE,
    **options: Any,
) -> list[Path]:
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


def _samples(
    request: FigureRequest,
    samples: Sequence[int] = (),
    model: str = "",
    title: str = "",
    most: int = MOST_SAMPLES,
    **options: Any,
) -> list[Path]:
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


BESIDE = {
    "beside": "keys of stored studies to show as well",
    "mean": "whether studies that differ only in seed are averaged",
}
KINDS = {
    "attack": Kind(
        "Attack",
        _attack,
        {
            "a": "model to attack",
            "b": "model to compare with",
            "score": "how samples are scored, e.g. confidence, loss, svm",
            "members": "which samples count as members: forget or retain",
            "matched": "whether non-members match the members' classes",
            "threshold": "threshold to mark; by default the one chosen on the held-out half",
            "log": "whether the false positive rate is drawn on a log axis",
        },
    ),
    "comparison": Kind(
        "Compare A | B",
        _comparison,
        {
            "a": "one model",
            "b": "the other model",
            "tab": "classes, predictions, similarity or confidence",
            "split": "retain, forget or test",
            "grouped": "merge classes outside the forget set into one row",
            "order": "sort classes by: class or gap",
            "difference": "predictions: A - B instead of both",
            "of": "confidence: probability of the true or the top class (true or top)",
            "log": "confidence: a logarithmic axis",
        },
    ),
    "curves": Kind(
        "Curves",
        _curves,
        {
            "measure": "residual, prevalence, disagreement, accuracy or loss",
            "hidden": "models to leave out",
            **BESIDE,
            "log": "whether r is drawn on a log axis",
        },
    ),
    "embedding": Kind(
        "Embedding",
        _embedding,
        {
            "a": "model on the left",
            "b": "model on the right; the same as a for a single panel",
            "color": f"what colors mean: {', '.join(COLOR_SCHEMES)}",
            "tau": "perturbation norm at which r and verdicts are shown",
            "trails": "whether lines connect samples to their perturbed copies",
        },
    ),
    "epochs": Kind(
        "Epochs", _epochs, {"model": "which method", "epoch": "epoch to highlight; -1 = last"}
    ),
    "metrics": Kind("Metrics", _metrics, {"tau": "perturbation norm at which r is read", **BESIDE}),
    "neighborhood": Kind(
        "Neighborhood",
        _neighborhood,
        {
            "sample": "number of the sample",
            "tau": "perturbation norm",
            "perturbation": "how the copies are made; by default the study's own",
            "changes": "whether the perturbation is drawn too, amplified",
        },
    ),
    "samples": Kind(
        "Samples",
        _samples,
        {
            "samples": "numbers of the samples; by default the forget set",
            "model": "whose predictions are shown below the pictures; by default the first method",
            "title": "heading that says which samples these are",
            "most": f"maximum number of pictures, by default {MOST_SAMPLES}",
        },
    ),
    "sample-curve": Kind(
        "Curve of the sample",
        _sample_curve,
        {
            "sample": "number of the forget sample",
            "model": "whose distribution over the forget set is drawn",
            "log": "whether r is drawn on a log axis",
        },
    ),
    "scatter": Kind(
        "Scatter of two measures",
        _scatter,
        {
            "x": f"measure on the x axis: {', '.join(one.name for one in QUANTITIES)}",
            "y": "measure on the y axis",
            "tau": "perturbation norm at which r is read",
            **BESIDE,
        },
    ),
    "slice": Kind(
        "Slice",
        _slice,
        {
            "sample": "number of the sample",
            "directions": f"pair of directions that spans the plane: {', '.join(DIRECTIONS)}",
            "tau": "perturbation norm",
            "perturbation": "whose norm defines the ball; by default the study's own",
            "towards": "chosen: number of the sample that the plane passes through",
            "size": f"points per side, an odd number, by default {FINE}",
        },
    ),
}
