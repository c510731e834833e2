"""Optional and fragile libraries, imported on demand."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

from engine.errors import SpecError

MOST_MISSING = 8  # torchvision operators that may be missing beside a torch


_schemas: list[object] = []  # operator libraries must stay referenced


def torchvision(module: str = "torchvision") -> ModuleType:
    """Import torchvision (or one of its modules), even if its compiled operators do not load."""
    with torchvision_importable():
        return importlib.import_module(module)


@contextlib.contextmanager
def torchvision_importable() -> Iterator[None]:
    """Make torchvision importable inside the block, even if its compiled operators do not load.

    PyPI's torchvision registers its operators from a library built for CUDA; beside a CPU-only
    torch that library does not load, and the import fails on the first operator it describes.
    Only operators that turn out to be missing are declared, so real ones are left alone.
    Nothing is imported by this itself.
    """
    finder = _TorchvisionFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _TorchvisionFinder(importlib.abc.MetaPathFinder):
    """Finds torchvision and lets `_TorchvisionLoader` execute it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of torchvision itself; None for every other module."""
        if fullname != "torchvision":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _TorchvisionLoader(fullname, str(spec.origin))
        return spec


class _TorchvisionLoader(importlib.machinery.SourceFileLoader):
    """Executes torchvision again after declaring each operator that it misses."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module; RuntimeError if declaring operators does not help."""
        for _ in range(MOST_MISSING):
            try:
                return super().exec_module(module)
            except RuntimeError as error:
                _declare_missing(error)
                for name in [n for n in sys.modules if n.startswith("torchvision.")]:
                    del sys.modules[name]
        raise RuntimeError("torchvision cannot be imported with this version of torch")


def _declare_missing(error: RuntimeError) -> None:
    """Declare the operator named in this error; any other error is raised again."""
    import torch

    missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
    if not missing:
        raise error
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define(f"{missing[1]}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _schemas.append(library)


def require(package: str, what: str) -> None:
    """SpecError unless this optional package is installed.

    what: begins the message, such as 'Figures need'.
    """
    if importlib.util.find_spec(package) is None:
        raise SpecError(
            f"{what} the package {package}, which is not installed. Install it with "
            f"`pip install {package}`."
        )


def torchattacks() -> ModuleType:
    """Import torchattacks, with torchvision made importable; SpecError if it is not installed."""
    require("torchattacks", "FGSM and PGD need")
    with torchvision_importable():
        return importlib.import_module("torchattacks")
