"""How many cores torch computes with, and how its threads wait for each other."""

from __future__ import annotations

import contextlib
import math
import os
import re
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")  # of control groups, which containers have


def wait_asleep() -> None:
    """Have threads that wait for each other sleep; to be said before torch is loaded.

    By itself the library under torch (OpenMP) lets them spin, at the end of every operation, for
    milliseconds. Whoever is waited for then has no core to run on where the machine does anything
    else: on two cores under a load of 12, a step of the small CNN (128 images of 8 x 8) took 1,358
    ms with two threads that spin, 12 with two that sleep and 47 with one. What is set stays.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def cores() -> int:
    """Cores that this process may use: those it is bound to, and its container's share of time."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    share = _share_of_group()
    return max(1, min(bound or 1, bound or 1 if share is None else math.ceil(share)))


def use_cores(spare: int = 0, most: int | None = None) -> int:
    """Let torch use all cores but `spare` (an interface's own), at most `most`; how many it uses.

    OMP_NUM_THREADS is a limit where it is set: on shared machines it says what a job was given.
    """
    import torch

    asked = os.environ.get("OMP_NUM_THREADS", "")
    limits = [cores() - spare, most, int(asked) if re.fullmatch(r"[1-9]\d{0,4}", asked) else None]
    threads = max(1, min(limit for limit in limits if limit is not None))
    torch.set_num_threads(threads)
    return threads


def _share_of_group() -> float | None:
    """Cores' worth of time that the control group of this process gets; None: no limit."""
    with contextlib.suppress(OSError, ValueError):  # 'max' is no number: there is no limit
        quota, period = (GROUPS / "cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        quota_us, period_us = (
            int((GROUPS / "cpu" / name).read_text(encoding="ascii")) for name in names
        )
        return quota_us / period_us if quota_us > 0 else None
    return None
