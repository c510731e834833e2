from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine.errors import CheckpointError
from engine.storage.store import Store
from engine.training import checkpoints


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch_model = nn.Linear(3, 2)
    path = tmp_path / "checkpoints" / "m.pt"
    checkpoints.save(path, torch_model, {"key": "m"}, Store(tmp_path).replacing)
    return path


def test_a_checkpoint_loads_with_plain_torch(saved: Path) -> None:
    content = torch.load(saved, weights_only=True)
    assert content["state_dict"]["weight"].shape == (2, 3)
    assert '"key": "m"' in content["facts"]


def test_a_checkpoint_comes_back_as_it_was(saved: Path) -> None:
    state, facts = checkpoints.load(saved)
    model = nn.Linear(3, 2)
    checkpoints.load_into(model, state, "it")
    assert facts["key"] == "m"
    assert facts["weights"] == checkpoints.digest(model.state_dict())


def test_a_plain_state_dict_loads_too(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    torch.save(model.state_dict(), tmp_path / "plain.pt")
    state, facts = checkpoints.load(tmp_path / "plain.pt")
    assert torch.equal(state["bias"], model.bias)
    assert facts == {}


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (nn.Linear(3, 4), r"number of classes: weight is \(2, 3\) there, but \(4, 3\) here"),
        (nn.Sequential(nn.Linear(3, 2)), r"lacks 0\.bias and has bias"),
    ],
)
def test_another_networks_weights_are_refused(saved: Path, other: nn.Module, says: str) -> None:
    state, _ = checkpoints.load(saved)
    with pytest.raises(CheckpointError, match=says):
        checkpoints.load_into(other, state, "m.pt")


class _Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_pickle_with_code_is_never_run(tmp_path: Path) -> None:
    trap, file = tmp_path / "trap", tmp_path / "evil.pt"
    file.write_bytes(pickle.dumps(_Payload(trap)))
    with pytest.raises(CheckpointError, match="so it is not opened"):
        checkpoints.load(file)
    torch.save({"state_dict": _Payload(trap)}, file)
    with pytest.raises(CheckpointError, match="so it is not opened"):
        checkpoints.load(file)
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut"])
def test_no_checkpoint_at_all_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"x\.pt is not a checkpoint"):
        checkpoints.load(path)
    with pytest.raises(CheckpointError, match="Cannot read"):
        checkpoints.load(tmp_path / "absent.pt")


def test_something_else_saved_by_torch_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save([torch.ones(2)], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match="should hold a state dict"):
        checkpoints.load(tmp_path / "list.pt")


def test_changed_weights_do_not_match_their_hash(saved: Path) -> None:
    content = torch.load(saved, weights_only=True)
    content["state_dict"]["bias"] += 1
    torch.save(content, saved)
    with pytest.raises(CheckpointError, match="do not match their hash"):
        checkpoints.load(saved)


def test_an_interrupted_training_keeps_its_last_epoch(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = tmp_path / "partial" / "m.pt"
    kept = checkpoints.EpochCheckpoint(path, store.replacing)
    assert kept.load() is None
    kept.keep({"epoch": 3, "loss": [1.0, 0.5, 0.25], "seconds": 2.0})
    kept.flush()
    again = checkpoints.EpochCheckpoint(path, store.replacing)
    assert again.losses == [1.0, 0.5, 0.25]
    assert again.seconds == 2.0
    again.discard()
    assert not path.exists()


def test_a_damaged_interrupted_training_starts_afresh(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(b"cut")
    assert checkpoints.EpochCheckpoint(path, Store(tmp_path).replacing).load() is None
    assert not path.exists()
