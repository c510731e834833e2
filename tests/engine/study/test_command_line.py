"""The line that is copied makes the same study: it is parsed and composed again, keys compared."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.cli.commands import compose_arguments
from engine.cli.parser import parser
from engine.datasets.base import Dataset, load
from engine.errors import SpecError
from engine.external.network import network
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import DataSpec, PretrainSpec, RunSpec, TrainSpec
from engine.storage.store import Store
from engine.study import compose
from engine.study.command_line import command_line, forget_text, index_file
from engine.sweeps.sweep import grid


@pytest.fixture(scope="module")
def iris() -> Dataset:
    return load(DataSpec("iris"), Reporter())


def composed_again(line: str, dataset: Dataset) -> RunSpec:
    """What `rk-engine` makes of the line."""
    program, *words = shlex.split(line)
    assert program == "rk-engine"
    options = parser().parse_args(words)
    assert (options.dataset, options.seed) == (dataset.spec.name, dataset.spec.seed)
    (point,) = grid(options.set)
    return compose.compose(dataset, settings=point.settings, **compose_arguments(options))


STUDIES: dict[str, dict[str, Any]] = {
    "as recommended": {},
    "settings of methods": {
        "methods": ("rurk", "scrub"), "settings": {"rurk": {"lambda_a": 0.1 + 0.2, "epochs": 3}},
    },
    "training and attack": {
        "training": {"epochs": 7, "schedule": "constant"}, "perturbation": "pgd",
        "probe": {"steps": 3, "step_size": 1 / 255, "target": "true", "seed": 5},
    },
    "grid and draws": {"taus": "0:0.3:4", "draws": 20, "retrains": 2, "model": "mlp"},
    "measures": {"measures": ("relearn-epochs",), "settings": {"mia-acc": {"balanced": True}}},
    "measured out of balance": {"settings": {"mia-acc": {"balanced": False}}},
    "some out of balance": {"settings": {"mia-acc": {"balanced": False, "most": 100}}},
    "named": {"measures": ("mia-acc",), "settings": {"mia-acc": {"balanced": False}}},
    "normalization": {"normalize": "none", "methods": ("gd",)},
}  # fmt: skip


@pytest.mark.parametrize("words", STUDIES.values(), ids=STUDIES)
def test_the_line_makes_the_same_study(iris: Dataset, words: dict[str, Any]) -> None:
    spec = compose.compose(iris, **words)
    again = composed_again(command_line(spec, iris, iris.recommended.forget), iris)
    assert compose.study_key(again) == compose.study_key(spec)
    assert again == spec


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ({}, []),
        ({"probe": {"between": "asked"}}, ["probe.between=asked"]),
        ({"perturbation": "fgsm"}, ["probe.arithmetic=folded"]),
        ({"perturbation": "pgd", "probe": {"arithmetic": "float32"}}, ["probe.arithmetic=float32"]),
        (
            {"perturbation": "pgd", "probe": {"arithmetic": "float32", "start": "shared"}},
            ["probe.arithmetic=float32", "probe.start=shared"],
        ),
    ],
)
def test_a_line_means_the_same_on_another_device(words: dict[str, Any], written: list[str]) -> None:
    digits = load(DataSpec("digits"), Reporter())
    spec = compose.compose(digits, model="cnn", **words)
    line = command_line(spec, digits, digits.recommended.forget)
    asked = [word for word in shlex.split(line) if word.startswith("probe.")]
    assert asked == written
    assert composed_again(line, digits) == spec


def test_only_changed_settings_are_written(iris: Dataset) -> None:
    assert "--set" not in command_line(compose.compose(iris), iris, "class:1")
    changed = compose.compose(iris, settings={"rurk": {"lambda_a": 0.5}})
    line = shlex.split(command_line(changed, iris, "class:1"))
    assert [line[i + 1] for i, word in enumerate(line) if word == "--set"] == ["rurk.lambda_a=0.5"]
    assert "--taus" not in line and "--normalize" not in line


def test_the_line_of_an_older_study_says_how_it_was_measured(iris: Dataset) -> None:
    spec = replace(compose.compose(iris), measures=())
    line = command_line(spec, iris, "class:1:0.5")
    assert "--set mia-acc.balanced=false" in line and "--measures" not in line
    asked = compose.compose(iris, measures=("relearn-epochs",))
    older = replace(asked, measures=tuple(one for one in asked.measures if one.name != "mia-acc"))
    assert compose.study_key(older) != compose.study_key(asked)
    line = command_line(older, iris, iris.recommended.forget)
    assert composed_again(line, iris) == older


def test_weights_of_others_and_a_network_of_ones_own(iris: Dataset, tmp_path: Path) -> None:
    theirs = tmp_path / "my net.py"
    theirs.write_text(
        "import torch\n\n\ndef make(shape, n_classes):\n"
        "    return torch.nn.Sequential(torch.nn.Linear(shape[0], 8), torch.nn.ReLU(),"
        " torch.nn.Linear(8, n_classes))\n"
    )
    model = f"{theirs}:make"
    blank = network(compose.compose(iris, model=model).model, iris, generator(0, "weights"))
    files = {}
    for number, name in enumerate(("original", "retrain-0", "retrain-1", "theirs")):
        files[name] = tmp_path / f"{name} 1.pt"
        torch.save({k: v + number for k, v in blank.net.state_dict().items()}, files[name])
    spec = compose.compose(iris, model=model, methods=(), retrains=2, weights=files)
    assert composed_again(command_line(spec, iris, iris.recommended.forget), iris) == spec


def test_a_chosen_forget_set_goes_by_a_file_in_the_store(iris: Dataset, tmp_path: Path) -> None:
    spec = compose.compose(iris, forget=(3, 5, 77))
    assert forget_text(spec, iris, ["class:1:0.5", "nonsense"]) == ""
    store = Store(tmp_path / "a store")
    path = index_file(spec, store)
    assert path == index_file(spec, store) and path.is_relative_to(store.root)
    line = command_line(spec, iris, f"indices:{path}", store.root)
    assert parser().parse_args(shlex.split(line)[1:]).store == store.root
    assert composed_again(line, iris).forget == (3, 5, 77)


def test_the_forget_set_is_worded_where_words_describe_it(iris: Dataset, tmp_path: Path) -> None:
    drawn = compose.compose(iris, forget="class:1:5")
    assert forget_text(drawn, iris, ["class:2", "class:1:5"]) == "class:1:5"
    whole = compose.compose(iris, forget="class:1")
    assert forget_text(whole, iris, []) == "class:1"
    listed = tmp_path / "listed.csv"
    listed.write_text("\n".join(map(str, drawn.forget)))
    assert forget_text(drawn, iris, [f"indices:{listed}"]) == ""


def test_what_no_line_can_say_is_refused(iris: Dataset) -> None:
    spec = compose.compose(iris)
    other = replace(spec, data=replace(spec.data, seed=spec.seed + 1))
    with pytest.raises(SpecError, match="a single seed"):
        command_line(other, iris, "class:1")
    earlier = replace(spec, pretrain=PretrainSpec(spec.data, TrainSpec()))
    with pytest.raises(SpecError, match="reproduce"):
        command_line(earlier, iris, "class:1")


def test_the_line_says_how_images_are_read(iris: Dataset) -> None:
    spec = compose.compose(iris)
    assert "--channels" not in command_line(spec, iris, "random:7")
    gray = replace(spec, data=replace(spec.data, side=16, channels="gray"))
    options = parser().parse_args(shlex.split(command_line(gray, iris, "random:7"))[1:])
    assert (options.side, options.channels) == (16, "gray")
    assert compose.study_key(gray) == compose.study_key(
        spec
    )  # the data's fingerprint stands for both
