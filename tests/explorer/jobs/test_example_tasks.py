"""The example arrives in two parts; the second is imported when it is asked for, or when quiet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.storage.store import Store
from engine.study import example
from explorer.jobs import example_tasks, probe_tasks
from explorer.jobs.example_tasks import BEGUN, MARKS


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    result = Pipeline(Store(tmp_path / "store"), "cpu")
    yield result
    result.close()


def mark(pipeline: Pipeline) -> str:
    return (pipeline.store.root / MARKS / example.key()).read_text("utf-8")


def imported(pipeline: Pipeline, kind: str) -> int:
    return len(pipeline.store.imported.keys(kind))


def test_the_second_part_comes_when_it_is_asked_for(pipeline: Pipeline) -> None:
    example_tasks.begin_import(pipeline, Reporter())
    assert mark(pipeline) == BEGUN
    assert imported(pipeline, "recognitions") and not imported(pipeline, "similarities")
    spec = pipeline.spec_under(example.key())
    assert probe_tasks.compare_layers(spec, "gd", "retrain-0", pipeline, Reporter()).lines
    assert mark(pipeline) == "" and imported(pipeline, "measures")
    assert not pipeline.store.keys("similarities")
    before = imported(pipeline, "similarities")
    example_tasks.end_import(pipeline, Reporter())
    assert imported(pipeline, "similarities") == before


def test_one_that_was_deleted_between_its_parts_does_not_come_back(pipeline: Pipeline) -> None:
    example_tasks.begin_import(pipeline, Reporter())
    pipeline.delete_studies([example.key()])
    example_tasks.end_import(pipeline, Reporter())
    example_tasks.begin_import(pipeline, Reporter())
    assert not pipeline.has_study(example.key())
    assert not list((pipeline.store.root / "copies").iterdir())


def test_a_part_that_was_interrupted_is_completed_later(pipeline: Pipeline) -> None:
    example_tasks.begin_import(pipeline, Reporter())
    (pipeline.store.root / MARKS / example.key()).unlink()  # as earlier versions left it
    example_tasks.end_import(pipeline, Reporter())
    assert mark(pipeline) == "" and imported(pipeline, "similarities")
