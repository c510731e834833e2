"""What two studies were set to, and where they differ."""

from __future__ import annotations

from typing import Any

from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.study.compose import as_plain
from engine.study.differences import Difference, differences, differences_as_text, settings_of


def plain(pipeline: Pipeline, **words: Any) -> dict[str, Any]:
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    return as_plain(pipeline.compose(iris, **{"methods": ("gd", "ga"), "draws": 10, **words}))


def test_the_same_study_differs_in_nothing(pipeline: Pipeline) -> None:
    assert differences(plain(pipeline), plain(pipeline)) == []


def test_only_what_differs_is_told_under_its_dotted_name(pipeline: Pipeline) -> None:
    one = plain(pipeline, settings={"gd": {"lr": 0.01}}, training={"epochs": 3})
    two = plain(pipeline, settings={"gd": {"lr": 0.03}}, training={"epochs": 4}, seed=131)
    assert differences(one, two) == [
        Difference("train.epochs", "3", "4"),
        Difference("gd.lr", "0.01", "0.03"),
    ]


def test_a_setting_that_an_older_version_did_not_write_is_none(pipeline: Pipeline) -> None:
    now = plain(pipeline)
    before = {**now, "model": {"name": now["model"]["name"]}}
    assert differences(before, now) == []


def test_a_method_that_one_study_lacks_is_one_line(pipeline: Pipeline) -> None:
    found = differences(plain(pipeline), plain(pipeline, methods=("gd",)))
    assert found == [Difference("methods", "gd, ga", "gd")]


def test_forget_sets_of_one_size_are_told_apart(pipeline: Pipeline) -> None:
    (found,) = differences(plain(pipeline, forget=(1, 2, 3)), plain(pipeline, forget=(2, 3, 60)))
    assert found.setting == "forget"
    assert found.first == "3 samples, 1 only here: 1"
    assert found.second == "3 samples, 1 only here: 60"
    many = plain(pipeline, forget=range(8))
    assert differences(many, plain(pipeline, forget=(0, 1)))[0].first.endswith("2, 3, 4, 5, 6 ...")


def test_every_setting_has_words(pipeline: Pipeline) -> None:
    found = settings_of(plain(pipeline, measures=("relearn-epochs",)))
    assert found["data.name"] == "iris"
    assert found["methods"] == "gd, ga"
    assert found["measures"] == "relearn-epochs"
    assert found["foreign"] == "none"
    assert found["probe.taus"].startswith("0, 0.")
    assert {"gd.lr", "train.lr", "probe.draws", "retrains", "seed", "pretrain"} <= set(found)
    assert all(found.values())


def test_the_table_is_copied_with_the_titles_of_both(pipeline: Pipeline) -> None:
    found = differences(plain(pipeline), plain(pipeline, draws=20))
    assert differences_as_text(found, ("a", "b")) == "setting\ta\tb\nprobe.draws\t10\t20\n"
