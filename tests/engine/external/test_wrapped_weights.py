"""Weights in whatever people wrap them in: each form gives the digest of the plain state dict."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from torch.nn.utils import spectral_norm as old_spectral_norm
from torch.nn.utils import weight_norm as old_weight_norm

from engine.errors import CheckpointError
from engine.external.weights import match_file, named_files
from engine.models.base import Classifier
from engine.training import checkpoints
from engine.weight_files.safetensors import serialize

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
OPTIMIZER = {"state": {0: {"momentum_buffer": torch.ones(6, 3, 3, 3)}}, "param_groups": [{"lr": 1}]}


def layers(normalized: Callable[[nn.Module], nn.Module] = lambda layer: layer) -> nn.Sequential:
    """A network with a convolution, batch norm and a transposed one, from seed 0."""
    torch.manual_seed(0)
    return nn.Sequential(
        OrderedDict(
            conv=normalized(nn.Conv2d(3, 6, 3)),
            norm=nn.BatchNorm2d(6),
            up=normalized(nn.ConvTranspose2d(6, 6, 2)),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            head=normalized(nn.Linear(6, 4)),
        )
    ).eval()


def classifier(net: nn.Module | None = None, mean: Any = MEAN, std: Any = STD) -> Classifier:
    head = "head" if net is None or hasattr(net, "head") else "model.head"
    return Classifier(net or layers(), head, mean, std, image=True).eval()


def put(folder: Path, content: Any, name: str = "w.pt") -> Path:
    torch.save(content, folder / name)
    return folder / name


def fit(path: Path, model: Classifier | None = None) -> Any:
    return match_file(path, model or classifier(), "net", "data")


def digest(path: Path, model: Classifier | None = None) -> str:
    return checkpoints.digest(fit(path, model).state)


def plain() -> dict[str, Tensor]:
    return dict(layers().state_dict())


def prefixed(start: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{start}{name}": value for name, value in state.items()}


def averaged(state: dict[str, Tensor]) -> dict[str, Tensor]:
    net = layers()
    net.load_state_dict(state)
    made = torch.optim.swa_utils.AveragedModel(net)
    made.update_parameters(net)
    return dict(made.state_dict())


FORMS: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "net": lambda s: {"net": prefixed("module.", s), "acc": 91.5, "epoch": 12},
    "model": lambda s: {"model": s, "optimizer": OPTIMIZER, "best_acc1": torch.tensor(76.1)},
    "model_state_dict": lambda s: {"epoch": 1, "model_state_dict": s, "loss": 0.2},
    "ema alone": lambda s: {"state_dict_ema": s, "rng": torch.zeros(50, dtype=torch.uint8)},
    "any name": lambda s: {"weights of mine": s, "history": [0.1, 0.2], "confusion": torch.eye(4)},
    "nested": lambda s: {"checkpoint": {"model": s, "step": 3}, "args": {"lr": 0.1}},
    "tuple": lambda s: (s, OPTIMIZER, 7),
    "flat, with an epoch": lambda s: {**s, "epoch": 3, "arch": "net"},
    "lightning": lambda s: {
        "state_dict": prefixed("model.", s) | {"criterion.weight": torch.ones(4)},
        "hyper_parameters": {"lr": 0.1}, "pytorch-lightning_version": "2.1",
    },
    "two networks": lambda s: {
        "generator": {"0.weight": torch.ones(9, 9)}, "discriminator": s, "optimizer": OPTIMIZER,
    },
    "averaged": averaged,
    "averaged, parallel": lambda s: {"ema": prefixed("module.", averaged(s))},
    "compiled, parallel": lambda s: prefixed("module._orig_mod.", s),
    "attribute": lambda s: prefixed("resnet.", s),
    "without counters": lambda s: {n: v for n, v in s.items() if "num_batches" not in n},
    "float64": lambda s: {n: v.double() if v.is_floating_point() else v for n, v in s.items()},
    "same twice": lambda s: {"model": s, "ema": {n: v.clone() for n, v in s.items()}},
    "parameters": lambda s: {
        n: nn.Parameter(v, requires_grad=v.is_floating_point()) for n, v in s.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_wrapper_gives_the_digest_of_the_plain_state_dict(tmp_path: Path, form: str) -> None:
    wanted = digest(put(tmp_path, plain(), "plain.pt"))
    assert digest(put(tmp_path, FORMS[form](plain()))) == wanted
    other = plain() | {"head.bias": torch.zeros(4)}
    assert digest(put(tmp_path, FORMS[form](other), "other.pt")) != wanted


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_as_what_it_stands_for(tmp_path: Path, kind: torch.dtype) -> None:
    half = {n: v.to(kind) if v.is_floating_point() else v for n, v in plain().items()}
    whole = {n: v.float() if v.is_floating_point() else v for n, v in half.items()}
    wanted = digest(put(tmp_path, whole, "plain.pt"))
    assert digest(put(tmp_path, half)) == wanted
    (tmp_path / "w.safetensors").write_bytes(serialize(half, {}))
    assert digest(tmp_path / "w.safetensors") == wanted


def test_a_network_in_a_wrapper_takes_the_plain_weights(tmp_path: Path) -> None:
    class Wrapper(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = layers()

    model = classifier(Wrapper())
    wanted = digest(put(tmp_path, prefixed("model.", plain()), "plain.pt"), model)
    assert digest(put(tmp_path, plain()), model) == wanted


# -- several sets of weights ----------------------------------------------------------------------


def test_of_several_that_fit_one_is_named(tmp_path: Path) -> None:
    other = plain() | {"head.bias": torch.zeros(4)}
    path = put(tmp_path, {"model": plain(), "extra": {"ema": other}, "optimizer": OPTIMIZER})
    with pytest.raises(
        CheckpointError, match=r"2 different .* fit: 'model', 'extra\.ema'\. Select one"
    ):
        fit(path)
    for entry, state in (("model", plain()), ("extra.ema", other)):
        wanted = digest(put(tmp_path, state, "plain.pt"))
        assert digest(Path(f"{path}::{entry}")) == wanted
    with pytest.raises(CheckpointError, match=r"nothing named 'emma' that fits\. It has: 'model'"):
        fit(Path(f"{path}::emma"))


def test_student_and_teacher_in_one_state_dict_are_told_apart(tmp_path: Path) -> None:
    both = prefixed("student.", plain()) | prefixed(
        "teacher.", plain() | {"head.bias": torch.ones(4)}
    )
    path = put(tmp_path, {"state_dict": both})
    with pytest.raises(CheckpointError, match=r"'state_dict\.student', 'state_dict\.teacher'"):
        fit(path)
    found = fit(Path(f"{path}::state_dict.student"))
    assert checkpoints.digest(found.state) == digest(put(tmp_path, plain(), "plain.pt"))
    assert "other tensors are not, such as teacher." in found.remarks[0]


def test_a_name_in_a_file_survives_the_command_line() -> None:
    files = named_files(None, [], ["mine=U.pt::state_dict_ema"])
    assert str(files["mine"]) == "U.pt::state_dict_ema"


def test_what_fits_nowhere_is_said_of_the_nearest(tmp_path: Path) -> None:
    state = plain()
    del state["conv.bias"]
    path = put(tmp_path, {"optimizer": OPTIMIZER, "model": prefixed("module.", state)})
    with pytest.raises(CheckpointError, match=r"it lacks conv\.bias \(1 tensors missing, 0 unk"):
        fit(path)
    more = plain() | {"head.weight": torch.zeros(9, 6), "head.bias": torch.zeros(9)}
    with pytest.raises(CheckpointError, match="trained for 9 classes, but 'data' has 4"):
        fit(put(tmp_path, {"model": more}))
    with pytest.raises(CheckpointError, match="should contain a state dict"):
        fit(put(tmp_path, {"epoch": 3, "optimizer": OPTIMIZER}))


def test_names_of_a_stranger_stay_on_one_line(tmp_path: Path) -> None:
    state = {f"a\nrk-engine: {name}\x1b[2J": value for name, value in plain().items()}
    with pytest.raises(CheckpointError, match=r"has a\\nrk-engine: conv") as caught:
        fit(put(tmp_path, state))
    assert str(caught.value).isprintable()


# -- pruned and reparametrized --------------------------------------------------------------------


def pruned(layer: nn.Module) -> nn.Module:
    prune.l1_unstructured(layer, "weight", 0.5)
    return prune.random_unstructured(layer, "bias", 0.3)


REPARAMETRIZED: dict[str, Callable[[nn.Module], nn.Module]] = {
    "pruned": pruned,
    "old weight norm": old_weight_norm,
    "old weight norm of all": lambda layer: old_weight_norm(layer, dim=None),
    "weight norm": parametrizations.weight_norm,
    "weight norm of dim 1": lambda layer: parametrizations.weight_norm(layer, dim=1),
    "old spectral norm": old_spectral_norm,
    "spectral norm": parametrizations.spectral_norm,
    "pruned with weight norm": lambda layer: old_weight_norm(pruned_bias(layer)),
}


def pruned_bias(layer: nn.Module) -> nn.Module:
    return prune.random_unstructured(layer, "bias", 0.3)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", REPARAMETRIZED)
def test_a_plain_network_gets_the_effective_weights(tmp_path: Path, kind: str) -> None:
    theirs = layers(REPARAMETRIZED[kind])
    x = torch.rand(5, 3, 8, 8)
    with torch.no_grad():
        theirs.train()(x)  # power iterations, running statistics
        theirs.eval()
    path = put(tmp_path, {"state_dict": prefixed("module.", dict(theirs.state_dict()))})
    model = classifier(mean=(0, 0, 0), std=(1, 1, 1))
    model.load_state_dict(fit(path, model).state)
    with torch.no_grad():
        assert torch.equal(model(x), theirs(x))


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", REPARAMETRIZED)
def test_a_network_that_carries_the_parts_takes_them_as_they_are(tmp_path: Path, kind: str) -> None:
    theirs = layers(REPARAMETRIZED[kind])
    path = put(tmp_path, {"net": prefixed("module.", dict(theirs.state_dict()))})
    found = fit(path, classifier(layers(REPARAMETRIZED[kind]))).state
    for name, value in theirs.state_dict().items():
        assert torch.equal(found[f"net.{name}"], value)


def test_a_parametrization_that_is_not_known_is_named(tmp_path: Path) -> None:
    theirs = layers()
    parametrizations.orthogonal(theirs.head)
    with pytest.raises(
        CheckpointError, match=r"contains head\.parametrizations\.weight.*remove_para"
    ):
        fit(put(tmp_path, theirs.state_dict()))
    lone = plain() | {"conv.weight_orig": plain()["conv.weight"]}
    del lone["conv.weight"]
    with pytest.raises(CheckpointError, match=r"contains conv\.weight_orig, part of a weight"):
        fit(put(tmp_path, lone))


# -- normalization --------------------------------------------------------------------------------


class Normalize(nn.Module):
    def __init__(self, shape: tuple[int, ...], factor: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("mean", factor * torch.tensor((0.1, 0.2, 0.3)).reshape(shape))
        self.register_buffer("std", factor * torch.tensor((0.9, 0.8, 0.7)).reshape(shape))


def with_layer(normalize: Normalize) -> dict[str, Tensor]:
    return dict(nn.Sequential(normalize, layers()).state_dict())


def attribute(name: str) -> Callable[[Normalize], dict[str, Tensor]]:
    return lambda one: prefixed(f"{name}.", dict(one.state_dict())) | plain()


NORMALIZED: dict[str, Callable[[Normalize], Any]] = {
    "a leading layer": with_layer,
    "a leading layer, parallel": lambda one: {"net": prefixed("module.", with_layer(one))},
    "normalize": attribute("normalize"),
    "norm_layer": attribute("norm_layer"),
    "beside the network": lambda one: (
        prefixed("normalize.", dict(one.state_dict())) | prefixed("model.", plain())
    ),
    "buffers": lambda one: dict(one.state_dict()) | plain(),
    "other names": lambda one: {"pixel_mean": one.mean, "pixel_std": one.std, **plain()},
}


@pytest.mark.parametrize("shape", [(3,), (3, 1, 1), (1, 3, 1, 1)])
@pytest.mark.parametrize("form", NORMALIZED)
def test_a_normalization_in_the_file_is_the_models(
    tmp_path: Path, form: str, shape: tuple[int, ...]
) -> None:
    found = fit(put(tmp_path, NORMALIZED[form](Normalize(shape))))
    assert found.state["mean"].shape == (1, 3, 1, 1)
    torch.testing.assert_close(found.state["mean"].flatten(), torch.tensor((0.1, 0.2, 0.3)))
    torch.testing.assert_close(found.state["std"].flatten(), torch.tensor((0.9, 0.8, 0.7)))
    assert "has its own normalization" in found.remarks[0]
    assert "0.1,0.2,0.3/0.9,0.8,0.7" in found.remarks[0]
    same = classifier(mean=(0.1, 0.2, 0.3), std=(0.9, 0.8, 0.7))
    own = fit(put(tmp_path, plain(), "plain.pt"), same)
    again = fit(put(tmp_path, NORMALIZED[form](Normalize(shape))), same)
    assert not again.remarks
    assert checkpoints.digest(again.state) == checkpoints.digest(own.state)


def test_one_number_for_all_channels_and_pixels_up_to_255(tmp_path: Path) -> None:
    one = {"normalize.mean": torch.tensor([0.5]), "normalize.std": torch.tensor(0.25)}
    assert fit(put(tmp_path, one | plain())).state["mean"].flatten().tolist() == [0.5] * 3
    found = fit(put(tmp_path, NORMALIZED["a leading layer"](Normalize((3,), 255.0))))
    torch.testing.assert_close(found.state["std"].flatten(), torch.tensor((0.9, 0.8, 0.7)))
    assert "rescaled from pixels up to 255" in found.remarks[0]


def test_a_network_with_a_normalization_of_its_own_keeps_it(tmp_path: Path) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.normalize = Normalize((3, 1, 1))
            self.model = layers()

    net = Own()
    found = fit(put(tmp_path, {"model": net.state_dict()}), classifier(copy.deepcopy(net)))
    assert torch.equal(found.state["net.normalize.mean"], net.normalize.mean)
    torch.testing.assert_close(found.state["mean"].flatten(), torch.tensor(MEAN))


# -- what is no weight ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"head.weight": torch.zeros(4, 6, dtype=torch.int8)}, "weights are quantized"),
        ({"head.weight": torch.zeros(4, 6).to_sparse()}, "are sparse, such as head.weight"),
        ({"head.weight": torch.zeros(4, 6, dtype=torch.complex64)}, "complex, such as head"),
        ({"head.weight": torch.zeros(4, 6, device="meta")}, "without values, such as head"),
        ({"head.bias": torch.full((4,), math.nan)}, "infinite values, in head.bias"),
        (
            {"head.bias": torch.full((4,), 1e300, dtype=torch.float64)},
            "infinite values, in head.bias",
        ),
        ({"mean": torch.zeros(3), "std": torch.zeros(3)}, "deviation of 0 or less"),
    ],
)
def test_what_no_weights_can_be_is_said(tmp_path: Path, change: Any, says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        fit(put(tmp_path, plain() | change))


def test_containers_without_end_are_refused(tmp_path: Path) -> None:
    many: list[Any] = [0]
    for _ in range(40):
        many = [many, many]
    deep: list[Any] = []
    for _ in range(60):
        deep = [deep]
    for content in ({"model": plain(), "x": many}, {"model": plain(), "x": deep}):
        with pytest.raises(CheckpointError, match="nested too deeply, or too many"):
            fit(put(tmp_path, content))
