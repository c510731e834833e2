"""CR: certified removal from one-vs-rest logistic heads by a Newton step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.registry import register
from engine.spec import TrainSpec, setting

if TYPE_CHECKING:
    from engine.methods.base import Problem
    from engine.models.base import Classifier


@dataclass(frozen=True)
class CR:
    """Settings of certified removal; lambda of the residual-knowledge paper.

    Only the head forgets: the features were learned with S_f.
    """

    decay: float = setting(
        0.1,
        label="L2 penalty λ",
        help="L2 penalty per sample (the paper's lambda)",
        low=0.0,
        high=1000.0,
        exclusive_low=True,
    )
    noise: float = setting(
        0.0,
        label="Noise of the certificate",
        help="standard deviation of the random linear term that a certificate requires; 0 = none",
        low=0.0,
        high=1000.0,
    )
    removals: int = setting(
        0,
        label="Samples per Newton step",
        help="samples removed per Newton step; 0 = all at once",
        unit="samples",
        low=0,
        high=1_000_000,
    )


def cost(config: CR, n_retain: int, n_forget: int, train: TrainSpec) -> float:
    """Sample passes: the features of S; the cost of the heads is negligible."""
    return float(n_retain + n_forget)


def adapt(model: Classifier, config: CR) -> None:
    """Give `model`, in place, the head of a CR model, so that its weights can be loaded."""
    from engine.models.base import NormalizedLinear

    model.replace_head(NormalizedLinear(model.head.in_features, model.head.out_features))


@register(
    "method",
    "cr",
    label="CR",
    help="Fit one-vs-rest logistic heads on the Original's features of S, then remove S_f by a "
    "Newton step w + H^-1 g, with H the Hessian on S_r and g the gradient of S_f. Cost: 1 forward "
    "of S, and a d x d linear system per class and step.",
    config=CR,
    cost=cost,
    space={"decay": (1e-6, 10.0)},
    adapt=adapt,
    form="CR's last layer is not a plain nn.Linear: it has no bias and expects features of L2 norm "
    "1. In PyTorch its logits are F.linear(F.normalize(features, dim=1), W), where W is the tensor "
    "'net.{layer}.weight' of the file.",
    deterministic=True,
    source="Guo et al. 2020, Certified Data Removal",
)
def unlearn(problem: Problem, config: CR) -> Classifier:
    """The Original's features under logistic heads from which S_f was removed.

    Logs the bound on the remaining gradient, which a certificate compares with the noise.
    """
    from engine.methods.cr import computation

    return computation.unlearn(problem, config)
