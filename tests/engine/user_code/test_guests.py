"""Somebody's own network changes nothing for others, and what goes wrong in it is a sentence."""

from __future__ import annotations

import locale
import logging
import os
import re
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.datasets.base import Dataset, load
from engine.errors import EngineError, SpecError
from engine.external.network import model_spec, network
from engine.models.base import Classifier
from engine.pipeline.pipeline import Pipeline
from engine.results import Study
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import DataSpec, RunSpec
from engine.storage.store import Store
from engine.user_code import global_settings

NET = """
import os, sys
import numpy as np
import torch
from torch import nn
{top}
class Back(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x.clone()
    @staticmethod
    def backward(ctx, grad):
        {back}
        return grad

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {init}
        self.body, self.end = nn.Linear(4, 8), nn.Linear(8, 3)
    def forward(self, x):
        {before}
        f = self.body(x).relu()
        y = self.end(Back.apply(f))
        {after}
        return y

def make():
    {made}
    return Net()
"""
SETTINGS = {
    "precision": "torch.set_float32_matmul_precision('medium')",
    "dtype": "torch.set_default_dtype(torch.float64)",
    "tensor type": "torch.set_default_tensor_type(torch.DoubleTensor)",
    "device": "torch.set_default_device('cpu')",
    "grad": "torch.set_grad_enabled(False)",
    "threads": "torch.set_num_threads(3)",
    "deterministic": "torch._C._set_deterministic_algorithms(True, warn_only=True)",
    "cudnn": "torch.backends.cudnn.benchmark = True",
    "cudnn off": "torch.backends.cudnn.enabled = False",
    "tf32": "torch.backends.cuda.matmul.allow_tf32 = True",
    "mkldnn": "torch._C._set_mkldnn_enabled(False)",
    "denormals": "torch.set_flush_denormal(True)",
    "autocast": "torch.set_autocast_enabled('cpu', True)",
    "autocast entered": "torch.autocast('cpu', torch.bfloat16).__enter__()",
    "hook of all": "nn.modules.module.register_module_forward_hook(lambda m, i, o: o)",
    "anomaly": "torch.autograd.set_detect_anomaly(True)",
    "function mode": "torch.overrides.BaseTorchFunctionMode().__enter__()",
    "seterr": "np.seterr(all='ignore')",
    "folder": "os.chdir('/')",
    "environment": "os.environ['RK_TEST'] = '1'",
    "recursion": "sys.setrecursionlimit(700)",
}
PRECISION = getattr(torch._C, "_get_fp32_precision_getter", lambda *_: "")  # torch 2.9 and later
if hasattr(torch._C, "_get_fp32_precision_getter"):
    SETTINGS |= {
        "precision by backend": "torch.backends.mkldnn.matmul.fp32_precision = 'bf16'",
        "precision of all": "torch.backends.fp32_precision = 'tf32'",
    }
GIVEN_BACK = ("grad", "autocast", "autocast entered", "function mode")  # by torch, after backward
AT_IMPORT = SETTINGS | {
    "path": "sys.path.insert(0, '/nowhere')",
    "module": "sys.modules['csv'] = None",
    "signal": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "warnings": "import warnings; warnings.simplefilter('error')",
    "logging": "import logging; logging.basicConfig(level=1); logging.disable(50)",
    "output": "sys.stdout = None",
    "seed": "torch.manual_seed(3)",
    "numpy seed": "np.random.seed(3)",
    "python seed": "import random; random.seed(3)",
    "trust": "torch.serialization.add_safe_globals([nn.Linear])",
    "images": "import PIL.ImageFile as f; f.LOAD_TRUNCATED_IMAGES = True",
}


def state() -> dict[str, Any]:
    """What later computations of this process depend on."""
    x = torch.linspace(-2, 3, 64 * 64).reshape(64, 64)
    import csv
    import random

    import PIL.ImageFile

    kernels = torch.backends
    numbers = np.random.get_state()
    return {
        "product": (x @ x).tolist(), "dtype": torch.get_default_dtype(), 
        "new": torch.ones(1).device,
        "grad": torch.is_grad_enabled(), "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "bf16": PRECISION("mkldnn", "matmul"),
        "cudnn": (kernels.cudnn.benchmark, kernels.cudnn.enabled, kernels.cudnn.allow_tf32),
        "tf32": kernels.cuda.matmul.allow_tf32, "mkldnn": torch._C._get_mkldnn_enabled(),
        "tiny": float(torch.tensor(1e-40) * 1),
        "autocast": (torch.is_autocast_enabled("cpu"), global_settings._nesting()),
        "hooks": len(nn.modules.module._global_forward_hooks),
        "anomaly": torch.is_anomaly_enabled(),
        "modes": torch._C._len_torch_function_stack(), "numpy": np.geterr(), "folder": os.getcwd(),
        "environment": os.environ.get("RK_TEST"), "recursion": sys.getrecursionlimit(),
        "path": list(sys.path), "module": csv, "signal": signal.getsignal(signal.SIGTERM),
        "warnings": list(warnings.filters), "output": sys.stdout,
        "logging": (logging.root.level, len(logging.root.handlers), logging.root.manager.disable),
        "seeds": (torch.initial_seed(), numbers[1].tolist(), numbers[2], random.getstate()),
        "locale": locale.setlocale(locale.LC_ALL),
        "trust": set(torch.serialization.get_safe_globals()),
        "images": PIL.ImageFile.LOAD_TRUNCATED_IMAGES,
    }  # fmt: skip


@pytest.fixture(scope="module")
def iris() -> Dataset:
    return load(DataSpec("iris"))


def write(folder: Path, **lines: str) -> str:
    """A network file with these lines in it; how a command line names it."""
    parts = ("top", "back", "init", "before", "after", "made")
    text = NET.format(**{part: lines.get(part, "pass") for part in parts})
    (folder / "mine.py").write_text(text)
    return f"{folder / 'mine.py'}:make"


def made(folder: Path, dataset: Dataset, **lines: str) -> Classifier:
    return network(model_spec(write(folder, **lines)), dataset, generator(0, "test"))


def spec_of(pipeline: Pipeline, model: str, **more: Any) -> RunSpec:
    words: dict[str, Any] = {"training": {"epochs": 1}, "retrains": 1, "draws": 10}
    data = pipeline.dataset(DataSpec("iris"), Reporter())
    words |= {"forget": "class:1:3", "methods": ("ga",), **more}
    return pipeline.compose(data, model=model, **words)


# -- settings of the process ----------------------------------------------------------------------


@pytest.mark.usefixtures("unchanged")
@pytest.mark.filterwarnings("ignore:torch.set_default_tensor_type")
@pytest.mark.parametrize("place", ["top", "init", "made"])
@pytest.mark.parametrize("line", AT_IMPORT.values(), ids=AT_IMPORT)
def test_what_a_file_sets_when_it_is_run_is_given_back(
    line: str, place: str, tmp_path: Path, iris: Dataset
) -> None:
    before = state()
    assert made(tmp_path, iris, **{place: line}).head.out_features == 3
    after = state()
    assert {name for name in before if before[name] != after[name]} == set()


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Settings are what they were for the tests that follow, whatever this one shows."""
    from engine.user_code.global_state import restored_settings

    with restored_settings():
        yield


@pytest.mark.usefixtures("unchanged")
@pytest.mark.filterwarnings("ignore:torch.set_default_tensor_type")
@pytest.mark.parametrize(
    ("line", "place"),
    [
        (line, place)
        for name, line in SETTINGS.items()
        for place in ("before", "after", "back")
        if place != "back" or name not in GIVEN_BACK
    ],
)
def test_a_network_that_sets_something_in_a_pass_is_refused(
    line: str, place: str, tmp_path: Path, iris: Dataset
) -> None:
    before = state()
    with pytest.raises(
        SpecError, match=r"mine\.py:make .*(in its forward pass|in a pass|failed|no gradient)"
    ):
        made(tmp_path, iris, **{place: line})
    after = state()
    assert {name for name in before if before[name] != after[name]} == set()


@pytest.mark.parametrize(
    "line", ["torch.set_default_dtype(torch.float64)", "torch.backends.cudnn.enabled = False"]
)
def test_a_setting_that_is_changed_for_a_while_is_refused(
    line: str, tmp_path: Path, iris: Dataset
) -> None:
    back = "torch.set_default_dtype(torch.float32); torch.backends.cudnn.enabled = True"
    with pytest.raises(SpecError, match=r"in (a|its forward) pass"):
        made(tmp_path, iris, before=line, after=back)


@pytest.mark.usefixtures("unchanged")
def test_a_setting_that_is_changed_in_the_midst_of_training_ends_it(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    line = "torch.set_float32_matmul_precision('medium') if len(x) == 117 else None"
    model, before = write(tmp_path, before=line), state()
    with pytest.raises(
        SpecError, match=r"make of retrain-0 changes .*matmul_precision in its forward pass"
    ):
        pipeline.run(spec_of(pipeline, model), Reporter())
    assert state() == before


def same(one: Study, other: Study) -> None:
    assert one.key == other.key
    for name, counts in one.residual.counts.items():
        np.testing.assert_array_equal(counts, other.residual.counts[name])
    for name, row in one.metrics.items():
        known = {metric: value for metric, value in row.items() if "second" not in metric}
        assert known == {metric: other.metrics[name][metric] for metric in known}


@pytest.mark.usefixtures("unchanged")
def test_a_built_in_study_is_the_same_after_a_strangers(tmp_path: Path, pipeline: Pipeline) -> None:
    expected = pipeline.run(spec_of(pipeline, "mlp"), Reporter())
    lines = [line for line in AT_IMPORT.values() if "tensor_type" not in line]
    in_factory = "; ".join(line for line in SETTINGS.values() if "tensor_type" not in line)
    theirs = spec_of(pipeline, write(tmp_path, top="\n".join(lines), made=in_factory))
    pipeline.run(theirs, Reporter())
    other = Pipeline(Store(tmp_path / "other"))
    same(other.run(spec_of(other, "mlp"), Reporter()), expected)
    assert_same_weights(pipeline, other)
    other.close()


def assert_same_weights(one: Pipeline, other: Pipeline) -> None:
    spec = spec_of(one, "mlp")
    for name in ("original", "ga", "retrain-0"):
        a, b = (each.work.loaded(each.plan(spec), name).state_dict() for each in (one, other))
        assert all(torch.equal(a[part], b[part]) for part in a)


PATCHES = {
    "function": "torch.nn.functional.relu = lambda x: x * 0",
    "method": "nn.Linear.forward = lambda self, x: x",
    "method of tensors": "torch.Tensor.relu = lambda self: self * 0",
    "call": "nn.Module.__call__ = lambda self, x: x",
    "loader": "torch.load = lambda *a, **b: {}",
    "numpy": "np.mean = lambda *a, **b: 0",
    "engine": "import engine.residual.summary; engine.residual.summary.summarize = print",
    "class of the engine": "from engine.storage.store import Store; Store.get = lambda *a: None",
}


@pytest.mark.parametrize("line", PATCHES.values(), ids=PATCHES)
def test_a_file_that_replaces_functions_of_others_is_refused(
    line: str, tmp_path: Path, iris: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    import engine.residual.summary

    homes = (
        torch.nn.functional,
        nn.Linear,
        nn.Module,
        torch.Tensor,
        torch,
        np,
        engine.residual.summary,
        Store,
    )
    before = [dict(vars(home)) for home in homes]
    with pytest.raises(SpecError, match="which the whole program uses"):
        made(tmp_path, iris, top=line)
    for home, old in zip(homes, before, strict=True):
        assert {name for name in old if vars(home).get(name) is not old[name]} <= {
            "__annotations__"
        }


def test_each_file_has_its_own_neighbors(tmp_path: Path, iris: Dataset) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "beside.py").write_text(f"NAME = {name!r}")
        (tmp_path / name / "colorsys.py").write_text("raise SystemExit")
    lines = {"top": "import beside", "init": "import beside as b; self.name = b.NAME"}
    made_of = [made(tmp_path / name, iris, **lines).net.name for name in ("one", "two", "one")]
    assert made_of == ["one", "two", "one"]
    made(tmp_path / "one", iris, top="import statistics")
    import colorsys

    assert colorsys.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    sys.modules.pop("beside", None)


# -- errors ---------------------------------------------------------------------------------------

ERRORS = {
    "exception": ("raise ValueError('no such\\n  size')", r"failed: ValueError: no such size"),
    "exit": ("sys.exit('bye')", "failed: SystemExit: bye"),
    "exit of Python": ("raise SystemExit", "failed: SystemExit"),
    "interrupt": ("raise KeyboardInterrupt", "failed: KeyboardInterrupt"),
    "own kind": ("raise type('Stop', (BaseException,), {})()", "failed: Stop"),
    "end": ("raise StopIteration", "failed: StopIteration"),
    "recursion": ("self.forward(x)", "failed: RecursionError"),
    "assertion": ("assert x is None", "failed: AssertionError"),
    "shape": ("self.end(x)", "failed: RuntimeError"),
    "cancelled": ("import asyncio; raise asyncio.CancelledError", "failed: CancelledError"),
}
FAILING = "\n        if len(x) == {n}:\n            {line}"


@pytest.mark.parametrize(("line", "says"), ERRORS.values(), ids=ERRORS)
def test_an_error_in_a_pass_names_model_and_line(
    line: str, says: str, tmp_path: Path, pipeline: Pipeline
) -> None:
    model = write(tmp_path, before="pass" + FAILING.format(n=117, line=line))
    with pytest.raises(SpecError, match=rf"^The network mine\.py:make of retrain-0 {says}") as said:
        pipeline.run(spec_of(pipeline, model), Reporter())
    assert re.search(r"\(mine\.py, line 2[23]\)$", str(said.value)) and "\n" not in str(said.value)


@pytest.mark.parametrize(("line", "says"), ERRORS.values(), ids=ERRORS)
def test_an_error_at_once_is_said_before_any_training(
    line: str, says: str, tmp_path: Path, iris: Dataset
) -> None:
    with pytest.raises(SpecError, match=rf"mine\.py:make .*{says}.*\(mine\.py, line \d+\)"):
        made(tmp_path, iris, before=line)


@pytest.mark.parametrize("line", ["raise ValueError('no')", "sys.exit(3)"])
def test_an_error_in_the_backward_pass_names_model_and_line(
    line: str, tmp_path: Path, pipeline: Pipeline
) -> None:
    model = write(tmp_path, back=f"\n        if len(grad) == 117:\n            {line}")
    with pytest.raises(SpecError, match=r"of retrain-0 failed: .*\(mine\.py, line 14\)"):
        pipeline.run(spec_of(pipeline, model), Reporter())


def test_somebody_who_interrupts_a_pass_is_heard(tmp_path: Path, iris: Dataset) -> None:
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path, iris, before="import signal; signal.raise_signal(signal.SIGINT)")


WRONG = {
    "a class less": ("y = y[:, :2]", "returns 117x2 logits for 117 samples"),
    "a sample less": ("y = y[1:]", "returns 116x3 logits"),
    "flat": ("y = y.flatten()", "returns 351 logits"),
    "tuple": ("y = (y, f)", "returns a tuple for 117 samples"),
    "list": ("y = [y]", "returns a list"),
    "dict": ("y = {'logits': y}", "returns a dict"),
    "nothing": ("y = None", "returns a NoneType"),
    "object": ("y = type('ModelOutput', (dict,), {})(logits=y)", "returns a ModelOutput"),
    "array": ("y = y.detach().numpy()", "returns a ndarray"),
    "float64": ("y = y.double()", "returns logits in float64"),
    "float16": ("y = y.half()", "returns logits in float16"),
    "whole numbers": ("y = y.long()", "returns logits in int64"),
    "complex": ("y = y.to(torch.complex64)", "returns logits in complex64"),
    "detached": ("y = y.detach()", "returns logits without a gradient"),
    "data": ("y = self.end(f.data).data", "returns logits without a gradient"),
}


@pytest.mark.parametrize("when", ["len(x) == 117", "self.training"])
@pytest.mark.parametrize(("line", "says"), WRONG.values(), ids=WRONG)
def test_what_is_no_logits_is_said(
    line: str, says: str, when: str, tmp_path: Path, pipeline: Pipeline
) -> None:
    model = write(tmp_path, after=f"\n        if {when}:\n            {line}")
    if when == "self.training":
        says = says.replace("117", r"\d+").replace("116", r"\d").replace("351", r"\d+")
        whose = " of original"
    else:
        whose = " of retrain-0"
    with pytest.raises(SpecError, match=rf"The network mine\.py:make{whose} {says}"):
        pipeline.run(spec_of(pipeline, model), Reporter())


def test_what_is_wrong_for_copies_alone_names_whose_they_are(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    sizes = tmp_path / "sizes"
    line = f"__import__('pathlib').Path({str(sizes)!r}).write_text(str(len(x)))"
    pipeline.run(spec_of(pipeline, write(tmp_path, before=line)), Reporter())
    copies = sizes.read_text()  # asked about in the last pass of all
    line = "pass" + FAILING.format(n=copies, line="raise ValueError('no')")
    with pytest.raises(EngineError, match=r"mine\.py:make( of [a-z0-9-]+)? failed: ValueError: no"):
        pipeline.run(spec_of(pipeline, write(tmp_path, before=line)), Reporter())


# -- answers --------------------------------------------------------------------------------------

FICKLE = {
    "size of the batch": ("y = y * len(x)", "mixes the samples of a batch"),
    "large batches": ("y = y + (len(x) > 100)", "mixes the samples of a batch"),
    "place in it": ("y = y + torch.arange(len(x))[:, None]", "mixes the samples of a batch"),
    "neighbors": ("y = y.roll(1, 0)", "mixes the samples of a batch"),
    "squeeze": ("y = y.squeeze()", "returns 3 logits for 1 sample; it should return 1x3"),
    "statistics": ("y = (y - y.mean(0)) / (y.std(0) + 1)", "mixes the samples of a batch|failed"),
    "noise": ("y = y + torch.randn_like(y)", "random in eval mode"),
    "noise of numpy": ("y = y + float(np.random.default_rng().normal())", "random in eval mode"),
    "counter": ("self.calls += 1", r"changes calls each time it is evaluated"),
    "counter of the class": ("Net.calls += 1", r"changes Net\.calls each time"),
    "counter of the file": ("global N; N = N + 1", r"changes .*N each time"),
    "buffer": ("self.seen += 1", "changes seen each time"),
    "no numbers": ("y = y / 0", "NaN or infinite values"),
}


@pytest.mark.parametrize(("line", "says"), FICKLE.values(), ids=FICKLE)
def test_answers_that_depend_on_more_than_the_sample_are_refused(
    line: str, says: str, tmp_path: Path, iris: Dataset
) -> None:
    init = "self.calls = 0; self.register_buffer('seen', torch.zeros(1))"
    if "Net.calls" in line:
        init = "pass"
        line = "Net.calls = getattr(Net, 'calls', 0) + 1"
    with pytest.raises(SpecError, match=says):
        made(tmp_path, iris, init=init, top="N = 0", after=line)


def test_what_a_layer_keeps_of_the_last_pass_is_no_memory(tmp_path: Path, iris: Dataset) -> None:
    line = "self.last, self.size = f, len(x); self.calls = self.training and self.calls or 0"
    assert made(tmp_path, iris, init="self.calls = 0", after=line).head.out_features == 3


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("y = y + y.mean(0) * (self.end.bias[0] > 50)", "original mixes the samples of a batch"),
        ("y = y + len(x) * (self.end.bias[0] > 50)", "original mixes the samples of a batch"),
        ("y = y + float(np.random.default_rng().normal()) * (self.end.bias[0] > 50)", "original"),
        ("y = y / (self.end.bias[0] < 50)", "NaN or infinite"),
    ],
)
def test_given_weights_are_asked_before_they_are_measured(
    line: str, says: str, tmp_path: Path, pipeline: Pipeline, iris: Dataset
) -> None:
    model = write(tmp_path, after=line)
    net = network(model_spec(model), iris, generator(0, "given"))
    with torch.no_grad():
        net.head.bias[0] = 60.0
    torch.save(net.state_dict(), tmp_path / "given.pt")
    spec = spec_of(pipeline, model, weights={"original": tmp_path / "given.pt"})
    with pytest.raises(EngineError, match=says):
        pipeline.run(spec, Reporter())
