"""Files that list samples, as other programs write them: text, NumPy, JSON and tensors.

Nothing is unpickled freely, and what a file claims about its size is checked before it is read.
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
    expanded,
    like_a_name,
    listed,
    spans,
    truths,
    word,
)
from engine.storage import plain_files

MAX_INDEX_FILE = 64 * 2**20  # bytes; far more than one index a line of any dataset held in memory
DEEPEST = 5  # levels of names in a JSON file
TENSORS = (".pt", ".pth")
UTF_16, UTF_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), (codecs.BOM_UTF32_LE,)
PACKED = {b"\x1f\x8b": "gzip", b"PAR1": "Parquet", b"\x89HDF": "HDF5", b"\xd0\xcf\x11\xe0": "Excel"}
WEIGHTS = (b"FloatStorage", b"HalfStorage", b"BFloat16Storage", b"DoubleStorage")


def read(path: Path, by_name: bool = False) -> Listing:
    """What the file lists, whatever program wrote it; by_name: names, not indices.

    One way for text (see `index_text.listed`), .npy and .npz, JSON, and .pt with weights alone.
    Of several arrays the one called forget, indices or the like is taken. SpecError says in a
    sentence, with the line or item, what cannot be read.
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
        found = _json(source, text, strict=path.suffix.lower() == ".json")
        if found is not None:
            return _from_values(source, found, by_name)
    return listed(source, text, by_name)


def is_list(path: Path) -> bool:
    """Whether a .json or .pt file is a list of samples rather than a session or weights."""
    try:
        content = _bytes(path)
        if content.startswith(b"PK") or path.suffix.lower() in TENSORS:
            return _holds_whole_numbers(content)
        found = _json(str(path), _text(str(path), content), strict=True)
        return isinstance(found, list) or ("format" not in found and bool(_chosen("", found)))
    except (SpecError, TypeError):
        return False


# -- bytes and text ---------------------------------------------------------------------------


def _bytes(path: Path) -> bytes:
    try:
        return plain_files.read_bytes(path, MAX_INDEX_FILE)
    except plain_files.TooLarge as error:
        raise SpecError(f"{path} is larger than any list of indices should be (64 MiB).") from error
    except OSError as error:
        raise SpecError(f"Cannot read the index file {path}: {error.strerror}.") from error
    except ValueError as error:  # a null character in the path
        raise SpecError(f"Cannot read the index file {str(path)!r}: {error}.") from error


def _text(source: str, content: bytes) -> str:
    """The text, in UTF-8 or UTF-16, with a byte order mark or without."""
    packed = next((name for mark, name in PACKED.items() if content.startswith(mark)), "")
    if packed:
        raise SpecError(f"{source} is a {packed} file. Save the indices as CSV, or one a line.")
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{source} is not a text file. Write one index a line, or a CSV, in UTF-8."
        ) from error
    if "\0" in text:
        raise SpecError(f"{source} is not a text file. Write one index a line, or a CSV, in UTF-8.")
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
    """The parsed text; None where it is no JSON, unless it has to be: then SpecError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if not strict:
            return None
        raise SpecError(f"{source}, line {error.lineno} is no JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; too deep
        raise SpecError(f"{source} holds JSON that no list of samples has: {error}.") from error


# -- arrays -----------------------------------------------------------------------------------


def _array(source: str, content: bytes) -> np.ndarray:
    """The array in the bytes of an .npy file, if it holds what its header claims."""
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
            f"{source} holds Python objects, which may run code when opened, and is not opened. "
            "Save plain numbers: np.save(file, np.array(indices, dtype=int))."
        )
    left = len(content) - file.tell()
    if kind.itemsize == 0 or count < 0 or count * kind.itemsize > left:
        raise SpecError(f"{source} is cut off: it has less data than its header says.")
    return np.frombuffer(content, kind, count, file.tell()).reshape(shape)


def _from_archive(path: Path, content: bytes, by_name: bool) -> Listing:
    """What lies in a ZIP: an .npz, or what torch.save writes."""
    source = str(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sum(one.file_size for one in members) > MAX_INDEX_FILE:
                raise SpecError(f"{source} is larger than any list of indices should be (64 MiB).")
            if any(one.filename.endswith("data.pkl") for one in members):
                return _from_values(source, _tensors(path), by_name)
            arrays = {
                one.filename.removesuffix(".npy"): archive.open(one).read(MAX_INDEX_FILE)
                for one in members
                if one.filename.endswith(".npy")
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
            ValueError) as error:  # fmt: skip
        raise SpecError(f"{source} is a damaged ZIP file: {error}. Save it again.") from error
    if not arrays:
        raise SpecError(f"{source} is a ZIP file without arrays. Save the indices as CSV or .npy.")
    name, one = _one(source, _chosen("", arrays), len(arrays))
    return _from_array(f"{source} ({name})", _array(source, one), by_name)


def _from_array(source: str, array: np.ndarray, by_name: bool) -> Listing:
    if array.size != max((1, *array.shape)) and array.size:
        shape = "x".join(map(str, array.shape))
        raise SpecError(f"{source} has the shape {shape}. Save one index a row, or one row.")
    if array.dtype.kind == "U":
        return _from_texts(source, array.ravel().tolist(), by_name)
    flat = array.ravel()
    if flat.dtype.kind == "b":
        return Listing(mask=flat.copy())
    if flat.dtype.kind not in "iuf":
        raise SpecError(f"{source} holds {flat.dtype} and no whole numbers. Save indices as ints.")
    good = (flat >= 0) & (flat < 10**15) & (np.floor(flat) == flat)  # NaN fails
    if not good.all():
        item = int(np.flatnonzero(~good)[0])
        raise SpecError(
            f"{source}, item {item + 1}: '{flat[item]}' is not an index (0, 1, 2, ...)."
        )
    return Listing(flat.astype(np.int64))


# -- values of JSON and tensors -----------------------------------------------------------------


def _tensors(path: Path) -> Any:
    """What torch.load gives with weights only."""
    from engine.training import checkpoints  # with torch, which a list in a text file does not need

    try:
        return checkpoints.read(path)
    except (CheckpointError, MemoryError) as error:
        raise SpecError(
            f"{path} holds more than tensors and plain values (or is damaged), and is not opened. "
            "Save torch.as_tensor(indices) by torch.save, or use np.save."
        ) from error


def _from_values(source: str, value: Any, by_name: bool) -> Listing:
    """What a list, a tensor, or a dict with one of them lists."""
    if isinstance(value, Mapping):
        found = _chosen("", value)
        name, value = _one(source, found, len(found))
        source = f"{source} ({name})"
    if hasattr(value, "numel"):
        if value.numel() > MAX_INDEX_FILE:
            raise SpecError(f"{source} lists more than {LONGEST:,} samples.")
        array = np.array(value.tolist()) if value.numel() else np.empty(0)
        return _from_array(source, array, by_name)
    if not isinstance(value, (list, tuple)):
        raise SpecError(f"{source} holds no list of samples. Write a list: [3, 17, 40].")
    return _from_list(source, [_item(one) for one in value], by_name)


def _item(value: Any) -> Any:
    """A value alone: tensors of one element, lists of one value and whole floats are unwrapped."""
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
    return Listing(expanded(source, _ends(source, values)))


def _ends(source: str, values: Sequence[Any]) -> Iterator[tuple[int, int]]:
    for number, value in enumerate(values, 1):
        whole = isinstance(value, (int, float)) and not isinstance(value, bool)
        if isinstance(value, str):
            yield from spans(source, f"item {number}", value)
        elif whole and 0 <= value < 10**15 and value == int(value):
            yield int(value), int(value)
        else:
            shown = json.dumps(value, default=str)[:40]
            raise SpecError(f"{source}, item {number}: {shown} is not an index (0, 1, 2, ...).")


def _from_texts(source: str, texts: Sequence[str], by_name: bool) -> Listing:
    if texts and (by_name or like_a_name(texts[0])):
        return Listing(names=tuple((f"item {n}", text) for n, text in enumerate(texts, 1)))
    if (mask := truths(texts)) is not None and len(texts):
        return Listing(mask=mask)
    return Listing(expanded(source, _ends(source, texts)))


def _from_records(source: str, records: Sequence[Mapping[str, Any]], by_name: bool) -> Listing:
    """A table as a list of rows that name their columns."""
    header = [str(name) for name in records[0]]
    index, name = columns(source, [word(one) for one in header], by_name)
    column = index if index is not None else name
    if column is None:
        raise SpecError(f"{source} has rows, but no field called 'index' in each.")
    return _from_list(source, [one.get(header[column]) for one in records], by_name)


# -- which of several ---------------------------------------------------------------------------


def _chosen(at: str, value: Any, depth: int = 0) -> dict[str, Any]:
    """The lists and arrays under their names, inner ones as 'outer/inner'; those called forget
    alone where there are any, else those called indices or the like, else all."""
    found = dict(_inside(at, value, depth))
    for words in (FORGET_WORDS, INDEX_WORDS):
        named = {name: one for name, one in found.items() if {*map(word, name.split("/"))} & words}
        if named:
            return named
    return found


def _inside(at: str, value: Any, depth: int) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping) and depth < DEEPEST:
        for name, one in value.items():
            yield from _inside(f"{at}/{name}" if at else str(name), one, depth + 1)
    elif isinstance(value, (list, tuple, bytes)) or hasattr(value, "numel"):
        yield at, value


def _one(source: str, found: Mapping[str, Any], several: int) -> tuple[str, Any]:
    if not found:
        raise SpecError(f"{source} holds no list of samples. Write a list: [3, 17, 40].")
    if len(found) > 1:
        shown = ", ".join(f"'{name[:40]}'" for name in [*found][:4])
        more = " ..." if len(found) > 4 else ""
        raise SpecError(
            f"{source} holds {len(found):,} lists, {shown}{more}. Keep one, or call the one that "
            "is meant 'forget'."
        )
    return next(iter(found.items()))


def _holds_whole_numbers(content: bytes) -> bool:
    """Whether what torch.save wrote holds no floating-point tensor, as weights do."""
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
