"""State dicts in whatever wraps them: other people's checkpoints hold more than weights.

Only plain containers, tensors and what stands for unreadable ones come here, as
`checkpoints.read` gives them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from engine.weight_files.tensor_views import Unreadable

DEPTH = 6  # containers within each other
MOST = 100_000  # values that are looked at
MOST_BEGINNINGS = 32  # parts of a state dict whose names begin alike
LARGEST_NUMBER = 1e6  # that is taken for an accuracy
AVERAGES = "n_averaged"  # how many models torch's AveragedModel is the mean of
ACCURACIES = ("acc", "top1", "top_1", "prec1", "prec_1")  # in names of what a model reached
Tensors = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Candidate:
    """Tensors by name that may be a network's weights.

    label: where they lie, such as 'checkpoint.model', '' for the whole file; rest: tensors of the
    same state dict that are not among them; strange: names of tensors that no weights can be
    (sparse, quantized ...), with what they are.
    """

    label: str
    tensors: Tensors
    rest: Tensors = field(default_factory=dict)
    strange: Mapping[str, str] = field(default_factory=dict)


def candidates(content: object) -> list[Candidate]:
    """Every dict in `content` that holds tensors, outer ones first; optimizers' are left out."""
    if isinstance(content, Mapping) and not content:
        return [Candidate("", {})]
    return [
        _candidate(label, value)
        for label, value in _containers(content)
        if isinstance(value, Mapping)
        and any(isinstance(one, (Tensor, Unreadable)) for one in value.values())
    ]


def accuracy(content: object) -> float | None:
    """The largest accuracy in percent that a checkpoint says of its model, None without one."""
    claims = [
        _number(one)
        for _, value in _containers(content)
        if isinstance(value, Mapping)
        for name, one in value.items()
        if isinstance(name, str) and any(part in name.lower() for part in ACCURACIES)
    ]
    shares = [one * 100 if one <= 1 else one for one in claims if one is not None]
    return max((one for one in shares if 0 < one <= 100), default=None)


def variants(one: Candidate, fewest: int, depth: int = 2 * DEPTH) -> Iterator[Candidate]:
    """The candidate, and parts of it whose names begin alike, without that beginning.

    Parts of less than `fewest` tensors are left out, unless they are all that there is, and so are
    the smaller ones of very many, and beginnings of more than `depth` parts.
    """
    yield one
    if not depth:
        return
    groups: dict[str, Tensors] = defaultdict(dict)
    for name, value in one.tensors.items():
        head, dot, tail = name.partition(".")
        if dot and tail:
            groups[head][tail] = value
    largest = sorted(groups, key=lambda head: -len(groups[head]))[:MOST_BEGINNINGS]
    for head in (head for head in groups if head in largest):
        group = groups[head]
        if len(group) < fewest and len(groups) > 1:
            continue
        others = {n: v for n, v in one.tensors.items() if not n.startswith(f"{head}.")}
        averages = {AVERAGES} & set(others)
        rest = one.rest | {name: others[name] for name in others if name not in averages}
        label = one.label if len(groups) == 1 else ".".join(filter(None, (one.label, head)))
        yield from variants(Candidate(label, group, rest, one.strange), fewest, depth - 1)


def _candidate(label: str, value: Mapping[object, object]) -> Candidate:
    tensors = {str(name): one for name, one in value.items() if isinstance(one, Tensor)}
    rare = {str(name): one.kind for name, one in value.items() if isinstance(one, Unreadable)}
    return Candidate(label, tensors, strange=rare)


def _containers(content: object) -> Iterator[tuple[str, object]]:
    """(label, container) of all containers in `content`, each once; optimizers are left out."""
    waiting: list[tuple[str, object, int]] = [("", content, 0)]
    seen: set[int] = set()
    looked = 0
    while waiting:
        label, value, depth = waiting.pop(0)
        if id(value) in seen or _is_optimizer(value):
            continue
        seen.add(id(value))
        yield label, value
        for name, one in _children(value):
            looked += 1
            if looked > MOST:
                return
            if depth < DEPTH and isinstance(one, (Mapping, list, tuple)):
                waiting.append((".".join(filter(None, (label, str(name)))), one, depth + 1))


def _children(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        yield from enumerate(value)


def _is_optimizer(value: object) -> bool:
    return isinstance(value, Mapping) and {"state", "param_groups"} <= set(value)


def _number(value: object) -> float | None:
    if isinstance(value, Tensor):
        return float(value) if value.numel() == 1 else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if abs(value) < LARGEST_NUMBER else None
    return None
