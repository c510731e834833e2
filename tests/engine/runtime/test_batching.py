"""Work that does not fit: a network that runs out of memory for more than so many samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from needs import needs
from torch import Tensor, nn

from engine.__main__ import main
from engine.comparison.activations import layers_of
from engine.comparison.gram_matrices import gram_matrices
from engine.embedding.outputs import point_outputs
from engine.errors import OutOfMemory
from engine.inference.evaluator import Evaluator
from engine.models.base import Classifier
from engine.pipeline import model_maker
from engine.pipeline.epoch_probe import _right
from engine.pipeline.model_making import _logits
from engine.pipeline.pipeline import Pipeline
from engine.residual.neighborhood import predict_with_confidence
from engine.residual.predictions import predict_copies
from engine.residual.smallest_tau import smallest_taus
from engine.runtime import memory
from engine.runtime.batching import Batches, memory_guard
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.spec import DataSpec, ProbeSpec, SGDSpec
from engine.storage.store import Store
from engine.training.relearn import loss_on
from engine.training.sgd import Pass, descend

CPU = (
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 123456789 bytes. Error code 12 (Cannot allocate memory)"
)
FEW = 8  # samples in the check of a network before training
WORDS = {
    "cpu": RuntimeError(CPU),
    "old cpu": RuntimeError("not enough memory: you tried to allocate 4096 bytes."),
    "gpu": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ..."),
    "python": MemoryError(),
}


class Tight(nn.Module):
    """A network that runs out of memory for more than `fits` samples."""

    def __init__(self, inner: nn.Module, fits: int, error: Exception | None = None) -> None:
        super().__init__()
        self.inner, self.fits = inner, fits
        self.error = error or WORDS["cpu"]
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        """The logits of the wrapped network."""
        self.sizes.append(len(x))
        if len(x) > self.fits:
            raise self.error
        answer: Tensor = self.inner(x)
        return answer


@pytest.fixture(scope="module")
def net() -> Classifier:
    """A classifier with three classes and four inputs."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    return Classifier(body, "2", [0.0], [1.0], image=False).eval()


@pytest.fixture(scope="module")
def samples() -> Samples:
    """Thirty samples."""
    torch.manual_seed(1)
    return Samples(torch.rand(30, 4), torch.arange(30) % 3, 3)


def tight(net: Classifier, fits: int) -> Classifier:
    """The same classifier with memory for `fits` samples."""
    return Classifier(Tight(net.net, fits), "inner.2", [0.0], [1.0], image=False).eval()


# -- halving --------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", WORDS.values(), ids=WORDS)
def test_a_batch_that_does_not_fit_is_halved(error: Exception) -> None:
    tried: list[tuple[int, int]] = []

    def work(part: slice) -> list[int]:
        tried.append((part.start, part.stop))
        if part.stop - part.start > 3:
            raise error
        return list(range(part.start, part.stop))

    batches = Batches(8, "One", "cpu")
    assert [i for part in batches.over(10, work) for i in part] == list(range(10))
    assert tried == [(0, 8), (0, 4), (0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    tried.clear()
    assert [i for part in batches.over(4, work) for i in part] == [0, 1, 2, 3]
    assert tried == [(0, 2), (2, 4)]  # the reduced size is kept


def test_a_short_last_batch_does_not_reduce_the_size() -> None:
    batches = Batches(8, "One", "cpu")
    assert list(batches.over(3, lambda part: part)) == [slice(0, 3)]
    assert batches.most == 8


def test_other_errors_pass_through() -> None:
    def work(part: slice) -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        list(Batches(8, "One", "cpu").over(8, work))


@pytest.mark.parametrize(("name", "size"), [("cpu", "117.7 MiB"), ("gpu", "2.00 GiB")])
def test_a_single_sample_that_does_not_fit_reports_the_sizes(name: str, size: str) -> None:
    def work(part: slice) -> None:
        raise WORDS[name]

    with pytest.raises(OutOfMemory) as caught:
        list(Batches(8, "One sample of 3x32x32 values", "cpu").over(8, work))
    said = str(caught.value)
    assert said.startswith("One sample of 3x32x32 values does not fit into the memory of cpu (")
    assert f"{size} requested, " in said
    assert " free)" in said
    assert "--side" in said and "--device" in said


# -- everything that evaluates a network ----------------------------------------------------------


def test_predictions_do_not_depend_on_the_batch_size(net: Classifier, samples: Samples) -> None:
    x = samples.pixels()
    assert torch.equal(Evaluator(tight(net, 7)).classes(x), Evaluator(net).classes(x))


@pytest.mark.parametrize(
    "perturbation", ["gaussian", pytest.param("pgd", marks=needs("torchattacks"))]
)
def test_verdicts_continue_with_smaller_batches(
    net: Classifier, samples: Samples, perturbation: str
) -> None:
    probe = ProbeSpec(perturbation, (0.0, 0.1), draws=20, steps=2)
    rows = list(range(6))

    def found(model: Classifier) -> dict[str, np.ndarray]:
        return predict_copies(
            {"m": model}, samples.x[rows], samples.y[rows], rows, probe, range(2), 3, Reporter(),
            net if perturbation == "pgd" else None,
        )  # fmt: skip

    small = tight(net, 4)
    assert np.array_equal(found(small)["m"], found(net)["m"])


@needs("torchattacks")
def test_verdicts_continue_if_an_attack_does_not_fit(net: Classifier, samples: Samples) -> None:
    probe = ProbeSpec("pgd", (0.1,), draws=10, steps=2)
    rows, source = list(range(6)), tight(net, 25)
    found = predict_copies(
        {"m": net}, samples.x[rows], samples.y[rows], rows, probe, range(1), 3, Reporter(), source
    )
    assert found["m"].shape == (6, 1, 10)
    assert max(size for size in source.net.sizes) == 60  # ten copies of six samples at first
    assert 10 <= source.net.sizes[-1] <= 25  # then as many as fit


def test_outputs_do_not_depend_on_the_batch_size(net: Classifier, samples: Samples) -> None:
    assert np.allclose(_logits(tight(net, 7), samples), _logits(net, samples))


def test_accuracies_and_losses_do_not_depend_on_the_batch_size(
    net: Classifier, samples: Samples
) -> None:
    rows, small = torch.arange(30), tight(net, 7)
    assert _right(small, samples, rows, Reporter()) == _right(net, samples, rows, Reporter())
    assert loss_on(small, samples, rows) == pytest.approx(loss_on(net, samples, rows))


def test_confidence_does_not_depend_on_the_batch_size(net: Classifier, samples: Samples) -> None:
    said, sure = predict_with_confidence({"m": tight(net, 7)}, samples.x, 1)
    expected, confidence = predict_with_confidence({"m": net}, samples.x, 1)
    assert np.array_equal(said["m"], expected["m"])
    assert np.allclose(sure["m"], confidence["m"])


def test_features_do_not_depend_on_the_batch_size(net: Classifier, samples: Samples) -> None:
    report = Reporter()
    small = point_outputs(tight(net, 7), samples.x, samples.y.numpy(), report)
    whole = point_outputs(net, samples.x, samples.y.numpy(), report)
    assert np.allclose(small.features, whole.features)
    assert np.allclose(small.loss, whole.loss)
    assert np.array_equal(small.predicted, whole.predicted)


def test_each_layer_is_recorded_once(net: Classifier, samples: Samples) -> None:
    small = tight(net, 7)
    layers = layers_of(small, samples.x[:4])
    rows = np.arange(30)
    found = gram_matrices(small, layers, samples, rows, Reporter())
    small.net.fits = 100
    for one, other in zip(
        found, gram_matrices(small, layers, samples, rows, Reporter()), strict=True
    ):
        assert one.shape == (30, 30)
        assert np.allclose(one, other, atol=1e-4)


def test_the_smallest_tau_does_not_depend_on_the_batch_size(
    net: Classifier, samples: Samples
) -> None:
    probe = ProbeSpec("gaussian", (0.0, 0.2, 0.4), draws=10)
    rows = list(range(8))
    more = (samples.x[rows], samples.y[rows], rows, probe, 3, Reporter())
    found = smallest_taus(tight(net, 15), *more)
    assert np.array_equal(found, smallest_taus(net, *more), equal_nan=True)


# -- training -------------------------------------------------------------------------------------


def test_training_gives_advice_and_does_not_halve_its_batch(
    net: Classifier, samples: Samples
) -> None:
    small, report = tight(net, 4), Reporter()
    report.stage("gd")
    sweep = Pass(lambda model, step: model(samples.x[step.batch]).sum(), torch.arange(30))
    with pytest.raises(OutOfMemory) as caught:
        descend(
            small, lambda _: [sweep], SGDSpec(epochs=1, batch=10), seed=1, salt="t", report=report
        )
    assert "A batch of 10 samples, as processed by gd, does not fit" in str(caught.value)
    assert "train.batch" in str(caught.value)
    assert small.net.sizes == [10]


def test_the_command_line_reports_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    linear = nn.functional.linear

    def refuse(x: Tensor, *weights: Tensor) -> Tensor:
        if len(x) > FEW:
            raise WORDS["gpu"]
        return linear(x, *weights)

    monkeypatch.setattr(nn.functional, "linear", refuse)
    out = tmp_path / "a.json"
    words = ["run", "--dataset", "iris", "--methods", "gd", "--json", str(out)]
    assert main([*words, "--store", str(tmp_path / "s")]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("rk-engine: A batch of ")
    assert not out.exists()


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ((Samples, "on"), r"^The dataset Iris does not fit .* \(--device\)\.$"),
        ((model_maker, "network"), "^original, with all that its training holds, does not fit"),
    ],
)
def test_allocations_before_the_first_batch_are_named_too(
    at: tuple[Any, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise WORDS["gpu"]

    pipeline = Pipeline(Store(tmp_path))
    spec = pipeline.compose(pipeline.dataset(DataSpec("iris"), Reporter()), methods=["gd"])
    monkeypatch.setattr(*at, refuse)
    with pytest.raises(OutOfMemory, match=words):
        pipeline.run(spec, Reporter())


# -- what is larger than memory -------------------------------------------------------------------


def test_more_than_the_free_memory_is_refused_before_allocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = memory.free()
    assert left is not None and left > 1 << 20
    memory.require(1 << 20, "This")
    expected = r"^This takes 1024\.0 TiB of memory, but only .* are free\."
    with pytest.raises(OutOfMemory, match=expected):
        memory.require(1 << 50, "This")


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "FOLDER", tmp_path)
    before = memory.free()
    (tmp_path / "memory.max").write_text("max")
    assert memory._of_group(memory.GROUPS[0]) is None
    (tmp_path / "memory.max").write_text("1000000")
    (tmp_path / "memory.current").write_text("900000")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 300000\n")
    assert memory.free() == 400_000
    assert before is None or before > 400_000


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="Linux tells there")
def test_free_memory_is_that_of_the_kernel() -> None:
    def said() -> int:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found = {name: int(rest.split()[0]) for name, rest in (one.split(":") for one in lines)}
        return 1024 * (found["MemAvailable"] + found["SwapFree"])

    before, left, after = said(), memory._of_machine(), said()
    assert left is not None
    assert left == pytest.approx((before + after) / 2, rel=0.05)  # others allocate


def test_nothing_is_refused_if_free_memory_is_unknown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail() -> None:
        raise FileNotFoundError("/proc/meminfo")

    monkeypatch.setattr(psutil, "virtual_memory", fail)
    monkeypatch.setattr(memory, "FOLDER", tmp_path)
    assert memory.free() is None
    memory.require(1 << 60, "This")


@pytest.mark.parametrize(
    ("size", "text"),
    [(5, "5 B"), (2048, "2.0 KiB"), (3 << 30, "3.0 GiB"), (1 << 60, "1048576.0 TiB")],
)
def test_sizes_have_readable_units(size: int, text: str) -> None:
    assert memory.format_size(size) == text


def test_the_memory_guard_lets_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="other"), memory_guard("A batch", "cpu", "Wait."):
        raise RuntimeError("other")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_batches_on_a_full_gpu_are_halved() -> None:
    left = torch.cuda.mem_get_info()[0]
    values = left // 4 // 8  # floats of one sample: eight samples take all free memory

    def work(part: slice) -> int:
        return len(torch.empty(part.stop - part.start, values * 4, device="cuda"))

    batches = Batches(8, "One", "cuda")
    assert sum(batches.over(8, work)) == 8
    assert batches.most < 8
    torch.cuda.empty_cache()
