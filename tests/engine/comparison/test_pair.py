"""Two models side by side: every number equals a plain loop over the samples."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from needs import needs

from engine.comparison.pair import (
    BINS,
    EITHER,
    SPLITS,
    A,
    B,
    Comparison,
    class_gaps,
    compare,
    every_class,
    forgotten_and_rest,
    group_samples,
    histogram,
    matrix,
    newcombe,
    wilson,
)
from engine.errors import SpecError
from engine.figures import catalog
from engine.pipeline.pipeline import Pipeline
from engine.results import ModelResult
from engine.runtime.progress import Reporter
from engine.spec import DataSpec

CLASSES = ("ant", "bee", "cat", "dog")
TRAIN = np.arange(60) % 4
TEST = np.arange(20) % 3  # no dog
FORGET = (40, 1, 5, 9, 13)


def model(seed: int) -> ModelResult:
    rng = np.random.default_rng(seed)
    train, test = (np.eye(4)[y] * 1.5 + rng.normal(size=(len(y), 4)) for y in (TRAIN, TEST))
    return ModelResult(f"m{seed}", "", "", 1.0, (), train.astype("f4"), test.astype("f4"))


def found_on(split: str) -> Comparison:
    return compare(model(1), model(2), split, TRAIN, TEST, FORGET)


def plainly(split: str, side: str) -> list[tuple[int, int, np.ndarray]]:
    """(number, true class, probabilities) of every sample of a split, one by one."""
    one, made = model(1 if side == A else 2), []
    for number in range(80):
        train = number < 60
        where = "test" if not train else "forget" if number in FORGET else "retain"
        if where == split:
            row = one.train_logits[number] if train else one.test_logits[number - 60]
            chances = np.exp(row.astype(float))
            label = TRAIN[number] if train else TEST[number - 60]
            made.append((number, int(label), chances / chances.sum()))
    return made


@pytest.mark.parametrize("split", SPLITS)
def test_accuracy_and_gap_by_class_are_what_a_loop_counts(split: str) -> None:
    gaps = class_gaps(found_on(split), every_class(CLASSES))
    for number in range(4):
        shares = []
        for side in (A, B):
            rows = [chances for _, y, chances in plainly(split, side) if y == number]
            assert gaps.samples[number] == len(rows)
            right = sum(int(chances.argmax()) == number for chances in rows)
            shares.append(100 * right / len(rows) if rows else np.nan)
        assert (gaps.a[number], gaps.b[number]) == pytest.approx(tuple(shares), nan_ok=True)
        assert gaps.gap[number] == pytest.approx(shares[0] - shares[1], nan_ok=True)
        if not np.isnan(shares[0]):
            assert gaps.a_low[number] <= shares[0] <= gaps.a_high[number]
            assert gaps.gap_low[number] <= gaps.gap[number] <= gaps.gap_high[number]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("side", [A, B])
def test_a_matrix_counts_and_averages_what_a_loop_does(split: str, side: str) -> None:
    made = matrix(found_on(split), every_class(CLASSES), side)
    rows = plainly(split, side)
    for true, predicted in np.ndindex(4, 4):
        cell = [c.max() for _, y, c in rows if y == true and c.argmax() == predicted]
        total = sum(y == true for _, y, _ in rows)
        assert made.counts[true, predicted] == len(cell)
        share = 100 * len(cell) / total if total else np.nan
        assert made.share[true, predicted] == pytest.approx(share, nan_ok=True)
        mean = np.mean(cell) if cell else np.nan
        assert made.confidence[true, predicted] == pytest.approx(mean, nan_ok=True)
        assert made.right[true, predicted] == (len(cell) if true == predicted else 0)


def test_members_of_a_cell_are_the_samples_that_a_model_puts_there() -> None:
    found, groups = found_on("retain"), every_class(CLASSES)
    for true, predicted in np.ndindex(4, 4):
        by = {}
        for side in (A, B):
            by[side] = {
                number for number, y, c in plainly("retain", side)
                if y == true and c.argmax() == predicted
            }  # fmt: skip
            assert set(group_samples(found, groups, true, predicted, side)) == by[side]
        assert set(group_samples(found, groups, true, predicted, EITHER)) == by[A] | by[B]
    assert set(group_samples(found, groups, 3)) == {n for n, y, _ in plainly("retain", A) if y == 3}


def test_test_samples_are_numbered_after_training_samples() -> None:
    assert found_on("test").samples.tolist() == list(range(60, 80))
    assert found_on("forget").samples.tolist() == sorted(FORGET)


def test_classes_outside_the_forget_set_become_one_row() -> None:
    groups = forgotten_and_rest(CLASSES, [2, 2])
    assert groups.names == ("cat", "3 other classes")
    found = found_on("retain")
    gaps, each = class_gaps(found, groups), class_gaps(found, every_class(CLASSES))
    assert gaps.samples.tolist() == [each.samples[2], each.samples[[0, 1, 3]].sum()]
    others = (each.a * each.samples)[[0, 1, 3]].sum() / gaps.samples[1]
    assert gaps.a.tolist() == pytest.approx([each.a[2], others])
    mixed = matrix(found, groups, A)
    assert mixed.counts.sum() == len(found.samples)
    rest = [y == c.argmax() for _, y, c in plainly("retain", A) if y != 2]
    assert mixed.right[1, 1] == sum(rest) < mixed.counts[1, 1]  # a bee called ant is not right


def test_few_other_classes_stay_as_they_are() -> None:
    assert forgotten_and_rest(CLASSES, [0, 1, 2]).names == CLASSES
    assert forgotten_and_rest(CLASSES, [0, 1, 2, 3]).names == CLASSES


def test_a_histogram_counts_every_value_once() -> None:
    values = np.array([0.0, 0.049, 0.05, 0.51, 1.0, 1.0 + 1e-12])
    shares = histogram(values) * len(values) / 100
    assert len(shares) == BINS
    assert shares[[0, 1, 10, 19]].tolist() == pytest.approx([2, 1, 1, 2])
    assert shares.sum() == pytest.approx(6)
    assert np.isnan(histogram(np.empty(0))).all()


def test_wilson_gives_the_published_intervals() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3
    low, high = wilson(np.array([81, 15, 0, 1]), np.array([263, 148, 20, 29]))
    assert low == pytest.approx([0.2553, 0.0624, 0.0, 0.0061], abs=6e-5)
    assert high == pytest.approx([0.3662, 0.1605, 0.1611, 0.1718], abs=6e-5)


def test_newcombe_gives_the_published_intervals() -> None:
    # Newcombe, "Improved confidence intervals ... based on paired data", 1998, method 10
    counts = np.array([[36, 12, 2, 0], [20, 12, 2, 16]]).T
    low, high = newcombe(*counts)
    assert low == pytest.approx([0.0569, 0.0562], abs=6e-5)
    assert high == pytest.approx([0.3404, 0.3292], abs=6e-5)


def test_the_interval_of_a_gap_covers_the_truth() -> None:
    rng = np.random.default_rng(0)
    chances = (0.6, 0.2, 0.1, 0.1)  # both right, only A, only B, none: a gap of 0.1
    counts = rng.multinomial(60, chances, 4000).T
    low, high = newcombe(*counts)
    assert 0.93 < np.mean((low <= 0.1) & (high >= 0.1)) < 0.98


def test_equal_models_have_no_gap_and_a_swap_turns_it_around() -> None:
    same = class_gaps(
        compare(model(1), model(1), "test", TRAIN, TEST, FORGET), every_class(CLASSES)
    )
    assert np.nan_to_num(same.gap).tolist() == [0, 0, 0, 0]
    there = class_gaps(found_on("test"), every_class(CLASSES))
    back = class_gaps(
        compare(model(2), model(1), "test", TRAIN, TEST, FORGET), every_class(CLASSES)
    )
    np.testing.assert_allclose(there.gap_low, -back.gap_high)


# -- figures ----------------------------------------------------------------------------------
@needs("matplotlib")
@pytest.mark.parametrize("tab", ["classes", "predictions", "similarity", "confidence"])
def test_every_tab_becomes_a_figure_with_its_numbers(
    tab: str, pipeline: Pipeline, tmp_path: Path
) -> None:
    study = small_study(pipeline)
    out = tmp_path / f"{tab}.svg"
    files = catalog.figure(pipeline, study, "comparison", out, tab=tab, a="gd", b="retrain-1")
    assert files == [out, out.with_suffix(".csv"), out.with_suffix(".txt")]
    drawn = out.read_text()
    assert "GD" in drawn
    assert "Re-train 1" in drawn  # text stays text
    rows = list(csv.DictReader(files[1].read_text().splitlines()))
    if tab == "predictions":
        assert sum(int(row["count"]) for row in rows if row["model"] == "gd") == 30
    elif tab == "classes":
        assert [row["class"] for row in rows] == ["setosa", "versicolor", "virginica"]
        right = sum(float(row["a_accuracy"]) * int(row["samples"]) for row in rows) / 30
        assert right == pytest.approx(study.metrics["gd"]["test_acc"])
    elif tab == "similarity":
        assert {row["layer"] for row in rows} == {"linear 1", "linear 2"}
        assert {row["to"] for row in rows} == {"original", "retrain", "retrain-1"}
    else:
        forget = [float(row["share_percent"]) for row in rows if row["split"] == "forget"]
        assert sum(forget) == pytest.approx(200)  # 100 % of either model


@needs("matplotlib")
def test_a_figure_refuses_what_it_cannot_draw(pipeline: Pipeline, tmp_path: Path) -> None:
    study = small_study(pipeline)
    for wrong, said in (
        ({"tab": "clases"}, "classes"),
        ({"split": "tst"}, "test"),
        ({"a": "rurk"}, "no model 'rurk'"),
        ({"a": "gd", "b": "gd"}, "compared with itself"),
    ):
        with pytest.raises(SpecError, match=said):
            catalog.figure(pipeline, study, "comparison", tmp_path / "x.svg", **wrong)


def small_study(pipeline: Pipeline):  # type: ignore[no-untyped-def]
    """Iris, two Re-trains and GD, one epoch each."""
    dataset = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        dataset, methods=("gd",), settings={"gd": {"epochs": 1}}, training={"epochs": 2},
        retrains=2, draws=10, taus="0:0.1:2",
    )  # fmt: skip
    return pipeline.run(spec, Reporter())
