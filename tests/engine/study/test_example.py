"""The example study that comes with the program belongs to the command recorded beside it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib.resources import as_file
from pathlib import Path

import numpy as np
import pytest

from engine.cli.parser import parser
from engine.datasets.base import Dataset
from engine.pipeline.copy_cache import DIGEST, FOLDER
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage import hdf5
from engine.study import example
from engine.study.costs import sizes_of
from engine.study.plan import COUNTS, EPOCHS, MEASURES, MODELS, STUDIES, Plan
from tests.example_study import samples_first_shown, spec_of

NOTES = Path(__file__).parents[3] / "assets" / "example" / "NOTICE.md"
MOST = 5_000_000  # bytes
MOST_VIEWS = 30  # epochs of a method that are watched, besides its start


@pytest.fixture
def names() -> Iterator[set[str]]:
    """The groups and arrays of the bundle."""
    with as_file(example.bundle()) as path, hdf5.open_checked(path) as file:
        yield set(file.names)


def composed(pipeline: Pipeline) -> tuple[RunSpec, Dataset]:
    """The study that the recorded command describes today, and its dataset."""
    spec = spec_of(pipeline, example.command(), Reporter())
    return spec, pipeline.dataset(spec.data, Reporter())


def test_the_command_is_one_that_there_is_and_the_notice_names_it() -> None:
    words = example.command()
    assert words[0] == "rk-engine"
    assert callable(parser().parse_args(words[1:]).command)
    assert f"\n{shlex.join(words)}\n" in NOTES.read_text("utf-8")


def test_every_result_of_the_command_is_in_the_bundle_under_the_key_it_has_today(
    pipeline: Pipeline, names: set[str]
) -> None:
    spec, dataset = composed(pipeline)
    plan = Plan.of(spec, sizes_of(dataset), [method.name for method in spec.methods])
    wanted = {
        f"records/{one.kind}/{one.key}"
        for one in plan.of_kind(MODELS)
        + plan.of_kind(COUNTS)
        + plan.of_kind(MEASURES)
        + plan.of_kind(EPOCHS)
        + plan.of_kind(STUDIES)
    }
    wanted |= {f"checkpoints/{key}" for key in plan.models.values()}
    assert wanted <= names
    assert plan.key == example.key()


def test_it_is_the_recommended_study_of_its_dataset(pipeline: Pipeline) -> None:
    spec, dataset = composed(pipeline)
    assert dataset.spec.name == example.DATASET
    assert spec == pipeline.compose(dataset, methods=[method.name for method in spec.methods])


def test_it_can_be_opened_and_answers_without_computing(pipeline: Pipeline) -> None:
    with as_file(example.bundle()) as path:
        assert path.stat().st_size < MOST
        opened = pipeline.open_bundle(path, Reporter(), example.SOURCE)
    assert opened.key == example.key()
    spec = pipeline.spec_under(opened.key)
    study = pipeline.study(opened.key)
    before = set(pipeline.store.root.rglob("*.h5"))
    worst = samples_first_shown(study)[0]
    middle = spec.probe.taus[len(spec.probe.taus) // 2]
    for method in spec.methods:
        watched = pipeline.epochs(spec, method.name, Reporter())
        assert len(watched.views) == min(method.config.epochs, MOST_VIEWS) + 1  # none was skipped
        pipeline.embed(spec, ("original", method.name), Reporter())
        pipeline.similarity(spec, method.name, "retrain-0", Reporter())
    for name in pipeline.models(spec):
        pipeline.recognition(spec, name, Reporter())
    drawn = pipeline.neighborhood(spec, worst, "", middle, Reporter()).copies
    (kept,) = example.copies()  # which the window shows without drawing them
    assert kept.name == next((pipeline.store.root / FOLDER).iterdir()).name
    pixels = np.frombuffer(kept.read_bytes()[:-DIGEST], np.float32).reshape(drawn.shape)
    assert np.abs(pixels - drawn).max() < 1e-5  # processors differ in the last digits of noise
    assert set(pipeline.store.root.rglob("*.h5")) == before
    assert [origin.source for origin in study.origins] == [example.SOURCE]
