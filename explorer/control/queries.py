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

Words = tuple[Hashable, ...]


@dataclass(frozen=True)
class Question:
    """A query: `task(spec, *arguments, engine, report)` computes AppState's property `name`.

    title: display name of the job, with {0}, {1} ... for the arguments; lane: HEAVY for queries
    that take more than a few seconds. The task may report intermediate results, shown at once, as
    points on the channel `name`.
    """

    name: str
    title: str
    task: Callable[..., Any]
    lane: str


QUESTIONS = {
    one.name: one
    for one in (
        Question("beside", "Reading the studies to compare with", probe_tasks.look_beside, PROBE),
        Question(
            "recognition", "Searching for the smallest tau of {0}", probe_tasks.recognize, HEAVY
        ),
        Question("replay", "Reading the epochs of {0}", probe_tasks.replay, PROBE),
        Question("embedding", "Embedding the features of {0} and {1}", probe_tasks.embed, HEAVY),
        Question(
            "similarity", "Comparing the layers of {0} and {1}", probe_tasks.compare_layers, HEAVY
        ),
        Question(
            "attack", "Membership inference on {0} and {1}", probe_tasks.infer_membership, PROBE
        ),
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
        self._words: dict[str, Words] = {}  # arguments of the active queries
        self._asked: dict[str, tuple[RunSpec, Words]] = {}
        self._running: dict[str, Job] = {}
        state.models_changed.connect(self._study_changed)
        state.study_changed.connect(self._study_changed)

    def look(self, name: str, *words: Hashable) -> None:
        """Keep the result of the query `name` with these arguments up to date."""
        self._words[name] = words
        self._ask(name)

    def look_away(self, name: str) -> None:
        """Deactivate a query and stop its work; a finished result stays."""
        self._words.pop(name, None)
        self._stop(name)

    def _study_changed(self) -> None:
        for name in list(self._asked):
            if self._asked[name][0] != self._spec():
                self._stop(name)
                self._asked.pop(name, None)
                setattr(self._state, name, None)
                self._state.set_problem(name, "")
        for name in list(self._words):
            self._ask(name)

    def _ask(self, name: str) -> None:
        spec, words = self._spec(), self._words[name]
        if spec is None or self._asked.get(name) == (spec, words):
            return
        self._stop(name)
        self._asked[name] = asked = (spec, words)
        question = QUESTIONS[name]
        job = Job(
            question.title.format(*words),
            functools.partial(question.task, spec, *words),
            question.lane,
            name,
            points=functools.partial(self._on_points, asked, name),
            done=functools.partial(self._on_answer, asked, name),
            failed=functools.partial(self._on_problem, asked, name),
            cancelled=functools.partial(self._on_cancelled, asked, name),
        )
        self._running[name] = job
        self._state.set_problem(name, "")
        self._jobs.submit(job)

    def _stop(self, name: str) -> None:
        """Stop a query in progress; it will be requested again."""
        job = self._running.pop(name, None)
        if job is not None:
            self._asked.pop(name, None)
            job.reporter.cancel()

    def _on_points(self, asked: tuple[RunSpec, Words], name: str, batch: Points) -> None:
        parts = [data for channel, data in batch if channel == name]
        if parts and self._asked.get(name) is asked:
            setattr(self._state, name, parts[-1])

    def _on_answer(self, asked: tuple[RunSpec, Words], name: str, answer: Any) -> None:
        if self._asked.get(name) is asked:
            self._running.pop(name, None)
            setattr(self._state, name, answer)

    def _on_problem(self, asked: tuple[RunSpec, Words], name: str, sentence: str) -> None:
        if self._asked.get(name) is asked:
            self._running.pop(name, None)
            setattr(self._state, name, None)
            self._state.set_problem(name, sentence)

    def _on_cancelled(self, asked: tuple[RunSpec, Words], name: str) -> None:
        """The user stopped the whole lane: the next `look` requests it again."""
        if self._asked.get(name) is asked:
            self._running.pop(name, None)
            del self._asked[name]
            self._state.set_problem(name, "Stopped. Choose again to continue.")
