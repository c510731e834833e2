"""Figures of one sample: its copies with r and interval, and its curve over the forget set's."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from engine.errors import SpecError
from engine.figures.canvas import FORMATS
from engine.figures.catalog import KINDS
from engine.figures.neighborhood import neighborhood
from engine.figures.sample_curve import sample_curve
from engine.results import Curve, Neighborhood, Residual

LABELS = {"original": "Original", "gd": "GD", "retrain-0": "Re-train 0"}
TAUS = np.array([0.0, 0.1, 0.2])


def measured() -> Residual:
    """Samples 4 and 9; no Re-train recognizes 9 at the largest norm, GD nothing of it at all."""
    counts = {
        "original": np.array([[10, 10, 8], [10, 9, 7]], np.int32),
        "retrain-0": np.array([[10, 5, 4], [10, 3, 0]], np.int32),
        "gd": np.array([[10, 10, 6], [0, 0, 0]], np.int32),
    }
    none = np.full(3, np.nan)
    curve = Curve(none, none, none, none, np.zeros(3), none)
    return Residual(
        "gaussian", TAUS, 10, np.array([4, 9]), counts, {"original": curve, "gd": curve},
        none, none, {},
    )  # fmt: skip


def around(shape: tuple[int, ...]) -> Neighborhood:
    sizes = np.array([0.3, 0.1, 0.2, 0.15]).reshape(4, *[1] * len(shape))
    copies = (0.5 + sizes * np.ones(shape)).astype(np.float32)
    said = {"gd": np.array([1, 1, 1, 0]), "retrain-0": np.array([0, 1, 0, 0])}
    sure = {name: np.where(k == 1, 0.9, 0.2) for name, k in said.items()}
    return Neighborhood(7, 1, "gaussian", 0.1, copies, said, sure, {"gd": 3, "retrain-0": 1})


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def text(path: Path) -> str:
    return " ".join(ElementTree.parse(path).getroot().itertext())


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_curve_is_the_same_twice(suffix: str, tmp_path: Path) -> None:
    made = [
        sample_curve(measured(), 4, "gd", LABELS, tmp_path / folder / f"c{suffix}")
        for folder in "ab"
    ]
    assert [path.read_bytes() for path in made[0]] == [path.read_bytes() for path in made[1]]


def test_the_curves_numbers_lie_beside_it(tmp_path: Path) -> None:
    files = sample_curve(measured(), 4, "gd", LABELS, tmp_path / "c.svg")
    own = [row for row in rows(files[1]) if row["model"] == "gd"]
    assert [float(row["r"]) for row in own] == [1, 2, 1.5]
    assert all(float(row["low"]) < float(row["r"]) < float(row["high"]) for row in own)
    assert [row["recognized"] for row in own] == ["10", "10", "6"]
    assert [row["undefined_samples"] for row in own] == ["0", "0", "1"]
    assert [float(row["median"]) for row in own] == [0.5, 1, 1.5]
    assert {row["median"] for row in rows(files[1]) if row["model"] == "original"} == {""}
    words = text(files[0])
    for part in ("forget set in GD: middle 90 %", "middle 50 %", "median", "Original"):
        assert part in words
    assert "forget sample 4 in every model, c = 10 draws" in files[2].read_text(encoding="utf-8")


@pytest.mark.parametrize("log", [True, False])
def test_undefined_norms_are_said_and_a_zero_has_its_place(log: bool, tmp_path: Path) -> None:
    files = sample_curve(measured(), 9, "gd", LABELS, tmp_path / "c.svg", log=log)
    caption = files[2].read_text(encoding="utf-8")
    assert "r is undefined at τ 0.2: no Re-train recognizes a copy" in caption
    own = [row for row in rows(files[1]) if row["model"] == "gd"]
    assert [row["r"] for row in own] == ["0.0", "0.0", ""]
    assert own[2]["retrains"] == "0"


def test_what_has_no_curve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="Sample 5 is not in the forget set"):
        sample_curve(measured(), 5, "gd", LABELS, tmp_path / "c.svg")
    with pytest.raises(SpecError, match=r"There is no r for 'scrub'\. Models with r: original, gd"):
        sample_curve(measured(), 4, "scrub", LABELS, tmp_path / "c.svg")


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 4, 4), (4,)])
def test_copies_end_with_r_and_show_what_was_added(shape: tuple[int, ...], tmp_path: Path) -> None:
    original, labels = np.full(shape, 0.5, np.float32), {**LABELS}
    files = neighborhood(
        around(shape), ("cat", "dog"), labels, tmp_path / "n.svg", original=original, changes=True
    )
    words = text(files[0])
    assert "3 of 4" in words and "r 3.00 [" in words and "perturbation" in words
    assert "× 3.33" in words  # the largest change, 0.3, is full range
    own = [row for row in rows(files[1]) if row["model"] == "gd"]
    assert {row["r"] for row in own} == {"3.0"}
    assert all(float(row["low"]) < 3 < float(row["high"]) for row in own)
    assert {row["r"] for row in rows(files[1]) if row["model"] == "retrain-0"} == {""}
    plain = neighborhood(around(shape), ("cat", "dog"), labels, tmp_path / "p.svg",
                         original=original)  # fmt: skip
    assert "perturbation\n" not in text(plain[0]) and "× 3.33" not in text(plain[0])


def test_both_are_kinds_of_figures() -> None:
    assert {"sample", "model"} <= set(KINDS["sample-curve"].options)
    assert {"sample", "tau", "perturbation"} <= set(KINDS["neighborhood"].options)
