"""What is said about a run in progress, and where a result is missing."""

from __future__ import annotations

from engine.runtime.progress import Progress
from explorer.state.durations import describe
from explorer.state.queued_run import DONE, RUNNING, Order, QueuedRun, nothing_yet
from explorer.state.study_form import StudyForm


def test_nobody_is_told_to_run_what_is_running() -> None:
    order = Order(StudyForm(), (1, 5), "", "Digits")
    ended, running = QueuedRun(1, order, DONE), QueuedRun(2, order, RUNNING)
    assert nothing_yet((), "Run a study first.") == "Run a study first."
    assert nothing_yet((ended,), "Run a study first.") == "Run a study first."
    assert "still running" in nothing_yet((ended, running), "Run a study first.")


def test_a_re_train_in_progress_has_its_display_name() -> None:
    words = describe("Running the study", Progress("retrain-1", 0.34, 10.0))
    assert words == "Running the study: Re-train 1, 34 %, 0:10 left"
