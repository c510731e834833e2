"""Perturbed copies of samples inside a ball of radius tau: random draws and attacks.

Pure tensors in and out, pixels in [0, 1]. Random draws depend on (seed, sample, draw) alone:
every model and every later question sees the same copies, however the work is cut up.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.runtime import borrowed_global_seed, derive, generator, torchattacks
from engine.spec import OWN, ProbeSpec

DRAWING = 8  # threads that draw noise for another device
BLOCK = 10  # draws that share one generator: the unit in which estimates are refined


def unit_noise(
    name: str,
    samples: Sequence[int],
    shape: Sequence[int],
    seed: int,
    block: int,
    device: torch.device,
) -> Tensor:
    """Noise for tau = 1, (n, BLOCK, *shape): draws `block*BLOCK ...` of each sample.

    samples: training-set indices, so that a sample keeps its noise in any forget set. It is drawn
    on the processor wherever it is used: what a GPU measured can be looked at without one.
    """
    threads = 1 if device.type == "cpu" else DRAWING  # another device would wait for one
    noise = _drawn(name, samples, math.prod(shape), seed, block, threads)
    return noise.to(device).reshape(len(samples), BLOCK, *shape)


def _drawn(
    name: str, samples: Sequence[int], d: int, seed: int, block: int, threads: int
) -> Tensor:
    """(n, BLOCK, d) noise of these samples, the same however many threads draw it."""
    noise = torch.empty(len(samples), BLOCK, d)
    inference = torch.is_inference_mode_enabled()

    def draw(part: slice) -> None:
        rng = torch.Generator()  # seeded anew for each: making one costs more than that
        with torch.inference_mode(inference):
            for into, sample in zip(noise[part], samples[part], strict=True):
                rng.manual_seed(derive(seed, "noise", name, sample, block))
                _draw(name, into, rng)

    if threads == 1:
        draw(slice(None))
        return noise
    each = max(1, math.ceil(len(samples) / threads))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(draw, [slice(i, i + each) for i in range(0, len(samples), each)]))
    return noise


def _draw(name: str, into: Tensor, rng: torch.Generator) -> None:
    """Fill `into` (BLOCK, d) with noise for tau = 1."""
    if name == "linf":
        into.uniform_(-1, 1, generator=rng)
        return
    into.normal_(generator=rng)
    if name == "l2":
        radius = torch.rand(len(into), 1, generator=rng) ** (1 / into.shape[1])
        into *= radius / into.norm(dim=1, keepdim=True).clamp_min(1e-12)


def random_copies(x: Tensor, noise: Tensor, tau: float) -> Tensor:
    """(n, BLOCK, *shape) copies of x (n, *shape): x + tau * noise, clamped to [0, 1]."""
    return (x[:, None] + tau * noise).clamp_(0, 1)


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


def attack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    name: str,
    tau: float,
    steps: int,
    step_size: float,
    target: Tensor | None,
    seed: int,
) -> Tensor:
    """Adversarial copies of x (n, *shape) within L-inf distance tau, by torchattacks.

    target (n,): labels to be called; None: away from y. PGD's random start is drawn from `seed`.
    The model's train or eval mode is left as it was; the attack itself runs in eval mode.
    """
    if tau == 0:
        return x.clone()
    library = torchattacks()
    if name == "fgsm":
        attacker = library.FGSM(model, eps=tau)
    else:
        attacker = library.PGD(model, eps=tau, alpha=step_size, steps=steps, random_start=True)
    labels = y
    if target is not None:
        attacker.set_mode_targeted_by_label(quiet=True)
        labels = target
    modes = [(part, part.training) for part in model.modules()]
    try:
        with torch.enable_grad(), borrowed_global_seed(seed, "attack"):
            copies: Tensor = attacker(x, labels)
    finally:
        for part, training in modes:
            part.training = training
    return copies.detach()


def attacked_copies(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    samples: Sequence[int],
    probe: ProbeSpec,
    tau: float,
    block: int,
    n_classes: int,
) -> Tensor:
    """(n, BLOCK, *shape) adversarial copies made against `model`, as `probe` asks."""
    n = len(x)
    repeated = x.repeat_interleave(BLOCK, 0)
    labels = y.repeat_interleave(BLOCK)
    target: Tensor | None = None
    if probe.target == "other":
        target = other_labels(y, BLOCK, n_classes, samples, probe.seed, block).reshape(-1)
    elif probe.target == "true":
        target = labels
    if probe.start == OWN and probe.perturbation == "pgd" and tau > 0:
        begin = own_starts(samples, x.shape[1:], probe.seed, block, tau).to(x.device)
        begin = (repeated + begin.flatten(0, 1)).clamp(0, 1)
        copies = descended(model, repeated, begin, labels, target, probe, tau)
        return copies.reshape(n, BLOCK, *x.shape[1:])
    copies = attack(
        model,
        repeated,
        labels,
        name=probe.perturbation,
        tau=tau,
        steps=probe.steps,
        step_size=probe.step_size,
        target=target,
        seed=_start_seed(samples, probe.seed, block),
    )
    return copies.reshape(n, BLOCK, *x.shape[1:])


def own_starts(
    samples: Sequence[int], shape: Sequence[int], seed: int, block: int, tau: float
) -> Tensor:
    """(n, BLOCK, *shape) where PGD begins for each sample, off it by at most tau, on the processor.

    What torchattacks draws for the sample where it is attacked alone.
    """
    made = torch.empty(len(samples), BLOCK, *shape)
    for into, sample in zip(made, samples, strict=True):
        rng = generator(_start_seed([sample], seed, block), "attack")
        into.uniform_(-tau, tau, generator=rng)
    return made


def descended(
    model: nn.Module,
    x: Tensor,
    begin: Tensor,
    y: Tensor,
    target: Tensor | None,
    probe: ProbeSpec,
    tau: float,
) -> Tensor:
    """x (m, *shape) after PGD from `begin`, inside the L-inf ball of radius tau and [0, 1].

    Away from y (m,), or towards target (m,). Source: Madry et al., "Towards Deep Learning Models
    Resistant to Adversarial Attacks", 2018. Modes of the model are left as they were.
    """
    aim, sign = (y, 1.0) if target is None else (target, -1.0)
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    copies = begin
    try:
        for _ in range(probe.steps):
            uphill = _gradient(model, copies, aim).sign()
            moved = copies + sign * probe.step_size * uphill
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


def _start_seed(samples: Sequence[int], seed: int, block: int) -> int:
    """The seed of the random start of samples that are attacked together."""
    mark = hashlib.blake2b(repr(tuple(samples)).encode(), digest_size=4).digest()
    return derive(seed, int.from_bytes(mark, "big"), block)
