"""How assets/example was made: `python -m tests.example_study [--store DIR] [--out DIR]`.

The study is that of the command in example.json, with every method watched; then everything that
the views of the window ask for first is computed, so that they are filled without a computation.
A test opens every view and sees that none computes (tests/explorer/test_example_window.py). It
takes a minute on two cores, which should have nothing else to do: where watching a method takes too
long beside it, epochs are skipped.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from engine.analysis.ranking import leading_method, worst_first
from engine.cli.commands import compose_arguments
from engine.cli.parser import parser as grammar
from engine.datasets.base import Dataset
from engine.pipeline.copy_cache import FOLDER
from engine.pipeline.pipeline import Pipeline
from engine.results import COARSE, FINE, Study
from engine.runtime.console import ConsoleReporter
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, RunSpec
from engine.storage.store import Store
from engine.study import example
from explorer.state import session as sessions
from explorer.state.session import Session
from explorer.state.study_form import StudyForm

DIRECTIONS = "random"  # the pair that a slice shows first
ADJACENT = 2  # norms on either side of the middle one: the view prefetches as many


def spec_of(pipeline: Pipeline, command: Sequence[str], report: Reporter) -> RunSpec:
    """The study of a `rk-engine run` command, given as its words."""
    options = grammar().parse_args(command[1:])
    data = DataSpec(options.dataset, seed=options.seed)
    return pipeline.compose(pipeline.dataset(data, report), **compose_arguments(options))


def fill(pipeline: Pipeline, spec: RunSpec, report: Reporter) -> Study:
    """The study with all that the window asks for first, in the pipeline's store."""
    study = pipeline.run(spec, report, watch=True)
    models = list(pipeline.plan(spec).models)
    methods = [method.name for method in spec.methods]
    for name in methods:
        pipeline.embed(spec, ("original", name), report)
        pipeline.similarity(spec, name, "retrain-0", report)
    for name in models:
        pipeline.recognition(spec, name, report)
    middle = len(spec.probe.taus) // 2
    near = spec.probe.taus[middle - ADJACENT : middle + ADJACENT + 1]
    worst = first_sample(study)
    for sample in samples_first_shown(study):
        for tau in near if sample == worst else near[ADJACENT : ADJACENT + 1]:
            pipeline.neighborhood(spec, sample, spec.probe.perturbation, tau, report)
    for size in (COARSE, FINE):
        pipeline.slice(
            spec, worst, DIRECTIONS, spec.probe.taus[middle], size, report,
            perturbation=spec.probe.perturbation,
        )  # fmt: skip
    return study


def samples_first_shown(study: Study) -> list[int]:
    """The sample that the window starts at, and the first of the forget set."""
    return [*dict.fromkeys([first_sample(study), *study.forget[:3].tolist()])]


def first_sample(study: Study) -> int:
    """The sample that the window starts at: the first of its ranking, at the middle norm."""
    residual = study.residual
    return int(worst_first(residual, leading_method(residual), len(residual.taus) // 2)[0])


def copy_first_shown(pipeline: Pipeline, spec: RunSpec, study: Study, out: Path) -> None:
    """Write the perturbed copies that the window shows first, which no record holds."""
    middle = spec.probe.taus[len(spec.probe.taus) // 2]
    kept = pipeline.store.root / FOLDER
    shutil.rmtree(kept, ignore_errors=True)
    pipeline.neighborhood(spec, first_sample(study), spec.probe.perturbation, middle, Reporter())
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(kept, out)


def session_of(study: Study, dataset: Dataset, spec: RunSpec) -> Session:
    """What the window restores with the bundle: the recommended study, unchanged."""
    form = StudyForm(
        dataset=dataset.spec.name, forget=dataset.recommended.forget, seed=spec.seed,
        methods=tuple(method.name for method in spec.methods),
    )  # fmt: skip
    return Session(form, dataset.spec.fingerprint, forget=spec.forget, study=study.key)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the study and write its bundle."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--store", type=Path, metavar="DIR", help="where to make it")
    options.add_argument("--out", type=Path, default=Path("assets/example"), metavar="DIR")
    chosen = options.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="rk-example-") as folder, ConsoleReporter() as report:
        pipeline = Pipeline(Store(chosen.store or Path(folder)), "cpu")
        spec = spec_of(pipeline, example.command(), report)
        study = fill(pipeline, spec, report)
        dataset = pipeline.dataset(spec.data, report)
        session = sessions.as_plain(session_of(study, dataset, spec))
        out = chosen.out / example.BUNDLE
        pipeline.save_bundle(study, out, session, report, images=False)
        example.describe(chosen.out, example.command(), study.key)
        copy_first_shown(pipeline, spec, study, chosen.out / example.COPIES)
        print(f"{out}: {out.stat().st_size:,} bytes, study {study.key}")
        pipeline.close()


if __name__ == "__main__":
    main()
