"""Deleting a study: what only it uses goes, what others use stays and is still used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import StoreError
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.records import study_arrays, study_attributes
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage.annotations import annotation
from engine.study import compose as study


def compose(pipeline: Pipeline, **words: Any) -> RunSpec:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    usual = {"methods": ("gd",), "training": {"epochs": 2}, "draws": 10, "retrains": 1}
    return pipeline.compose(iris, **{**usual, **words})


def run(pipeline: Pipeline, spec: RunSpec) -> Study:
    return pipeline.run(spec, Reporter())


def put(pipeline: Pipeline, key: str, spec: dict[str, Any], like: Study) -> None:
    """Store a study with another spec."""
    facts = {"spec": spec, "seed": 131, "seconds": 1.0, "device": "cpu"}
    pipeline.store.put("studies", key, study_arrays(like), **facts, **study_attributes(like))


def files(pipeline: Pipeline) -> set[Path]:
    return {path for path in pipeline.store.root.rglob("*") if path.is_file()}


def test_the_only_study_takes_everything_with_it(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    made = run(pipeline, spec)
    pipeline.neighborhood(spec, spec.forget[0], "", -1.0, Reporter())
    here = files(pipeline)
    found = pipeline.belongings([made.key])
    assert set(found.files) == here
    assert found.size == sum(path.stat().st_size for path in here)
    assert files(pipeline) == here
    assert pipeline.delete_studies([made.key]) == found
    assert files(pipeline) == set()


def test_a_shared_original_survives_and_is_still_used(pipeline: Pipeline) -> None:
    one, two = compose(pipeline), compose(pipeline, settings={"gd": {"epochs": 3}})
    first = run(pipeline, one)
    run(pipeline, two)
    pipeline.delete_studies([first.key])
    assert [summary.key for summary in pipeline.studies()] == [study.study_key(two)]
    assert set(pipeline.models(two)) == {"original", "retrain-0", "gd"}
    gone = study.model_keys(one)["gd"]
    assert not pipeline.store.has("models", gone)
    assert not pipeline.store.path("checkpoints", gone, ".pt").exists()
    kept = study.model_keys(two)["original"]
    assert pipeline.store.path("checkpoints", kept, ".pt").is_file()


def test_what_two_studies_share_goes_with_both(pipeline: Pipeline) -> None:
    one, two = compose(pipeline), compose(pipeline, settings={"gd": {"epochs": 3}})
    keys = [run(pipeline, spec).key for spec in (one, two)]
    pipeline.neighborhood(two, two.forget[0], "", -1.0, Reporter())
    assert set(pipeline.delete_studies(keys).keys) == set(keys)
    assert files(pipeline) == set()


def test_what_was_measured_of_a_shared_model_stays(pipeline: Pipeline) -> None:
    one, two = compose(pipeline), compose(pipeline, settings={"gd": {"epochs": 3}})
    first = run(pipeline, one)
    run(pipeline, two)
    pipeline.recognition(one, "original", Reporter())
    pipeline.recognition(one, "gd", Reporter())
    before = set(pipeline.store.keys("recognitions"))
    pipeline.delete_studies([first.key])
    (kept,) = pipeline.store.keys("recognitions")
    record = pipeline.store.get("recognitions", kept)
    assert len(before) == 2 and record is not None
    assert record.attributes["model"] == "original"


def test_what_a_study_that_is_about_to_run_needs_is_spared(pipeline: Pipeline) -> None:
    first = run(pipeline, compose(pipeline))
    waiting = compose(pipeline, settings={"gd": {"epochs": 3}})
    pipeline.delete_studies([first.key], [waiting])
    assert set(pipeline.models(waiting)) == {"original", "retrain-0"}


def test_a_study_with_fewer_draws_keeps_counts_and_sights_of_the_other(pipeline: Pipeline) -> None:
    few, many = compose(pipeline), compose(pipeline, draws=20)
    first = run(pipeline, few)
    run(pipeline, many)
    pipeline.neighborhood(few, few.forget[0], "", -1.0, Reporter())
    found = pipeline.belongings([first.key])
    assert found.files == (pipeline.store.path("studies", first.key),)


def test_with_an_unreadable_study_beside_it_only_the_record_goes(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    first = run(pipeline, spec)
    plain = study.as_plain(spec)
    strange = {**plain, "methods": [{"name": "of-another-plug-in", "config": {}}]}
    put(pipeline, "f" * 20, strange, first)
    assert pipeline.belongings([first.key]).files == (pipeline.store.path("studies", first.key),)


def test_an_unknown_study_cannot_be_deleted(pipeline: Pipeline) -> None:
    with pytest.raises(StoreError, match="No result"):
        pipeline.delete_studies(["feed"])


def test_provenance_is_what_was_written_beside_the_study(pipeline: Pipeline) -> None:
    spec = compose(pipeline)
    made = run(pipeline, spec)
    found = pipeline.provenance(made.key)
    assert (found.key, found.seed, found.device) == (made.key, 131, str(pipeline.work.device))
    assert found.spec == study.as_plain(spec)
    assert {"rk-explorer", "python", "torch"} <= set(found.versions)
    older = {**found.spec, "train": {"epochs": 2}}
    put(pipeline, made.key, older, made)
    assert pipeline.provenance(made.key).spec["train"]["lr"] == 0.05
    assert found.created.endswith("Z") and found.seconds > 0


def test_what_was_written_beside_a_study_goes_with_it_and_leaves_its_hash(
    pipeline: Pipeline,
) -> None:
    made = run(pipeline, compose(pipeline))
    before = pipeline.store.path("studies", made.key).read_bytes()
    pipeline.catalog.annotate(made.key, annotation("a name", ["tag"], "notes"))
    pipeline.catalog.measures(made.key)
    assert pipeline.store.path("studies", made.key).read_bytes() == before
    assert {path.parent.name for path in files(pipeline)} >= {"annotations", "rankings"}
    pipeline.delete_studies([made.key])
    assert files(pipeline) == set()
    with pytest.raises(StoreError):
        pipeline.catalog.annotate(made.key, annotation("late"))


def test_measures_are_read_from_their_file_until_the_study_is_another(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run(pipeline, compose(pipeline))
    first = pipeline.catalog.measures(made.key)
    reads: list[str] = []
    study_with_arrays = pipeline.catalog.study

    def count(key: str) -> Study:
        reads.append(key)
        return study_with_arrays(key)

    monkeypatch.setattr(pipeline.catalog, "study", count)
    assert pipeline.catalog.measures(made.key).plain == first.plain
    assert reads == []
    path = pipeline.store.root / "rankings" / f"{made.key}.json"
    path.write_text("{", encoding="utf-8")
    assert pipeline.catalog.measures(made.key).plain == first.plain
    assert reads == [made.key]
    put(pipeline, made.key, dict(made.spec), made)  # written anew, with other seconds
    pipeline.catalog.measures(made.key)
    assert reads == [made.key] * 2
