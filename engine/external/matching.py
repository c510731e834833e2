"""Which of the tensors in a file are the weights of a network, under the network's own names."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from engine.external.effective_weights import plain
from engine.models.base import Classifier
from engine.weight_files.wrappers import Candidate, candidates, variants

BUFFERS = ("mean", "std")  # of a Classifier: what it normalizes its input by
COUNTERS = ".num_batches_tracked"  # of batch norm; older files lack them
OWN = "net."  # what the names of a Classifier's weights begin with
PAIRS = {  # what normalization layers call their means, and then their deviations
    "mean": "std", "means": "stds", "_mean": "_std", "mu": "sigma", "new_mean": "new_std",
    "pixel_mean": "pixel_std", "image_mean": "image_std", "img_mean": "img_std",
    "mean_": "std_", "MEAN": "STD",
}  # fmt: skip
LARGEST_MEAN = 1.0  # of pixels in [0, 1]; larger ones are of pixels up to 255
OF_BYTES = 255.0
MOST_VARIANTS = 200  # parts of a state dict that are tried


@dataclass(frozen=True, eq=False)
class Match:
    """A candidate beside a network: its tensors under the Classifier's names, as they are.

    exact: whether names and shapes are the network's; rest: what the same state dict holds beside
    them; of_bytes: whether the normalization was of pixels up to 255, and was divided by that;
    normalization: what the file calls the mean and the deviation, where it has them.
    """

    label: str
    state: Mapping[str, Tensor]
    exact: bool
    rest: Sequence[str] = ()
    of_bytes: bool = False
    strange: Mapping[str, str] = field(default_factory=dict)
    normalization: Mapping[str, str] = field(default_factory=dict)


def matches(content: object, model: Classifier, entry: str = "") -> list[Match]:
    """Every way to take `content` as weights of this network, those that are exact alone if any.

    Else the one that comes nearest; nothing where it holds no tensors. entry: label of the only
    ones that are tried; '' for all.
    """
    own, ours = own_state(model), isinstance(content, Mapping) and "facts" in content
    needed = sum(not _is_optional(name) for name in own)
    tried = [
        _match(variant, model, own, ours)
        for one in candidates(content)
        for variant in itertools.islice(variants(one, max(1, needed // 2)), MOST_VARIANTS)
        if entry in ("", variant.label)
    ]
    exact = [one for one in tried if one.exact]
    if exact or not tried:
        return exact
    return [max(tried, key=lambda one: (len(own.keys() & one.state.keys()), len(one.state)))]


def own_state(model: Classifier) -> dict[str, Tensor]:
    """The network's tensors on the CPU, by the Classifier's names."""
    return {name: value.detach().cpu() for name, value in model.state_dict().items()}


def _match(one: Candidate, model: Classifier, own: Mapping[str, Tensor], ours: bool) -> Match:
    names = [name.removeprefix(OWN) for name in own if name.startswith(OWN)]
    state = _as_wrapped(plain(one.tensors, names, model.net), names)
    pair, called = _normalization(state, one.rest, names, own["mean"].numel())
    inside = set(called.values())
    state = {f"{OWN}{name}": value for name, value in state.items() if name not in inside}
    rest = [name for name in one.rest if name not in inside]
    of_bytes = not ours and model.mean.ndim == 4 and _is_of_bytes(pair)
    pair = {name: value / OF_BYTES if of_bytes else value for name, value in pair.items()}
    fitting = {name: _spread(value, own[name]) for name, value in pair.items()}
    optional = {name: own[name] for name in own if _is_optional(name)}
    state = optional | state | fitting
    same = own.keys() == state.keys()
    exact = same and all(state[name].shape == own[name].shape for name in own)
    return Match(one.label, state, exact, rest, of_bytes, one.strange, called)


def _as_wrapped(state: dict[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
    """The tensors with the beginning that all names of the network share, if they lack it."""
    heads = {name.partition(".")[0] for name in names if "." in name}
    if len(heads) != 1 or any("." not in name for name in names):
        return state
    start = f"{heads.pop()}."
    inner = {name.removeprefix(start) for name in names}
    if inner.isdisjoint(state) or not set(names).isdisjoint(state):
        return state
    return {f"{start}{name}" if name in inner else name: value for name, value in state.items()}


def _normalization(
    state: Mapping[str, Tensor], rest: Mapping[str, Tensor], names: Sequence[str], channels: int
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(mean and std that a file brings, their names there); of the weights' own part first."""
    for tensors in (state, rest):
        free = {name: value for name, value in tensors.items() if name not in names}
        for name, value in free.items():
            start, dot, last = name.rpartition(".")
            mate = f"{start}{dot}{PAIRS.get(last, '')}"
            if mate in free and {free[name].numel(), free[mate].numel()} <= {1, channels}:
                return {"mean": value, "std": free[mate]}, {"mean": name, "std": mate}
    alone = {name: state[name] for name in BUFFERS if name in state and name not in names}
    return alone, {name: name for name in alone}


def _is_of_bytes(pair: Mapping[str, Tensor]) -> bool:
    """Whether the means are those of pixels from 0 to 255."""
    mean = pair.get("mean")
    if len(pair) != 2 or mean is None or not mean.numel():
        return False
    return bool(mean.float().max() > LARGEST_MEAN)


def _spread(value: Tensor, like: Tensor) -> Tensor:
    """A mean or deviation per channel in the shape of ours; as it is where its size is another."""
    if value.numel() not in (1, like.numel()):
        return value
    return value.float().reshape(-1).expand(like.numel()).reshape(like.shape).clone()


def _is_optional(name: str) -> bool:
    return name in BUFFERS or name.endswith(COUNTERS)
