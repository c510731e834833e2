"""Captions of Live: the epoch, its accuracies, its r, and their limits."""

from __future__ import annotations

import numpy as np

from engine.analysis.epoch_series import Epochs
from engine.datasets.base import Dataset
from engine.drawing.labels import null_note, perturbation_label, undefined_note
from engine.forget_sets.sample_names import sample_label, sample_title
from engine.results import Residual
from explorer.plots.readout import Reading

EMPTY = (
    "No epochs yet. Press Run: while a method unlearns, its curve and its predictions on copies of "
    "the current sample are updated here, epoch by epoch, and can be replayed afterwards."
)
ASKING = "Looking up the epochs of {0}. If they were not recorded, they can be recorded now."
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
    """What r was measured on, its cost and its limits; residual: that of the study."""
    count = len(shown.samples)
    note = undefined_note(shown.undefined().tolist(), count)
    rest = f"; {note}, whose copies a Re-train never recognizes" if note else ""
    words = [f"r of {count:,} forget samples, {shown.draws} copies each{rest}."]
    measured = residual.perturbation if residual else ""
    if measured and measured != shown.perturbation:
        words.append(
            f"The study perturbs by {perturbation_label(measured)}; epochs are watched with "
            f"{perturbation_label(shown.perturbation)} noise of the same τ."
        )
    if np.isfinite(shown.null_low).any():
        words.append(null_note(shown.taus))
    if not shown.exact:
        words.append("When run again, the method ended with weights other than the stored model's.")
    if np.isfinite(shown.overhead()):
        words.append(
            f"Watching took {shown.seconds:.1f} s on top of {shown.training:.1f} s of unlearning."
        )
    return " ".join(filter(None, words))


def reading(shown: Epochs, at: int, column: int, color: str) -> list[Reading]:
    """r at one tau of the grid, in the view with the number `at` and before the first epoch."""
    now, start = float(shown.curve(at)[column]), float(shown.curve(0)[column])
    epoch = shown.views[at].epoch
    return [
        Reading(f"epoch {epoch}", color, f"r {now:.3g}", y=now),
        Reading("epoch 0", color, f"r {start:.3g}", y=start),
    ]


def copies(shown: Epochs, sample: int, row: int, dataset: Dataset) -> str:
    """The heading of a forget sample's verdicts; row: its row in `shown`."""
    label = dataset.classes[int(shown.labels[row])]
    title = f"{sample_title(sample, dataset)}, class {label}"
    return f"{title}: {shown.draws} copies (rows) at each τ (columns)"


def no_verdicts(
    shown: Epochs, sample: int | None, dataset: Dataset | None, forget: np.ndarray
) -> str:
    """Why there are no verdicts on a sample's copies.

    forget: (n_forget,) indices of the forget set of the study, empty if unknown.
    """
    watched, total = len(shown.samples), len(forget)
    which = f"{watched:,} of the {total:,} forget samples" if total > watched else "forget samples"
    rule = f"Only {which} are watched epoch by epoch"
    if sample is None:
        return f"{rule}: choose one to see the predictions on its copies."
    if sample not in forget:
        return f"{rule}; {sample_label(sample, dataset)} is not a forget sample."
    return (
        f"Sample {sample} is not among the {watched:,} forget samples (of {total:,}) watched epoch "
        "by epoch."
    )
