"""`rk-engine import-comparator`: a study from the folder of another program, and what it states."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from comparator_folders import FORGOTTEN, RESULTS, cifar_folder, result, server, write_weights
from torch import nn

from engine.__main__ import main
from engine.analysis.stated_accuracy import StatedAccuracy, StatedPredictions
from engine.cli.comparator_command import agreement
from engine.datasets.base import Dataset, load
from engine.external.comparator import NORMALIZE
from engine.runtime.libraries import torchvision
from engine.spec import DataSpec

Run = Callable[..., int]
QUICK = ["--draws", "3", "--taus", "0,0.1"]


def network(seed: int) -> nn.Module:
    """Its ResNet-18, as its server makes it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = torchvision("torchvision.models").resnet18(num_classes=10)
        net.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        net.maxpool = nn.Identity()
    return net.eval()


@torch.inference_mode()
def shares(net: nn.Module, data: Dataset) -> dict[str, float]:
    """Its four accuracies by a plain loop, rounded as its results are."""
    mean, std = (
        torch.tensor([float(one) for one in part.split(",")]).reshape(3, 1, 1)
        for part in NORMALIZE.split("/")
    )
    found = {}
    for start, x, y in (("", data.train_x, data.train_y), ("T", data.test_x, data.test_y)):
        right: dict[int, list[bool]] = {}
        for image, label in zip(x, y.tolist(), strict=True):
            pixels = torch.from_numpy(image.copy()).float() / 255
            predicted = int(net(((pixels - mean) / std)[None]).argmax())
            right.setdefault(label, []).append(predicted == label)
        means = {label: sum(one) / len(one) for label, one in right.items()}
        rest = [value for label, value in means.items() if label != FORGOTTEN]
        found |= {f"{start}UA": means[FORGOTTEN], f"{start}RA": sum(rest) / len(rest)}
    return {name: round(value, 3) for name, value in found.items()}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cifar_folder(tmp_path_factory.mktemp("cifar"))


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[Path]:
    """Results and weights of four ResNet-18s; what is stated of SCRUB is wrong in one number."""
    root = tmp_path_factory.mktemp("backend")
    data = load(DataSpec("cifar10", root=str(images)))
    networks = {name: network(seed) for seed, name in enumerate(RESULTS)}
    results = copy.deepcopy(RESULTS)
    for name, net in networks.items():
        results[name] |= shares(net, data)
    results["77aa"]["RA"] = results["77aa"]["RA"] + 0.2
    server(root, results)
    write_weights(root, networks)
    yield root
    shutil.rmtree(root)  # 45 MB each


@pytest.fixture
def run(images: Path) -> Run:
    def call(folder: Path, *more: str) -> int:
        return main(["import-comparator", str(folder), "--root", str(images), *QUICK, *more])

    return call


def test_the_models_of_a_folder_become_a_study(
    run: Run, backend: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert run(backend, "--json", str(out)) == 0
    found = json.loads(out.read_text())
    models = {"original", "retrain", "Fine-Tuning-1f2e", "SCRUB-77aa"}
    assert set(found["metrics"]) == models
    assert set(found["residual_knowledge"]["models"]) == models - {"retrain"}
    spec = found["spec"]
    assert (spec["data"]["name"], spec["model"]["name"]) == ("cifar10", "resnet18")
    assert spec["model"]["normalize"] == NORMALIZE
    assert spec["forget"] == [12, 13, 14, 15]  # all of class 3
    assert spec["methods"] == []
    text = capsys.readouterr()
    assert "one Re-train gives no null band" in text.err
    said = text.out.rpartition("15 of 16 accuracies")
    assert said[1], text.out
    rows = [line for line in said[2].splitlines() if "-20.0" in line]
    assert len(rows) == 1
    assert rows[0].split()[:1] == ["SCRUB-77aa"]
    assert "other classes, training" in rows[0]
    assert "Fine-Tuning-1f2e" not in said[2]


def test_sentences_for_what_is_missing_or_does_not_fit(
    run: Run, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def sentence(*arguments: Any) -> str:
        assert run(*arguments) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert lines[-1].startswith("rk-engine: ")
        return lines[-1]

    root = server(tmp_path / "backend")
    weights = root / "unlearned_models" / "3"
    assert "contains no results" in sentence(images)
    assert "0003.pth is not a checkpoint" in sentence(root)  # empty
    torch.save(nn.Linear(2, 10).state_dict(), weights / "0003.pth")
    assert "belongs to another network than resnet18" in sentence(root)
    assert "There is no model 'face'" in sentence(root, "--model", "face")
    assert "belongs to another network than cnn" in sentence(root, "--model", "cnn")
    assert "no results for class 4" in sentence(root, "--class", "4")
    assert "have 10 classes, but the data have 3" in sentence(root, "--dataset", "iris")
    (weights / "a003.pth").unlink()
    assert "or have some trained here: --retrains 3" in sentence(root)


def test_retrains_that_a_folder_does_not_have_are_trained(
    run: Run, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make = tmp_path / "net.py"
    make.write_text(
        "from torch import nn\n\ndef make(n_classes):\n"
        "    flat = nn.Sequential(nn.AvgPool2d(8), nn.Flatten())\n"
        "    return nn.Sequential(flat, nn.Linear(48, n_classes))\n"
    )
    results = {name: RESULTS[name] for name in ("0003", "1f2e")}
    results["1f2e"] = result("1f2e", "Unlearned", "GA", UA="N/A", TUA="N/A")
    root = server(tmp_path / "backend", results)
    flat = nn.Sequential(nn.AvgPool2d(8), nn.Flatten())
    nets = {name: nn.Sequential(flat, nn.Linear(48, 10)) for name in results}
    write_weights(root, nets)
    more = ["--model", f"{make}:make", "--retrains", "2", "--set", "train.epochs=1"]
    assert run(root, *more, "--methods", "gd", "--set", "gd.epochs=1") == 0
    text = capsys.readouterr()
    assert "no null band" not in text.err
    assert {"Original", "Re-train", "GD", "GA-1f2e"} <= {
        line.partition("  ")[0] for line in text.out.splitlines()
    }


def test_agreement_is_told_in_a_sentence_and_differences_in_rows() -> None:
    alike = [StatedAccuracy("original", "UA", 99.9, 100.0), StatedAccuracy("a", "TRA", 50.0, 50.5)]
    assert agreement(alike, []) == (
        "2 of 2 accuracies that Unlearning Comparator states were measured here as well, within "
        "0.5 points."
    )
    lines = agreement(
        [*alike, StatedAccuracy("a", "UA", 12.3, 10.0)],
        [StatedPredictions("a", 1998, 2000), StatedPredictions("b", 2000, 2000)],
    ).splitlines()
    assert lines[0].startswith("2 of 3 accuracies")
    assert lines[2].split() == ["a", "forgotten", "class,", "training", "12.3", "10.0", "-2.3"]
    assert lines[3:] == ["a: 2 of 2,000 stated predictions differ."]
    assert "no accuracies" in agreement([], [])


def test_stated_predictions_are_compared_where_samples_are_in_the_archives_order(
    run: Run, backend: Path, images: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:  # fmt: skip
    """As read from an archive: samples have no files, and are named by their number."""
    from engine.datasets import cifar10

    data = load(DataSpec("cifar10", root=str(images)))
    monkeypatch.setattr(cifar10, "has_classes", lambda *_: False)
    arrays = cifar10.Arrays(data.train_x, data.train_y, data.test_x, data.test_y)
    monkeypatch.setattr(cifar10, "read_archive", lambda *_: arrays)
    folder = shutil.copytree(backend, tmp_path / "copy")
    path = folder / "data" / "3" / "0003.json"
    plain = json.loads(path.read_text())
    predicted = _predictions(folder, data)
    rows = [[int(label), int(predicted[i]), i] for i, label in enumerate(data.train_y)]
    rows[5][1] = (rows[5][1] + 1) % 10
    path.write_text(json.dumps({**plain, "points": rows}))
    for other in ("a003", "1f2e", "77aa"):
        own = folder / "data" / "3" / f"{other}.json"
        own.write_text(json.dumps({**json.loads(own.read_text()), "points": []}))
    assert run(folder) == 0
    assert "original: 1 of 40 stated predictions differ." in capsys.readouterr().out
    path.write_text(json.dumps({**plain, "points": [[9, 1, 0]]}))
    assert run(folder) == 2
    assert "training sample 0 is of class 9, here it is of class 0" in capsys.readouterr().err


def _predictions(folder: Path, data: Dataset) -> np.ndarray:
    net = network(0)
    state = torch.load(folder / "unlearned_models" / "3" / "0003.pth", weights_only=True)
    net.load_state_dict(state)
    mean, std = (
        torch.tensor([float(one) for one in part.split(",")]).reshape(3, 1, 1)
        for part in NORMALIZE.split("/")
    )
    with torch.inference_mode():
        logits = net((torch.from_numpy(data.train_x).float() / 255 - mean) / std)
    return logits.argmax(1).numpy()
