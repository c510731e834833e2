"""Seeds, devices, and importing torchvision beside any torch."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from needs import needs
from patience import PATIENCE

from engine.errors import SpecError
from engine.runtime import device, libraries
from engine.runtime.device import choose_device
from engine.runtime.seeds import borrowed_global_seed, derive, generator, numpy_generator


def disturb_global_state() -> None:
    """Seed and draw from all global generators."""
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    random.random(), np.random.rand(3), torch.rand(3)


# -- seeds ----------------------------------------------------------------------------------------


def test_a_derived_seed_is_the_same_everywhere() -> None:
    assert derive(131, "order") == 5481624954182032046
    assert 0 <= derive(131, "order") < 2**63


def test_derived_seeds_differ_by_seed_and_by_every_part_of_the_purpose() -> None:
    made = [
        derive(1), derive(2), derive(1, "a"), derive(1, "b"), derive(1, "a", "b"),
        derive(1, "ab"), derive(1, "b", "a"), derive(1, "a", 1), derive(1, "a", "1"), derive(1, 1),
    ]  # fmt: skip
    assert len(set(made)) == len(made)


def test_numpy_integers_count_like_pythons() -> None:
    assert derive(np.int64(3), "x", np.int32(4)) == derive(3, "x", 4)


def test_a_purpose_may_not_be_a_fraction() -> None:
    with pytest.raises(TypeError):  # int(0.3) and int(0.4) would be the same purpose
        derive(1, 0.3)  # type: ignore[arg-type]


def test_generators_ignore_and_keep_global_state() -> None:
    first = torch.rand(4, generator=generator(7, "x")), numpy_generator(7, "x").random(4)
    disturb_global_state()
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    again = torch.rand(4, generator=generator(7, "x")), numpy_generator(7, "x").random(4)
    assert torch.equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist() and before[2] == random.getstate()


def test_a_borrowed_global_seed_is_restored() -> None:
    disturb_global_state()
    before = torch.get_rng_state()
    with borrowed_global_seed(3, "attack"):
        first = torch.rand(3)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(5)
    with borrowed_global_seed(3, "attack"):
        assert torch.equal(first, torch.rand(3))


def test_a_borrowed_global_seed_is_restored_after_an_error() -> None:
    before = torch.get_rng_state()
    with contextlib.suppress(ZeroDivisionError), borrowed_global_seed(3):
        _ = torch.rand(3) + 1 / 0
    assert torch.equal(before, torch.get_rng_state())


# -- devices and threads --------------------------------------------------------------------------


def test_auto_finds_a_device() -> None:
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:x", "cuda:-1", "CPU", "cpu:0", "tpu"])
def test_the_error_for_an_unknown_device_lists_the_known_ones(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        choose_device(name)
    assert f"There is no device '{name}'. Use auto, cpu, cuda" in str(caught.value)


def test_an_unavailable_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match=r"'cuda:99' is not available: .* sees .* Use --device cpu"):
        choose_device("cuda:99")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(SpecError, match="'mps' is not available on this machine"):
        choose_device("mps")


# -- torchvision ----------------------------------------------------------------------------------


def run(code: str) -> str:
    """The output of a fresh interpreter in which every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


USE = """
from engine.runtime.libraries import torchvision
net = torchvision("torchvision.models").resnet18(num_classes=3)
print(net.fc.out_features, torchvision("torchvision.datasets").CIFAR10.base_folder)
"""


@needs("torchattacks")
def test_torchvision_can_be_imported_twice_and_used() -> None:
    code = """
from engine.runtime.libraries import torchattacks, torchvision
print(torchvision() is torchvision(), torchattacks().FGSM.__name__)
"""
    assert run(code + USE) == "True FGSM\n3 cifar-10-batches-py"


def test_torchvision_can_be_imported_after_a_failed_import() -> None:
    attempt = "import contextlib\nwith contextlib.suppress(Exception):\n    import torchvision\n"
    assert run(attempt + USE) == "3 cifar-10-batches-py"


def test_existing_operators_are_left_alone() -> None:
    libraries.torchvision()
    if not libraries._schemas:
        pytest.skip(
            "this torchvision brings its operators along, and no one may declare them first"
        )
    define = """
import torch
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
    count = "from engine.runtime import libraries\nprint(len(libraries._schemas))"
    assert run(define + USE + count) == "3 cifar-10-batches-py\n0"


def test_other_errors_of_torchvision_are_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("something else is wrong")

    monkeypatch.setattr(device.importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="something else is wrong"):
        libraries.torchvision("torchvision.transforms")


def test_the_error_for_a_missing_package_names_it_and_its_user() -> None:
    libraries.require("numpy", "Everything needs")
    with pytest.raises(SpecError, match="Figures need the package nowhere_at_all, which"):
        libraries.require("nowhere_at_all", "Figures need")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux loads libraries so")
def test_torch_libraries_are_loaded_before_the_import() -> None:
    code = (
        "import sys\n"
        "from engine.runtime.device import preload_torch\n"
        "preload_torch()\n"
        "assert 'torch' not in sys.modules\n"
        "assert 'libtorch_cpu.so' in open('/proc/self/maps').read()\n"
        "import torch\n"
        "assert float(torch.ones(3).sum()) == 3\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


FAULTS = """
import resource, torch
from engine.runtime.device import keep_freed_memory
keep_freed_memory()
for turn in range(6):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [torch.zeros(7 * 2**20) for _ in range(6)]  # 28 MB, or 7,168 pages each
    del held
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux is told")
def test_freed_memory_is_reused_without_page_faults() -> None:
    said = subprocess.check_output([sys.executable, "-c", FAULTS], text=True)
    pages = [int(line) for line in said.split()]  # pages zeroed by the system, per round
    assert pages[0] > 6 * 7000
    assert max(pages[-2:]) < 1000  # the first rounds still allocate


PLUGIN = """
import sys, types
from engine.runtime.libraries import torchvision_importable
with torchvision_importable():
    assert "torchvision" not in sys.modules  # nothing is imported that nobody asks for
    {imports}
print(resnet18(num_classes=3).fc.out_features, len(sys.meta_path) == {finders})
"""


@pytest.mark.parametrize(
    "imports",
    [
        "from torchvision.models import resnet18",
        "import torchvision; resnet18 = torchvision.models.resnet18",
        "from torchvision.ops import nms; from torchvision.models.resnet import resnet18",
        "import importlib; resnet18 = importlib.import_module('torchvision.models').resnet18",
    ],
)
def test_user_code_can_import_torchvision(imports: str) -> None:
    count = "import sys\nfinders = len(sys.meta_path)\n"
    code = PLUGIN.replace("{imports}", imports).replace("{finders}", "finders")
    assert run(count + code) == "3 True"


def test_user_code_can_import_torchvision_after_a_partial_import() -> None:
    attempt = (
        "import contextlib, sys\nfinders = len(sys.meta_path)\n"
        "with contextlib.suppress(Exception):\n    from torchvision.models import resnet18\n"
        "sys.modules.pop('torchvision', None)\n"
    )
    code = PLUGIN.replace("{imports}", "from torchvision.models import resnet18")
    assert run(attempt + code.replace("{finders}", "finders")) == "3 True"
