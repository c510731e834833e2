"""A stand-in controller that records the requests of views, and a queue of studies."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from engine.analysis.finding_words import Link
from engine.runtime.progress import Progress
from explorer.state.app_state import AppState
from explorer.state.queued_run import FAILED, RUNNING, Order, QueuedRun
from explorer.state.selection import Selection
from explorer.state.study_form import StudyForm


def runs() -> tuple[QueuedRun, ...]:
    """A queue: a failed study, a running one, and a waiting one."""
    order = Order(StudyForm(), (1, 5, 9), "", "Digits")
    return (
        QueuedRun(1, order, FAILED, seconds=2.0, error="GD diverged. Lower its learning rate."),
        QueuedRun(
            2, order, RUNNING, progress=Progress("rurk", 0.4, 12.0), lines=("Training RURK",)
        ),
        QueuedRun(3, order),
    )


class Asked:
    """Records the requests of a view, and changes the state as the controller would."""

    def __init__(self, state: AppState) -> None:
        self.state = state
        self.calls: list[tuple[Any, ...]] = []
        self.queue = self.stored = self.opening = Noted(self.calls)
        self.exports = Exports(self.calls)
        self.choice = self.forget_set = Chosen(state, self.calls)

    def set_probe(self, perturbation: str, tau: float) -> None:
        self.calls.append(("set_probe", perturbation, tau))
        self.state.probe = (perturbation, tau)

    def follow_finding(self, link: Link) -> None:
        self.calls.append(("follow_finding", link))

    def look_beside(self, taus: tuple[float, ...]) -> None:
        self.calls.append(("look_beside", taus))

    def rank_by(self, model: str) -> None:
        self.calls.append(("rank_by", model))
        self.state.ranked_by = model

    def step_worst(self, places: int) -> None:
        self.calls.append(("step_worst", places))

    def look_slice(self, directions: str, towards: int = -1) -> None:
        self.calls.append(("look_slice", directions, *([towards] if towards >= 0 else [])))

    def refine_slice(self) -> None:
        self.calls.append(("refine_slice",))

    def watch_again(self, model: str) -> None:
        self.calls.append(("watch_again", model))

    def look(self, name: str, *words: Hashable) -> None:
        self.calls.append(("look", name, *words))

    def look_away(self, name: str) -> None:
        self.calls.append(("look_away", name))

    def compare(self, keys: tuple[str, ...]) -> None:
        self.calls.append(("compare", keys))
        self.state.compared = keys

    def run(self) -> None:
        self.calls.append(("run",))

    def follow(self, on: bool) -> None:
        self.calls.append(("follow", on))
        self.state.follow = on


class Chosen:
    """A stand-in for ChoiceControl and ForgetSetControl."""

    def __init__(self, state: AppState, calls: list[tuple[Any, ...]]) -> None:
        self.state, self.calls = state, calls

    def set_current(self, index: int | None) -> None:
        self.calls.append(("set_current", index))
        self.state.selection = Selection(index, self.state.selection.chosen)

    def select(self, indices: list[int], mode: str) -> None:
        self.calls.append(("select", indices, mode))
        self.state.selection = self.state.selection.combine(indices, mode)

    def replace_by_selection(self) -> None:
        self.calls.append(("replace_by_selection",))
        self.state.forget = tuple(sorted(self.state.selection.chosen))

    def add_selection(self) -> None:
        self.calls.append(("add_selection",))
        self.state.forget = tuple(sorted({*self.state.forget, *self.state.selection.chosen}))

    def remove_selection(self) -> None:
        self.calls.append(("remove_selection",))
        self.state.forget = tuple(sorted({*self.state.forget} - self.state.selection.chosen))


class Exports:
    """A stand-in for ExportControl."""

    def __init__(self, calls: list[tuple[Any, ...]]) -> None:
        self.calls = calls

    def ask_figures(self) -> None:
        self.calls.append(("ask_figures",))

    def ask_report(self) -> None:
        self.calls.append(("ask_report",))

    def copy(self, kind: str, options: Mapping[str, Any]) -> None:
        self.calls.append(("copy", kind, dict(options)))

    def preview(self, kind: str, options: Mapping[str, Any]) -> None:
        self.calls.append(("preview", kind, dict(options)))

    def ask_figure(self, kind: str, options: Mapping[str, Any] | None = None) -> None:
        self.calls.append(("ask_figure", kind, dict(options or {})))

    def ask_points(self, samples: list[int]) -> None:
        self.calls.append(("ask_points", samples))

    def ask_checkpoint(self, model: str) -> None:
        self.calls.append(("ask_checkpoint", model))


class Noted:
    """Records the requests to a part of the controller."""

    def __init__(self, calls: list[tuple[Any, ...]]) -> None:
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        return lambda *words: self._calls.append((name, *words))
