"""Groups of images, from a table in their folder that names each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from engine.datasets._roles import roles_of
from engine.datasets._tables import TextTable, read_table
from engine.errors import DataError, SpecError, shown

SUFFIXES = (".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz")
FILE = ("file", "filename", "file_name", "image", "path", "name")  # of the column of files
Groups = dict[str, tuple[str, ...]]


def groups_beside(root: Path, files: Sequence[str], columns: str) -> tuple[Groups, tuple[str, ...]]:
    """column -> the group of each image, '' for those not listed; and a note that counts these.

    files: the images relative to the root, 'train/cat/03.png'; a table may name them by less, as
    far as it is clear. columns: as in a DataSpec, group=NAME only; without them nothing is read.
    DataError and SpecError.
    """
    roles = roles_of(columns)
    if not roles.groups:
        if columns.strip():
            raise SpecError(
                "The labels of an image folder are the names of its folders: of the roles of "
                "columns only group=NAME applies."
            )
        return {}, ()
    table = read_table(_table_in(root))
    for column in roles.groups:
        table.place(column)
    rows = _rows(table, files)
    missing = sum(row is None for row in rows)
    note = f"{missing:,} of {len(files):,} images are not listed in {Path(table.source).name}."
    groups = {
        column: tuple("" if row is None else table.rows[row][table.place(column)] for row in rows)
        for column in roles.groups
    }
    return groups, (f"{note} They belong to no group.",) if missing else ()


def _table_in(root: Path) -> Path:
    tables = sorted(path for path in root.iterdir() if path.name.lower().endswith(SUFFIXES))
    if len(tables) == 1:
        return tables[0]
    named = ", ".join(shown(path.name) for path in tables[:5])
    count = f"{len(tables)} tables ({named})" if tables else "no table"
    raise DataError(
        f"{root} holds {count}, but groups of images need exactly one CSV, TSV or JSONL file "
        "there: a column 'file' and one for each group."
    )


def _rows(table: TextTable, files: Sequence[str]) -> list[int | None]:
    """The row of each image, None for one that is not listed; DataError if none is."""
    column = next((name for name in table.columns if name.lower() in FILE), None)
    if column is None:
        raise DataError(
            f"{table.source} has no column of image files. Name one 'file'; its columns are "
            f"{table.listing}."
        )
    ends = Counter(end for file in files for end in _ends(file))
    rows = {name.replace("\\", "/"): row for row, name in enumerate(table.values(column))}
    found = [_row(file, rows, ends) for file in files]
    if not any(row is not None for row in found):
        raise DataError(
            f"'{shown(column)}' in {table.source} names none of the images. Names look like "
            f"'{shown(files[0])}'."
        )
    return found


def _row(file: str, rows: dict[str, int], ends: Counter[str]) -> int | None:
    """The row that names a file by its path or by an end of it that no other file has."""
    named = (rows[end] for end in _ends(file) if end in rows and (ends[end] == 1 or end == file))
    return next(named, None)


def _ends(file: str) -> list[str]:
    """'train/cat/03.png', 'cat/03.png', '03.png'."""
    parts = PurePosixPath(file).parts
    return ["/".join(parts[start:]) for start in range(len(parts))]
