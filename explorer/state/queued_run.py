"""One entry of the queue: a waiting, running or finished study. Plain data, no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.runtime.progress import Progress
from explorer.state.study_form import StudyForm

WAITING, RUNNING, DONE, STOPPED, FAILED = "waiting", "running", "done", "stopped", "failed"
HELD = "on hold"  # from an earlier session: waits for the user to start it
LIVE = (WAITING, RUNNING)
UNFINISHED = (RUNNING, WAITING, HELD)  # what a session saves, the next one first
ICONS = {
    WAITING: "…",
    RUNNING: "▶",
    DONE: "✓",
    STOPPED: "■",
    FAILED: "✕",
    HELD: "○",
}  # beside the word; fmt: skip


@dataclass(frozen=True)
class Order:
    """A study to compute: the form as it was when Run was pressed.

    forget: training-set indices into the data with that `fingerprint`; if `form.forget` describes
    the forget set, the description is used for data drawn with another seed. label: display name
    of the dataset; swept: the settings that distinguish this study from others of its grid.
    """

    form: StudyForm
    forget: tuple[int, ...]
    fingerprint: str
    label: str
    swept: str = ""

    @property
    def title(self) -> str:
        """Display name of the study."""
        return f"{self.label} ({self.swept})" if self.swept else self.label


@dataclass(frozen=True)
class QueuedRun:
    """An order in the queue. number: increasing and never reused; lines: its log; seconds: run
    time; error: why it failed; key and spec: of its study, once known."""

    number: int
    order: Order
    state: str = WAITING
    progress: Progress | None = None
    seconds: float = 0.0
    lines: tuple[str, ...] = ()
    error: str = ""
    key: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether it is waiting or running."""
        return self.state in LIVE

    @property
    def resumable(self) -> bool:
        """Whether it was stopped, failed or is on hold, and can be queued again."""
        return self.state in (STOPPED, FAILED, HELD)


def nothing_yet(runs: Iterable[QueuedRun], idle: str) -> str:
    """Why there is no result: a study is still running, else what `idle` says."""
    running = any(run.state == RUNNING for run in runs)
    return "The study is still running. Try again once it is done." if running else idle
