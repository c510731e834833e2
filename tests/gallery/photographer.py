"""Photographs one window: workspaces, views, menus, popups, cards, tooltips and dialogs.

Run as a program of its own for each screen and theme; it prints what the checks complain of.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QMenu,
    QToolButton,
    QToolTip,
    QWidget,
)

from explorer import theme
from explorer.app import Explorer, Options
from explorer.state.notice import NEWS, Notice
from explorer.widgets.drop import CHECKPOINT, DropOffer
from explorer.widgets.options_card import OptionsButton
from explorer.window.docks import DOCKS
from explorer.window.tour import Tour
from explorer.window.tour_steps import STEPS
from explorer.window.workspaces import WORKSPACES
from tests.gallery import checks

PATIENCE_S = 120.0
MOMENT_S = 0.15  # for the window manager, and the last repaint
DIALOGS = (  # commands that open a dialog
    "settings", "method-settings", "forget-sets", "glossary", "shortcuts", "about",
    "command-palette", "open-study", "open-folder", "save-session", "open-bundle", "save-bundle",
    "report", "figure-set", "figure-curves", "figure-embedding", "figure-metrics", "export-forget",
)  # fmt: skip


class Photographer:
    """Takes pictures of one window, and collects what its checks complain of."""

    def __init__(self, app: QApplication, explorer: Explorer, out: Path) -> None:
        self._app, self._explorer, self._out = app, explorer, out
        self.window = explorer.window
        self.complaints: list[str] = []
        out.mkdir(parents=True, exist_ok=True)

    # -- time -------------------------------------------------------------------------------
    def settle(self, seconds: float = MOMENT_S) -> None:
        """Let the window repaint."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._app.processEvents()
            time.sleep(0.005)

    def wait_idle(self) -> None:
        """Wait until no job is left, as far as patience goes."""
        end = time.monotonic() + PATIENCE_S
        self.settle(0.5)
        while self._explorer.jobs.busy() and time.monotonic() < end:
            self.settle(0.2)
        self.settle(0.3)

    # -- pictures ---------------------------------------------------------------------------
    def screen(self, name: str) -> None:
        """A picture of the whole screen, popups included."""
        self._save(QGuiApplication.primaryScreen().grabWindow(0), name)

    def part(self, widget: QWidget, name: str) -> None:
        """A picture of one widget, with its popup or frame, as the screen shows it."""
        place = (
            widget.frameGeometry()
            if widget.isWindow()
            else checks.place_in(widget, self.window).translated(
                self.window.mapToGlobal(QPoint(0, 0))
            )
        )
        place = place.adjusted(-6, -6, 6, 6)
        picture = QGuiApplication.primaryScreen().grabWindow(
            0, place.x(), place.y(), place.width(), place.height()
        )
        self._save(picture, name)

    def check(self, widget: QWidget, name: str) -> None:
        """Note what the checks find in a widget."""
        self.complaints += [f"{name}: {line}" for line in checks.faults(widget)]

    def _save(self, picture: QPixmap, name: str) -> None:
        picture.save(str(self._out / f"{re.sub(r'[^A-Za-z0-9@.-]+', '_', name)}.png"))

    # -- the tour ---------------------------------------------------------------------------
    def workspaces(self, kind: str) -> None:
        """Each workspace, then each view alone in the window."""
        for workspace in WORKSPACES:
            self.window.show_workspace(workspace.name)
            self.wait_idle()
            self.screen(f"{kind}-workspace-{workspace.name}")
            self.check(self.window, f"{kind} workspace {workspace.name}")
            canvas = self.window.docks[workspace.canvas]
            self.complaints.append(
                f"{kind} workspace {workspace.name}: its canvas takes "
                f"{100 * checks.share(canvas.widget(), self.window):.1f} % of the window"
            )

    def views(self, kind: str) -> None:
        """Each view, filling the window."""
        self.window.show_workspace("explore")
        for dock in DOCKS:
            self.window.enlarge(dock.name)
            self.wait_idle()
            self.screen(f"{kind}-view-{dock.name}")
            self.check(self.window, f"{kind} view {dock.name}")
            self.window.enlarge(dock.name)
            self.settle()

    def cards(self) -> None:
        """The options card of every view, and the menus and popups on it and in its header."""
        for dock in DOCKS:
            self.window.go_to(dock.name)
            self.settle()
            box = self.window.docks[dock.name]
            for button in box.findChildren(OptionsButton):
                if button.isVisible():
                    button.click()
                    self.settle()
                    self.part(button.card, f"card-{dock.name}")
                    self.check(button.card, f"card {dock.name}")
                    self._popups(button.card, f"card-{dock.name}")
                    button.card.hide()
            self._popups(box, f"view-{dock.name}")

    def popups(self) -> None:
        """The popups of the study bar and the menus of the menu bar."""
        self._popups(self.window.bar, "study-bar")
        for action in self.window.menuBar().actions():
            self._menu(action.menu(), self.window.menuBar(), f"menu-{action.text()}")

    def _popups(self, widget: QWidget, name: str) -> None:
        for number, combo in enumerate(widget.findChildren(QComboBox)):
            if not combo.isVisible() or not combo.count():
                continue
            combo.showPopup()
            self.settle()
            popup = combo.view().window()
            self.part(popup, f"popup-{name}-{number}-{combo.accessibleName()}")
            self.complaints += [
                f"popup {name} {combo.accessibleName()}: {line}"
                for line in checks.low_contrast(combo.view())
            ]
            combo.hidePopup()
        for number, button in enumerate(widget.findChildren(QToolButton)):
            if button.isVisible() and button.menu() is not None:
                self._menu(button.menu(), button, f"menu-{name}-{number}-{button.text()}")

    def _menu(self, menu: QMenu | None, at: QWidget, name: str) -> None:
        if menu is None:
            return
        menu.aboutToShow.emit()
        if menu.isEmpty():
            return
        menu.popup(at.mapToGlobal(QPoint(0, at.height())))
        self.settle()
        active = next((one for one in menu.actions() if one.isEnabled()), None)
        if active is not None:
            menu.setActiveAction(active)
        self.settle(0.05)
        self.part(menu, name)
        inner = [one.menu() for one in menu.actions() if one.menu() is not None]
        menu.hide()
        for sub in inner:
            self._menu(sub, at, f"{name}-{sub.title()}")

    def tooltips(self) -> None:
        """Every tooltip text of the window once."""
        seen: set[str] = set()
        for widget in self.window.findChildren(QWidget):
            text = widget.toolTip()
            if not text.strip() or text in seen:
                continue
            seen.add(text)
            at = self.window.mapToGlobal(QPoint(40, 120))
            QToolTip.showText(at, text, widget)
            self.settle(0.05)
            tip = next(
                (one for one in self._app.topLevelWidgets()
                 if one.inherits("QTipLabel") and one.isVisible()), None,
            )  # fmt: skip
            if tip is not None:
                self.part(tip, f"tip-{len(seen):03d}")
                if tip.width() > 480:
                    self.complaints.append(f"tooltip of {tip.width()} px: {text[:60]}")
            QToolTip.hideText()

    def dialogs(self) -> None:
        """Every dialog that a command opens."""
        for name in DIALOGS:
            action = self.window.actions_.by_name.get(name)
            if action is None or not action.isEnabled():
                self.complaints.append(f"dialog {name}: its command is not there or disabled")
                continue
            self._while_open(name, action.trigger)

        self._confirm()

    def _confirm(self) -> None:
        """The dialogs that only a situation opens: many studies, weights, data that moved."""
        opener, files = self._explorer.opener, self._explorer.controller.files
        many = self._explorer.controller.runner.many_wanted.emit
        session = files.session()
        for name, ask in (
            ("many", functools.partial(many, 144)),
            (
                "weights",
                functools.partial(opener.take, DropOffer(CHECKPOINT, Path("weights.pt"), "")),
            ),
            ("data", functools.partial(opener.ask_data, session, "Its folder was moved.")),
            ("network", self.window.dialogs.ask_network),
            ("columns", functools.partial(self._ask_columns, "tabular")),
        ):
            self._while_open(name, ask)

    def _ask_columns(self, dataset: str) -> None:
        """What a table's columns are, before it is opened."""
        path = self._out / "patients.csv"
        path.write_text("patient,age,diagnosis\n17,64,benign\n18,51,malignant\n", encoding="utf-8")
        items = {item.name: item for item in self._explorer.state.catalog.datasets}
        self.window.dialogs.ask_columns(items[dataset], path)

    def tour(self) -> None:
        """Every step of the tour."""
        self.window.dialogs.show_tour()
        tour = self.window.findChild(Tour)
        for number in range(len(STEPS)):
            self.wait_idle()
            self.screen(f"tour-{number + 1}")
            self.check(tour.card, f"tour {number + 1}")
            tour.forward()
        self.settle()

    def notices(self) -> None:
        """News with and without an action, an error, and many settings that are not usual."""
        form = self._explorer.state.form
        self._explorer.controller.opening.change_form(
            retrains=5, draws=50, training={"lr": 0.5}, settings={"rurk": {"epochs": 3}}
        )
        self.wait_idle()
        notifier = self._explorer.notifier
        long = "Saved 12 files in /home/somebody/papers/unlearning/figures/second-submission."
        notifier.show(Notice(NEWS, long, "Show", print))
        notifier.say(NEWS, "Copied.")
        notifier.fail("The folder /data/photographs cannot be read: permission denied. " * 3)
        self.settle(0.5)
        self.screen("notices")
        self.check(self.window, "notices")
        self._popups(self.window.bar, "notices")
        button = self.window.bar.settings
        corner = button.mapToGlobal(QPoint(0, button.height()))
        QToolTip.showText(corner, button.toolTip(), button)
        self.settle(0.3)
        self.screen("notices-settings")
        QToolTip.hideText()
        self._explorer.controller.opening.change_form(**vars(form))

    def _while_open(self, name: str, open_dialog: Callable[[], object]) -> None:
        from PySide6.QtCore import QTimer

        def take() -> None:
            self.wait_idle()  # for the preview of a figure
            for widget in self._app.topLevelWidgets():
                if isinstance(widget, QDialog | QFileDialog) and widget.isVisible():
                    self.part(widget, f"dialog-{name}")
                    self.check(widget, f"dialog {name}")
                    self._popups(widget, f"dialog-{name}")
                    widget.close()

        QTimer.singleShot(300, take)
        open_dialog()
        self.settle(1.2)


def main(arguments: list[str]) -> int:
    """Take the pictures of one screen and theme."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--theme", default="light")
    parser.add_argument("--size", required=True)
    parser.add_argument("--dataset", default="")
    parser.add_argument("--kind", default="filled")
    parser.add_argument(
        "--parts", default="workspaces,views,cards,popups,tooltips,dialogs,notices,tour"
    )
    options = parser.parse_args(arguments)
    app = QApplication(sys.argv[:1])
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
    theme.apply(app, theme.theme_of(options.theme))
    width, height = map(int, options.size.split("x"))
    explorer = Explorer(
        Options(
            store=options.store, theme=options.theme, size=(width, height), dataset=options.dataset
        )
    )
    photographer = Photographer(app, explorer, options.out)
    explorer.show()
    explorer.window.move(0, 0)
    photographer.settle(1)
    photographer.wait_idle()
    photographer.screen(f"{options.kind}-workspace-at-first")
    for toast in list(explorer.window.toasts.toasts):  # they would cover a corner of every picture
        toast.dismiss()
    for part in options.parts.split(","):
        step = getattr(photographer, part)
        step(options.kind) if part in ("workspaces", "views") else step()
    print("\n".join(photographer.complaints))
    explorer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
