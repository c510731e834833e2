"""The query of the Samples view: samples shown, their order, and their captions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.analysis import filters, ranking
from explorer.thumbnails.model import ThumbnailModel, mask_of
from explorer.views.samples.filter_chips import FilterRows
from explorer.views.samples.scope import Scope
from explorer.views.samples.smallest_tau import SEARCHED
from explorer.views.samples.sort_keys import (
    KEYS,
    RATIO_AT,
    SampleFacts,
    accents_of,
    caption_of,
)
from explorer.views.samples.sort_row import OrderRow


@dataclass(frozen=True, eq=False)
class Query:
    """The combination of class and set, filters and order."""

    scope: Scope
    filters: FilterRows
    order: OrderRow

    def depends(self) -> set[str]:
        """The properties of AppState that decide which samples are shown and in which order."""
        own = {self.scope.follows, KEYS[self.order.key].follows, "dataset"}
        own |= {"tau"} if self.order.key == RATIO_AT else set()
        return own | ({"models", "residual", SEARCHED} if self.filters.conditions else set())

    def answer(
        self, facts: SampleFacts, model: ThumbnailModel
    ) -> tuple[np.ndarray, Callable[[int], str] | None, np.ndarray | None]:
        """The samples in their order, the function of their captions, and their accents.

        Captions are None without any, accents None for the colors of the classes.

        model: provides the current selection and forget set.
        """
        key, evidence = self.order.key, facts.evidence
        values = KEYS[key].values(facts, self.order.model)
        validation = mask_of(model.dataset.validation if model.dataset else (), len(model.chosen))
        scope = self.scope.mask(
            evidence.labels, model.forget, model.chosen, validation, evidence.trained
        )
        shown = np.flatnonzero(scope & filters.matching(self.filters.conditions, evidence))
        if values is not None:
            shown = ranking.order(shown, values, descending=self.order.descending)
        caption = caption_of(key, facts, self.order.model, values)
        return shown, caption, accents_of(key, facts, values)
