"""What every model is: normalisation inside, `features(x)`, and weights drawn from a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from engine import registry
from engine.errors import SpecError
from engine.runtime import borrowed_global_seed


class Classifier(nn.Module):
    """A network that takes pixels in [0, 1] and normalises them itself.

    net: any module from normalised input to logits (n, K); head: the name of its last linear
    layer, whose input is the penultimate feature vector.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, net: nn.Module, head: str, mean: Sequence[float], std: Sequence[float], image: bool
    ) -> None:
        super().__init__()
        self.net = net
        self.head_name = head
        shape = (1, -1, 1, 1) if image else (1, -1)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(shape))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(shape))

    @property
    def head(self) -> nn.Linear:
        """The last linear layer."""
        layer = self.net.get_submodule(self.head_name)
        assert isinstance(layer, nn.Linear)
        return layer

    def replace_head(self, layer: nn.Linear) -> None:
        """Put another last layer in place, on the device and in the type of the old one."""
        self.net.set_submodule(self.head_name, layer.to(self.head.weight))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, K) of pixels (n, C, H, W) or features (n, d) in [0, 1]."""
        logits: Tensor = self.net((x - self.mean) / self.std)
        return logits

    def features(self, x: Tensor) -> Tensor:
        """Penultimate activations (n, width) of the same input."""
        return self.features_and_logits(x)[0]

    def features_and_logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, width) penultimate activations and (n, K) logits, in one pass."""
        caught: list[Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
        try:
            logits: Tensor = self(x)
        finally:
            hook.remove()
        return caught[0].flatten(1), logits


class NormalizedLinear(nn.Linear):
    """A linear head without bias on features scaled to L2 length 1."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (n, K) of features (n, d)."""
        return super().forward(normalize(x, dim=1))


class Dropout(nn.Module):
    """Dropout with a generator of its own, so that no global random state enters a result."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """x in eval mode; in train mode x with a share p set to 0 and the rest scaled up."""
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape, generator=self.generator, device=x.device) >= self.p
        return x * kept / (1 - self.p)


def build(
    name: str,
    shape: Sequence[int],
    n_classes: int,
    statistics: tuple[Sequence[float], Sequence[float]],
    generator: torch.Generator,
) -> Classifier:
    """A new model on the CPU, in eval mode, its weights drawn from `generator`.

    Raises SpecError if the model cannot take samples of `shape` ((C, H, W) or (d,)).
    """
    entry = registry.get("model", name)
    wants = entry.facts.get("takes", "images")
    image = len(shape) == 3
    if wants == "images" and not image:
        raise SpecError(
            f"Model '{name}' needs images, but these samples are {shape[0]} features. "
            "Use --model mlp."
        )
    smallest = entry.facts.get("smallest", 1)
    if image and min(shape[1:]) < smallest:
        raise SpecError(
            f"Model '{name}' needs images of at least {smallest}x{smallest} px, but these are "
            f"{shape[1]}x{shape[2]}. Use --model cnn."
        )
    # layers draw default weights from the global generator, which an attack may be using just now
    with borrowed_global_seed(generator.initial_seed(), "weights"):
        net, head = entry.make(tuple(shape), n_classes)
    model = Classifier(net, head, *statistics, image=image)
    initialise(model, generator)
    return model.eval()


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights anew, from `generator` alone.

    Convolutions: He normal (fan out), as torchvision's networks; linear layers: uniform within
    1/sqrt(fan in), as torch's own; batch norm: scale 1, shift 0, statistics reset.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            fan_out = part.out_channels * math.prod(part.kernel_size) // part.groups
            nn.init.normal_(part.weight, 0.0, math.sqrt(2 / fan_out), generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Linear):
            bound = 1 / math.sqrt(part.in_features)
            nn.init.uniform_(part.weight, -bound, bound, generator=generator)
            if part.bias is not None:
                nn.init.uniform_(part.bias, -bound, bound, generator=generator)
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)


def adopt_body(model: Classifier, other: Classifier) -> None:
    """Give `model`, in place, all weights and running statistics of `other` but the head's.

    The two may differ in their number of classes.
    """
    head = f"{other.head_name}."
    body = {name: one for name, one in other.net.state_dict().items() if not name.startswith(head)}
    model.net.load_state_dict(body, strict=False)


def count_parameters(model: nn.Module) -> int:
    """Number of trainable scalars."""
    return sum(p.numel() for p in model.parameters())
