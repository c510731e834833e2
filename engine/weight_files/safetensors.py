"""Files in the safetensors format: eight bytes with the header's length, a JSON header, the data.

Read strictly: everything that a header states is checked against the file before it is used.
Format: https://github.com/huggingface/safetensors (little-endian, row-major, without gaps).
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
from engine.storage.plain_files import open_plain
from engine.weight_files.tensor_views import MOST_SIDES, MOST_TENSORS, check_name
from engine.weight_files.zip_members import read_into

SUFFIX = ".safetensors"
NOTES = "__metadata__"  # the header's entry of free texts by name
LENGTH = 8  # bytes with the header's length
LARGEST_HEADER = 1 << 24  # bytes
TYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
TensorEntry = tuple[str, torch.dtype, tuple[int, ...], int, int]  # name, type, shape, begin, end


def is_safetensors(path: Path) -> bool:
    """Whether a file begins like this format; False if it cannot be read."""
    try:
        with open_plain(path) as file:
            start = file.read(LENGTH + 1)
            size = file.seek(0, 2)
    except (OSError, ValueError):
        return False
    length = int.from_bytes(start[:LENGTH], "little")
    return start[LENGTH:] == b"{" and length <= size - LENGTH


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """(tensors by name, texts by name) of a file; CheckpointError if it violates the format.

    OutOfMemory if it does not fit into memory.
    """
    try:
        with open_plain(path) as file:
            size = file.seek(0, 2)
            header, start = _header(file, size)
            notes = header.pop(NOTES, {})
            _require(_is_texts(notes), f"its {NOTES} holds other values than texts")
            _require(len(header) <= MOST_TENSORS, f"it holds more than {MOST_TENSORS:,} tensors")
            entries = [_tensor_entry(name, facts) for name, facts in header.items()]
            _check_cover(entries, size - start)
            memory.require(size, f"Reading {path}")
            return {entry[0]: _tensor(entry, file, start) for entry in entries}, notes
    except OSError as error:
        raise CheckpointError(f"Cannot read the checkpoint {path}: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, RuntimeError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is not a valid safetensors file: {error}. Download the file again."
        ) from error


def serialize(state: Mapping[str, Tensor], notes: Mapping[str, str]) -> bytes:
    """The bytes of a file with these tensors, in the order of the reference library, and texts."""
    names = {kind: name for name, kind in TYPES.items()}
    ordered = sorted(state.items(), key=lambda item: (-item[1].element_size(), item[0]))
    parts = [value.detach().cpu().contiguous().reshape(-1) for _, value in ordered]
    blobs = [part.view(torch.uint8).numpy().tobytes() for part in parts]
    ends = list(itertools.accumulate(map(len, blobs)))
    header: dict[str, Any] = {NOTES: dict(notes)} if notes else {}
    for (name, value), blob, end in zip(ordered, blobs, ends, strict=True):
        facts = {"shape": list(value.shape), "data_offsets": [end - len(blob), end]}
        header[name] = {"dtype": names[value.dtype], **facts}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(LENGTH, "little"), text, *blobs])


def _header(file: IO[bytes], size: int) -> tuple[dict[str, Any], int]:
    """(header, offset of the data)."""
    file.seek(0)
    length = int.from_bytes(file.read(LENGTH), "little")
    most = min(LARGEST_HEADER, size - LENGTH)
    _require(0 < length <= most, f"its header of {length} bytes does not fit into the file")
    text = file.read(length).decode("utf-8")
    header = json.loads(text, object_pairs_hook=_distinct)
    _require(isinstance(header, dict), "its header is not a JSON object")
    return header, LENGTH + length


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    _require(len(entries) == len(pairs), "its header contains a name twice")
    return entries


def _tensor_entry(name: str, facts: Any) -> TensorEntry:
    is_complete = isinstance(facts, dict) and set(facts) == {"dtype", "shape", "data_offsets"}
    _require(is_complete, f"its header does not describe {name[:80]}")
    check_name(name)
    kind, shape, offsets = facts["dtype"], facts["shape"], facts["data_offsets"]
    is_known = isinstance(kind, str) and kind in TYPES
    _require(is_known, f"{name[:80]} has the type {str(kind)[:20]} (known: {', '.join(TYPES)})")
    is_shape = _is_sizes(shape) and len(shape) <= MOST_SIDES
    _require(is_shape, f"the shape of {name[:80]} is invalid")
    _require(
        _is_sizes(offsets) and len(offsets) == 2, f"the data offsets of {name[:80]} are invalid"
    )
    begin, end = offsets
    size = math.prod(shape) * TYPES[kind].itemsize
    _require(end - begin == size, f"the size of {name[:80]} does not match its shape")
    return name, TYPES[kind], tuple(shape), begin, end


def _check_cover(entries: list[TensorEntry], size: int) -> None:
    """ValueError unless the tensors fill the file, without gaps or overlap."""
    position = 0
    for name, _, _, begin, end in sorted(entries, key=lambda entry: entry[3:]):
        _require(begin == position, f"{name[:80]} does not begin where the previous tensor ends")
        position = end
    _require(position == size, f"its tensors take {position} bytes, but the file has {size}")


def _tensor(entry: TensorEntry, file: IO[bytes], start: int) -> Tensor:
    _, kind, shape, begin, end = entry
    if begin == end:
        return torch.empty(shape, dtype=kind)
    raw = torch.empty(end - begin, dtype=torch.uint8)
    file.seek(start + begin)
    read_into(file, raw.numpy().data)
    return (raw != 0 if kind is torch.bool else raw.view(kind)).reshape(shape)


def _is_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(side) is int and side >= 0 for side in value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _require(holds: bool, why: str) -> None:
    if not holds:
        raise ValueError(why)
