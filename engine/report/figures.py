"""The figures of a report; a sentence replaces a figure that cannot be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.analysis.ranking import worst_ratio
from engine.errors import EngineError
from engine.figures import catalog
from engine.report import stored
from engine.report.document import Block, Picture, Text
from engine.results import Study
from engine.runtime.progress import Reporter

if TYPE_CHECKING:
    from engine.figures.booklet import Booklet
    from engine.pipeline.pipeline import Pipeline

WHOLE, PART = 170.0, 120.0  # mm: the full width of the text, and that of simple figures
FONT = 8.0  # points
WORST = 3  # samples whose neighborhoods are shown
SHEET = 24  # pictures of the contact sheet


@dataclass(frozen=True)
class FigureRequest:
    """One figure of a report: its section, kind, caption, options and width."""

    section: str
    kind: str
    caption: str
    options: Mapping[str, Any] = field(default_factory=dict)
    width_mm: float = WHOLE


def requests(pipeline: Pipeline, study: Study) -> list[FigureRequest]:
    """The figures of this study's report; embeddings and slices only if they are in the store."""
    return [*_curves(study), *_neighborhoods(study), *_attack(study), *_maps(pipeline, study)]


def draw(
    pipeline: Pipeline,
    study: Study,
    folder: Path,
    report: Reporter,
    *,
    html: bool = True,
    booklet: Booklet | None = None,
) -> dict[str, list[Block]]:
    """Draw all figures; returns section -> its figures, or a sentence for one that fails.

    folder: where SVG files are written, if html; booklet: the PDF that gets them as pages.
    """
    found: dict[str, list[Block]] = {}
    orders = requests(pipeline, study)
    report.expect(float(len(orders)))
    for number, one in enumerate(orders):
        report.stage(f"figure: {one.kind}")
        out = folder / f"{number}-{one.kind}{'.svg' if html else '.pdf'}"
        block = _drawn(pipeline, study, one, out, booklet)
        found.setdefault(one.section, []).append(block)
        report.advance(1.0)
    return found


def _drawn(
    pipeline: Pipeline, study: Study, one: FigureRequest, out: Path, booklet: Booklet | None
) -> Block:
    look = {"width_mm": one.width_mm, "font_size": FONT, "numbers": False, **one.options}
    page = booklet.pages if booklet is not None else None
    try:
        catalog.figure(pipeline, study, one.kind, out, booklet=booklet, **look)
    except EngineError as error:
        return Text(f"{one.caption} (not drawn: {error})", muted=True)
    return Picture(one.caption, out if out.suffix == ".svg" else None, page, one.width_mm)


def _curves(study: Study) -> Iterator[FigureRequest]:
    yield FigureRequest(
        "residual", "curves",
        "Residual knowledge of every model against the perturbation norm, with 95 % intervals.",
        width_mm=PART,
    )  # fmt: skip
    if len(study.residual.curves) > 1:
        yield FigureRequest(
            "metrics", "scatter",
            "Average gap to Re-train against residual knowledge: best is a small gap and r near 1.",
            width_mm=PART,
        )  # fmt: skip


def _neighborhoods(study: Study) -> Iterator[FigureRequest]:
    yield FigureRequest(
        "worst", "samples", "Forget samples, those with the most residual knowledge first.",
        {"most": SHEET},
    )  # fmt: skip
    ratio = worst_ratio(study.residual)
    order = sorted(range(len(ratio)), key=lambda row: -ratio[row] if ratio[row] >= 0 else 0.0)
    for row in order[:WORST]:
        sample = int(study.residual.samples[row])
        words = f"Perturbed copies of sample {sample}, and which copies each model recognizes."
        yield FigureRequest("worst", "neighborhood", words, {"sample": sample})


def _attack(study: Study) -> Iterator[FigureRequest]:
    yield FigureRequest(
        "attack", "attack",
        "Scores of members (forgotten samples) and non-members, and the ROC curve.",
    )  # fmt: skip


def _maps(pipeline: Pipeline, study: Study) -> Iterator[FigureRequest]:
    pair = stored.embedded(pipeline.place(study.key)[0], study.key)
    if pair is not None:
        yield FigureRequest(
            "maps", "embedding", "One joint UMAP of the models' features.",
            {"a": pair[0], "b": pair[1]},
        )  # fmt: skip
    plane = stored.cut(pipeline.place(study.key)[0], study.key)
    if plane is not None:
        words = f"Decision regions of every model on a plane through sample {plane['sample']}."
        yield FigureRequest("maps", "slice", words, plane)
