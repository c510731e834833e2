"""Optional and fragile libraries, imported by name when they are needed."""

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
from typing import TYPE_CHECKING

from engine.errors import SpecError

if TYPE_CHECKING:
    pass


MOST_MISSING = 8  # operators of torchvision that a torch may lack


_schemas: list[object] = []  # operator libraries must stay referenced


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
