"""`engine.unlearn`: every method on a network of the user's own, which stays as it is."""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import Any

import pytest
import torch
from given import CLASSES, Small, pictures, trained
from torch import Tensor, nn

import engine
from engine import registry
from engine.errors import SpecError

X, Y = pictures(24)
FORGET, RETAIN = (X[:4], Y[:4]), (X[4:], Y[4:])
METHODS = registry.names("method")


def quick(method: str) -> dict[str, Any]:
    """Settings with which the method takes a moment, and what it needs besides."""
    config = registry.get("method", method).config
    assert config is not None
    names = {item.name for item in fields(config)}
    settings: dict[str, Any] = {name: 1 for name in ("epochs",) if name in names}
    if method == "retrain":
        settings["train"] = {"epochs": 2, "batch": 8}
    return settings | ({"initial": Small(5)} if method == "ntk" else {})


@pytest.mark.parametrize("method", METHODS)
def test_every_method_makes_a_new_network(method: str) -> None:
    model = trained(0, X, Y).train()
    model.head.weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    settings = quick(method)
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    new = engine.unlearn(method, model, retain=RETAIN, forget=FORGET, **settings)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training and not model.head.weight.requires_grad
    assert type(new) is Small and new.training and new is not model
    kept = [n for n, v in new.state_dict().items() if n in before and torch.equal(before[n], v)]
    assert len(kept) < len(new.state_dict()), "nothing was unlearned"
    torch.manual_seed(2)
    again = engine.unlearn(method, model, retain=RETAIN, forget=FORGET, **settings)
    for name, value in new.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    assert new.eval()(X[:2].float() / 255).shape == (2, CLASSES)


def test_the_seed_and_the_settings_matter() -> None:
    model = trained(0, X, Y)
    words: dict[str, Any] = {"retain": RETAIN, "forget": FORGET, "epochs": 1}
    weights = [
        engine.unlearn("gd", model, **words, **more).head.weight
        for more in ({}, {"seed": 1}, {"lr": 0.5})
    ]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_a_network_that_wants_normalized_input_gets_it() -> None:
    seen: list[float] = []

    class Looking(Small):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(float(x.mean()))
            return super().forward(x)

    engine.unlearn("gd", Looking(0), retain=RETAIN, forget=FORGET, normalize=(10.0, 2.0), epochs=1)
    assert max(seen) < -4


def test_what_was_unlearned_can_be_measured() -> None:
    retrains = [trained(seed, *RETAIN) for seed in (1, 2)]
    new = engine.unlearn("gd", trained(0, X, Y), retain=RETAIN, forget=FORGET, epochs=1)
    rk = engine.residual_knowledge(new, retrains, *FORGET, taus=(0, 0.1), draws=10)
    assert rk.counts.shape == (4, 2)


class Tokens(nn.Module):
    """Has weights that no layer's `reset_parameters` draws, and no linear layer in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.prototypes = nn.Parameter(torch.rand(CLASSES, 3 * 8 * 8))

    def forward(self, x: Tensor) -> Tensor:
        """Negative distances to the prototypes."""
        return -torch.cdist(x.flatten(1), self.prototypes)


def half(net: nn.Module) -> nn.Module:
    return net.double()


MISSING: dict[str, tuple[str, dict[str, Any], str]] = {
    "initial weights": ("ntk", {}, "needs the network that training started from"),
    "a fresh network": (
        "retrain", {"model": Tokens()}, r"layer '' \(Tokens\) has weights .*fresh=function",
    ),
    "a head": ("cr", {"model": Tokens()}, "do not come from one"),
    "a method": ("rurc", {}, "Did you mean 'rurk'"),
    "a setting": ("gd", {"epoch": 1}, "epoch"),
    "a network": ("gd", {"model": lambda x: x}, "model is a function, but unlearning changes"),
    "float32": ("gd", {"model": half(Small(0))}, "methods compute in float32"),
    "a pair": ("gd", {"forget": X}, r"forget must be a pair \(x, y\)"),
    "labels": ("gd", {"retain": (X, Y + 1)}, "y has class 3, but model gives 3 logits"),
    "pixels": ("gd", {"forget": (X.float(), Y)}, "forget: x has values"),
    "shapes": ("gd", {"forget": (X[..., :4], Y)}, "samples of shape"),
    "a fitting network": ("retrain", {"fresh": lambda: Small(0, 5)}, "with other weights"),
}  # fmt: skip


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_is_said_in_a_sentence(what: str) -> None:
    method, changes, sentence = MISSING[what]
    words: dict[str, Any] = {"model": Small(0), "retain": RETAIN, "forget": FORGET} | changes
    with pytest.raises(SpecError, match=sentence):
        engine.unlearn(method, words.pop("model"), **words)


@pytest.mark.parametrize("method", ["cr", "gd", "eu-k"])
def test_a_single_layer_is_a_network(method: str) -> None:
    x = X.float().flatten(1)[:, :6] / 255
    net = nn.Linear(6, CLASSES)
    new = engine.unlearn(method, net, retain=(x[4:], Y[4:]), forget=(x[:4], Y[:4]))
    assert isinstance(new, nn.Linear) and new(x).shape == (len(x), CLASSES)
    assert not torch.equal(new.weight, net.weight)


def test_with_a_function_that_makes_one_any_network_is_trained_anew() -> None:
    new = engine.unlearn(
        "retrain", Tokens(), retain=RETAIN, forget=FORGET, fresh=Tokens, train={"epochs": 1}
    )
    assert isinstance(new, Tokens)
