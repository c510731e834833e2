"""Lists of samples as people write them: '3, 17, 40-50' on screen, one index a row in a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.forget_sets.index_text import index_parts, like_a_name, span
from engine.forget_sets.sample_names import SampleNames
from engine.storage.spreadsheet import neutral


def parse_indices(text: str, count: int) -> tuple[int, ...]:
    """The distinct indices that `text` lists, in its order: '3, 17, 40-50'.

    count: how many samples there are. SpecError names the first part that is none of them.
    """
    found: dict[int, None] = {}
    for part in index_parts(text):
        found.update(dict.fromkeys(_range(part, count)))
    return tuple(found)


def parse_samples(text: str, dataset: Dataset) -> tuple[int, ...]:
    """The distinct samples that `text` lists, by their indices or by a name: 'cat/03.png'.

    Indices and names are those of training and test samples. SpecError as `parse_indices`, and
    where a name stands for no sample or for several.
    """
    if not like_a_name(text):
        return parse_indices(text, len(dataset))
    return SampleNames(dataset).listed(text)


def index_table(indices: Sequence[int], dataset: Dataset) -> str:
    """A CSV with the columns index, label, class and sample_name, which forget sets are read from.

    indices: into the training set; sample_name: see `Dataset.name_of`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["index", "label", "class", "sample_name"])
    classes = [neutral(name) for name in dataset.classes]
    for index in indices:
        label = dataset.label_of(index)
        writer.writerow([index, label, classes[label], neutral(dataset.name_of(index))])
    return out.getvalue()


def _range(part: str, count: int) -> range:
    try:
        first, last = span("", "", part)
    except SpecError:
        first, last = 0, -1
    if not first <= last < count:
        raise SpecError(f"There is no sample '{part[:40]}': indices are 0 to {count - 1:,}.")
    return range(first, last + 1)
