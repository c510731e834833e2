"""State dicts inside third-party checkpoints, which hold more than weights.

Works on the values that `checkpoints.read` returns: plain containers, tensors and `Unreadable`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from engine.weight_files.tensor_views import Unreadable

DEPTH = 6  # nested containers
MOST = 100_000  # values inspected
MOST_PREFIXES = 32  # groups of names with a common prefix
LARGEST_NUMBER = 1e6  # that can be an accuracy
AVERAGES = "n_averaged"  # number of models averaged by torch's AveragedModel
ACCURACIES = ("acc", "top1", "top_1", "prec1", "prec_1")  # in the names of accuracies
Tensors = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Candidate:
    """Tensors by name that may be a network's weights.

    label: their path in the file, such as 'checkpoint.model', '' for the whole file; rest: other
    tensors of the same state dict; strange: names and kinds of tensors that cannot be weights
    (sparse, quantized ...).
    """

    label: str
    tensors: Tensors
    rest: Tensors = field(default_factory=dict)
    strange: Mapping[str, str] = field(default_factory=dict)


def candidates(content: object) -> list[Candidate]:
    """Every dict in `content` that holds tensors, outer ones first, except optimizers' states."""
    if isinstance(content, Mapping) and not content:
        return [Candidate("", {})]
    return [
        _candidate(label, value)
        for label, value in _containers(content)
        if isinstance(value, Mapping)
        and any(isinstance(item, (Tensor, Unreadable)) for item in value.values())
    ]


def accuracy(content: object) -> float | None:
    """The largest accuracy (percent) stated in a checkpoint; None without one."""
    claims = [
        _number(item)
        for _, value in _containers(content)
        if isinstance(value, Mapping)
        for name, item in value.items()
        if isinstance(name, str) and any(part in name.lower() for part in ACCURACIES)
    ]
    shares = [claim * 100 if claim <= 1 else claim for claim in claims if claim is not None]
    return max((share for share in shares if 0 < share <= 100), default=None)


def variants(candidate: Candidate, fewest: int, depth: int = 2 * DEPTH) -> Iterator[Candidate]:
    """The candidate, and its groups of names with a common prefix, without that prefix.

    Left out are groups of fewer than `fewest` tensors, unless there is only one group, the smaller
    ones of very many groups, and prefixes of more than `depth` parts.
    """
    yield candidate
    if not depth:
        return
    groups: dict[str, Tensors] = defaultdict(dict)
    for name, value in candidate.tensors.items():
        head, dot, tail = name.partition(".")
        if dot and tail:
            groups[head][tail] = value
    largest = sorted(groups, key=lambda head: -len(groups[head]))[:MOST_PREFIXES]
    for head in (head for head in groups if head in largest):
        group = groups[head]
        if len(group) < fewest and len(groups) > 1:
            continue
        others = {n: v for n, v in candidate.tensors.items() if not n.startswith(f"{head}.")}
        averages = {AVERAGES} & set(others)
        rest = candidate.rest | {name: others[name] for name in others if name not in averages}
        label = (
            candidate.label if len(groups) == 1 else ".".join(filter(None, (candidate.label, head)))
        )
        yield from variants(Candidate(label, group, rest, candidate.strange), fewest, depth - 1)


def _candidate(label: str, value: Mapping[object, object]) -> Candidate:
    tensors = {str(name): item for name, item in value.items() if isinstance(item, Tensor)}
    strange = {str(name): item.kind for name, item in value.items() if isinstance(item, Unreadable)}
    return Candidate(label, tensors, strange=strange)


def _containers(content: object) -> Iterator[tuple[str, object]]:
    """(label, container) of all containers in `content`, each once, except optimizers' states."""
    queue: list[tuple[str, object, int]] = [("", content, 0)]
    visited: set[int] = set()
    n_values = 0
    while queue:
        label, value, depth = queue.pop(0)
        if id(value) in visited or _is_optimizer(value):
            continue
        visited.add(id(value))
        yield label, value
        for name, item in _children(value):
            n_values += 1
            if n_values > MOST:
                return
            if depth < DEPTH and isinstance(item, (Mapping, list, tuple)):
                queue.append((".".join(filter(None, (label, str(name)))), item, depth + 1))


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
