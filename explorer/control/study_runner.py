"""From the form to the queue to the screen: what Run starts, and whose results are shown."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from engine.results import ModelResult
from explorer.control.epochs import with_points
from explorer.control.forget_set import NO_FORGET
from explorer.control.orders import orders_of
from explorer.control.run_queue import RunQueue
from explorer.control.shown_study import ShownStudy
from explorer.jobs import study_tasks
from explorer.jobs.lanes import PROBE, Job, Jobs, Points
from explorer.state import form_grid
from explorer.state.app_state import AppState
from explorer.state.queued_run import DONE, FAILED, RUNNING, Order, QueuedRun
from explorer.state.study_form import StudyForm

STORED = "This study was in the store already, so nothing was computed."
NO_DATASET = "No dataset is open yet. Wait until it has loaded, or choose one in the toolbar."
TOO_MANY = (
    f"The form describes {{:,}} studies, but at most {form_grid.MOST:,} can be queued here. Enter "
    "fewer values, or run the grid with 'rk-engine run --set'."
)


class StudyRunner(QObject):
    """Turns the form into runs, and shows the one that the user is waiting for.

    A study that starts when Run is pressed is shown live. A queued one is shown only if no finished
    study is on the screen, or if the user follows the queue; otherwise a notice reports its end.
    The form is never changed, since it may already describe the next study.
    """

    told = Signal(str)  # news
    refused = Signal(str)  # why something could not be done
    many_wanted = Signal(int)  # number of studies: the user should confirm it
    stored = Signal()  # a study that is not shown was stored
    finished = Signal(str, str)  # key, message: a study queued on its own was stored
    all_finished = Signal(str)  # message: studies queued together have ended
    stopped = Signal()  # a study was cancelled or failed

    def __init__(
        self, state: AppState, jobs: Jobs, runs: RunQueue, screen: ShownStudy, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._state, self._jobs, self._runs, self._screen = state, jobs, runs, screen
        self._foreground = 0  # number of the run that started when Run was pressed
        self._shown = (0, -1)  # number of the run shown live, and its generation
        self._reported: tuple[int, Points] = (0, [])  # number and points of the running study
        runs.points.connect(self._on_points)
        runs.finished.connect(self._on_finished)
        runs.failed.connect(self._on_failed)
        runs.stopped.connect(self._on_stopped)
        runs.group_ended.connect(self._on_group_ended)
        for changed in (state.form_changed, state.forget_changed, state.dataset_changed):
            changed.connect(self._count_grid)
        state.studies_changed.connect(self._count_grid)

    # -- requests -------------------------------------------------------------------------
    def run(self, *, sure: bool = False) -> None:
        """Queue the studies that the form describes; the first starts at once if none is running.

        sure: whether the user has confirmed a large number of studies.
        """
        size = form_grid.size_of(self._state.form)
        if problem := self._problem():
            self.refused.emit(problem)
        elif size > form_grid.MANY and not sure:
            self.many_wanted.emit(size)
        else:
            self._queue(orders_of(self._state))

    def follow(self, on: bool) -> None:
        """Show the running study live, or leave the screen as it is."""
        self._state.follow = on
        if on:
            self._take_screen()

    def leave(self) -> None:
        """Stop showing the running study: something else was opened."""
        self._foreground = 0

    # -- from the form to the queue -------------------------------------------------------
    def _problem(self) -> str:
        """Why no study can be queued now, as a sentence, or ''."""
        if self._state.dataset is None:
            return NO_DATASET
        if self._state.form_error:
            return self._state.form_error
        if not self._state.forget:
            return NO_FORGET
        size = form_grid.size_of(self._state.form)
        return TOO_MANY.format(size) if size > form_grid.MOST else ""

    def _queue(self, orders: Sequence[Order]) -> None:
        live = self._runs.live()
        queued = [run.order for run in live]
        fresh = [order for order in orders if order not in queued]
        if not fresh:
            twin = live[queued.index(orders[0])]
            word = "already running" if twin.state == RUNNING else "already queued"
            self.told.emit(f"This study is {word}. Change a setting to queue another.")
            return
        numbers = self._runs.add(fresh)
        if not live:
            self._foreground = numbers[0]
        if live or len(fresh) > 1:
            self.told.emit(_queued(len(fresh), len(live)))
        self._describe()

    def _describe(self) -> None:
        """Request key and settings of the waiting runs."""
        orders = {run.number: run.order for run in self._runs.waiting() if not run.key}
        if orders:
            work = functools.partial(study_tasks.describe_orders, orders)
            title = "Reading the settings of queued studies"
            self._jobs.submit(Job(title, work, PROBE, "describe", done=self._on_described))

    def _on_described(self, descriptions: dict[int, study_tasks.StudyDescription]) -> None:
        for number, description in descriptions.items():
            self._runs.describe(number, description.key, description.spec)

    # -- how many studies the form describes ----------------------------------------------
    def _count_grid(self) -> None:
        size = form_grid.size_of(self._state.form)
        if size != self._state.grid_size[0] or size == 1:
            self._state.grid_size = (size, 0)
        if size > 1 and not self._problem():
            work = functools.partial(study_tasks.count_stored, orders_of(self._state))
            done = functools.partial(self._on_counted, size)
            self._jobs.submit(Job("Counting studies", work, PROBE, "grid", done=done))

    def _on_counted(self, size: int, stored: int) -> None:
        if size == self._state.grid_size[0]:
            self._state.grid_size = (size, stored)

    # -- from the queue to the screen -----------------------------------------------------
    def _on_points(self, number: int, batch: Points) -> None:
        before = self._reported[1] if self._reported[0] == number else []
        self._reported = (number, before + batch)
        if self._is_shown(number):
            self._show(batch)
        else:
            self._take_screen()

    def _is_shown(self, number: int) -> bool:
        return self._shown == (number, self._screen.generation)

    def _take_screen(self) -> None:
        """Show the running study from its start, if it is to be shown."""
        number, points = self._reported
        if self._is_shown(number) or not self._is_to_show(number, points):
            return
        self._screen.clear()
        self._shown = (number, self._screen.generation)
        self._show(points)

    def _is_to_show(self, number: int, points: Points) -> bool:
        """Whether the running study uses the open dataset, and is to be shown."""
        dataset = self._state.dataset
        spec = next((data for channel, data in points if channel == "spec"), None)
        if spec is None or dataset is None or spec.data.fingerprint != dataset.spec.fingerprint:
            return False
        return number == self._foreground or self._state.follow or self._state.study is None

    def _show(self, batch: Points) -> None:
        models: dict[str, ModelResult] = {}
        losses = dict(self._state.losses)
        for channel, data in batch:
            if channel == "spec":
                self._screen.show_spec(data, self._running_form())
            elif channel == "loss":
                _add_loss(losses, *data)
            elif channel == "model":
                models[data.name] = data
                losses[data.name] = data.loss
        curves = [data for channel, data in batch if channel == "residual"]
        with self._state.at_once():
            self._state.losses = losses
            self._state.epochs = with_points(self._state.epochs, batch)
            if models:
                self._state.models = {**self._state.models, **models}
            if curves:
                self._state.residual = curves[-1]

    def _running_form(self) -> StudyForm | None:
        run = self._runs.of(self._reported[0])
        return run.order.form if run is not None else None

    def _on_finished(self, number: int, results: study_tasks.StudyResults) -> None:
        self._reported = (0, [])
        if self._is_shown(number):
            self._screen.complete(results)
            if results.stored:
                self.told.emit(STORED)
            return
        self.stored.emit()
        run = self._runs.of(number)
        title = run.order.title if run else results.study.key
        if not self._runs.is_grouped(number):
            self.finished.emit(results.study.key, f"Study finished: {title}.")

    def _on_group_ended(self, runs: Sequence[QueuedRun]) -> None:
        if runs:
            self.all_finished.emit(_ended(runs))

    def _on_failed(self, number: int, sentence: str) -> None:
        self._reported = (0, [])
        run = self._runs.of(number)
        title = "" if run is None or self._is_shown(number) else f"{run.order.title}: "
        self.refused.emit(title + sentence)
        self.stopped.emit()

    def _on_stopped(self, number: int) -> None:
        self._reported = (0, [])
        waiting = len(self._runs.waiting())
        if waiting:
            self.told.emit(f"Stopped. Starting the next of {_studies(waiting)}.")
        self.stopped.emit()


def _queued(fresh: int, ahead: int) -> str:
    """Message that `fresh` studies were queued behind `ahead` others."""
    count = f"{_studies(fresh)} queued"
    place = f" behind {ahead} other{'s' * (ahead > 1)}" if ahead else ""
    return f"{count}{place}. See Runs."


def _ended(runs: Sequence[QueuedRun]) -> str:
    """Summary of studies that were queued together."""
    states = [run.state for run in runs]
    done, failed = states.count(DONE), states.count(FAILED)
    where = " and ".join(dict.fromkeys(run.order.label for run in runs))
    if done == len(runs):
        return f"All {_studies(done)} on {where} are finished."
    parts = [f"{done:,} finished", *([f"{failed:,} failed"] if failed else [])]
    stopped = len(runs) - done - failed
    parts += [f"{stopped:,} stopped"] if stopped else []
    return f"Of {_studies(len(runs))} on {where}: {', '.join(parts)}."


def _studies(number: int) -> str:
    return f"{number:,} {'study' if number == 1 else 'studies'}"


def _add_loss(losses: dict[str, tuple[float, ...]], stage: str, epoch: int, loss: float) -> None:
    """Set the loss of a 1-based epoch; missing earlier epochs become NaN."""
    before = losses.get(stage, ())[: epoch - 1]
    unknown = (float("nan"),) * (epoch - 1 - len(before))
    losses[stage] = (*before, *unknown, loss)
