"""Where and how computations run: device, seeded generators, and the torchvision import.

Nothing in the engine uses a global seed: every random number comes from a generator made here
from a seed and a salt that says what it is for, so that a probe cannot change a training run.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import SpecError

if TYPE_CHECKING:
    import torch

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # glibc's names and numbers


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
