"""Random numbers of other people's code, drawn from generators of a study's own.

torch's global generator is one for the whole process: whoever seeds it or draws from it disturbs
every other thread. `Redirection` sends the random operations of one thread elsewhere, at the level
(aten) where functions, layers, initializers and distributions all end. Values on the CPU are those
that the global generator would give, were it seeded alike.
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

FUSED_RNN = ("_cudnn_rnn", "miopen_rnn", "_lstm_mps")  # whose dropout has a state of its own
RATES = ("dropout_p", "dropout", "p")  # names of arguments without which nothing is drawn

Draw = Callable[[torch.Generator, tuple[Any, ...], dict[str, Any]], Any]


class Redirection(TorchDispatchMode):
    """Within `with`, random operations of this thread draw from these generators.

    generators: one for each type of device; a type that is missing gets its own, seeded as the
    first one. explicit: also those operations that name another generator than these. `draws`
    counts the operations. TrainingError for the few that cannot be redirected.
    """

    def __init__(self, *generators: torch.Generator, explicit: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generators = {one.device.type: one for one in generators}
        self._explicit = explicit
        self.draws = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """The operation, redirected if it draws."""
        named = kwargs or {}
        draw = _redirected(func)
        if draw is None:
            return func(*args, **named)
        own = self._for(_device(args, named))
        if own is None or self._is_kept(_argument(func, "generator", args, named)):
            return func(*args, **named)
        self.draws += 1
        return draw(own, args, named)

    def _is_kept(self, given: torch.Generator | None) -> bool:
        """Whether an operation that names this generator is to draw from it."""
        if given is None:
            return False
        marks = [getattr(one, "_cdata", None) for one in (given, *self._generators.values())]
        return marks[0] in marks[1:] or not self._explicit  # wrapped anew in each call

    def _for(self, device: torch.device) -> torch.Generator | None:
        """The generator for this device; None where there are no values (meta)."""
        if device.type == "meta":
            return None
        if device.type not in self._generators:
            first = next(iter(self._generators.values()))
            self._generators[device.type] = generator(
                first.initial_seed(), device.type, device=device
            )
        return self._generators[device.type]


@contextlib.contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Run other people's code that draws global random numbers: the same for the same seed.

    torch's are redirected, and its global generator is left as it was, were it seeded within;
    numpy's and Python's are seeded and given back.
    """
    made = torch.Generator()
    made.manual_seed(seed)
    before = torch.initial_seed(), torch.random.get_rng_state()
    try:
        with seeds_of_numpy_and_python(seed), Redirection(made):
            yield
    finally:
        if torch.initial_seed() != before[0]:
            torch.random.set_rng_state(before[1])


def elsewhere() -> tuple[Any, ...]:
    """The state of generators that cannot be redirected: numpy's, Python's, and torch's seed."""
    kind, keys, *rest = np.random.get_state()
    return kind, bytes(np.asarray(keys)), rest, random.getstate(), torch.initial_seed()


# -- one operation --------------------------------------------------------------------------------


@functools.cache
def _redirected(func: Any) -> Draw | None:
    """How to run this operation with a generator; None where it draws nothing."""
    if _names(func).count("generator"):
        return functools.partial(_given, func)
    if torch.Tag.nondeterministic_seeded not in func.tags:
        return None
    sibling = _sibling(func)
    if sibling is not None:
        return functools.partial(_given, sibling)
    by_hand = BY_HAND.get(func.overloadpacket.__name__)
    return by_hand or functools.partial(_seeded, func)


def _names(func: Any) -> list[str]:
    return [one.name for one in func._schema.arguments]


def _sibling(func: Any) -> Any:
    """The overload with the same arguments and a generator, if there is one."""
    wanted = sorted([*_names(func), "generator"])
    packet = func.overloadpacket
    others = (getattr(packet, name) for name in packet.overloads())
    return next((one for one in others if sorted(_names(one)) == wanted), None)


def _given(func: Any, own: torch.Generator, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """The operation with this generator for its argument of that name."""
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
    kept = torch.empty_like(x).bernoulli_(1 - p, generator=own)
    scale = 1 / (1 - p) if p < 1 else 0.0
    return x * kept * scale, kept.bool()


BY_HAND: dict[str, Draw] = {  # where this torch has no overload with a generator
    "rand_like": _rand_like,
    "randn_like": _randn_like,
    "randint_like": _randint_like,
    "native_dropout": _native_dropout,
}


def _seeded(func: Any, own: torch.Generator, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """An operation that knows its device's global generator alone, which it gets seeded."""
    rates = [_argument(func, name, args, named) for name in RATES]
    if not any(isinstance(one, float) and one > 0 for one in rates):
        return func(*args, **named)
    name = func.overloadpacket.__name__
    if name in FUSED_RNN:
        raise TrainingError(
            f"Dropout within a recurrent layer ({name}) cannot be seeded on {own.device.type}, so "
            "this network would be another one each time. Set its dropout to 0 and put an "
            "nn.Dropout behind it, or train on the CPU (--device cpu)."
        )
    seed = int(torch.randint(2**62, (), generator=own, device=own.device))
    with borrowed_global_seed(seed, name):
        return func(*args, **named)


def _argument(func: Any, name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The value of an argument of this name, None where it has none."""
    names = _names(func)
    if name in named or name not in names:
        return named.get(name)
    place = names.index(name)
    return args[place] if place < len(args) else None


def _device(args: Sequence[Any], named: Mapping[str, Any]) -> torch.device:
    """Where an operation draws."""
    if named.get("device") is not None:
        return torch.device(named["device"])
    for one in (*args, *named.values()):
        if isinstance(one, Tensor):
            return one.device
    return torch.device("cpu")
