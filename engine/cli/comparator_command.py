"""The command `import-comparator`: its options, and what it does."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli import commands
from engine.external import comparator
from engine.external.comparator import ComparatorStudy
from engine.storage.paths import absolute, typed_path

if TYPE_CHECKING:
    from engine.analysis.stated_accuracy import StatedAccuracy, StatedPredictions
    from engine.datasets.base import Dataset

HELP = "measure the models of Unlearning Comparator: reads its results and weights"
RUN_DEFAULTS = {  # options of `run` on how data are read
    "side": 0, "channels": "rgb", "validation": 0.0, "links": "refuse", "columns": "",
    "test_share": 0.2, "encoder": "",
}  # fmt: skip


def add(command: argparse.ArgumentParser, measurement: Callable[..., None]) -> None:
    """Add the options to the command; measurement: adds those that it shares with `run`."""
    command.add_argument(
        "folder",
        type=typed_path,
        help="its folder, with data/CLASS/ID.json and unlearned_models/CLASS/ID.pth below, a "
        "folder of such files, or one result; files are read as weights only",
    )
    command.add_argument(
        "--class",
        dest="forgotten",
        type=int,
        metavar="NUMBER",
        help="the forgotten class, where there are results for several",
    )
    command.add_argument(
        "--root", type=absolute, default="", help="folder of the data (its own, if it has them)"
    )
    command.add_argument(
        "--dataset", default=comparator.DATASET, help="its data, if not %(default)s"
    )
    command.add_argument(
        "--model", default=comparator.MODEL, help="its network, if not %(default)s; see run"
    )
    command.add_argument(
        "--normalize",
        default="",
        metavar="HOW",
        help=f"how its input is normalized ({comparator.NORMALIZE}); see run",
    )
    command.add_argument(
        "--methods", default="none", help="our methods, to run beside its models (none)"
    )
    command.add_argument(
        "--retrains", type=int, help="number of Re-trains; those that it does not have are trained"
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OWNER.SETTING=VALUE",
        help="change a setting; see run",
    )
    command.add_argument("--measures", default="", help="additional measures; see run")
    measurement(command)


def import_comparator(options: argparse.Namespace) -> None:
    """Run a study with the models in a folder, and compare what their results state."""
    study = comparator.read(options.folder, options.forgotten, alone=options.retrains is None)
    for note in _notes(study, options.retrains):
        commands.say(note)
    run = _run_options(study, options)
    pipeline, runs = commands.computed(run, lambda dataset: _check(study, dataset))
    commands.write_results(run, pipeline, runs)
    from engine.analysis import stated_accuracy
    from engine.runtime.progress import Reporter

    spec = runs[0].outcome.spec
    results, dataset = pipeline.models(spec), pipeline.dataset(spec.data, Reporter())
    rows = stated_accuracy.stated_accuracies(study, results, dataset.train_y, dataset.test_y)
    same_order = not dataset.files
    predictions = stated_accuracy.stated_predictions(study, results) if same_order else []
    print(f"\n{agreement(rows, predictions)}")


def agreement(rows: Sequence[StatedAccuracy], predictions: Sequence[StatedPredictions]) -> str:
    """What the results state and what was measured: a sentence, and a table where they differ."""
    from engine.analysis.stated_accuracy import ALIKE, QUANTITIES
    from engine.tables.text import aligned

    differing = [row for row in rows if row.differs]
    if not rows:
        return "The results state no accuracies that could be compared."
    sentence = (
        f"{len(rows) - len(differing)} of {len(rows)} accuracies that Unlearning Comparator states "
        f"were measured here as well, within {ALIKE:g} points."
    )
    parts = [sentence]
    if differing:
        table = [["model", "accuracy", "stated %", "measured %", "difference"]]
        table += [
            [
                row.model, QUANTITIES[row.quantity], f"{row.stated:.1f}", f"{row.measured:.1f}",
                f"{row.measured - row.stated:+.1f}",
            ]
            for row in differing
        ]  # fmt: skip
        parts += [aligned(table, left=(0, 1))]
    apart = [one for one in predictions if one.alike < one.samples]
    parts += [
        f"{one.model}: {one.samples - one.alike:,} of {one.samples:,} stated predictions differ."
        for one in apart
    ]
    return "\n".join(parts)


def _notes(study: ComparatorStudy, retrains: int | None) -> list[str]:
    """Sentences about what is imported, what is not, and what one Re-train cannot tell."""
    names = ", ".join(study.models)
    notes = [f"class {study.forgotten} is forgotten; models: {names}", *study.notes]
    if (retrains or len(study.retrains)) == 1:
        notes.append(
            "one Re-train gives no null band, which tells residual knowledge from chance: "
            "--retrains 3 trains two more, with the settings recommended for the data"
        )
    return notes


def _check(study: ComparatorStudy, dataset: Dataset) -> None:
    """SpecError if the results are of other data."""
    if dataset.files:  # images of a folder are in another order: only classes can be compared
        study = dataclasses.replace(study, models=_without_points(study))
    comparator.check_labels(study, dataset.train_y.tolist(), dataset.classes)


def _without_points(study: ComparatorStudy) -> dict[str, comparator.ComparatorModel]:
    return {
        name: dataclasses.replace(one, stated=dataclasses.replace(one.stated, points=()))
        for name, one in study.models.items()
        if one.stated is not None
    }


def _run_options(study: ComparatorStudy, options: argparse.Namespace) -> argparse.Namespace:
    """The options of `run` for this study."""
    own: Path = study.models[comparator.ORIGINAL].file
    ready = {
        **RUN_DEFAULTS,
        "root": options.root or (study.root if options.dataset == comparator.DATASET else ""),
        "normalize": options.normalize or comparator.NORMALIZE,
        "forget": f"class:{study.forgotten}",
        "original": own,
        "retrain": study.retrains,
        "unlearned": study.unlearned,
    }
    return argparse.Namespace(**{**vars(options), **ready})
