"""Tables of text: CSV, TSV or one JSON object per line, plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import DataError, shown, unknown
from engine.storage import plain_files

LARGEST = 1 << 31  # bytes of a file once unpacked
MOST_COLUMNS = 100_000
LISTED = 50  # columns named in a sentence
GZIP = b"\x1f\x8b"
OTHERS = {  # first bytes of files that are no text
    b"PK": "a ZIP archive, such as an Excel workbook (.xlsx)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"PAR1": "a Parquet file",
    b"\x89HDF": "an HDF5 file",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"(\xb5/\xfd": "compressed with zstd",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database",
}
MARKS = {  # byte order marks; those of UTF-32 begin like UTF-16
    b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16",
}  # fmt: skip
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})  # in lower case


@dataclass(frozen=True)
class TextTable:
    """columns: their names; rows: their fields as text; lines: the line each row begins in."""

    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def place(self, column: str) -> int:
        """The position of a column; DataError with the columns that there are."""
        if column in self.columns:
            return self.columns.index(column)
        near = str(unknown("column", column, self.columns)).partition(" Known: ")[0]
        raise DataError(f"{self.source}: {near} Its columns are {self.listing}.")

    def values(self, column: str) -> list[str]:
        """The fields of a column; DataError as in `place`."""
        place = self.place(column)
        return [row[place] for row in self.rows]

    @property
    def listing(self) -> str:
        """The names of the columns, for a sentence."""
        names = ", ".join(f"'{shown(name)}'" for name in self.columns[:LISTED])
        more = len(self.columns) - LISTED
        return f"{names} and {more:,} more" if more > 0 else names


def is_missing(field: str) -> bool:
    """Whether a field stands for a missing value."""
    return field.strip().lower() in MISSING


def read_table(path: Path, headless: Sequence[str] = (), known: Collection[str] = ()) -> TextTable:
    """The table in a file; the separator follows from its first line.

    headless: the columns of a file without a header, which is one with as many columns whose first
    line has none of the `known` names. In tab-separated files quotes are ordinary characters.
    DataError for a file that is no table of UTF-8 text, and for ragged rows, with their line.
    """
    text = decoded(path, _unpacked(path))
    records = _json_records if text.lstrip()[:1] == "{" else _separated
    source = str(path)
    lines, rows = [], []
    for line, row in records(source, text):
        lines.append(line)
        rows.append(row)
    if not rows:
        raise DataError(f"{source} is empty. It needs a line with the names of its columns.")
    columns = rows[0]
    if headless and len(columns) == len(headless) and not {*columns} & {*known}:
        columns = tuple(headless)
    else:
        del lines[0], rows[0]
    _check(source, columns, rows, lines)
    return TextTable(source, columns, tuple(rows), tuple(lines))


def column_names(path: Path, headless: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    """The columns of a file, () for one without a header; arguments and errors as `read_table`."""
    table = read_table(path, headless, known)
    return () if headless and table.columns == tuple(headless) else table.columns


def _check(
    source: str, columns: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int]
) -> None:
    if len({*columns}) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise DataError(f"{source} has two columns named '{shown(twice)}'. Rename one.")
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(columns):
            raise DataError(
                f"{source}, line {line:,} has {len(row):,} fields, but there are {len(columns):,} "
                "columns. Correct that line; fields with a separator in them need quotes."
            )
    if not rows:
        raise DataError(f"{source} has a header, but no rows.")


def _unpacked(path: Path) -> bytes:
    """The bytes of a file, unpacked if it is gzipped; DataError if that is impossible."""
    try:
        content = plain_files.read_bytes(path, LARGEST)
        if not content.startswith(GZIP):
            return content
        with gzip.open(io.BytesIO(content)) as file:
            content = file.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is gzipped but damaged: {error}. Copy it again.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {plain_files.error_reason(error)}.") from error
    if len(content) > LARGEST:
        raise DataError(f"{path} unpacks to more than {LARGEST >> 30} GiB, the limit.")
    return content


def decoded(path: Path, content: bytes) -> str:
    """UTF-8 text, with '\\n' line ends; DataError says what other files seem to be."""
    kind = next((words for mark, words in OTHERS.items() if content.startswith(mark)), "")
    if kind:
        raise DataError(f"{path} is not a table of text: it seems to be {kind}. Save it as CSV.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        encoding = seeming_encoding(content)
        raise DataError(
            f"{path} is not UTF-8 (line {line:,}): it seems to be {encoding}. Convert it, for "
            f"example: iconv -f {encoding.split()[0]} -t UTF-8 {path.name} > utf8-{path.name}"
        ) from error
    if "\0" in text:
        raise DataError(
            f"{path} has null characters: it seems to be {seeming_encoding(content)}, not UTF-8."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def seeming_encoding(content: bytes) -> str:
    """The encoding that bytes that are not UTF-8 text seem to have, in words.

    >>> seeming_encoding("größer".encode("latin-1")), seeming_encoding("a€".encode("cp1252"))
    ('ISO-8859-1 (Latin-1)', 'WINDOWS-1252')
    >>> seeming_encoding("größer".encode("utf-16")), seeming_encoding("größer".encode("utf-16-le"))
    ('UTF-16', 'UTF-16')
    """
    mark = next((name for start, name in MARKS.items() if content.startswith(start)), "")
    if mark:
        return mark
    head = content[: 1 << 16]
    if head.count(0) > len(head) // 4:
        return "UTF-16"
    if head.count(0):
        return "binary"
    for name in ("shift_jis", "gb18030"):  # far more letters beyond ASCII than in Western text
        if _is_east_asian(head, name):
            return name.upper().replace("_", "-")
    upper = {byte for byte in head if 0x80 <= byte < 0xA0}
    return "WINDOWS-1252" if upper else "ISO-8859-1 (Latin-1)"


def _is_east_asian(head: bytes, encoding: str) -> bool:
    """Whether most characters beyond ASCII are ideographs or kana in this encoding."""
    try:
        text = head[: head.rfind(b"\n") + 1 or len(head)].decode(encoding)
    except UnicodeDecodeError:
        return False
    letters = [ord(letter) for letter in text if ord(letter) >= 0x80]
    east = sum(0x3040 <= code < 0xA000 for code in letters)
    return east > 0.9 * len(letters) > 3


def _separated(source: str, text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(line, fields) of each row that is not empty."""
    separator = _separator(text[: text.find("\n") if "\n" in text else len(text)])
    plain = separator == "\t"
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL,
        strict=True,
    )
    line = 1
    try:
        for row in reader:
            if row:
                yield line, tuple(field.strip() for field in row)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{source}, line {line:,} cannot be read as a row: {error}.") from error


def _separator(head: str) -> str:
    """A tab if the first line has one; else a comma or a semicolon, whichever is more frequent."""
    if "\t" in head:
        return "\t"
    return ";" if head.count(";") > head.count(",") else ","


def _json_records(source: str, text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The names of the fields of the first record, then (line, fields) of every record."""
    names: tuple[str, ...] = ()
    for line, one in enumerate(text.split("\n"), 1):
        if not one.strip():
            continue
        record = _json_record(source, line, one)
        if not names:
            names = tuple(record)
            yield line, names
        if record.keys() != {*names}:
            lacking = next((name for name in names if name not in record), "")
            what = f"lacks '{shown(lacking)}'" if lacking else "has fields that the first has not"
            raise DataError(
                f"{source}, line {line:,} {what}. All records need the same fields: "
                f"{', '.join(map(shown, names[:LISTED]))}."
            )
        yield line, tuple(_as_text(record[name]) for name in names)


def _json_record(source: str, line: int, text: str) -> dict[str, Any]:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}, line {line:,} is not valid JSON: {error}.") from error
    if not isinstance(record, dict) or not record:
        raise DataError(f"{source}, line {line:,} is not a JSON object with fields.")
    nested = next((name for name, value in record.items() if isinstance(value, dict | list)), None)
    if nested is not None:
        raise DataError(f"{source}, line {line:,}: '{shown(nested)}' is neither text nor number.")
    return record


def _as_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: ""}[value]
    return str(value).strip()
