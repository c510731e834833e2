from __future__ import annotations

from dataclasses import replace

import made
import numpy as np
import pytest

from engine.analysis.carriers import carriers_at
from engine.analysis.curve_set import CurveSet
from engine.analysis.curves import BESIDE, MEAN, PUBLISHED, SHOWN, run_of, runs_beside
from engine.analysis.measures import MEASURES, residual_at
from engine.drawing.label_placement import label_positions
from engine.paper.presets import Figure
from engine.paper.published import Published
from engine.results import Study
from engine.study.family import difference_summary, family

POOLED, R, PREVALENCE, DISAGREEMENT, ACCURACY = MEASURES


def curves(*others: Study, mean: bool = False, paper: Published | None = None) -> CurveSet:
    study = made.study()
    return CurveSet([run_of(study), *runs_beside(study, others)], mean=mean, paper=paper)


# -- which studies belong together ------------------------------------------------------------
def test_studies_that_differ_in_their_seed_alone_are_a_family() -> None:
    assert family(made.spec(131)) == family(made.spec(7))
    assert family(made.spec()) != family(made.spec(tau=0.2))
    longer = {**made.spec(), "forget": [1, 2, 3, 4]}
    assert family(made.spec()) != family(longer)
    measured = {**made.spec(), "measures": [{"name": "relearn-epochs", "config": {}}]}
    assert family(made.spec()) == family(measured)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (made.spec(), ""),
        (made.spec(7), "seed 7"),
        (made.spec(7, tau=0.2), "seed 7, rurk.tau 0.2"),
        (made.spec(methods=("rurk", "gd")), "methods rurk, gd"),
        ({**made.spec(), "forget": [5, 6, 7]}, "another forget set"),
        ({**made.spec(7, 0.2), "retrains": 3}, "seed 7, rurk.tau 0.2 and 1 more"),
    ],
)
def test_a_study_is_told_apart_in_a_few_words(other: dict[str, object], words: str) -> None:
    assert difference_summary(made.spec(), other) == words


# -- lines ------------------------------------------------------------------------------------
def test_every_run_has_its_own_lines_and_the_open_one_comes_first() -> None:
    found = curves(made.study(7), made.study(tau=0.2))
    assert [(line.name, line.kind) for line in found.lines(R)] == [
        ("original", SHOWN), ("rurk", SHOWN), ("original@1", BESIDE), ("rurk@1", BESIDE),
        ("original@2", BESIDE), ("rurk@2", BESIDE),
    ]  # fmt: skip
    assert [found.title(number) for number in found.alone] == ["seed 7", "rurk.tau 0.2"]
    assert len(found.lines(R, {"rurk", f"@{found.runs[1].key}"})) == 2


def test_the_open_study_is_not_beside_itself() -> None:
    assert len(curves(made.study()).runs) == 1


def test_a_family_is_drawn_as_its_mean_with_its_range() -> None:
    found = curves(made.study(7, r=1.0), made.study(42, tau=0.2), mean=True)
    line = found.line(R, "rurk")
    assert line is not None
    assert (line.kind, line.n) == (MEAN, 2)
    assert line.trace.low is not None and line.trace.high is not None
    assert (line.trace.low[0], line.trace.y[0], line.trace.high[0]) == (1.0, 1.5, 2.0)
    assert found.alone == [2]
    assert found.over_seeds() == "Curves are means over the seeds 7, 131, bands their range."


def test_studies_on_other_grids_have_no_common_mean() -> None:
    other = replace(made.study(7), residual=made.residual(taus=np.array([0.0, 0.3])))
    found = curves(other, mean=True)
    assert [line.kind for line in found.lines(R)] == [SHOWN, SHOWN, BESIDE, BESIDE]


def test_the_null_band_covers_those_of_all_seeds() -> None:
    wide = made.study(7)
    wide = replace(wide, residual=replace(wide.residual, null_high=np.full(3, 1.9)))
    low, high = curves(wide, mean=True).band(R) or (None, None)
    assert low is not None and high is not None
    assert (low[0], high[0]) == (0.8, 1.9)
    alone = curves(wide).band(R)
    assert alone is not None
    assert alone[1][0] == 1.2
    assert curves().band(PREVALENCE) is None


def test_published_curves_are_lines_of_their_own_grid() -> None:
    figures = {"prevalence": {"ntk": {0.0: Figure(3.0), 0.03: Figure(7.0)}}}
    paper = Published("small-cifar5", "A", "Someone", {}, figures, ())
    found = curves(paper=paper)
    (line,) = [one for one in found.lines(PREVALENCE) if one.kind == PUBLISHED]
    assert (line.name, line.label) == ("ntk@published", "NTK, published")
    assert (line.x.tolist(), line.trace.y.tolist()) == ([0, 0.03], [3, 7])
    assert not found.has_paper(R)
    assert found.lines(PREVALENCE, {f"@{PUBLISHED}"})[-1].kind == SHOWN


def test_the_sheet_says_which_study_every_number_is_of() -> None:
    found = curves(made.study(7))
    header, rows = found.sheet(R, found.lines(R))
    table = [dict(zip(header, row, strict=True)) for row in rows]
    assert len(table) == 4 * 3 + 3  # curves, then the null band
    last = table[3 * 3]
    assert (last["model"], last["run"], last["residual"], last["low"]) == (
        "rurk", "seed 7", 2.0, 1.5,
    )  # fmt: skip
    assert table[0]["pooled"] == 2.0
    assert table[-1]["model"] == "null"


# -- one tau, one sample ----------------------------------------------------------------------
def test_residual_knowledge_is_cut_to_one_tau() -> None:
    one = residual_at(made.residual(), 1)
    assert one.taus.tolist() == [0.1]
    whole = ACCURACY.traces(made.residual())["rurk"].y
    assert ACCURACY.traces(one)["rurk"].y.tolist() == [whole[1]]
    assert len(residual_at(made.residual(), 3).taus) == 0


def test_carriers_have_their_counts_and_the_largest_r_first() -> None:
    made_up = made.residual()
    made_up.counts["rurk"][:, 1] = [5, 9, 3]
    made_up.counts["retrain-1"][1] = 2
    found = carriers_at(made_up, "rurk", 1)
    assert [(one.sample, one.known, one.retrain, one.draws) for one in found] == [
        (10, 9, 3.0, 10), (1, 5, 4.0, 10),
    ]  # fmt: skip
    assert found[0].r == pytest.approx((9 / 4 + 9 / 2) / 2)


# -- labels -----------------------------------------------------------------------------------
def test_labels_keep_out_of_each_others_way_and_on_the_page() -> None:
    points = np.array([[50.0, 50.0], [60.0, 50.0], [98.0, 20.0]])
    sizes = np.array([[30.0, 10.0]] * 3)
    found = label_positions(points, sizes, (0, 0, 100, 100))
    assert found[0].tolist() == [13, 45]  # to the left: on the right there is the second point
    assert found[1].tolist() == [67, 45]
    assert found[2].tolist() == [61, 15]  # on the right the page ends


def test_a_label_without_room_is_left_out() -> None:
    points = np.full((9, 2), 50.0) + np.arange(9)[:, None]
    found = label_positions(points, np.array([[80.0, 30.0]] * 9), (0, 0, 100, 100))
    assert np.isnan(found).all(1).sum() >= 7
    assert label_positions(np.empty((0, 2)), np.empty((0, 2)), (0, 0, 9, 9)).shape == (0, 2)
