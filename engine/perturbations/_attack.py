"""What attacks share: the labels they aim at, their random starts, and torchattacks' own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.perturbations._inputs import BLOCK, AttackInputs
from engine.runtime.libraries import torchattacks
from engine.runtime.seeds import borrowed_global_seed, derive, generator
from engine.spec import OWN, ProbeSpec


def attack_inputs(
    starts: bool,
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    samples: Sequence[int],
    probe: ProbeSpec,
    tau: float,
    block: int,
    n_classes: int,
) -> AttackInputs:
    """One block of draws of x (n, *shape), as `probe` asks for them: n * BLOCK samples.

    starts: whether the attack begins at a random place.
    """
    labels = y.repeat_interleave(BLOCK)
    target: Tensor | None = None
    if probe.target == "other":
        target = other_labels(y, BLOCK, n_classes, samples, probe.seed, block).reshape(-1)
    elif probe.target == "true":
        target = labels
    own = starts and probe.start == OWN
    return AttackInputs(
        model=model,
        x=x.repeat_interleave(BLOCK, 0),
        y=labels,
        target=target,
        tau=tau,
        steps=probe.steps,
        step_size=probe.step_size,
        seed=start_seed(samples, probe.seed, block),
        starts=tuple(start_seed([one], probe.seed, block) for one in samples) if own else (),
    )


def other_labels(
    y: Tensor, draws: int, n_classes: int, samples: Sequence[int], seed: int, block: int
) -> Tensor:
    """(n, draws) labels different from y (n,), uniform over the others."""
    rows = []
    for sample in samples:
        rng = generator(seed, "target", sample, block)
        rows.append(torch.randint(1, n_classes, (draws,), generator=rng))
    shift = torch.stack(rows).to(y.device)
    return (y[:, None] + shift) % n_classes


def start_seed(samples: Sequence[int], seed: int, block: int) -> int:
    """The seed of the random start of samples that are attacked together."""
    mark = hashlib.blake2b(repr(tuple(samples)).encode(), digest_size=4).digest()
    return derive(seed, int.from_bytes(mark, "big"), block)


def by_torchattacks(name: str, inputs: AttackInputs, **settings: Any) -> Tensor:
    """Copies of `inputs.x` within L-inf distance tau, by the attack that torchattacks calls so.

    What it draws is drawn from `inputs.seed`. The model's train or eval mode is left as it was;
    the attack itself runs in eval mode.
    """
    attacker = getattr(torchattacks(), name)(inputs.model, eps=inputs.tau, **settings)
    labels = inputs.y
    if inputs.target is not None:
        attacker.set_mode_targeted_by_label(quiet=True)
        labels = inputs.target
    modes = [(part, part.training) for part in inputs.model.modules()]
    try:
        with torch.enable_grad(), borrowed_global_seed(inputs.seed, "attack"):
            copies: Tensor = attacker(inputs.x, labels)
    finally:
        for part, training in modes:
            part.training = training
    return copies.detach()


def own_starts(seeds: Sequence[int], copies: int, shape: Sequence[int], tau: float) -> Tensor:
    """(n * copies, *shape) offsets of at most tau, those of each seed side by side, on the
    processor: what torchattacks draws for a sample that is attacked alone."""
    made = torch.empty(len(seeds), copies, *shape)
    for into, seed in zip(made, seeds, strict=True):
        into.uniform_(-tau, tau, generator=generator(seed, "attack"))
    return made.flatten(0, 1)


def descended(inputs: AttackInputs, begin: Tensor) -> Tensor:
    """x (m, *shape) after PGD from `begin`, inside the L-inf ball of radius tau and [0, 1].

    Away from y (m,), or towards target (m,). Source: Madry et al., "Towards Deep Learning Models
    Resistant to Adversarial Attacks", 2018. Modes of the model are left as they were.
    """
    model, x, tau = inputs.model, inputs.x, inputs.tau
    aim, sign = (inputs.y, 1.0) if inputs.target is None else (inputs.target, -1.0)
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    copies = begin
    try:
        for _ in range(inputs.steps):
            uphill = _gradient(model, copies, aim).sign()
            moved = copies + sign * inputs.step_size * uphill
            copies = (x + (moved - x).clamp(-tau, tau)).clamp(0, 1)
    finally:
        for part, training in modes:
            part.training = training
    return copies


def _gradient(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Of each sample's own cross-entropy, in its pixels."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        loss = cross_entropy(model(leaf), y, reduction="sum")
        return torch.autograd.grad(loss, leaf)[0].detach()
