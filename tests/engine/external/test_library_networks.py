"""Networks of torchvision and timm in studies: tried before use, trained, stored, and opened."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from needs import needs

from engine.datasets.base import Dataset, load
from engine.errors import NetworkError
from engine.external.network import model_spec, network
from engine.external.weights import examine_files, load_foreign
from engine.models.base import Classifier
from engine.pipeline.pipeline import Pipeline
from engine.runtime.device_samples import Samples
from engine.runtime.libraries import torchvision
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import DataSpec, TrainSpec
from engine.storage.store import Store
from engine.training.sgd import train_from_scratch

SMALL = "torchvision:shufflenet_v2_x0_5"
DEEP = "torchvision:efficientnet_b0"  # leaves blocks out at random while it is trained
NAMES = [SMALL, DEEP, pytest.param("timm:test_resnet", marks=needs("timm"))]


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(DataSpec("digits"))


def made(name: str, dataset: Dataset, seed: int = 0) -> Classifier:
    return network(model_spec(name), dataset, generator(seed, "test"))


def trained(model: Classifier, dataset: Dataset, n: int = 16) -> torch.Tensor:
    """The logits of a few samples after two epochs on n others."""
    x, y = dataset.train_x[:n], dataset.train_y[:n]
    samples = Samples.on(torch.device("cpu"), x, y, len(dataset.classes))
    spec = TrainSpec(epochs=2, lr=0.01, batch=8)
    train_from_scratch(model, samples, torch.arange(n), spec, seed=1, report=Reporter())
    with torch.no_grad():
        return model(torch.from_numpy(dataset.test_x[:5]) / 255)


@pytest.mark.parametrize("name", NAMES)
def test_training_follows_the_seed_alone(name: str, digits: Dataset) -> None:
    torch.manual_seed(1)
    first = trained(made(name, digits), digits)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = trained(made(name, digits), digits)
    assert torch.equal(first, second) and first.isfinite().all()
    assert torch.equal(before, torch.get_rng_state())


def test_a_network_that_cannot_learn_from_one_sample_says_so(digits: Dataset) -> None:
    with pytest.raises(NetworkError, match=rf"{SMALL} failed: ValueError: Expected more than 1"):
        trained(made(SMALL, digits), digits, n=1)


def test_weights_of_a_local_file_become_the_original(tmp_path: Path, digits: Dataset) -> None:
    """A state dict that torchvision's own network was saved with, for gray images."""
    theirs = made(SMALL, digits, seed=3).net
    torch.save(theirs.state_dict(), tmp_path / "theirs.pt")
    (one,) = examine_files({"original": tmp_path / "theirs.pt"}, model_spec(SMALL), digits)
    model = load_foreign(one, made(SMALL, digits), SMALL, "digits", Reporter())
    same = zip(model.net.state_dict().values(), theirs.state_dict().values(), strict=True)
    assert all(torch.equal(own, other) for own, other in same)
    assert type(theirs) is type(torchvision("torchvision.models").shufflenet_v2_x0_5())


def test_a_study_is_stored_and_opened_again(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path), "cpu")
    data = pipeline.dataset(DataSpec("digits"), Reporter())
    spec = pipeline.compose(
        data, model=SMALL, methods=("gd",), forget="class:8:5", retrains=1, draws=3, taus="0,0.1",
        training={"epochs": 1}, settings={"gd": {"epochs": 1}},
    )  # fmt: skip
    study = pipeline.run(spec, Reporter())
    again = Pipeline(Store(tmp_path), "cpu")
    opened = again.study(study.key)
    assert opened.spec["model"]["name"] == SMALL
    plan = again.plan(again.spec_under(study.key))
    own, stored = (one.work.loaded(plan, "gd").state_dict() for one in (pipeline, again))
    assert all(torch.equal(own[name], stored[name]) for name in own)
