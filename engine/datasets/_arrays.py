"""Plain arrays in an .npz file: read without unpickling, and of bounded size."""

from __future__ import annotations

import contextlib
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from engine.errors import DataError, shown
from engine.storage import plain_files

LARGEST = 1 << 35  # bytes of all arrays of a file once unpacked
SUFFIX = ".npy"
DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    TypeError, KeyError, SyntaxError, tokenize.TokenError, RecursionError, OverflowError,
)  # fmt: skip


def read_arrays(path: Path, needed: Callable[[str], bool]) -> Mapping[str, np.ndarray]:
    """name -> array, for the names that are `needed`; the names that are not get no entry.

    DataError for a file that is missing, damaged, too large, or holds Python objects.
    """
    with _opened(path) as archive:
        members = [one for one in archive.infolist() if one.filename.endswith(SUFFIX)]
        if sum(one.file_size for one in members) > LARGEST:
            raise DataError(f"{path} unpacks to more than {LARGEST >> 30} GiB, the limit.")
        named = {one.filename.removesuffix(SUFFIX): one for one in members}
        if not any(map(needed, named)):
            listed = ", ".join(f"'{shown(name)}'" for name in list(named)[:12])
            raise DataError(
                f"{path} has {f'the arrays {listed}' if named else 'no arrays'}. Save "
                "train_images, train_labels, test_images and test_labels (and val_images, "
                "val_labels), or x_train, y_train, x_test and y_test: np.savez(FILE, x_train=x, "
                "...)."
            )
        return {
            name: _array(path, name, archive, one) for name, one in named.items() if needed(name)
        }


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; errors while it is open become a DataError."""
    try:
        with plain_files.open_plain(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except OSError as error:
        raise DataError(f"{path} cannot be read: {plain_files.error_reason(error)}.") from error
    except DAMAGED as error:
        raise DataError(
            f"{path} is not an .npz file or is damaged ({error}). Save it again with np.savez."
        ) from error


def _array(path: Path, name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array, after its header was compared with its size; DataError if it holds objects."""
    with archive.open(member) as file:
        shape, kind = _header(file)
        if kind.hasobject:
            raise DataError(
                f"'{shown(name)}' in {path} is pickled: it holds Python objects, which may run "
                "code when loaded, so it is not loaded. Save plain numbers, for example "
                "np.stack(images).astype(np.uint8)."
            )
        if kind.itemsize * int(np.prod(shape, dtype=object)) > member.file_size:
            raise ValueError(f"'{shown(name)}' is shorter than it declares")
    with archive.open(member) as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type that an .npy file declares; ValueError if it is none."""
    major, _ = np.lib.format.read_magic(file)
    header = np.lib.format
    read = header.read_array_header_1_0 if major == 1 else header.read_array_header_2_0
    shape, _, kind = read(file)
    return shape, kind
