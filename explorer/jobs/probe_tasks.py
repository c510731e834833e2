"""What is asked about a finished study, as work of the lanes: see `tasks`.

They look at layers, epochs, neighborhoods, slices, the embedding and membership inference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.analysis.epoch_series import Epochs
from engine.errors import EngineError
from engine.membership.results import Attack
from engine.residual import posterior
from engine.results import Embedding, Neighborhood, Recognition, Residual, Similarity, Slice, Study
from engine.runtime.progress import Reporter
from engine.spec import RunSpec

if TYPE_CHECKING:
    from engine.pipeline.pipeline import Pipeline


DIRECTIONS_TRIED = 20  # per sample, when its smallest tau is searched


def prepare_verdicts(residual: Residual, engine: Pipeline, report: Reporter) -> None:
    """Let the first verdicts that somebody sorts or filters by not keep the window waiting."""
    posterior.get_ready(residual)


def compare_layers(spec: RunSpec, a: str, b: str, engine: Pipeline, report: Reporter) -> Similarity:
    """How alike the layers of models `a` and `b` are to Original, Re-trains and each other."""
    return engine.similarity(spec, a, b, report)


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
    from engine.residual.smallest_tau import HALVINGS

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
    """Membership inference on models `a` and `b`, see engine.membership.attack."""
    return engine.attack(spec, a, b, report, score=score, members=members, matched=matched)


def replay(spec: RunSpec, model: str, engine: Pipeline, report: Reporter) -> Epochs:
    """What was seen of one method, epoch by epoch, when it was made."""
    return engine.epochs(spec, model, report)


def watch_again(spec: RunSpec, model: str, engine: Pipeline, report: Reporter) -> Epochs:
    """The epochs of one method, which runs once more for it; each is a point."""
    return engine.watch_again(spec, model, report)
