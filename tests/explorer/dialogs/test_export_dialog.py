"""Exports as a person makes them: a dialog with a preview, a set, and a report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from patience import PATIENCE_MS as WAIT
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter, QScreen
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QMessageBox,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot
from quick import FORM, QuickFactory, finish

from engine.figures.catalog import KINDS
from explorer.app import Explorer, Options
from explorer.dialogs.export_dialog import ExportDialog, ExportSetDialog
from explorer.dialogs.format_form import PaperForm
from explorer.dialogs.report_dialog import ReportDialog
from explorer.state import figure_format, settings
from explorer.state.figure_format import FigureFormat
from explorer.widgets.fit import FRAME
from explorer.widgets.preview import DPI

LEFT, KEY = Qt.MouseButton.LeftButton, Qt.Key


@pytest.fixture
def explorer(qtbot: QtBot, tmp_path: Path) -> Iterator[Explorer]:
    """A window that shows a finished study on Iris."""
    store = tmp_path / "store"
    kept = settings.Settings(theme="light")
    made = Explorer(Options(store=store), QuickFactory(store))
    made.state.form = FORM
    settings.record_session(kept, made.state)
    settings.save(settings.file_in(store), kept)
    finish(made, qtbot)
    made = Explorer(Options(store=store), QuickFactory(store))
    with qtbot.waitSignal(made.jobs.idle, timeout=WAIT):
        made.show()
    with qtbot.waitSignal(made.jobs.idle, timeout=WAIT):
        qtbot.mouseClick(made.window.bar.run_button, LEFT)
    yield made
    finish(made, qtbot)


def trigger(explorer: Explorer, name: str) -> None:
    explorer.window.actions_.by_name[name].trigger()


def wait_for_preview(dialog: ExportDialog | ExportSetDialog, qtbot: QtBot, width_mm: float) -> None:
    """Until the preview shows a figure of this width."""
    wanted = round(width_mm / 25.4 * DPI)

    def there() -> bool:
        found = abs(dialog.preview.picture.width() - wanted) < 2
        return found and not dialog.preview.sentence

    qtbot.waitUntil(there, timeout=WAIT)


def write(widget: QWidget, text: str) -> None:
    """Type over what stands there."""
    widget.setFocus()
    QTest.keyClick(widget, KEY.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(widget, text)


def colors(path: Path) -> set[int]:
    """Colors of an SVG as Qt draws it, which knows nothing of who made it."""
    drawn = QSvgRenderer(str(path))
    assert drawn.isValid()
    image = QImage(drawn.defaultSize().expandedTo(QSize(300, 1)) * 2, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    drawn.render(painter)
    painter.end()
    return {
        image.pixel(x, y) & 0xFFFFFF for x in range(image.width()) for y in range(image.height())
    }


def test_a_figure_is_previewed_and_written_by_keyboard_alone(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    QTest.keyClick(explorer.window, KEY.Key_E, Qt.KeyboardModifier.ControlModifier)
    dialog = explorer.window.findChild(ExportDialog)
    assert "Curves" in dialog.windowTitle()
    wait_for_preview(dialog, qtbot, 89)
    assert "89 × " in dialog.note.text() and "CSV" in dialog.note.text()
    out = tmp_path / "mine"
    write(dialog.place.line, str(out))
    assert QApplication.focusWidget() is dialog.place.line
    for _ in range(3):
        QTest.keyClick(QApplication.focusWidget(), KEY.Key_Tab)
    assert dialog.place.text == f"{out}.svg"  # what has no suffix gets the format's
    assert QApplication.focusWidget() is dialog.form.preset
    QTest.keyClick(QApplication.focusWidget(), KEY.Key_Tab)
    assert QApplication.focusWidget() is dialog.form.width_mm
    write(dialog.form.width_mm, "60")
    QTest.keyClick(QApplication.focusWidget(), KEY.Key_Tab)
    assert dialog.form.preset.currentText() == "Free"
    wait_for_preview(dialog, qtbot, 60)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.keyClick(dialog, KEY.Key_Return)
    text = (tmp_path / "mine.svg").read_text()
    assert f'width="{60 / 25.4 * 72:.3f}'[:11] in text and (tmp_path / "mine.csv").exists()
    assert {0x009E73, 0x4A4E54} <= colors(tmp_path / "mine.svg")  # GD and Original
    assert "GD" in (tmp_path / "mine.txt").read_text(encoding="utf-8")  # the caption
    assert "mine.svg" in explorer.window.toasts.sentences()[-1]
    assert explorer.settings.export["width_mm"] == 60
    assert explorer.settings.export["folder"] == str(tmp_path)
    trigger(explorer, "figure-metrics")
    again = explorer.window.findChild(ExportDialog)
    assert again.form.paper.width_mm == 60
    assert again.place.text == str(tmp_path / "metrics.svg")
    again.reject()


def test_format_and_file_follow_each_other(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    explorer.controller.exports.ask_figure("curves")
    dialog = explorer.window.findChild(ExportDialog)
    qtbot.waitUntil(dialog.isActiveWindow, timeout=WAIT)
    assert not dialog.form.dpi.isEnabled()
    write(dialog.place.line, str(tmp_path / "c.png"))
    QTest.keyClick(dialog.place.line, KEY.Key_Tab)
    assert dialog.form.paper.suffix == ".png" and dialog.form.dpi.isEnabled()
    dialog.form.format.setFocus()
    QTest.keyClicks(dialog.form.format, "PDF")
    assert dialog.place.text == str(tmp_path / "c.pdf") and not dialog.form.dpi.isEnabled()
    write(dialog.place.line, str(tmp_path / "c.docx"))
    QTest.mouseClick(dialog.write, LEFT)
    assert dialog.isVisible() and "c.docx" in dialog.problem.text()
    write(dialog.place.line, str(tmp_path / "no" / "where" / "c.pdf"))
    QTest.mouseClick(dialog.write, LEFT)
    assert dialog.isVisible() and "does not exist" in dialog.problem.text()
    write(dialog.place.line, str(tmp_path / "c.pdf"))
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.write, LEFT)
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF")


def drawn_size(path: Path) -> tuple[float, float]:
    """Width and height of an SVG in mm."""
    root = ElementTree.parse(path).getroot()
    sides = [float(root.attrib[name].removesuffix("pt")) for name in ("width", "height")]
    return sides[0] / 72 * 25.4, sides[1] / 72 * 25.4


def test_the_preview_is_what_is_written(explorer: Explorer, qtbot: QtBot, tmp_path: Path) -> None:
    explorer.controller.exports.ask_figure("curves", {"log": True})
    dialog = explorer.window.findChild(ExportDialog)
    assert dialog.log.isVisible() and dialog.log.isChecked()  # as on the screen
    dialog.form.height_mm.setValue(95)
    dialog.form.legend.setCurrentIndex(dialog.form.legend.findData("none"))
    dialog.form.title.setChecked(True)
    QTest.mouseClick(dialog.log, LEFT, pos=QPoint(8, dialog.log.height() // 2))
    assert not dialog.log.isChecked()
    qtbot.waitUntil(
        lambda: (
            abs(dialog.preview.picture.height() - 95 / 25.4 * DPI) < 2
            and not dialog.preview.sentence
        ),
        timeout=WAIT,
    )
    assert "89 × 95 mm" in dialog.note.text()
    assert "forget samples" in dialog.caption.toPlainText()  # to be copied from here
    write(dialog.place.line, str(tmp_path / "c.svg"))
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.write, LEFT)
    assert drawn_size(tmp_path / "c.svg") == pytest.approx((89, 95), abs=0.1)
    text = (tmp_path / "c.svg").read_text(encoding="utf-8")
    assert "vertical lines are" in text  # the caption above
    assert ">GD<" not in text  # no legend
    assert explorer.settings.export["legend"] == "none"


def test_an_existing_file_is_replaced_only_after_a_question(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    own = tmp_path / "c.csv"  # it would be overwritten by the numbers
    own.write_text("mine", encoding="utf-8")
    explorer.controller.exports.ask_figure("curves")
    dialog = explorer.window.findChild(ExportDialog)
    write(dialog.place.line, str(tmp_path / "c.svg"))
    QTest.mouseClick(dialog.write, LEFT)
    assert dialog.isVisible() and dialog.write.text() == "Replace"
    assert dialog.problem.text() == "'c.csv' already exists. Replace it?"
    write(dialog.place.line, str(tmp_path / "d.svg"))
    assert dialog.write.text() == "Export" and not dialog.problem.isVisible()
    write(dialog.place.line, str(tmp_path / "c.svg"))
    QTest.mouseClick(dialog.write, LEFT)
    assert own.read_text(encoding="utf-8") == "mine"
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.write, LEFT)
    assert own.read_text(encoding="utf-8") != "mine" and (tmp_path / "c.svg").exists()


def test_sets_and_reports_ask_too(explorer: Explorer, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "curves.svg").write_text("mine", encoding="utf-8")
    (tmp_path / "manifest.json").write_text("mine", encoding="utf-8")
    trigger(explorer, "figure-set")
    dialog = explorer.window.findChild(ExportSetDialog)
    write(dialog.place.line, str(tmp_path))
    QTest.mouseClick(dialog.write, LEFT)
    assert dialog.problem.text() == "'curves.svg' and 'manifest.json' already exist. Replace them?"
    assert dialog.isVisible() and dialog.write.text() == "Replace"
    dialog.reject()
    (tmp_path / "r.html").write_text("mine", encoding="utf-8")
    trigger(explorer, "report")
    report = explorer.window.findChild(ReportDialog)
    write(report.place.line, str(tmp_path / "r.html"))
    QTest.mouseClick(report.write, LEFT)
    assert report.isVisible() and "'r.html' already exists" in report.problem.text()
    report.reject()


@pytest.mark.parametrize("agreed", [True, False])
def test_files_named_in_a_file_dialog_are_asked_for_too(
    agreed: bool, explorer: Explorer, qtbot: QtBot, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked: list[str] = []

    def question(parent: object, title: str, text: str, *buttons: object) -> object:
        asked.append(text)
        return QMessageBox.StandardButton.Yes if agreed else QMessageBox.StandardButton.Cancel

    def named(*_: object, **__: object) -> tuple[str, str]:
        return str(tmp_path / "forget"), "Table (*.csv)"

    monkeypatch.setattr(QMessageBox, "question", staticmethod(question))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", staticmethod(named))
    taken = tmp_path / "forget.csv"  # the dialog was told a name without suffix
    taken.write_text("mine", encoding="utf-8")
    explorer.exporter.forget_set()
    if agreed:
        qtbot.waitUntil(lambda: taken.read_text(encoding="utf-8") != "mine", timeout=WAIT)
    assert asked == ["'forget.csv' already exists. Replace it?"]
    assert (taken.read_text(encoding="utf-8") == "mine") == (not agreed)


def test_a_figure_is_copied_for_other_programs(explorer: Explorer, qtbot: QtBot) -> None:
    explorer.window.go_to("metrics")
    metrics = explorer.window.views["metrics"]
    qtbot.waitUntil(lambda: metrics.seen and metrics.isVisible(), timeout=WAIT)
    focused = metrics.tabs
    focused.setFocus()
    QGuiApplication.clipboard().clear()
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        QTest.keyClick(explorer.window, KEY.Key_C, keys)
    copied = QGuiApplication.clipboard().mimeData()
    assert copied.hasImage() and "Unlearn" in bytes(copied.data("image/svg+xml")).decode()
    assert "Copied the figure Metrics" in explorer.window.toasts.sentences()[-1]
    explorer.controller.exports.ask_figure("curves")
    dialog = explorer.window.findChild(ExportDialog)
    dialog.form.width_mm.setValue(60)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.copy, LEFT)
    picture = QGuiApplication.clipboard().mimeData().imageData()
    assert abs(picture.width() - 60 / 25.4 * 300) < 2
    dialog.reject()


def test_menus_and_sets_draw_what_the_views_show(explorer: Explorer, qtbot: QtBot) -> None:
    study = explorer.state.study
    assert study is not None
    last = float(study.residual.taus[-1])
    explorer.controller.set_probe(study.residual.perturbation, last)
    explorer.window.views["curves"].restore_view_state({"tab": "prevalence"})
    wanted: dict[str, dict[str, object]] = {}
    explorer.controller.exports.figures_wanted.connect(wanted.update)
    trigger(explorer, "figure-set")
    explorer.window.findChild(ExportSetDialog).reject()
    assert {wanted[kind]["tau"] for kind in ("metrics", "scatter")} == {last}
    assert wanted["curves"]["measure"] == "prevalence"
    asked: list[tuple[str, dict[str, object]]] = []
    explorer.controller.exports.figure_wanted.connect(
        lambda kind, options: asked.append((kind, options))
    )
    trigger(explorer, "figure-metrics")
    explorer.window.findChild(ExportDialog).reject()
    assert asked[0][0] == "metrics" and asked[0][1]["tau"] == last


def test_a_figure_that_cannot_be_drawn_says_why(explorer: Explorer, qtbot: QtBot) -> None:
    explorer.controller.exports.ask_figure("slice", {"directions": "nowhere"})
    dialog = explorer.window.findChild(ExportDialog)
    qtbot.waitUntil(lambda: "nowhere" in dialog.preview.sentence, timeout=WAIT)
    assert dialog.preview.picture.isNull()
    dialog.grab()
    dialog.reject()
    assert not explorer.notifier.errors  # the dialog says it


def test_a_closed_dialog_gets_no_preview(explorer: Explorer, qtbot: QtBot) -> None:
    explorer.controller.exports.ask_figure("curves")
    dialog = explorer.window.findChild(ExportDialog)
    with qtbot.waitSignal(dialog.preview_wanted, timeout=WAIT):
        pass
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        dialog.reject()
    assert not explorer.notifier.errors


def test_a_set_is_written_with_a_list_of_it(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    trigger(explorer, "figure-set")
    dialog = explorer.window.findChild(ExportSetDialog)
    assert dialog.list.count() == len(KINDS)
    wait_for_preview(dialog, qtbot, 89)
    first = dialog.preview.picture.cacheKey()
    QTest.mouseClick(dialog.all, LEFT)
    assert dialog.kinds and dialog.write.text() == f"Export {len(KINDS)} figures"
    QTest.mouseClick(dialog.all, LEFT)
    QTest.mouseClick(dialog.write, LEFT)
    assert dialog.isVisible() and "at least one" in dialog.problem.text()
    for title in ("Curves", "Scatter"):
        dialog.list.setFocus()
        QTest.keyClicks(dialog.list, title)
        QTest.keyClick(dialog.list, KEY.Key_Space)
        QTest.qWait(QApplication.keyboardInputInterval() + 50)
    assert sorted(dialog.kinds) == ["curves", "scatter"]
    qtbot.waitUntil(lambda: dialog.preview.picture.cacheKey() != first, timeout=WAIT)
    wait_for_preview(dialog, qtbot, 89)
    folder = tmp_path / "figures"
    write(dialog.place.line, str(folder))
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.write, LEFT)
    listed = json.loads((folder / "manifest.json").read_text())
    assert [one["kind"] for one in listed["figures"]] == ["curves", "scatter"]
    assert len(list(folder.glob("*.csv"))) == len(list(folder.glob("*.svg"))) == 2
    assert "7 files" in explorer.window.toasts.sentences()[-1]
    trigger(explorer, "figure-set")
    again = explorer.window.findChild(ExportSetDialog)
    assert sorted(again.kinds) == ["curves", "scatter"]
    again.reject()


def test_the_report_is_written_and_offered(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path
) -> None:
    pytest.importorskip("fpdf", reason="fpdf2 writes the PDF")
    trigger(explorer, "report")
    dialog = explorer.window.findChild(ReportDialog)
    assert "report-iris" in dialog.place.text
    write(dialog.place.line, str(tmp_path / "nowhere" / "r.html"))
    QTest.mouseClick(dialog.write, LEFT)
    assert dialog.isVisible() and "folder" in dialog.problem.text()
    write(dialog.place.line, str(tmp_path / "r"))
    QTest.keyClick(dialog.pdf, KEY.Key_Space)
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.write, LEFT)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert explorer.state.study is not None and explorer.state.study.key in text
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    assert "r.html" in explorer.window.toasts.sentences()[-1]
    buttons = [one.text() for one in explorer.window.findChildren(QPushButton)]
    assert "Open" in buttons


def test_without_a_study_people_are_told_what_to_do(qtbot: QtBot, tmp_path: Path) -> None:
    made = Explorer(Options(store=tmp_path / "store"), QuickFactory(tmp_path / "store"))
    said: list[str] = []
    made.controller.noticed.connect(lambda kind, sentence: said.append(sentence))
    for name in ("figure-curves", "figure-set", "report"):
        trigger(made, name)
    assert len(said) == 3 and all("Run a study first" in one for one in said)
    assert not made.window.findChildren(ExportDialog)
    finish(made, qtbot)


def test_presets_and_width_follow_each_other(qtbot: QtBot) -> None:
    form = PaperForm(FigureFormat())
    qtbot.addWidget(form)
    form.show()
    form.preset.setFocus()
    QTest.keyClick(form.preset, KEY.Key_End)
    QTest.keyClick(form.preset, KEY.Key_Up)
    assert form.width_mm.value() == 183
    form.width_mm.setValue(120)
    assert form.preset.currentText() == "One and a half, 120 mm"
    form.width_mm.setValue(77)
    assert form.preset.currentText() == "Free"


def test_what_was_kept_is_read_back_and_nonsense_is_not() -> None:
    chosen = FigureFormat(".png", 120.0, 7.0, 600.0, "/somewhere")
    assert figure_format.from_plain(json.loads(json.dumps(chosen.as_plain()))) == chosen
    wrong = {"suffix": ".exe", "width_mm": -1, "font_size": "x", "dpi": 1e9, "folder": 3}
    assert figure_format.from_plain(wrong) == FigureFormat()
    assert chosen.look == {"width_mm": 120, "font_size": 7, "dpi": 600}
    assert "dpi" not in FigureFormat().look
    free = FigureFormat(height_mm=70.0, legend="inside", title=True, transparent=True)
    assert figure_format.from_plain(json.loads(json.dumps(free.as_plain()))) == free
    extra = {"height_mm": 70, "legend": "inside", "title": True, "transparent": True}
    assert free.look == {**FigureFormat().look, **extra}
    odd = {"height_mm": "tall", "legend": "above", "title": 1, "transparent": None}
    assert figure_format.from_plain(odd) == FigureFormat()
    assert FigureFormat(folder="/not/there").place == Path.home()


def test_dialogs_of_exports_fit_a_small_screen(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1920 x 1200 pixels at scale 2 are 960 x 600: the buttons must not lie below the edge."""
    small = QRect(0, 0, 960, 600)
    monkeypatch.setattr(QScreen, "availableGeometry", lambda _screen: small)
    for name in ("figure-curves", "figure-set", "report", ""):
        trigger(explorer, name) if name else explorer.window.dialogs.choose_study()
        dialogs = [one for one in explorer.window.findChildren(QDialog) if one.isVisible()]
        assert dialogs, name
        for dialog in dialogs:
            size = dialog.size().expandedTo(dialog.minimumSizeHint())
            assert size.height() <= small.height() - FRAME, name
            assert size.width() <= small.width() - 10, name
            dialog.close()


def test_each_kind_of_export_begins_where_the_last_one_went(
    explorer: Explorer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers, tables = tmp_path / "papers", tmp_path / "tables"
    papers.mkdir()
    tables.mkdir()
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName",
        staticmethod(lambda *_, **__: (str(tables / "mine.csv"), "Table (*.csv)")),
    )  # fmt: skip
    explorer.exporter.forget_set()
    trigger(explorer, "figure-curves")
    dialog = explorer.window.findChild(ExportDialog)
    assert dialog.place.path.parent == tables  # nothing else was saved before
    write(dialog.place.line, str(papers / "c.svg"))
    with qtbot.waitSignal(explorer.jobs.idle, timeout=WAIT):
        QTest.mouseClick(dialog.write, LEFT)
    asked: list[str] = []
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName",
        staticmethod(lambda _window, _title, begin, *_, **__: (asked.append(begin) or "", "")),
    )  # fmt: skip
    explorer.exporter.forget_set()
    explorer.exporter.checkpoint("gd")
    assert asked == [str(tables / "forget.csv"), str(papers / "gd.pt")]
    trigger(explorer, "figure-set")
    chosen = explorer.window.findChild(ExportSetDialog)
    assert chosen.place.path == papers
    chosen.reject()
