"""Files of the safetensors format: eight bytes of length, a JSON header, the numbers.

Read strictly: whatever a header says is held against the file before anything is made of it.
Format: https://github.com/huggingface/safetensors (little-endian, row by row, without holes).
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from engine.errors import CheckpointError
from engine.runtime import memory
from engine.storage.plain_files import opened
from engine.weight_files.tensor_views import MOST_SIDES, MOST_TENSORS, check_name
from engine.weight_files.zip_members import read_into

SUFFIX = ".safetensors"
NOTES = "__metadata__"  # the header's entry of texts by name
LENGTH = 8  # bytes that hold the header's length
LARGEST_HEADER = 1 << 24  # bytes
TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
TensorEntry = tuple[str, torch.dtype, tuple[int, ...], int, int]  # name, type, shape, begin, end


def is_one(path: Path) -> bool:
    """Whether a file begins as this format does; False where it cannot be read."""
    try:
        with opened(path) as file:
            start = file.read(LENGTH + 1)
            size = file.seek(0, 2)
    except (OSError, ValueError):
        return False
    length = int.from_bytes(start[:LENGTH], "little")
    return start[LENGTH:] == b"{" and length <= size - LENGTH


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors by name, texts by name) of a file; CheckpointError for one that breaks a rule.

    OutOfMemory for one that is too large to be read here.
    """
    try:
        with opened(path) as file:
            size = file.seek(0, 2)
            header, start = _header(file, size)
            notes = header.pop(NOTES, {})
            _require(_is_texts(notes), f"its {NOTES} holds more than texts")
            _require(len(header) <= MOST_TENSORS, f"it holds more than {MOST_TENSORS:,} tensors")
            entries = [_tensor_entry(name, facts) for name, facts in header.items()]
            _check_cover(entries, size - start)
            memory.require(size, f"Reading {path}")
            return {entry[0]: _tensor(entry, file, start) for entry in entries}, notes
    except OSError as error:
        raise CheckpointError(f"Cannot read the checkpoint {path}: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, RuntimeError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is no safetensors file that can be read: {error}. Get the file again."
        ) from error


def written(state: Mapping[str, Tensor], notes: Mapping[str, str]) -> bytes:
    """The file that holds these tensors, in the order of the format's own library, and texts."""
    names = {kind: name for name, kind in TYPES.items()}
    ordered = sorted(state.items(), key=lambda item: (-item[1].element_size(), item[0]))
    parts = [value.detach().cpu().contiguous().reshape(-1) for _, value in ordered]
    blobs = [part.view(torch.uint8).numpy().tobytes() for part in parts]
    ends = list(itertools.accumulate(map(len, blobs)))
    header: dict[str, Any] = {NOTES: dict(notes)} if notes else {}
    for (name, value), blob, end in zip(ordered, blobs, ends, strict=True):
        place = {"shape": list(value.shape), "data_offsets": [end - len(blob), end]}
        header[name] = {"dtype": names[value.dtype], **place}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(LENGTH, "little"), text, *blobs])


def _header(file: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
    """(header, where the numbers begin)."""
    file.seek(0)
    length = int.from_bytes(file.read(LENGTH), "little")
    most = min(LARGEST_HEADER, size - LENGTH)
    _require(0 < length <= most, f"its header of {length} bytes does not fit into the file")
    text = file.read(length).decode("utf-8")
    found = json.loads(text, object_pairs_hook=_distinct)
    _require(isinstance(found, dict), "its header is no list of tensors")
    return found, LENGTH + length


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    _require(len(found) == len(pairs), "its header names something twice")
    return found


def _tensor_entry(name: str, facts: Any) -> TensorEntry:
    whole = isinstance(facts, dict) and set(facts) == {"dtype", "shape", "data_offsets"}
    _require(whole, f"its header does not describe {name[:80]}")
    check_name(name)
    kind, shape, place = facts["dtype"], facts["shape"], facts["data_offsets"]
    known = isinstance(kind, str) and kind in TYPES
    _require(known, f"{name[:80]} is of the type {str(kind)[:20]} (known: {', '.join(TYPES)})")
    sides = _is_sizes(shape) and len(shape) <= MOST_SIDES
    _require(sides, f"the shape of {name[:80]} is none")
    _require(_is_sizes(place) and len(place) == 2, f"the place of {name[:80]} is none")
    begin, end = place
    size = math.prod(shape) * TYPES[kind].itemsize
    _require(end - begin == size, f"{name[:80]} has another size than its shape says")
    return name, TYPES[kind], tuple(shape), begin, end


def _check_cover(entries: list[TensorEntry], size: int) -> None:
    """ValueError unless the tensors fill the file, without a hole and without overlap."""
    at = 0
    for name, _, _, begin, end in sorted(entries, key=lambda entry: entry[3:]):
        _require(begin == at, f"{name[:80]} does not begin where the tensor before it ends")
        at = end
    _require(at == size, f"its tensors take {at} bytes, but the file has {size}")


def _tensor(entry: TensorEntry, file: IO[bytes], start: int) -> Tensor:
    _, kind, shape, begin, end = entry
    if begin == end:
        return torch.empty(shape, dtype=kind)
    raw = torch.empty(end - begin, dtype=torch.uint8)
    file.seek(start + begin)
    read_into(file, raw.numpy().data)
    return (raw != 0 if kind is torch.bool else raw.view(kind)).reshape(shape)


def _is_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(one) is int and one >= 0 for one in value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)
