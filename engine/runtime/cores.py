"""Number of cores that torch uses, and how its threads wait for each other."""

from __future__ import annotations

import contextlib
import math
import os
import re
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")  # control groups, which limit containers


def set_passive_waiting() -> None:
    """Make OpenMP threads sleep while they wait; must be called before torch is loaded.

    By default torch's OpenMP threads spin for milliseconds at the end of every operation, and on a
    busy machine the thread they wait for then has no core to run on: on two cores under a load of
    12, a step of the small CNN (128 images of 8 x 8) took 1,358 ms with two spinning threads, 12 ms
    with two sleeping ones and 47 ms with one. Variables that are already set are respected.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def cores() -> int:
    """Cores available to this process, by its CPU affinity and its container's CPU quota."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _share_of_group()
    return max(1, min(affinity or 1, affinity or 1 if quota is None else math.ceil(quota)))


def use_cores(spare: int = 0, most: int | None = None) -> int:
    """Let torch use all cores but `spare` (for the interface), at most `most`; return the number.

    OMP_NUM_THREADS, if set, is an upper limit: on shared machines it states a job's allotment.
    """
    import torch

    requested = os.environ.get("OMP_NUM_THREADS", "")
    limits = [
        cores() - spare,
        most,
        int(requested) if re.fullmatch(r"[1-9]\d{0,4}", requested) else None,
    ]
    threads = max(1, min(limit for limit in limits if limit is not None))
    torch.set_num_threads(threads)
    return threads


def _share_of_group() -> float | None:
    """CPU quota of this process's control group, in cores; None without a limit."""
    with contextlib.suppress(OSError, ValueError):  # 'max' means no limit
        quota, period = (GROUPS / "cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        quota_us, period_us = (
            int((GROUPS / "cpu" / name).read_text(encoding="ascii")) for name in names
        )
        return quota_us / period_us if quota_us > 0 else None
    return None
