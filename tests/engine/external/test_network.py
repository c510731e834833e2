from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from engine.datasets.base import Dataset, load
from engine.errors import SpecError
from engine.external.network import model_spec, network, normalization
from engine.models.base import Classifier, Dropout
from engine.runtime.seeds import generator
from engine.spec import DataSpec, ModelSpec
from engine.study import compose

PLAIN = """
from torch import nn

def make(shape, n_classes):
    body = nn.Linear(shape[0], 8), nn.ReLU(), nn.Dropout(0.5)
    return nn.Sequential(*body, nn.Linear(8, n_classes))
"""


@pytest.fixture(scope="module")
def iris() -> Dataset:
    return load(DataSpec("iris"))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(DataSpec("digits"))


def spec_of(folder: Path, text: str, function: str = "make", normalize: str = "") -> ModelSpec:
    (folder / "mine.py").write_text(text)
    return model_spec(f"{folder / 'mine.py'}:{function}", normalize)


def made(spec: ModelSpec, dataset: Dataset, seed: int = 0) -> Classifier:
    return network(spec, dataset, generator(seed, "test"))


def test_a_factory_makes_a_classifier_with_features_of_its_last_linear_layer(
    tmp_path: Path, iris: Dataset
) -> None:
    model = made(spec_of(tmp_path, PLAIN), iris)
    x = torch.from_numpy(iris.train_x[:5])
    assert model(x).shape == (5, 3)
    assert model.features(x).shape == (5, 8)
    assert isinstance(model.net.get_submodule("2"), Dropout)
    assert not model.training


def test_it_gets_normalized_input_unless_it_says_otherwise(tmp_path: Path, iris: Dataset) -> None:
    x = torch.from_numpy(iris.train_x)
    spec = spec_of(tmp_path, PLAIN)
    mean, std = (torch.tensor(part) for part in iris.statistics())
    model = made(spec, iris)
    torch.testing.assert_close(model(x), model.net((x - mean) / std))
    itself = made(spec_of(tmp_path, PLAIN, normalize="none"), iris)
    torch.testing.assert_close(itself(x), itself.net(x))
    stated = made(spec_of(tmp_path, PLAIN, normalize="0.5/0.25"), iris)
    torch.testing.assert_close(stated(x), stated.net((x - 0.5) / 0.25))


def test_its_weights_come_from_the_seed_alone(tmp_path: Path, iris: Dataset) -> None:
    spec = spec_of(tmp_path, PLAIN)
    first = made(spec, iris, 1).state_dict()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again, other = made(spec, iris, 1).state_dict(), made(spec, iris, 2).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["net.0.weight"], other["net.0.weight"])


@pytest.mark.parametrize(
    "text",
    [
        "from torch import nn\ndef make(): return nn.Linear(4, 3)",
        "from torch import nn\ndef make(num_classes=10, **more): return nn.Linear(4, num_classes)",
        "from torch import nn\n"
        "class make(nn.Module):\n"
        "    def __init__(self, n_classes, width=5):\n"
        "        super().__init__()\n"
        "        self.body, self.end = nn.Linear(4, width), nn.Linear(width, n_classes)\n"
        "    def forward(self, x): return self.end(self.body(x).relu())",
        "from beside import make",
    ],
)
def test_a_factory_asks_for_what_it_needs_by_name(tmp_path: Path, iris: Dataset, text: str) -> None:
    (tmp_path / "beside.py").write_text(PLAIN)
    path = list(sys.path)
    try:
        model = made(spec_of(tmp_path, text), iris)
    finally:
        sys.modules.pop("beside", None)
    assert model.head.out_features == 3
    assert sys.path == path
    assert not list(tmp_path.glob("__pycache__/mine.*"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no function 'make'"),
        ("def make(:", "failed: SyntaxError"),
        ("import nowhere_at_all", "failed: ModuleNotFoundError"),
        ("raise SystemExit('bye')", "failed: SystemExit: bye"),
        ("def make(): return 3", "returns a int, not an nn.Module"),
        ("def make(depth): return 3", "requires the unknown argument 'depth'"),
        ("from torch import nn\ndef make(): return nn.Linear(5, 3)", "failed: RuntimeError"),
        (
            "from torch import nn\ndef make(): return nn.Linear(4, 7)",
            "returns 2x7 logits for two samples, but 'iris' has 3 classes",
        ),
        (
            "from torch import nn\nclass make(nn.Module):\n    def forward(self, x): return [x]",
            "returns a list for two samples",
        ),
        (
            "from torch import nn\nclass make(nn.Module):\n  def forward(self, x): return x[:, :3]",
            "has no linear layer that outputs its 3 logits",
        ),
    ],
)
def test_a_factory_that_fails_is_said(tmp_path: Path, iris: Dataset, text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        made(spec_of(tmp_path, text), iris)


@pytest.mark.parametrize(
    ("model", "normalize", "says"),
    [
        ("resnet19", "", "no model 'resnet19'. Did you mean 'resnet18'"),
        ("nets/mine.py", "", "does not name a function"),
        ("nets/mine.txt:make", "", "does not name a function in a Python file"),
        ("nets/mine.py:ma ke", "", "does not name a function in a Python file"),
        ("nowhere/mine.py:make", "", r"Cannot read the network's file .*nowhere/mine\.py"),
        ("mlp", "0.5", "is not a normalization"),
        ("mlp", "0.5/0", "is not a normalization"),
        ("mlp", "0.5/nan", "is not a normalization"),
        ("mlp", "0.5,0.4/0.2", "is not a normalization"),
        ("mlp", "imagenet", "is not a normalization"),
    ],
)
def test_bad_names_get_a_sentence(model: str, normalize: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        model_spec(model, normalize)


def test_a_normalization_must_have_a_mean_for_every_channel(digits: Dataset) -> None:
    assert normalization("0.5/0.25", digits) == ([0.5], [0.25])
    with pytest.raises(SpecError, match="has 3 means, but samples of 'digits' have 1 channels"):
        normalization("0.5,0.5,0.5/1,1,1", digits)


def test_the_text_of_the_file_makes_the_key_and_its_place_does_not(
    tmp_path: Path, iris: Dataset
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()

    def key(folder: Path, text: str, normalize: str = "") -> str:
        spec_of(folder, text)
        model = f"{folder / 'mine.py'}:make"
        return compose.original_key(compose.compose(iris, model=model, normalize=normalize))

    first = key(here, PLAIN)
    assert key(there, PLAIN) == first
    assert key(here, PLAIN + "\n") != first
    assert key(here, PLAIN, "none") != first
    assert key(here, PLAIN, "dataset") == first
    assert key(here, PLAIN, "0.50/0.2") == key(here, PLAIN, "0.5/0.20")


def test_a_file_that_changed_since_is_another_network(tmp_path: Path, iris: Dataset) -> None:
    spec = spec_of(tmp_path, PLAIN)
    made(spec, iris)
    (tmp_path / "mine.py").write_text(PLAIN.replace("8", "9"))
    with pytest.raises(SpecError, match=r"mine\.py has changed since this study was made"):
        made(spec, iris)
    wider = made(spec_of(tmp_path, PLAIN.replace("8", "9")), iris)
    assert wider.head.in_features == 9
    (tmp_path / "mine.py").unlink()
    with pytest.raises(SpecError, match="Cannot read the network's file"):
        made(spec, iris)


def test_a_built_in_network_is_what_it_was(digits: Dataset) -> None:
    model = made(model_spec("cnn"), digits)
    assert isinstance(model.net, nn.Sequential)
    assert np.allclose(model.mean.flatten().numpy(), digits.statistics()[0])
