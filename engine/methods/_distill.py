"""Kullback-Leibler divergences of a student from a teacher."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import log_softmax


def kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) of logits (n, K) at temperature T, averaged over samples."""
    log_student = log_softmax(student / temperature, dim=1)
    log_teacher = log_softmax(teacher / temperature, dim=1)
    divergence = (log_teacher.exp() * (log_teacher - log_student)).sum(1).mean()
    return temperature**2 * divergence


def kl_to(student: Tensor, target: Tensor) -> Tensor:
    """KL(target || student) of logits (n, K) against probabilities (n, K), averaged elementwise.

    The mean is over samples and classes, as in torch's `kl_div(reduction="mean")`.
    """
    return (target.xlogy(target) - target * log_softmax(student, dim=1)).mean()
