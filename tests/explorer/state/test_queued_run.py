"""What is said where a result is missing."""

from __future__ import annotations

from explorer.state.queued_run import DONE, RUNNING, Order, QueuedRun, nothing_yet
from explorer.state.study_form import StudyForm


def test_nobody_is_told_to_run_what_is_running() -> None:
    order = Order(StudyForm(), (1, 5), "", "Digits")
    ended, running = QueuedRun(1, order, DONE), QueuedRun(2, order, RUNNING)
    assert nothing_yet((), "Run a study first.") == "Run a study first."
    assert nothing_yet((ended,), "Run a study first.") == "Run a study first."
    assert "still running" in nothing_yet((ended, running), "Run a study first.")
