"""Random operations of user code, redirected to generators seeded by the study.

torch's global generator is shared by the whole process: seeding it or drawing from it affects every
other thread. `Redirection` redirects the random operations of one thread at the ATen level, where
functions, layers, initializers and distributions all end. On the CPU, the values are those of the
global generator with the same seed.
"""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from engine.errors import TrainingError
from engine.runtime.seeds import borrowed_global_seed, generator, seeds_of_numpy_and_python

FUSED_RNN = ("_cudnn_rnn", "miopen_rnn", "_lstm_mps")  # whose dropout has its own state
RATES = ("dropout_p", "dropout", "p")  # arguments that must be positive for a draw

Draw = Callable[[torch.Generator, tuple[Any, ...], dict[str, Any]], Any]


class Redirection(TorchDispatchMode):
    """Context in which random operations of this thread draw from these generators.

    generators: one per device type; a missing type gets its own, derived from the first one's
    seed. explicit: also redirect operations that are passed another generator. `draws` counts the
    redirected operations. TrainingError for the few that cannot be redirected.
    """

    def __init__(self, *generators: torch.Generator, explicit: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generators = {each.device.type: each for each in generators}
        self._explicit = explicit
        self.draws = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation, redirected if it is random."""
        named = kwargs or {}
        draw = _redirected(func)
        if draw is None:
            return func(*args, **named)
        target = self._for(_device(args, named))
        if target is None or self._keeps(_argument(func, "generator", args, named)):
            return func(*args, **named)
        self.draws += 1
        return draw(target, args, named)

    def _keeps(self, passed: torch.Generator | None) -> bool:
        """Whether an operation that is passed this generator keeps it."""
        if passed is None:
            return False
        handles = [getattr(each, "_cdata", None) for each in (passed, *self._generators.values())]
        return handles[0] in handles[1:] or not self._explicit  # the wrapper is new in each call

    def _for(self, device: torch.device) -> torch.Generator | None:
        """The generator for this device; None for meta tensors."""
        if device.type == "meta":
            return None
        if device.type not in self._generators:
            first = next(iter(self._generators.values()))
            self._generators[device.type] = generator(
                first.initial_seed(), device.type, device=device
            )
        return self._generators[device.type]


@contextlib.contextmanager
def seeded_global_draws(seed: int) -> Iterator[None]:
    """Make global random numbers drawn inside the block depend on this seed only.

    torch's are redirected, and its global generator is restored if the block seeds it; numpy's and
    Python's are seeded and restored.
    """
    redirected = torch.Generator()
    redirected.manual_seed(seed)
    before = torch.initial_seed(), torch.random.get_rng_state()
    try:
        with seeds_of_numpy_and_python(seed), Redirection(redirected):
            yield
    finally:
        if torch.initial_seed() != before[0]:
            torch.random.set_rng_state(before[1])


def other_generator_states() -> tuple[Any, ...]:
    """State of the generators that are not redirected: numpy's, Python's, and torch's seed."""
    kind, keys, *rest = np.random.get_state()
    return kind, bytes(np.asarray(keys)), rest, random.getstate(), torch.initial_seed()


# -- one operation --------------------------------------------------------------------------------


@functools.cache
def _redirected(func: Any) -> Draw | None:
    """A function that runs this operation with a generator; None if it is not random."""
    if _names(func).count("generator"):
        return functools.partial(_with_generator, func)
    if torch.Tag.nondeterministic_seeded not in func.tags:
        return None
    overload = _generator_overload(func)
    if overload is not None:
        return functools.partial(_with_generator, overload)
    by_hand = BY_HAND.get(func.overloadpacket.__name__)
    return by_hand or functools.partial(_seeded, func)


def _names(func: Any) -> list[str]:
    return [argument.name for argument in func._schema.arguments]


def _generator_overload(func: Any) -> Any:
    """The overload with the same arguments and a generator, or None."""
    names = sorted([*_names(func), "generator"])
    packet = func.overloadpacket
    others = (getattr(packet, name) for name in packet.overloads())
    return next((other for other in others if sorted(_names(other)) == names), None)


def _with_generator(
    func: Any, own: torch.Generator, args: tuple[Any, ...], named: dict[str, Any]
) -> Any:
    """Run the operation with this generator as its `generator` argument."""
    place = _names(func).index("generator")
    if len(args) > place and not func._schema.arguments[place].kwarg_only:
        return func(*args[:place], own, *args[place + 1 :], **named)
    return func(*args, **{**named, "generator": own})


def _rand_like(own: torch.Generator, args: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    return torch.empty_like(*args, **named).uniform_(generator=own)


def _randn_like(own: torch.Generator, args: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    return torch.empty_like(*args, **named).normal_(generator=own)


def _randint_like(own: torch.Generator, args: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    x, *ends = args
    low, high = (0, int(ends[0])) if len(ends) == 1 else map(int, ends)
    return torch.empty_like(x, **named).random_(low, high, generator=own)


def _native_dropout(
    own: torch.Generator, args: tuple[Any, ...], named: dict[str, Any]
) -> tuple[Tensor, Tensor]:
    x, p, *rest = args
    if not (rest[0] if rest else named.get("train", True)):
        return x.clone(), torch.ones_like(x, dtype=torch.bool)
    mask = torch.empty_like(x).bernoulli_(1 - p, generator=own)
    scale = 1 / (1 - p) if p < 1 else 0.0
    return x * mask * scale, mask.bool()


BY_HAND: dict[str, Draw] = {  # operations without an overload that takes a generator
    "rand_like": _rand_like,
    "randn_like": _randn_like,
    "randint_like": _randint_like,
    "native_dropout": _native_dropout,
}


def _seeded(func: Any, own: torch.Generator, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Run an operation that only draws from its device's global generator, temporarily seeded."""
    rates = [_argument(func, name, args, named) for name in RATES]
    if not any(isinstance(rate, float) and rate > 0 for rate in rates):
        return func(*args, **named)
    name = func.overloadpacket.__name__
    if name in FUSED_RNN:
        raise TrainingError(
            f"Dropout inside a recurrent layer ({name}) cannot be seeded on {own.device.type}, so "
            "training this network would not be reproducible. Set its dropout to 0 and add an "
            "nn.Dropout after it, or train on the CPU (--device cpu)."
        )
    seed = int(torch.randint(2**62, (), generator=own, device=own.device))
    with borrowed_global_seed(seed, name):
        return func(*args, **named)


def _argument(func: Any, name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The value of the argument of this name; None without one."""
    names = _names(func)
    if name in named or name not in names:
        return named.get(name)
    place = names.index(name)
    return args[place] if place < len(args) else None


def _device(args: Sequence[Any], named: Mapping[str, Any]) -> torch.device:
    """The device of an operation."""
    if named.get("device") is not None:
        return torch.device(named["device"])
    for value in (*args, *named.values()):
        if isinstance(value, Tensor):
            return value.device
    return torch.device("cpu")
