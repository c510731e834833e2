"""Files from the network, with progress and compared with their checksum: whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath

import platformdirs

from engine.errors import DataError
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage import atomic_files, plain_files
from engine.storage.paths import typed_path

TIMEOUT = 20  # seconds without receiving data
CHUNK = 2**18  # bytes
MAX_FILE = 1 << 30  # bytes; the largest file has 182 million


@dataclass(frozen=True)
class Download:
    """One file of a dataset.

    label: the dataset; kind: what the file is, 'archive'; md5: checksum; size: units of work that a
    report counts it as; advice: what to put where without a network, the end of a sentence.
    """

    label: str
    kind: str
    url: str
    md5: str
    size: float
    advice: str


def folder_of(spec: DataSpec, holds: str) -> Path:
    """The folder of the data, the user's cache by default; DataError if it does not exist.

    holds: what a named folder may contain, 'cifar-10-batches-py or ...'.
    """
    if not spec.root:
        return platformdirs.user_cache_path("rk-explorer", appauthor=False) / "datasets"
    root = typed_path(spec.root)
    if not root.is_dir():
        raise DataError(f"The folder '{root}' does not exist. Give one that contains {holds}.")
    return root


def file_of(path: Path, source: Download, report: Reporter) -> Path:
    """The path, with its checksum verified; downloaded if it is missing. DataError."""
    if not path.exists():
        download(path, source, report)
    elif _digest(path, source) != source.md5:
        raise DataError(
            f"{path} is not the {source.label} {source.kind}: its checksum differs. Remove it to "
            f"download it again, or fetch {source.url} yourself."
        )
    return path


def download(path: Path, source: Download, report: Reporter) -> None:
    """Fetch a file; DataError if that fails or its checksum differs, and Cancelled."""
    part = atomic_files.temporary_path(path)
    report.stage(f"downloading {source.label}")
    report.expect(source.size)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(source, part, report)
        if _md5(part) != source.md5:
            raise DataError(f"The download of {source.url} is damaged: its checksum differs.")
        os.replace(part, path)
    except (OSError, HTTPException) as error:
        raise DataError(
            f"{source.label} is not in {path.parent} and could not be downloaded from {source.url} "
            f"({_reason(error)}). Without a network connection, {source.advice}."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _fetch(source: Download, path: Path, report: Reporter) -> None:
    with urllib.request.urlopen(source.url, timeout=TIMEOUT) as response, open(path, "wb") as file:
        size = int(response.headers.get("Content-Length") or 0)
        while chunk := response.read(CHUNK):
            file.write(chunk)
            report.advance(source.size * len(chunk) / size if size else 0)


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause)


def _digest(path: Path, source: Download) -> str:
    """The checksum of an existing file; DataError if it cannot be read."""
    try:
        return _md5(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {plain_files.error_reason(error)}. Remove it to download "
            f"the {source.label} {source.kind} again."
        ) from error


def _md5(path: Path) -> str:
    with plain_files.open_plain(path, MAX_FILE) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Unpack regular files and folders inside `folder`; TarError for anything else."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
        return
    for member in tar:  # Python before 3.11.4, as in Debian 12
        path = PurePosixPath(member.name)
        plain = member.isfile() or member.isdir()
        if not plain or path.is_absolute() or ".." in path.parts:
            raise tarfile.TarError(f"'{member.name[:80]}' is not a regular file inside it")
        member.mode = 0o755 if member.isdir() else 0o644
        tar.extract(member, folder)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the archive's folder of this name, to a temporary folder first.

    So an interruption leaves nothing incomplete; what a killed process leaves behind is removed by
    the next one.
    """
    aside = atomic_files.temporary_path(folder)
    try:
        with tarfile.open(archive) as tar:
            extract(tar, aside)
        os.replace(aside / folder.name, folder)
    except (OSError, EOFError, tarfile.TarError) as error:
        if not folder.is_dir():  # otherwise another process was faster
            raise DataError(
                f"{archive} cannot be unpacked into {folder.parent}: {error}"
            ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
