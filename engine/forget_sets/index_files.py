"""Read files that list samples, as other programs write them: text, NumPy, JSON and tensors.

Files are never unpickled without restrictions, and declared sizes are verified before reading.
"""

from __future__ import annotations

import codecs
import io
import json
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import CheckpointError, SpecError
from engine.forget_sets.index_text import (
    FORGET_WORDS,
    INDEX_WORDS,
    LONGEST,
    Listing,
    columns,
    expand_ranges,
    looks_like_name,
    parse_booleans,
    parse_list,
    spans,
    word,
)
from engine.storage import plain_files

MAX_INDEX_FILE = 64 * 2**20  # bytes; ample for one index per line of any dataset held in memory
DEEPEST = 5  # nesting levels of names in a JSON file
TENSORS = (".pt", ".pth")
UTF_16, UTF_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), (codecs.BOM_UTF32_LE,)
PACKED = {b"\x1f\x8b": "gzip", b"PAR1": "Parquet", b"\x89HDF": "HDF5", b"\xd0\xcf\x11\xe0": "Excel"}
WEIGHTS = (b"FloatStorage", b"HalfStorage", b"BFloat16Storage", b"DoubleStorage")


def read(path: Path, by_name: bool = False) -> Listing:
    """Read a list of samples from a file; by_name: entries are names, not indices.

    Supports text (see `index_text.parse_list`), .npy and .npz, JSON, and .pt (loaded weights-only).
    Of several arrays, the one named forget, indices or similar is used. SpecError names the line or
    item that cannot be read.
    """
    content = _bytes(path)
    source = str(path)
    if content.startswith(b"\x93NUMPY"):
        return _from_array(source, _array(source, content), by_name)
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _from_archive(path, content, by_name)
    if content.startswith(b"\x80") and content[1:2] <= b"\x05":
        return _from_values(source, _tensors(path), by_name)
    text = _text(source, content)
    if text.lstrip()[:1] in ("[", "{"):
        content_value = _json(source, text, strict=path.suffix.lower() == ".json")
        if content_value is not None:
            return _from_values(source, content_value, by_name)
    return parse_list(source, text, by_name)


def is_list(path: Path) -> bool:
    """Whether a .json or .pt file is a list of samples, not a session or weights."""
    try:
        content = _bytes(path)
        if content.startswith(b"PK") or path.suffix.lower() in TENSORS:
            return _holds_whole_numbers(content)
        content_value = _json(str(path), _text(str(path), content), strict=True)
        return isinstance(content_value, list) or (
            "format" not in content_value and bool(_candidates("", content_value))
        )
    except (SpecError, TypeError):
        return False


# -- bytes and text ---------------------------------------------------------------------------


def _bytes(path: Path) -> bytes:
    try:
        return plain_files.read_bytes(path, MAX_INDEX_FILE)
    except plain_files.TooLarge as error:
        raise SpecError(f"{path} exceeds the size limit of index files (64 MiB).") from error
    except OSError as error:
        raise SpecError(f"Cannot read the index file {path}: {error.strerror}.") from error
    except ValueError as error:  # a null character in the path
        raise SpecError(f"Cannot read the index file {str(path)!r}: {error}.") from error


def _text(source: str, content: bytes) -> str:
    """Decode UTF-8 or UTF-16 text, with or without a byte order mark."""
    packed = next((name for mark, name in PACKED.items() if content.startswith(mark)), "")
    if packed:
        raise SpecError(f"{source} is a {packed} file. Save the indices as CSV, or one per line.")
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{source} is not a text file. Write one index per line, or a CSV, in UTF-8."
        ) from error
    if "\0" in text:
        raise SpecError(
            f"{source} is not a text file. Write one index per line, or a CSV, in UTF-8."
        )
    return text.removeprefix("\ufeff")


def _encoding(content: bytes) -> str:
    if content.startswith(UTF_32):
        return "utf-32"
    if content.startswith(UTF_16):
        return "utf-16"
    if len(content) > 1 and len(content) % 2 == 0 and 0 in content[:2]:
        return "utf-16-be" if content[0] == 0 else "utf-16-le"
    return "utf-8-sig"


def _json(source: str, text: str, strict: bool) -> Any:
    """The parsed JSON; if the text is not JSON, None, or SpecError if `strict`."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if not strict:
            return None
        raise SpecError(f"{source}, line {error.lineno} is not valid JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; too deep
        raise SpecError(
            f"{source} contains JSON that cannot be a list of samples: {error}."
        ) from error


# -- arrays -----------------------------------------------------------------------------------


def _array(source: str, content: bytes) -> np.ndarray:
    """The array in the bytes of an .npy file, after checking its header against its size."""
    file = io.BytesIO(content)
    try:
        major, _ = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if major == 1 else (
            np.lib.format.read_array_header_2_0
        )  # fmt: skip
        shape, _, kind = header(file)
        count = int(np.prod([int(side) for side in shape], dtype=object))
    except (ValueError, TypeError, KeyError, SyntaxError, tokenize.TokenError, RecursionError,
            MemoryError, OverflowError) as error:  # fmt: skip
        raise SpecError(f"{source} is a damaged NumPy file. Save it again.") from error
    if kind.hasobject:
        raise SpecError(
            f"{source} contains Python objects, which may run code when loaded, so it is not "
            "loaded. Save plain numbers: np.save(file, np.array(indices, dtype=int))."
        )
    available = len(content) - file.tell()
    if kind.itemsize == 0 or count < 0 or count * kind.itemsize > available:
        raise SpecError(f"{source} is truncated: it has less data than its header declares.")
    return np.frombuffer(content, kind, count, file.tell()).reshape(shape)


def _from_archive(path: Path, content: bytes, by_name: bool) -> Listing:
    """Read a ZIP archive: an .npz, or a file written by torch.save."""
    source = str(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > MAX_INDEX_FILE:
                raise SpecError(f"{source} exceeds the size limit of index files (64 MiB).")
            if any(member.filename.endswith("data.pkl") for member in members):
                return _from_values(source, _tensors(path), by_name)
            arrays = {
                member.filename.removesuffix(".npy"): archive.open(member).read(MAX_INDEX_FILE)
                for member in members
                if member.filename.endswith(".npy")
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
            ValueError) as error:  # fmt: skip
        raise SpecError(f"{source} is a damaged ZIP file: {error}. Save it again.") from error
    if not arrays:
        raise SpecError(f"{source} is a ZIP file without arrays. Save the indices as CSV or .npy.")
    name, member = _only_list(source, _candidates("", arrays), len(arrays))
    return _from_array(f"{source} ({name})", _array(source, member), by_name)


def _from_array(source: str, array: np.ndarray, by_name: bool) -> Listing:
    if array.size != max((1, *array.shape)) and array.size:
        shape = "x".join(map(str, array.shape))
        raise SpecError(f"{source} has shape {shape}. Save one index per row, or a single row.")
    if array.dtype.kind == "U":
        return _from_texts(source, array.ravel().tolist(), by_name)
    flat = array.ravel()
    if flat.dtype.kind == "b":
        return Listing(mask=flat.copy())
    if flat.dtype.kind not in "iuf":
        raise SpecError(f"{source} contains {flat.dtype}, not integers. Save indices as ints.")
    good = (flat >= 0) & (flat < 10**15) & (np.floor(flat) == flat)  # NaN fails
    if not good.all():
        item = int(np.flatnonzero(~good)[0])
        raise SpecError(
            f"{source}, item {item + 1}: '{flat[item]}' is not an index (0, 1, 2, ...)."
        )
    return Listing(flat.astype(np.int64))


# -- values of JSON and tensors -----------------------------------------------------------------


def _tensors(path: Path) -> Any:
    """The result of torch.load with weights_only."""
    from engine.training import checkpoints  # with torch, which a list in a text file does not need

    try:
        return checkpoints.read(path)
    except (CheckpointError, MemoryError) as error:
        raise SpecError(
            f"{path} contains more than tensors and plain values, or is damaged, so it is not "
            "loaded. Save torch.as_tensor(indices) with torch.save, or use np.save."
        ) from error


def _from_values(source: str, value: Any, by_name: bool) -> Listing:
    """Read a list, a tensor, or a dict that contains one of them."""
    if isinstance(value, Mapping):
        lists = _candidates("", value)
        name, value = _only_list(source, lists, len(lists))
        source = f"{source} ({name})"
    if hasattr(value, "numel"):
        if value.numel() > MAX_INDEX_FILE:
            raise SpecError(f"{source} lists more than {LONGEST:,} samples.")
        array = np.array(value.tolist()) if value.numel() else np.empty(0)
        return _from_array(source, array, by_name)
    if not isinstance(value, (list, tuple)):
        raise SpecError(f"{source} contains no list of samples. Write a list: [3, 17, 40].")
    return _from_list(source, [_item(item) for item in value], by_name)


def _item(value: Any) -> Any:
    """A scalar: one-element tensors and lists are unwrapped."""
    if hasattr(value, "numel") and value.numel() == 1:
        return value.item()
    if isinstance(value, (list, tuple)) and len(value) == 1 and not isinstance(value[0], list):
        return _item(value[0])
    return value


def _from_list(source: str, values: Sequence[Any], by_name: bool) -> Listing:
    if len(values) == 1 and isinstance(values[0], (list, tuple)):
        return _from_list(source, [_item(one) for one in values[0]], by_name)
    if values and all(isinstance(one, bool) for one in values):
        return Listing(mask=np.array(values))
    if values and all(isinstance(one, str) for one in values):
        return _from_texts(source, values, by_name)
    if values and all(isinstance(one, Mapping) for one in values):
        return _from_records(source, values, by_name)
    return Listing(expand_ranges(source, _item_spans(source, values)))


def _item_spans(source: str, values: Sequence[Any]) -> Iterator[tuple[int, int]]:
    for number, value in enumerate(values, 1):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if isinstance(value, str):
            yield from spans(source, f"item {number}", value)
        elif is_number and 0 <= value < 10**15 and value == int(value):
            yield int(value), int(value)
        else:
            shown = json.dumps(value, default=str)[:40]
            raise SpecError(f"{source}, item {number}: {shown} is not an index (0, 1, 2, ...).")


def _from_texts(source: str, texts: Sequence[str], by_name: bool) -> Listing:
    if texts and (by_name or looks_like_name(texts[0])):
        return Listing(names=tuple((f"item {n}", text) for n, text in enumerate(texts, 1)))
    if (mask := parse_booleans(texts)) is not None and len(texts):
        return Listing(mask=mask)
    return Listing(expand_ranges(source, _item_spans(source, texts)))


def _from_records(source: str, records: Sequence[Mapping[str, Any]], by_name: bool) -> Listing:
    """Read a table given as a list of records."""
    header = [str(name) for name in records[0]]
    index, name = columns(source, [word(one) for one in header], by_name)
    column = index if index is not None else name
    if column is None:
        raise SpecError(f"{source} has rows without a field named 'index'.")
    return _from_list(source, [one.get(header[column]) for one in records], by_name)


# -- which of several ---------------------------------------------------------------------------


def _candidates(at: str, value: Any, depth: int = 0) -> dict[str, Any]:
    """The lists and arrays by name, nested ones as 'outer/inner': those named forget or similar if
    any, otherwise those named indices or similar, otherwise all."""
    lists = dict(_nested_lists(at, value, depth))
    for words in (FORGET_WORDS, INDEX_WORDS):
        named = {
            name: value for name, value in lists.items() if {*map(word, name.split("/"))} & words
        }
        if named:
            return named
    return lists


def _nested_lists(at: str, value: Any, depth: int) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping) and depth < DEEPEST:
        for name, one in value.items():
            yield from _nested_lists(f"{at}/{name}" if at else str(name), one, depth + 1)
    elif isinstance(value, (list, tuple, bytes)) or hasattr(value, "numel"):
        yield at, value


def _only_list(source: str, lists: Mapping[str, Any], several: int) -> tuple[str, Any]:
    if not lists:
        raise SpecError(f"{source} contains no list of samples. Write a list: [3, 17, 40].")
    if len(lists) > 1:
        shown = ", ".join(f"'{name[:40]}'" for name in [*lists][:4])
        more = " ..." if len(lists) > 4 else ""
        raise SpecError(
            f"{source} contains {len(lists):,} lists: {shown}{more}. Keep one, or name the "
            "intended one 'forget'."
        )
    return next(iter(lists.items()))


def _holds_whole_numbers(content: bytes) -> bool:
    """Whether a file written by torch.save contains no floating-point tensors, unlike weights."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = next((one for one in archive.namelist() if one.endswith("data.pkl")), "")
            if not name or archive.getinfo(name).file_size > MAX_INDEX_FILE:
                return False
            content = archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        if not content.startswith(b"\x80"):
            return False
    return not any(kind in content for kind in WEIGHTS)
