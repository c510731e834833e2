"""A scratch store for recomputing: it reads the models of another store and never changes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from engine.pipeline.bundled_data import KIND as DATASETS
from engine.pipeline.datasets import PLACES
from engine.storage.store import Record, Store
from engine.verification.findings import Unchecked

LENT = ("models", "checkpoints")


class Rehearsal(Store):
    """A store whose results go to a folder of its own; the other store is never changed."""

    def __init__(self, shelf: Store, own: Store, folder: Path, lent: tuple[str, ...]) -> None:
        """shelf: the store whose models are read; own: the store that knows where data are.

        lent: the kinds that are read from `shelf`.
        """
        self._shelf, self._homes, self._lent = shelf, (own, own.imported), lent
        self.hidden: set[str] = set()  # keys that are not read from the other store
        super().__init__(folder)

    @property
    def imported(self) -> Store:
        """The store itself: which models it reads was decided when it was created."""
        return self

    def path(self, kind: str, key: str, suffix: str = ".h5") -> Path:
        """Where the result lies: in the other store if it may be read from there."""
        homes: tuple[Store, ...] = (
            (self._shelf,) if kind in self._lent and key not in self.hidden else ()
        )
        homes = self._homes if kind in (DATASETS, PLACES) else homes
        there = (home.path(kind, key, suffix) for home in homes)
        return next((path for path in there if path.is_file()), super().path(kind, key, suffix))

    def set_aside(self, path: Path, why: str) -> None:
        """Raise Unchecked: a damaged file stays where it is."""
        raise Unchecked(f"{path.parent.name}/{path.name} cannot be read")

    @contextlib.contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """As `Store.replacing`; Unchecked for a file of the other store."""
        if self.root not in path.parents:
            raise Unchecked(f"{path.parent.name}/{path.name} would be written")
        with super().replacing(path) as aside:
            yield aside

    def _admitted(self, found: Record) -> Record | None:
        return found
