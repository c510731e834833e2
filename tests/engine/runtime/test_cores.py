"""Cores: all of them without a window, those that a container was given, one for small networks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from engine import registry
from engine.models.base import Classifier, is_small
from engine.pipeline.pipeline import Pipeline
from engine.runtime import cores
from engine.runtime.cores import set_passive_waiting, use_cores
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage.store import Store

WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


@pytest.fixture(autouse=True)
def _own_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore the number of threads, and remove external limits."""
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with eight cores."""
    monkeypatch.setattr(cores, "cores", lambda: 8)


def test_one_core_is_left_to_the_interface(eight: None) -> None:
    assert use_cores() == torch.get_num_threads() == 8
    assert use_cores(1) == torch.get_num_threads() == 7
    assert use_cores(10_000) == use_cores(1, 1) == torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("asked", "threads"),
    [("2", 2), ("7", 7), ("64", 7), ("0", 7), ("4,2", 7), ("many", 7), ("", 7)],
)
def test_omp_num_threads_is_a_limit(
    asked: str, threads: int, eight: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert use_cores(1) == threads


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_a_container_has_the_cores_of_its_quota(
    files: dict[str, str], share: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(cores, "GROUPS", tmp_path)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)))
    else:
        monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert cores.cores() == {1.5: 2, 4.0: 4, None: 16}[share]


def test_threads_sleep_while_waiting_unless_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in WAITING:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "5")
    set_passive_waiting()
    assert "OMP_WAIT_POLICY" not in os.environ
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    set_passive_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    set_passive_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


TORCH_LAST = """
import os, sys
import {module} as entry
real = entry.set_passive_waiting
def waits():
    assert "torch" not in sys.modules
    real()
    print(os.environ["OMP_WAIT_POLICY"])
entry.set_passive_waiting = waits
entry.main(["--version"])
"""


@pytest.mark.parametrize("module", ["engine.__main__", "explorer.__main__"])
def test_waiting_is_configured_before_torch_is_loaded(module: str) -> None:
    root = Path(__file__).parents[3]
    around = {name: value for name, value in os.environ.items() if name not in WAITING}
    done = subprocess.run(
        [sys.executable, "-c", TORCH_LAST.format(module=module)], cwd=root,
        capture_output=True, text=True, check=False, env={**around, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "PASSIVE"


# -- by the size of the network --------------------------------------------------------------------


def classifier(net: nn.Module, shape: tuple[int, ...]) -> Classifier:
    channels = shape[0]
    return Classifier(net, "0", [0.0] * channels, [1.0] * channels, image=len(shape) == 3).eval()


@pytest.mark.parametrize(
    ("name", "shape", "small"),
    [
        ("mlp", (4,), True), ("mlp", (1, 8, 8), True), ("mlp", (3, 32, 32), True),
        ("mlp", (3, 224, 224), False), ("cnn", (1, 8, 8), False), ("resnet18", (3, 32, 32), False),
    ],
)  # fmt: skip
def test_which_networks_are_small(name: str, shape: tuple[int, ...], small: bool) -> None:
    net, head = registry.get("model", name).make(shape, 10)
    one = Classifier(net, head, [0.0] * shape[0], [1.0] * shape[0], image=len(shape) == 3)
    assert is_small(one.eval(), shape) == small


def test_a_linear_layer_counts_once_for_each_patch() -> None:
    rows = nn.Sequential(nn.Linear(64, 64), nn.Flatten(), nn.Linear(64 * 64, 2))
    assert is_small(classifier(rows, (1, 64, 64)), (1, 64, 64))  # 64 x 4,096 + 8,192
    often = nn.Sequential(*(nn.Linear(64, 64) for _ in range(4)), nn.Flatten(), nn.Linear(4096, 2))
    assert sum(part.numel() for part in often.parameters()) < 30_000
    assert not is_small(classifier(often, (1, 64, 64)), (1, 64, 64))


def test_each_study_uses_the_threads_for_its_network(eight: None, tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path), "cpu", spare_cores=1)
    assert torch.get_num_threads() == 7
    data = pipeline.dataset(DataSpec("digits"), Reporter())
    words = {"methods": ("gd",), "forget": "class:8:3", "retrains": 0, "training": {"epochs": 1}}
    few = {**words, "settings": {"gd": {"epochs": 1}}, "draws": 10, "taus": "0.1"}
    mlp = pipeline.compose(data, model="mlp", **{**few, "retrains": 1})
    cnn = pipeline.compose(data, model="cnn", **{**few, "retrains": 1})
    for spec, threads in ((mlp, 1), (cnn, 7), (mlp, 1), (cnn, 7)):
        pipeline.work.model(pipeline.plan(spec), "original", Reporter())
        pipeline.work.loaded(pipeline.plan(spec), "original")
        assert torch.get_num_threads() == threads
