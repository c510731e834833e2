"""What the lanes do: plain functions of (engine, reporter), run in a worker thread.

`engine` is an engine.pipeline.Pipeline; only these functions ever see one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.report import Reporter
from engine.results import Embedding, ModelResult, Neighborhood, Slice, Study, StudySummary
from engine.spec import DataSpec, RunSpec
from explorer import catalog
from explorer.catalog import Catalog
from explorer.state import StudyForm

if TYPE_CHECKING:
    from engine.pipeline import Pipeline


@dataclass(frozen=True, eq=False)
class Found:
    """A finished study with its spec and its models."""

    spec: RunSpec
    study: Study
    models: Mapping[str, ModelResult]


@dataclass(frozen=True, eq=False)
class Opened:
    """A study from the store together with the dataset it is about."""

    dataset: Dataset
    found: Found


def read_catalog(engine: Pipeline, report: Reporter) -> Catalog:
    """Everything there is to choose from."""
    return catalog.read(report)


def load_dataset(spec: DataSpec, engine: Pipeline, report: Reporter) -> Dataset:
    """The dataset that `spec` names."""
    return engine.dataset(spec, report)


def run_study(
    form: StudyForm, forget: tuple[int, ...], dataset: Dataset, engine: Pipeline, report: Reporter
) -> Found:
    """The study that the form describes, computed or from the store; its spec is a point first."""
    spec = _compose(form, forget, dataset, engine)
    report.point("spec", spec)
    study = engine.run(spec, report)
    return Found(spec, study, engine.models(spec))


def recall_study(
    form: StudyForm, forget: tuple[int, ...], dataset: Dataset, engine: Pipeline, report: Reporter
) -> Found | None:
    """The study that the form describes if it is in the store, else None.

    Computes nothing, but lets the embedding's helper get ready while people look at the data.
    """
    from engine.study import study_key

    try:
        spec = _compose(form, forget, dataset, engine)
    except SpecError:
        return None  # Run will say what is wrong with the form, when somebody asks for it
    wanted = study_key(spec)
    if all(summary.key != wanted for summary in engine.studies()):
        engine.embedder.warm_up()
        return None
    return Found(spec, engine.study(wanted), engine.models(spec))


def open_study(key: str, engine: Pipeline, report: Reporter) -> Opened:
    """The study filed under `key`, with its dataset loaded again."""
    study = engine.study(key)
    spec = engine.spec_of(study)
    dataset = engine.dataset(spec.data, report)
    return Opened(dataset, Found(spec, study, engine.models(spec)))


def list_studies(engine: Pipeline, report: Reporter) -> list[StudySummary]:
    """Every study in the store."""
    return engine.studies()


def embed(spec: RunSpec, model: str, engine: Pipeline, report: Reporter) -> Embedding:
    """UMAP of the features of one model."""
    return engine.embed(spec, model, report)


def look_around(
    spec: RunSpec, sample: int, probe: tuple[str, float], engine: Pipeline, report: Reporter
) -> Neighborhood:
    """The neighborhood of one sample at (perturbation, tau)."""
    perturbation, tau = probe
    return engine.neighborhood(spec, sample, perturbation, tau, report)


def look_through(
    spec: RunSpec,
    sample: int,
    directions: str,
    probe: tuple[str, float],
    size: int,
    engine: Pipeline,
    report: Reporter,
) -> Slice:
    """The slice through one sample along a pair of directions, `size` points a side."""
    perturbation, tau = probe
    return engine.slice(spec, sample, directions, tau, size, report, perturbation=perturbation)


def save_figure(
    study: Study,
    kind: str,
    out: Path,
    options: Mapping[str, Any],
    engine: Pipeline,
    report: Reporter,
) -> list[Path]:
    """The files written for one figure: the drawing and its numbers as CSV."""
    return engine.figure(study, kind, out, **options)


def command_line(
    study: Study, dataset: Dataset, texts: tuple[str, ...], engine: Pipeline, report: Reporter
) -> str:
    """The `rk-engine` line that makes this study; one of `texts` may word its forget set."""
    from engine import command_line

    spec = engine.spec_of(study)
    forget = command_line.forget_text(spec, dataset, texts)
    if not forget:
        forget = f"{command_line.FILES}{command_line.index_file(spec, engine.store)}"
    return command_line.command_line(spec, dataset, forget, engine.store.root)


def save_checkpoint(
    spec: RunSpec, model: str, out: Path, engine: Pipeline, report: Reporter
) -> list[Path]:
    """The file written for one model's weights."""
    return [engine.export_checkpoint(spec, model, out)]


def _compose(
    form: StudyForm, forget: tuple[int, ...], dataset: Dataset, engine: Pipeline
) -> RunSpec:
    settings = {name: form.settings[name] for name in form.methods if name in form.settings}
    return engine.compose(
        dataset,
        model=form.model,
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
    )
