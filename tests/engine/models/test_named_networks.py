"""Networks by name: MLPs of given widths, and the classifiers of torchvision and timm."""

from __future__ import annotations

import pytest
import torch
from needs import needs
from torch import nn

from engine import registry
from engine.datasets.base import Recommended
from engine.errors import SpecError
from engine.external.network_spec import model_spec
from engine.models.base import Classifier, Dropout, build
from engine.runtime.libraries import torchvision
from engine.runtime.seeds import generator
from engine.spec import TrainSpec, key

SMALL = "torchvision:shufflenet_v2_x0_5"  # 0.35 million weights


def made(name: str, shape: tuple[int, ...], seed: int = 1) -> Classifier:
    channels = shape[0]
    return build(name, shape, 3, ([0.5] * channels, [0.25] * channels), generator(seed))


# -- MLPs -----------------------------------------------------------------------------------------


def test_an_mlp_has_the_layers_it_is_asked_for() -> None:
    layers = [
        part for part in made("mlp:30,20", (1, 8, 8)).modules() if isinstance(part, nn.Linear)
    ]
    assert [(one.in_features, one.out_features) for one in layers] == [(64, 30), (30, 20), (20, 3)]


def test_the_usual_width_is_the_usual_mlp() -> None:
    assert model_spec(" mlp:100".strip()) == model_spec("mlp")
    assert key(model_spec("mlp: 30 ,20")) == key(model_spec("mlp:30,20")) != key(model_spec("mlp"))


@pytest.mark.parametrize("widths", ["", "0", "30,", "-3", "1e3", "4097", ",".join(["9"] * 17), "³"])
def test_widths_that_are_none_get_a_sentence(widths: str) -> None:
    with pytest.raises(SpecError, match=r"is no MLP\. Write the widths .* e\.g\. mlp:256,128"):
        model_spec(f"mlp:{widths}")


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("torchvision:resnet43", "torchvision has no network 'resnet43'.*'torchvision:resnet34'"),
        (
            "torchvision:",
            r"Name one of the \d\d networks of torchvision, e.g. torchvision:resnet34",
        ),
        ("torchvision", "Name one of"),
        ("torchvison:resnet18", "There is no model 'torchvison'. Did you mean 'torchvision'"),
        ("cnn:3", "There is no model 'cnn:3'. Did you mean 'cnn'"),
        ("torchvision:list_models", "torchvision has no network 'list_models'"),
    ],
)
def test_a_name_that_is_none_gets_the_nearest(name: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        model_spec(name)


def test_members_are_described_without_their_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.models.torchvision.torchvision", None)
    found = registry.find("model", "torchvision:whatever")
    assert found is not None and found.label == "torchvision:whatever"
    assert registry.find("model", "mlp:7,6").label == "MLP 7-6"  # type: ignore[union-attr]
    assert registry.find("model", "mlp:x") is None and registry.find("model", "nix:7") is None


def test_timm_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runtime.libraries.importlib.util.find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"timm, which is not installed.*pip install timm"):
        model_spec("timm:convnext_atto")


@pytest.mark.parametrize("name", ["vit-tiny", "torchvision:vit_b_16", "timm:deit_tiny"])
def test_transformers_are_trained_as_transformers(name: str) -> None:
    """The dataset's epochs stay; another network keeps all of the dataset's settings."""
    train = TrainSpec(epochs=7, lr=0.3)
    advice = Recommended("mlp", train, "class:0")
    changed = advice.train_for(name)
    assert (changed.optimizer, changed.epochs) == ("adamw", 7) and changed.warmup > 0
    assert advice.train_for("torchvision:resnet18") == advice.train_for("net.py:make") == train


# -- torchvision ----------------------------------------------------------------------------------


def test_its_weights_come_from_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = made(SMALL, (3, 32, 32)).state_dict()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second, other = (made(SMALL, (3, 32, 32), seed).state_dict() for seed in (1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["net.fc.weight"], other["net.fc.weight"])


def test_color_networks_are_torchvisions_own() -> None:
    """The same layers in the same order: a state dict of torchvision's fits."""
    theirs = torchvision("torchvision.models").get_model(SMALL.partition(":")[2], num_classes=3)
    model = made(SMALL, (3, 32, 32))
    model.net.load_state_dict(theirs.state_dict())
    x = torch.rand(2, 3, 32, 32, generator=generator(0))
    with torch.no_grad():
        assert torch.equal(model(x), theirs.eval()((x - 0.5) / 0.25))


def test_gray_images_get_a_first_layer_of_one_channel() -> None:
    model = made(SMALL, (1, 28, 28))
    first = next(part for part in model.modules() if isinstance(part, nn.Conv2d))
    assert (first.in_channels, first.stride, first.bias) == (1, (2, 2), None)
    x = torch.rand(2, 1, 28, 28, generator=generator(0))
    with torch.no_grad():
        torch.testing.assert_close(model.head(model.features(x)), model(x))


def test_its_dropout_draws_from_the_run() -> None:
    model = made("torchvision:mobilenet_v3_small", (3, 32, 32))
    assert not any(isinstance(part, nn.Dropout) for part in model.modules())
    assert any(isinstance(part, Dropout) for part in model.modules())


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("alexnet", (1, 28, 28), r"cannot process images of 28x28 px .*--side 64\)"),
        ("vit_b_32", (3, 28, 28), r"cannot process images of 28x28 px .*--side 32\)"),
        ("vit_b_32", (3, 32, 64), "32x64 px .it needs square images"),
        ("squeezenet1_1", (3, 32, 32), "does not end in a linear layer for 3 classes"),
        ("resnet18", (4,), "needs images, but these samples have 4 features"),
    ],
)
def test_what_it_cannot_process_gets_a_sentence(
    name: str, shape: tuple[int, ...], says: str
) -> None:
    with pytest.raises(SpecError, match=says):
        made(f"torchvision:{name}", shape)


# -- timm -----------------------------------------------------------------------------------------


@needs("timm")
@pytest.mark.parametrize("name", ["test_vit", "test_convnext"])
def test_a_network_of_timm_is_made_for_gray_images(name: str) -> None:
    model = made(f"timm:{name}", (1, 32, 32))
    x = torch.rand(2, 1, 32, 32, generator=generator(0))
    with torch.no_grad():
        assert model(x).shape == (2, 3)
        torch.testing.assert_close(model.head(model.features(x)), model(x))


@needs("timm")
def test_no_network_of_timm_is_downloaded() -> None:
    with pytest.raises(SpecError, match="timm has no network 'hf-hub:"):
        model_spec("timm:hf-hub:timm/resnet18.a1_in1k")
