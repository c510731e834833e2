"""The measures by which studies are ranked."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import made
import numpy as np
import pytest

from engine.analysis.model_table import board
from engine.analysis.study_measures import (
    RANKED,
    SHARE,
    measures_from,
    measures_of,
    quantity_named,
)


def test_they_are_the_numbers_of_the_table_of_models() -> None:
    study = made.study(unlearn=12.0)
    measures = measures_of(study)
    for tau in made.TAUS:
        table = board(study, tau=float(tau))
        for row in table.rows:
            for quantity in table.quantities:
                expected = row.entry(quantity.name).mean
                found = measures.value(quantity.name, row.model, float(tau))
                assert found == pytest.approx(expected, nan_ok=True), (row.model, quantity.name)


def test_a_tau_that_is_not_in_the_grid_and_an_unknown_model_have_no_value() -> None:
    measures = measures_of(made.study())
    assert math.isnan(measures.value("residual", "rurk", 0.15))
    assert math.isnan(measures.value("residual", "gd", 0.1))
    assert math.isnan(measures.value("avg_gap", "gd"))


def test_the_goal_of_a_measure_decides_what_is_best() -> None:
    measures = measures_of(made.study(r=2.0, unlearn=12.0))
    costs = {one.name: measures.cost(one, "rurk", 0.1) for one in RANKED}
    assert costs["residual"] == pytest.approx(1.0)  # 2 is 1 from 1
    assert costs["unlearn_acc"] == pytest.approx(2.0)  # 12 is 2 from Re-train's 10
    assert costs["avg_gap"] == pytest.approx(2 / 3)
    assert quantity_named("avg_gap") is not None and quantity_named("nothing") is None


def test_the_share_of_samples_with_residual_knowledge_is_in_percent() -> None:
    study = made.study()
    q = {"rurk": np.array([0.01, 0.5, 0.5]), "original": np.ones(3)}
    weak = {name: np.ones((3, 3)) for name in q}
    residual = replace(study.residual, q_values=q, e_values=weak, absence=weak)
    changed = type(study)(**{**vars(study), "residual": residual})
    assert measures_of(changed).value(SHARE, "rurk") == pytest.approx(100 / 3)


def test_they_survive_as_json_and_a_damaged_file_is_refused() -> None:
    measures = measures_of(made.study())
    plain = json.loads(json.dumps(measures.plain))
    assert measures_from(plain, measures.key).plain == measures.plain
    for change in (
        {"format": 0}, {"key": "other"}, {"taus": ["x"]}, {"taus": [0.0]}, {"traces": []},
        {"values": {"rurk": {"avg_gap": True}}}, {"values": None}, {"labels": 3},
        {"traces": {"rurk": {"residual": [1.0] * 200_000}}},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r".+"):
            measures_from({**plain, **change}, measures.key)
    with pytest.raises(ValueError, match="invalid"):
        measures_from(None, measures.key)
