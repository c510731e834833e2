"""Projected gradient descent: Madry et al., "Towards Deep Learning Models Resistant to Adversarial
Attacks", 2018."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.perturbations.base import BOX, Attack, AttackInputs, add

if TYPE_CHECKING:
    from torch import Tensor


def copies(inputs: AttackInputs) -> Tensor:
    """(m, *shape) copies of `inputs.x` within L-inf distance tau.

    With per-sample random starts (`inputs.starts`) they are those that torchattacks makes of each
    sample alone, whatever is attacked together with it.
    """
    from engine.perturbations._attack import by_torchattacks, descended, own_starts

    if not inputs.starts:
        return by_torchattacks(
            "PGD", inputs, alpha=inputs.step_size, steps=inputs.steps, random_start=True
        )
    x = inputs.x
    offsets = own_starts(inputs.starts, len(x) // len(inputs.starts), x.shape[1:], inputs.tau)
    return descended(inputs, (x + offsets.to(x.device)).clamp(0, 1))


PGD = add(
    Attack(
        name="pgd",
        label="PGD",
        measure="L-infinity radius",
        help="Projected gradient descent: `steps` signed gradient steps of `step_size` inside the "
        "tau ball against the unlearned model. Cost: 1 forward + 1 backward per step and copy.",
        outline=BOX,
        settings=("steps", "step_size", "start"),
        against=copies,
    )
)
