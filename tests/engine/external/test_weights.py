from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from needs import needs
from PIL import Image

from engine.__main__ import main
from engine.datasets.base import Dataset, load
from engine.errors import CheckpointError, SpecError
from engine.external.network import model_spec, network
from engine.external.weights import examine_files, named_files
from engine.figures import catalog
from engine.pipeline.pipeline import Pipeline
from engine.runtime.libraries import torchvision
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import DataSpec, ForeignSpec, RunSpec, to_plain
from engine.storage.store import Store
from engine.study import compose

State = dict[str, torch.Tensor]
SCRIPT = """
import sys, torch
from engine.runtime.libraries import torchvision  # beside a CPU-only torch a plain import may fail
models = torchvision("torchvision.models")
for out in sys.argv[1:]:
    stem, n_classes, seed = out.removesuffix(".pt").rpartition("/")[2].split("-")
    torch.manual_seed(int(seed))
    net = models.resnet18(num_classes=int(n_classes))
    if stem == "cifar":
        net.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        net.maxpool = torch.nn.Identity()
    torch.save(net.state_dict(), out)
"""
FACTORY = """
from torch import nn
from engine.runtime.libraries import torchvision

def make(n_classes):
    return torchvision("torchvision.models").resnet18(num_classes=n_classes)
"""


@pytest.fixture(scope="module")
def iris() -> Dataset:
    return load(DataSpec("iris"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of small images, dark and bright."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 4)):
        for label, low in (("dark", 0), ("bright", 128)):
            folder = root / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(low, low + 127, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """torchvision ResNet-18s saved by a plain script, as <stem>-<classes>-<seed>.pt."""
    folder = tmp_path_factory.mktemp("saved")
    names = ("cifar-2-0", "cifar-2-1", "cifar-2-2", "cifar-10-0", "imagenet-2-0", "imagenet-2-1")
    files = [str(folder / f"{name}.pt") for name in names]
    command = [sys.executable, "-c", SCRIPT, *files]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[3])
    yield folder
    shutil.rmtree(folder)  # 45 MB each


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """A store that is not left behind: a ResNet-18 is large."""
    yield tmp_path / "store"
    shutil.rmtree(tmp_path / "store", ignore_errors=True)


def weights_of(dataset: Dataset, model: str = "mlp", seed: int = 1) -> State:
    made = network(model_spec(model), dataset, generator(seed, "theirs"))
    return {name: value.clone() for name, value in made.net.state_dict().items()}


def put(folder: Path, name: str, state: Any) -> Path:
    path = folder / name
    torch.save(state, path)
    return path


def examined(path: Path, dataset: Dataset, model: str = "mlp", name: str = "theirs") -> ForeignSpec:
    (found,) = examine_files({name: path}, model_spec(model), dataset)
    return found


# -- weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "net.", "module.", "model.", "module.net.", "_orig_mod."])
def test_the_same_weights_have_the_same_digest_however_they_were_wrapped(
    tmp_path: Path, iris: Dataset, prefix: str
) -> None:
    state = weights_of(iris)
    plain = examined(put(tmp_path, "plain.pt", state), iris)
    wrapped = {f"{prefix}{name}": value.double() for name, value in state.items()}
    assert examined(put(tmp_path, "wrapped.pt", wrapped), iris).digest == plain.digest
    changed = state | {"1.bias": state["1.bias"] + 1e-3}
    assert examined(put(tmp_path, "changed.pt", changed), iris).digest != plain.digest


def test_a_normalization_kept_beside_the_weights_is_theirs(tmp_path: Path, iris: Dataset) -> None:
    state = weights_of(iris)
    plain = examined(put(tmp_path, "plain.pt", state), iris)
    means, deviations = (torch.tensor(part) for part in iris.statistics())
    own = state | {"mean": means, "std": deviations}
    assert examined(put(tmp_path, "own.pt", own), iris).digest == plain.digest
    other = state | {"mean": means + 0.1, "std": deviations}
    assert examined(put(tmp_path, "other.pt", other), iris).digest != plain.digest


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: {**s, "3.weight": torch.zeros(5, 100), "3.bias": torch.zeros(5)},
         "was trained for 5 classes, but 'iris' has 3: 3.weight is 5x100 there but 3x100 here"),
        (lambda s: {**s, "1.weight": torch.zeros(100, 7)},
         "another network than mlp on 'iris': 1.weight is 100x7 there but 100x4 here"),
        (lambda s: {name: s[name] for name in s if name != "1.bias"},
         r"it lacks 1\.bias \(1 tensors missing, 0 unknown\)"),
        (lambda s: {**s, "fc.weight": torch.zeros(1)}, r"has fc\.weight \(0 tensors missing"),
        (lambda s: {**s, "1.bias": torch.full((100,), math.nan)},
         r"contains NaN or infinite values, in 1\.bias"),
        (lambda s: {**s, "mean": torch.zeros(3)}, "mean is 3 there but 1x4 here"),
        (lambda s: {"epoch": 3}, "it should contain a state dict"),
        (lambda s: {}, r"it lacks 1\.weight"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused_with_what_differs(
    tmp_path: Path, iris: Dataset, change: Callable[[State], Any], says: str
) -> None:
    with pytest.raises(CheckpointError, match=says):
        examined(put(tmp_path, "W.pt", change(weights_of(iris))), iris)


def test_a_pickled_model_is_never_opened(tmp_path: Path, iris: Dataset) -> None:
    path = put(tmp_path, "W.pt", torch.nn.Linear(4, 3))
    with pytest.raises(CheckpointError, match="not a checkpoint of weights only"):
        examined(path, iris)


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("original", "Give an Original with --original"),
        ("retrain-0", "Give an Original with --original and Re-trains with --retrain"),
        ("scrub", "is a built-in method"),
        ("a/b", "is not a valid model name"),
        ("..", "is not a valid model name"),
        ("x@y", "is not a valid model name"),
        ("n" * 41, "is not a valid model name"),
    ],
)
def test_names_that_would_confuse_are_refused(name: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        named_files(None, [], [f"{name}=W.pt"])


def test_files_get_the_names_of_their_models(tmp_path: Path) -> None:
    files = named_files(Path("O.pt"), [Path("A.pt"), Path("B.pt")], ["mine=U.pt", "v1.2_x=V=.pt"])
    assert {name: str(path) for name, path in files.items()} == {
        "original": "O.pt", "retrain-0": "A.pt", "retrain-1": "B.pt", "mine": "U.pt",
        "v1.2_x": "V=.pt",
    }  # fmt: skip
    with pytest.raises(SpecError, match="Write NAME=FILE"):
        named_files(None, [], ["U.pt"])
    with pytest.raises(SpecError, match="Two unlearned models are named 'mine'"):
        named_files(None, [], ["mine=U.pt", "mine=V.pt"])


# -- keys -----------------------------------------------------------------------------------------


def test_a_study_without_foreign_weights_has_the_key_it_always_had(iris: Dataset) -> None:
    plain = to_plain(compose.compose(iris), keyed=True)
    assert "foreign" not in plain
    assert plain["model"] == {"name": "mlp"}
    whole = compose.as_plain(compose.compose(iris))
    del whole["foreign"]
    whole["model"] = {"name": "mlp"}
    assert compose.study_key(compose.from_plain(whole)) == compose.study_key(compose.compose(iris))


def test_weights_enter_keys_by_their_values_and_not_by_their_file(
    tmp_path: Path, iris: Dataset
) -> None:
    first = put(tmp_path, "first.pt", weights_of(iris))
    moved = tmp_path / "moved.pt"
    shutil.copy(first, moved)
    other = put(tmp_path, "other.pt", weights_of(iris, seed=2))

    def keys(**weights: Path) -> dict[str, str]:
        named = {name.replace("_", "-"): path for name, path in weights.items()}
        return compose.model_keys(compose.compose(iris, methods=["gd"], weights=named))

    plain, given = keys(), keys(mine=first)
    assert {name: given[name] for name in plain} == plain
    assert keys(mine=moved) == given
    assert keys(mine=other)["mine"] != given["mine"]
    original = keys(original=first)
    assert [name for name in plain if original[name] != plain[name]] == ["original", "gd"]
    retrained = keys(retrain_1=first)
    assert [name for name in plain if retrained[name] != plain[name]] == ["retrain-1"]


def test_a_spec_with_foreign_weights_survives_json(tmp_path: Path, iris: Dataset) -> None:
    path = put(tmp_path, "W.pt", weights_of(iris))
    spec = compose.compose(iris, methods=[], weights={"mine": path})
    again = compose.from_plain(json.loads(json.dumps(compose.as_plain(spec))))
    assert again == spec
    assert compose.study_key(again) == compose.study_key(spec)
    assert spec.unlearned == ["mine"]


def test_retrains_must_differ_and_not_be_too_many(tmp_path: Path, iris: Dataset) -> None:
    path = put(tmp_path, "W.pt", weights_of(iris))
    twice = {"retrain-0": path, "retrain-1": path}
    with pytest.raises(SpecError, match="contain the same weights"):
        compose.compose(iris, weights=twice)
    with pytest.raises(SpecError, match="2 Re-trains are given, but the study has 1"):
        compose.compose(iris, weights=twice, retrains=1)


# -- studies --------------------------------------------------------------------------------------


def small(pipeline: Pipeline, folder: Path, **words: Any) -> RunSpec:
    """A study of iris with an unlearned model of somebody else, `mine`."""
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    path = put(folder, "mine.pt", weights_of(iris))
    words = {"methods": [], "training": {"epochs": 3}, "draws": 20, "retrains": 2} | words
    return pipeline.compose(iris, weights={"mine": path, **words.pop("weights", {})}, **words)


def test_what_is_not_given_is_trained(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"))
    spec = small(pipeline, tmp_path, methods=["gd"])
    found = pipeline.run(spec, Reporter())
    assert list(found.metrics) == ["original", "retrain", "gd", "mine"]
    assert list(found.residual.curves) == ["original", "gd", "mine"]
    assert found.labels["mine"] == "mine"
    assert math.isnan(found.metrics["mine"]["seconds"])
    assert found.metrics["retrain"]["seconds"] > 0
    (line,) = pipeline.studies()
    assert line.methods == ("gd", "mine")
    assert line.seconds > 0


def test_a_study_reopens_when_the_files_are_gone(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"))
    spec = small(pipeline, tmp_path)
    found = pipeline.run(spec, Reporter())
    (tmp_path / "mine.pt").unlink()
    fresh = Pipeline(Store(tmp_path / "store"))
    again = fresh.study(found.key)
    assert again.metrics["mine"]["test_acc"] == found.metrics["mine"]["test_acc"]
    assert fresh.run(fresh.spec_of(again), Reporter()).key == found.key
    near = fresh.neighborhood(fresh.spec_of(again), spec.forget[0], "", -1, Reporter())
    assert "mine" in near.counts
    out = fresh.export_checkpoint(fresh.spec_of(again), "mine", tmp_path / "out.pt")
    assert examined(out, fresh.dataset(spec.data, Reporter())).digest == spec.foreign[0].digest


@needs("matplotlib")
def test_a_figure_shows_a_foreign_model_under_its_name(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"))
    found = pipeline.run(small(pipeline, tmp_path), Reporter())
    for kind in ("curves", "metrics"):
        written = catalog.figure(pipeline, found, kind, tmp_path / f"{kind}.png")
        assert "mine" in written[-1].read_text()


def test_weights_that_are_gone_everywhere_or_changed_are_said(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"))
    spec = small(pipeline, tmp_path)
    put(tmp_path, "mine.pt", weights_of(pipeline.dataset(spec.data, Reporter()), seed=3))
    with pytest.raises(CheckpointError, match="no longer holds the weights of 'mine'"):
        pipeline.run(spec, Reporter())
    (tmp_path / "mine.pt").unlink()
    with pytest.raises(CheckpointError, match="Cannot read the checkpoint"):
        pipeline.run(spec, Reporter())


def test_methods_start_from_the_original_that_is_given(tmp_path: Path) -> None:
    pipeline = Pipeline(Store(tmp_path / "store"))
    iris = pipeline.dataset(DataSpec("iris"), Reporter())
    path = put(tmp_path, "O.pt", weights_of(iris, seed=9))
    spec = pipeline.compose(
        iris, methods=["ga"], weights={"original": path}, training={"epochs": 2}, retrains=1,
        settings={"ga": {"epochs": 1, "lr": 1e-9}}, draws=10,
    )  # fmt: skip
    pipeline.run(spec, Reporter())
    for name in ("original", "ga"):
        state = pipeline.work.loaded(pipeline.plan(spec), name).net.state_dict()
        for key, value in weights_of(iris, seed=9).items():
            torch.testing.assert_close(state[key].cpu(), value, rtol=0, atol=1e-6)


# -- the command line -----------------------------------------------------------------------------


def command(images: Path, store: Path, *more: str) -> list[str]:
    return ["run", "--dataset", "folder", "--root", str(images), "--draws", "10", "--taus", "0,0.1",
            "--forget", "random:3", "--store", str(store), *more]  # fmt: skip


def test_a_plain_resnet18_is_examined_end_to_end(
    images: Path, saved: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    files = [tmp_path / name for name in ("O.pt", "R.pt", "U.pt")]
    for seed, file in enumerate(files):
        shutil.copy(saved / f"cifar-2-{seed}.pt", file)
    given = ["--original", str(files[0]), "--retrain", str(files[1])]
    given += ["--unlearned", f"theirs={files[2]}", "--json", str(out), "--model", "resnet18"]
    assert main(command(images, store, *given)) == 0
    found = json.loads(out.read_text())
    assert set(found["metrics"]) == {"original", "retrain", "theirs"}
    assert set(found["residual_knowledge"]["models"]) == {"original", "theirs"}
    assert found["metrics"]["theirs"]["seconds"] is None
    assert found["spec"]["retrains"] == 1
    assert not list(store.glob("partial/*"))
    for file in files:
        file.unlink()
    capsys.readouterr()
    assert main(["table", found["key"], "--store", str(store)]) == 0
    assert "theirs" in capsys.readouterr().out
    save = ["checkpoint", found["key"], "--model", "theirs", "--out", str(files[2])]
    assert main([*save, "--store", str(store)]) == 0
    state = torch.load(files[2], weights_only=True)["state_dict"]
    theirs = torch.load(saved / "cifar-2-2.pt", weights_only=True)
    assert torch.equal(state["net.conv1.weight"], theirs["conv1.weight"])
    files[2].unlink()


def test_its_logits_are_those_of_torchvision(images: Path, saved: Path, store: Path) -> None:
    pipeline = Pipeline(Store(store))
    file = saved / "cifar-2-0.pt"
    dataset = pipeline.dataset(DataSpec("folder", str(images)), Reporter())
    spec = pipeline.compose(
        dataset, model="resnet18", normalize="none", methods=[], weights={"mine": file}
    )
    net = torchvision("torchvision.models").resnet18(num_classes=2)
    net.conv1, net.maxpool = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False), torch.nn.Identity()
    net.load_state_dict(torch.load(file, weights_only=True))
    x = torch.from_numpy(dataset.test_x).float() / 255
    with torch.inference_mode():
        ours, theirs = pipeline.work.loaded(pipeline.plan(spec), "mine").cpu()(x), net.eval()(x)
    torch.testing.assert_close(ours, theirs)


def test_the_original_stem_is_refused_by_the_cifar_network_and_taken_by_its_own(
    images: Path, saved: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved / "imagenet-2-0.pt"
    given = ["--unlearned", f"theirs={file}", "--original", str(file)]
    given += ["--retrain", str(saved / "imagenet-2-1.pt")]
    assert main(command(images, store, *given, "--model", "resnet18")) == 2
    error = capsys.readouterr().err
    assert "conv1.weight is 64x3x7x7 there but 64x3x3x3 here" in error
    assert "Traceback" not in error
    (tmp_path / "net.py").write_text(FACTORY)
    own = ["--model", f"{tmp_path / 'net.py'}:make"]
    assert main(command(images, store, *given, *own)) == 0
    assert "folder, net.py:make, 3 forgotten" in capsys.readouterr().out


def test_a_grid_shows_foreign_models_too(
    tmp_path: Path, iris: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--unlearned", f"theirs={put(tmp_path, 'W.pt', weights_of(iris))}", "--retrains", "1"]
    grid = ["--set", "train.epochs=2", "--set", "probe.seed=1,2", "--draws", "10"]
    run = ["run", "--dataset", "iris", *given, *grid, "--store", str(tmp_path / "store")]
    assert main(run) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main([*run, "--methods", "gd"]) == 0
    assert "theirs" in capsys.readouterr().out


def test_another_number_of_classes_is_refused(
    images: Path, saved: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--model", "resnet18", "--unlearned", f"theirs={saved / 'cifar-10-0.pt'}"]
    assert main(command(images, store, *more)) == 2
    error = capsys.readouterr().err
    assert "was trained for 10 classes, but 'folder' has 2: fc.weight is 10x512" in error


def test_help_says_that_a_factory_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "this runs FILE.py as python would, so pass only files you trust" in words
    assert "nothing in them is run" in words
