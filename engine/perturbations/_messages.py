"""Messages behind samples, and copies of them with some words dropped or replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Encoder = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, eq=False)
class Messages:
    """texts: of all n + m samples, training samples first; training: n; encode: k texts to (k, d).

    Words are what stands between spaces.
    """

    texts: Sequence[str]
    training: int
    encode: Encoder

    def words(self, sample: int) -> list[str]:
        """The words of the message of a sample."""
        return self.texts[sample].split()

    @cached_property
    def pool(self) -> list[str]:
        """The words of all training messages, one message after the other."""
        return [word for sample in range(self.training) for word in self.words(sample)]

    @cached_property
    def starts(self) -> np.ndarray:
        """(n + 1,) int64 places in the pool where the words of each training message begin."""
        lengths = [len(self.words(sample)) for sample in range(self.training)]
        return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    def others(self, sample: int, shares: np.ndarray) -> np.ndarray:
        """Words of other training messages, in the shape of `shares` in [0, 1): their places.

        Every word of the pool that is not the sample's own is equally likely; '' if there is none.
        """
        first, last = self.starts[sample : sample + 2] if sample < self.training else (0, 0)
        rest = len(self.pool) - int(last - first)
        if not rest:
            return np.full(shares.shape, "", object)
        places = (shares * rest).astype(np.int64)
        places += np.where(places >= first, last - first, 0)
        words = np.array([self.pool[place] for place in places.ravel().tolist()], object)
        return words.reshape(shares.shape)


@dataclass(frozen=True)
class EditedMessage:
    """words: of the message; copy: what stands in the place of each, '' where it was dropped."""

    words: tuple[str, ...]
    copy: tuple[str, ...]

    @property
    def text(self) -> str:
        """The copy as a message.

        >>> EditedMessage(("win", "a", "prize"), ("win", "", "phone")).text
        'win phone'
        """
        return " ".join(filter(None, self.copy))

    @property
    def changed(self) -> tuple[bool, ...]:
        """Which words were dropped or replaced."""
        return tuple(a != b for a, b in zip(self.words, self.copy, strict=True))
