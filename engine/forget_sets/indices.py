"""Lists of samples as users write them: '3, 17, 40-50' on screen, one index per row in a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.forget_sets.index_text import index_parts, looks_like_name, span
from engine.forget_sets.sample_names import SampleNames
from engine.storage.spreadsheet import escape_formula


def parse_indices(text: str, count: int) -> tuple[int, ...]:
    """The distinct indices listed in `text`, in order: '3, 17, 40-50'.

    count: the number of samples. SpecError names the first entry that is not a sample index.
    """
    indices: dict[int, None] = {}
    for part in index_parts(text):
        indices.update(dict.fromkeys(_range(part, count)))
    return tuple(indices)


def parse_samples(text: str, dataset: Dataset) -> tuple[int, ...]:
    """The distinct samples listed in `text`, by index or by a name such as 'cat/03.png'.

    Covers training and test samples. SpecError as `parse_indices`, and if a name matches no sample
    or several.
    """
    if not looks_like_name(text):
        return parse_indices(text, len(dataset))
    return SampleNames(dataset).listed(text)


def index_table(indices: Sequence[int], dataset: Dataset) -> str:
    """A CSV with the columns index, label, class and sample_name, readable as a forget set.

    indices: into the training set; sample_name: see `Dataset.name_of`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["index", "label", "class", "sample_name"])
    classes = [escape_formula(name) for name in dataset.classes]
    for index in indices:
        label = dataset.label_of(index)
        writer.writerow([index, label, classes[label], escape_formula(dataset.name_of(index))])
    return out.getvalue()


def _range(part: str, count: int) -> range:
    try:
        first, last = span("", "", part)
    except SpecError:
        first, last = 0, -1
    if not first <= last < count:
        raise SpecError(f"There is no sample '{part[:40]}': indices are 0 to {count - 1:,}.")
    return range(first, last + 1)
