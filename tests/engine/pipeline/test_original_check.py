"""One line where a given Original does not answer as it must have when it was trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.__main__ import main
from engine.pipeline import original_check
from engine.weight_files.wrappers import accuracy

LABELS = np.repeat(np.arange(10), 20)


@pytest.mark.parametrize(
    ("reached", "claim", "says"),
    [
        (11.0, None, "which is chance (its largest class is 10.0 %)"),
        (11.0, 93.0, "which is chance"),
        (62.0, 93.0, "its file states 93.0 %"),
        (80.0, 93.0, ""),
        (62.0, None, ""),
        (99.0, 93.0, ""),
    ],
)
def test_chance_and_much_less_than_the_file_says_are_told(
    reached: float, claim: float | None, says: str
) -> None:
    found = original_check.sentence(reached, LABELS, claim)
    assert (says in found) if says else not found
    assert bool(found) == ("--normalize none" in found and "0.5,0.5,0.5/" in found)


def test_chance_depends_on_the_largest_class() -> None:
    labels = np.repeat([0, 1], [90, 10])
    assert "chance" in original_check.sentence(90.0, labels, None)
    assert not original_check.sentence(93.0, labels, None)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"net": {}, "acc": 91.5, "epoch": 300}, 91.5),
        ({"best_acc1": torch.tensor(76.1), "val_acc": 70.0}, 76.1),
        ({"metrics": {"test_accuracy": 0.934}}, 93.4),
        ({"best_prec1": 92}, 92.0),
        ({"acc": True, "accuracy": "high", "acc_history": [0.1, 0.2]}, None),
        ({"accuracy": 4000.0, "loss": 0.5}, None),
        ({"accelerate": "yes"}, None),
        ([1, 2], None),
    ],
)
def test_what_a_checkpoint_says_of_itself(content: Any, found: float | None) -> None:
    assert accuracy(content) == (None if found is None else pytest.approx(found))


def trained(folder: Path, scale: float) -> Callable[[str, int], None]:
    """Writes a network of digits trained on pixels times `scale`, and what it reached."""
    from engine.datasets.base import load
    from engine.spec import DataSpec

    data = load(DataSpec("digits"))
    x = scale * torch.tensor(data.train_x).float() / 255
    y = torch.tensor(data.train_y)

    def write(name: str, seed: int) -> None:
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
        steps = torch.optim.Adam(net.parameters(), 0.01)
        for _ in range(60):
            loss = nn.functional.cross_entropy(net(x), y)
            steps.zero_grad()
            loss.backward()
            steps.step()
        reached = (net(x).argmax(1) == y).float().mean().item()
        torch.save({"net": net.state_dict(), "acc": 100 * reached}, folder / name)

    return write


def test_the_command_line_says_it_once_a_run_and_not_where_all_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write = trained(tmp_path, scale=1.0)
    write("o.pt", 0)
    write("r.pt", 1)
    run = ["run", "--dataset", "digits", "--model", "mlp", "--forget", "class:8:20", "--draws", "3",
           "--taus", "0,0.1", "--original", str(tmp_path / "o.pt"), "--retrain",
           str(tmp_path / "r.pt"), "--methods", "none",
           "--store", str(tmp_path / "store")]  # fmt: skip
    for _ in range(2):  # computed, then from the store
        assert main([*run, "--normalize", "7/0.01"]) == 0
        said = capsys.readouterr().err
        assert said.count("The supplied Original is right on") == 1
        assert "--normalize none" in said
    assert main([*run, "--normalize", "none"]) == 0
    assert "The supplied Original" not in capsys.readouterr().err
