"""Residual knowledge that was just measured, which can be saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.notebook.answers import Answers
from engine.notebook.knowledge import ResidualKnowledge

if TYPE_CHECKING:
    from engine.storage.store import Store


@dataclass(frozen=True, eq=False)
class Measurement(ResidualKnowledge):
    """Residual knowledge that was just measured, with the answers that it follows from."""

    answers: Answers

    def save(
        self,
        store: Store | Path | str | None = None,
        name: str = "my method",
        *,
        classes: tuple[str, ...] | list[str] = (),
        dataset: str = "Given samples",
    ) -> str:
        """Put this into a store, where the window shows it beside all other studies.

        The samples are stored as pictures, with what every model said of them and of their copies;
        the models are not. store: its folder, the user's own by default; name: of the model in all
        views; classes: names of the K classes; dataset: what the samples are called. Returns the
        study's key. StoreError if it cannot be written, SpecError for an unusable name.
        """
        from engine.notebook.saving import save

        return save(self.answers, store, name, tuple(classes), dataset)

    __repr__ = ResidualKnowledge.__repr__
