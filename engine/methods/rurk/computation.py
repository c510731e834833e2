"""How RURK unlearns; the package describes it without importing torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.methods._tuning import tune
from engine.methods.base import Problem
from engine.methods.rurk import RURK, _passes_over_forget
from engine.models.base import Classifier
from engine.perturbations import AttackInputs, named
from engine.runtime.seeds import derive, generator
from engine.training.sgd import Pass, Step


def unlearn(problem: Problem, config: RURK) -> Classifier:
    """The Original after descent on L = CE(S_r) - lambda_f CE(S_f) - lambda_a CE(copies, y).

    The three batches of a step pass through the model together, so that batch norm sees them all.

    If the search is an attack (FGSM, PGD), copies are attacked towards a random other label y' and
    the last term becomes + lambda_a CE(copies, y'): the model is trained to predict y'.
    """
    named(config.search).check([config.tau])
    sweep = Pass(
        _objective(problem, config),
        problem.retain,
        problem.forget,
        config.batch,
        beside_passes=_passes_over_forget(config),
    )
    return tune(problem, config, lambda epoch: [sweep], "rurk", max_steps=config.max_steps)


def _objective(problem: Problem, config: RURK) -> Callable[[nn.Module, Step], Tensor]:
    samples = problem.samples

    def loss(model: nn.Module, step: Step) -> Tensor:
        retain, forget = step.batch, step.beside
        x, y = samples.pixels(forget), samples.y[forget]
        seed = derive(problem.seed, "rurk", step.number)
        copies, labels, sign = _vulnerable(model, x, y, config, seed, samples.n_classes)
        logits = model(torch.cat([samples.pixels(retain), x, copies]))
        on_retain, on_forget, on_copies = logits.split([len(retain), len(x), len(copies)])
        return (
            cross_entropy(on_retain, samples.y[retain])
            - config.lambda_f * cross_entropy(on_forget, y)
            + sign * config.lambda_a * cross_entropy(on_copies, labels)
        )

    return loss


def _vulnerable(
    model: nn.Module, x: Tensor, y: Tensor, config: RURK, seed: int, n_classes: int
) -> tuple[Tensor, Tensor, float]:
    """v copies of each sample, the labels of the loss's last term, and that term's sign."""
    rng, kind = generator(seed, "search", device=x.device), named(config.search)
    x, y = x.repeat(config.v, *[1] * (x.dim() - 1)), y.repeat(config.v)
    target = None
    if kind.attack:
        shift = torch.randint(1, n_classes, y.shape, generator=rng, device=x.device)
        target = (y + shift) % n_classes
    inputs = AttackInputs(model, x, y, target, config.tau, config.steps, config.step_size, seed)
    copies = kind.search(inputs, rng)
    return (copies, y, -1.0) if target is None else (copies, target, 1.0)
