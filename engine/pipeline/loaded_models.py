"""A cache of loaded networks."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.models.base import Classifier

MOST = 32  # networks that stay in memory


class LoadedModels:
    """The most recently used networks, in eval mode, by cache key (`cache_key`)."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._models: OrderedDict[str, Classifier] = OrderedDict()

    def __contains__(self, place: str) -> bool:
        return place in self._models

    def __getitem__(self, place: str) -> Classifier:
        """The network, now the most recently used; KeyError if it is not in memory."""
        self._models.move_to_end(place)
        return self._models[place]

    def put(self, place: str, model: Classifier) -> None:
        """Cache a network, and evict the least recently used ones."""
        self._models[place] = model
        while len(self._models) > self._most:
            self._models.popitem(last=False)

    def clear(self) -> None:
        """Drop all networks."""
        self._models.clear()


def cache_key(key: str, imported: bool) -> str:
    """Cache key of a network; an imported one may have the same store key as a local one."""
    return f"imported {key}" if imported else key
