"""Imported results: listed, and recomputed from their settings alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.errors import EngineError
from engine.pipeline.pipeline import Pipeline
from engine.pipeline.records import study_of
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec, as_imported
from engine.storage.origins import origins_of, sentence
from engine.study import compose
from engine.verification.findings import CLOSE, OUTPUT, Findings, numbers


def came_in(pipeline: Pipeline) -> Iterator[str]:
    """A sentence on every imported study."""
    shelf, own = pipeline.store.imported, pipeline.store
    for key in shelf.keys("studies"):
        record = shelf.get("studies", key, arrays=False)
        if record is not None:
            hidden = "; a study with the same settings computed here is shown instead"
            yield (
                f"studies/{key} was not computed here: {sentence(origins_of(record.attributes))}"
                f"{hidden if own.has('studies', key) else ''}."
            )


def remake(pipeline: Pipeline, report: Reporter) -> Findings:
    """Recompute every imported study from its settings alone, and compare the two.

    From then on the local study is shown; the imported one is kept separately. Studies that cannot
    be recomputed are reported. Raises Cancelled.
    """
    found = Findings()
    for key in pipeline.store.imported.keys("studies"):
        try:
            spec = pipeline.spec_under(key)
            theirs = _theirs(pipeline, key)
            made = pipeline.run(compose.from_plain(compose.as_plain(spec)), report)
        except EngineError as error:
            found.remarks.append(f"studies/{key} was not recomputed: {str(error).rstrip('.')}.")
            continue
        found.recomputed += 1
        found.wrong.extend(_compared(key, theirs, made))
        found.wrong.extend(_outputs(pipeline, as_imported(pipeline.spec_of(made))))
    return found


def _outputs(pipeline: Pipeline, spec: RunSpec) -> Iterator[str]:
    """Where outputs of a study's imported models differ from those of the models trained here."""
    own = pipeline.work.models(pipeline.plan(compose.from_plain(compose.as_plain(spec))))
    for name, theirs in pipeline.work.models(pipeline.plan(spec)).items():
        mine = own.get(name)
        for part in ("train_logits", "test_logits"):
            known, made = getattr(theirs, part), getattr(mine, part, None)
            for text, _ in numbers(f"{part} of {name}", known, made, OUTPUT):
                yield f"models/{theirs.key}.h5: {text}"


def _theirs(pipeline: Pipeline, key: str) -> Study:
    record = pipeline.store.imported.get("studies", key)
    if record is None:
        raise EngineError("it is damaged")
    return study_of(record)


def _compared(key: str, theirs: Study, made: Study) -> Iterator[str]:
    for name, counts in theirs.residual.counts.items():
        own = made.residual.counts.get(name)
        if own is None or own.shape != counts.shape or not np.array_equal(own, counts):
            count = counts.size if own is None else int((own != counts).sum())
            yield f"studies/{key}: {count} of {counts.size} counts of {name} differ on recomputing."
    for model, row in theirs.metrics.items():
        for measure, value in row.items():
            other = made.metrics.get(model, {}).get(measure, np.nan)
            same = np.isclose(value, other, rtol=CLOSE, atol=CLOSE, equal_nan=True)
            if measure != "seconds" and not same:
                values = f"{other:g} here, but {value:g} as imported"
                yield f"studies/{key}: {measure} of {model} is {values}."
