"""Which samples are shown, in which order, and what stands below each: the rows put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.analysis import filters, ranking
from explorer.thumbnails.model import ThumbnailModel, mask_of
from explorer.views.samples.filter_chips import FilterRows
from explorer.views.samples.scope import Scope
from explorer.views.samples.smallest_tau import SEARCHED
from explorer.views.samples.sort_keys import KEYS, Known, caption_of
from explorer.views.samples.sort_row import OrderRow


@dataclass(frozen=True, eq=False)
class Query:
    """What the class and set, the filters and the order ask for together."""

    scope: Scope
    filters: FilterRows
    order: OrderRow

    def depends(self) -> set[str]:
        """The properties of AppState that decide which samples are shown, and in which order."""
        own = {self.scope.follows, KEYS[self.order.key].follows, "dataset"}
        return own | ({"models", "residual", SEARCHED} if self.filters.conditions else set())

    def answer(
        self, known: Known, model: ThumbnailModel
    ) -> tuple[np.ndarray, Callable[[int], str] | None]:
        """The samples in their order, and what is written below each; None where that is nothing.

        model: which samples are selected and are to be forgotten now.
        """
        key, evidence = self.order.key, known.evidence
        values = KEYS[key].values(known, self.order.model)
        held = mask_of(model.dataset.validation if model.dataset else (), len(model.chosen))
        scope = self.scope.mask(evidence.labels, model.forget, model.chosen, held, evidence.trained)
        shown = np.flatnonzero(scope & filters.matching(self.filters.conditions, evidence))
        if values is not None:
            shown = ranking.order(shown, values, descending=self.order.descending)
        return shown, caption_of(key, known, self.order.model, values)
