"""The fast gradient sign method: Goodfellow et al., "Explaining and Harnessing Adversarial
Examples", 2015."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.perturbations.base import BOX, Attack, AttackInputs, add

if TYPE_CHECKING:
    from torch import Tensor


def copies(inputs: AttackInputs) -> Tensor:
    """(m, *shape) copies of `inputs.x`, one step of size tau away."""
    from engine.perturbations._attack import by_torchattacks

    return by_torchattacks("FGSM", inputs)


FGSM = add(
    Attack(
        name="fgsm",
        label="FGSM",
        measure="L-infinity radius",
        help="One signed gradient step of size tau against the unlearned model, shown to all.",
        outline=BOX,
        against=copies,
    )
)
