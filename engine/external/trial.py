"""What somebody's own network is tried for before anything is trained or measured.

A study presumes that a network in eval mode says of a sample what it says, whoever else is in the
batch and however often it is asked; and that its training can be repeated. Each network is tried
once a session, on a few random samples, and asked again once it is trained.
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
from engine.user_code.global_settings import SHARED
from engine.user_code.randomness import Redirection, elsewhere

SAMPLES = 4
SIZES = (1, 2, 3, 5, 17, 64, 128)  # of batches in which the same samples are asked about
VALUES = 200_000  # of input in the largest of them
MANY = 1_000_000  # values of input in a batch as large as those of copies
MOST = 100  # entries of a list or dict that are compared
HELD = ("_parameters", "_buffers", "_modules")
COMPANY = (
    "answers for the whole batch in eval mode: what it says of a sample depends on the others "
    "beside it, as with batch statistics. Take statistics over each sample, or running ones."
)
TIMES = 3  # that a change of a global state, or chance, must be seen: it may have another cause
APART = 1e-3  # of the largest logit, by which answers may differ through rounding


@dataclass(frozen=True)
class Habits:
    """What a network was seen to do: `Classifier.steady` and `Classifier.channels_last`."""

    steady: bool
    channels_last: bool


@dataclass(frozen=True)
class _Pass:
    """A pass of the samples: logits, and the random operations forward and in all."""

    logits: Tensor
    draws: int
    draws_in_all: int = 0


def habits(
    model: Classifier, again: Callable[[], Classifier], name: str, shape: Sequence[int]
) -> Habits:
    """What this network does in training; it is left as it was.

    again: makes the same network from the same seed; name: for sentences. SpecError where a study
    of it would mean nothing or could not be repeated; whatever the network raises.
    """
    _refuse_bare_norms(model, name)
    x = torch.rand(SAMPLES, *shape, generator=generator(0, "trial", "samples"))
    _refuse_traces(lambda: _answers(_copy(model, name), x, 0), name)
    _refuse_traces(lambda: _refuse_ties(model, x, name), name)
    _refuse_no_numbers(model, x, name)
    _refuse_chance(model, x, name)
    _refuse_company(model, x, name)
    _refuse_sizes(model, shape, name)
    _refuse_memory(model, x, name)
    _refuse_traces(lambda: _takes_channels_last(model, x), name)
    channels_last = _takes_channels_last(model, x)
    tried = _copy(model, name)
    tried.channels_last = channels_last
    _refuse_traces(lambda: _trained(_copy(tried, name), x), name)
    once = _trained(_copy(tried, name), x)
    if once.draws_in_all > once.draws:
        raise SpecError(
            f"The network {name} draws random numbers while gradients are taken, as dropout under "
            "torch.utils.checkpoint does; its training could not be repeated. Leave one of the "
            "two out."
        )
    _refuse_other_training(tried, again(), once.logits, x, name)
    return Habits(once.draws == 0 and by_libraries(model), channels_last)


# -- what is refused ------------------------------------------------------------------------------


def _refuse_bare_norms(model: Classifier, name: str) -> None:
    for path, part in model.net.named_modules():
        if isinstance(part, _BatchNorm) and part.running_mean is None:
            where = f", {path}," if path else ""
            raise SpecError(
                f"The network {name} has a batch norm{where} without running statistics: what it "
                "says of a sample would depend on the others in its batch. Leave out "
                "track_running_stats=False, or use nn.GroupNorm."
            )


@torch.enable_grad()
def _refuse_ties(model: Classifier, x: Tensor, name: str) -> None:
    """SpecError where a copy of the network goes on using the weights of the original."""
    own = [one for one in model.parameters() if one.requires_grad]
    said = _copy(model, name)(x)
    used = torch.autograd.grad(said.sum(), own, allow_unused=True) if said.requires_grad else ()
    if any(one is not None for one in used):
        raise SpecError(
            f"A copy of the network {name} still computes with the weights of the original, as "
            "where a forward is set on a layer or a hook holds another layer; unlearning would "
            "not reach them. Write such a layer as a class of its own."
        )


def _refuse_traces(work: Callable[[], object], name: str) -> None:
    """SpecError where `work` leaves a trace outside of the network: a setting, a random state."""
    _refuse_globals(lambda: _refuse_changes(work, name), name)


def _refuse_globals(work: Callable[[], object], name: str) -> None:
    """SpecError where `work` changes the state of a generator that cannot be redirected."""
    for _ in range(TIMES):
        before, states = elsewhere(), torch.random.get_rng_state()
        work()
        after = elsewhere()
        if after[-1] != before[-1]:
            torch.random.set_rng_state(states)
        if after == before:
            return
    kinds = ("numpy.random", "numpy.random", "numpy.random", "Python's random", "a seed of its own")
    kind = next(one for one, a, b in zip(kinds, before, after, strict=True) if a != b)
    raise SpecError(
        f"The network {name} uses {kind} in its forward pass, which all threads of a program "
        "share, so its training could not be repeated. Draw its random numbers by torch, such as "
        "torch.rand, without seeding it: they then come from the study's seed."
    )


def _refuse_chance(model: Classifier, x: Tensor, name: str) -> None:
    tried = _copy(model, name)
    first, *others = (_answers(tried, x, seed) for seed in range(1 + TIMES))
    for other in others:  # noise may come to nearly the same once
        if torch.equal(first.logits.nan_to_num(), other.logits.nan_to_num()):
            continue
        if not first.draws and not _apart(first.logits, other.logits):
            continue
        raise SpecError(
            f"The network {name} is random in eval mode: asked twice about the same samples, it "
            "gave different answers. Let dropout and noise act in training alone, as "
            "F.dropout(x, p, self.training) does."
        )


def _refuse_company(model: Classifier, x: Tensor, name: str) -> None:
    tried = _copy(model, name)
    other = torch.cat([x[:1], x[1:].flip(-1).square()])
    if _apart(_answers(tried, x, 0).logits[:1], _answers(tried, other, 0).logits[:1]):
        raise NetworkError(name, COMPANY)


def _refuse_sizes(model: Classifier, shape: Sequence[int], name: str) -> None:
    """SpecError where an answer depends on how many samples are asked about, or in what order."""
    n = max(SAMPLES, min(max(SIZES) + 1, VALUES // math.prod(shape)))
    x = torch.rand(n, *shape, generator=generator(0, "trial", "sizes"))
    tried = _copy(model, name)
    said = _answers(tried, x, 0).logits
    for size in (one for one in SIZES if one < n):
        if _apart(said[:size], _answers(tried, x[:size], 0).logits):
            raise NetworkError(name, COMPANY)
    if _apart(said, _answers(tried, x.flip(0), 0).logits.flip(0)):
        raise NetworkError(name, COMPANY)


def _refuse_no_numbers(model: Classifier, x: Tensor, name: str) -> None:
    if not _answers(_copy(model, name), x, 0).logits.isfinite().all():
        raise NetworkError(
            name,
            "gives values that are no finite numbers for random samples, before any training. "
            "Look for a division by 0, the logarithm of 0 or weights that were never set.",
        )


def _refuse_memory(model: Classifier, x: Tensor, name: str) -> None:
    """SpecError where being asked changes the network: the same question, twice, must not."""
    tried = _copy(model, name)
    weights = {one: value.clone() for one, value in tried.state_dict().items()}
    _answers(tried, x, 0)
    before = _memory(tried)
    _answers(tried, x, 0)
    after = _memory(tried)
    changed = [one for one, value in tried.state_dict().items() if _differ(weights[one], value)]
    changed += [one for one in after if after[one] != before.get(one)]
    if changed:
        raise NetworkError(
            name,
            f"changes {changed[0].removeprefix('net.')} each time it is asked in eval mode, so its "
            "answers could depend on how often that was. Change it in training alone (if "
            "self.training).",
        )


def _refuse_changes(work: Callable[[], object], name: str) -> None:
    """SpecError where `work` changes a setting of the process, if only for a while."""
    before = global_state.values()
    with _Watch() as watch:
        work()
    changed = [*watch.changed, *global_state.undone(before)]
    if changed:
        raise NetworkError(
            name,
            f"changes {changed[0]} in a pass, forward or back, which other computations of the "
            "program depend on. Leave that out.",
        )


class _Watch(TorchDispatchMode):
    """Looks, at every operation, whether settings that all threads share are as they were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._before = global_state.values(SHARED)
        self.changed: list[str] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """The operation as it is."""
        now = global_state.values(SHARED)
        if now != self._before and not self.changed:
            pairs = zip(SHARED, self._before, now, strict=True)
            self.changed = [one.name for one, a, b in pairs if a != b]
        return func(*args, **(kwargs or {}))


# -- what a trained network is asked --------------------------------------------------------------


@torch.inference_mode()
def check_company(model: Classifier, x: Tensor, said: Tensor) -> None:
    """NetworkError where a guest says something else of samples alone, or in other company.

    x: (n, *shape); said: (n, K) logits, in batches of the size that is used in measuring.
    """
    assert model.guest is not None
    alone = torch.cat([model(one) for one in x[:SAMPLES].split(1)])
    times = max(1, MANY // x.numel())
    many = model(x.flip(0).repeat(times, *(1,) * (x.ndim - 1)))
    if _apart(said[:SAMPLES], alone) or _apart(said.flip(0).repeat(times, 1), many):
        model.guest.refuse(COMPANY.removesuffix("."), model.net)


def check_again(model: Classifier, first: Tensor, second: Tensor) -> None:
    """NetworkError where a guest said different logits (n, K) of the same samples in a row."""
    assert model.guest is not None
    if _apart(first, second):
        model.guest.refuse(
            "gives other answers when it is asked once more about the same samples. Let noise, "
            "counters and statistics act in training alone",
            model.net,
        )


def _refuse_other_training(
    model: Classifier, again: Classifier, wanted: Tensor, x: Tensor, name: str
) -> None:
    """SpecError unless the same training pass says the same once more, here and when resumed."""
    again.channels_last = model.channels_last
    if _apart(wanted, _trained(again, x).logits):
        raise SpecError(
            f"The network {name}, made twice from the same seed, is another one each time: a "
            "random number in it comes from somewhere else than torch, numpy.random or Python's "
            "random, such as an unseeded numpy.random.default_rng(). Draw it by torch."
        )
    resumed = _copy(model, name)
    _trained(resumed, x)
    resumed.load_state_dict(model.state_dict())
    if _apart(wanted, _trained(resumed, x).logits):
        raise SpecError(
            f"The network {name} remembers something of its training outside of its state dict, "
            "such as a random generator or a counter; a training that is interrupted could not go "
            "on as it was. Draw random numbers by torch alone, and keep the rest in buffers."
        )


# -- what a network remembers ---------------------------------------------------------------------


def _memory(model: Classifier) -> dict[str, Any]:
    """What layers, their classes and files hold beside weights and buffers, as plain values."""
    found: dict[str, Any] = {}
    for path, part in model.net.named_modules():
        own = {name: value for name, value in vars(part).items() if name not in HELD}
        found |= {f"{path}.{name}".lstrip("."): _plain(value) for name, value in own.items()}
        for kind in type(part).__mro__:
            if kind.__module__.partition(".")[0] not in (*LIBRARIES, "builtins"):
                home = vars(sys.modules.get(kind.__module__, object))
                for scope, values in ((kind.__name__, vars(kind)), (kind.__module__, home)):
                    found |= {f"{scope}.{name}": _plain(one) for name, one in values.items()}
    return found


def _plain(value: Any, depth: int = 2) -> Any:
    """A value that can be compared later; None of what cannot."""
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
    """A copy whose last layer says something, also where its author set it to 0."""
    try:
        made = copy.deepcopy(model)
    except Exception as error:  # a stranger's class may forbid it in any way
        raise SpecError(
            f"The network {name} cannot be copied, which every unlearning method does with it: "
            f"copy.deepcopy gives {type(error).__name__}: {error}"
        ) from error
    made.steady = True  # its random operations are counted here
    weight = made.head._parameters.get("weight")
    if weight is not None and not weight.any():
        nn.init.normal_(weight, generator=generator(0, "trial", "head"))
    return made


@torch.no_grad()
def _answers(model: Classifier, x: Tensor, number: int) -> _Pass:
    with Redirection(generator(number, "trial", "eval"), explicit=True) as mode:
        logits: Tensor = model.eval()(x)
    return _Pass(logits, mode.draws)


@torch.enable_grad()
def _trained(model: Classifier, x: Tensor) -> _Pass:
    """A pass forward and back in train mode, the same each time as far as torch's numbers go."""
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
    """Whether it computes maps in channels-last order, in which `view` fails at times."""
    try:
        _trained(copy.deepcopy(model), x)
    except (RuntimeError, NetworkError):
        return False
    return True


def _apart(one: Tensor, other: Tensor) -> bool:
    one, other = one.nan_to_num(0, 0, 0), other.nan_to_num(0, 0, 0)
    return bool((one - other).abs().max() > APART * (1 + other.abs().max()))
