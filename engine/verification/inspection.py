"""The context of a verification: the store's files, where to recompute, and how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import GIVEN, DataSpec, RunSpec
from engine.storage import store
from engine.storage.store import Record, Store
from engine.study import compose
from engine.verification.findings import Unchecked
from engine.verification.scratch_store import LENT, Rehearsal

LARGE = 2e7  # input values of all forward passes of one file, above which it has to be sampled
DEAR = 10  # rows of the sample per file that is recomputed at length, training included
BUILT_IN = ("digits", "fashion", "iris")  # datasets that are always available


@dataclass(frozen=True, eq=False)
class Look:
    """One store under verification; `shelf` is its part with imported results if `imported`.

    whole: a pipeline that may read all stored results; again: one that may read only the models.
    sample: rows of each file that are recomputed.
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
        """The scratch store of `again`."""
        assert isinstance(self.again.store, Rehearsal)
        return self.again.store

    @property
    def device(self) -> str:
        """The device of the pipeline."""
        return str(self.pipeline.work.device)

    @property
    def limit(self) -> float:
        """Input values of all forward passes that one file may take, unless it was sampled."""
        return LARGE * max(1.0, self.sample / DEAR)

    def spec(self, record: Record) -> RunSpec:
        """The settings of the study that a record belongs to; SpecError as `study.from_plain`."""
        return compose.from_plain(record.plain("spec"))

    def has_data(self, data: DataSpec) -> bool:
        """Whether data of this name or fingerprint are certainly available."""
        return data.name in BUILT_IN or self.whole.work.datasets.world(data.fingerprint) is not None

    def peek(self, kind: str, key: str) -> Record | None:
        """A stored record; None where it is missing or damaged, which is a finding of its own."""
        path = self.shelf.path(kind, key)
        try:
            return store.read(path) if path.is_file() else None
        except (EngineError, OSError, KeyError, ValueError, RuntimeError):
            return None

    def need(self, spec: RunSpec, *models: str) -> None:
        """Unchecked unless these models are stored with their weights: nothing is trained here."""
        if spec.model.name == GIVEN:
            raise Unchecked("its models are known by their answers alone")
        plan = self.whole.plan(spec)
        for name in models:
            if not self.whole.work.made(plan, name):
                raise Unchecked(f"{name} is not in the store with its weights")

    def files(self, kind: str) -> list[Path]:
        """The records of a kind."""
        paths = (self.shelf.root / kind).glob("*.h5")
        return sorted(path for path in paths if not path.name.startswith("."))

    def specs(self) -> Iterator[RunSpec]:
        """The settings of all studies that any record belongs to, each once."""
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
    """The context for results computed in the pipeline's store, or for those imported into it."""
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
