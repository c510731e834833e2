"""The device that computations run on, and process-wide settings of torch and the allocator."""

from __future__ import annotations

import ctypes
import functools
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
    """The device named `auto`, `cpu`, `cuda`, `cuda:i` or `mps`; SpecError if not available."""
    import torch

    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        raise SpecError(
            f"There is no device '{name}'. Use auto, cpu, cuda, cuda:0 (1, ...) or mps."
        )
    if name == "auto":
        if torch.cuda.is_available():
            _make_deterministic()
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
        _make_deterministic()
    if name == "mps" and not torch.backends.mps.is_available():
        raise SpecError("Device 'mps' is not available on this machine. Use --device cpu.")
    return torch.device(name)


def _make_deterministic() -> None:
    """Make CUDA results reproducible, and float32 operations compute in float32.

    By default cuDNN may sum in any order, and convolves float32 in TF32 (10-bit mantissa).
    """
    import torch

    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


@functools.cache
def native_bfloat16(kind: str) -> bool:
    """Whether devices of this kind ('cpu', 'cuda', 'mps') multiply bfloat16 faster than float32."""
    if kind not in ("cpu", "cuda"):
        return False
    import torch

    if kind == "cuda":
        return bool(torch.cuda.get_device_capability()[0] >= 8)
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported is not None and supported())


def preload_torch() -> None:
    """Load torch's shared libraries without holding the GIL.

    `import torch` loads them under the GIL, which would freeze a window for most of a second.
    """
    spec = importlib.util.find_spec("torch")
    if not sys.platform.startswith("linux") or spec is None or spec.origin is None:
        return
    load = ctypes.CDLL(None).dlopen  # a foreign call releases the GIL
    load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
    for name in ("libc10.so", "libtorch_cpu.so", "libtorch_python.so"):
        path = Path(spec.origin).parent / "lib" / name
        if path.is_file():
            load(os.fsencode(path), os.RTLD_LAZY)


def keep_freed_memory() -> None:
    """Make glibc's malloc keep large freed blocks for reuse.

    By default it returns them to the system, which then has to zero every page again: on small
    networks that took nearly half of the time of a forward pass. Does nothing on systems other
    than Linux with glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return
    for setting, size in ((M_MMAP_THRESHOLD, 32), (M_TRIM_THRESHOLD, 256), (M_TOP_PAD, 64)):
        mallopt(setting, size * 2**20)
