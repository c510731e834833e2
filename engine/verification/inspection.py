"""What a look at one store works with: its files, where to compute again, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage import store
from engine.storage.store import Record, Store
from engine.study import compose
from engine.verification.findings import Unchecked
from engine.verification.scratch_store import LENT, Rehearsal

LARGE = 2e7  # input values of all forward passes of one file, above which it has to be drawn
DEAR = 10  # rows of the sample from which on training is repeated; files drawn are one for each
BUILT_IN = ("digits", "fashion", "iris")  # datasets that are always here


@dataclass(frozen=True, eq=False)
class Look:
    """One store under examination; `shelf` is what lies apart in it where `imported`.

    whole: a pipeline that is lent all that is stored, again: one that is lent the models alone.
    sample: rows that are computed again of each file.
    """

    pipeline: Pipeline
    shelf: Store
    imported: bool
    whole: Pipeline
    again: Pipeline
    sample: int
    seed: int
    report: Reporter

    @property
    def rehearsal(self) -> Rehearsal:
        """The store that `again` computes in."""
        assert isinstance(self.again.store, Rehearsal)
        return self.again.store

    @property
    def device(self) -> str:
        """Where is computed."""
        return str(self.pipeline.work.device)

    @property
    def limit(self) -> float:
        """Input values of all forward passes that one file may take, unless it was drawn."""
        return LARGE * max(1.0, self.sample / DEAR)

    def spec(self, record: Record) -> RunSpec:
        """The settings of the study that a record belongs to; SpecError as `study.from_plain`."""
        return compose.from_plain(record.plain("spec"))

    def has_data(self, data: DataSpec) -> bool:
        """Whether data of this name or fingerprint are here for sure."""
        return data.name in BUILT_IN or self.whole.work.datasets.world(data.fingerprint) is not None

    def peek(self, kind: str, key: str) -> Record | None:
        """A record as it is; None where it is missing or damaged, which is said of itself."""
        path = self.shelf.path(kind, key)
        try:
            return store.read(path) if path.is_file() else None
        except (EngineError, OSError, KeyError, ValueError, RuntimeError):
            return None

    def need(self, spec: RunSpec, *models: str) -> None:
        """Unchecked unless these models are there with their weights: nothing is trained here."""
        plan = self.whole.plan(spec)
        for name in models:
            if not self.whole.work.made(plan, name):
                raise Unchecked(f"{name} is not in the store with its weights")

    def files(self, kind: str) -> list[Path]:
        """The records of a kind."""
        paths = (self.shelf.root / kind).glob("*.h5")
        return sorted(path for path in paths if not path.name.startswith("."))

    def specs(self) -> Iterator[RunSpec]:
        """The settings of all studies that any record tells of, each once."""
        known = set()
        for kind in ("studies", "models", "counts"):
            for path in self.files(kind):
                text = _spec_text(path)
                if text not in known:
                    known.add(text)
                    spec = _spec_of(path)
                    if spec is not None:
                        yield spec


def looked_at(pipeline: Pipeline, imported: bool, folder: Path, sample: int, seed: int,
              report: Reporter) -> Look:  # fmt: skip
    """A look at what was made in the pipeline's store, or at what lies apart in it."""
    shelf = pipeline.store.imported if imported else pipeline.store
    lent = (*LENT, "counts", "measures")

    def borrowing(kinds: tuple[str, ...]) -> Pipeline:
        place = Rehearsal(shelf, pipeline.store, folder / kinds[-1], kinds)
        made = Pipeline(place, str(pipeline.work.device))
        made.embedder = pipeline.embedder
        return made

    whole, again = borrowing(lent), borrowing(LENT)
    return Look(pipeline, shelf, imported, whole, again, sample, seed, report)


def _spec_text(path: Path) -> str:
    try:
        return str(store.read(path, arrays=False).attributes.get("spec", ""))
    except (EngineError, OSError, KeyError, ValueError, RuntimeError):
        return ""


def _spec_of(path: Path) -> RunSpec | None:
    try:
        return compose.from_plain(store.read(path, arrays=False).plain("spec"))
    except (EngineError, OSError, KeyError, ValueError, RuntimeError):
        return None
