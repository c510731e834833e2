"""Networks in memory, so that none is loaded twice in a row."""

from __future__ import annotations

from collections import OrderedDict

from engine.models.base import Classifier

MOST = 32  # networks that stay in memory


class LoadedModels:
    """The networks that were used last, in eval mode, each under its place."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._models: OrderedDict[str, Classifier] = OrderedDict()

    def __contains__(self, place: str) -> bool:
        return place in self._models

    def __getitem__(self, place: str) -> Classifier:
        """The network, which thereby is the one used last; KeyError where it is not in memory."""
        self._models.move_to_end(place)
        return self._models[place]

    def put(self, place: str, model: Classifier) -> None:
        """Remember a network, and forget those that were not used for longest."""
        self._models[place] = model
        while len(self._models) > self._most:
            self._models.popitem(last=False)


def place_of(key: str, imported: bool) -> str:
    """What a network in memory goes by: one of the same key may have come from elsewhere."""
    return f"imported {key}" if imported else key
