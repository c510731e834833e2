"""The fast gradient sign method: Goodfellow et al., "Explaining and Harnessing Adversarial
Examples", 2015."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.perturbations.base import BOX, Attack, AttackInputs, add

if TYPE_CHECKING:
    from torch import Tensor


def copies(inputs: AttackInputs) -> Tensor:
    """(m, *shape) copies of `inputs.x`, one signed gradient step of size tau away."""
    from engine.perturbations._attack import by_torchattacks

    return by_torchattacks("FGSM", inputs)


FGSM = add(
    Attack(
        name="fgsm",
        label="FGSM",
        measure="L-infinity radius",
        help="x + tau sign(gradient of the loss): one signed gradient step against the unlearned "
        "model; the copies are shown to all models. Cost: 1 forward + 1 backward per copy.",
        outline=BOX,
        against=copies,
    )
)
