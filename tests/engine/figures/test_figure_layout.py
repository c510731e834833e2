"""Every kind of figure at the widths of journals: nothing is cut, overlaps or is squeezed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from lent import lent
from needs import needs

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from engine.errors import SpecError
from engine.figures import canvas, catalog
from engine.figures.catalog import KINDS
from engine.results import Study
from engine.runtime.progress import Reporter

if TYPE_CHECKING:
    from engine.embedding.joint_umap import Embedder
    from engine.pipeline.pipeline import Pipeline

WIDTHS = (89.0, 120.0, 183.0)  # mm
LEAST_FONT = 5.0  # points
LEAST_PANEL = 12.0  # mm
LONG = "A network with a very long name, unlearned twice"
TABS = ("classes", "predictions", "similarity", "confidence")


class Drawing:
    """A study with many models, one with a long name, whose figures are looked at."""

    def __init__(self, folder: Path) -> None:
        from engine.pipeline.pipeline import Pipeline
        from engine.spec import DataSpec
        from engine.storage.store import Store

        self.folder = folder
        self.pipeline: Pipeline = Pipeline(Store(folder / "store"))
        data = self.pipeline.dataset(DataSpec("digits"), Reporter())
        spec = self.pipeline.compose(
            data, methods=("gd", "ga", "neggrad-plus", "random-labels", "cf-k", "eu-k", "cr"),
            retrains=3, draws=10, taus="0,0.05,0.1,0.15,0.2,0.25,0.3",
            settings={"train": {"epochs": "3"}, "gd": {"epochs": "2"}},
        )  # fmt: skip
        study = self.pipeline.run(spec, Reporter(), watch=True)
        self.study: Study = replace(study, labels={**study.labels, "gd": LONG})

    def pages(self, monkeypatch: pytest.MonkeyPatch, kind: str, **options: Any) -> Figure:
        """The figure as it is written."""
        drawn: list[Figure] = []

        def write(figure: Figure, out: Path, facts: object) -> None:
            drawn.append(figure)
            figure.draw_without_rendering()

        monkeypatch.setattr(canvas, "_write", write)
        catalog.figure(self.pipeline, self.study, kind, self.folder / f"{kind}.svg", **options)
        return drawn[0]


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Drawing]:
    one = Drawing(tmp_path_factory.mktemp("layout"))
    with lent(one.pipeline, embedder):
        yield one
    one.pipeline.close()


def kinds() -> list[Any]:
    """(kind, its options): every kind, and every tab of the comparison."""
    plain = [(kind, {}) for kind in sorted(KINDS) if kind not in ("comparison", "embedding")]
    tabs = [("comparison", {"tab": tab}) for tab in TABS]
    logs = [(kind, {"log": True}) for kind in ("attack", "curves", "epochs")]
    maps = [
        pytest.param("embedding", {"color": color}, marks=needs("umap")) for color in ("class", "r")
    ]
    titled = [(kind, {"title": True}) for kind in ("curves", "metrics", "neighborhood", "slice")]
    return [*plain, *tabs, *logs, *titled, *maps]


def ticks(axis: Axis) -> list[Text]:
    """The labels of ticks that are drawn."""
    low, high = sorted(axis.get_view_interval())
    inside = [one for one in axis.get_major_ticks() if low <= one.get_loc() <= high]
    inside += [one for one in axis.get_minor_ticks() if low <= one.get_loc() <= high]
    return [one.label1 for one in inside if one.label1.get_visible() and one.label1.get_text()]


def words(figure: Figure) -> list[Text]:
    """Every text that is drawn, found without the help of the program."""
    hidden: set[Text] = set()
    for axes in figure.findobj(Axes):
        texts = axes.findobj(Text)
        if not axes.get_visible():
            hidden |= set(texts)
            continue
        for axis in (axes.xaxis, axes.yaxis):
            off = set(axis.findobj(Text)) - set(ticks(axis)) - {axis.label}
            hidden |= off if axes.axison else {*off, *ticks(axis), axis.label}
    found = [one for one in figure.findobj(Text) if one not in hidden and one.get_visible()]
    return [one for one in found if one.get_text().strip("\u200b ")]


def overlap(texts: Sequence[Text]) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes overlap by more than a pixel."""
    boxes = [Bbox.padded(one.get_window_extent(), -0.5) for one in texts]
    return [
        (texts[i].get_text(), texts[j].get_text())
        for i, j in combinations(range(len(texts)), 2)
        if Bbox.intersection(boxes[i], boxes[j]) is not None
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("kind", "options"), kinds())
def test_a_figure_fits_its_page(
    kind: str, options: dict[str, Any], width: float, drawing: Drawing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    figure = drawing.pages(monkeypatch, kind, width_mm=width, **options)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)
    assert figure.get_figheight() * 25.4 < 400
    page, drawn = figure.bbox, words(figure)
    assert drawn
    for one in drawn:
        box = one.get_window_extent()
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1
        assert inside, one.get_text()
        assert one.get_fontsize() >= LEAST_FONT, one.get_text()
    assert not overlap(drawn)
    for axes in figure.axes:
        if axes.get_visible() and axes.get_subplotspec() and axes.axison:
            size = axes.get_window_extent().size / figure.dpi * 25.4
            assert size.min() >= LEAST_PANEL or axes.get_label() == "<colorbar>"


def test_every_measure_is_in_the_table_at_any_width(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.analysis.model_table import board

    titles = {one.label for one in board(drawing.study).quantities}
    for width in WIDTHS:
        said = {
            " ".join(one.get_text().split()).split(" at τ")[0]
            for one in words(drawing.pages(monkeypatch, "metrics", width_mm=width))
        }
        assert titles <= said, width


@pytest.mark.parametrize("place", ["right", "below", "inside", "none"])
def test_a_legend_stands_where_it_is_wanted(
    place: str, drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = drawing.pages(monkeypatch, "curves", width_mm=183, legend=place)
    axes = figure.axes[0].get_window_extent()
    legends = [*figure.legends, *filter(None, [figure.axes[0].get_legend()])]
    assert len(legends) == (place != "none")
    for legend in legends:
        box = legend.get_window_extent()
        assert (box.x0 > axes.x1) == (place == "right")
        assert (box.y1 < axes.y0) == (place == "below")
        assert len(legend.get_texts()) == len(drawing.study.residual.curves) + 2


def test_a_height_is_kept_or_refused(drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("curves", "slice"):
        figure = drawing.pages(monkeypatch, kind, width_mm=89, height_mm=95)
        assert figure.get_figheight() * 25.4 == pytest.approx(95)
    with pytest.raises(SpecError, match="leave its height automatic"):
        drawing.pages(monkeypatch, "curves", width_mm=89, height_mm=25)
    with pytest.raises(SpecError, match=r"needs a height of \d+ mm at this width, not 30 mm"):
        drawing.pages(monkeypatch, "metrics", width_mm=89, height_mm=30)
    with pytest.raises(SpecError, match="mm high, not 5 mm"):
        drawing.pages(monkeypatch, "curves", height_mm=5)
    with pytest.raises(SpecError, match="'above'"):
        drawing.pages(monkeypatch, "curves", legend="above")


def test_the_band_is_neither_gray_nor_the_color_of_a_model(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.colors import to_rgb

    figure = drawing.pages(monkeypatch, "curves", width_mm=89)
    labeled = {one.get_label(): one for one in figure.axes[0].get_children()}
    band = next(one for label, one in labeled.items() if str(label).startswith("range of"))
    fill = np.array(to_rgb(band.get_facecolor()[0][:3]))
    assert np.ptp(fill) > 0.05 and fill.argmax() == 2  # blueish
    assert band.get_hatch()
    lines = [one for one in figure.axes[0].lines if not str(one.get_label()).startswith("_")]
    assert all(one.get_zorder() > band.get_zorder() for one in lines)
