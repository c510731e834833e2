"""`engine.residual_knowledge`: the counts of a plain loop and of a study, and nothing changed."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from given import CLASSES, Small, pictures, trained
from torch import Tensor, nn

import engine
from engine.errors import SpecError
from engine.perturbations import BLOCK, named
from engine.pipeline.pipeline import Pipeline
from engine.residual.copy_counts import blocks_of
from engine.runtime.libraries import torchvision_importable
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, ProbeSpec
from engine.study import compose as composing

TAUS = (0.0, 0.1, 0.3)


def copies(probe: ProbeSpec, tau: float, x: Tensor, y: Tensor, row: int) -> Iterator[Tensor]:
    """Each copy (1, *shape) of the sample in this row."""
    for block in range(blocks_of(probe.draws)):
        if tau == 0:
            yield from [x[row : row + 1]] * BLOCK
            continue
        made = named(probe.perturbation).copies(
            probe, tau, x[row : row + 1], y[row : row + 1], [row], block, CLASSES, None
        )
        yield from made[0].split(1)


@torch.no_grad()
def plain_counts(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, draws: int) -> np.ndarray:
    """(n, T) recognized copies, one forward pass for each."""
    probe = ProbeSpec("gaussian", TAUS, draws, 0)
    counts = np.zeros((len(x), len(TAUS)), int)
    for row in range(len(x)):
        for column, tau in enumerate(TAUS):
            said = [int(model(one).argmax()) for one in copies(probe, tau, x, y, row)]
            counts[row, column] = said[:draws].count(int(y[row]))
    return counts


def test_five_lines_on_a_torchvision_network_count_as_a_plain_loop_does() -> None:
    with torchvision_importable():
        resnet18 = importlib.import_module("torchvision.models").resnet18
    x, y = pictures(24, side=32)
    torch.manual_seed(0)
    nets = [resnet18(num_classes=CLASSES) for _ in range(3)]
    a = trained(0, x, y, nets[0], steps=5)
    a1, a2 = (trained(0, x[6:], y[6:], net, steps=5) for net in nets[1:])
    x, y = x[:6], y[:6]

    rk = engine.residual_knowledge(a, retrains=[a1, a2], x=x, y=y, taus=TAUS, draws=10)

    pixels = x.float() / 255
    assert np.array_equal(rk.counts, plain_counts(a, pixels, y, 10))
    expected = [plain_counts(one, pixels, y, 10) for one in (a1, a2)]
    assert np.array_equal(rk.retrain_counts, expected)
    assert 0 < rk.counts[:, 1:].mean() < 10, "copies that tell nothing apart"


def test_the_counts_are_those_of_a_study(pipeline: Pipeline) -> None:
    """On iris, forgetting some samples: its own networks, asked from outside."""
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    spec = pipeline.compose(
        data, methods=("gd",), retrains=2, draws=25, training={"epochs": 5}, taus="0:0.4:3"
    )
    study = pipeline.run(spec, Reporter()).residual
    plan, rows = pipeline.plan(spec), list(spec.forget)
    model, *retrains = (pipeline.work.loaded(plan, n) for n in ("gd", "retrain-0", "retrain-1"))

    rk = engine.residual_knowledge(
        model, retrains=retrains, x=data.train_x[rows], y=data.train_y[rows], taus=spec.probe.taus,
        draws=25, seed=spec.probe.seed, indices=rows,
    )  # fmt: skip

    assert np.array_equal(rk.counts, study.counts["gd"])
    for part in ("mean", "low", "high", "pooled", "undefined", "prevalence"):
        assert np.array_equal(getattr(rk.curve, part), getattr(study.curves["gd"], part)), part
    assert np.array_equal(rk.curve.null_high, study.null_high)
    assert np.array_equal(rk.posterior, study.posterior["gd"])
    assert composing.study_key(spec) and set(rk.verdicts()) <= {"residual", "none", "undecided"}


def test_attacks_are_made_against_each_model() -> None:
    x, y = pictures(6)
    models = [trained(seed, *pictures(12, seed=seed)) for seed in range(3)]
    words: dict[str, Any] = {"taus": (0, 0.1), "draws": 4, "perturbation": "pgd", "steps": 2}
    rk = engine.residual_knowledge(models[0], models[1:], x, y, **words)
    assert set(rk.residual.counts) == {
        "model", "retrain-0", "retrain-1", "retrain-0@model", "retrain-1@model",
        "retrain-0@retrain-1", "retrain-1@retrain-0",
    }  # fmt: skip
    again = engine.residual_knowledge(models[0], models[1:], x, y, **words)
    assert np.array_equal(rk.counts, again.counts)


def forms(x: Tensor) -> dict[str, Any]:
    """The same pictures in every form that is taken."""
    return {
        "bytes": x, "floats": x.float() / 255, "doubles": x.double() / 255,
        "array": x.numpy(), "array of floats": (x.float() / 255).numpy(),
    }  # fmt: skip


def test_samples_in_any_form_give_the_same_counts() -> None:
    x, y = pictures()
    model, a, b = (trained(seed, x, y) for seed in range(3))
    found = [
        engine.residual_knowledge(model, [a, b], one, labels, taus=TAUS, draws=10).counts
        for one in forms(x).values()
        for labels in (y, y.numpy().astype(np.uint8), y.tolist())
    ]
    assert all(np.array_equal(found[0], one) for one in found)


def test_normalization_and_functions_are_what_they_say() -> None:
    x, y = pictures()
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    nets = [trained(seed, x, y) for seed in range(3)]
    shift = torch.tensor(mean).reshape(1, 3, 1, 1)
    scale = torch.tensor(std).reshape(1, 3, 1, 1)

    def scaled(net: nn.Module) -> Callable[[Tensor], Tensor]:
        return lambda pixels: net((pixels - shift) / scale)

    one, *others = map(scaled, nets)
    by_hand = engine.residual_knowledge(one, others, x, y, taus=TAUS, draws=10)
    given = engine.residual_knowledge(
        nets[0], nets[1:], x, y, taus=TAUS, draws=10, normalize=(mean, std)
    )
    assert np.array_equal(by_hand.counts, given.counts)


class Failing(Small):
    """Fails in the middle of a measurement."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """Logits, until it fails."""
        self.calls += 1
        if self.calls > 5:
            raise ArithmeticError("in the middle")
        return super().forward(x)


@pytest.mark.parametrize("kind", [Small, Failing])
@pytest.mark.parametrize("perturbation", ["gaussian", "fgsm"])
def test_what_was_given_is_left_as_it_was(kind: type[Small], perturbation: str) -> None:
    x, y = pictures()
    model, a, b = kind(0), Small(1), Small(2)
    model.train()
    model.body[1].eval()  # as who freezes batch norm does
    model.head.weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    random, threads = torch.random.get_rng_state(), torch.get_num_threads()
    try:
        engine.residual_knowledge(
            model, [a, b], x, y, taus=TAUS, draws=10, perturbation=perturbation
        )
        assert kind is Small
    except ArithmeticError:
        assert kind is Failing
    assert model.training and model.drop.training and not model.body[1].training
    assert a.training and not model.head.weight.requires_grad and model.head.bias.requires_grad
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), random)
    assert torch.get_num_threads() == threads and torch.is_grad_enabled()


class Caching(Small):
    """Computes something in its first pass and reuses it, as rotary embeddings do."""

    scale: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        if self.scale is None:
            self.scale = torch.ones(3, 1, 1)
        return super().forward(x * self.scale)


def test_what_a_network_caches_can_be_trained_with() -> None:
    x, y = pictures()
    model = Caching(0)
    engine.residual_knowledge(model, [Small(1)], x, y, taus=TAUS, draws=10)
    nn.functional.cross_entropy(model(x.float() / 255), y).backward()
    assert model.scale is not None and not model.scale.is_inference()


def test_what_follows_from_the_counts() -> None:
    x, y = pictures()
    model, a, b, o = (trained(seed, x, y) for seed in range(4))
    rk = engine.residual_knowledge(model, [a, b], x, y, taus=TAUS, draws=10, original=o)
    assert rk.curve.mean.shape == rk.curve.null_low.shape == (3,)
    assert rk.ratio.shape == rk.posterior.shape == rk.counts.shape == (12, 3)
    assert "The model" in rk.finding and rk.finding in repr(rk)
    figure = rk.plot()
    words = {text.get_text() for text in figure.findobj() if hasattr(text, "get_text")}
    assert {"The model", "Original"} <= words
    assert figure._repr_png_()[:4] == b"\x89PNG"


def test_a_reporter_hears_of_progress() -> None:
    class Listening(Reporter):
        fractions: Sequence[float] = ()

        def on_progress(self, progress: Any) -> None:
            self.fractions = [*self.fractions, progress.fraction]

    x, y = pictures()
    listening = Listening()
    words: dict[str, Any] = {"taus": TAUS, "draws": 10, "report": listening}
    engine.residual_knowledge(Small(0), [Small(1)], x, y, **words)
    assert listening._done == listening._total > 0 and listening.fractions


# -- bad input ------------------------------------------------------------------------------------

X, Y = pictures(6)
PIXELS = X.float() / 255
IN_TRAINING, IN_USE, ELSEWHERE = Small(0).train(), Small(0).eval(), nn.Linear(2, 2, device="meta")


def tuples(x: Tensor) -> Any:
    return torch.zeros(len(x), CLASSES), x


def nan(x: Tensor) -> Tensor:
    return torch.full((len(x), CLASSES), torch.nan)


def classes_alone(x: Tensor) -> Tensor:
    return torch.zeros(len(x), dtype=torch.long)


def mixed(x: Tensor) -> Tensor:
    flat = x.flatten(1)[:, :CLASSES]
    return flat - flat.mean(0)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "labels that are no integers": ({"y": Y.float()}, "y is float32, but labels are integers"),
    "negative labels": ({"y": Y - 1}, "y has the label -1"),
    "more classes than logits": ({"y": Y + 2}, "y has class 4, but model gives 3 logits"),
    "labels for other samples": ({"y": Y[:4]}, "x has 6 samples, but y has 4 labels"),
    "one-hot labels": ({"y": torch.eye(6, dtype=int)}, r"y has shape \(6, 6\)"),
    "normalized x": ({"x": PIXELS * 4 - 2}, r"x has values from .* but must be in \[0, 1\]"),
    "x of 0 to 255 as floats": ({"x": X.float()}, "divide bytes by 255"),
    "x with NaN": ({"x": PIXELS * torch.nan}, "x has values that are NaN"),
    "x of integers": ({"x": X.long()}, "x is int64; give uint8"),
    "x without channels": ({"x": PIXELS[:, 0]}, r"Add a channel: x\[:, None\]"),
    "no samples": ({"x": PIXELS[:0], "y": Y[:0]}, r"x has shape \(0, 3, 8, 8\)"),
    "x that is text": ({"x": "x.npy"}, "x is neither a tensor nor an array"),
    "no Re-trains": ({"retrains": []}, "retrains is empty"),
    "a Re-train that is no list": ({"retrains": Small(1)}, "retrains must be a list of models"),
    "one Re-train twice": ({"retrains": [Small(1), Small(1)]}, "give the same logits for every"),
    "other classes": ({"retrains": [Small(1, 4)]}, r"model gives 3 logits and retrains\[0\] 4"),
    "a tuple": ({"model": tuples}, r"model returns a tuple.*lambda x: model\(x\)\[0\]"),
    "NaN": ({"model": nan}, "model returns NaN or infinite logits for 6 of 6"),
    "classes": ({"model": classes_alone}, "model returns 6 for 6 samples, not a row of logits"),
    "a batch that matters": ({"model": mixed}, "other logits when it is asked alone"),
    "training mode in a function": (
        {"model": lambda x: IN_TRAINING(x)}, "it is random, or mixes",
    ),
    "a file": ({"model": "model.pt"}, "model is a str, but must be an nn.Module"),
    "another device": (
        {"retrains": [ELSEWHERE]}, r"retrains\[0\] is on meta and model on cpu",
    ),
    "statistics of other channels": ({"normalize": ([0.5] * 4, [1.0])}, "one for each of the 3 ch"),
    "no spread": ({"normalize": (0.5, 0)}, "with std above 0"),
    "taus downwards": ({"taus": (0.2, 0.1)}, "must ascend"),
    "taus in words": ({"taus": "many"}, "taus must be numbers"),
    "an unknown perturbation": ({"perturbation": "gausian"}, "Did you mean 'gaussian'"),
    "no draws": ({"draws": 0}, "draws"),
    "half a draw": ({"draws": 2.5}, "draws must be an integer, but is 2.5"),
    "indices of others": ({"indices": [1, 2]}, "indices must be 6 different integers"),
    "attacks without a gradient": (
        {"model": lambda x: IN_USE(x).detach(), "perturbation": "fgsm"},
        "logits without a gradient",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_bad_input_gets_one_sentence(what: str) -> None:
    changes, sentence = WRONG[what]
    words: dict[str, Any] = {"model": Small(0), "retrains": [Small(1), Small(2)], "x": PIXELS,
                             "y": Y, "taus": (0.0, 0.1), "draws": 4} | changes  # fmt: skip
    with pytest.raises(SpecError, match=sentence) as error:
        engine.residual_knowledge(**words)
    assert "\n" not in str(error.value)


def test_the_names_of_the_package_are_those_that_there_are() -> None:
    assert {"open", "residual_knowledge", "unlearn"} <= set(dir(engine))
    with pytest.raises(AttributeError, match="no attribute 'unlern'"):
        _ = engine.unlern  # type: ignore[attr-defined]
