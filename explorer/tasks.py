"""What the lanes do: plain functions of (engine, reporter), run in a worker thread.

`engine` is an engine.pipeline.Pipeline; only these functions ever see one.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import outputs, plain_files, posterior
from engine.datasets.base import Dataset
from engine.epochs import Epochs
from engine.errors import CheckpointError, DataError, EngineError, SpecError, StoreError
from engine.places import exists, place
from engine.report import Reporter
from engine.results import (
    Attack,
    Embedding,
    ModelResult,
    Neighborhood,
    Provenance,
    Recognition,
    Residual,
    Similarity,
    Slice,
    Study,
    StudySummary,
)
from engine.spec import DataSpec, RunSpec
from explorer import catalog
from explorer import session as sessions
from explorer.catalog import Catalog
from explorer.run import Order
from explorer.session import Session
from explorer.state import StudyForm

if TYPE_CHECKING:
    from engine.belongings import Belongings
    from engine.figure_set import FigureSet
    from engine.pipeline import Pipeline

DIRECTIONS_TRIED = 20  # per sample, when its smallest tau is searched


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


@dataclass(frozen=True, eq=False)
class Described:
    """The key and the plain spec of a study that is going to be made."""

    key: str
    spec: Mapping[str, Any]


def read_catalog(engine: Pipeline, report: Reporter) -> Catalog:
    """Everything there is to choose from."""
    return catalog.read(report)


def load_dataset(session: Session, exact: bool, engine: Pipeline, report: Reporter) -> Dataset:
    """The dataset of a session, wherever the data that it knows lie by now.

    exact: whether no other data will do, and nothing is to be downloaded (DataError).
    """
    if not exact:
        return _data_of(session.form, session.fingerprint, engine, report)
    spec = _data_spec(session.form, session.fingerprint)
    if spec.root and not exists(place(spec.root)) and not _moved(spec, engine):
        raise DataError(f"There is no folder '{spec.root}' on this machine.")
    return engine.dataset(spec, report)


def run_study(order: Order, engine: Pipeline, report: Reporter) -> Found:
    """The study that was ordered, computed or from the store; its spec is a point first."""
    _, spec = _ordered(order, engine, report)
    report.point("spec", spec)
    study = engine.run(spec, report, watch=order.form.watch)
    return Found(spec, study, engine.models(spec))


def describe_orders(
    orders: Mapping[int, Order], engine: Pipeline, report: Reporter
) -> dict[int, Described]:
    """Key and settings of the study of each order; nothing of those that cannot be run."""
    from engine.study import as_plain, study_key

    specs = _specs(orders, engine, report)
    return {at: Described(study_key(spec), as_plain(spec)) for at, spec in specs.items()}


def count_stored(orders: Sequence[Order], engine: Pipeline, report: Reporter) -> int:
    """How many of these studies are in the store already."""
    found = describe_orders(dict(enumerate(orders)), engine, report)
    return sum(engine.store.has("studies", one.key) for one in found.values())


def provenance(keys: Sequence[str], engine: Pipeline, report: Reporter) -> dict[str, Provenance]:
    """Where these stored studies come from."""
    return {key: engine.provenance(key) for key in keys}


def weigh_studies(
    keys: Sequence[str], waiting: Sequence[Order], engine: Pipeline, report: Reporter
) -> Belongings:
    """What deleting studies would remove that no other, nor one that waits, uses."""
    specs = _specs(dict(enumerate(waiting)), engine, report)
    return engine.belongings(keys, list(specs.values()))


def delete_studies(
    keys: Sequence[str], waiting: Sequence[Order], engine: Pipeline, report: Reporter
) -> Belongings:
    """What was removed: the studies and what no other, nor one that waits, uses."""
    specs = _specs(dict(enumerate(waiting)), engine, report)
    return engine.delete_studies(keys, list(specs.values()))


def recall_study(
    form: StudyForm, forget: tuple[int, ...], dataset: Dataset, engine: Pipeline, report: Reporter
) -> Found | None:
    """The study that the form describes if it is in the store, else None.

    Computes nothing, but lets the embedding's helper get ready while people look at the data.
    """
    from engine.study import study_key

    try:
        spec = _compose(form, forget, dataset, engine)
    except (SpecError, CheckpointError):
        return None  # Run will say what is wrong with the form, when somebody asks for it
    wanted = study_key(spec)
    if all(summary.key != wanted for summary in engine.studies()):
        engine.embedder.warm_up()
        return None
    spec = engine.spec_under(wanted)  # which knows whether it came from elsewhere
    return Found(spec, engine.study(wanted), engine.models(spec))


def recall_key(key: str, engine: Pipeline, report: Reporter) -> Found | None:
    """The study filed under `key`, None if it is not in the store any more."""
    if not engine.has_study(key):
        return None
    spec = engine.spec_under(key)
    models = engine.models(spec)  # first: with the dataset that the study is held against
    return Found(spec, engine.study(key), models)


def prepare_verdicts(residual: Residual, engine: Pipeline, report: Reporter) -> None:
    """Let the first verdicts that somebody sorts or filters by not keep the window waiting."""
    posterior.get_ready(residual)


def open_study(key: str, engine: Pipeline, report: Reporter) -> Opened:
    """The study filed under `key`, with its dataset loaded again."""
    spec = engine.spec_under(key)
    dataset = engine.dataset(spec.data, report)  # first: the study is held against it
    return Opened(dataset, Found(spec, engine.study(key), engine.models(spec)))


def compare_layers(spec: RunSpec, a: str, b: str, engine: Pipeline, report: Reporter) -> Similarity:
    """How alike the layers of models `a` and `b` are to Original, Re-trains and each other."""
    return engine.similarity(spec, a, b, report)


def list_studies(engine: Pipeline, report: Reporter) -> list[StudySummary]:
    """Every study in the store."""
    return engine.studies()


def look_beside(
    spec: RunSpec, keys: tuple[str, ...], engine: Pipeline, report: Reporter
) -> tuple[Study, ...]:
    """The stored studies under these keys; one that is gone or damaged is left out and told of."""
    found = []
    for key in keys:
        report.check()
        try:
            found.append(engine.study(key))
        except EngineError as error:
            report.log(str(error))
    return tuple(found)


def embed(spec: RunSpec, a: str, b: str, engine: Pipeline, report: Reporter) -> Embedding:
    """One joint UMAP of the features of two models."""
    return engine.embed(spec, (a, b), report)


def recognize(spec: RunSpec, model: str, engine: Pipeline, report: Reporter) -> Recognition:
    """The smallest tau at which a model recognizes each forget sample again."""
    from engine.recognition import HALVINGS

    report.expect(float(len(spec.forget) * DIRECTIONS_TRIED * (len(spec.probe.taus) + HALVINGS)))
    return engine.recognition(spec, model, report, draws=DIRECTIONS_TRIED)


def look_around(
    spec: RunSpec, sample: int, probe: tuple[str, float], engine: Pipeline, report: Reporter
) -> Neighborhood:
    """The neighborhood of one sample at (perturbation, tau)."""
    perturbation, tau = probe
    return engine.neighborhood(spec, sample, perturbation, tau, report)


def look_through(
    spec: RunSpec,
    sample: int,
    aim: tuple[str, int],
    probe: tuple[str, float],
    size: int,
    engine: Pipeline,
    report: Reporter,
) -> Slice:
    """The slice through one sample along an aim, `size` points a side.

    aim: the pair of directions, and the sample that it leads to where that is chosen.
    """
    (directions, towards), (perturbation, tau) = aim, probe
    return engine.slice(
        spec, sample, directions, tau, size, report, perturbation=perturbation, towards=towards
    )


def infer_membership(
    spec: RunSpec,
    a: str,
    b: str,
    score: str,
    members: str,
    matched: bool,
    engine: Pipeline,
    report: Reporter,
) -> Attack:
    """Membership inference on models `a` and `b`, see engine.attack."""
    return engine.attack(spec, a, b, report, score=score, members=members, matched=matched)


def replay(spec: RunSpec, model: str, engine: Pipeline, report: Reporter) -> Epochs:
    """What was seen of one method, epoch by epoch, when it was made."""
    return engine.epochs(spec, model, report)


def watch_again(spec: RunSpec, model: str, engine: Pipeline, report: Reporter) -> Epochs:
    """The epochs of one method, which runs once more for it; each is a point."""
    return engine.watch_again(spec, model, report)


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


def preview_figure(
    study: Study, kind: str, options: Mapping[str, Any], engine: Pipeline, report: Reporter
) -> bytes:
    """The figure as a PNG, which no file is left of."""
    with tempfile.TemporaryDirectory(prefix="rk-preview-") as folder:
        return engine.figure(study, kind, Path(folder) / "figure.png", **options)[0].read_bytes()


def save_set(
    study: Study,
    kinds: Sequence[str],
    folder: Path,
    suffix: str,
    look: Mapping[str, Any],
    options: Mapping[str, Mapping[str, Any]],
    engine: Pipeline,
    report: Reporter,
) -> FigureSet:
    """Several figures in one folder, with a list of them; look: what all of them share."""
    from engine.figure_set import draw_set

    return draw_set(engine, study, kinds, folder, report, suffix=suffix, look=look, options=options)


def save_report(
    study: Study, files: Sequence[Path], texts: Sequence[str], engine: Pipeline, report: Reporter
) -> list[Path]:
    """The files written for the report of a study; texts may word its forget set."""
    from engine.reporting.written import write

    return write(engine, study, files, report, texts)


def command_line(
    study: Study, dataset: Dataset, texts: tuple[str, ...], engine: Pipeline, report: Reporter
) -> str:
    """The `rk-engine` line that makes this study; one of `texts` may word its forget set."""
    return _command(engine.spec_of(study), dataset, texts, engine)


def command_of_study(key: str, engine: Pipeline, report: Reporter) -> str:
    """The `rk-engine` line that makes the study filed under `key`."""
    spec = engine.spec_of(engine.study(key))
    return _command(spec, engine.dataset(spec.data, report), (), engine)


def command_of_order(order: Order, engine: Pipeline, report: Reporter) -> str:
    """The `rk-engine` line that makes the study that was ordered."""
    dataset, spec = _ordered(order, engine, report)
    return _command(spec, dataset, (order.form.forget,), engine)


def save_forget(
    forget: tuple[int, ...], dataset: Dataset, out: Path, engine: Pipeline, report: Reporter
) -> list[Path]:
    """The CSV written for a forget set: index, label, class and name of each sample."""
    from engine.indices import index_table

    table = index_table(forget, dataset)
    outputs.write_text(out, table)
    return [out]


def save_checkpoint(
    spec: RunSpec, model: str, out: Path, engine: Pipeline, report: Reporter
) -> list[Path]:
    """The file written for one model's weights."""
    return [engine.export_checkpoint(spec, model, out, report)]


def save_session(session: Session, out: Path, engine: Pipeline, report: Reporter) -> list[Path]:
    """The file written for a session."""
    outputs.write_text(out, sessions.as_text(session))
    return [out]


def read_session(path: Path, engine: Pipeline, report: Reporter) -> Session:
    """The session in a file; SpecError where it is none."""
    try:
        text = plain_files.read_text(path, sessions.LARGEST)
    except (OSError, ValueError) as error:
        raise SpecError(
            f"{path} cannot be read as a session: {plain_files.why(error)}. Open another."
        ) from error
    return sessions.parse(text)


def weigh_bundle(study: Study, engine: Pipeline, report: Reporter) -> tuple[int, int]:
    """Bytes of what a bundle of this study holds, and of its images, before they are packed."""
    from engine.belongings import everything

    dataset = engine.dataset(engine.spec_of(study).data, report)
    images = dataset.train_x.nbytes + dataset.test_x.nbytes
    shelf, _ = engine.place(study.key)
    return sum(path.stat().st_size for path in everything(shelf, study.key)), images


def save_bundle(
    study: Study, out: Path, session: Session, images: bool, engine: Pipeline, report: Reporter
) -> list[Path]:
    """The file written for a study with all that belongs to it."""
    plain = sessions.as_plain(sessions.portable(session))
    return [engine.save_bundle(study, out, plain, report, images=images)]


def open_bundle(path: Path, engine: Pipeline, report: Reporter) -> Session | str:
    """The session in a bundle, whose study is in the store now.

    Only the study's key where its session cannot be read by this version.
    """
    opened = engine.open_bundle(path, report)
    return _seen(opened.key, opened.session, report)


def open_result(path: Path, engine: Pipeline, report: Reporter) -> str:
    """The key of the study in a result file, brought from its own store if that is another.

    StoreError where it is the file of no study.
    """
    key = path.stem
    if path.parent.name != "studies":
        raise StoreError(
            f"'{path.name}' is no study's result. Open a file of the folder 'studies' of a store, "
            "or have its owner use File > Save bundle."
        )
    here = (engine.store, engine.store.imported)
    if path.resolve() not in [one.path("studies", key).resolve() for one in here]:
        _bring(path.resolve().parents[1], key, engine, report)
    return key


def find_data(session: Session, root: str, engine: Pipeline, report: Reporter) -> Dataset:
    """The data of a session, which lie in `root` now; that is remembered. DataError otherwise."""
    if session.study and engine.has_study(session.study):
        return engine.find_data(session.study, root, report)
    spec = _data_spec(session.form, session.fingerprint)
    return engine.work.move_dataset(spec, root, report)


def try_weights(
    form: StudyForm, forget: tuple[int, ...], dataset: Dataset, engine: Pipeline, report: Reporter
) -> StudyForm:
    """The form, once the weights in it were found to fit; SpecError or CheckpointError if not."""
    _compose(form, forget, dataset, engine)
    return form


def _seen(key: str, plain: Mapping[str, Any], report: Reporter) -> Session | str:
    """How a study was last seen; only its key where that cannot be read."""
    try:
        found = sessions.from_plain(plain)
    except SpecError as error:
        report.log(f"The study is here, but not how it was seen: {error}")
        return key
    return replace(found, study=key)


def _bring(root: Path, key: str, engine: Pipeline, report: Reporter) -> None:
    """Bring a study from the store in `root`; it is checked like a bundle from a stranger."""
    from engine import asides, bundle
    from engine.store import Store

    aside = asides.aside_of(engine.store.root / f"study{bundle.SUFFIX}")
    try:
        bundle.save(Store(root), key, aside, {}, None, report)
        engine.open_bundle(aside, report, f"the store {root}")
    finally:
        aside.unlink(missing_ok=True)


def _command(spec: RunSpec, dataset: Dataset, texts: tuple[str, ...], engine: Pipeline) -> str:
    from engine import command_line

    wordings = (*texts, dataset.recommended.forget)
    forget = command_line.forget_text(spec, dataset, filter(None, wordings))
    if not forget:
        forget = f"{command_line.FILES}{command_line.index_file(spec, engine.store)}"
    return command_line.command_line(spec, dataset, forget, engine.store.root)


def _specs(orders: Mapping[int, Order], engine: Pipeline, report: Reporter) -> dict[int, RunSpec]:
    """The spec of each order, but for those that cannot be run: they will say why when they are."""
    found = {}
    for at, order in orders.items():
        report.check()
        with contextlib.suppress(EngineError):
            found[at] = _ordered(order, engine, report)[1]
    return found


def _ordered(order: Order, engine: Pipeline, report: Reporter) -> tuple[Dataset, RunSpec]:
    """The data and the spec of an order; SpecError where its forget set is of other data."""
    form = order.form
    dataset = _data_of(form, order.fingerprint, engine, report)
    if order.forget and dataset.spec.fingerprint != order.fingerprint:
        raise SpecError(
            f"The forget set was chosen among other data than seed {form.seed} draws. Describe it "
            "in words, such as class:1:0.5, so that it can be drawn from these data too."
        )
    return dataset, _compose(form, order.forget or form.forget, dataset, engine)


def _data_spec(form: StudyForm, fingerprint: str = "") -> DataSpec:
    return DataSpec(
        form.dataset,
        form.root,
        form.seed,
        form.side,
        fingerprint,
        form.channels,
        form.validation,
        form.links,
    )


def _moved(spec: DataSpec, engine: Pipeline) -> bool:
    """Whether the store knows where these data lie now, or keeps them."""
    places = ("places", "datasets")
    shelves = (engine.store, engine.store.imported)
    there = (shelf.has(one, spec.fingerprint) for shelf in shelves for one in places)
    return bool(spec.fingerprint) and any(there)


def _data_of(form: StudyForm, fingerprint: str, engine: Pipeline, report: Reporter) -> Dataset:
    """The data of this fingerprint if the form's seed draws them, else those that it does."""
    if fingerprint:
        with contextlib.suppress(DataError, SpecError):
            found = engine.dataset(_data_spec(form, fingerprint), report)
            if found.spec.seed == form.seed:
                return found
    return engine.dataset(_data_spec(form), report)


def _compose(
    form: StudyForm, forget: tuple[int, ...] | str, dataset: Dataset, engine: Pipeline
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
        weights={name: place(path) for name, path in form.weights.items()},
    )
