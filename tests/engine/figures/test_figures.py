from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib")

from engine.analysis.curve_set import CurveSet
from engine.analysis.curves import StudyRun
from engine.analysis.measures import MEASURES
from engine.analysis.model_table import QUANTITIES, ModelTable, board
from engine.analysis.point_colors import PanelData
from engine.analysis.tradeoff import Scatter, scatter
from engine.errors import SpecError
from engine.figures.canvas import FORMATS
from engine.figures.certified import certified
from engine.figures.curves import curves
from engine.figures.embedding import embedding
from engine.figures.metrics import metrics_table
from engine.figures.neighborhood import neighborhood
from engine.figures.page_options import DPI, output_options
from engine.figures.scatter import tradeoff
from engine.paper.presets import Figure
from engine.paper.published import Published
from engine.results import (
    FORGET,
    PERTURBED,
    RETAIN,
    TEST,
    Curve,
    Embedding,
    Neighborhood,
    Residual,
    Study,
)
from engine.storage.spreadsheet import escape_formula
from engine.tables.csv import csv_text
from engine.tables.model_csv import sheet

LABELS = {"original": "Original", "rurk": "RURK", "retrain": "Re-train"}
CLASSES = ("cat", "dog")
FACTS = {"version": "0.1.0", "key": "0123456789abcdef0123", "seed": "131"}
TAUS = np.array([0.0, 0.1, 0.2])


def _residual() -> Residual:
    def curve(mean: list[float]) -> Curve:
        m = np.array(mean)
        return Curve(m, m - 0.1, m + 0.1, m, np.array([0, 0, 3]), np.full(3, 50.0))

    curves = {"original": curve([1.0, 1.5, 2.0]), "rurk": curve([1.0, 0.9, np.nan])}
    band = np.array([0.05, 0.1, 0.2])
    counts = {
        name: np.ones((5, 3), np.int32) for name in ("original", "retrain-0", "retrain-1", "rurk")
    }
    return Residual(
        "gaussian", TAUS, 100, np.arange(5), counts, curves, 1 - band, 1 + band, {}
    )  # fmt: skip


def _neighborhood(shape: tuple[int, ...]) -> Neighborhood:
    sizes = np.array([0.3, 0.1, 0.2]).reshape(3, *[1] * len(shape))
    copies = (0.5 + sizes * np.ones(shape)).astype(np.float32)
    said = {"original": np.array([1, 1, 1]), "rurk": np.array([0, 1, 0])}
    sure = {name: np.where(k == 1, 0.9, 0.2) for name, k in said.items()}
    return Neighborhood(7, 1, "gaussian", 0.1, copies, said, sure, {"original": 3, "rurk": 1})


def _embedding(classes: tuple[str, ...] = CLASSES) -> PanelData:
    """Two models that see the same 60 points a little apart; the first ten are forgotten."""
    xy = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    kind = np.full(60, RETAIN)
    kind[:10], kind[10:30], kind[50:] = FORGET, PERTURBED, TEST
    sample = np.concatenate([np.arange(10), np.repeat(np.arange(10), 2), np.arange(30, 60)])
    tau = np.where(kind == PERTURBED, np.arange(60) % 2 * 0.1 + 0.1, 0)
    label = sample % 2
    said = {"original": label, "rurk": np.where(kind == FORGET, 1 - label, label)}
    loss = {name: np.where(one == label, 0.01, 3.0) for name, one in said.items()}
    shown = Embedding({"original": xy, "rurk": xy + 0.1}, sample, kind, label, tau, said, loss)
    counts = {name: np.full((5, 3), 50, np.int32) for name in ("original", "rurk", "retrain-0")}
    return PanelData(shown, "original", classes, replace(_residual(), counts=counts), 1)


def _study() -> Study:
    metrics = {
        "original": {"retain_acc": 99.0, "unlearn_acc": 1.0, "test_acc": 97.0, "seconds": 3.0},
        "retrain": {"retain_acc": 99.0, "unlearn_acc": 10.0, "test_acc": 96.0, "seconds": 4.0},
        "rurk": {"retain_acc": 98.0, "unlearn_acc": 12.0, "test_acc": 96.0, "seconds": 0.5},
    }
    return Study("k", {}, np.arange(5), metrics, LABELS, _residual())


def _set(residual: Residual | None = None, labels: dict[str, str] = LABELS) -> CurveSet:
    return CurveSet([StudyRun("k", "", residual or _residual(), labels)])


def _board() -> ModelTable:
    return board(_study())


def _scatter() -> Scatter:
    named = {one.name: one for one in QUANTITIES}
    return scatter(_board(), named["unlearn_acc"], named["test_acc"])


Draw = Callable[[Path], list[Path]]
DRAW: dict[str, Draw] = {
    "curves": lambda out: curves(_set(), out, facts=FACTS),
    "image": lambda out: neighborhood(_neighborhood((1, 4, 4)), CLASSES, LABELS, out, facts=FACTS),
    "features": lambda out: neighborhood(
        _neighborhood((4,)), CLASSES, LABELS, out, facts=FACTS, original=np.full(4, 0.5)
    ),
    "embedding": lambda out: embedding(_embedding(), LABELS, out, facts=FACTS),
    "metrics": lambda out: metrics_table(_board(), sheet(_board()), out, facts=FACTS),
    "scatter": lambda out: tradeoff(_scatter(), _board(), out, facts=FACTS),
}


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def _svg_text(path: Path) -> str:
    return " ".join(ElementTree.parse(path).getroot().itertext())


@pytest.mark.parametrize("kind", DRAW)
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_figure_is_the_same_twice_and_brings_its_numbers(
    kind: str, suffix: str, tmp_path: Path
) -> None:
    first = DRAW[kind](tmp_path / "a" / f"f{suffix}")
    again = DRAW[kind](tmp_path / "b" / f"f{suffix}")
    assert [path.name for path in first] == [f"f{suffix}", "f.csv", "f.txt"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert len(_rows(first[1])) > 2


def test_svg_keeps_words_as_text_and_carries_the_facts(tmp_path: Path) -> None:
    drawn, _, caption = DRAW["curves"](tmp_path / "f.svg")
    text = _svg_text(drawn)
    for words in ("Original", "RURK", "range of the Re-trains", "seed 131"):
        assert words in text
    assert "forget samples" not in text  # that is for the caption below the figure
    caption_text = caption.read_text(encoding="utf-8")
    for words in ("5 forget samples, c = 100 draws", "Outside the dashed band", "seed 131"):
        assert words in caption_text
    with output_options(title=True):
        titled = _svg_text(DRAW["curves"](tmp_path / "t.svg")[0])
    assert "5 forget samples, c = 100 draws" in titled


def test_figures_name_the_table_that_published_numbers_are_of(tmp_path: Path) -> None:
    points = {"prevalence": {"rurk": {0.0: Figure(3.0), 0.1: Figure(7.0)}}}
    paper = Published("small-cifar5", "A", "Someone", {}, points, ())
    found = CurveSet([StudyRun("k", "", _residual(), LABELS)], paper=paper)
    prevalence = next(one for one in MEASURES if one.name == "prevalence")
    caption = curves(found, tmp_path / "p.svg", measure=prevalence, width_mm=170)[-1]
    assert "residual knowledge above 1 (A)" in caption.read_text(encoding="utf-8")
    plain = curves(found, tmp_path / "r.svg", width_mm=170)[-1]
    assert "Published" not in plain.read_text(encoding="utf-8")  # there is no curve of r itself
    note = f"{paper.table_of()}."
    table = metrics_table(_board(), sheet(_board()), tmp_path / "m.svg", note=note)[-1]
    assert note in table.read_text(encoding="utf-8")


def test_pdf_embeds_truetype_and_png_carries_the_facts(tmp_path: Path) -> None:
    pdf = DRAW["curves"](tmp_path / "f.pdf")[0].read_bytes()
    assert b"/FontFile2" in pdf
    assert b"0123456789abcdef0123" in pdf
    assert b"CreationDate" not in pdf
    with Image.open(DRAW["curves"](tmp_path / "f.png")[0]) as image:
        assert image.info["key"] == FACTS["key"]
        assert image.width == pytest.approx(89 / 25.4 * DPI, abs=2)


def test_the_csv_of_the_curves_has_every_number_and_empty_cells_where_undefined(
    tmp_path: Path,
) -> None:
    paper = curves(_set(), tmp_path / "f.svg", measure=MEASURES[1], facts=FACTS)
    rows = _rows(paper[1])
    original = [row for row in rows if row["model"] == "original"]
    assert [float(row["residual"]) for row in original] == [1.0, 1.5, 2.0]
    assert [row["undefined"] for row in original] == ["0", "0", "3"]
    assert next(r for r in rows if r["model"] == "rurk" and r["tau"] == "0.2")["residual"] == ""
    assert [float(row["high"]) for row in rows if row["model"] == "null"] == [1.05, 1.1, 1.2]
    pooled = _rows(DRAW["curves"](tmp_path / "p.svg")[1])
    bands = dict.fromkeys(row["name"] for row in pooled if row["model"] == "null")
    assert list(bands) == [
        "null band", "prediction interval at each tau", "prediction interval of the grid",
    ]  # fmt: skip


def test_the_certified_share_falls_with_the_radius_and_needs_something_certified(
    tmp_path: Path,
) -> None:
    radii = {"original": np.array([0.0, 0.1, 0.2, 0.2, 0.0]), "rurk": np.zeros(5)}
    study = replace(_residual(), certified_radius=radii)
    drawn = certified(study, LABELS, tmp_path / "c.svg", facts=FACTS)
    rows = [row for row in _rows(drawn[1]) if row["model"] == "original"]
    shares = {float(row["radius"]): float(row["certified_percent"]) for row in rows}
    assert shares[0.0] == 60 and shares[max(shares)] == 0
    assert all(share == 60 for radius, share in shares.items() if radius <= 0.1)
    assert all(share == 40 for radius, share in shares.items() if 0.101 < radius < 0.2)
    assert "rounding is not covered" in drawn[2].read_text(encoding="utf-8")
    with pytest.raises(SpecError, match="Nothing is certified"):
        certified(replace(study, certified_radius={}), LABELS, tmp_path / "n.svg")


def test_copies_are_ordered_by_the_size_of_their_perturbation(tmp_path: Path) -> None:
    out = neighborhood(
        _neighborhood((1, 4, 4)), CLASSES, LABELS, tmp_path / "n.svg",
        original=np.full((1, 4, 4), 0.5),
    )  # fmt: skip
    rows = [row for row in _rows(out[1]) if row["model"] == "rurk"]
    assert [row["copy"] for row in rows] == ["1", "2", "0"]
    assert [row["correct"] for row in rows] == ["1", "0", "0"]
    text = _svg_text(out[0])
    assert text.count("✓") == 4
    assert text.count("✗") == 2
    assert "1 of 3" in text


def test_a_cloud_of_points_is_an_image_inside_the_svg(tmp_path: Path) -> None:
    source = DRAW["embedding"](tmp_path / "e.svg")[0].read_text(encoding="utf-8")
    assert "data:image/png;base64" in source
    for words in ("forget", "test", "Original", "RURK", "cat"):
        assert words in source


def test_an_embedding_is_colored_by_what_was_measured_with_its_scale(tmp_path: Path) -> None:
    files = embedding(_embedding(), LABELS, tmp_path / "e.svg", color="r", models=("rurk",))
    text = _svg_text(files[0])
    assert "r at τ 0.1" in text and "≥ 4" in text
    rows = _rows(files[1])
    assert {row["model"] for row in rows} == {"rurk"}
    assert [row["predicted"] for row in rows[:2]] == ["dog", "cat"]  # both are wrong
    with pytest.raises(SpecError, match="color"):
        embedding(_embedding(), LABELS, tmp_path / "e.svg", color="mood")
    with pytest.raises(SpecError, match="'gd' is not in the embedding"):
        embedding(_embedding(), LABELS, tmp_path / "e.svg", models=("gd",))


def test_the_table_gives_the_gap_to_retrain() -> None:
    rows = {row.model: row for row in _board().rows}
    gaps = {name: rows["rurk"].entry(name).gap for name in ("retain_acc", "unlearn_acc")}
    assert gaps == {"retain_acc": -1.0, "unlearn_acc": 2.0}
    assert rows["rurk"].entry("avg_gap").mean == pytest.approx(1.0)
    assert np.isnan(rows["retrain"].entry("avg_gap").mean)
    r = rows["rurk"].entry("residual")
    assert (r.mean, r.low) == pytest.approx((0.9, 0.8))


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@sum(a1)"])
def test_names_cannot_become_formulas(name: str, tmp_path: Path) -> None:
    assert escape_formula(name) == f"'{name}"
    assert csv_text([name], [[name, -1.5]]).splitlines() == [f"'{name}", f"'{name},-1.5"]
    out = embedding(_embedding((name, "dog")), LABELS, tmp_path / "e.png")
    assert {row["class"] for row in _rows(out[1])} == {f"'{name}", "dog"}


def test_an_unknown_format_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"'f\.gif' does not\. Try 'f\.svg'"):
        DRAW["curves"](tmp_path / "f.gif")
    with pytest.raises(SpecError, match="10 to 1000 mm wide, not 0 mm"):
        curves(_set(), tmp_path / "f.svg", width_mm=0)
    assert not list(tmp_path.iterdir())


def test_one_retrain_has_no_band_and_a_dollar_is_no_formula(tmp_path: Path) -> None:
    residual = _residual()
    nothing = np.full(3, np.nan)
    alone = Residual(
        "gaussian", TAUS, 100, residual.samples, residual.counts, residual.curves, nothing,
        nothing, {},
    )  # fmt: skip
    text = _svg_text(curves(_set(alone, {"rurk": "$x_$"}), tmp_path / "f.svg", log=True)[0])
    assert "null band" not in text
    assert "$x_$" in text
