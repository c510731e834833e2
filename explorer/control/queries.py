"""Queries about the shown study, answered in a lane while a view needs them. No widgets.

A view calls `look` while it is visible; the result becomes the property of AppState with the
query's name. If there is no result, `AppState.problems` gives the reason.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject

from engine.spec import RunSpec
from explorer.jobs import probe_tasks
from explorer.jobs.lanes import HEAVY, PROBE, Job, Jobs, Points
from explorer.state.app_state import AppState

Arguments = tuple[Hashable, ...]


@dataclass(frozen=True)
class Query:
    """A query: `task(spec, *arguments, engine, report)` computes AppState's property `name`.

    title: display name of the job, with {0}, {1} ... for the arguments; lane: HEAVY for queries
    that take more than a few seconds. The task may report intermediate results, shown at once, as
    points on the channel `name`.
    """

    name: str
    title: str
    task: Callable[..., Any]
    lane: str


QUERIES = {
    one.name: one
    for one in (
        Query("beside", "Reading the studies to compare with", probe_tasks.read_studies, PROBE),
        Query(
            "recognition",
            "Searching for the smallest tau of {0}",
            probe_tasks.find_smallest_tau,
            HEAVY,
        ),
        Query(
            "recognitions",
            "Searching for the smallest tau of every model",
            probe_tasks.find_smallest_taus,
            HEAVY,
        ),
        Query("replay", "Reading the epochs of {0}", probe_tasks.replay, PROBE),
        Query("embedding", "Embedding the features of {0} and {1}", probe_tasks.embed, HEAVY),
        Query(
            "similarity", "Comparing the layers of {0} and {1}", probe_tasks.compare_layers, HEAVY
        ),
        Query("attack", "Membership inference on {0} and {1}", probe_tasks.infer_membership, PROBE),
    )
}


class QueryControl(QObject):
    """Keeps the results of active queries up to date; the latest arguments win."""

    def __init__(
        self, state: AppState, jobs: Jobs, spec: Callable[[], RunSpec | None], parent: QObject
    ) -> None:
        """`spec()` returns the spec of the shown study, None while there is none."""
        super().__init__(parent)
        self._state, self._jobs, self._spec = state, jobs, spec
        self._arguments: dict[str, Arguments] = {}  # arguments of the active queries
        self._requests: dict[str, tuple[RunSpec, Arguments]] = {}
        self._running: dict[str, Job] = {}
        state.models_changed.connect(self._study_changed)
        state.study_changed.connect(self._study_changed)

    def look(self, name: str, *arguments: Hashable) -> None:
        """Keep the result of the query `name` with these arguments up to date."""
        self._arguments[name] = arguments
        self._ask(name)

    def look_away(self, name: str) -> None:
        """Deactivate a query and stop its work; a finished result stays."""
        self._arguments.pop(name, None)
        self._stop(name)

    def _study_changed(self) -> None:
        for name in list(self._requests):
            if self._requests[name][0] != self._spec():
                self._stop(name)
                self._requests.pop(name, None)
                setattr(self._state, name, None)
                self._state.set_problem(name, "")
        for name in list(self._arguments):
            self._ask(name)

    def _ask(self, name: str) -> None:
        spec, arguments = self._spec(), self._arguments[name]
        if spec is None or self._requests.get(name) == (spec, arguments):
            return
        self._stop(name)
        self._requests[name] = request = (spec, arguments)
        query = QUERIES[name]
        job = Job(
            query.title.format(*map(self._words, arguments)),
            functools.partial(query.task, spec, *arguments),
            query.lane,
            name,
            points=functools.partial(self._on_points, request, name),
            done=functools.partial(self._on_answer, request, name),
            failed=functools.partial(self._on_problem, request, name),
            cancelled=functools.partial(self._on_cancelled, request, name),
        )
        self._running[name] = job
        self._state.set_problem(name, "")
        self._jobs.submit(job)

    def _words(self, argument: Hashable) -> Hashable:
        """An argument as a title says it: models by their labels."""
        return self._state.label(argument) if isinstance(argument, str) else argument

    def _stop(self, name: str) -> None:
        """Stop a query in progress; it will be requested again."""
        job = self._running.pop(name, None)
        if job is not None:
            self._requests.pop(name, None)
            job.reporter.cancel()

    def _on_points(self, request: tuple[RunSpec, Arguments], name: str, batch: Points) -> None:
        parts = [data for channel, data in batch if channel == name]
        if parts and self._requests.get(name) is request:
            setattr(self._state, name, parts[-1])

    def _on_answer(self, request: tuple[RunSpec, Arguments], name: str, result: Any) -> None:
        if self._requests.get(name) is request:
            self._running.pop(name, None)
            setattr(self._state, name, result)

    def _on_problem(self, request: tuple[RunSpec, Arguments], name: str, sentence: str) -> None:
        if self._requests.get(name) is request:
            self._running.pop(name, None)
            setattr(self._state, name, None)
            self._state.set_problem(name, sentence)

    def _on_cancelled(self, request: tuple[RunSpec, Arguments], name: str) -> None:
        """The user stopped the whole lane: the next `look` requests it again."""
        if self._requests.get(name) is request:
            self._running.pop(name, None)
            del self._requests[name]
            self._state.set_problem(name, "Stopped. Choose again to continue.")
