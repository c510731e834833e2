"""How SalUn unlearns; the package describes it without importing torch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from engine.methods._relabel import relabel_plan
from engine.methods._sweep import batch_gradients, ordered
from engine.methods._tuning import tune
from engine.methods.base import Problem
from engine.methods.salun import SalUn
from engine.models.base import Classifier


def unlearn(problem: Problem, config: SalUn) -> Classifier:
    """The Original after fine-tuning its salient weights on random labels of S_f and on S_r."""
    model = problem.start().eval()
    forget = ordered(problem, problem.forget, config.order)
    gradients = batch_gradients(model, problem, forget, config.batch)
    mask = Mask(model, salient(gradients, config.share))
    return tune(
        problem,
        config,
        relabel_plan(problem, config),
        "salun",
        model,
        before_step=mask.stop_gradients,
        after_step=mask.restore,
    )


def salient(gradients: Iterable[list[Tensor]], share: float) -> list[Tensor]:
    """Mask (bool, one tensor per parameter) of weights with the largest |sum of batch gradients|.

    Ranked over all parameters together; the first int(share x P) are True.
    """
    total: list[Tensor] = []
    for batch in gradients:
        total = [a + b for a, b in zip(total, batch, strict=True)] if total else batch
    saliency = torch.cat([one.flatten().abs() for one in total])
    order = saliency.argsort(descending=True, stable=True)
    chosen = torch.zeros_like(saliency, dtype=torch.bool)
    chosen[order[: int(share * len(saliency))]] = True
    parts = chosen.split([one.numel() for one in total])
    return [part.view_as(one) for part, one in zip(parts, total, strict=True)]


class Mask:
    """Freezes the weights outside a mask, against momentum and weight decay as well."""

    def __init__(self, model: nn.Module, mask: list[Tensor]) -> None:
        self._mask = mask
        self._before = [weight.detach().clone() for weight in model.parameters()]

    def stop_gradients(self, model: nn.Module) -> None:
        """Set the gradients outside the mask to 0, before clipping."""
        for weight, keep in zip(model.parameters(), self._mask, strict=True):
            if weight.grad is not None:
                weight.grad.mul_(keep)

    @torch.no_grad()
    def restore(self, model: nn.Module) -> None:
        """Restore the weights outside the mask."""
        rows = zip(model.parameters(), self._mask, self._before, strict=True)
        for weight, keep, before in rows:
            weight.copy_(torch.where(keep, weight, before))
