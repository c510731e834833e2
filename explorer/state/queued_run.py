"""One entry of the queue: a study that waits, runs or has ended. Plain data, no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.runtime.progress import Progress
from explorer.state.study_form import StudyForm

WAITING, RUNNING, DONE, STOPPED, FAILED = "waiting", "running", "done", "stopped", "failed"
HELD = "on hold"  # of a former session: it waits for somebody to start it
LIVE = (WAITING, RUNNING)
KEPT = (RUNNING, WAITING, HELD)  # what a session keeps, the next one first
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
    """What is to be computed: the form as it was when somebody pressed Run.

    forget: training-set indices in the data with that `fingerprint`; where `form.forget` words
    the forget set, the words count for data drawn with another seed. label: what people call the
    dataset; swept: the settings that tell this study from others of its grid.
    """

    form: StudyForm
    forget: tuple[int, ...]
    fingerprint: str
    label: str
    swept: str = ""

    @property
    def title(self) -> str:
        """What people call the study."""
        return f"{self.label} ({self.swept})" if self.swept else self.label


@dataclass(frozen=True)
class QueuedRun:
    """An order in the queue. number: counts up and is never used again; lines: its log;
    seconds: how long it ran; error: why it failed; key and spec: of its study, once known."""

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
        """Whether it waits or runs."""
        return self.state in LIVE

    @property
    def resumable(self) -> bool:
        """Whether it was stopped, failed or is on hold, so that it can be queued."""
        return self.state in (STOPPED, FAILED, HELD)
