"""U-LiRA and RMIA in stored studies: which models of other seeds are references, and for what."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine.__main__ import main
from engine.errors import SpecError
from engine.metrics.base import log_odds
from engine.pipeline import membership
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec


def compose(pipeline: Pipeline, seed: int, forget: str, **words: Any) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    usual = {
        "methods": ("gd",), "training": {"epochs": 3}, "draws": 10, "retrains": 2, "taus": "0,0.1",
    }  # fmt: skip
    return pipeline.compose(iris, seed=seed, forget=f"indices:{forget}", **usual | words)


OWN = "1,5,9,60,64,90,97,110"


@pytest.fixture
def studied(pipeline: Pipeline) -> tuple[Pipeline, RunSpec]:
    """A study, and others in the store that share some of what it needs."""
    own = compose(pipeline, 1, OWN)
    for spec in (
        own,
        compose(pipeline, 2, "5,9,77"),  # forgets two samples of it
        compose(pipeline, 2, "9,60,77"),  # one of them again, and another one
        compose(pipeline, 3, OWN, settings={"gd": {"lr": "0.02"}}),  # another unlearning
        compose(pipeline, 4, "77"),  # none of its samples
        compose(pipeline, 1, "5,77"),  # of its own seed, whose models are nearly its own
        compose(pipeline, 5, OWN, training={"epochs": 4}),  # another training
    ):
        pipeline.run(spec, Reporter())
    return pipeline, own


def test_references_are_models_of_other_seeds_that_did_or_did_not_learn_a_sample(
    studied: tuple[Pipeline, RunSpec],
) -> None:
    pipeline, own = studied
    models, data = pipeline.models(own), pipeline.dataset(own.data, Reporter())
    found = membership.references(pipeline.work, own, models, data, Reporter())
    forget = np.array([1, 5, 9, 60, 64, 90, 97, 110])
    everywhere, none = forget > 0, forget < 0
    counts = sorted(one.counts.tolist() for one in found.out)
    first, second = sorted(  # of the two studies of seed 2, that whose key is lower has sample 9
        ((5, 9, 77), (9, 60, 77)),
        key=lambda rows: pipeline.plan(compose(pipeline, 2, ",".join(map(str, rows)))).key,
    )
    parts = [np.isin(forget, first), np.isin(forget, list(set(second) - {9}))]
    expected = [everywhere] * 4 + parts * 2
    assert counts == sorted(one.tolist() for one in expected)
    assert len(found.trained) == 4  # Originals of the seeds 1, 2, 3 and 4
    assert all((one.counts == everywhere).all() for one in found.trained)
    (group,) = found.unlearned.values()
    assert list(found.unlearned) == ["gd"]
    assert sorted(one.counts.tolist() for one in group) == sorted(one.tolist() for one in parts)
    assert not any((one.counts == none).all() for one in found.out)
    own_retrain = models["retrain-0"]
    one = next(one for one in found.out if one.key == own_retrain.key)
    inside = log_odds(own_retrain.train_logits[forget], data.train_y[forget])
    assert (one.forget == inside).all()
    assert (one.test == log_odds(own_retrain.test_logits, data.test_y)).all()


def test_other_seeds_are_read_for_the_scores_per_sample_alone(
    studied: tuple[Pipeline, RunSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, own = studied
    with_others = pipeline.attack(own, "gd", "retrain-0", Reporter(), score="u-lira")
    assert "3 models that never saw the sample" in with_others.note
    monkeypatch.setattr(membership, "siblings", lambda work, spec: [])
    with pytest.raises(SpecError, match=r"U-LiRA needs 2 or more models"):
        pipeline.attack(own, "gd", "retrain-0", Reporter(), score="u-lira")
    monkeypatch.setattr(membership, "references", lambda *_: 1 / 0)
    assert pipeline.attack(own, "gd", "retrain-0", Reporter()).note == ""
    with pytest.raises(SpecError, match="all models saw the retain set"):
        pipeline.attack(own, "gd", "original", Reporter(), score="rmia", members="retain")


def test_a_notebook_gets_the_score_of_every_sample(studied: tuple[Pipeline, RunSpec]) -> None:
    pipeline, own = studied
    study = engine.open(pipeline.store)[pipeline.plan(own).key]
    found = study.membership("gd", score="rmia")
    same = pipeline.attack(own, "gd", "retrain-0", Reporter(), score="rmia")
    assert found.per_sample() == same.per_sample()
    assert {row[0] for row in found.per_sample() if row[1]} <= set(own.forget)
    with pytest.raises(SpecError, match="no score 'ulira'"):
        study.membership("gd", score="ulira")


def test_the_command_line_draws_and_lists_them(
    studied: tuple[Pipeline, RunSpec], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline, own = studied
    key, store = pipeline.plan(own).key, str(pipeline.store.root)
    for score in ("u-lira", "rmia"):
        out = tmp_path / f"{score}.svg"
        figure = [
            "figure",
            key,
            "--kind",
            "attack",
            "--score",
            score,
            "--out",
            str(out),
            "--store",
            store,
        ]
        assert main([*figure, "--per-sample"]) == 0
        caption = out.with_suffix(".txt").read_text(encoding="utf-8")
        assert "models that never saw the sample" in " ".join(caption.split())
        with out.with_suffix(".csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
        found = pipeline.attack(own, "gd", "retrain-0", Reporter(), score=score).per_sample()
        assert [int(row["sample"]) for row in rows] == [one[0] for one in found]
        assert [float(row[f"{score}_gd"]) for row in rows] == [one[3][0] for one in found]
    assert main([*figure, "--members", "retain"]) == 2
    assert "all models saw the retain set" in capsys.readouterr().err
    curves = ["figure", key, "--kind", "curves", "--score", "rmia", "--out", str(out)]
    assert main([*curves, "--store", store]) == 2
    assert "--score applies to figures of the kind attack" in capsys.readouterr().err
