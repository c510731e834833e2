"""Messages as pictures, with changed words marked: in boxes, tooltips, cards and Neighborhood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import synthetic
from PySide6.QtCore import QPoint, QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QImage, QPainter
from PySide6.QtWidgets import QApplication
from shown import Shown

from engine.perturbations import EditedMessage
from explorer.plots.matrix import CopyMatrix
from explorer.plots.matrix_layout import MESSAGE
from explorer.theme import LIGHT, apply
from explorer.thumbnails.model import ThumbnailModel
from explorer.thumbnails.painter import ThumbnailPainter
from explorer.views.embedding.hover_card import HoverCard
from explorer.views.embedding.point_words import words_of
from explorer.views.neighborhood.table import table_of
from explorer.views.neighborhood.view import NeighborhoodView
from explorer.views.samples.view import SamplesView
from explorer.widgets import message_picture
from explorer.widgets.message_picture import (
    DOTS,
    Words,
    draw_message,
    html_words,
    marked_words,
    plain_words,
)

EDITED = EditedMessage(("win", "a", "<b>prize</b>"), ("win", "", "phone"))
BLUE, RED = "#0000ff", "#ff0000"


def drawn(words: Words, box: QRectF) -> np.ndarray:
    """(200, 200, 3) a white image with the words in a box."""
    image = QImage(200, 200, QImage.Format.Format_RGB888)
    image.fill(QColor("white"))
    painter = QPainter(image)
    draw_message(painter, box, words)
    painter.end()
    return np.frombuffer(image.constBits(), np.uint8).reshape(200, 200, 3).copy()


def placed(words: Words, box: QRectF) -> list[tuple[QPointF, str]]:
    font = QFont()
    font.setPixelSize(10)
    return [(place, word) for place, word, _ in message_picture._placed(words, box, font)]


@pytest.mark.parametrize("size", [(30, 30), (60, 40), (190, 100)])
def test_a_message_stays_inside_its_box(size: tuple[int, int], qapp: QApplication) -> None:
    apply(qapp, LIGHT)
    pixels = drawn(plain_words("many words " * 40), QRectF(5, 5, *size))
    dark = np.argwhere(pixels.min(2) < 200)
    assert len(dark) > 50
    assert dark.min() >= 4 and (dark.max(0) <= (5 + size[1], 5 + size[0])).all()


def test_what_does_not_fit_is_left_out_with_dots(qapp: QApplication) -> None:
    words = [f"word{i}" for i in range(30)]
    shown = placed(plain_words(" ".join(words)), QRectF(0, 0, 100, 40))
    assert shown[-1][1] == DOTS and [word for _, word in shown[:-1]] == words[: len(shown) - 1]
    whole = placed(plain_words("two words"), QRectF(0, 0, 100, 40))
    assert [word for _, word in whole] == ["two", "words"]


def test_lines_follow_each_other_from_the_left(qapp: QApplication) -> None:
    shown = placed(plain_words("aaa bbb ccc ddd eee fff"), QRectF(10, 0, 45, 100))
    lines: dict[float, list[float]] = {}
    for place, _ in shown:
        lines.setdefault(place.y(), []).append(place.x())
    assert len(lines) >= 3 and all(xs[0] == 10 and xs == sorted(xs) for xs in lines.values())


def test_changed_words_are_marked(qapp: QApplication) -> None:
    words = marked_words(EDITED, BLUE, RED)
    assert [word for word, _ in words] == ["win", "a", "phone"]
    marks = [mark for _, mark in words]
    assert marks[0] is None and marks[1] is not None and marks[2] is not None
    assert marks[1].struck and marks[1].color == RED
    assert not marks[2].struck and marks[2].color == BLUE
    pixels = drawn(words, QRectF(0, 0, 190, 60)).astype(int)
    for channel in (0, 2):
        pure = pixels[:, :, channel] - pixels.sum(2) + pixels[:, :, channel]
        assert (pure > 100).any()


def test_markup_in_a_message_is_shown_as_it_is() -> None:
    rich = html_words(
        marked_words(EditedMessage(("<b>x</b>", "y"), ("<b>x</b>", "<i>")), BLUE, RED)
    )
    assert rich == f"&lt;b&gt;x&lt;/b&gt; <b style='color: {BLUE}'>&lt;i&gt;</b>"


# -- where messages are shown ---------------------------------------------------------------------


def test_thumbnails_of_messages_are_words(qapp: QApplication, shown: Shown) -> None:
    apply(qapp, LIGHT)
    data = synthetic.messages()
    model = ThumbnailModel(str, shown.view(NeighborhoodView))
    model.set_dataset(data)
    painter = ThumbnailPainter(model)
    one = painter._thumbnail(3, data, 1.0)
    same = replace(data, texts=tuple("" for _ in data.texts))
    painter.forget_pictures()
    blank = painter._thumbnail(3, same, 1.0)
    assert one.size() == blank.size() and one != blank


def test_a_tooltip_has_the_message_and_no_numbers(shown: Shown) -> None:
    shown.fill()
    view = shown.view(SamplesView)
    shown.state.residual, shown.state.models = None, {}
    shown.state.dataset = synthetic.messages()
    QApplication.processEvents()
    text = view.describe(3)
    assert "message 3 of &lt;b&gt;spam&lt;/b&gt;" in text and "<img" not in text
    assert "class spam" in text and "feature" not in text


def test_the_card_of_a_point_has_room_for_its_message(shown: Shown) -> None:
    data, parent = synthetic.messages(), NeighborhoodView(shown.state, shown.asked)
    shown.qtbot.addWidget(parent)
    embedding = synthetic.embedding(data)
    words = words_of(0, embedding, data, {}, None, 0, LIGHT)
    assert not isinstance(words.sample, np.ndarray)
    card = HoverCard(parent)
    card.show_point(words, QPoint(5, 5), LIGHT)
    assert card.picture.width() == 210
    bars = words_of(0, embedding, replace(data, texts=()), {}, None, 0, LIGHT)
    card.show_point(bars, QPoint(5, 5), LIGHT)
    assert card.picture.width() == 96


def test_neighborhood_marks_the_words_that_a_copy_changed(shown: Shown) -> None:
    data = synthetic.messages()
    near = synthetic.neighborhood(data)
    words = data.texts[near.sample].split()
    edits = tuple(
        EditedMessage(tuple(words), tuple("" if i == n % 4 else w for i, w in enumerate(words)))
        for n in range(len(near.copies))
    )
    near = replace(near, perturbation="words", edits=edits)
    table = table_of(near, data, LIGHT, str, changes=False)
    order = np.argsort([np.linalg.norm(one - data.pixels(near.sample)) for one in near.copies],
                       kind="stable")  # fmt: skip
    assert [word for word, _ in table.message] == words
    for place, copy in enumerate(order.tolist()):
        struck = [i for i, (_, mark) in enumerate(table.words[place]) if mark and mark.struck]
        assert struck == [copy % 4]
        assert table.notes[place] == f"'{words[copy % 4]}' dropped"
    matrix = CopyMatrix()
    shown.qtbot.addWidget(matrix)
    matrix.resize(700, 300)
    matrix.set_table(table, LIGHT)
    matrix.show()
    assert matrix.sizes.column >= MESSAGE
    assert f"'{words[order[0] % 4]}' dropped" in matrix.describe(QPoint(matrix.left + 5, 40))
    assert "copy 2 of" in matrix.describe(QPoint(matrix.left + matrix.sizes.column + 5, 40))


def test_neighborhood_names_the_features_that_a_copy_moved(shown: Shown) -> None:
    data = synthetic.features()
    near = synthetic.neighborhood(data)
    table = table_of(near, data, LIGHT, str, changes=False)
    assert not table.words and not table.message
    clean = data.pixels(near.sample)
    for place, copy in enumerate(table.copies):
        most = int(np.abs(copy - clean).argmax())
        moved = float(copy[most] - clean[most])
        assert table.notes[place].startswith(f"{data.features[most]} {moved:+.3f}")
    assert not any(table_of(synthetic.neighborhood(synthetic.images()), synthetic.images(), LIGHT,
                            str, changes=False).notes)  # fmt: skip


def test_the_perturbation_of_words_is_offered_for_messages_alone(shown: Shown) -> None:
    shown.state.dataset = synthetic.images()
    view = shown.view(NeighborhoodView)
    offered = [view.perturbation.itemData(i) for i in range(view.perturbation.count())]
    assert "words" not in offered and "gaussian" in offered
    shown.state.dataset = synthetic.messages()
    QApplication.processEvents()
    offered = [view.perturbation.itemData(i) for i in range(view.perturbation.count())]
    assert "words" in offered
