"""Where and how computations run: device, seeded generators, and the torchvision import.

Nothing in the engine uses a global seed: every random number comes from a generator made here
from a seed and a salt that says what it is for, so that a probe cannot change a training run.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import operator
import os
import random
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from engine.errors import SpecError

if TYPE_CHECKING:
    import torch

MOST_MISSING = 8  # operators of torchvision that a torch may lack
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # glibc's names and numbers

_attack_lock = threading.RLock()
_schemas: list[object] = []  # operator libraries must stay referenced


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

    made = torch.Generator(device=device)
    made.manual_seed(derive(seed, *salt))
    return made


@contextlib.contextmanager
def borrowed_global_seed(seed: int, *salt: str | SupportsIndex) -> Iterator[None]:
    """Seed torch's global generator for third-party code that knows no other, then restore it."""
    import torch

    # named explicitly, because torch warns where it has to guess among several GPUs
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with _attack_lock, torch.random.fork_rng(devices):
        torch.manual_seed(derive(seed, *salt))
        yield


@contextlib.contextmanager
def seeds_of_numpy_and_python(seed: int) -> Iterator[None]:
    """Seed numpy's and Python's global generators for third-party code, then restore them."""
    with _attack_lock:
        before = np.random.get_state(), random.getstate()
        np.random.seed(seed % 2**32)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(before[0])
            random.setstate(before[1])


def choose_device(name: str = "auto") -> torch.device:
    """The device called `auto`, `cpu`, `cuda`, `cuda:i` or `mps`; SpecError if it is not here."""
    import torch

    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        raise SpecError(
            f"There is no device '{name}'. Use auto, cpu, cuda, cuda:0 (1, ...) or mps."
        )
    if name == "auto":
        if torch.cuda.is_available():
            _compute_alike()
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = int(name.partition(":")[2] or 0)
        if index >= count:
            raise SpecError(
                f"Device '{name}' is not available: this PyTorch sees {count} CUDA devices. "
                "Use --device cpu, or install a CUDA build of PyTorch."
            )
        _compute_alike()
    if name == "mps" and not torch.backends.mps.is_available():
        raise SpecError("Device 'mps' is not available on this machine. Use --device cpu.")
    return torch.device(name)


def _compute_alike() -> None:
    """Have CUDA give the same result every time, and float32 where float32 is asked for.

    By itself cuDNN may add in any order, and convolves float32 in TF32, of 10 bits' precision.
    """
    import torch

    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def preload_torch() -> None:
    """Load torch's libraries from disk while other threads go on.

    `import torch` does it under Python's lock, which would stop a window for most of a second.
    """
    found = importlib.util.find_spec("torch")
    if not sys.platform.startswith("linux") or found is None or found.origin is None:
        return
    load = ctypes.CDLL(None).dlopen  # called as a foreign function: without the lock
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    for name in ("libc10.so", "libtorch_cpu.so", "libtorch_python.so"):
        path = Path(found.origin).parent / "lib" / name
        if path.is_file():
            load(os.fsencode(path), os.RTLD_LAZY)


def keep_freed_memory() -> None:
    """Have the C library (glibc) keep the blocks that tensors leave for those that come next.

    By itself it gives large ones back to the system, which then has to clear every page again:
    measured on small networks, that took nearly half of the time of a forward pass. Elsewhere than
    on Linux with glibc this does nothing.
    """
    tell = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if tell is None:
        return
    for setting, size in ((M_MMAP_THRESHOLD, 32), (M_TRIM_THRESHOLD, 256), (M_TOP_PAD, 64)):
        tell(setting, size * 2**20)


def torchvision(module: str = "torchvision") -> ModuleType:
    """Import torchvision (or one of its modules), also beside a torch without its operators."""
    with torchvision_importable():
        return importlib.import_module(module)


@contextlib.contextmanager
def torchvision_importable() -> Iterator[None]:
    """Let whatever runs within import torchvision, also beside a torch without its operators.

    PyPI's torchvision registers its operators from a library built for CUDA; beside a CPU-only
    torch that library does not load, and the import fails on the first operator it describes.
    Only the operators that turn out to be missing are declared, so real ones are left alone.
    Nothing is imported unless somebody asks for it.
    """
    finder = _TorchvisionFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _TorchvisionFinder(importlib.abc.MetaPathFinder):
    """Finds torchvision where it is, and has it run by `_TorchvisionLoader`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of torchvision itself; other modules are found by others."""
        if fullname != "torchvision":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _TorchvisionLoader(fullname, str(spec.origin))
        return spec


class _TorchvisionLoader(importlib.machinery.SourceFileLoader):
    """Runs torchvision again after each operator that it misses has been declared."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module; RuntimeError where declaring operators does not help."""
        for _ in range(MOST_MISSING):
            try:
                return super().exec_module(module)
            except RuntimeError as error:
                _declare_missing(error)
                for name in [n for n in sys.modules if n.startswith("torchvision.")]:
                    del sys.modules[name]
        raise RuntimeError("torchvision cannot be imported beside this torch")


def _declare_missing(error: RuntimeError) -> None:
    """Declare the operator that this error misses; the error itself where it is another."""
    import torch

    missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
    if not missing:
        raise error
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define(f"{missing[1]}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _schemas.append(library)


def require(package: str, what: str) -> None:
    """Do nothing where this package is installed; SpecError says who needs it where it is not.

    what: begins the sentence, such as 'Figures need'. For packages that the rest does without.
    """
    if importlib.util.find_spec(package) is None:
        raise SpecError(
            f"{what} the package {package}, which is not installed here. Install it by "
            f"`pip install {package}`."
        )


def torchattacks() -> ModuleType:
    """Import torchattacks after torchvision has been made importable; SpecError without it."""
    require("torchattacks", "FGSM and PGD need")
    with torchvision_importable():
        return importlib.import_module("torchattacks")
