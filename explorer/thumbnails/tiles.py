"""Hundreds of small images enlarged at once: numpy reproduces the scaling of Qt."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from engine.datasets.base import Dataset

OPAQUE = 0xFF000000
MOST = 1 << 24  # pixels of an image, limited by their numbering in three bytes


def fitted(image: QImage, side: int) -> QImage:
    """The image scaled to a square: enlarged pixel by pixel, or averaged if it is larger."""
    enlarged = max(image.width(), image.height()) <= side
    how = Qt.TransformationMode
    mode = how.FastTransformation if enlarged else how.SmoothTransformation
    return image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, mode)


class Tiles:
    """The images of a dataset, fitted into squares of `side` device pixels."""

    def __init__(self, dataset: Dataset, side: int) -> None:
        self._train, self._test = dataset.train_x, dataset.test_x
        height, width = self._train.shape[2:]
        numbers = np.arange(height * width, dtype=np.uint32) | OPAQUE
        image = QImage(numbers.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        scaled = fitted(image, side)
        self.size = scaled.size()
        self._from = _values(scaled) & (MOST - 1)

    @staticmethod
    def suit(dataset: Dataset, side: int) -> bool:
        """Whether all samples are uint8 images of one shape no larger than `side`."""
        shapes = {dataset.train_x.shape[1:], dataset.test_x.shape[1:]}
        kinds = {dataset.train_x.dtype, dataset.test_x.dtype}
        alike = len(shapes) == 1 and kinds == {np.dtype(np.uint8)}
        shape = dataset.train_x.shape[1:]
        return alike and len(shape) == 3 and min(shape) > 0 and max(shape[1:]) <= side

    def of(self, samples: np.ndarray) -> np.ndarray:
        """(m, h, w) uint32 RGB of samples (m,), test samples numbered after training samples."""
        packed = _packed(self._raw(samples)).reshape(len(samples), -1)
        return packed.take(self._from.ravel(), axis=1).reshape(-1, *self._from.shape)

    def _raw(self, samples: np.ndarray) -> np.ndarray:
        n = len(self._train)
        images = np.empty((len(samples), *self._train.shape[1:]), np.uint8)
        test = samples >= n
        images[~test], images[test] = self._train[samples[~test]], self._test[samples[test] - n]
        return images


def _packed(images: np.ndarray) -> np.ndarray:
    """(m, H, W) uint32 RGB of images (m, C, H, W) uint8; fewer than three channels are gray."""
    if images.shape[1] < 3:
        return np.asarray(images[:, 0] * np.uint32(0x010101) | np.uint32(OPAQUE))
    red, green, blue = (images[:, channel].astype(np.uint32) for channel in range(3))
    return np.asarray(red << 16 | green << 8 | blue | np.uint32(OPAQUE))


def _values(image: QImage) -> np.ndarray:
    """(h, w) uint32 pixels of a 32-bit image."""
    return np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width()).copy()


def sheet(pixels: np.ndarray, ratio: float) -> QImage:
    """(h, w) uint32 premultiplied ARGB as an image, valid as long as the array."""
    height, width = pixels.shape
    kind = QImage.Format.Format_ARGB32_Premultiplied
    image = QImage(pixels.data, width, height, 4 * width, kind)
    image.setDevicePixelRatio(ratio)
    return image
