"""Memory that is given back to the system: what malloc holds, and kernels that torch compiled."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engine.runtime import memory

FREED = """
import ctypes
import psutil
from engine.runtime.device import keep_freed_memory
from engine.runtime.memory import give_back
keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
blocks = [libc.malloc(100_000) for _ in range(1000)]
for block in blocks:
    ctypes.memset(block, 1, 100_000)
for block in blocks[:-1]:  # the last one keeps the top of the heap in place
    libc.free(block)
before = psutil.Process().memory_info().rss
give_back()
print(before - psutil.Process().memory_info().rss)
"""
SHAPES = """
import os
from engine.runtime import memory
if os.environ.get("KERNELS"):
    memory.KERNELS = int(os.environ["KERNELS"])
    memory.limit_kernel_caches()
import psutil, torch
torch.set_num_threads(1)
net = torch.nn.Conv2d(1, 64, 3).eval()
with torch.inference_mode():
    net(torch.rand(1, 1, 8, 8))
    before = psutil.Process().memory_info().rss
    for number in range(2, 250):
        net(torch.rand(number, 1, 8, 8))
    memory.give_back()
    print(psutil.Process().memory_info().rss - before)
"""


def printed(code: str, **variables: str) -> int:
    """The number that a process of this code prints."""
    environment = {
        name: value for name, value in os.environ.items() if name not in memory.KERNEL_CACHES
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment | variables, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_trim is glibc's")
def test_freed_memory_goes_back_to_the_system() -> None:
    assert printed(FREED) > 50e6


def test_kernels_of_many_batch_sizes_do_not_pile_up() -> None:
    unlimited = printed(SHAPES)
    if unlimited < 5e6:
        pytest.skip("this torch compiles no kernel for each batch size")
    assert printed(SHAPES, KERNELS="8") < unlimited / 2


def test_limits_that_are_set_are_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = memory.KERNEL_CACHES
    monkeypatch.setenv(first, "7")
    monkeypatch.setenv(second, "0")
    monkeypatch.delenv(second)
    memory.limit_kernel_caches()
    assert (os.environ[first], os.environ[second]) == ("7", str(memory.KERNELS))


@pytest.mark.parametrize("module", ["engine", "explorer"])
def test_the_program_limits_kernels_before_it_loads_torch(module: str) -> None:
    code = f"""
import sys
from {module} import __main__ as entry
real = entry.limit_kernel_caches
def limit():
    print(int("torch" in sys.modules))
    real()
entry.limit_kernel_caches = limit
entry.main(["--version"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split()[0] == "0"
