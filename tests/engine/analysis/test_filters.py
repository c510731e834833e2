"""Filters of samples, lists of indices, and what is known of every sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.analysis import filters
from engine.analysis.filters import ALL, KINDS, Condition, mask, matching, parse
from engine.analysis.sample_table import ANY, SampleTable
from engine.datasets.base import Dataset, Recommended
from engine.errors import SpecError
from engine.forget_sets.forget_set import read_indices
from engine.forget_sets.indices import index_table, parse_indices
from engine.results import Curve, ModelResult, Recognition, Residual
from engine.spec import DataSpec, TrainSpec

LABELS = np.array([0, 1, 2, 0, 1, 2])  # four training samples, then two test samples
TAUS = np.array([0.0, 0.1])
CLASSES = ("cat", "dog", "guinea pig")


def model(name: str, predicted: list[int], sure: float = 5.0) -> ModelResult:
    logits = np.eye(3, dtype=np.float32)[predicted] * sure
    return ModelResult(name, name.upper(), name, 1.0, (), logits[:4], logits[4:])


def residual() -> Residual:
    """Samples 0, 1 and 3 are forgotten: GD knows all of 0, Re-train none of 3."""
    counts = {
        "original": np.array([[10, 10], [10, 10], [5, 5]]),
        "gd": np.array([[10, 10], [5, 4], [3, 3]]),
        "retrain-0": np.array([[5, 2], [10, 8], [0, 0]]),
    }
    flat = np.zeros(2)
    curves = {name: Curve(flat, flat, flat, flat, flat, flat) for name in ("original", "gd")}
    counts["retrain-1"] = counts["retrain-0"]
    q = {"original": np.full(3, 0.001), "gd": np.array([0.01, 0.9, 0.2])}
    weak = {name: np.ones((3, 2)) for name in q}
    return Residual(
        "gaussian", TAUS, 10, np.array([0, 1, 3]), counts, curves, flat, flat, {},
        q_values=q, e_values=weak, absence=weak, certified_radius={"gd": np.array([0.2, 0, 0])},
    )  # fmt: skip


@pytest.fixture
def known() -> SampleTable:
    """Original errs on 2, GD on 2, 3 and 4; tau of GD is 0 for 0, 0.05 for 1, none for 3."""
    made = SampleTable(LABELS, 4)
    made.learn_models(
        {"original": model("original", [0, 1, 0, 0, 1, 2]), "gd": model("gd", [0, 1, 1, 1, 0, 2])}
    )
    made.learn_residual(residual())
    made.learn_recognition(
        Recognition("gd", "gaussian", 20, 0.1, np.array([0, 1, 3]), np.array([0.0, 0.05, np.nan]))
    )
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gd predicts 1", [1, 2, 3]),
        ("original right", [0, 1, 3, 4, 5]),
        ("gd wrong", [2, 3, 4]),
        ("gd differs original", [2, 3, 4]),
        ("all disagree", [2, 3, 4]),
        ("all agree", [0, 1, 5]),
        ("gd confidence < 0.5", [2, 3, 4]),
        ("gd loss > 1", [2, 3, 4]),
        ("any r > 1", [0]),
        ("gd r < 1", [1]),
        ("original r > 1.2", [0, 1]),
        ("any undefined", [3]),
        ("gd verdict residual", [0]),
        ("gd q < 0.5", [0, 3]),
        ("any radius > 0.1", [0]),
        ("gd tau < 0.01", [0]),
        ("gd tau > 0.01", [1, 3]),
    ],
)
def test_a_filter_keeps_the_samples_it_describes(
    text: str, expected: list[int], known: SampleTable
) -> None:
    condition = parse(text)
    assert str(condition) == text and parse(str(condition)) == condition
    found = mask(condition, known)
    assert found is not None and np.flatnonzero(found).tolist() == expected


def test_several_filters_must_all_be_fulfilled(known: SampleTable) -> None:
    both = [parse("original right"), parse("gd wrong")]
    assert np.flatnonzero(matching(both, known)).tolist() == [3, 4]
    assert matching([], known).all()


def test_what_is_not_known_keeps_nothing(known: SampleTable) -> None:
    for text in ("rurk wrong", "rurk r > 1", "original tau < 1", "gd differs rurk"):
        assert mask(parse(text), known) is None
        assert not matching([parse(text)], known).any()
    assert mask(parse("all disagree"), SampleTable(LABELS, 4)) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "gd", "gd likes 3", "gd predicts", "gd predicts cat", "gd right 3", "gd loss > x",
        "gd loss > nan", "gd r 3", "any wrong", "all wrong", "gd disagree", "any verdict maybe",
    ],
)  # fmt: skip
def test_what_is_no_filter_is_said(text: str) -> None:
    with pytest.raises(SpecError):
        parse(text)


def test_spaces_around_a_comparison_do_not_matter() -> None:
    assert parse(" gd  loss>2 ") == Condition("gd", "loss >", "2")


def test_filters_read_as_people_say_them() -> None:
    labels = {"gd": "GD"}
    said = {
        "gd predicts 2": "GD predicts guinea pig",
        "gd differs retrain-0": "GD differs from Re-train 0",
        "original right": "Original is right", "all disagree": "Models disagree",
        "any r > 1.5": "Any method r > 1.5", "gd tau < 0.1": "GD τ* < 0.1",
    }  # fmt: skip
    for text, words in said.items():
        assert filters.words(parse(text), labels, CLASSES) == words
    for name, kind in KINDS.items():
        assert kind.help and ("{0}" in kind.words) == bool(kind.value), name


def test_evidence_is_kept_while_it_is_true(known: SampleTable) -> None:
    before = known.answers("gd")
    known.learn_models({**known.models, "rurk": model("rurk", [0] * 6)})
    assert known.answers("gd") is before and known.recognition("gd") is not None
    known.learn_models({"gd": model("gd", [0] * 6)})
    assert known.answers("gd") is not before and known.recognition("gd") is None
    assert known.answers("original") is None
    known.learn_residual(None)
    assert known.ratio(ANY) is None and known.measured() == ()


def test_logits_of_other_samples_are_no_answers() -> None:
    evidence = SampleTable(LABELS[:3], 2)
    evidence.learn_models({"gd": model("gd", [0] * 6)})
    assert evidence.answers("gd") is None
    assert mask(parse("gd wrong"), evidence) is None


def test_one_residual_method_is_the_worst_of_any(known: SampleTable) -> None:
    ratio = known.ratio(ANY)
    assert ratio is not None
    assert ratio[:2] == pytest.approx([5, 0.5])
    assert np.isnan(ratio[2:]).all()
    assert known.is_measured(3) and not known.is_measured(2)
    assert known.ratio("original") is not None and known.ratio(ALL) is None


def test_certainty_is_the_probability_of_what_is_predicted(known: SampleTable) -> None:
    answers = known.answers("gd")
    assert answers is not None
    share = np.exp(5) / (np.exp(5) + 2)
    assert answers.certainty(2) == pytest.approx(share)
    assert answers.confidence[2] == pytest.approx((1 - share) / 2)


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("17", (17,)), ("3, 17, 5-7", (3, 17, 5, 6, 7)), ("5 3 5", (5, 3)),
        (" 8 - 9;2 ", (8, 9, 2)), ("0-2,1-3", (0, 1, 2, 3)),
    ],
)  # fmt: skip
def test_indices_are_read_in_their_order(text: str, indices: tuple[int, ...]) -> None:
    assert parse_indices(text, 20) == indices


@pytest.mark.parametrize("text", ["20", "-1", "x", "1.5", "7-5", "3, 18-20", ""])
def test_an_index_that_does_not_exist_is_said(text: str) -> None:
    with pytest.raises(SpecError, match=r"indices are 0 to 19\."):
        parse_indices(text, 20)


def test_a_written_forget_set_is_read_back(tmp_path: Path) -> None:
    images = np.zeros((6, 1, 2, 2), np.uint8)
    listed = Dataset(
        DataSpec("folder"), "pictures", ("a,b", 'c"d', "e"), images[:4], LABELS[:4],
        images[4:], LABELS[4:], Recommended("mlp", TrainSpec(), "random:1"),
        files=tuple(f"{part}/{n}.png" for n, part in enumerate(["train"] * 4 + ["test"] * 2)),
    )  # fmt: skip
    path = tmp_path / "forget.csv"
    path.write_text(index_table([0, 3, 5], listed), encoding="utf-8")
    assert read_indices(path) == [0, 3, 5]
    assert path.read_text(encoding="utf-8").splitlines()[1] == '0,0,"a,b",train/0.png'
