"""torch's settings, which belong to the notebook and are as they were after every call."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.runtime.device import choose_device

if TYPE_CHECKING:
    import torch


@contextlib.contextmanager
def restored_torch_settings(device: torch.device | None = None) -> Iterator[None]:
    """Compute as in studies, on CUDA in float32 and repeatably; then restore torch's settings.

    device: the one that is computed on, None if nothing is. Without torch there is nothing to do.
    """
    if "torch" not in sys.modules:
        yield
        return
    from engine.user_code.global_settings import TORCH
    from engine.user_code.global_state import revert_settings, setting_values

    before = setting_values(TORCH)
    try:
        if device is not None and device.type == "cuda":
            choose_device(str(device))
        yield
    finally:
        revert_settings(before, TORCH)
