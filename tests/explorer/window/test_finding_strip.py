"""The row of findings: what it says, what its links ask for, and how much of it fits."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import synthetic
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot
from real import Explorer, run
from shown import Shown

from engine.analysis.finding import findings
from engine.analysis.finding_words import Link
from engine.residual.verdict import verdict_counts
from engine.results import Study
from explorer.state.ranking import ranking
from explorer.theme import LIGHT, apply
from explorer.window.finding_strip import FindingLine, FindingStrip

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def strip(shown: Shown) -> FindingStrip:
    made = FindingStrip(shown.state, shown.asked)  # type: ignore[arg-type]
    shown.qtbot.addWidget(made)
    made.resize(1260, 30)
    shown.state.dataset = synthetic.images()
    return made


def show(strip: FindingStrip, shown: Shown, study: Study | None, width: int = 1260) -> None:
    if study is not None:
        strip.show()
        strip.activateWindow()
        shown.qtbot.waitUntil(strip.isActiveWindow)
    with shown.state.at_once():
        shown.state.residual = study.residual if study else None
        shown.state.study = study
    strip.resize(width, strip.sizeHint().height())
    QApplication.processEvents()


def press_links(label: QLabel, keys: int) -> None:
    """Reach the link number `keys` of a label by Tab, and press Enter."""
    label.setFocus(Qt.FocusReason.TabFocusReason)
    for _ in range(keys):
        QTest.keyClick(label, Qt.Key.Key_Tab)
    QTest.keyClick(label, Qt.Key.Key_Return)


def test_there_is_no_row_before_a_study(strip: FindingStrip, shown: Shown) -> None:
    assert strip.isHidden()
    show(strip, shown, synthetic.telling_study())
    assert not strip.isHidden()
    show(strip, shown, None)
    assert strip.isHidden()


def test_it_says_what_was_found_and_the_whole_sentence_in_a_tooltip(
    strip: FindingStrip, shown: Shown
) -> None:
    study = synthetic.telling_study()
    show(strip, shown, study)
    texts = strip.line.texts()
    assert texts[0].startswith("GD still recognizes copies of 2 of 10")
    assert [text.split()[0] for text in texts] == ["GD", "RURK", "Original"]
    assert texts[2] == "Original above the band from τ 0.08 on"
    tip = " ".join(strip.line.labels[0].toolTip().split())
    assert tip == findings(study)[0].text
    counts = verdict_counts(study.residual, "gd")
    assert counts is not None and counts["residual"] == 2


def test_links_are_followed_by_mouse_and_by_keyboard(strip: FindingStrip, shown: Shown) -> None:
    show(strip, shown, synthetic.telling_study(), width=1800)
    words = strip.line.labels[0].words
    press_links(words, 0)
    assert shown.last == ("follow_finding", Link("gd", (1, 5)))
    ring = words.focus_ring()
    press_links(words, 1)
    assert words.focus_ring().left() > ring.right() > ring.left()
    name, link = shown.last
    assert name == "follow_finding" and isinstance(link, Link) and link.tau == 0.12
    shown.asked.calls.clear()
    QTest.keyClick(words, Qt.Key.Key_Tab)  # leaves the label
    assert not words.hasFocus()
    x = words.fontMetrics().horizontalAdvance("GD still recognizes copies of 2 ")
    QTest.mouseClick(words, LEFT, pos=QPoint(x, words.height() // 2))
    assert shown.last == ("follow_finding", Link("gd", (1, 5)))


@pytest.mark.parametrize("width", [120, 300, 420, 700, 1000, 1600])
def test_findings_never_overlap_and_what_is_missing_is_counted(
    strip: FindingStrip, shown: Shown, width: int
) -> None:
    show(strip, shown, synthetic.telling_study(), width)
    line = strip.line
    shown_labels = [label for label in line.labels if not label.isHidden()]
    boxes = [label.geometry() for label in shown_labels] + [line.more.geometry()]
    if width >= 300:
        assert all(a.right() < b.left() for a, b in pairwise(boxes))
        assert all(box.width() >= label.sizeHint().width()
                   for box, label in zip(boxes, shown_labels, strict=False))  # fmt: skip
    missing = 3 - len(shown_labels)
    assert line.more.text() == (f"+{missing} more" if missing else "In full")


def test_the_card_lists_every_sentence_and_its_links_close_it(
    strip: FindingStrip, shown: Shown
) -> None:
    study = synthetic.telling_study()
    strip.show()
    show(strip, shown, study, width=300)
    QTest.mouseClick(strip.line.more, LEFT)
    card = strip.line.card
    assert card.isVisible()
    assert card.findings.texts() == [one.text for one in findings(study)]
    assert all(
        label.words.height() >= label.words.heightForWidth(label.words.width())
        for label in card.findings.labels
    )
    press_links(card.findings.labels[0].words, 0)
    assert shown.last == ("follow_finding", Link("gd", (1, 5)))
    assert not card.isVisible()


def test_what_is_still_measured_says_so(strip: FindingStrip, shown: Shown) -> None:
    shown.state.residual = synthetic.telling_study().residual
    assert strip.line.so_far.text() == "So far, with 100 copies each:"
    assert strip.line.texts()[0].startswith("GD")
    show(strip, shown, synthetic.telling_study())
    assert not strip.line.so_far.text() and strip.line.so_far.isHidden()


def test_names_stay_words(qtbot: QtBot) -> None:
    study = synthetic.telling_study()
    study = replace(study, labels={**study.labels, "gd": "<b>G</b>&amp;"})
    line = FindingLine()
    qtbot.addWidget(line)
    line.resize(2000, 30)
    line.show_findings(findings(study), LIGHT)
    assert line.labels[0].text().startswith("<b>G</b>&amp; still recognizes copies of 2 of 10")


def test_tab_goes_from_the_study_bar_to_the_findings(explorer: Explorer, qtbot: QtBot) -> None:
    run(explorer, qtbot)
    explorer.window.activateWindow()
    explorer.window.bar.run_button.setFocus(Qt.FocusReason.TabFocusReason)
    line = explorer.window.findChild(FindingLine)
    assert line is not None
    linked = [label.words for label in line.labels if label.words.text().count("<a ")]
    reached: list[QWidget | None] = []
    for _ in range(1 + sum(words.text().count("<a ") for words in linked)):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        reached.append(QApplication.focusWidget())
    assert list(dict.fromkeys(reached)) == [*linked, line.more]


def test_a_click_in_the_window_selects_the_samples_and_the_worst_is_current(
    explorer: Explorer, qtbot: QtBot
) -> None:
    run(explorer, qtbot)
    state = explorer.state
    strip = explorer.window.findChild(FindingStrip)
    assert strip is not None and strip.isVisible()
    assert strip.line.texts() and len(strip.line.labels) == len(findings(state.study))  # type: ignore[arg-type]
    link = Link("gd", (int(state.forget[1]), int(state.forget[0])))
    with qtbot.waitSignal(explorer.jobs.idle):
        strip.line.followed.emit(link)
    assert state.selection.chosen == set(link.samples)
    assert state.ranked_by == "gd"
    order = ranking(state)
    assert order is not None
    worst = next(one for one in order.order.tolist() if one in link.samples)
    assert state.selection.current == worst
    assert explorer.controller.choice.undo.undoText() == "Select samples"
    tau = float(state.residual.taus[-1])  # type: ignore[union-attr]
    strip.line.followed.emit(Link("gd", tau=tau))
    assert state.probe == ("gaussian", tau)


def test_links_take_the_color_of_another_theme(strip: FindingStrip, shown: Shown) -> None:
    show(strip, shown, synthetic.telling_study())
    label = strip.line.labels[0].words
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    try:
        apply(application, replace(LIGHT, accent="#ff00ff"))
        QApplication.processEvents()
        image = label.grab().toImage()
    finally:
        apply(application, LIGHT)
    places = [(x, y) for x in range(image.width()) for y in range(image.height())]
    assert QColor("#ff00ff") in [image.pixelColor(*place) for place in places]
