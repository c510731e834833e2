"""Drag and drop onto the window: recognition of the files, the action, and the overlay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, QRect, Qt, Signal
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from engine.external.comparator import looks_like_comparator, looks_like_result
from engine.external.hub_config import looks_like_hub
from engine.forget_sets.index_files import is_list
from engine.storage.paths import is_folder
from explorer import theme

SESSION, BUNDLE, RESULT, CHECKPOINT = "session", "bundle", "result", "checkpoint"
FOLDER, INDICES, UNKNOWN = "folder", "indices", "unknown"
HUB, COMPARATOR = "hub", "comparator"
KINDS = {
    ".json": SESSION, ".rkx": BUNDLE, ".h5": RESULT, ".hdf5": RESULT, ".pt": CHECKPOINT,
    ".pth": CHECKPOINT, ".safetensors": CHECKPOINT, ".ckpt": CHECKPOINT, ".bin": CHECKPOINT,
    ".tar": CHECKPOINT, ".csv": INDICES, ".txt": INDICES, ".tsv": INDICES, ".npy": INDICES,
    ".npz": INDICES,
}  # fmt: skip
SENTENCES = {
    SESSION: "Open the session {}",
    BUNDLE: "Open the bundle {}",
    RESULT: "Open the study in {}",
    CHECKPOINT: "Use the weights in {} in the next study",
    FOLDER: "Open the image folder {}",
    INDICES: "Forget the samples listed in {}",
    HUB: "Use the classifier in {} in the next study",
    COMPARATOR: "Measure the models of Unlearning Comparator in {}",
}
UNDERSTOOD = (
    "Drop a session (.json), a bundle (.rkx), a result (.h5), weights (.pt, .safetensors), a "
    "list of samples (.csv, .txt, .npy, .json ...), an image folder with train/<class>/ inside, a "
    "classifier of timm or transformers (config.json beside weights), or the folder of Unlearning "
    "Comparator."
)
SHADE = 225  # of 255: opacity of the overlay
INSET, CORNER = 24, 12  # px


@dataclass(frozen=True)
class DropOffer:
    """What a drop will do, as a sentence; for kind UNKNOWN, why it does nothing."""

    kind: str
    path: Path
    sentence: str


def offer_for(paths: Sequence[Path]) -> DropOffer:
    """What dropping these files and folders would do."""
    if len(paths) != 1:
        return DropOffer(UNKNOWN, Path(), f"{len(paths)} items at once. Drop one at a time.")
    path = paths[0]
    if is_folder(path):
        if is_folder(path / "train"):
            return DropOffer(FOLDER, path, SENTENCES[FOLDER].format(path.name))
        for kind, recognizes in ((HUB, looks_like_hub), (COMPARATOR, looks_like_comparator)):
            if recognizes(path):
                return DropOffer(kind, path, SENTENCES[kind].format(path.name))
        return DropOffer(UNKNOWN, path, f"'{path.name}' contains no folder 'train'. {UNDERSTOOD}")
    kind = KINDS.get(path.suffix.lower(), UNKNOWN)
    if kind == SESSION and looks_like_result(path):
        kind = COMPARATOR
    elif kind in (SESSION, CHECKPOINT) and is_list(path):
        kind = INDICES
    if kind == UNKNOWN:
        return DropOffer(UNKNOWN, path, f"'{path.name}' cannot be opened. {UNDERSTOOD}")
    return DropOffer(kind, path, SENTENCES[kind].format(path.name))


def paths_of(mime: QMimeData) -> list[Path]:
    """The local files and folders in a drag."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


class DropOverlay(QWidget):
    """Covers the window during a drag and says what dropping would do."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("drop-overlay")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._offer = DropOffer(UNKNOWN, Path(), "")
        self._look, self._window = theme.LIGHT, window
        self.hide()

    @property
    def sentence(self) -> str:
        """The sentence on the overlay."""
        return self._offer.sentence

    def show_offer(self, offer: DropOffer, look: theme.Theme) -> None:
        """Cover the window and show what a drop will do."""
        self._offer, self._look = offer, look
        self.setAccessibleName(offer.sentence)
        self.setGeometry(self._window.rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a sheet over the window, a frame (dashed if nothing will happen) and the text."""
        accepted = self._offer.kind != UNKNOWN
        look = self._look
        sheet = QColor(look.base)
        sheet.setAlpha(SHADE)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), sheet)
        line = Qt.PenStyle.SolidLine if accepted else Qt.PenStyle.DashLine
        painter.setPen(QPen(QColor(look.accent if accepted else look.danger), 3, line))
        box = self.rect().adjusted(INSET, INSET, -INSET, -INSET)
        painter.drawRoundedRect(box, CORNER, CORNER)
        self._write(painter, box)
        painter.end()

    def _write(self, painter: QPainter, box: QRect) -> None:
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 1.8)
        painter.setFont(font)
        painter.setPen(QColor(self._look.text))
        flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
        inner = box.adjusted(4 * INSET, INSET, -4 * INSET, -INSET)
        text = painter.boundingRect(inner, flags, self._offer.sentence)
        ground = text.adjusted(-INSET, -INSET, INSET, INSET)
        painter.fillRect(ground, QColor(self._look.base))
        painter.drawText(inner, flags, self._offer.sentence)


class Dropper(QObject):
    """Handles the drag and drop events of a window."""

    dropped = Signal(object)  # Offer
    refused = Signal(str)  # a sentence

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        window.setAcceptDrops(True)
        self.overlay = DropOverlay(window)
        self._offer: DropOffer | None = None

    def enter(self, event: QDragEnterEvent, look: theme.Theme) -> None:
        """Show what dropping would do."""
        paths = paths_of(event.mimeData())
        if not paths:
            return
        self._offer = offer_for(paths)
        self.overlay.show_offer(self._offer, look)
        event.acceptProposedAction()

    def leave(self) -> None:
        """Hide the overlay: the drag left the window."""
        self._offer = None
        self.overlay.hide()

    def drop(self, event: QDropEvent) -> None:
        """Carry out the drop, or report why it does nothing."""
        offer = self._offer or offer_for(paths_of(event.mimeData()))
        self.leave()
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if offer.kind == UNKNOWN:
            self.refused.emit(offer.sentence)
        else:
            self.dropped.emit(offer)
