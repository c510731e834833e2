"""One sample under the lens: its perturbed copies and what every model makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from engine.perturb import BLOCK, attacked_copies, random_copies, unit_noise
from engine.residual import blocks_of, is_attack
from engine.spec import ProbeSpec


def copies_of(
    x: Tensor,
    y: int,
    sample: int,
    probe: ProbeSpec,
    tau: float,
    n_classes: int,
    source: nn.Module | None,
) -> Tensor:
    """(c, *shape) perturbed copies of x (*shape) at `tau`; the ones residual knowledge is made of.

    Random draws are exactly those of the measurement; attacks are made against `source`.
    """  # fmt: skip
    probe = replace(probe, taus=(tau,))
    parts = []
    for block in range(blocks_of(probe.draws)):
        if tau == 0:
            parts.append(x.expand(BLOCK, *x.shape))
        elif is_attack(probe):
            assert source is not None
            labels = torch.tensor([y], device=x.device)
            made = attacked_copies(source, x[None], labels, [sample], probe, tau, block, n_classes)
            parts.append(made[0])
        else:
            noise = unit_noise(probe.perturbation, [sample], x.shape, probe.seed, block, x.device)
            parts.append(random_copies(x[None], noise, tau)[0])
    return torch.cat(parts)[: probe.draws]


@torch.inference_mode()
def views_on(
    models: Mapping[str, nn.Module], copies: Tensor, y: int, batch: int = 100
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(predictions, confidence): model -> (c,) class, and (c,) probability of the class y."""
    predictions, confidence = {}, {}
    for name, model in models.items():
        logits = torch.cat([model(part) for part in copies.split(batch)])
        predictions[name] = logits.argmax(1).cpu().numpy()
        confidence[name] = logits.softmax(1)[:, y].cpu().numpy()
    return predictions, confidence
