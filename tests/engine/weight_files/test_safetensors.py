from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import CheckpointError
from engine.training import checkpoints
from engine.weight_files import safetensors


def file_of(path: Path, header: Any, body: bytes, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + text + body)
    return path


def entry(kind: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def test_handwritten_bytes_are_read_by_the_format(tmp_path: Path) -> None:
    body = bytes.fromhex("0000803f 000000c0 0100000000000000 01 00".replace(" ", ""))
    header = {
        "__metadata__": {"format": "pt"},
        "w": entry("F32", [2, 1], 0, 8),
        "n": entry("I64", [], 8, 16),
        "b": entry("BOOL", [2], 16, 18),
        "e": entry("F16", [0, 3], 18, 18),
    }
    found, notes = safetensors.read(file_of(tmp_path / "x.safetensors", header, body))
    assert notes == {"format": "pt"}
    assert found["w"].tolist() == [[1.0], [-2.0]]
    assert found["n"].item() == 1
    assert found["b"].tolist() == [True, False]
    assert found["e"].shape == (0, 3)


@pytest.mark.parametrize("name", safetensors.TYPES)
def test_every_type_survives_a_round_trip(tmp_path: Path, name: str) -> None:
    value = torch.tensor([[0, 1, 3], [1, 0, 2]]).to(safetensors.TYPES[name])
    state = {"a": value, "b.c": value[0, 0], "d": torch.ones(3, dtype=torch.uint8)}
    path = tmp_path / "x.safetensors"
    path.write_bytes(safetensors.serialize(state, {"k": "v"}))
    found, notes = safetensors.read(path)
    assert notes == {"k": "v"}
    assert {n: (v.dtype, v.tolist()) for n, v in found.items()} == {
        n: (v.dtype, v.tolist()) for n, v in state.items()
    }
    assert safetensors.is_safetensors(path)


GOOD = {"w": entry("F32", [2], 0, 8)}


@pytest.mark.parametrize(
    ("header", "body", "length", "says"),
    [
        (GOOD, bytes(7), None, "take 8 bytes, but the file has 7"),
        (GOOD, bytes(9), None, "take 8 bytes, but the file has 9"),
        ({"w": entry("F32", [3], 0, 8)}, bytes(8), None, "size of w does not match its shape"),
        ({"w": entry("F32", [2], 1, 9)}, bytes(9), None, "does not begin where"),
        ({**GOOD, "v": entry("F32", [1], 4, 8)}, bytes(8), None, "does not begin where"),
        ({**GOOD, "v": entry("F32", [1], 12, 16)}, bytes(16), None, "does not begin where"),
        ({"w": entry("F8_E4M3", [8], 0, 8)}, bytes(8), None, "has the type F8_E4M3"),
        ({"w": entry("F32", [-2], 0, 8)}, bytes(8), None, "shape of w is invalid"),
        ({"w": entry("F32", [True, 2], 0, 8)}, bytes(8), None, "shape of w is invalid"),
        ({"w": entry("F32", [1] * 40, 0, 4)}, bytes(4), None, "shape of w is invalid"),
        ({"w": entry("F32", [0, 2**70], 0, 0)}, b"", None, "not a valid safetensors file"),
        ({"w": {**GOOD["w"], "more": 1}}, bytes(8), None, "does not describe w"),
        ({"w": 3}, bytes(8), None, "does not describe w"),
        ({"__metadata__": {"a": 1}}, b"", None, "holds other values than texts"),
        (b'{"w":1,"w":2}', b"", None, "contains a name twice"),
        (b"{" + b"[" * 100_000, b"", None, "not a valid safetensors file"),
        (b"{\xff}", b"", None, "not a valid safetensors file"),
        (
            {"a." * 101: entry("F32", [2], 0, 8)},
            bytes(8),
            None,
            "of a tensor in it is too long",
        ),
        (
            {f"{at}": entry("F32", [0], 0, 0) for at in range(20_001)},
            b"",
            None,
            "more than 20,000 tensors",
        ),
        (b" " * (1 << 24) + b"{}", b"", None, "does not fit into the file"),
        (b"{", b"", 0, "does not fit into the file"),
    ],
)
def test_an_invalid_header_is_refused(
    tmp_path: Path, header: Any, body: bytes, length: int | None, says: str
) -> None:
    with pytest.raises(CheckpointError, match=says):
        safetensors.read(file_of(tmp_path / "x.safetensors", header, body, length))


def test_a_checkpoint_is_recognized_by_content_not_by_name(tmp_path: Path) -> None:
    state = torch.nn.Linear(2, 3).state_dict()
    path = tmp_path / "w.pt"
    path.write_bytes(safetensors.serialize(state, {}))
    assert torch.equal(checkpoints.load(path)[0]["weight"], state["weight"])
    torch.save(state, tmp_path / "w.safetensors")
    assert torch.equal(checkpoints.load(tmp_path / "w.safetensors")[0]["bias"], state["bias"])
