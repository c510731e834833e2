"""Files of torch.save give what torch.load gives, but for tensors that no weights can be."""

from __future__ import annotations

import io
import threading
import warnings
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.training import checkpoints
from engine.weight_files.tensor_views import Unreadable
from engine.weight_files.torch_files import read


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6, 4))


def trained() -> dict[str, Any]:
    net = network()
    optimizer = torch.optim.Adam(net.parameters())
    for one in net.parameters():
        one.grad = torch.ones_like(one)
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    return {
        "model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
        "schedule": {n: v for n, v in schedule.state_dict().items() if n != "milestones"},
        "milestones": Counter({2: 1, 4: 1}), "rng": torch.get_rng_state(), "history": [0.5, 0.25],
    }  # fmt: skip


def views() -> dict[str, Any]:
    flat, tied = torch.arange(24.0), torch.ones(4, 4)
    return {
        "part": flat[3:9], "turned": flat.view(4, 6).t(), "each other": flat[::2], "tied": tied,
        "again": tied, "parameter": nn.Parameter(flat), "none": torch.empty(0, 3),
        "one": torch.tensor(3.0), "wide": torch.ones(1).expand(3), "column": flat.view(4, 6)[:, 2],
    }  # fmt: skip


def types() -> dict[str, Any]:
    known = [
        "float64",
        "float32",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
    ]
    found = {name: torch.tensor([[0, 1], [100, 2]]).to(getattr(torch, name)) for name in known}
    return found | {"bool": torch.tensor([True, False])}


def values() -> dict[Any, Any]:
    return {
        "texts": ("", "é", "\u202e", "x" * 300), 3: -1, (1, "a"): 1 << 100, 0.5: [None, True, 2.5],
        "bytes": b"\x00\xff", "array": bytearray(b"ab"), "set": {1, 2}, "z": 1 + 2j,
        "size": torch.Size([2, 3]), "type": torch.float16, "empty": [{}, [], (), OrderedDict()],
        "shared": [shared := [1, 2], shared, (shared,)],
    }  # fmt: skip


CONTENTS: dict[str, Callable[[], Any]] = {
    "a state dict": lambda: network().state_dict(), "a training": trained, "views": views,
    "types": types, "values": values, "a tensor": lambda: torch.ones(3),
    "a list": lambda: [torch.ones(2), 3],
}  # fmt: skip


def saved(content: Any, **how: Any) -> bytes:
    out = io.BytesIO()
    torch.save(content, out, **how)
    return out.getvalue()


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        if not isinstance(other, Tensor):
            return False
        alike = one.dtype == other.dtype and one.shape == other.shape
        return alike and torch.equal(one.detach(), other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", CONTENTS)
def test_values_equal_those_of_torch_load(kind: str, zipped: bool) -> None:
    content = saved(CONTENTS[kind](), _use_new_zipfile_serialization=zipped)
    wanted = torch.load(io.BytesIO(content), weights_only=True)
    found = read(io.BytesIO(content), "It")
    assert same(wanted, found)


@pytest.mark.parametrize("zipped", [True, False])
def test_shared_memory_stays_shared(zipped: bool) -> None:
    found = read(io.BytesIO(saved(views(), _use_new_zipfile_serialization=zipped)), "It")
    found["turned"][0, 0] = -7
    assert found["parameter"][0] == found["each other"][0] == -7
    assert found["tied"] is found["again"]
    assert found["wide"].tolist() == [1, 1, 1]


def test_big_endian_files_are_read() -> None:
    with zipfile.ZipFile(io.BytesIO(saved({"w": torch.tensor([1.0, -2.5])}))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, part in parts.items():
            turned = b"".join(part[at : at + 4][::-1] for at in range(0, len(part), 4))
            kind = name.partition("/")[2]
            new = {"byteorder": b"big", "data/0": turned}.get(kind, part)
            archive.writestr(name, new)
    assert read(out, "It")["w"].tolist() == [1.0, -2.5]


@pytest.mark.filterwarnings("ignore:.*Sparse CSR tensor support is in beta")
def test_unsupported_tensors_are_named_by_kind() -> None:
    rare = {
        "complex": torch.ones(2, dtype=torch.complex64), "sparse": torch.eye(3).to_sparse(),
        "without values": torch.ones(3, device="meta"),
        "of type float8_e4m3fn": torch.ones(3).to(torch.float8_e4m3fn),
        "of type uint16": torch.ones(3, dtype=torch.uint16),
        "negated or conjugate views": torch.ones(2, dtype=torch.complex64).conj().imag,
    }  # fmt: skip
    content = rare | {"csr": torch.eye(3).to_sparse_csr(), "plain": torch.ones(2)}
    found = read(io.BytesIO(saved(content)), "It")
    assert found["plain"].tolist() == [1, 1]
    assert found["csr"] == Unreadable("sparse")
    assert {name: found[name] for name in rare} == {name: Unreadable(name) for name in rare}


def test_own_weights_of_an_unsupported_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    torch.save({"weight": torch.ones(2, 3) * 1j, "bias": torch.ones(2)}, path)
    with pytest.raises(CheckpointError, match=r"tensors that are complex, such as weight\. Save"):
        checkpoints.load(path)


def test_reading_leaves_warning_filters_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.pt"
    contents = [trained(), types(), values()]
    files = [saved(one, pickle_protocol=2) for one in contents]
    files += [saved(one, _use_new_zipfile_serialization=False) for one in contents]
    before = list(warnings.filters)

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("filters are those of the whole process")

    for name in ("catch_warnings", "simplefilter", "filterwarnings"):
        monkeypatch.setattr(warnings, name, forbidden)
    for content in files:
        path.write_bytes(content)
        checkpoints.read(path)  # a warning would be an error
    threads = [threading.Thread(target=checkpoints.read, args=(path,)) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    monkeypatch.undo()
    assert warnings.filters == before
