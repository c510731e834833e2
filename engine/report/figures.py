"""The figures of a report; a sentence replaces a figure that cannot be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.analysis.ranking import worst_ratio
from engine.errors import EngineError
from engine.figures import catalog
from engine.report import stored
from engine.report.document import Block, Picture, Text
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.storage.paths import exists

if TYPE_CHECKING:
    from engine.figures.booklet import Booklet
    from engine.pipeline.pipeline import Pipeline

Shown = Mapping[str, Mapping[str, Any]]
FOLLOWING = ("curves", "scatter", "attack", "embedding", "slice")  # kinds drawn as on the screen
EXTRA = {  # kinds that are in a report only if they are on the screen: section, caption
    "embedding": ("maps", "One joint UMAP of the models' features, as on the screen."),
    "slice": ("maps", "Decision regions of every model, as on the screen."),
    "comparison": ("metrics", "Two models compared, as on the screen."),
    "epochs": ("residual", "A method epoch by epoch, as on the screen."),
}
NO_FILES = {"numbers": False, "caption": True}  # but the captions, which the report quotes
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


def requests(pipeline: Pipeline, study: Study, shown: Shown | None = None) -> list[FigureRequest]:
    """The figures of this study's report; embeddings and slices only if they are in the store.

    shown: kind -> options of what is on the screen, which the figures then show, too.
    """
    shown = shown or {}
    usual = [*_curves(study), *_neighborhoods(study), *_attack(study), *_maps(pipeline, study)]
    as_shown = [_as_shown(one, shown) for one in usual]
    there = {one.kind for one in as_shown}
    extra = [
        FigureRequest(section, kind, words, shown[kind])
        for kind, (section, words) in EXTRA.items()
        if kind in shown and kind not in there
    ]
    near = shown.get("neighborhood")
    asked = [one.options.get("sample") for one in as_shown if one.kind == "neighborhood"]
    if near is not None and near.get("sample") not in asked:
        words = "Perturbed copies of the sample that was on the screen."
        extra.append(FigureRequest("worst", "neighborhood", words, near))
    return [*as_shown, *extra]


def _as_shown(one: FigureRequest, shown: Shown) -> FigureRequest:
    """The figure with the options that it has on the screen, if it is of one of these kinds."""
    if one.kind not in FOLLOWING or one.kind not in shown:
        return one
    return replace(one, options={**one.options, **shown[one.kind]})


def draw(
    pipeline: Pipeline,
    study: Study,
    folder: Path,
    report: Reporter,
    *,
    html: bool = True,
    booklet: Booklet | None = None,
    shown: Shown | None = None,
) -> dict[str, list[Block]]:
    """Draw all figures; returns section -> its figures, or a sentence for one that fails.

    folder: where SVG files are written, if html; booklet: the PDF that gets them as pages; shown:
    kind -> options of what is on the screen.
    """
    found: dict[str, list[Block]] = {}
    orders = requests(pipeline, study, shown)
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
    look = {"width_mm": one.width_mm, "font_size": FONT, **NO_FILES, **one.options}
    page = booklet.pages if booklet is not None else None
    caption = (booklet.file if booklet is not None and out.suffix == ".pdf" else out).with_suffix(
        ".txt"
    )
    caption.unlink(missing_ok=True)  # that of the figure before, in a booklet
    try:
        catalog.figure(pipeline, study, one.kind, out, booklet=booklet, **look)
    except EngineError as error:
        return Text(f"{one.caption} (not drawn: {error})", muted=True)
    words = caption.read_text(encoding="utf-8").split("\n\n")[0] if exists(caption) else ""
    whole = f"{one.caption} {words}".strip()
    return Picture(whole, out if out.suffix == ".svg" else None, page, one.width_mm)


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
