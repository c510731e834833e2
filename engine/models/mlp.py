"""MLP: one hidden layer of 100 units, the network of the paper's Figure 1, or layers as given."""

from __future__ import annotations

import functools
import itertools
import math
import re
from typing import TYPE_CHECKING, Any

from engine.errors import SpecError, shown
from engine.registry import Family, Registration, register

if TYPE_CHECKING:
    from torch import nn

WIDTHS = (100,)
WIDEST, DEEPEST = 4096, 16  # units of a layer, hidden layers: 1 GiB of weights between these


def member(text: str) -> Registration:
    """The MLP with hidden layers of these widths, such as '256,128'; SpecError for other text."""
    parts = [part.strip() for part in text.split(",")]
    whole = all(re.fullmatch(r"[0-9]{1,5}", part) for part in parts)
    widths = tuple(map(int, parts)) if whole else ()
    if not widths or min(widths) < 1 or max(widths) > WIDEST or len(widths) > DEEPEST:
        raise SpecError(
            f"'mlp:{shown(text)}' is no MLP. Write the widths of its hidden layers, e.g. "
            f"mlp:256,128 (up to {DEEPEST} layers of 1 to {WIDEST:,} units)."
        )
    if widths == WIDTHS:
        return Registration("model", "mlp", make, "MLP", _help(widths), FACTS)
    name = f"mlp:{','.join(map(str, widths))}"
    label = f"MLP {'-'.join(map(str, widths))}"
    layers = functools.partial(make, widths=widths)
    return Registration("model", name, layers, label, _help(widths), FACTS)


def _help(widths: tuple[int, ...]) -> str:
    if len(widths) == 1:
        return f"one hidden layer of {widths[0]} ReLU units"
    return f"{len(widths)} hidden layers of {', '.join(map(str, widths))} ReLU units"


FACTS: dict[str, Any] = {
    "takes": "any",
    "family": Family(member, "the widths of its hidden layers", "mlp:256,128", alone=True),
}


@register("model", "mlp", label="MLP", help=_help(WIDTHS), **FACTS)
def make(
    shape: tuple[int, ...], n_classes: int, widths: tuple[int, ...] = WIDTHS
) -> tuple[nn.Module, str]:
    """Flatten, layers of ReLU units, linear head."""
    from torch import nn

    layers: list[nn.Module] = [nn.Flatten()]
    for inside, outside in itertools.pairwise((math.prod(shape), *widths)):
        layers += [nn.Linear(inside, outside), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(widths[-1], n_classes))
    return net, str(len(net) - 1)
