"""The plots of an epoch: curves of r and accuracy, and blocks of verdicts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.analysis.epoch_series import Epochs
from engine.drawing.palette import rgb
from explorer.plots.chart import Ground, Series
from explorer.plots.value_range import ValueRange, value_range
from explorer.plots.verdicts import Block
from explorer.theme import ModelStyle, Theme
from explorer.views.live.captions import MEASURES

MARKED = 12  # epochs, up to which each gets a symbol
OLDEST, NEWEST = 0.12, 0.5  # strength of the faint curves of earlier epochs
LOOKS = {"retain_acc": ("o", ()), "unlearn_acc": ("d", (4.0, 2.0)), "test_acc": ("s", (1.5, 1.5))}

Label = Callable[[str], str]  # display name of a model


def curves(shown: Epochs, at: int, theme: Theme, label: Label) -> list[Series]:
    """r against tau at the view `at`, over faint earlier ones."""
    style, gray = theme.model_style(shown.model), theme.model_style("original")
    former = [_faint(shown, i, (i + 1) / max(1, at), style, theme) for i in range(at)]
    start = Series(
        "original", "Original", gray, shown.taus, shown.curve_of(shown.references["original"]),
        marks=False,
    )  # fmt: skip
    now = Series("now", label(shown.model), style, shown.taus, shown.curve(at))
    return [*former, start, now]


def ground(shown: Epochs) -> Ground:
    """The null band on the same copies, and the level 1, which means no difference."""
    if not np.isfinite(shown.null_low).any():
        return Ground(level=1.0)
    words = "null band: one Re-train against another"
    return Ground(
        words, shown.taus, shown.null_low, shown.null_high, level=1.0, shorter=("null band",)
    )


def limits(shown: Epochs) -> ValueRange | None:
    """The range of all epochs' r, with the null band as far as it does not squeeze them."""
    drawn = [shown.curve(i) for i in range(len(shown.views))]
    start = shown.curve_of(shown.references["original"])
    return value_range([*drawn, start, np.ones(1)], [shown.null_low, shown.null_high])


def accuracies(shown: Epochs, theme: Theme) -> list[Series]:
    """Accuracies against epochs."""
    series = []
    for number, (name, label) in enumerate(MEASURES.items()):
        symbol, dash = LOOKS[name]
        style = ModelStyle(theme.class_color(number), symbol, dash)
        values = np.array([view.accuracy[name] for view in shown.views])
        few = len(values) <= MARKED
        series.append(Series(name, label, style, shown.epochs, values, marks=few))
    return series


def blocks(shown: Epochs, at: int, row: int, theme: Theme, label: Label) -> list[Block]:
    """Verdicts of the method at view `at`, Original and the Re-trains on one sample's copies."""
    predictions = {
        shown.model: shown.views[at].predictions,
        "original": shown.references["original"],
    }
    single = [
        Block(
            label(name),
            theme.model_style(name).color,
            (classes[row] == shown.labels[row]).astype(float),
            classes[row],
        )
        for name, classes in predictions.items()
    ]
    retrains = shown.retrains()[:, row]
    words = "Re-train" if len(retrains) == 1 else f"all {len(retrains)} Re-trains"
    color = theme.model_style("retrain").color
    return [*single, Block(words, color, retrains.mean(0))]


def _faint(shown: Epochs, at: int, age: float, style: ModelStyle, theme: Theme) -> Series:
    """The curve of an earlier epoch, the older the fainter; age in (0, 1], 1 = the latest."""
    strength = OLDEST + (NEWEST - OLDEST) * age
    pale = ModelStyle(_blend(style.color, theme.base, strength), style.symbol, ())
    return Series(
        f"before {at}", "", pale, shown.taus, shown.curve(at),
        width=1.0, marks=False, listed=False, front=False,
    )  # fmt: skip


def _blend(color: str, base: str, strength: float) -> str:
    """`color` at this strength over `base`, '#rrggbb'."""
    parts = zip(rgb(color), rgb(base), strict=True)
    return "#" + "".join(f"{round(a * strength + b * (1 - strength)):02x}" for a, b in parts)
