"""Networks: shapes, features, sizes, and weights determined by the seed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from engine import registry
from engine.errors import SpecError
from engine.models._residual import Block
from engine.models._transformer import HEADS, WIDTH, Attention
from engine.models.base import Classifier, Dropout, build, count_parameters, initialise
from engine.runtime.seeds import generator

HALF = ([0.5, 0.4, 0.3], [0.2, 0.2, 0.2])
GRAY = ([0.5], [0.25])


pytestmark = pytest.mark.usefixtures("one_thread")


def made(name: str, shape: tuple[int, ...], n_classes: int = 5, seed: int = 1) -> Classifier:
    channels = shape[0]
    return build(name, shape, n_classes, ([0.5] * channels, [0.25] * channels), generator(seed))


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    first, second = a.state_dict(), b.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


SMALL = [
    ("mlp", (4,), 100),
    ("mlp", (1, 8, 8), 100),
    ("cnn", (1, 8, 8), 256),
    ("cnn", (3, 4, 4), 256),
    ("cnn", (3, 32, 32), 256),
    ("cnn", (3, 33, 65), 256),
    ("resnet18", (3, 32, 32), 512),
    ("resnet18", (1, 9, 9), 512),
    ("resnet18", (1, 80, 80), 512),  # beyond the CIFAR stem
    ("resnet50", (3, 32, 32), 2048),
    ("resnet20", (1, 28, 28), 64),
    ("resnet20", (3, 5, 9), 64),
    ("vit-tiny", (1, 28, 28), 96),
    ("vit-tiny", (3, 64, 64), 96),
    ("vit-tiny", (1, 13, 30), 96),  # incomplete patches
    ("mlp:30,20", (4,), 20),
]


@pytest.mark.parametrize(("name", "shape", "width"), SMALL)
def test_logits_and_features_have_the_right_shapes(
    name: str, shape: tuple[int, ...], width: int
) -> None:
    model = made(name, shape)
    x = torch.rand(2, *shape, generator=generator(0))
    with torch.no_grad():
        logits, features = model(x), model.features(x)
    assert logits.shape == (2, 5) and features.shape == (2, width)
    assert not model.training and model.head.in_features == width
    torch.testing.assert_close(model.head(features), logits)  # the head reads these features


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("cnn", 20_000, 70_000),
        ("resnet18", 11.0e6, 11.3e6),
        ("resnet50", 23e6, 24e6),
        ("resnet20", 0.265e6, 0.275e6),  # He et al. 2016, table 6: 0.27 million
        ("vit-tiny", 0.45e6, 0.47e6),
    ],
)
def test_sizes(name: str, low: float, high: float) -> None:
    assert low < count_parameters(made(name, (3, 32, 32), 10)) < high


def test_the_mlp_has_one_hidden_layer_of_100() -> None:
    assert count_parameters(made("mlp", (4,), 3)) == 4 * 100 + 100 + 100 * 3 + 3


@pytest.mark.parametrize(("name", "shape"), [("mlp", (4,)), ("cnn", (1, 8, 8)),
                                             ("resnet18", (3, 16, 16)), ("mlp:9,8", (4,)),
                                             ("vit-tiny", (1, 8, 8))])  # fmt: skip
def test_weights_come_from_the_seed_alone(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    first = made(name, shape)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert same_weights(first, made(name, shape))
    assert torch.equal(before, torch.get_rng_state())
    assert not same_weights(first, made(name, shape, seed=2))


@pytest.mark.parametrize("name", ["cnn", "resnet20", "vit-tiny"])
def test_drawing_anew_forgets_all_that_was_learned(name: str) -> None:
    model = made(name, (1, 8, 8))
    model.train()(torch.rand(8, 1, 8, 8, generator=generator(0)))  # updates running statistics
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    initialise(model, generator(1))
    fresh = made(name, (1, 8, 8))
    assert same_weights(model, fresh)


@pytest.mark.parametrize(("statistics", "shape"), [(HALF, (3, 8, 8)), (GRAY, (1, 8, 8))])
def test_normalization_happens_inside(
    statistics: tuple[list[float], list[float]], shape: tuple[int, ...]
) -> None:
    model = build("cnn", shape, 4, statistics, generator(1))
    x = torch.rand(3, *shape, generator=generator(0))
    mean, std = (torch.tensor(values)[:, None, None] for values in statistics)
    with torch.no_grad():
        torch.testing.assert_close(model(x), model.net((x - mean) / std))
    assert {"mean", "std"} <= model.state_dict().keys()  # stored with a checkpoint


def test_pixels_may_carry_gradients_for_attacks() -> None:
    x = torch.rand(2, 1, 8, 8, generator=generator(0), requires_grad=True)
    made("cnn", (1, 8, 8))(x).sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0


def test_a_batch_of_one_sample_can_be_trained_on_at_the_smallest_size() -> None:
    for name in ("cnn", "resnet18", "resnet20", "resnet50", "vit-tiny"):
        side = registry.get("model", name).facts["smallest"]
        model = made(name, (1, side, side)).train()
        assert model(torch.rand(1, 1, side, side, generator=generator(0))).isfinite().all()


def test_features_leave_no_hook_behind() -> None:
    model = made("mlp", (4,))
    model.features(torch.rand(2, 4, generator=generator(0)))
    with pytest.raises(RuntimeError):  # a shape that the first layer rejects
        model.features(torch.rand(2, 5, generator=generator(0)))
    assert not model.head._forward_pre_hooks


@pytest.mark.parametrize(
    ("name", "shape", "sentence"),
    [
        (
            "cnn",
            (4,),
            r"Model 'cnn' needs images, but these samples have 4 features. Use --model m",
        ),
        ("vgg11", (1, 8, 8), r"'vgg11' needs images of at least 32x32 px, but these are 8x8"),
        ("resnet18", (1, 8, 8), r"'resnet18' needs images of at least 9x9 px"),
        ("cnn", (3, 3, 20), r"at least 4x4 px, but these are 3x20"),
        ("ccn", (1, 8, 8), r"There is no model 'ccn'. Did you mean 'cnn'"),
    ],
)
def test_samples_that_do_not_fit_a_model(name: str, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        made(name, shape)


# -- the parts of ResNet-20 and of the vision transformer -----------------------------------------


def test_a_shortcut_of_resnet20_has_no_weights() -> None:
    """Where two blocks' convolutions add nothing, every second pixel passes, beside zeros."""
    block = Block(2, 4, stride=2).eval()
    for weight in (block.bn2.weight, block.bn2.bias):
        nn.init.zeros_(weight)
    x = torch.rand(1, 2, 5, 6, generator=generator(0))
    expected = torch.cat([x[:, :, ::2, ::2], torch.zeros(1, 2, 3, 3)], dim=1)
    assert torch.equal(block(x), expected)


def test_attention_is_torchs() -> None:
    attention = Attention()
    initialise(attention, generator(3))
    x = torch.rand(2, 5, WIDTH, generator=generator(0))
    theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(attention.qkv.weight)
        theirs.in_proj_bias.copy_(attention.qkv.bias)
        theirs.out_proj.load_state_dict(attention.project.state_dict())
        torch.testing.assert_close(attention(x), theirs(x, x, x)[0])


def test_a_transformer_reads_every_pixel() -> None:
    """Incomplete patches at the right and lower edge are filled up, not cut off."""
    x = torch.rand(1, 1, 11, 29, generator=generator(0), requires_grad=True)
    made("vit-tiny", (1, 11, 29))(x).square().sum().backward()
    assert x.grad is not None and (x.grad != 0).all()


# -- dropout and VGG-11 ---------------------------------------------------------------------------


def dropped(x: Tensor, seed: int) -> Tensor:
    layer = Dropout(0.25)
    layer.generator = generator(seed)
    result: Tensor = layer.train()(x)
    return result


def test_dropout_draws_from_its_own_generator() -> None:
    x = torch.ones(10_000)
    first = dropped(x, 1)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert torch.equal(first, dropped(x, 1)) and not torch.equal(first, dropped(x, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert (first == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert first.mean().item() == pytest.approx(1, abs=0.03)
    assert torch.equal(Dropout(0.25).eval()(x), x) and torch.equal(Dropout(0.0).train()(x), x)


def test_vgg11() -> None:
    """One test for all of it: 129 million weights take seconds to draw."""
    model = made("vgg11", (3, 32, 32), 5)
    assert 128e6 < count_parameters(model) < 130e6
    layers = [part for part in model.modules() if isinstance(part, Dropout)]
    assert len(layers) == 2 and not any(isinstance(p, nn.Dropout) for p in model.modules())
    x = torch.rand(2, 3, 32, 32, generator=generator(0))
    with torch.no_grad():
        assert model.features(x).shape == (2, 4096)
        calm = model(x)
        model.train()
        outputs = []
        for seed in (1, 1, 2):
            rng = generator(seed)
            for layer in layers:
                layer.generator = rng
            outputs.append(model(x))
    assert calm.shape == (2, 5)
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[0], outputs[2])
