"""Samples and labels as a notebook has them: tensors or arrays, checked and brought to one form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.errors import SpecError

SHAPES = "(n, C, H, W) for images or (n, d) for features"


@dataclass(frozen=True, eq=False)
class GivenSamples:
    """x (n, C, H, W) or (n, d): uint8 from 0 to 255, or float32 in [0, 1]; y (n,) int64."""

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def pixels(self, device: torch.device) -> Tensor:
        """(n, *shape) float32 in [0, 1] on this device."""
        x = torch.from_numpy(self.x).to(device)
        return x.float() / 255 if x.dtype == torch.uint8 else x

    def require_classes(self, n_classes: int, model: str) -> None:
        """SpecError if a label is no class of a model with this many logits."""
        if self.y.max() >= n_classes:
            raise SpecError(
                f"y has class {self.y.max()}, but {model} gives {n_classes} logits, for the "
                f"classes 0 to {n_classes - 1}."
            )


def given_samples(x: Any, y: Any, name: str = "") -> GivenSamples:
    """The samples x and labels y, both tensors or arrays; SpecError for anything unusable.

    x: uint8 from 0 to 255 or floats in [0, 1]; y: integers from 0. name: what the two are called in
    messages, such as 'retain'.
    """
    prefix = f"{name}: " if name else ""
    pixels = _pixels(_array(x, f"{prefix}x"), prefix)
    labels = _labels(_array(y, f"{prefix}y"), prefix)
    if len(pixels) != len(labels):
        raise SpecError(f"{prefix}x has {len(pixels)} samples, but y has {len(labels)} labels.")
    return GivenSamples(pixels, labels)


def _array(values: Any, name: str) -> np.ndarray:
    """The values as an array; SpecError if they are none."""
    if isinstance(values, Tensor):
        return (
            values.detach().cpu().float().numpy()
            if _is_reduced(values)
            else (values.detach().cpu().numpy())
        )
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise SpecError(f"{name} is neither a tensor nor an array of numbers: {error}.") from None
    if array.dtype.kind not in "biuf":
        raise SpecError(f"{name} is neither a tensor nor an array of numbers.")
    return array


def _is_reduced(values: Tensor) -> bool:
    """Whether these are 16-bit floats, for one of which numpy has no type."""
    return values.is_floating_point() and values.element_size() < 4


def _pixels(x: np.ndarray, prefix: str) -> np.ndarray:
    if x.ndim not in (2, 4) or not x.size:
        more = " Add a channel: x[:, None]." if x.ndim == 3 else ""
        raise SpecError(f"{prefix}x has shape {x.shape}, but must be {SHAPES}.{more}")
    if x.dtype == np.uint8 and x.ndim == 4:
        return np.ascontiguousarray(x)
    if x.dtype == np.uint8:
        return x.astype(np.float32) / 255
    if x.dtype.kind != "f":
        raise SpecError(f"{prefix}x is {x.dtype}; give uint8 from 0 to 255, or floats in [0, 1].")
    if not np.isfinite(x).all():
        raise SpecError(f"{prefix}x has values that are NaN or infinite. Impute or drop them.")
    if x.min() < 0 or x.max() > 1:
        raise SpecError(
            f"{prefix}x has values from {x.min():.4g} to {x.max():.4g}, but must be in [0, 1]. "
            "Give it before normalization, with normalize=(mean, std); divide bytes by 255."
        )
    return np.ascontiguousarray(x, np.float32)


def _labels(y: np.ndarray, prefix: str) -> np.ndarray:
    if y.ndim != 1:
        raise SpecError(f"{prefix}y has shape {y.shape}, but must hold one label for each sample.")
    if y.dtype.kind not in "iu":
        raise SpecError(f"{prefix}y is {y.dtype}, but labels are integers from 0.")
    if y.size and y.min() < 0:
        raise SpecError(f"{prefix}y has the label {y.min()}, but labels are integers from 0.")
    return y.astype(np.int64)
