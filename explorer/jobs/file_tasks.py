"""Lane tasks that read and write files (see `study_tasks`)."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.datasets.base import Dataset
from engine.errors import SpecError, StoreError
from engine.external import comparator
from engine.results import Embedding, Residual, Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from engine.storage import output_files, plain_files
from explorer.jobs import study_tasks
from explorer.state import session as sessions
from explorer.state.session import Session
from explorer.state.study_form import StudyForm

if TYPE_CHECKING:
    from engine.figures.figure_set import FigureSet
    from engine.pipeline.pipeline import Pipeline


def save_figure(
    study: Study,
    kind: str,
    out: Path,
    options: Mapping[str, Any],
    engine: Pipeline,
    report: Reporter,
) -> list[Path]:
    """The files written for one figure: the drawing and its numbers as CSV."""
    from engine.figures import catalog

    return catalog.figure(engine, study, kind, out, **options)


@dataclass(frozen=True)
class FigurePicture:
    """A figure in memory: as PNG, as SVG (b'' if it was not wanted), and its caption."""

    png: bytes
    svg: bytes = b""
    caption: str = ""


def preview_figure(
    study: Study, kind: str, options: Mapping[str, Any], engine: Pipeline, report: Reporter
) -> FigurePicture:
    """The figure as a picture with its caption; no file is left behind."""
    from engine.figures import catalog

    with tempfile.TemporaryDirectory(prefix="rk-preview-") as folder:
        out = Path(folder) / "figure.png"
        files = catalog.figure(engine, study, kind, out, **options)
        captions = [path for path in files if path.suffix == ".txt"]
        words = captions[0].read_text(encoding="utf-8") if captions else ""
        return FigurePicture(out.read_bytes(), caption=words)


def copy_figure(
    study: Study, kind: str, options: Mapping[str, Any], engine: Pipeline, report: Reporter
) -> FigurePicture:
    """The figure for the clipboard, as PNG and SVG."""
    from engine.figures import catalog

    with tempfile.TemporaryDirectory(prefix="rk-copy-") as folder:
        outs = [Path(folder) / f"figure{suffix}" for suffix in (".png", ".svg")]
        for out in outs:
            catalog.figure(engine, study, kind, out, **{**options, "numbers": False})
        return FigurePicture(outs[0].read_bytes(), outs[1].read_bytes())


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
    """Several figures in one folder, with an index; look: options common to all."""
    from engine.figures.figure_set import draw_set

    return draw_set(engine, study, kinds, folder, report, suffix=suffix, look=look, options=options)


def save_report(
    study: Study,
    files: Sequence[Path],
    texts: Sequence[str],
    shown: Mapping[str, Mapping[str, Any]],
    engine: Pipeline,
    report: Reporter,
) -> list[Path]:
    """The files written for the report of a study.

    texts: descriptions of its forget set; shown: kind -> options of the figures on the screen.
    """
    from engine.report.write import write

    return write(engine, study, files, report, texts, shown)


def save_forget(
    forget: tuple[int, ...], dataset: Dataset, out: Path, engine: Pipeline, report: Reporter
) -> list[Path]:
    """The CSV written for a forget set: index, label, class and name of each sample."""
    from engine.forget_sets.indices import index_table

    table = index_table(forget, dataset)
    output_files.write_text(out, table)
    return [out]


def save_points(
    samples: list[int],
    shown: Embedding,
    dataset: Dataset,
    residual: Residual | None,
    tau: float,
    out: Path,
    engine: Pipeline,
    report: Reporter,
) -> list[Path]:
    """The CSV written for samples of an embedding, one row a sample."""
    from engine.tables.points_csv import points_csv

    output_files.write_text(out, points_csv(samples, shown, dataset, residual, tau))
    return [out]


def save_checkpoint(
    spec: RunSpec, model: str, out: Path, engine: Pipeline, report: Reporter
) -> list[Path]:
    """The file written for one model's weights."""
    return [engine.export_checkpoint(spec, model, out, report)]


def save_session(session: Session, out: Path, engine: Pipeline, report: Reporter) -> list[Path]:
    """The file written for a session."""
    output_files.write_text(out, sessions.as_text(session))
    return [out]


def read_session(path: Path, engine: Pipeline, report: Reporter) -> Session:
    """The session in a file; raises SpecError if it is not a session."""
    try:
        text = plain_files.read_text(path, sessions.LARGEST)
    except (OSError, ValueError) as error:
        raise SpecError(
            f"{path} cannot be read as a session: {plain_files.error_reason(error)}. "
            "Open another file."
        ) from error
    return sessions.parse(text)


def bundle_size(study: Study, engine: Pipeline, report: Reporter) -> tuple[int, int]:
    """Uncompressed bytes of a bundle of this study, and of its images."""
    from engine.pipeline.study_files import all_files

    dataset = engine.dataset(engine.spec_of(study).data, report)
    images = dataset.train_x.nbytes + dataset.test_x.nbytes
    shelf, _ = engine.place(study.key)
    return sum(path.stat().st_size for path in all_files(shelf, study.key)), images


def save_bundle(
    study: Study, out: Path, session: Session, images: bool, engine: Pipeline, report: Reporter
) -> list[Path]:
    """The file written for a study with everything that belongs to it."""
    plain = sessions.as_plain(sessions.portable(session))
    return [engine.save_bundle(study, out, plain, report, images=images)]


def open_bundle(path: Path, engine: Pipeline, report: Reporter) -> Session | str:
    """Import a bundle's study into the store and return the bundle's session.

    Returns only the study's key if this version cannot read the session.
    """
    opened = engine.open_bundle(path, report)
    return _bundled_session(opened.key, opened.session, report)


def open_result(path: Path, engine: Pipeline, report: Reporter) -> str:
    """The key of the study in a result file, imported if the file is in another store.

    Raises StoreError if the file is not the result of a study.
    """
    key = path.stem
    if path.parent.name != "studies":
        raise StoreError(
            f"'{path.name}' is not the result of a study. Open a file from the 'studies' folder of "
            "a store, or ask its owner for a bundle (File > Save bundle)."
        )
    stores = (engine.store, engine.store.imported)
    if path.resolve() not in [store.path("studies", key).resolve() for store in stores]:
        _import_study(path.resolve().parents[1], key, engine, report)
    return key


def find_data(session: Session, root: str, engine: Pipeline, report: Reporter) -> Dataset:
    """The data of a session, now in `root`, which is remembered; DataError if they differ."""
    if session.study and engine.has_study(session.study):
        return engine.find_data(session.study, root, report)
    spec = study_tasks.data_spec(session.form, session.fingerprint)
    return engine.work.datasets.move(spec, root, report)


def check_weights(
    form: StudyForm, forget: tuple[int, ...], dataset: Dataset, engine: Pipeline, report: Reporter
) -> StudyForm:
    """The form, if its weights fit the model; else SpecError or CheckpointError."""
    study_tasks.compose(form, forget, dataset, engine)
    return form


def read_comparator(path: Path, engine: Pipeline, report: Reporter) -> tuple[Session, str]:
    """(session that measures the models in a folder of Unlearning Comparator, sentence about it).

    Raises SpecError where something is missing.
    """
    study = comparator.read(path)
    form = StudyForm(
        dataset=comparator.DATASET,
        root=study.root,
        model=comparator.MODEL,
        normalize=comparator.NORMALIZE,
        forget=f"class:{study.forgotten}",
        methods=(),
        retrains=len(study.retrains),
        weights={name: str(one.file.absolute()) for name, one in study.models.items()},
    )
    sentence = (
        f"The next study takes {len(study.models)} models that forgot class {study.forgotten} from "
        f"{path.name}. Press Run to measure them."
    )
    return Session(form), " ".join([sentence, *study.notes])


def _bundled_session(key: str, plain: Mapping[str, Any], report: Reporter) -> Session | str:
    """The session a bundle holds; only the study's key if it cannot be read."""
    try:
        session = sessions.from_plain(plain)
    except SpecError as error:
        report.log(f"The study was imported, but its session could not be read: {error}")
        return key
    return replace(session, study=key)


def _import_study(root: Path, key: str, engine: Pipeline, report: Reporter) -> None:
    """Import a study from the store in `root`; it is checked like any untrusted bundle."""
    from engine.pipeline import bundle
    from engine.storage import atomic_files
    from engine.storage.store import Store

    aside = atomic_files.temporary_path(engine.store.root / f"study{bundle.SUFFIX}")
    try:
        bundle.save(Store(root), key, aside, {}, None, report)
        engine.open_bundle(aside, report, f"the store {root}")
    finally:
        aside.unlink(missing_ok=True)
