"""Lane tasks on studies: plain functions of (engine, reporter), run in a worker thread.

`engine` is an engine.pipeline.pipeline.Pipeline; only lane tasks have access to one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.analysis.study_measures import StudyMeasures
from engine.datasets.base import Dataset
from engine.errors import CheckpointError, DataError, EngineError, SpecError
from engine.provenance import Provenance
from engine.residual.prediction import prediction
from engine.results import ModelResult, Study, StudySummary
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage.annotations import Annotation
from engine.storage.paths import exists, typed_path
from engine.study import example
from explorer.jobs import example_tasks
from explorer.jobs.study_forms import form_of
from explorer.state import catalog
from explorer.state.catalog import Catalog
from explorer.state.queued_run import Order
from explorer.state.session import Session
from explorer.state.study_form import StudyForm

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline
    from engine.pipeline.study_files import StudyFiles

SLICE_S = 0.2  # of reading measures before other jobs have their turn


@dataclass(frozen=True, eq=False)
class StudyResults:
    """A finished study with its spec and its models.

    form: one that describes it, None if there is none; stored: whether nothing was computed.
    """

    spec: RunSpec
    study: Study
    models: Mapping[str, ModelResult]
    form: StudyForm | None = None
    stored: bool = True


@dataclass(frozen=True, eq=False)
class StoredStudy:
    """A study from the store together with its dataset."""

    dataset: Dataset
    results: StudyResults


@dataclass(frozen=True, eq=False)
class StudyDescription:
    """The key and the plain spec of a study to be computed."""

    key: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ChosenStudies:
    """What the form describes beside the shown study: key and plain spec of either.

    stored: the keys of those chosen that are in the store.
    """

    shown_key: str
    shown_spec: Mapping[str, Any]
    chosen: tuple[StudyDescription, ...]
    stored: frozenset[str]


def read_catalog(engine: Pipeline, report: Reporter) -> Catalog:
    """The catalog of available choices."""
    return catalog.read(report)


def load_dataset(session: Session, exact: bool, engine: Pipeline, report: Reporter) -> Dataset:
    """The dataset of a session, even if its files have moved.

    exact: whether only these very data will do, without a download (else DataError).
    """
    if not exact:
        if session.fingerprint:
            dataset = _data_of(session.form, session.fingerprint, engine, report)
        else:  # opened by the user: its files may have changed
            dataset = engine.dataset(data_spec(session.form), report, anew=True)
        if session.form.dataset == example.DATASET:
            example_tasks.begin_import(engine, report)
        return dataset
    spec = data_spec(session.form, session.fingerprint)
    if spec.root and not exists(typed_path(spec.root)) and not _moved(spec, engine):
        raise DataError(f"There is no folder '{spec.root}' on this machine.")
    return engine.dataset(spec, report)


def run_study(order: Order, engine: Pipeline, report: Reporter) -> StudyResults:
    """The ordered study, computed or from the store; its spec is reported as the first point."""
    _, spec = _ordered(order, engine, report)
    report.point("spec", spec)
    stored = engine.store.has("studies", engine.plan(spec).key)
    study = engine.run(spec, report, watch=order.form.watch)
    return StudyResults(spec, _judged(study), engine.models(spec), order.form, stored)


def describe_orders(
    orders: Mapping[int, Order], engine: Pipeline, report: Reporter
) -> dict[int, StudyDescription]:
    """Key and settings of the study of each order; orders that cannot run are left out."""
    from engine.study.compose import as_plain, study_key

    specs = _specs(orders, engine, report)
    return {
        number: StudyDescription(study_key(spec), as_plain(spec)) for number, spec in specs.items()
    }


def compare_choice(
    shown: RunSpec, orders: Sequence[Order], engine: Pipeline, report: Reporter
) -> ChosenStudies:
    """The studies of these orders beside the shown one."""
    from engine.study.compose import as_plain, study_key

    described = describe_orders(dict(enumerate(orders)), engine, report)
    stored = frozenset(one.key for one in described.values() if engine.has_study(one.key))
    return ChosenStudies(study_key(shown), as_plain(shown), tuple(described.values()), stored)


def count_stored(orders: Sequence[Order], engine: Pipeline, report: Reporter) -> int:
    """The number of these studies that are already in the store."""
    descriptions = describe_orders(dict(enumerate(orders)), engine, report)
    return sum(
        engine.store.has("studies", description.key) for description in descriptions.values()
    )


def provenance(keys: Sequence[str], engine: Pipeline, report: Reporter) -> dict[str, Provenance]:
    """The provenance of these stored studies."""
    return {key: engine.provenance(key) for key in keys}


def read_measures(
    keys: Sequence[str], engine: Pipeline, report: Reporter
) -> dict[str, StudyMeasures | None]:
    """The measures of the first of these studies, as many as are read in `SLICE_S` seconds.

    None for a study that cannot be read. The others are left to another job, so that what somebody
    waits for comes in between.
    """
    measures: dict[str, StudyMeasures | None] = {}
    began = time.monotonic()
    for key in keys:
        report.check()
        measures[key] = None
        with contextlib.suppress(EngineError):
            measures[key] = engine.catalog.measures(key)
        if time.monotonic() - began > SLICE_S:
            break
    return measures


def annotate(key: str, written: Annotation, engine: Pipeline, report: Reporter) -> Annotation:
    """Write name, tags and notes beside a stored study; returns them."""
    engine.catalog.annotate(key, written)
    return written


def study_belongings(
    keys: Sequence[str], waiting: Sequence[Order], engine: Pipeline, report: Reporter
) -> StudyFiles:
    """What deleting these studies would remove: files that no other or waiting study uses."""
    specs = _specs(dict(enumerate(waiting)), engine, report)
    return engine.belongings(keys, list(specs.values()))


def delete_studies(
    keys: Sequence[str], waiting: Sequence[Order], engine: Pipeline, report: Reporter
) -> StudyFiles:
    """Delete studies and the files that no other or waiting study uses; return what was removed."""
    specs = _specs(dict(enumerate(waiting)), engine, report)
    return engine.delete_studies(keys, list(specs.values()))


def find_study(
    form: StudyForm, forget: tuple[int, ...], dataset: Dataset, engine: Pipeline, report: Reporter
) -> StudyResults | None:
    """The study that the form describes if it is in the store, else None.

    Computes nothing, but warms up the embedding's helper process in the meantime.
    """
    from engine.study.compose import study_key

    try:
        spec = compose(form, forget, dataset, engine)
    except (SpecError, CheckpointError):
        return None  # Run reports what is wrong with the form
    key = study_key(spec)
    if all(summary.key != key for summary in engine.studies()):
        engine.embedder.warm_up()
        return None
    spec = engine.spec_under(key)  # knows whether the study was imported
    return StudyResults(spec, _judged(engine.study(key)), engine.models(spec), form)


def find_study_by_key(key: str, engine: Pipeline, report: Reporter) -> StudyResults | None:
    """The study stored under `key`, None if it is no longer in the store."""
    if not engine.has_study(key):
        return None
    spec = engine.spec_under(key)
    models = engine.models(spec)  # first: loads the dataset that the study is checked against
    form = None
    with contextlib.suppress(DataError, SpecError):
        form = form_of(spec, engine.dataset(spec.data, report))
    return StudyResults(spec, _judged(engine.study(key)), models, form)


def open_study(key: str, engine: Pipeline, report: Reporter) -> StoredStudy:
    """The study stored under `key`, with its dataset."""
    spec = engine.spec_under(key)
    dataset = engine.dataset(spec.data, report)  # first: the study is checked against it
    study, models = _judged(engine.study(key)), engine.models(spec)
    return StoredStudy(dataset, StudyResults(spec, study, models, form_of(spec, dataset)))


def list_studies(engine: Pipeline, report: Reporter) -> list[StudySummary]:
    """Every study in the store."""
    return engine.studies()


def command_line(
    study: Study, dataset: Dataset, texts: tuple[str, ...], engine: Pipeline, report: Reporter
) -> str:
    """The `rk-engine` command for this study; texts: candidate descriptions of its forget set."""
    return _command(engine.spec_of(study), dataset, texts, engine)


def command_of_study(key: str, engine: Pipeline, report: Reporter) -> str:
    """The `rk-engine` command for the study stored under `key`."""
    spec = engine.spec_of(engine.study(key))
    return _command(spec, engine.dataset(spec.data, report), (), engine)


def command_of_order(order: Order, engine: Pipeline, report: Reporter) -> str:
    """The `rk-engine` command for the ordered study."""
    dataset, spec = _ordered(order, engine, report)
    return _command(spec, dataset, (order.form.forget,), engine)


def data_spec(form: StudyForm, fingerprint: str = "") -> DataSpec:
    """The spec of a form's data; fingerprint: of the required data, '' for any."""
    return DataSpec(
        form.dataset,
        form.root,
        form.seed,
        form.side,
        fingerprint,
        form.channels,
        form.validation,
        form.links,
        form.columns,
        form.test_share,
        form.encoder,
    )


def compose(
    form: StudyForm, forget: tuple[int, ...] | str, dataset: Dataset, engine: Pipeline
) -> RunSpec:
    """The spec of the study a form describes; raises SpecError or CheckpointError if invalid.

    forget: training-set indices, or a description such as 'class:8:0.5'.
    """
    settings = {name: form.settings[name] for name in form.methods if name in form.settings}
    return engine.compose(
        dataset,
        model=form.model,
        normalize=form.normalize,
        forget=forget,
        methods=form.methods,
        settings=settings,
        training=form.training,
        retrains=form.retrains,
        seed=form.seed,
        perturbation=form.perturbation,
        taus=form.taus,
        draws=form.draws,
        probe=form.probe,
        weights={name: typed_path(path) for name, path in form.weights.items()},
    )


def _judged(study: Study) -> Study:
    """The study, once what its findings need is imported, which would block the window."""
    prediction(study.residual)
    return study


def _command(spec: RunSpec, dataset: Dataset, texts: tuple[str, ...], engine: Pipeline) -> str:
    from engine.study import command_line

    wordings = (*texts, dataset.recommended.forget)
    forget = command_line.forget_text(spec, dataset, filter(None, wordings))
    if not forget:
        forget = f"{command_line.FILES}{command_line.index_file(spec, engine.store)}"
    return command_line.command_line(spec, dataset, forget, engine.store.root)


def _specs(orders: Mapping[int, Order], engine: Pipeline, report: Reporter) -> dict[int, RunSpec]:
    """The spec of each order, except those that cannot run: running them reports the reason."""
    specs = {}
    for number, order in orders.items():
        report.check()
        with contextlib.suppress(EngineError):
            specs[number] = _ordered(order, engine, report)[1]
    return specs


def _ordered(order: Order, engine: Pipeline, report: Reporter) -> tuple[Dataset, RunSpec]:
    """The data and the spec of an order; SpecError if its forget set refers to other data."""
    form = order.form
    dataset = _data_of(form, order.fingerprint, engine, report)
    if order.forget and dataset.spec.fingerprint != order.fingerprint:
        raise SpecError(
            f"The forget set was chosen from data other than those of seed {form.seed}. Describe "
            "it in words, such as class:1:0.5, so that it can be drawn from these data too."
        )
    return dataset, compose(form, order.forget or form.forget, dataset, engine)


def _moved(spec: DataSpec, engine: Pipeline) -> bool:
    """Whether the store knows the new location of these data, or has a copy."""
    kinds = ("places", "datasets")
    stores = (engine.store, engine.store.imported)
    matches = (store.has(kind, spec.fingerprint) for store in stores for kind in kinds)
    return bool(spec.fingerprint) and any(matches)


def _data_of(form: StudyForm, fingerprint: str, engine: Pipeline, report: Reporter) -> Dataset:
    """The data with this fingerprint if the form's seed draws them, else the data it draws."""
    if fingerprint:
        with contextlib.suppress(DataError, SpecError):
            dataset = engine.dataset(data_spec(form, fingerprint), report)
            if dataset.spec.seed == form.seed:
                return dataset
    return engine.dataset(data_spec(form), report)
