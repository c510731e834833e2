"""The sentence on each model: every case by hand, and its counts beside those of the tables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.finding import Finding, as_json, findings, findings_of, plain
from engine.analysis.finding_words import KINDS, Link
from engine.residual.ratio import curve, null_band, resampling_weights
from engine.residual.summary import with_evidence
from engine.residual.verdict import verdict_counts
from engine.results import Residual, Study, reference_counts, retrain_names

LABELS = {"original": "Original", "gd": "GD", "rurk": "RURK", "ga": "GA"}
C = 100
JUDGED = " (a Re-train judged by the others: 0 of 4)"
Rows = Sequence[Sequence[int]]


def residual(taus: Sequence[float], counts: Mapping[str, Rows], adaptive: bool = False) -> Residual:
    """Residual knowledge from counts out of 100: model -> one row of taus for each sample.

    The copies that a model recognizes are the first ones; adaptive: as of an earlier version.
    """
    made = {name: np.array(rows, np.int32) for name, rows in counts.items()}
    judged = [name for name in made if not name.startswith("retrain-")]
    retrains, n = retrain_names(made), len(next(iter(made.values())))
    weights = resampling_weights(n, 1)
    low, high = null_band(made, retrains, weights)
    against = {name: reference_counts(made, name) for name in judged}
    counted = Residual(
        "l2", np.array(taus), C, 10 + np.arange(n), made,
        {name: curve(made[name], against[name], weights) for name in judged}, low, high, {},
        drawn=np.full((n, len(taus)), C) if adaptive else None,
    )  # fmt: skip
    right = {name: np.arange(C) < one[:, :, None] for name, one in made.items()}
    return with_evidence(counted, right, anytime=False)


def level(*values: int, samples: int = 4) -> Rows:
    """The same counts, one for each tau, on every sample."""
    return [list(values)] * samples


def study(measured: Residual, key: str = "a" * 20, **spec: Any) -> Study:
    plain_spec: dict[str, Any] = {
        "data": {"name": "digits", "fingerprint": "x"}, "model": {"name": "mlp"}, "seed": 1,
        "methods": [], "retrains": 2, "train": {}, "probe": {}, "forget": [],
    } | spec  # fmt: skip
    metrics = {name: {"retain_acc": float(i)} for i, name in enumerate(measured.curves)}
    return Study(key, plain_spec, measured.samples, metrics, LABELS, measured)


def of(measured: Residual, model: str = "gd", **spec: Any) -> Finding:
    found = findings(study(measured, **spec))
    return next(one for one in found if one.model == model)


def retrains(*values: int, samples: int = 4, number: int = 20) -> dict[str, Rows]:
    """As many Re-trains as one sample takes to be a discovery: every other one counts 2 more."""
    both = level(*values, samples=samples), level(*[n + 2 for n in values], samples=samples)
    return {f"retrain-{j}": both[j % 2] for j in range(number)}


PAIR = retrains(50, 50, 50)
TAUS = (0.1, 0.2, 0.3)


# -- above the band ---------------------------------------------------------------------------
def test_samples_and_a_curve_above_the_band_are_counted_and_linked() -> None:
    gd = [[50, 95, 90], [50, 90, 95], [50, 50, 50], [50, 50, 50]]
    found = of(residual(TAUS, {"gd": gd, **PAIR}))
    assert found.kind == "recognizes"
    assert found.text == (
        f"GD still recognizes perturbed copies of 2 of 4 forgotten samples more often than any "
        f"Re-train{JUDGED}; its curve is above the null band from τ 0.2 on."
    )
    assert plain(found.short) == (
        "still recognizes copies of 2 of 4; above the null band from τ 0.2 on"
    )
    assert plain(found.brief) == "2 of 4"
    assert [part.text for part in found.sentence if part.link] == ["2 of 4", "τ 0.2"]
    assert found.links[0] == Link("gd", (10, 11))
    assert found.links[1].tau == 0.2


def test_the_sample_with_the_largest_r_comes_first() -> None:
    gd = [level(80)[0], level(99)[0], level(50)[0], level(90)[0]]
    assert of(residual((0.1,), {"gd": gd, **retrains(50)})).links[0].samples == (11, 13, 10)


def test_one_sample_is_singular_and_original_does_not_still_recognize() -> None:
    pair = retrains(50, samples=1)
    found = of(residual((0.1,), {"original": level(99, samples=1), **pair}), "original")
    assert found.text == (
        "Original recognizes perturbed copies of 1 of 1 forgotten sample more often than any "
        "Re-train (a Re-train judged by the others: 0 of 1); its curve is above the null band at "
        "τ 0.1."
    )


@pytest.mark.parametrize(
    ("counts", "where"),
    [
        ((90, 90, 90, 90), "from τ 0.1 on"),
        ((51, 90, 90, 51), "from τ 0.2 to τ 0.3"),
        ((51, 51, 51, 90), "at τ 0.4"),
        ((51, 90, 51, 51), "at τ 0.2"),
        ((90, 51, 90, 90), "at 3 of 4 norms, first at τ 0.1"),
        ((90, 10, 10, 10), "at τ 0.1, below it from τ 0.2 on"),
    ],
)
def test_where_a_curve_leaves_the_band_and_comes_back(counts: Sequence[int], where: str) -> None:
    pair = retrains(50, 50, 50, 50)
    found = of(residual((0.1, 0.2, 0.3, 0.4), {"gd": level(*counts), **pair}))
    assert found.text.endswith(f"; its curve is above the null band {where}.")


def test_a_curve_above_the_band_without_a_sure_sample() -> None:
    many = retrains(50, samples=100)
    found = of(residual((0.1,), {"gd": level(55, samples=100), **many}))
    assert found.text == (
        "GD: its curve is above the null band at τ 0.1, but no single sample is recognized more "
        "often than Re-trains differ by."
    )
    assert plain(found.short) == "above the null band at τ 0.1"
    assert found.residual == 0


def test_tau_0_is_no_evidence_for_a_curve_and_a_sample_seen_there_alone_says_so() -> None:
    pair = {f"retrain-{j}": [[0, 50], [C, 50], [C, 50], [C, 50]] for j in range(20)}
    found = of(residual((0, 0.1), {"gd": [[C, 50], *pair["retrain-0"][1:]], **pair}))
    assert found.text == (
        f"GD still recognizes perturbed copies of 1 of 4 forgotten samples (only unperturbed, at "
        f"τ 0) more often than any Re-train{JUDGED}; its curve stays within the null band."
    )
    only = of(residual((0,), {"gd": level(C)} | {f"retrain-{j}": level(0) for j in range(20)}))
    assert only.text.endswith("Only τ 0 was measured, where r is at most 1.")


def test_samples_that_re_trains_recognize_apart_are_no_excess() -> None:
    """Every fourth Re-train recognizes a sample of its own; so does GD, and no more."""
    apart = {f"retrain-{j}": [[90 if i == j % 4 else 50] for i in range(4)] for j in range(20)}
    found = of(residual((0.1,), {"gd": [[50], [50], [90], [50]], **apart}))
    assert found.kind == "within"
    assert found.text == (
        "GD stays within what one more Re-train may differ by: it recognizes perturbed copies of "
        "none of the 4 forgotten samples surely more often than any Re-train (1 undecided)."
    )
    assert plain(found.short) == "stays within what Re-trains differ by"


def test_few_re_trains_say_how_many_it_takes() -> None:
    three = retrains(50, number=2) | {"retrain-2": level(53)}
    found = of(residual((0.1,), {"gd": level(62), **three}))
    assert found.kind == "within" and found.residual == 0
    assert re.match(
        r"GD stays within what one more Re-train may differ by \(\d+ Re-trains would tell\): it ",
        found.text,
    )


# -- within and below -------------------------------------------------------------------------
def test_a_model_like_a_re_train_stays_within() -> None:
    found = of(residual(TAUS, {"gd": level(51, 51, 51), **PAIR}))
    assert found.kind == "within"
    assert found.text == (
        "GD stays within what one more Re-train may differ by: it recognizes perturbed copies of "
        "none of the 4 forgotten samples surely more often than any Re-train."
    )
    assert not found.links


def test_a_model_that_forgets_too_much_is_below_the_band() -> None:
    found = of(residual(TAUS, {"gd": level(51, 20, 20), **PAIR}))
    assert found.kind == "forgets"
    assert found.text == (
        "GD recognizes fewer copies than any Re-train: its curve is below the null band from τ 0.2 "
        "on."
    )
    assert plain(found.short) == (
        "recognizes fewer copies than any Re-train; below the null band from τ 0.2 on"
    )


def test_a_model_below_the_band_names_its_exceptions() -> None:
    found = of(residual((0.1,), {"gd": [[10], [10], [90], [10]], **retrains(50)}))
    assert found.text == (
        "GD recognizes fewer copies than any Re-train: its curve is below the null band at τ 0.1. "
        "The exception is 1 of 4 forgotten samples recognized more often than by any Re-train"
        f"{JUDGED}."
    )
    assert found.links[1].samples == (12,)


# -- what cannot be told ----------------------------------------------------------------------
def test_one_re_train_is_too_few() -> None:
    found = of(residual((0.1,), {"gd": [[90], [50], [50], [50]], "retrain-0": level(50)}))
    assert found.kind == "untold"
    assert found.text == "GD: too few Re-trains to tell (1; it takes at least 2)."
    assert found.residual is None and not found.links


def test_without_re_trains_nothing_is_judged() -> None:
    made = residual((0.1,), {"gd": level(90), "retrain-0": level(50)})
    alone = replace(made, counts={"gd": made.counts["gd"]})
    assert of(alone).text == "GD: too few Re-trains to tell (0; it takes at least 2)."


def test_where_no_re_train_recognizes_a_copy_the_samples_tell() -> None:
    none = {f"retrain-{j}": level(0, 0) for j in range(20)}
    found = of(residual((0.1, 0.2), {"gd": [[90, 90], [0, 0], [0, 0], [0, 0]], **none}))
    assert found.kind == "recognizes"
    assert found.text == (
        f"GD still recognizes perturbed copies of 1 of 4 forgotten samples more often than any "
        f"Re-train{JUDGED}. r is undefined at every τ, as no Re-train recognizes a copy there."
    )
    nothing = of(residual((0.1, 0.2), {"gd": level(0, 0), **none}))
    assert nothing.kind == "within"
    assert nothing.text.startswith(
        "GD recognizes perturbed copies of none of the 4 forgotten samples surely more often than "
        "any Re-train"
    )


def test_norms_without_r_are_counted() -> None:
    pair = {name: [[row[0], 0] for row in rows] for name, rows in retrains(50, 0).items()}
    assert of(residual((0.1, 0.2), {"gd": level(51, 0), **pair})).text.endswith(
        " r is undefined at τ 0.2, as no Re-train recognizes a copy there."
    )


def test_adaptive_draws_of_an_earlier_version_judge_no_single_sample() -> None:
    above = of(residual(TAUS, {"gd": level(51, 90, 90), **PAIR}, adaptive=True))
    assert above.text == (
        "GD: its curve is above the null band from τ 0.2 on; single samples are not judged, as "
        "draws were adaptive."
    )
    assert above.residual is None
    within = of(residual(TAUS, {"gd": level(51, 51, 51), **PAIR}, adaptive=True))
    assert within.text == (
        "GD stays within what one more Re-train may differ by; single samples are not judged, as "
        "draws were adaptive."
    )


def test_a_method_without_results_is_named() -> None:
    made = residual((0.1,), {"gd": level(90), **retrains(50)})
    methods = [{"name": "gd", "config": {}}, {"name": "rurk", "config": {}}]
    found = findings(study(made, methods=methods))
    assert [one.text for one in found][-1] == "RURK was not measured."


# -- the same answers -------------------------------------------------------------------------
def with_answers(made: Residual, apart: int = 0) -> Residual:
    """Predictions of class 1 everywhere, but for `apart` copies of GA."""
    shape = (len(made.samples), len(made.taus), C)
    answers = {name: np.ones(shape, np.uint8) for name in made.counts}
    answers["ga"].reshape(-1)[:apart] = 2
    return replace(made, predictions=answers)


def unchanged(apart: int, metrics: bool = True) -> Finding:
    counts = {"original": level(90, 90, 90), "ga": level(90, 90, 90), **PAIR}
    made = study(
        with_answers(residual(TAUS, counts), apart),
        methods=[{"name": "ga", "config": {"epochs": 1, "lr": 1e-05}}],
    )
    if metrics:
        made = replace(made, metrics={name: {"retain_acc": 99.0} for name in ("original", "ga")})
    return next(one for one in findings(made) if one.model == "ga")


def test_a_method_that_changed_nothing_says_so() -> None:
    found = unchanged(0)
    assert found.kind == "unchanged"
    assert found.text == (
        "GA gives the same answers as the Original on all 1,200 copies: it changed nothing that "
        "shows (its setting: 1 epoch, learning rate 1e-05). It recognizes perturbed copies of "
        "4 of 4 forgotten samples more often than any Re-train."
    )
    assert plain(found.short) == "gives the Original's answers; copies of 4 of 4"


def test_it_says_so_only_where_it_is_true() -> None:
    assert "on all but 1 of 1,200 copies: it changed almost nothing" in unchanged(1).text
    assert unchanged(2).kind == "recognizes"  # 2 of 1,200 are more than a thousandth
    assert unchanged(0, metrics=False).kind == "recognizes"  # its accuracies differ


def test_a_method_with_the_answers_of_another_names_it() -> None:
    counts = {"rurk": level(90, 90, 90), "ga": level(90, 90, 90), **PAIR}
    made = replace(study(residual(TAUS, counts)), metrics={})
    assert findings(made)[1].text.endswith(
        " It gives the same answers as RURK: as many copies of every sample are recognized."
    )


# -- all of them ------------------------------------------------------------------------------
def test_methods_come_first_by_what_they_show_and_original_last() -> None:
    counts = {
        "original": level(99, 99, 99), "rurk": level(51, 51, 51), "ga": level(90, 90, 90),
        "gd": [*level(95, 95, 95, samples=2), *level(51, 51, 51, samples=2)], **PAIR,
    }  # fmt: skip
    found = findings(study(residual(TAUS, counts)))
    assert [one.model for one in found] == ["ga", "gd", "rurk", "original"]


def test_a_study_beside_has_findings_of_its_own() -> None:
    made = residual(TAUS, {"gd": level(90, 90, 90), **PAIR})
    other = study(made, key="b" * 20, seed=7)
    own, beside = findings(study(made), [other, study(made)])
    assert (own.run, beside.run, beside.name) == ("", "seed 7", "GD (seed 7)")
    assert beside.text.startswith("GD (seed 7) still recognizes")
    assert beside.links[0].samples == (10, 11, 12, 13)
    foreign = study(made, key="c" * 20, seed=7, data={"name": "digits", "fingerprint": "y"})
    _, elsewhere = findings(study(made), [foreign])
    assert "4 of 4" in elsewhere.text
    assert not any(link.samples for link in elsewhere.links)


def test_json_has_each_sentence_and_its_links() -> None:
    made = as_json(findings(study(residual(TAUS, {"gd": level(51, 90, 90), **PAIR}))))
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made[0]["kind"] == "recognizes"
    assert made[0]["links"] == [
        {"text": "4 of 4", "samples": [10, 11, 12, 13]}, {"text": "τ 0.2", "tau": 0.2},
    ]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    data=st.data(),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 4)),
    number=st.integers(1, 3),
    adaptive=st.booleans(),
)
def test_counts_and_links_agree_with_the_table_of_verdicts(
    data: st.DataObject, shape: tuple[int, int], number: int, adaptive: bool
) -> None:
    numbers = st.sampled_from([0, 1, 40, 50, 52, 60, 90, C])
    names = ["original", "gd", *(f"retrain-{j}" for j in range(number))]
    rows = st.lists(
        st.lists(numbers, min_size=shape[1], max_size=shape[1]),
        min_size=shape[0], max_size=shape[0],
    )  # fmt: skip
    counts = {name: data.draw(rows) for name in names}
    taus = np.arange(shape[1]) / 10
    made = residual(taus.tolist(), counts, adaptive)
    for one in findings_of(made, LABELS):
        table = verdict_counts(made, one.model)
        assert one.residual == (None if table is None else table["residual"])
        chosen = [link for link in one.links if link.samples]
        assert len(chosen) == bool(one.residual)
        assert all(len(link.samples) == one.residual for link in chosen)
        assert all(set(link.samples) <= set(made.samples.tolist()) for link in chosen)
        assert all(link.tau in taus for link in one.links if not link.samples)
        assert one.kind in KINDS
        assert one.text.endswith(".") and "nan" not in one.text
        assert not re.search(r"  | \.|\.\.|,,| ;", one.text)
        assert plain(one.short)
