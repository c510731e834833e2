"""Match the tensors in a file to the weights of a network."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from engine.external.effective_weights import effective_state
from engine.models.base import Classifier
from engine.weight_files.wrappers import Candidate, candidates, variants

BUFFERS = ("mean", "std")  # of a Classifier: its input normalization
COUNTERS = ".num_batches_tracked"  # of batch norm; missing in older files
OWN = "net."  # prefix of the names of a Classifier's weights
PAIRS = {  # names that normalization layers give their means -> their standard deviations
    "mean": "std", "means": "stds", "_mean": "_std", "mu": "sigma", "new_mean": "new_std",
    "pixel_mean": "pixel_std", "image_mean": "image_std", "img_mean": "img_std",
    "mean_": "std_", "MEAN": "STD",
}  # fmt: skip
LARGEST_MEAN = 1.0  # of pixels in [0, 1]; larger means refer to pixels up to 255
OF_BYTES = 255.0
MOST_VARIANTS = 200  # subsets of a state dict that are tried


@dataclass(frozen=True, eq=False)
class Match:
    """A candidate compared with a network: its tensors under the Classifier's names, unconverted.

    exact: whether names and shapes match the network's; rest: the other tensors of the same state
    dict; of_bytes: whether the normalization referred to pixels up to 255 and was divided by 255;
    normalization: the names of mean and standard deviation in the file, if it has them.
    """

    label: str
    state: Mapping[str, Tensor]
    exact: bool
    rest: Sequence[str] = ()
    of_bytes: bool = False
    strange: Mapping[str, str] = field(default_factory=dict)
    normalization: Mapping[str, str] = field(default_factory=dict)


def matches(content: object, model: Classifier, entry: str = "") -> list[Match]:
    """All exact matches of `content` with this network, otherwise the single closest match.

    Empty if `content` has no tensors. entry: label of the only candidates to try; '' for all.
    """
    own, ours = own_state(model), isinstance(content, Mapping) and "facts" in content
    needed = sum(not _is_optional(name) for name in own)
    candidate_matches = [
        _match(variant, model, own, ours)
        for candidate in candidates(content)
        for variant in itertools.islice(variants(candidate, max(1, needed // 2)), MOST_VARIANTS)
        if entry in ("", variant.label)
    ]
    exact = [candidate for candidate in candidate_matches if candidate.exact]
    if exact or not candidate_matches:
        return exact
    return [
        max(
            candidate_matches,
            key=lambda candidate: (len(own.keys() & candidate.state.keys()), len(candidate.state)),
        )
    ]


def own_state(model: Classifier) -> dict[str, Tensor]:
    """The network's tensors on the CPU, under the Classifier's names."""
    return {name: value.detach().cpu() for name, value in model.state_dict().items()}


def _match(one: Candidate, model: Classifier, own: Mapping[str, Tensor], ours: bool) -> Match:
    names = [name.removeprefix(OWN) for name in own if name.startswith(OWN)]
    state = _as_wrapped(effective_state(one.tensors, names, model.net), names)
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
    """The tensors with the prefix that all names of the network share, if it is missing."""
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
    """(mean and std given in a file, their names there), preferably from the weights themselves."""
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
    """Whether the means refer to pixels from 0 to 255."""
    mean = pair.get("mean")
    if len(pair) != 2 or mean is None or not mean.numel():
        return False
    return bool(mean.float().max() > LARGEST_MEAN)


def _spread(value: Tensor, like: Tensor) -> Tensor:
    """A mean or deviation per channel in the shape of `like`; unchanged if its size differs."""
    if value.numel() not in (1, like.numel()):
        return value
    return value.float().reshape(-1).expand(like.numel()).reshape(like.shape).clone()


def _is_optional(name: str) -> bool:
    return name in BUFFERS or name.endswith(COUNTERS)
