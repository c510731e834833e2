"""The table of samples as they lie in an embedding."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
import synthetic

from engine.results import PERTURBED
from engine.tables.points_csv import points_csv


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_one_row_a_sample_with_place_prediction_and_r_of_every_model() -> None:
    dataset, residual = synthetic.images(), synthetic.residual()
    shown = synthetic.embedding(dataset)
    rows = _rows(points_csv([1, 2, 200], shown, dataset, residual, 0.2))
    assert [row["index"] for row in rows] == ["1", "2", "200"]
    assert [row["set"] for row in rows] == ["forget", "retain", "test"]
    assert [row["class"] for row in rows] == [dataset.classes[i] for i in (1, 2, 0)]
    assert rows[0]["name"] == dataset.name_of(1)
    own = int(np.flatnonzero((shown.sample == 1) & (shown.kind != PERTURBED))[0])
    assert float(rows[0]["x rurk"]) == pytest.approx(float(shown.xy["rurk"][own, 0]), rel=1e-5)
    assert rows[0]["predicted rurk"] == dataset.classes[int(shown.predicted["rurk"][own])]
    column = residual.column(0.2)
    place = int(np.flatnonzero(residual.samples == 1)[0])
    expected = residual.ratio("gd")[place, column]
    assert float(rows[0]["r gd at tau 0.2"]) == pytest.approx(expected, rel=1e-5)
    assert rows[1]["r gd at tau 0.2"] == ""  # a retained sample is not measured


def test_a_sample_that_is_not_in_the_embedding_has_no_place() -> None:
    dataset = synthetic.images()
    shown = synthetic.embedding(synthetic.images(40))
    row = _rows(points_csv([150], shown, dataset, None, -1.0))[0]
    assert (row["index"], row["set"], row["x rurk"], row["predicted rurk"]) == ("150", "", "", "")
