"""All that pops up can be read: lists of combo boxes, menus, rows, tooltips, file dialogs."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage, QScreen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QListWidget,
    QMenu,
    QRadioButton,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QToolTip,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)
from pytestqt.qtbot import QtBot

from explorer import theme
from explorer.app import Explorer
from explorer.popups import ICONS, TIP, TIP_WIDTH
from explorer.theme import DARK, LIGHT, Theme, contrast
from explorer.widgets.fit import FRAME
from explorer.widgets.plain_text import literal

AA = 4.5  # contrast that WCAG 2.1 requires of text
both = pytest.mark.parametrize("look", [LIGHT, DARK], ids=["light", "dark"])


@pytest.fixture(autouse=True)
def _light_again(qapp: QApplication) -> Iterator[None]:
    yield
    theme.apply(qapp, LIGHT)


def legibility(image: QImage, box: QRect) -> float:
    """The largest contrast between the usual color of a part of an image and any other in it."""
    box = box.intersected(image.rect()).adjusted(6, 3, -6, -3)  # without frames
    pixels = [
        image.pixelColor(x, y).name()
        for x in range(box.left(), box.right() + 1)
        for y in range(box.top(), box.bottom() + 1)
    ]
    counts = Counter(pixels)
    ground = counts.most_common(1)[0][0]
    return max(contrast(ground, color) for color in counts)


def check_list(view: QAbstractItemView, combo: QComboBox) -> None:
    """The highlighted row is legible, the last row is whole, and the longest item fits."""
    popup = view.window()
    index = view.currentIndex()
    popup.ensurePolished()
    image = popup.grab().toImage()
    row = view.visualRect(index).translated(view.viewport().mapTo(popup, QPoint(0, 0)))
    words = combo.itemText(index.row())
    if words.strip():
        assert legibility(image, row) >= AA, words
    rows = min(combo.count(), combo.maxVisibleItems())
    height = view.visualRect(index).height()
    assert view.viewport().height() >= rows * height, words
    assert view.viewport().mapTo(popup, view.viewport().rect().bottomRight()).x() < popup.width()
    assert view.viewport().width() >= view.sizeHintForColumn(combo.modelColumn()), words


@both
def test_every_combo_box_in_the_window_opens_a_list_that_can_be_read(
    explorer: Explorer, look: Theme
) -> None:
    explorer.window.choose_theme(look.name)
    combos = [box for box in explorer.window.findChildren(QComboBox) if box.count()]
    assert len(combos) > 8
    for combo in combos:
        before = combo.currentIndex()
        combo.setCurrentIndex(max(0, before))
        combo.showPopup()
        check_list(combo.view(), combo)
        combo.hidePopup()
        combo.setCurrentIndex(before)


@both
@pytest.mark.parametrize("editable", [False, True])
def test_a_long_list_scrolls_and_a_narrow_box_opens_a_wide_list(
    qtbot: QtBot, qapp: QApplication, look: Theme, editable: bool
) -> None:
    theme.apply(qapp, look)
    combo = QComboBox()
    qtbot.addWidget(combo)
    combo.setEditable(editable)
    combo.addItems(["a", "an item that is much longer than the box is wide", "ΑΩ"])
    combo.addItems([f"class {number}" for number in range(200)])
    combo.setFixedWidth(70)
    combo.show()
    combo.setCurrentIndex(1)
    combo.showPopup()
    assert combo.view().window().width() > 200
    check_list(combo.view(), combo)
    combo.view().setCurrentIndex(combo.model().index(2, 0))  # as by the arrow keys
    check_list(combo.view(), combo)
    combo.hidePopup()


@both
def test_highlighted_rows_of_menus_can_be_read(
    qtbot: QtBot, qapp: QApplication, look: Theme
) -> None:
    theme.apply(qapp, look)
    above = QWidget()
    qtbot.addWidget(above)
    menu = QMenu(above)
    for text in ("Plain", "With &keys\tCtrl+O", "Checked", "More"):
        menu.addAction(text)
    checked = menu.actions()[2]
    checked.setCheckable(True)
    checked.setChecked(True)
    menu.addMenu("Submenu").addAction("inside")
    gray = menu.addAction("Disabled")
    gray.setEnabled(False)
    menu.popup(QPoint(20, 20))
    for action in menu.actions():
        for active in (action, None):
            menu.setActiveAction(active)
            image = menu.grab().toImage()
            assert legibility(image, menu.actionGeometry(action)) >= AA, action.text()
    menu.close()


def _rows() -> tuple[QAbstractItemView, ...]:
    listed, tree, table = QListWidget(), QTreeWidget(), QTableWidget(3, 2)
    listed.addItems(["one", "two", "three"])
    for name in ("one", "two", "three"):
        QTreeWidgetItem(tree, [name])
    for row in range(3):
        table.setItem(row, 0, QTableWidgetItem(f"cell {row}"))
    return listed, tree, table


@both
@pytest.mark.parametrize("active", [True, False], ids=["active", "inactive"])
def test_selected_rows_of_lists_trees_and_tables_can_be_read(
    qtbot: QtBot, qapp: QApplication, look: Theme, active: bool
) -> None:
    theme.apply(qapp, look)
    for view in _rows():
        qtbot.addWidget(view)
        view.show()
        if active:
            view.activateWindow()
            view.setFocus()
        else:
            other = QWidget()
            qtbot.addWidget(other)
            other.show()
            other.activateWindow()
        QApplication.processEvents()
        for row in range(2):
            index = view.model().index(row, 0)
            view.setCurrentIndex(index)
            view.selectionModel().select(index, view.selectionModel().SelectionFlag.ClearAndSelect)
            image = view.viewport().grab().toImage()
            assert legibility(image, view.visualRect(index)) >= AA, type(view).__name__


@both
def test_a_chosen_radio_button_is_told_from_the_others(
    qtbot: QtBot, qapp: QApplication, look: Theme
) -> None:
    theme.apply(qapp, look)
    button = QRadioButton("A Re-train")
    qtbot.addWidget(button)
    button.show()
    seen = []
    for chosen in (False, True):
        button.setAutoExclusive(False)
        button.setChecked(chosen)
        image = button.grab(QRect(0, 0, 16, button.height())).toImage()
        colors = {
            image.pixelColor(x, y).name()
            for x in range(image.width())
            for y in range(image.height())
        }
        seen.append(look.accent in colors)
    assert seen == [False, True]


def tip_of(text: str, widget: QWidget, qtbot: QtBot) -> QLabel:
    """The tooltip with this text, on the screen."""
    QToolTip.showText(QPoint(5, 5), "", widget)
    QToolTip.showText(QPoint(5, 5), text, widget)

    def there() -> QLabel | None:
        for window in QApplication.topLevelWidgets():
            if window.metaObject().className() == TIP and window.isVisible():
                assert isinstance(window, QLabel)
                return window
        return None

    qtbot.waitUntil(lambda: there() is not None and there().text() == text)  # type: ignore[union-attr]
    result = there()
    assert result is not None
    return result


@both
def test_tooltips_wrap_at_sixty_characters_and_can_be_read(
    qtbot: QtBot, qapp: QApplication, look: Theme
) -> None:
    theme.apply(qapp, look)
    place = QWidget()
    qtbot.addWidget(place)
    place.resize(300, 300)
    place.show()
    long = "A sentence that goes on for longer than any line should. " * 6
    for text in (long, "Short", "Two\nlines", literal(f"<b>{long}</b>"), f"{long}\n\n{long}"):
        tip = tip_of(text, place, qtbot)
        assert tip.width() <= TIP_WIDTH, text
        assert tip.height() >= tip.heightForWidth(tip.width()), text
        assert tip.textFormat() == Qt.TextFormat.PlainText
        assert legibility(tip.grab().toImage(), tip.rect()) >= AA
    assert tip_of("Short", place, qtbot).width() < 120
    path = "/".join(["folder"] * 80)
    assert tip_of(path, place, qtbot).width() > TIP_WIDTH  # a word cannot be broken
    QToolTip.hideText()


def test_a_tooltip_that_follows_another_is_wrapped_as_well(qtbot: QtBot) -> None:
    """Qt reuses the label; where the second text asks for the size of the first, nothing resizes"""
    place = QWidget()
    qtbot.addWidget(place)
    place.resize(300, 300)
    place.show()
    lines = [" ".join(["word"] * count) for count in (12, 14, 16, 22, 13)]
    for first, second in itertools.permutations(lines, 2):
        tip_of(first, place, qtbot)
        QToolTip.showText(QPoint(5, 5), second, place)
        tip = next(
            one for one in QApplication.topLevelWidgets()
            if one.metaObject().className() == TIP and one.isVisible()
        )  # fmt: skip
        assert isinstance(tip, QLabel) and tip.text() == second
        tip.grab()
        assert tip.wordWrap() and tip.height() >= tip.heightForWidth(tip.width()), second
    QToolTip.hideText()


@both
def test_icons_of_a_file_dialog_are_drawn_in_the_color_of_the_text(
    qtbot: QtBot, qapp: QApplication, look: Theme
) -> None:
    theme.apply(qapp, look)
    dialog = QFileDialog(None, "Choose the image folder")
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    qtbot.addWidget(dialog)
    dialog.show()
    names = ("toParentButton", "newFolderButton", "listModeButton", "detailModeButton")
    for name in names:
        button = dialog.findChild(QToolButton, name)
        assert button is not None
        button.setEnabled(True)  # the folder may not be read yet
        image = dialog.grab(QRect(button.mapTo(dialog, QPoint(0, 0)), button.size())).toImage()
        ground = image.pixelColor(2, 2).name()
        inside = [
            (x, y)
            for x in range(3, image.width() - 3)
            for y in range(3, image.height() - 3)
            if contrast(image.pixelColor(x, y).name(), ground) >= theme.LEGIBLE
        ]
        assert len(inside) >= 12, name  # it was a dot of four pixels
        across = max(x for x, _ in inside) - min(x for x, _ in inside)
        assert across >= 7, name
    assert dialog.findChild(QToolButton, "backButton") is not None
    for name in set(ICONS.values()):
        assert not theme.icon(name, look).isNull()


def test_dialogs_fit_a_small_screen(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    """1920 x 1200 pixels at scale 2 are 960 x 600, of which the title bar takes a part."""
    small = QRect(0, 0, 960, 600)
    monkeypatch.setattr(QScreen, "availableGeometry", lambda _screen: small)
    dialogs = explorer.window.dialogs
    for ask in (
        dialogs.ask_settings,
        dialogs.ask_method_settings,
        dialogs.show_shortcuts,
        dialogs.show_palette,
        dialogs.show_glossary,
        dialogs.show_forget_sets,
        dialogs.show_about,
    ):
        ask()
        for dialog in explorer.window.findChildren(QDialog):
            if dialog.isVisible():
                size = dialog.size().expandedTo(dialog.minimumSizeHint())
                assert size.width() <= small.width() - 10, dialog.windowTitle()
                assert size.height() <= small.height() - FRAME, dialog.windowTitle()
                dialog.close()
