"""Given weights with values that no network computes with: the tensor is named, not a setting."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.external.network import model_spec, network
from engine.external.value_checks import unusable_weights_error
from engine.external.weights import match_file
from engine.models.base import Classifier
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import DataSpec

State = dict[str, Tensor]


class Net(nn.Sequential):
    """With batch norm, and a buffer that is no weight."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        parts = OrderedDict(body=nn.Linear(4, 6), norm=nn.BatchNorm1d(6), head=nn.Linear(6, 3))
        super().__init__(parts)
        self.register_buffer("cutoff", torch.full((2,), torch.finfo(torch.float32).min))


def classifier() -> Classifier:
    return Classifier(Net(), "head", [0.0] * 4, [1.0] * 4, image=False).eval()


def fit(folder: Path, change: Callable[[State], Any]) -> dict[str, Tensor]:
    path = folder / "w.pt"
    torch.save(change(dict(Net().state_dict())), path)
    return match_file(path, classifier(), "net", "data").state


def with_value(name: str, value: float) -> Callable[[State], State]:
    def change(state: State) -> State:
        state[name].view(-1)[-1] = value
        return state

    return change


WRONG: dict[str, tuple[Callable[[State], Any], str]] = {
    "1e30": (with_value("body.weight", 1e30), r"values up to 1e\+30, in body\.weight: far larger"),
    "-1e7": (with_value("head.bias", -1e7), r"values up to 1e\+07, in head\.bias: far larger"),
    "1e20 in batch norm": (with_value("norm.weight", 1e20), r"1e\+20, in norm\.weight"),
    "a variance below 0": (
        with_value("norm.running_var", -0.5), r"negative variance \(-0\.5\), in norm\.running_var",
    ),
    "a mean that is none": (
        with_value("norm.running_mean", math.nan), r"infinite values, in norm\.running_mean",
    ),
    "a deviation of 0": (
        lambda s: s | {"mean": torch.zeros(4), "std": torch.tensor([1.0, 1, 0, 1])},
        "a deviation of 0 or less, in std",
    ),
    "a deviation of nearly 0": (
        lambda s: s | {"mean": torch.zeros(4), "std": torch.full((4,), 1e-38)},
        "a deviation of 1e-38, in std: far smaller",
    ),
    "a deviation below 0, of their own": (
        lambda s: {f"net.{n}": v for n, v in s.items()}
        | {"scale.pixel_mean": torch.zeros(4), "scale.pixel_std": -torch.ones(4)},
        r"a deviation of 0 or less, in scale\.pixel_std",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_a_value_that_no_trained_network_has_is_named(tmp_path: Path, kind: str) -> None:
    change, says = WRONG[kind]
    with pytest.raises(CheckpointError, match=says) as caught:
        fit(tmp_path, change)
    assert "learning rate" not in str(caught.value)


def test_unusual_values_that_are_sound_are_taken(tmp_path: Path) -> None:
    found = fit(tmp_path, with_value("norm.running_var", 0.0))  # of a unit that is always 0
    assert found["net.norm.running_var"][-1] == 0
    assert found["net.cutoff"].tolist() == [torch.finfo(torch.float32).min] * 2
    assert fit(tmp_path, with_value("body.weight", 9e5))["net.body.weight"][-1, -1] == 9e5


@pytest.mark.parametrize("name", ["original", "mine"])
def test_outputs_that_are_no_numbers_name_the_tensor_and_no_learning_rate(
    pipeline: Pipeline, tmp_path: Path, name: str
) -> None:
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    state = dict(network(model_spec("mlp"), data, generator(1, "theirs")).net.state_dict())
    path = tmp_path / "theirs.pt"
    torch.save(state | {"mean": torch.full((4,), 3e38), "std": torch.full((4,), 0.01)}, path)
    spec = pipeline.compose(
        data, methods=(), retrains=1, draws=10, training={"epochs": 1}, weights={name: path}
    )
    with pytest.raises(
        CheckpointError, match=r"theirs\.pt give .* infinite outputs .* 3e\+38, in mean\."
    ):
        pipeline.run(spec, Reporter())


def test_the_most_extreme_value_is_that_which_takes_outputs_away_furthest() -> None:
    def named(**values: float) -> str:
        state = {name.replace("__", "."): torch.full((2,), one) for name, one in values.items()}
        return str(unusable_weights_error("w.pt", state, str))

    assert "1e+05, in a" in named(a=1e5, b=1.0, c__running_var=1.0)
    assert "0, in c.running_var" in named(a=1e3, b=1.0, c__running_var=0.0)
    assert "1e-20, in std" in named(a=1e5, std=1e-20)
