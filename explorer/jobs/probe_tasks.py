"""Lane tasks that query a finished study (see `study_tasks`).

They cover layers, epochs, neighborhoods, slices, the embedding and membership inference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.analysis.epoch_series import Epochs
from engine.errors import EngineError
from engine.membership.results import Attack
from engine.results import Embedding, Neighborhood, Recognition, Similarity, Slice, Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec
from explorer.jobs import example_tasks

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline


DIRECTIONS_TRIED = 20  # random directions per sample in the search for its smallest tau


def compare_layers(spec: RunSpec, a: str, b: str, engine: Pipeline, report: Reporter) -> Similarity:
    """Layer similarity (CKA) of models `a` and `b` to Original, Re-trains and each other."""
    if spec.imported:
        example_tasks.end_import(engine, report)  # which brings the similarities
    return engine.similarity(spec, a, b, report)


def read_studies(
    spec: RunSpec, keys: tuple[str, ...], engine: Pipeline, report: Reporter
) -> tuple[Study, ...]:
    """The stored studies with these keys; missing or damaged ones are logged and left out."""
    studies = []
    for key in keys:
        report.check()
        try:
            studies.append(engine.study(key))
        except EngineError as error:
            report.log(str(error))
    return tuple(studies)


def embed(spec: RunSpec, a: str, b: str, engine: Pipeline, report: Reporter) -> Embedding:
    """A joint UMAP embedding of the features of two models."""
    return engine.embed(spec, (a, b), report)


def find_smallest_tau(spec: RunSpec, model: str, engine: Pipeline, report: Reporter) -> Recognition:
    """The smallest tau at which a model recognizes each forget sample again."""
    from engine.residual.copy_counts import HALVINGS

    report.expect(float(len(spec.forget) * DIRECTIONS_TRIED * (len(spec.probe.taus) + HALVINGS)))
    return engine.recognition(spec, model, report, draws=DIRECTIONS_TRIED)


def find_smallest_taus(
    spec: RunSpec, models: tuple[str, ...], engine: Pipeline, report: Reporter
) -> dict[str, Recognition]:
    """The same of several models; those found so far are reported as the point 'recognitions'."""
    from engine.residual.copy_counts import HALVINGS

    each = len(spec.forget) * DIRECTIONS_TRIED * (len(spec.probe.taus) + HALVINGS)
    report.expect(float(len(models) * each))
    found: dict[str, Recognition] = {}
    for model in models:
        report.check()
        found = {**found, model: engine.recognition(spec, model, report, draws=DIRECTIONS_TRIED)}
        report.point("recognitions", found)
    return found


def compute_neighborhood(
    spec: RunSpec, sample: int, probe: tuple[str, float], engine: Pipeline, report: Reporter
) -> Neighborhood:
    """The neighborhood of one sample at (perturbation, tau)."""
    perturbation, tau = probe
    return engine.neighborhood(spec, sample, perturbation, tau, report)


def compute_slice(
    spec: RunSpec,
    sample: int,
    aim: tuple[str, int],
    probe: tuple[str, float],
    size: int,
    engine: Pipeline,
    report: Reporter,
) -> Slice:
    """The decision slice through one sample, `size` points a side.

    aim: the name of the pair of directions, and the target sample if it is 'chosen'.
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
    """Membership inference on models `a` and `b`, see engine.membership.attack."""
    return engine.attack(spec, a, b, report, score=score, members=members, matched=matched)


def replay(spec: RunSpec, model: str, engine: Pipeline, report: Reporter) -> Epochs:
    """The recorded epochs of one method."""
    return engine.epochs(spec, model, report)


def record_epochs(spec: RunSpec, model: str, engine: Pipeline, report: Reporter) -> Epochs:
    """Run a method again to record its epochs; each is reported as a point."""
    return engine.watch_again(spec, model, report)


def warm_up(engine: Pipeline, report: Reporter) -> None:
    """Import torch and what computes; engines other than a pipeline may have nothing to import."""
    prepare = getattr(engine, "warm_up", None)
    if prepare is not None:
        prepare()
