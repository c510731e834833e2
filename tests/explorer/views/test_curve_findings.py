"""The sentences above the chart of Curves: in a tall view, with links."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic
from PySide6.QtWidgets import QApplication, QWidget
from shown import Shown

from engine.analysis.finding import findings
from engine.analysis.finding_words import Link
from explorer.views.curves.findings import SHARE, CurveFindings
from explorer.views.curves.view import CurvesView


@pytest.fixture
def view(shown: Shown) -> CurvesView:
    shown.fill()
    told = synthetic.telling_study()
    with shown.state.at_once():
        shown.state.residual, shown.state.study = told.residual, told
    return shown.view(CurvesView)


def resized(view: CurvesView, width: int, height: int) -> CurveFindings:
    view.resize(width, height)
    QApplication.processEvents()
    found = view.findChild(CurveFindings)
    assert isinstance(found, CurveFindings)
    return found


def test_a_tall_view_has_every_sentence_above_the_chart(view: CurvesView, shown: Shown) -> None:
    list_ = resized(view, 700, 560)
    assert list_.isVisible()
    assert list_.texts() == [one.text for one in findings(synthetic.telling_study())]
    assert list_.geometry().bottom() < view.tabs.geometry().top()
    assert list_.height() <= SHARE * view.height()
    for label in list_.labels:
        assert label.words.height() >= label.words.heightForWidth(label.words.width())
    list_.labels[0].words.linkActivated.emit("1")
    assert shown.last == ("follow_finding", Link("gd", (1, 5)))


def test_a_low_view_and_many_sentences_leave_the_room_to_the_chart(
    view: CurvesView, shown: Shown
) -> None:
    assert not resized(view, 700, 400).isVisible()
    assert resized(view, 700, 560).isVisible()
    shown.state.beside = tuple(synthetic.study(seed=seed) for seed in range(4))
    assert not resized(view, 700, 560).isVisible()


def test_what_a_resize_behind_another_view_leaves_is_right(view: CurvesView, shown: Shown) -> None:
    host = QWidget()
    shown.qtbot.addWidget(host)
    host.resize(800, 700)
    view.setParent(host)
    host.show()
    view.show()
    list_ = resized(view, 700, 560)
    assert list_.isVisible()
    view.hide()  # as a workspace does, which lays its docks out before it shows them
    resized(view, 400, 240)
    view.show()
    QApplication.processEvents()
    assert not list_.isVisible()
    view.hide()
    resized(view, 700, 560)
    view.show()
    QApplication.processEvents()
    assert list_.isVisible() and list_.texts()
    view.setParent(None)  # both are closed on their own


def test_the_sentences_are_those_of_what_is_shown_now(view: CurvesView, shown: Shown) -> None:
    list_ = resized(view, 900, 600)
    other = replace(synthetic.study(), labels={**synthetic.LABELS, "gd": "Another"})
    with shown.state.at_once():
        shown.state.residual, shown.state.study = other.residual, other
    assert list_.texts() == [one.text for one in findings(other)]
    assert any(text.startswith("Another") for text in list_.texts())
