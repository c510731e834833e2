"""The rows of the Runs table, as plain data: the queue, then the other stored studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.results import StudySummary
from explorer.state.durations import clock
from explorer.state.queued_run import DONE, FAILED, ICONS, RUNNING, STOPPED, WAITING, QueuedRun

Label = Callable[[str, str], str]  # ('dataset', 'model' or 'method', name) -> label
STORED = "stored"  # a study stored by no run of the list
STORED_ICON = "▣"
IMPORTED = "imported"  # a study from a bundle or another store
HEADS = ("State", "Progress", "Dataset", "Methods", "Forget", "Seed", "Model", "Created (UTC)")
TIPS = (
    "Waiting (with its place in the queue), running, done, stopped, failed, on hold since an "
    "earlier session (Start queues it), stored by an earlier session, or imported: opened from a "
    "bundle or from another store",
    "Progress and remaining time of the running study; duration of an ended one, in hours, minutes "
    "and seconds",
    "The dataset, and the settings that distinguish a study within its grid",
    "The unlearning methods that are compared",
    "Number of samples to forget",
    "Seed of the whole study",
    "The network architecture",
    "When the study was stored",
)


@dataclass(frozen=True)
class StudyRow:
    """One row. number: of the run, 0 without one; key: of the stored study, '' before there is
    one; fraction: of the running study, -1 for others; values: sort keys of the columns."""

    state: str
    number: int
    key: str
    cells: tuple[str, ...]
    values: tuple[float | str, ...]
    fraction: float = -1.0
    error: str = ""

    @property
    def identity(self) -> tuple[int, str]:
        """The identity of the row across updates."""
        return (self.number, "") if self.number else (0, self.key)

    @property
    def title(self) -> str:
        """A short title that distinguishes the row from others."""
        _, _, dataset, methods, _, seed, _, created = self.cells
        return ", ".join(filter(None, (dataset, methods, f"seed {seed}", created)))


def rows_of(
    runs: Sequence[QueuedRun], studies: Sequence[StudySummary], label: Label
) -> list[StudyRow]:
    """Ended, running and waiting runs, then the stored studies of none of them.

    label: display name of a dataset, a model or a method.
    """
    stored = {one.key: one for one in studies}
    line = [run.number for run in runs if run.state == WAITING]
    waiting = {number: place for place, number in enumerate(line, 1)}
    listed = {run.key for run in runs if run.state == DONE}
    rest = [study for study in studies if study.key not in listed]
    rows = [_of_run(run, waiting, stored.get(run.key), label) for run in runs]
    return [*rows, *(_of_study(study, len(rows) + i, label) for i, study in enumerate(rest))]


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
    created = study.created if study is not None and run.state == DONE else ""
    fraction = run.progress.fraction if run.state == RUNNING and run.progress else 0.0
    return StudyRow(
        state=run.state,
        number=run.number,
        key=run.key if run.state == DONE else "",
        cells=(
            f"{ICONS[run.state]} {word}", _progress(run), run.order.title, methods,
            f"{samples:,}" if samples else form.forget, str(form.seed), model, _day(created),
        ),
        values=(
            run.number, run.seconds, run.order.title, methods, samples, form.seed,
            model, created,
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
    """'42 %, 0:12 left' of the running study, the duration of an ended one."""
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
