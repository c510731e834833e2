"""Lane tasks that bring the example study that comes with the program into the store.

In two steps, since writing every file of it takes longer than showing it: what the views show first
is imported before the dataset is shown, the rest once the window is quiet or it is asked for.
"""

from __future__ import annotations

from importlib.resources import as_file
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.runtime.progress import Reporter
from engine.study import example

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline

FIRST = (
    "studies", "models", "checkpoints", "counts", "epochs", "embeddings", "neighborhoods", "slices",
    "recognitions",
)  # fmt: skip
MARKS = "examples"  # folder of a store: files named like examples that it has had
BEGUN = "begun"  # content of such a file: the rest is not there yet


def begin_import(engine: Pipeline, report: Reporter) -> None:
    """Import the first part into a store that never had the example; a deleted one stays deleted.

    Reports why that is impossible: everything else works without the example.
    """
    mark = engine.store.root / MARKS / example.key()
    known = mark.exists() or engine.has_study(example.key())
    if known or not example.key() or not engine.store.writable:
        return
    try:
        _import(engine, report, FIRST)
        _keep_copies(engine)
        _write_mark(engine, BEGUN)
    except (EngineError, OSError) as error:
        report.log(f"The example study could not be imported: {error}")


def end_import(engine: Pipeline, report: Reporter) -> None:
    """Import the rest, once, unless the study was deleted meanwhile."""
    mark = engine.store.root / MARKS / example.key()
    ended = mark.exists() and mark.read_text(encoding="utf-8") != BEGUN
    if engine.store.writable and not ended and engine.has_study(example.key()):
        _import(engine, report)
        _write_mark(engine, "")


def _write_mark(engine: Pipeline, content: str) -> None:
    mark = engine.store.root / MARKS / example.key()
    mark.parent.mkdir(exist_ok=True)
    mark.write_text(content, encoding="utf-8")


def import_again(engine: Pipeline, report: Reporter) -> str:
    """The key of the example, imported unless the store has it; StoreError if it cannot be."""
    if not engine.has_study(example.key()):
        _import(engine, report)
    return example.key()


def _import(engine: Pipeline, report: Reporter, kinds: tuple[str, ...] = ()) -> None:
    """Import the records of these kinds, all of them for ()."""
    from engine.pipeline.bundle import ALL

    with as_file(example.bundle()) as path:
        engine.open_bundle(path, report, example.SOURCE, kinds or ALL)


def _keep_copies(engine: Pipeline) -> None:
    """Keep the perturbed copies that are shown first beside the store's results."""
    from engine.pipeline.copy_cache import CopyCache

    cache = CopyCache(engine.store)
    for file in example.copies():
        cache.adopt(file.name, file.read_bytes())
