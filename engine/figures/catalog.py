"""Every kind of figure: its data are gathered through a pipeline, then drawn.

The table of kinds is available without importing the modules that draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import PROGRAM
from engine.analysis.highlights import HIGHLIGHTS
from engine.analysis.model_table import QUANTITIES
from engine.analysis.point_colors import COLOR_SCHEMES
from engine.drawing.labels import perturbation_label, plugin_label
from engine.errors import unknown
from engine.figures import inputs
from engine.figures.inputs import MOST_SAMPLES
from engine.figures.page_options import COMMON, output_options
from engine.figures.request import FigureRequest
from engine.results import DIRECTIONS, FINE, Study
from engine.runtime.libraries import require
from engine.spec import RunSpec
from engine.storage.origins import sentence

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline

__all__ = ["KINDS", "FigureRequest", "Kind", "draw", "figure"]


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
    from engine.user_code.attribution import attributed_errors  # torch: not when kinds are listed

    stored = pipeline.spec_of(one)
    spec = replace(stored, data=pipeline.work.datasets.located(stored.data))
    origin = {"origin": sentence(one.origins)} if one.origins else {}
    facts = {"version": PROGRAM, "key": one.key, "seed": str(spec.seed), **origin}
    facts["setting"] = _setting(one, spec)
    with attributed_errors():
        return draw(FigureRequest(pipeline, one, spec, out, facts), kind, options)


def draw(request: FigureRequest, kind: str, options: Mapping[str, Any]) -> list[Path]:
    """Draw the figure and its CSV; returns the files. SpecError for an unknown kind.

    options: those of the kind, width_mm and font_size, and those of `page_options.COMMON`.
    """
    if kind not in KINDS:
        raise unknown("figure", kind, KINDS)
    require("matplotlib", "Figures need")
    common = {name: value for name, value in options.items() if name in COMMON}
    own = {name: value for name, value in options.items() if name not in COMMON}
    with output_options(**common):
        return KINDS[kind].draw(request, **own)


def _setting(one: Study, spec: RunSpec) -> str:
    """The settings of the study in a sentence, for the caption of a figure in a paper."""
    probe = spec.probe
    methods = ", ".join(one.labels.get(name, name) for name in spec.unlearned) or "no method"
    return (
        f"{plugin_label('model', spec.model.name)} on {plugin_label('dataset', spec.data.name)}, "
        f"{len(spec.forget):,} samples forgotten by {methods}, compared with {spec.retrains} "
        "Re-trains. "
        f"{perturbation_label(probe.perturbation)} perturbations at {len(probe.taus)} norms τ from "
        f"{probe.taus[0]:g} to {probe.taus[-1]:g}, at most {probe.draws} copies of each sample."
    )


BESIDE = {
    "beside": "keys of stored studies to show as well",
    "mean": "whether studies that differ only in seed are averaged",
}
KINDS = {
    "attack": Kind(
        "Attack",
        inputs.attack,
        {
            "a": "model to attack",
            "b": "model to compare with",
            "score": "how samples are scored, e.g. confidence, loss, svm, u-lira, rmia",
            "members": "which samples count as members: forget or retain",
            "matched": "whether non-members match the members' classes",
            "threshold": "threshold to mark; by default the one chosen on the held-out half",
            "log": "whether the false positive rate is drawn on a log axis",
            "per_sample": "whether the CSV has the scores of every sample instead of the curves",
        },
    ),
    "comparison": Kind(
        "Compare A | B",
        inputs.comparison,
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
    "critical": Kind("Critical tau", inputs.critical_tau, {"hidden": "models to leave out"}),
    "curves": Kind(
        "Curves",
        inputs.curves,
        {
            "measure": "pooled, residual, prevalence, disagreement, accuracy, certified or loss",
            "hidden": "models to leave out",
            **BESIDE,
            "log": "whether r is drawn on a log axis; by default the pooled r alone",
        },
    ),
    "embedding": Kind(
        "Embedding",
        inputs.embedding,
        {
            "a": "model on the left",
            "b": "model on the right; the same as a for a single panel",
            "color": f"what colors mean: {', '.join(COLOR_SCHEMES)}",
            "tau": "perturbation norm at which r and verdicts are shown",
            "trails": "whether lines connect samples to their perturbed copies, or which samples",
            "highlight": f"dim all but these points: {', '.join(HIGHLIGHTS)}",
        },
    ),
    "epochs": Kind(
        "Epochs",
        inputs.epochs,
        {
            "model": "which method",
            "epoch": "epoch to highlight; -1 = last",
            "log": "whether r is drawn on a log axis",
        },
    ),
    "metrics": Kind(
        "Metrics", inputs.metrics, {"tau": "perturbation norm at which r is read", **BESIDE}
    ),
    "neighborhood": Kind(
        "Neighborhood",
        inputs.neighborhood,
        {
            "sample": "number of the sample",
            "tau": "perturbation norm",
            "perturbation": "how the copies are made; by default the study's own",
            "changes": "whether the perturbation is drawn too, amplified",
        },
    ),
    "samples": Kind(
        "Samples",
        inputs.samples,
        {
            "samples": "numbers of the samples; by default the forget set",
            "model": "whose predictions are shown below the pictures; by default the first method",
            "title": "heading that says which samples these are",
            "most": f"maximum number of pictures, by default {MOST_SAMPLES}",
        },
    ),
    "sample-curve": Kind(
        "Curve of the sample",
        inputs.sample_curve,
        {
            "sample": "number of the forget sample",
            "model": "whose distribution over the forget set is drawn",
            "log": "whether r is drawn on a log axis",
        },
    ),
    "scatter": Kind(
        "Scatter of two measures",
        inputs.scatter,
        {
            "x": f"measure on the x axis: {', '.join(one.name for one in QUANTITIES)}",
            "y": "measure on the y axis",
            "tau": "perturbation norm at which r is read",
            **BESIDE,
        },
    ),
    "slice": Kind(
        "Slice",
        inputs.slice,
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
