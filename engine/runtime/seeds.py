"""Random number generators, seeded from a study's seed and a salt.

Nothing in the engine draws from a global generator: every random number comes from a generator
made here, from a seed and a salt that states its purpose, so a probe cannot change a training run.
"""

from __future__ import annotations

import contextlib
import hashlib
import operator
import random
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

if TYPE_CHECKING:
    import torch


_global_seed_lock = threading.RLock()


def derive(seed: int, *salt: str | SupportsIndex) -> int:
    """A 63-bit seed for the purpose named by `salt`; independent for different salts."""
    parts = [part if isinstance(part, str) else int(operator.index(part)) for part in (seed, *salt)]
    text = repr(tuple(parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def numpy_generator(seed: int, *salt: str | SupportsIndex) -> np.random.Generator:
    """A numpy generator for (seed, purpose)."""
    return np.random.default_rng(derive(seed, *salt))


def generator(
    seed: int, *salt: str | SupportsIndex, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A torch generator on `device` for (seed, purpose)."""
    import torch

    result = torch.Generator(device=device)
    result.manual_seed(derive(seed, *salt))
    return result


@contextlib.contextmanager
def borrowed_global_seed(seed: int, *salt: str | SupportsIndex) -> Iterator[None]:
    """Seed torch's global generator for third-party code that uses no other, then restore it."""
    import torch

    # named explicitly, because torch warns where it has to guess among several GPUs
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with _global_seed_lock, torch.random.fork_rng(devices):
        torch.manual_seed(derive(seed, *salt))
        yield


@contextlib.contextmanager
def seeds_of_numpy_and_python(seed: int) -> Iterator[None]:
    """Seed numpy's and Python's global generators for third-party code, then restore them."""
    with _global_seed_lock:
        before = np.random.get_state(), random.getstate()
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(before[0])
            random.setstate(before[1])
