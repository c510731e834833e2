"""The rows of the Runs table: what is in the queue, then what else is stored. Plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.results import StudySummary
from explorer.state.durations import clock
from explorer.state.queued_run import DONE, FAILED, ICONS, RUNNING, STOPPED, WAITING, QueuedRun

Label = Callable[[str, str], str]  # ('dataset', 'model' or 'method', name) -> what people call it
STORED = "stored"  # a study that no run in the list has made
STORED_ICON = "▣"
IMPORTED = "imported"  # a study that came from elsewhere
HEADS = ("State", "Progress", "Dataset", "Methods", "Forget", "Seed", "Model", "Made (UTC)")
TIPS = (
    "Whether a study waits (and at which place), runs, is done, was stopped, failed, is on hold "
    "since an earlier session (Start queues it), is stored from one, or was imported: opened from "
    "a bundle or from another store",
    "How far the running study is and the time it takes yet; how long an ended one took, in "
    "hours, minutes and seconds",
    "The data, and the settings that tell a study from others of its grid",
    "The unlearning methods that are compared",
    "Number of samples to forget",
    "Seed of the whole study",
    "The network that is trained",
    "When the study was stored",
)


@dataclass(frozen=True)
class StudyRow:
    """One line. number: of the run, 0 without one; key: of the stored study, '' before there is
    one; fraction: of the running study, -1 for others; values: what columns are sorted by."""

    state: str
    number: int
    key: str
    cells: tuple[str, ...]
    values: tuple[float | str, ...]
    fraction: float = -1.0
    error: str = ""

    @property
    def mark(self) -> tuple[int, str]:
        """What makes two rows the same one at different times."""
        return (self.number, "") if self.number else (0, self.key)

    @property
    def title(self) -> str:
        """What tells it from other rows in a few words."""
        _, _, dataset, methods, _, seed, _, made = self.cells
        return ", ".join(filter(None, (dataset, methods, f"seed {seed}", made)))


def rows_of(
    runs: Sequence[QueuedRun], studies: Sequence[StudySummary], label: Label
) -> list[StudyRow]:
    """Ended and running runs, those that wait, then the stored studies that none of them made.

    label: what people call a dataset, a model or a method.
    """
    stored = {one.key: one for one in studies}
    line = [run.number for run in runs if run.state == WAITING]
    waiting = {number: place for place, number in enumerate(line, 1)}
    made = {run.key for run in runs if run.state == DONE}
    rest = [one for one in studies if one.key not in made]
    found = [_of_run(run, waiting, stored.get(run.key), label) for run in runs]
    return [*found, *(_of_study(one, len(found) + at, label) for at, one in enumerate(rest))]


def _of_run(
    run: QueuedRun, waiting: Mapping[int, int], study: StudySummary | None, label: Label
) -> StudyRow:
    form, word = run.order.form, run.state
    if run.state == WAITING:
        word = f"{word} {waiting[run.number]}"
    methods = _methods(form.methods, label)
    samples = len(run.order.forget) or len(run.spec.get("forget", ()))
    model = form.model or run.spec.get("model", {}).get("name", "")
    model = label("model", model) if model else ""
    made = study.created if study is not None and run.state == DONE else ""
    fraction = run.progress.fraction if run.state == RUNNING and run.progress else 0.0
    return StudyRow(
        state=run.state,
        number=run.number,
        key=run.key if run.state == DONE else "",
        cells=(
            f"{ICONS[run.state]} {word}", _progress(run), run.order.title, methods,
            f"{samples:,}" if samples else form.forget, str(form.seed), model, _day(made),
        ),
        values=(
            run.number, run.seconds, run.order.title, methods, samples, form.seed,
            model, made,
        ),
        fraction=fraction if run.state == RUNNING else -1.0,
        error=run.error,
    )  # fmt: skip


def _of_study(one: StudySummary, place: int, label: Label) -> StudyRow:
    methods, model = _methods(one.methods, label), label("model", one.model)
    state = f"{STORED_ICON} {IMPORTED if one.origins else STORED}"
    dataset = label("dataset", one.dataset)
    return StudyRow(
        state=STORED,
        number=0,
        key=one.key,
        cells=(
            state, clock(one.seconds), dataset, methods,
            f"{one.forget:,}", str(one.seed), model, _day(one.created),
        ),
        values=(
            1e9 + place, one.seconds, dataset, methods, one.forget, one.seed, model,
            one.created,
        ),
    )  # fmt: skip


def _progress(run: QueuedRun) -> str:
    """'42 %, 0:12 left' of the running study, how long an ended one took."""
    if run.state == WAITING:
        return ""
    if run.state != RUNNING:
        return clock(run.seconds) if run.state in (DONE, STOPPED, FAILED) and run.seconds else ""
    if run.progress is None:
        return "starting"
    percent = f"{round(100 * run.progress.fraction)} %"
    return percent if run.progress.left is None else f"{percent}, {clock(run.progress.left)} left"


def _methods(names: Sequence[str], label: Label) -> str:
    return ", ".join(label("method", name) for name in names)


def _day(created: str) -> str:
    return created[:16].replace("T", " ")
