"""Messages about files with more or other than weights, and the line that extracts these."""

from __future__ import annotations

import argparse
import gc
import io
import pickle
import re
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import CheckpointError
from engine.training import checkpoints


def plain() -> dict[str, Any]:
    torch.manual_seed(0)
    return nn.Linear(3, 2).state_dict()


def arrays() -> dict[str, Any]:
    return {name: value.numpy() for name, value in plain().items()}


def model() -> nn.Module:
    made = nn.Linear(3, 2)
    made.load_state_dict(plain())
    return made


def saved(content: Any, **how: Any) -> Callable[[Path], None]:
    return lambda path: torch.save(content(), path, **how)


def pickled(content: Any, protocol: int) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(pickle.dumps(content(), protocol)) and None


def scripted(path: Path) -> None:
    torch.jit.trace(model(), torch.zeros(1, 3)).save(str(path))  # type: ignore[no-untyped-call]


def compressed(path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays())


def namespace() -> Any:
    return {"epoch": 3, "args": argparse.Namespace(lr=0.1, model="net"), "state_dict": plain()}


KINDS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a numpy scalar": (
        saved(lambda: {"model": plain(), "acc": np.float64(0.9)}),
        r"numpy\.(_core|core)\.multiarray\.scalar",
    ),
    "options": (saved(namespace), r"argparse\.Namespace"),
    "options, of torch before 1.6": (
        saved(namespace, _use_new_zipfile_serialization=False), r"argparse\.Namespace",
    ),
    "hyper parameters": (
        saved(lambda: {"state_dict": plain(), "hyper_parameters": {"p": PurePosixPath("x")}}),
        r"pathlib\.(_local\.)?PurePosixPath",
    ),
    "a whole model": (saved(model), r"a whole model, of torch\.nn\.modules\.linear\.Linear"),
    "a whole model, of torch before 1.6": (
        saved(model, _use_new_zipfile_serialization=False), r"torch\.nn\.modules\.linear\.Linear",
    ),
    "a model in a dict": (saved(lambda: {"epoch": 1, "model": model()}), r"linear\.Linear"),
    "arrays": (saved(arrays), r"numpy\.(_core|core)\.multiarray\._reconstruct"),
    "arrays by pickle": (pickled(arrays, 4), r"numpy\.(_core|core)\.multiarray\._reconstruct"),
    "tensors by pickle": (pickled(plain, 2), r"torch\.storage\._load_from_bytes"),
    "tensors by pickle 5": (pickled(lambda: {"net": plain()}, 5), "_load_from_bytes"),
    "a model by pickle": (pickled(model, 4), r"torch\.nn\.modules\.linear\.Linear"),
    "TorchScript": (scripted, "it is a TorchScript module"),
    "npz": (compressed, "archive of NumPy arrays"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_the_message_names_the_content_and_its_line_saves_the_weights(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, says = KINDS[kind]
    path = tmp_path / "theirs.pt"
    make(path)
    with pytest.raises(CheckpointError, match=says) as caught:
        checkpoints.read(path)
    assert str(caught.value).startswith(f"{path} is not a checkpoint of weights only: ")
    line = re.search(r"torch\.save\(.*\)", str(caught.value))
    assert line is not None
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about files left open
        exec(line[0], {"pickle": pickle, "numpy": np, "torch": torch})
        gc.collect()
    found = checkpoints.load(tmp_path / "theirs-weights.pt")[0]
    assert {name: value.tolist() for name, value in found.items()} == {
        name: value.tolist() for name, value in plain().items()
    }


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), b"x")  # a fixed date: part of the test ID
    return made.getvalue()


def tarred(*names: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return made.getvalue()


def legacy_tar() -> bytes:
    return tarred("sys_info", "pickle", "tensors", "storages")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>404", "it is a web page"),
        (b"<HTML>no</HTML>", "it is a web page"),
        (b"\x89HDF\r\n\x1a\nabc", "it is an HDF5 file"),
        (b"\x93NUMPY\x01\x00", "it is a NumPy array"),
        (b"\x1f\x8b\x08abc", "compressed with gzip; unpack it"),
        (zipped("a/model.pth", "readme"), "zip archive of a/model.pth, readme. Unpack it"),
        (zipped(), "zip archive of nothing"),
        (zipped("a")[:-9], "truncated or corrupt"),
        (b"PK\x03\x04 cut", "truncated or corrupt"),
        (tarred("weights.pt"), "tar archive of weights.pt"),
        (legacy_tar(), "an early version of torch.*torch.save"),
        (b"text", "or is damaged"),
        (b"\x80\x02}q\x00", "or is damaged"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "theirs.ckpt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"theirs.ckpt is not a checkpoint.*{says}"):
        checkpoints.read(path)


def test_a_truncated_safetensors_file_and_a_pointer_are_named(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    path.write_bytes((999).to_bytes(8, "little") + b'{"w":')
    with pytest.raises(CheckpointError, match="it is not a complete safetensors file"):
        checkpoints.read(path)
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(CheckpointError, match="git lfs pull"):
        checkpoints.read(path)


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_inspecting_a_file_runs_no_code(tmp_path: Path, protocol: int) -> None:
    path, trap = tmp_path / "theirs.pt", tmp_path / "trap"
    path.write_bytes(pickle.dumps(OrderedDict(model=Trap(trap)), protocol))
    with pytest.raises(CheckpointError, match=r"pathlib|getattr"):
        checkpoints.read(path)
    torch.save({"model": Trap(trap)}, path)
    with pytest.raises(CheckpointError, match=r"pathlib|getattr"):
        checkpoints.read(path)
    assert not trap.exists()


def test_a_pickle_bomb_is_read_in_part(tmp_path: Path) -> None:
    path = tmp_path / "theirs.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x/data.pkl", "w") as file:
            for _ in range(100):
                file.write(b"\x80\x02" + b"N" * (1 << 20))
        archive.writestr("x/version", "3")
    with pytest.raises(CheckpointError, match=r"checkpoint of weights (alone|only)"):
        checkpoints.read(path)


@pytest.mark.parametrize(
    "content", [b"(dS'a\\|b'\ncpathlib\nPath\ns.", b"(dV1\nc\\|\nx\nscpathlib\nPath\n."]
)
def test_unusual_escapes_cause_no_warning(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "theirs.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"pathlib\.Path"):
        checkpoints.read(path)
