"""Shared parts of attacks: target labels, random starts, PGD and the torchattacks adapter."""

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
    """Inputs of one block of draws of x (n, *shape) as `probe` specifies: n * BLOCK samples.

    starts: whether the attack has a random start.
    """
    labels = y.repeat_interleave(BLOCK)
    target: Tensor | None = None
    if probe.target == "other":
        target = other_labels(y, BLOCK, n_classes, samples, probe.seed, block).reshape(-1)
    elif probe.target == "true":
        target = labels
    per_sample = starts and probe.start == OWN
    return AttackInputs(
        model=model,
        x=x.repeat_interleave(BLOCK, 0),
        y=labels,
        target=target,
        tau=tau,
        steps=probe.steps,
        step_size=probe.step_size,
        seed=start_seed(samples, probe.seed, block),
        starts=tuple(start_seed([sample], probe.seed, block) for sample in samples)
        if per_sample
        else (),
    )


def other_labels(
    y: Tensor, draws: int, n_classes: int, samples: Sequence[int], seed: int, block: int
) -> Tensor:
    """(n, draws) random labels, uniform over the classes other than y (n,)."""
    rows = []
    for sample in samples:
        rng = generator(seed, "target", sample, block)
        rows.append(torch.randint(1, n_classes, (draws,), generator=rng))
    shift = torch.stack(rows).to(y.device)
    return (y[:, None] + shift) % n_classes


def start_seed(samples: Sequence[int], seed: int, block: int) -> int:
    """Seed of the random start shared by samples that are attacked together."""
    digest = hashlib.blake2b(repr(tuple(samples)).encode(), digest_size=4).digest()
    return derive(seed, int.from_bytes(digest, "big"), block)


def by_torchattacks(name: str, inputs: AttackInputs, **settings: Any) -> Tensor:
    """Copies of `inputs.x` within L-inf distance tau, by the attack `name` of torchattacks.

    Its randomness comes from `inputs.seed`. The attack runs in eval mode; the model's mode is
    restored afterwards.
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
    """(n * copies, *shape) random offsets of at most tau on the CPU, grouped by seed.

    They are those that torchattacks draws for a sample that is attacked alone."""
    offsets = torch.empty(len(seeds), copies, *shape)
    for rows, seed in zip(offsets, seeds, strict=True):
        rows.uniform_(-tau, tau, generator=generator(seed, "attack"))
    return offsets.flatten(0, 1)


def descended(inputs: AttackInputs, start: Tensor) -> Tensor:
    """x (m, *shape) after PGD from `start`, inside the L-inf ball of radius tau and [0, 1].

    Untargeted away from y (m,), or towards target (m,). Source: Madry et al., "Towards Deep
    Learning Models Resistant to Adversarial Attacks", 2018. The model's mode is restored.
    """
    model, x, tau = inputs.model, inputs.x, inputs.tau
    labels, sign = (inputs.y, 1.0) if inputs.target is None else (inputs.target, -1.0)
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    copies = start
    try:
        for _ in range(inputs.steps):
            ascent = _gradient(model, copies, labels).sign()
            moved = copies + sign * inputs.step_size * ascent
            copies = (x + (moved - x).clamp(-tau, tau)).clamp(0, 1)
    finally:
        for part, training in modes:
            part.training = training
    return copies


def _gradient(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Gradient of each sample's cross-entropy with respect to its pixels."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        loss = cross_entropy(model(leaf), y, reduction="sum")
        return torch.autograd.grad(loss, leaf)[0].detach()
