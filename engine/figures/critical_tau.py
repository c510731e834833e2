"""The smallest tau of re-recognition, cumulative over the forget samples, for every model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from engine.analysis.critical_tau import distribution_of, missing_words, retrain_band
from engine.drawing.labels import model_label, tau_label
from engine.drawing.palette import model_style
from engine.figures.canvas import Sheet, add_caption, check_page, page, save, shown_label, style
from engine.figures.legends import add_legend
from engine.figures.null_band import draw_null_band
from engine.results import Recognition

HIGHEST = 78.0  # mm of a panel


def critical_tau(
    searches: Mapping[str, Recognition],
    labels: Mapping[str, str],
    out: Path,
    *,
    hidden: Collection[str] = (),
    facts: Mapping[str, str] | None = None,
    width_mm: float = 89,
    font_size: float = 8,
) -> list[Path]:
    """Step curves of the share of forget samples recognized again within tau.

    searches: model -> its search, at least one; Re-trains are drawn as the band that they span, or
    as curves if there is one only. The CSV has every sample of every model. Returns the files
    written; SpecError as `curves`.
    """
    check_page(out, width_mm, font_size)
    first, band = next(iter(searches.values())), retrain_band(searches)
    with style(font_size):
        figure = page(width_mm, min(0.62 * width_mm, HIGHEST))
        axes = figure.add_subplot()
        if band is not None:
            draw_null_band(axes, *band, label="Re-trains, lowest to highest")
        drawn = []
        for name, search in searches.items():
            if name in hidden or (band is not None and name.startswith("retrain-")):
                continue
            one, look = distribution_of(search), model_style(name)
            drawn.append(one)
            label = f"{model_label(name, labels)}, {one.percent(one.limit):.3g} %"
            axes.plot(
                *one.steps(), color=look.color, linestyle=(0, look.dash) if look.dash else "-",
                linewidth=1.2, label=shown_label(label),
            )  # fmt: skip
        axes.set(xlim=(0, first.limit), xlabel=tau_label(first.perturbation))
        axes.set_ylabel("forget samples recognized again (%)")
        add_legend(figure, axes.get_legend_handles_labels()[0], font_size)
        caption = (
            f"Share of {len(first.samples):,} forget samples of which a model recognizes one of "
            f"{first.draws} perturbed copies within τ. {missing_words(drawn, first.limit)}"
        )
        add_caption(figure, caption.strip(), font_size)
        return save(figure, out, facts, _sheet(searches, labels))


def _sheet(searches: Mapping[str, Recognition], labels: Mapping[str, str]) -> Sheet:
    """One row a model and sample; smallest_tau is empty (NaN) where it exceeds the limit."""
    rows: list[list[object]] = []
    for name, search in searches.items():
        for sample, tau in zip(search.samples.tolist(), search.taus.tolist(), strict=True):
            rows.append([name, model_label(name, labels), sample, tau, search.limit])
    return ["model", "name", "sample", "smallest_tau", "limit"], rows
