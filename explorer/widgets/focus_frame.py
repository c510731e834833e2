"""The focus of a view that takes the keys for its plots."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from explorer.widgets.plot_widget import Plot


class FocusFrame(QObject):
    """Frames the plots of a view while the view itself has the keyboard focus."""

    def __init__(self, view: QWidget, plots: Sequence[Plot]) -> None:
        super().__init__(view)
        self._plots = tuple(plots)
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the focus; every event goes on to the view."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            for plot in self._plots:
                plot.set_framed(event.type() == QEvent.Type.FocusIn)
        return False
