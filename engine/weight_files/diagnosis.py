"""Explanations for files that hold more or other than weights, and how to extract the weights.

Nothing in a file is run: archives are listed, pickles are read as instructions.
"""

from __future__ import annotations

import io
import itertools
import tarfile
from pathlib import Path
from typing import IO

from engine.errors import shown
from engine.storage.plain_files import open_plain
from engine.weight_files import zip_members
from engine.weight_files.pickle_contents import CONTAINERS, PickleSummary, read_pickles
from engine.weight_files.tensor_views import Damaged, Refused

HEAD = 4096  # bytes of a file that identify most formats
MAGIC = 0x1950A86A20F9469CFC6C  # number that torch files of the older form begin with
MOST_NAMES = 3  # names listed in a message
LFS, HTML = b"version https://git-lfs.github.com/spec/", (b"<!doctype html", b"<html", b"<?xml")
STARTS = (
    (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, such as Keras writes"),
    (b"\x93NUMPY", "it is a NumPy array"),
    (b"GGUF", "it is a GGUF file"),
    (b"\x1f\x8b", "it is compressed with gzip; unpack it and name the file in it"),
    (b"BZh", "it is compressed with bzip2; unpack it and name the file in it"),
    (b"\xfd7zXZ", "it is compressed with xz; unpack it and name the file in it"),
    (b"7z\xbc\xaf", "it is a 7z archive; unpack it and name the file in it"),
    (b"(\xb5/\xfd", "it is compressed with zstd; unpack it and name the file in it"),
    (b"\x08", "it seems to be an ONNX or protobuf file"),
)
WEIGHTS = (
    "state_dict", "model_state_dict", "model_state", "net", "model", "network", "state_dict_ema",
    "ema", "model_ema", "params", "params_ema", "weights", "classifier", "backbone",
)  # fmt: skip
SAVE_ADVICE = "Save only the weights with torch.save(model.state_dict(), file)."


def explanation(path: Path) -> str:
    """Why `path` is not a pure weight file, and what to do; OSError if it cannot be read."""
    with open_plain(path) as file:
        head = file.read(HEAD)
        return f"{path} is not a checkpoint of weights only{_why(path, head, file)}"


def _why(path: Path, head: bytes, file: IO[bytes]) -> str:
    """The rest of the message."""
    if not head:
        return ": it is empty. Download the file again."
    if head.startswith(LFS):
        return ": it is a git-lfs pointer. Run git lfs pull in its repository and try again."
    if head.lstrip().lower().startswith(HTML):
        return ": it is a web page (HTML). Download the file itself."
    if head.startswith(b"PK"):
        return _of_zip(path, file)
    if head[257:262] == b"ustar" or (path.suffix.lower() == ".tar" and _is_tar(path)):
        return _of_tar(path)
    kind = next((words for start, words in STARTS if head.startswith(start)), "")
    if kind:
        return f": {kind}. {SAVE_ADVICE}"
    if path.suffix.lower() == ".safetensors":
        return ": it is not a complete safetensors file. Download the file again."
    file.seek(0)
    pickles = read_pickles(file)
    return _of_pickles(
        path, pickles, "torch" if pickles and pickles[0].number == MAGIC else "pickle"
    )


def _of_zip(path: Path, file: IO[bytes]) -> str:
    try:
        return _of_members(path, file)
    except Refused as error:
        return f": {error}. {SAVE_ADVICE}"
    except (Damaged, OSError):
        return " (or is damaged): its archive is truncated or corrupt. Download the file again."


def _of_members(path: Path, file: IO[bytes]) -> str:
    names = zip_members.names(file)
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        line = f'torch.save(torch.jit.load({_quoted(path)}, map_location="cpu").state_dict(), '
        return f": it is a TorchScript module. Save only its weights: {line}{_out(path)})"
    if any("exported_program" in name or name.endswith("archive_format") for name in names):
        line = f"torch.save(dict(torch.export.load({_quoted(path)}).state_dict), {_out(path)})"
        return f": it is an exported torch program. Save only its weights: {line}"
    data = next((name for name in names if name.endswith("data.pkl")), "")
    if data:
        content = zip_members.content(file, zip_members.members(file)[data])
        return _of_pickles(path, read_pickles(io.BytesIO(content)), "torch")
    if names and all(name.endswith(".npy") for name in names):
        line = f"{{k: torch.as_tensor(v) for k, v in numpy.load({_quoted(path)}).items()}}"
        return f": it is an archive of NumPy arrays. Save them: torch.save({line}, {_out(path)})"
    members = ", ".join(map(shown, names[:MOST_NAMES])) or "nothing"
    return f": it is a zip archive of {members}. Unpack it and name the file with the weights."


def _is_tar(path: Path) -> bool:
    try:
        with tarfile.open(path, "r:"):  # lists only, unpacks nothing
            return True
    except (tarfile.TarError, OSError, ValueError, EOFError):
        return False


def _of_tar(path: Path) -> str:
    try:
        with tarfile.open(path, "r:") as archive:
            names = [member.name for member in itertools.islice(archive, 100)]
    except (tarfile.TarError, OSError, ValueError, EOFError):
        return " (or is damaged): its archive is truncated or corrupt. Download the file again."
    if {"storages", "tensors", "pickle"} <= set(names):
        kind, load = "a file from an early version of torch", "torch"
        return f": it is {kind}. {_advice()}{_line(path, PickleSummary(first=CONTAINERS[0]), load)}"
    members = ", ".join(map(shown, names[:MOST_NAMES])) or "nothing"
    return f": it is a tar archive of {members}. Unpack it and name the file with the weights."


def _of_pickles(path: Path, pickles: list[PickleSummary], load: str) -> str:
    """The message about the pickles of a file; load: 'torch' or 'pickle', whose load opens it."""
    suspicious = [summary for summary in pickles if summary.strange]
    if not suspicious:
        return f" (or is damaged), and is not opened in any other way. {SAVE_ADVICE}"
    return _of_pickle(path, suspicious[0], load)


def _of_pickle(path: Path, pickle: PickleSummary, load: str) -> str:
    strange = pickle.strange
    classes = ", ".join(map(shown, strange[:MOST_NAMES]))
    more = f" and {len(strange) - MOST_NAMES} more" if len(strange) > MOST_NAMES else ""
    content = "a whole model, of" if _is_model(pickle) else "more than weights:"
    return (
        f": it holds {content} {classes}{more}. Opening it would run code from the file, so it is "
        f"not opened. {_advice()}{_line(path, pickle, load)}"
    )


def _advice() -> str:
    return "If you trust the file, save only its weights in Python, with its classes importable: "


def _line(path: Path, pickle: PickleSummary, load: str) -> str:
    """The line of Python that saves only the weights."""
    file = f"torch.load({_quoted(path)}, weights_only=False)"
    if load == "pickle":
        file = f'pickle.load(open({_quoted(path)}, "rb"))'
    if _is_model(pickle):
        return f"torch.save({file}.state_dict(), {_out(path)})"
    keys = [key for key in WEIGHTS if key in pickle.entries]
    plain = next((key for key in keys if pickle.entries[key] in CONTAINERS), "")
    key = plain or next(iter(keys), "")
    if key and not plain:
        return f'torch.save({file}["{key}"].state_dict(), {_out(path)})'
    inner = f'["{key}"]' if key else ""
    if any("_rebuild" in name or name.endswith("_load_from_bytes") for name in pickle.classes):
        tensors = "{k: v for k, v in FILE.items() if torch.is_tensor(v)}"
    else:
        tensors = "{k: torch.as_tensor(v) for k, v in FILE.items()}"
    return f"torch.save({tensors.replace('FILE', file + inner)}, {_out(path)})"


def _is_model(pickle: PickleSummary) -> bool:
    """Whether the pickle is an nn.Module."""
    return pickle.first not in ("", *CONTAINERS) and "_modules" in pickle.texts


def _quoted(path: Path) -> str:
    return f'r"{path}"' if "\\" in str(path) else f'"{path}"'


def _out(path: Path) -> str:
    return f'"{path.stem}-weights.pt"'
