"""Tests of a user's network before anything is trained or measured.

A study presumes that a network in eval mode returns the same output for a sample whatever else is
in the batch and however often it is evaluated, and that its training is reproducible. Each network
is tested once per process on a few random samples, and checked again once it is trained.
"""

from __future__ import annotations

import collections
import copy
import itertools
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode

from engine.errors import NetworkError, SpecError
from engine.models.base import LIBRARIES, Classifier, Dropout, by_libraries, lay_out
from engine.runtime.seeds import generator
from engine.user_code import global_state
from engine.user_code.global_settings import SHARED_SETTINGS
from engine.user_code.randomness import Redirection, other_generator_states

SAMPLES = 4
SIZES = (1, 2, 3, 5, 17, 64, 128)  # of batches in which the same samples are evaluated
VALUES = 200_000  # input values in the largest of them
MANY = 1_000_000  # input values in a batch as large as those of perturbed copies
MOST = 100  # entries of a list or dict that are compared
PARAMETER_DICTS = ("_parameters", "_buffers", "_modules")
BATCH_DEPENDENCE = (
    "mixes the samples of a batch in eval mode: its output for a sample depends on the others in "
    "the batch, as with batch statistics. Use per-sample or running statistics."
)
TIMES = 3  # repetitions before a change of global state or randomness counts as the network's own
APART = 1e-3  # tolerance for rounding, relative to the largest logit


@dataclass(frozen=True)
class NetworkProperties:
    """Properties observed of a network: `Classifier.steady` and `Classifier.channels_last`."""

    steady: bool
    channels_last: bool


@dataclass(frozen=True)
class _Pass:
    """A pass over the samples: logits, and the random operations forward and in total."""

    logits: Tensor
    draws: int
    draws_in_all: int = 0


def tested_properties(
    model: Classifier, again: Callable[[], Classifier], name: str, shape: Sequence[int]
) -> NetworkProperties:
    """Test a network, without changing it, and return its properties.

    again: makes the same network from the same seed; name: its name in messages. Raises SpecError
    if a study of it would be meaningless or irreproducible, and whatever the network raises.
    """
    _refuse_bare_norms(model, name)
    x = torch.rand(SAMPLES, *shape, generator=generator(0, "trial", "samples"))
    _refuse_side_effects(lambda: _evaluated(_copy(model, name), x, 0), name)
    _refuse_side_effects(lambda: _refuse_tied_copies(model, x, name), name)
    _refuse_nonfinite(model, x, name)
    _refuse_randomness(model, x, name)
    _refuse_batch_dependence(model, x, name)
    _refuse_size_dependence(model, shape, name)
    _refuse_state_changes(model, x, name)
    _refuse_side_effects(lambda: _takes_channels_last(model, x), name)
    channels_last = _takes_channels_last(model, x)
    network = _copy(model, name)
    network.channels_last = channels_last
    _refuse_side_effects(lambda: _trained(_copy(network, name), x), name)
    first_pass = _trained(_copy(network, name), x)
    if first_pass.draws_in_all > first_pass.draws:
        raise SpecError(
            f"The network {name} draws random numbers in the backward pass, as dropout under "
            "torch.utils.checkpoint does, so its training is not reproducible. Remove one of the "
            "two."
        )
    _refuse_irreproducible_training(network, again(), first_pass.logits, x, name)
    return NetworkProperties(first_pass.draws == 0 and by_libraries(model), channels_last)


# -- checks ---------------------------------------------------------------------------------------


def _refuse_bare_norms(model: Classifier, name: str) -> None:
    for path, part in model.net.named_modules():
        if isinstance(part, _BatchNorm) and part.running_mean is None:
            where = f", {path}," if path else ""
            raise SpecError(
                f"The network {name} has a batch norm{where} without running statistics: its "
                "output for a sample would depend on the others in the batch. Remove "
                "track_running_stats=False, or use nn.GroupNorm."
            )


@torch.enable_grad()
def _refuse_tied_copies(model: Classifier, x: Tensor, name: str) -> None:
    """SpecError if a copy of the network still uses the weights of the original."""
    own = [parameter for parameter in model.parameters() if parameter.requires_grad]
    logits = _copy(model, name)(x)
    used = torch.autograd.grad(logits.sum(), own, allow_unused=True) if logits.requires_grad else ()
    if any(parameter is not None for parameter in used):
        raise SpecError(
            f"A copy of the network {name} still computes with the weights of the original, for "
            "example because a forward is assigned to a layer or a hook refers to another layer; "
            "unlearning would not reach them. Write such a layer as a class of its own."
        )


def _refuse_side_effects(work: Callable[[], object], name: str) -> None:
    """SpecError if `work` has side effects outside the network: on settings or random states."""
    _refuse_globals(lambda: _refuse_setting_changes(work, name), name)


def _refuse_globals(work: Callable[[], object], name: str) -> None:
    """SpecError if `work` changes the state of a generator that cannot be redirected."""
    for _ in range(TIMES):
        before, states = other_generator_states(), torch.random.get_rng_state()
        work()
        after = other_generator_states()
        if after[-1] != before[-1]:
            torch.random.set_rng_state(states)
        if after == before:
            return
    kinds = ("numpy.random", "numpy.random", "numpy.random", "Python's random", "a seed of its own")
    kind = next(kind for kind, a, b in zip(kinds, before, after, strict=True) if a != b)
    raise SpecError(
        f"The network {name} uses {kind} in its forward pass, which all threads of a program "
        "share, so its training is not reproducible. Draw random numbers with torch, such as "
        "torch.rand, without seeding it: they then come from the study's seed."
    )


def _refuse_randomness(model: Classifier, x: Tensor, name: str) -> None:
    network = _copy(model, name)
    first, *others = (_evaluated(network, x, seed) for seed in range(1 + TIMES))
    for other in others:  # noise may come to nearly the same once
        if torch.equal(first.logits.nan_to_num(), other.logits.nan_to_num()):
            continue
        if not first.draws and not _apart(first.logits, other.logits):
            continue
        raise SpecError(
            f"The network {name} is random in eval mode: evaluated twice on the same samples, it "
            "returned different outputs. Apply dropout and noise in training only, as "
            "F.dropout(x, p, self.training) does."
        )


def _refuse_batch_dependence(model: Classifier, x: Tensor, name: str) -> None:
    network = _copy(model, name)
    other = torch.cat([x[:1], x[1:].flip(-1).square()])
    if _apart(_evaluated(network, x, 0).logits[:1], _evaluated(network, other, 0).logits[:1]):
        raise NetworkError(name, BATCH_DEPENDENCE)


def _refuse_size_dependence(model: Classifier, shape: Sequence[int], name: str) -> None:
    """SpecError if outputs depend on the number or the order of the samples."""
    n = max(SAMPLES, min(max(SIZES) + 1, VALUES // math.prod(shape)))
    x = torch.rand(n, *shape, generator=generator(0, "trial", "sizes"))
    tried = _copy(model, name)
    logits = _evaluated(tried, x, 0).logits
    for size in (size for size in SIZES if size < n):
        if _apart(logits[:size], _evaluated(tried, x[:size], 0).logits):
            raise NetworkError(name, BATCH_DEPENDENCE)
    if _apart(logits, _evaluated(tried, x.flip(0), 0).logits.flip(0)):
        raise NetworkError(name, BATCH_DEPENDENCE)


def _refuse_nonfinite(model: Classifier, x: Tensor, name: str) -> None:
    if not _evaluated(_copy(model, name), x, 0).logits.isfinite().all():
        raise NetworkError(
            name,
            "returns NaN or infinite values for random samples before any training. Look for a "
            "division by 0, a logarithm of 0, or uninitialized weights.",
        )


def _refuse_state_changes(model: Classifier, x: Tensor, name: str) -> None:
    """SpecError if evaluating the network changes it."""
    network = _copy(model, name)
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    _evaluated(network, x, 0)
    before = _memory(network)
    _evaluated(network, x, 0)
    after = _memory(network)
    changed = [
        name for name, value in network.state_dict().items() if _differ(weights[name], value)
    ]
    changed += [name for name in after if after[name] != before.get(name)]
    if changed:
        raise NetworkError(
            name,
            f"changes {changed[0].removeprefix('net.')} each time it is evaluated in eval mode, so "
            "its outputs may depend on the number of evaluations. Change it in training only (if "
            "self.training).",
        )


def _refuse_setting_changes(work: Callable[[], object], name: str) -> None:
    """SpecError if `work` changes a process-wide setting, even temporarily."""
    before = global_state.setting_values()
    with _Watch() as watch:
        work()
    changed = [*watch.changed, *global_state.revert_settings(before)]
    if changed:
        raise NetworkError(
            name,
            f"changes {changed[0]} in a pass, forward or backward, which other computations of the "
            "program depend on. Remove that.",
        )


class _Watch(TorchDispatchMode):
    """Checks at every operation whether settings shared by all threads have changed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._before = global_state.setting_values(SHARED_SETTINGS)
        self.changed: list[str] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation unchanged."""
        now = global_state.setting_values(SHARED_SETTINGS)
        if now != self._before and not self.changed:
            pairs = zip(SHARED_SETTINGS, self._before, now, strict=True)
            self.changed = [one.name for one, a, b in pairs if a != b]
        return func(*args, **(kwargs or {}))


# -- checks of trained networks -------------------------------------------------------------------


@torch.inference_mode()
def check_batch_independence(model: Classifier, x: Tensor, logits: Tensor) -> None:
    """NetworkError if a user's network depends on the composition of the batch.

    x: (n, *shape); logits: (n, K), computed in batches of the size used for measuring.
    """
    assert model.guest is not None
    alone = torch.cat([model(sample) for sample in x[:SAMPLES].split(1)])
    times = max(1, MANY // x.numel())
    in_large_batch = model(x.flip(0).repeat(times, *(1,) * (x.ndim - 1)))
    if _apart(logits[:SAMPLES], alone) or _apart(logits.flip(0).repeat(times, 1), in_large_batch):
        model.guest.refuse(BATCH_DEPENDENCE.removesuffix("."), model.net)


def check_repeatability(model: Classifier, first: Tensor, second: Tensor) -> None:
    """NetworkError if a user's network returned different logits (n, K) for the same samples."""
    assert model.guest is not None
    if _apart(first, second):
        model.guest.refuse(
            "returns different outputs when it is evaluated again on the same samples. Apply "
            "noise, counters and statistics in training only",
            model.net,
        )


def _refuse_irreproducible_training(
    model: Classifier, again: Classifier, wanted: Tensor, x: Tensor, name: str
) -> None:
    """SpecError unless a training pass is reproducible, both from scratch and when resumed."""
    again.channels_last = model.channels_last
    if _apart(wanted, _trained(again, x).logits):
        raise SpecError(
            f"The network {name}, made twice from the same seed, differs each time: a random "
            "number in it does not come from torch, numpy.random or Python's random, but for "
            "example from an unseeded numpy.random.default_rng(). Draw it with torch."
        )
    resumed = _copy(model, name)
    _trained(resumed, x)
    resumed.load_state_dict(model.state_dict())
    if _apart(wanted, _trained(resumed, x).logits):
        raise SpecError(
            f"The network {name} keeps training state outside its state dict, such as a random "
            "generator or a counter, so interrupted training could not be resumed exactly. Draw "
            "random numbers with torch only, and keep other state in buffers."
        )


# -- state of a network ---------------------------------------------------------------------------


def _memory(model: Classifier) -> dict[str, Any]:
    """State of layers, their classes and modules besides weights and buffers, as plain values."""
    state: dict[str, Any] = {}
    for path, part in model.net.named_modules():
        own = {name: value for name, value in vars(part).items() if name not in PARAMETER_DICTS}
        state |= {f"{path}.{name}".lstrip("."): _plain(value) for name, value in own.items()}
        for kind in type(part).__mro__:
            if kind.__module__.partition(".")[0] not in (*LIBRARIES, "builtins"):
                module = vars(sys.modules.get(kind.__module__, object))
                for scope, values in ((kind.__name__, vars(kind)), (kind.__module__, module)):
                    state |= {f"{scope}.{name}": _plain(value) for name, value in values.items()}
    return state


def _plain(value: Any, depth: int = 2) -> Any:
    """A value that can be compared later; None if it cannot."""
    if isinstance(value, (bool, int, float, str, itertools.count)):
        return repr(value)
    if isinstance(value, Tensor) and not value.is_meta:
        return tuple(value.shape), str(value.detach().double().nan_to_num().sum().item())
    if isinstance(value, (list, tuple, set, dict, collections.deque)) and depth:
        values = value.values() if isinstance(value, dict) else value
        return len(value), [_plain(one, depth - 1) for one in itertools.islice(values, MOST)]
    return None


def _differ(one: Tensor, other: Tensor) -> bool:
    return one.shape != other.shape or not torch.equal(one.nan_to_num(), other.nan_to_num())


# -- passes ---------------------------------------------------------------------------------------


def _copy(model: Classifier, name: str) -> Classifier:
    """A copy whose last layer is nonzero, even if its author initialized it to 0."""
    try:
        duplicate = copy.deepcopy(model)
    except Exception as error:  # user classes may forbid copying in any way
        raise SpecError(
            f"The network {name} cannot be copied, as every unlearning method requires: "
            f"copy.deepcopy gives {type(error).__name__}: {error}"
        ) from error
    duplicate.steady = True  # its random operations are counted here
    weight = duplicate.head._parameters.get("weight")
    if weight is not None and not weight.any():
        nn.init.normal_(weight, generator=generator(0, "trial", "head"))
    return duplicate


@torch.no_grad()
def _evaluated(model: Classifier, x: Tensor, number: int) -> _Pass:
    with Redirection(generator(number, "trial", "eval"), explicit=True) as mode:
        logits: Tensor = model.eval()(x)
    return _Pass(logits, mode.draws)


@torch.enable_grad()
def _trained(model: Classifier, x: Tensor) -> _Pass:
    """A forward and backward pass in train mode, reproducible as far as torch's generators go."""
    own = generator(0, "trial", "train")
    model.train().steady = True
    for part in model.modules():
        if isinstance(part, Dropout):
            part.generator = own
    lay_out(model, torch.channels_last)
    if model.channels_last and x.ndim == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    with Redirection(own, explicit=True) as mode:
        logits: Tensor = model(x)
        draws = mode.draws
        logits.logsumexp(1).sum().backward()
    return _Pass(logits.detach(), draws, mode.draws)


def _takes_channels_last(model: Classifier, x: Tensor) -> bool:
    """Whether it works with channels-last feature maps, on which `view` may fail."""
    try:
        _trained(copy.deepcopy(model), x)
    except (RuntimeError, NetworkError):
        return False
    return True


def _apart(one: Tensor, other: Tensor) -> bool:
    one, other = one.nan_to_num(0, 0, 0), other.nan_to_num(0, 0, 0)
    return bool((one - other).abs().max() > APART * (1 + other.abs().max()))
