"""The device of a pipeline, chosen, and torch imported, when something is first computed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from engine.runtime.cores import use_cores
from engine.runtime.device import choose_device

if TYPE_CHECKING:
    import torch

ALWAYS_THERE = ("auto", "cpu")  # names that need no look at the machine

Loading = Callable[[], AbstractContextManager[None]]


class ComputeDevice:
    """Imports torch and chooses the device on first use. For use by one thread."""

    def __init__(
        self,
        name: str = "auto",
        spare_cores: int = 0,
        loading: Loading = contextlib.nullcontext,
    ) -> None:
        """SpecError if the device is missing.

        spare_cores: left free by torch for the interface; loading: the context of the import.
        """
        self._name, self._spare_cores, self._loading = name, spare_cores, loading
        self._device: torch.device | None = None
        if name not in ALWAYS_THERE or "torch" in sys.modules:
            self()

    @property
    def chosen(self) -> bool:
        """Whether something was computed already."""
        return self._device is not None

    def __call__(self) -> torch.device:
        """The device, with torch set up for it."""
        if self._device is None:
            with self._loading():
                use_cores(self._spare_cores)
            self._device = choose_device(self._name)
        return self._device
