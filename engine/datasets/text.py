"""Messages with labels: TSV, CSV or JSON lines, plain or gzipped, encoded as vectors in [0, 1]."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.datasets._classes import class_numbers
from engine.datasets._encoders import MessageEncoder
from engine.datasets._roles import (
    LABEL,
    TEXT,
    USUAL,
    Roles,
    column_of,
    groups_of,
    in_order,
    labels_of,
    parts_of,
    roles_of,
    split_of,
)
from engine.datasets._tables import TextTable, read_table
from engine.datasets.base import Dataset, Origin, Recommended
from engine.errors import DataError
from engine.registry import register
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, TrainSpec, parse_taus
from engine.storage.paths import typed_path
from engine.storage.schema import JOINERS

MOST_CLASSES = 200

# Tried on SMS spam, seeds 11 to 13, with the perturbation 'words'. The weight decay makes Re-trains
# agree, and so narrows the null band (its mean upper end at tau 0.2 from 1.15 to 1.06). RURK, GA
# and NegGrad+ have the smallest mean average gap of 8, 10 and 4 settings (1.2, 1.5 and 0.9 percent
# points, the Original 5.9); three times the ascent lets RURK forget the whole class. GA's single
# batch needs a large step: with the paper's it leaves the Original as it is. GD keeps the paper's.
RECOMMENDED = Recommended(
    model="mlp",
    train=TrainSpec(epochs=20, lr=0.05, weight_decay=5e-3),
    forget="class:1:0.2",
    taus=parse_taus("0:0.5:11"),
    methods={
        "rurk": {
            "epochs": 20,
            "lr": 0.01,
            "max_steps": 1000,
            "tau": 0.01,
            "lambda_f": 0.01,
            "lambda_a": 0.01,
            "weight_decay": 5e-3,
        },
        "ga": {"lr": 0.4, "epochs": 2},
        "neggrad-plus": {"beta": 0.05, "epochs": 5},
    },
    compared=("rurk", "gd", "ga", "neggrad-plus"),
    perturbation="words",
)


@register(
    "dataset",
    "text",
    label="Messages",
    help="one TSV, CSV or JSONL file as root, plain or gzipped, with a label and a text column "
    "(--columns label=NAME,text=NAME), or label, tab, message; encoded by hashed TF-IDF",
    root="file",
    columns=True,
    roles=("label", "text", "split", "group"),
    encodes=True,
)
def load(spec: DataSpec, report: Reporter) -> Dataset:
    """The messages of the file `spec.root` as vectors in [0, 1], and the messages themselves.

    A file of two columns without a header holds label and message. Vectors are hashed TF-IDF
    fitted on the training messages, or those of the model in `spec.encoder`. `spec.columns`,
    `spec.test_share` and names of samples are as in `tabular`. Raises DataError and SpecError.
    """
    if not spec.root:
        raise DataError("The dataset 'text' needs a file. Give a TSV or CSV file as its root.")
    roles, path = roles_of(spec.columns), typed_path(spec.root)
    report.stage("reading messages")
    table = read_table(path, (LABEL, TEXT), _known(roles))
    text, label = column_of(table, TEXT, roles.text), column_of(table, LABEL, roles.label)
    texts = labels_of(table, label)
    numbers, classes = class_numbers(f"'{label}' in {path}", texts, MOST_CLASSES)
    parts = parts_of(table, texts, split_of(table, roles.split), spec)
    order, n = parts.order, parts.train
    messages = _messages(table, text, order)
    report.stage("encoding messages")
    encode = MessageEncoder(spec.encoder, messages[:n])
    x, y = encode(messages), numbers[order]
    return Dataset(
        spec,
        path.name,
        classes,
        x[:n],
        y[:n],
        x[n:],
        y[n:],
        RECOMMENDED,
        origin=Origin(path.name, np.array(table.lines, np.int64)[order]),
        notes=(*filter(None, [parts.note]), *_notes(messages)),
        validation=parts.validation,
        texts=messages,
        encode=encode,
        groups=in_order(groups_of(table, roles.groups), order),
    )


def _known(roles: Roles) -> set[str]:
    """Names that tell that a line is a header."""
    return {*USUAL[LABEL], *USUAL[TEXT], roles.label, roles.text, roles.split, *roles.groups}


def _messages(table: TextTable, column: str, order: np.ndarray) -> tuple[str, ...]:
    """The messages of the samples; DataError if none has a word."""
    place = table.place(column)
    messages = tuple(one_line(table.rows[row][place]) for row in order.tolist())
    if not any(messages):
        raise DataError(f"The column '{column}' of {table.source} has no text.")
    return messages


def one_line(text: str) -> str:
    """The text on one line, with spaces in place of characters that cannot be displayed.

    >>> one_line("two  lines\\nand a bell\\a!")
    'two lines and a bell !'
    """
    if not text.isprintable():
        text = "".join(one if one.isprintable() or one in JOINERS else " " for one in text)
    return " ".join(text.split())


def _notes(messages: Sequence[str]) -> list[str]:
    said = []
    empty = sum(not message for message in messages)
    if empty:
        said.append(f"{empty:,} messages have no text.")
    copies = sum(count for message, count in Counter(messages).items() if message and count > 1)
    if copies:
        said.append(
            f"{copies:,} of {len(messages):,} messages occur more than once: forgetting one leaves "
            "its copies in place."
        )
    return said
