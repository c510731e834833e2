"""Membership inference against facts that can be derived: pairs, ties, sizes, known densities."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from engine.errors import SpecError
from engine.figures import catalog
from engine.membership import attack as attack_module
from engine.membership.attack import FEWEST, attack, draw_pairs
from engine.membership.results import Attack, AttackResult, Estimate, Roc
from engine.membership.roc import Counts, auc, best_threshold, counts, roc, stepped_threshold
from engine.membership.scores import (
    PLAIN,
    SCORES,
    Score,
    confidence,
    entropy,
    histogram,
    loss,
    margin,
    modified_entropy,
    score_named,
)
from engine.pipeline.pipeline import Pipeline
from engine.results import ModelResult
from engine.runtime.progress import Reporter
from engine.spec import DataSpec

CONFIDENCE, LOSS = SCORES["confidence"], SCORES["loss"]
small = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40)


def model(train: np.ndarray, test: np.ndarray, name: str = "gd") -> ModelResult:
    return ModelResult(name, name.upper(), name, 1.0, (1.0,), train, test)


def logits(lead: np.ndarray, y: np.ndarray, classes: int = 3) -> np.ndarray:
    """(n, K) outputs 0 but for the true class, which has `lead`."""
    made = np.zeros((len(y), classes))
    made[np.arange(len(y)), y] = lead
    return made


def problem(members: np.ndarray, others: np.ndarray, **words: Any) -> Any:
    """An attack on a model with these leads of the true class; all are of one class."""
    y, ty = np.zeros(len(members) + 1, int), np.zeros(len(others), int)
    train = logits(np.append(members, 0.0), y)
    shown = {"gd": model(train, logits(others, ty))}
    return attack(shown, y, ty, np.arange(len(members)), **words)


# -- the curve --------------------------------------------------------------------------------
@given(small)
@settings(max_examples=150)
def test_the_area_is_the_share_of_pairs_in_order_with_ties_half(rows: list[Any]) -> None:
    values = np.array([value for value, _ in rows], float)
    member = np.array([inside for _, inside in rows])
    inside, outside = values[member][:, None], values[~member][None]
    for score in (CONFIDENCE, LOSS):
        found = auc(roc(score, values, member))
        if not inside.size or not outside.size:
            assert math.isnan(found)
            continue
        gap = score.sign * (inside - outside)
        assert found == pytest.approx(((gap > 0) + 0.5 * (gap == 0)).mean(), rel=0, abs=1e-12)


@given(small)
@settings(max_examples=100)
def test_every_step_of_the_curve_is_what_its_threshold_calls(rows: list[Any]) -> None:
    values = np.array([value for value, _ in rows], float)
    member = np.array([inside for _, inside in rows])
    for score in (CONFIDENCE, LOSS):
        found = roc(score, values, member)
        assert (found.fp.dtype, found.tp.dtype) == (np.int64, np.int64)
        assert len(found.tp) == len(np.unique(values)) + 1  # ties move together
        for step, at in enumerate(found.thresholds):
            told = counts(score, values, member, at)
            assert (told.tp, told.fp) == (found.tp[step], found.fp[step])
            assert score.step(values, at) == step
        assert (found.tp[0], found.fp[0]) == (0, 0)
        assert (found.tp[-1], found.fp[-1]) == (member.sum(), (~member).sum())


@given(small)
@settings(max_examples=100)
def test_the_curve_counts_the_samples_at_or_above_each_distinct_score(rows: list[Any]) -> None:
    values = np.array([value for value, _ in rows], float)
    member = np.array([inside for _, inside in rows])
    for score in (CONFIDENCE, LOSS):
        found, oriented = roc(score, values, member), score.sign * values
        for step, at in enumerate(np.unique(oriented)[::-1], 1):
            above = oriented >= at
            assert (found.tp[step], found.fp[step]) == (
                (above & member).sum(), (above & ~member).sum(),
            )  # fmt: skip
            assert found.tp[step] - found.tp[step - 1] == (member & (oriented == at)).sum()


def test_neighboring_numbers_are_still_parted() -> None:
    one = 0.1
    values = np.array([one, np.nextafter(one, 1), 0.5])
    found = roc(CONFIDENCE, values, np.array([False, True, True]))
    assert [counts(CONFIDENCE, values, values > one, at).tp for at in found.thresholds] == [
        0, 1, 2, 2,
    ]  # fmt: skip
    assert auc(found) == 1


def test_the_best_threshold_accuses_the_fewest_of_equally_good_ones() -> None:
    values, member = np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False])
    assert best_threshold(roc(CONFIDENCE, values, member)) == 3.5
    nobody = roc(CONFIDENCE, np.array([2.0, 1.0]), np.array([False, True]))
    assert best_threshold(nobody) > 2  # an attack that finds nothing calls nobody a member
    low = roc(LOSS, np.array([0.1, 0.2, 1.0, 2.0]), np.array([True, True, False, False]))
    assert best_threshold(low) == pytest.approx(0.6)


def test_counts_are_integers_that_add_up() -> None:
    told = Counts(tp=3, fn=1, fp=2, tn=4)
    assert (told.accuracy, told.tpr, told.fpr) == (70, 75, pytest.approx(100 / 3))


def test_steps_walk_from_one_sample_to_the_next_on_the_axis() -> None:
    found = problem(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.1, 0.2, 0.3, 0.4]), score="loss")
    one = found.models["gd"]
    at = one.roc.thresholds[0]  # left of every loss: nobody is called
    called = []
    for _ in range(6):
        called.append(counts(LOSS, one.values, found.member, at).tp)
        at = stepped_threshold(LOSS, one, at, 1)
    assert called[0] == 0
    assert called == sorted(called)
    assert stepped_threshold(LOSS, one, at, 1) == at == one.roc.thresholds[-1]  # the end is the end


# -- who is attacked --------------------------------------------------------------------------
def test_sizes_are_equal_and_nobody_is_on_both_sides() -> None:
    rng = np.random.default_rng(0)
    groups, others = rng.integers(0, 4, 90), rng.integers(0, 4, 40)
    for a, b in ((groups, others), (groups * 0, others * 0)):
        rows = draw_pairs(a, b, 5)
        assert len(rows.member) == len(rows.other)
        assert len(rows.held_member) == len(rows.held_other)
        assert 0 <= len(rows.member) - len(rows.held_member) <= 1
        everybody = np.concatenate([rows.member, rows.held_member])
        assert len(np.unique(everybody)) == len(everybody)
        outside = np.concatenate([rows.other, rows.held_other])
        assert len(np.unique(outside)) == len(outside)
    assert len(draw_pairs(groups * 0, others * 0, 5).member) == 20


def test_matched_classes_are_equal_in_both_halves() -> None:
    rng = np.random.default_rng(1)
    groups, others = rng.integers(0, 4, 90), rng.integers(0, 5, 60)
    rows = draw_pairs(groups, others, 2)
    assert np.array_equal(groups[rows.member], others[rows.other])
    assert np.array_equal(groups[rows.held_member], others[rows.held_other])
    total = sum(min((groups == g).sum(), (others == g).sum()) for g in range(4))
    assert len(rows.member) + len(rows.held_member) == total


def test_the_seed_says_who_is_drawn_and_models_and_scores_share_it() -> None:
    rng = np.random.default_rng(3)
    inside, outside = rng.normal(2, 1, 50), rng.normal(1, 1, 70)
    one, same = (problem(inside, outside, seed=4) for _ in range(2))
    other = problem(inside, outside, seed=5)
    by_loss = problem(inside, outside, seed=4, score="loss")
    assert one.models["gd"].auc == same.models["gd"].auc
    assert np.array_equal(one.samples, same.samples)
    assert np.array_equal(one.samples, by_loss.samples)
    assert one.models["gd"].auc.value == by_loss.models["gd"].auc.value  # the same order
    assert not np.array_equal(one.samples, other.samples)
    assert not set(one.samples) & set(one.held_out)


def test_samples_are_numbered_through_and_members_are_the_set_asked_for() -> None:
    rng = np.random.default_rng(3)
    y, ty = np.arange(60) % 3, np.arange(30) % 3
    shown = {"gd": model(logits(rng.normal(size=60), y), logits(rng.normal(size=30), ty))}
    forget = np.arange(0, 60, 4)
    for members, own in (("forget", set(forget)), ("retain", set(range(60)) - set(forget))):
        found = attack(shown, y, ty, forget, members=members)
        everybody = [*found.samples[found.member], *found.held_out[found.held_member]]
        assert set(everybody) <= own
        outside = np.concatenate([found.samples[~found.member], found.held_out[~found.held_member]])
        assert outside.min() >= 60 and outside.max() < 90
        values = PLAIN["confidence"](shown["gd"].train_logits, y)
        assert found.models["gd"].values[found.member] == pytest.approx(
            values[found.samples[found.member]]
        )


def test_the_threshold_knows_the_held_out_half_alone() -> None:
    rng = np.random.default_rng(8)
    found = problem(rng.normal(2, 1, 60), rng.normal(0, 1, 60), seed=2)
    one = found.models["gd"]
    held = roc(CONFIDENCE, one.held_out, found.held_member)
    assert one.threshold == best_threshold(held)
    told = counts(CONFIDENCE, one.values, found.member, one.threshold)
    assert one.accuracy.value == pytest.approx(told.accuracy)


@pytest.mark.parametrize("ties", [False, True])
def test_resampled_areas_are_scikit_learns_with_resampled_weights(ties: bool) -> None:
    n, rng = 25, np.random.default_rng(3)
    oriented = rng.integers(0, 6, 2 * n) + (0 if ties else rng.random(2 * n))
    weights = attack_module._Weights(n, 11)
    area = weights.resampled(oriented, np.ones(2 * n, bool))[0]
    member = np.arange(2 * n) < n
    expected = [roc_auc_score(member, oriented, sample_weight=one) for one in weights._drawn[:40]]
    assert area[:40] == pytest.approx(expected, rel=0, abs=1e-12)


# -- estimates --------------------------------------------------------------------------------
def test_perfect_separation_and_none() -> None:
    apart = problem(np.full(40, 5.0), np.full(40, 0.0)).models["gd"]
    assert (apart.auc.value, apart.auc.low, apart.auc.high) == (1, 1, 1)
    assert apart.accuracy.value == 100
    alike = problem(np.full(40, 1.0), np.full(40, 1.0)).models["gd"]
    assert (alike.auc.value, alike.auc.low, alike.auc.high) == (0.5, 0.5, 0.5)
    assert alike.accuracy.value == 50


def test_a_low_false_positive_rate_needs_a_hundred_non_members() -> None:
    rng = np.random.default_rng(2)
    few = problem(rng.normal(2, 1, 2 * FEWEST - 2), rng.normal(0, 1, 400)).models["gd"]
    assert all(math.isnan(part) for part in (few.tpr_at_low.value, few.tpr_at_low.low))
    many = problem(rng.normal(2, 1, 2 * FEWEST), rng.normal(0, 1, 400))
    one = many.models["gd"]
    allowed = many.size // 100
    best = max(tp for tp, fp in zip(one.roc.tp, one.roc.fp, strict=True) if fp <= allowed)
    assert one.tpr_at_low.value == pytest.approx(100 * best / many.size)
    assert one.tpr_at_low.low <= one.tpr_at_low.value <= one.tpr_at_low.high


@pytest.mark.parametrize("seed", range(3))
def test_intervals_contain_their_estimate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = problem(rng.normal(1, 1, 120), rng.normal(0, 1, 90), seed=seed).models["gd"]
    for found in (one.auc, one.accuracy):
        assert found.low < found.value < found.high


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng, truth, inside = np.random.default_rng(0), 0.5 * (1 + math.erf(0.5)), 0
    runs = 200  # members N(1, 1), non-members N(0, 1): AUC = Phi(1 / sqrt(2))
    for run in range(runs):
        found = problem(rng.normal(1, 1, 80), rng.normal(0, 1, 80), seed=run, score="margin")
        one = found.models["gd"].auc
        inside += one.low <= truth <= one.high
    assert 0.89 <= inside / runs <= 0.99  # 0.95, less what a percentile interval of 40 lacks


def test_two_models_are_compared_on_the_same_samples() -> None:
    rng = np.random.default_rng(4)
    y, ty = np.zeros(81, int), np.zeros(80, int)
    lead, out = rng.normal(0, 1, 81), logits(rng.normal(0, 1, 80), ty)
    lead[:80] += 2
    a, b = model(logits(lead, y), out, "gd"), model(logits(lead - 2, y), out, "retrain-0")
    found = attack({"gd": a, "retrain-0": b}, y, ty, np.arange(80))
    gap = found.models["gd"].auc.value - found.models["retrain-0"].auc.value
    assert list(found.models) == ["gd", "retrain-0"]
    assert found.difference.value == pytest.approx(gap)
    assert found.difference.low > 0
    assert math.isnan(attack({"gd": a}, y, ty, np.arange(80)).difference.value)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_tiny_sets_are_answered(size: int) -> None:
    found = problem(np.arange(1.0, size + 1), np.arange(0.5, 20))
    one = found.models["gd"]
    assert found.size == size - size // 2
    assert 0 <= one.auc.value <= 1
    assert math.isnan(one.auc.low) == (found.size < 2)
    assert math.isnan(one.threshold) == math.isnan(one.accuracy.value) == (size < 2)


def test_who_cannot_be_attacked_is_said() -> None:
    with pytest.raises(SpecError, match="only one member"):
        problem(np.ones(1), np.ones(9), score="svm")
    y = np.array([0, 0, 1])
    shown = {"gd": model(logits(np.ones(3), y), logits(np.ones(2), y[:2]))}
    with pytest.raises(SpecError, match="of any class instead of the same classes"):
        attack(shown, y, y[:2], np.array([2]))
    with pytest.raises(SpecError, match="Did you mean 'forget'"):
        attack(shown, y, y[:2], np.array([2]), members="forgot")
    with pytest.raises(SpecError, match="Did you mean 'margin'"):
        attack(shown, y, y[:2], np.array([2]), score="margins")
    lost = {"gd": model(np.full((3, 3), np.nan), logits(np.ones(2), y[:2]))}
    with pytest.raises(SpecError, match="diverged"):
        attack(lost, y, y[:2], np.array([0]))


# -- scores -----------------------------------------------------------------------------------
def test_scores_by_hand() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    y, made = np.array([0, 2]), np.log(p)
    assert confidence(made, y) == pytest.approx([0.7, 0.1])
    assert loss(made, y) == pytest.approx(-np.log([0.7, 0.1]))
    assert entropy(made, y) == pytest.approx(-(p * np.log(p)).sum(1))
    assert margin(made, y) == pytest.approx([np.log(0.7 / 0.2), np.log(0.1 / 0.8)])
    first = -0.3 * np.log(0.7) - 0.2 * np.log(0.8) - 0.1 * np.log(0.9)
    second = -0.9 * np.log(0.1) - 0.1 * np.log(0.9) - 0.8 * np.log(0.2)
    assert modified_entropy(made, y) == pytest.approx([first, second])


def test_certain_answers_have_finite_scores() -> None:
    made, y = np.array([[900.0, 0.0, 0.0], [900.0, 0.0, 0.0]]), np.array([0, 1])
    for name, of in PLAIN.items():
        found = of(made, y)
        assert np.isfinite(found).all(), name
        sign = SCORES[name].sign
        if name != "entropy":  # which does not know the true class
            assert sign * found[0] > sign * found[1], name


@pytest.mark.parametrize("score", SCORES.values(), ids=list(SCORES))
def test_a_place_on_the_axis_is_read_back(score: Score) -> None:
    values = np.array([0.02, 0.3, 0.5, 0.97])
    assert [score.read(place) for place in score.drawn(values)] == pytest.approx(values)
    assert all(score.read(place) == pytest.approx(float(text)) for place, text in score.marks())
    assert score.axis.startswith(score.label) and score_named(score.name) is score


def test_the_ends_of_an_axis_are_the_ends_of_the_score() -> None:
    assert [CONFIDENCE.read(place) for place in (-6, 6)] == [0, 1]
    assert LOSS.read(-6) == 0
    assert LOSS.called(np.array([0.0, 1e-9]), LOSS.read(-6)).tolist() == [True, False]


def test_the_histogram_counts_everybody_once() -> None:
    values = np.concatenate([[0.0, 1.0], np.linspace(0.1, 0.9, 98)])
    member = np.arange(100) % 2 == 0
    for score in SCORES.values():
        found = histogram(score, values, member)
        assert (found.members.sum(), found.others.sum()) == (50, 50)
        assert len(found.edges) == len(found.members) + 1
    alike = histogram(CONFIDENCE, np.full(4, 0.5), member[:4])
    assert alike.members.sum() == 2


def test_the_svm_is_that_of_mia_accuracy_taught_on_the_held_out_half() -> None:
    rng = np.random.default_rng(6)
    inside, outside = rng.normal(2, 1, 60), rng.normal(0, 1, 60)
    found, plain = (problem(inside, outside, score=name) for name in ("svm", "confidence"))
    held, told = plain.models["gd"].held_out[:, None], plain.models["gd"].values[:, None]
    own = SVC(C=3, gamma="auto", kernel="rbf").fit(held, found.held_member)
    one = found.models["gd"]
    assert one.values == pytest.approx(own.decision_function(told))
    assert one.threshold == 0
    right = (own.predict(told) == found.member).mean()
    assert one.accuracy.value == pytest.approx(100 * right)


def test_the_logistic_score_finds_what_the_loss_finds() -> None:
    rng = np.random.default_rng(6)
    inside, outside = rng.normal(3, 1, 200), rng.normal(0, 1, 200)
    by_loss, learned = (problem(inside, outside, score=name) for name in ("loss", "logistic"))
    assert learned.models["gd"].auc.value == pytest.approx(by_loss.models["gd"].auc.value, abs=0.01)
    assert learned.models["gd"].accuracy.value > 85


# -- in a study -------------------------------------------------------------------------------
def test_a_study_is_attacked_and_drawn(pipeline: Pipeline, tmp_path: Path) -> None:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        iris, methods=("gd",), training={"epochs": 4}, draws=10, retrains=1, taus="0,0.2"
    )
    study = pipeline.run(spec, Reporter())
    found = pipeline.attack(spec, "gd", "retrain-0", Reporter())
    assert list(found.models) == ["gd", "retrain-0"]
    assert set(found.samples[found.member]) <= set(spec.forget)
    with pytest.raises(SpecError, match=r"no model 'gdd'\. It has: original, retrain-0, gd"):
        pipeline.attack(spec, "gdd", "retrain-0", Reporter())
    for log in (False, True):
        out = catalog.figure(pipeline, study, "attack", tmp_path / f"a{log}.svg", a="gd", log=log)
        assert "non-members" in out[0].read_text(encoding="utf-8")
    with out[1].open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == "gd"]
    curve = found.models["gd"].roc
    assert [(int(row["tp"]), int(row["fp"])) for row in rows] == [
        *zip(curve.tp, curve.fp, strict=True)
    ]
    assert all(int(row["tp"]) + int(row["fn"]) == found.size for row in rows)
    low = found.models["gd"].tpr_at_low
    assert {row["tpr_at_1_percent_fpr"] for row in rows} == {
        "" if np.isnan(low.value) else str(low.value)
    }
    assert "TPR at 1 % FPR undefined" in out[2].read_text(encoding="utf-8")


def test_the_figure_and_its_csv_have_the_rate_at_one_percent_false_positives(
    tmp_path: Path,
) -> None:
    pytest.importorskip("matplotlib")
    from engine.figures.attack import attack as figure_of

    rng = np.random.default_rng(4)
    n = 200
    member = np.arange(2 * n) < n
    values = np.where(member, rng.normal(0.7, 0.1, 2 * n), rng.normal(0.5, 0.1, 2 * n)).clip(0, 1)
    low = Estimate(12.5, 3.0, 21.5)
    steps = np.sort(values)[::-1]
    tp = np.array([0, *np.cumsum(member[np.argsort(-values)])])
    steps_of = Roc(np.arange(2 * n + 1) - tp, tp, np.array([1.0, *steps]))
    one = AttackResult(values, values[:2], steps_of, 0.6, Estimate(0.9, 0.8, 1.0), low, low)
    shown = Attack(
        "confidence", "forget", True, np.arange(2 * n), member, np.arange(2),
        np.array([True, False]), {"gd": one}, Estimate(0.0, 0.0, 0.0),
    )  # fmt: skip
    _, sheet, caption = figure_of(shown, {"gd": "GD"}, tmp_path / "a.svg")
    assert "GD 12.5 [3.0, 21.5] %" in caption.read_text(encoding="utf-8")
    rows = list(csv.DictReader(sheet.read_text(encoding="utf-8").splitlines()))
    assert {row["tpr_at_1_percent_fpr"] for row in rows} == {"12.5"}
    assert {row["tpr_at_1_percent_fpr_high"] for row in rows} == {"21.5"}
