"""Progress and durations as text. No Qt."""

from __future__ import annotations

from engine.drawing.labels import model_label
from engine.runtime.progress import Progress

STEPS = 1000  # of a progress bar


def describe(busy: str, progress: Progress | None) -> str:
    """'Running the study: rurk, 42 %, 0:12 left', or 'Nothing is running.'"""
    if not busy:
        return "Nothing is running."
    if progress is None or progress.stage == busy:
        return f"{busy} ..."
    stage = progress.stage
    if stage.startswith("retrain-"):
        stage = model_label(stage, {})
    parts = [stage] if stage else []
    parts.append(f"{round(100 * progress.fraction)} %")
    if progress.left is not None:
        parts.append(f"{clock(progress.left)} left")
    return f"{busy}: {', '.join(parts)}"


def clock(seconds: float) -> str:
    """Format seconds as 0:42 or 1:02:03."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
