"""Asks for a file, then lets the controller write the figure or the checkpoint."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from explorer.controller import ERROR, Controller

FIGURES = {"Scalable (*.svg)": ".svg", "For print (*.pdf)": ".pdf", "Pixels (*.png)": ".png"}
CHECKPOINT = {"PyTorch weights (*.pt)": ".pt"}


class Exporter(QObject):
    """Answers the controller's wish for a file."""

    def __init__(self, controller: Controller, parent: QWidget) -> None:
        super().__init__(parent)
        self._controller, self._window = controller, parent
        self._folder = Path.home()
        controller.figure_wanted.connect(self.figure)
        controller.checkpoint_wanted.connect(self.checkpoint)

    def figure(self, kind: str, path: Path | None = None) -> None:
        """Export the figure called `kind` to `path`, or to the file a person chooses."""
        out = path or self._ask(f"Export {kind}", f"{kind}.svg", FIGURES)
        if out is None:
            return
        if out.suffix.lower() not in FIGURES.values():
            self._controller.noticed.emit(
                ERROR, f"'{out.name}' is no figure file. End its name in .svg, .pdf or .png."
            )
            return
        self._controller.save_figure(kind, out)

    def checkpoint(self, model: str, path: Path | None = None) -> None:
        """Export one model's weights to `path`, or to the file a person chooses."""
        title = f"Export the checkpoint of {self._controller.label(model)}"
        out = path or self._ask(title, f"{model}.pt", CHECKPOINT)
        if out is not None:
            self._controller.save_checkpoint(model, out)

    def _ask(self, title: str, name: str, kinds: dict[str, str]) -> Path | None:
        chosen, kind = QFileDialog.getSaveFileName(
            self._window, title, str(self._folder / name), ";;".join(kinds)
        )
        if not chosen:
            return None
        path = Path(chosen)
        self._folder = path.parent
        return path if path.suffix else path.with_suffix(kinds.get(kind, ".svg"))
