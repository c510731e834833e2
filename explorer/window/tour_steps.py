"""The seven steps of the tour: where each looks, what is seen there, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from PySide6.QtWidgets import QDockWidget, QWidget

from explorer.views.base import View


class ToursWindow(Protocol):
    """What a tour looks at in a window."""

    docks: dict[str, QDockWidget]
    views: dict[str, View]

    @property
    def bar(self) -> QWidget:
        """The study bar."""

    def findChildren(self, *words: Any) -> Any:
        """The widgets of a kind and name, as QObject has it."""


Find = Callable[[ToursWindow], QWidget | None]


@dataclass(frozen=True)
class Step:
    """One step. find: the widget it is about, None if it is not there; dock: brought to the front
    first, if any; text: what is seen; then: what to do next.
    """

    title: str
    text: str
    then: str
    find: Find
    workspace: str = "explore"
    dock: str = ""


def _dock(name: str) -> Find:
    return lambda window: window.docks[name]


def _bar(window: ToursWindow) -> QWidget:
    return window.bar


def _finding(window: ToursWindow) -> QWidget | None:
    """The strip with the finding; while there is none, the curves that it is read from."""
    strips = window.findChildren(QWidget, "findings")
    return next((strip for strip in strips if strip.isVisible()), window.docks["curves"])


def _options(window: ToursWindow) -> QWidget | None:
    """The options button of Curves, on whose card Export lies."""
    panel = getattr(window.views.get("curves"), "panel", None)
    there = panel is not None and panel.options.isVisible()
    return panel.options if panel is not None and there else window.docks["curves"]


STEPS = (
    Step(
        "A study is a sentence",
        "On these data, with this network, forget these samples, using these methods. The "
        "first one, on photographs of clothes, comes with the program, already computed.",
        "Change any word of the sentence and press Run to ask another question.",
        _bar,
    ),
    Step(
        "What was found",
        "One sentence for each method: whether it still recognizes perturbed copies of forgotten "
        "samples more often than two Re-trains differ by, and from which tau on.",
        "Click a number in the sentence to select the samples or the tau that it counts.",
        _finding,
    ),
    Step(
        "The map",
        "Every point is a sample, placed by what two models make of it. A sample lies at the same "
        "place for both models if both see it in the same company.",
        "Zoom in until points become pictures. Draw around points with the lasso to select them.",
        _dock("embedding"), dock="embedding",
    ),
    Step(
        "Samples and the forget set",
        "The forgotten samples have a corner marked F. Sorted by residual knowledge, those that a "
        "method failed to forget come first.",
        "Click a picture to make it current. Select some and press Forget for another forget set.",
        _dock("samples"), dock="samples",
    ),
    Step(
        "The neighborhood of a sample",
        "Perturbed copies of the current sample, and which of them each model recognizes. A copy "
        "that an unlearned model knows and Re-train does not is residual knowledge.",
        "Move the slider to change tau. Ctrl+Down goes to the next worst sample.",
        _dock("neighborhood"), dock="neighborhood",
    ),
    Step(
        "Curves and the null band",
        "Residual knowledge r of all forgotten samples over tau. The dashed band is where one more "
        "Re-train would lie: a curve above it is evidence, a curve inside is not.",
        "Click a curve to list the samples that carry it; the tau you click holds in all views.",
        _dock("curves"), dock="curves",
    ),
    Step(
        "Take it with you",
        "Every view exports its figure at the width a journal asks for, with the numbers in it. "
        "File > Write report puts settings, tables and figures on one page.",
        "Press Esc, choose samples of your own, and press Run. F1 explains any term you meet.",
        _options, "publish", "curves",
    ),
)  # fmt: skip
