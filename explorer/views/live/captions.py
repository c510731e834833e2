"""An epoch in words: where it stands, its accuracies, its r, and what limits them."""

from __future__ import annotations

import numpy as np

from engine.analysis.epoch_series import Epochs
from engine.datasets.base import Dataset
from engine.drawing.labels import null_note, perturbation_label, undefined_note
from engine.forget_sets.sample_names import called, titled
from engine.results import Residual

EMPTY = (
    "Nothing to watch yet. Press Run: while a method unlearns, its curve and what it calls the "
    "copies of the current sample move here, epoch by epoch."
)
ASKING = "Looking up the epochs of {0}. If it was not watched as it ran, it can be watched again."
MEASURES = {"retain_acc": "retain", "unlearn_acc": "unlearn", "test_acc": "test"}  # accuracies


def place(shown: Epochs, at: int) -> str:
    """'epoch 3 of 20' for the view with the number `at`."""
    total = max(shown.planned, int(shown.epochs[-1]))
    return f"epoch {shown.views[at].epoch} of {total}"


def accuracies(shown: Epochs, at: int) -> str:
    """The accuracies of one view."""
    shares = shown.views[at].accuracy
    return " · ".join(f"{label} {shares[name]:.1f} %" for name, label in MEASURES.items())


def notes(shown: Epochs, residual: Residual | None) -> str:
    """What r was measured on, and what it costs and cannot say; residual: the study's own."""
    count = len(shown.samples)
    note = undefined_note(shown.undefined().tolist(), count)
    rest = f"; {note}, which a Re-train never recognizes" if note else ""
    words = [f"r of {count:,} forget samples, {shown.draws} copies each{rest}."]
    measured = residual.perturbation if residual else ""
    if measured and measured != shown.perturbation:
        words.append(
            f"The study attacks by {perturbation_label(measured)}; watched is "
            f"{perturbation_label(shown.perturbation)} noise of the same τ."
        )
    if np.isfinite(shown.null_low).any():
        words.append(null_note(shown.taus))
    if not shown.exact:
        words.append("Run again, the method ended in other weights than the stored model.")
    if np.isfinite(shown.overhead()):
        words.append(
            f"Watching took {shown.seconds:.1f} s beside {shown.training:.1f} s of unlearning."
        )
    return " ".join(filter(None, words))


def reading(shown: Epochs, at: int, column: int) -> str:
    """r at one tau of the grid, in the view with the number `at` and before the first epoch."""
    now, start = shown.curve(at)[column], shown.curve(0)[column]
    return f"τ {shown.taus[column]:g}: r {now:.3g} at this epoch, {start:.3g} at epoch 0"


def copies(shown: Epochs, sample: int, row: int, dataset: Dataset) -> str:
    """The heading of a forget sample's verdicts; row: its row in `shown`."""
    label = dataset.classes[int(shown.labels[row])]
    return (
        f"{titled(sample, dataset)}, class {label}: {shown.draws} copies (rows) at each τ (columns)"
    )


def no_verdicts(sample: int | None, dataset: Dataset | None) -> str:
    """Why there are no verdicts on a sample's copies."""
    if sample is None:
        return "Choose a forgotten sample to see what each epoch makes of its copies."
    return (
        f"The copies of {called(sample, dataset)} are not watched. Choose one of the forget set to "
        "see what each epoch makes of its copies."
    )
