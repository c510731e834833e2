"""Networks of hub folders: built by their library, with weights that this program reads itself.

A stand-in takes timm's place where timm does not matter; with timm and transformers installed, the
logits are those that the libraries compute themselves.
"""

from __future__ import annotations

import importlib.util
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hub_folders import MEAN, STD, config, hub_folder, images, small, stand_in
from needs import needs
from PIL import Image

from engine.__main__ import main
from engine.datasets.base import Dataset
from engine.errors import CheckpointError, SpecError
from engine.external.network import model_spec, network
from engine.external.weights import examine_files, load_foreign
from engine.models.base import Classifier, Dropout
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import ModelSpec
from engine.study import compose


def made(folder: Path, dataset: Dataset, seed: int = 0) -> Classifier:
    return network(model_spec(f"hub:{folder}"), dataset, generator(seed, "test"))


def with_weights(folder: Path, dataset: Dataset) -> Classifier:
    """The folder's network with its own weights, as a study loads them."""
    spec = model_spec(f"hub:{folder}")
    (one,) = examine_files({"theirs": folder}, spec, dataset)
    model = network(spec, dataset, generator(0, "test"))
    return load_foreign(one, model, spec.name, "folder", Reporter())


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return stand_in(monkeypatch)


def test_the_network_is_built_from_the_config_without_downloading(
    tmp_path: Path, calls: list[dict[str, Any]]
) -> None:
    model = made(hub_folder(tmp_path / "mine", model_args={"width": 6}), images())
    assert all(call["pretrained"] is False for call in calls)
    assert {"num_classes": 2, "in_chans": 3, "width": 6}.items() <= calls[0].items()
    assert model.head_name == "5"
    assert model.mean.flatten().tolist() == pytest.approx(MEAN)
    assert model.std.flatten().tolist() == pytest.approx(STD)
    assert isinstance(model.net.get_submodule("2"), Dropout)  # draws from the study's seed


def test_the_same_seed_makes_the_same_network(tmp_path: Path, calls: list[dict[str, Any]]) -> None:
    folder = hub_folder(tmp_path / "mine")
    states = [made(folder, images(), seed).state_dict() for seed in (0, 0, 1)]
    first, same, other = (list(state.values()) for state in states)
    pairs = [zip(first, values, strict=True) for values in (same, other)]
    assert all(torch.equal(a, b) for a, b in pairs[0])
    assert not all(torch.equal(a, b) for a, b in pairs[1])


@pytest.mark.parametrize("binary", [False, True])
def test_weights_are_those_in_the_folder(
    tmp_path: Path, calls: list[dict[str, Any]], binary: bool
) -> None:
    folder, dataset = hub_folder(tmp_path / "mine", seed=3, binary=binary), images()
    model = with_weights(folder, dataset)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        plain = small(2, 3).eval()
    x = torch.from_numpy(dataset.train_x).float() / 255
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (MEAN, STD))
    with torch.inference_mode():
        torch.testing.assert_close(model(x), plain((x - mean) / std))


def test_a_pickle_in_a_folder_is_not_run(tmp_path: Path, calls: list[dict[str, Any]]) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    folder = hub_folder(tmp_path / "mine", binary=True)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Trap()}, 2))
    with pytest.raises(CheckpointError):
        with_weights(folder, images())
    assert not (tmp_path / "sprung").exists()


def test_a_config_changed_since_or_a_folder_that_is_gone_gets_a_sentence(
    tmp_path: Path, calls: list[dict[str, Any]]
) -> None:
    folder = hub_folder(tmp_path / "mine")
    spec = model_spec(f"hub:{folder}")
    (folder / "config.json").write_text(json.dumps(config(model_args={"width": 8})))
    with pytest.raises(SpecError, match="has changed since this study was made"):
        network(spec, images(), generator(0, "test"))
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match="There is no folder"):
        network(spec, images(), generator(0, "test"))
    with pytest.raises(SpecError, match="name it with --model hub:FOLDER"):
        network(ModelSpec(spec.name, "", spec.source), images(), generator(0, "test"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "hf-hub:someone/model"}, "has no network 'hf-hub:someone/model'"),
        ({"model_args": {"checkpoint_path": "model.pth"}}, "sets 'checkpoint_path'"),
        ({"model_args": {"pretrained": True}}, "sets 'pretrained'"),
        ({"model_args": {"depth": 3}}, "timm cannot build the network of .* unexpected keyword"),
    ],
)
def test_what_a_config_may_not_ask_for_gets_a_sentence(
    tmp_path: Path, calls: list[dict[str, Any]], changes: dict[str, Any], sentence: str
) -> None:
    folder = hub_folder(tmp_path / "mine")
    (folder / "config.json").write_text(json.dumps(config(**changes)))
    with pytest.raises(SpecError, match=sentence):
        made(folder, images())
    assert not any("checkpoint_path" in call or call["pretrained"] for call in calls)


def test_a_model_of_another_normalization_cannot_be_measured_beside_these(
    tmp_path: Path, calls: list[dict[str, Any]]
) -> None:
    own = {**config()["pretrained_cfg"], "mean": [0.5, 0.5, 0.5]}
    spec = model_spec(f"hub:{hub_folder(tmp_path / 'mine')}")
    other = hub_folder(tmp_path / "other", pretrained_cfg=own)
    with pytest.raises(SpecError, match=r"normalizes its input by 0\.5,0\.5,0\.5"):
        examine_files({"theirs": other}, spec, images())


def test_the_folder_is_the_original_of_its_study_unless_another_is_given(
    tmp_path: Path, calls: list[dict[str, Any]]
) -> None:
    folder, other = hub_folder(tmp_path / "mine", seed=1), hub_folder(tmp_path / "other", seed=2)
    words = {"model": f"hub:{folder}", "methods": ["gd"], "forget": "class:1:0.5"}
    (own,) = compose.compose(images(), **words).foreign
    assert (own.name, own.path) == ("original", str(folder / "model.safetensors"))
    (given,) = compose.compose(images(), **words, weights={"original": other}).foreign
    assert given.path == str(other / "model.safetensors")
    (folder / "model.safetensors").unlink()
    assert compose.compose(images(), **words).foreign == ()  # is trained


def test_a_missing_library_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(SpecError, match="needs the package timm, which is not installed"):
        made(hub_folder(tmp_path / "mine"), images())


def test_a_study_of_hub_folders_on_the_command_line(
    tmp_path: Path, calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("mine", "first", "second", "theirs")
    mine, first, second, theirs = (
        str(hub_folder(tmp_path / name, seed=seed)) for seed, name in enumerate(names)
    )
    out = tmp_path / "out.json"
    command = [
        "run", "--dataset", "folder", "--root", str(_image_folder(tmp_path)), "--side", "12",
        "--model", f"hub:{mine}", "--retrain", first, second, "--unlearned", f"theirs={theirs}",
        "--methods", "gd", "--forget", "class:light:0.5", "--draws", "4", "--taus", "0,0.2",
        "--set", "gd.epochs=1", "--json", str(out),
    ]  # fmt: skip
    assert main(command) == 0
    found = json.loads(out.read_text())
    assert set(found["metrics"]) == {"original", "retrain", "gd", "theirs"}
    assert found["spec"]["model"]["name"] == "hub:mine"
    assert main([*command, "--side", "16"]) == 2
    assert "takes images of 12x12 px" in capsys.readouterr().err


def _image_folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part, count in (("train", 8), ("test", 4)):
        for label, low in (("dark", 0), ("light", 128)):
            folder = tmp_path / "images" / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(low, low + 127, (12, 12, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "images"


# -- with the libraries themselves ----------------------------------------------------------------

SAVE = """
import sys
from pathlib import Path
from engine.runtime.libraries import torchvision_importable
import torch
with torchvision_importable():
    import timm, transformers as hf
    from timm.models import save_for_hf
    root = Path(sys.argv[1])
    labels = {"id2label": {0: "dark", 1: "bright"}, "label2id": {"dark": 0, "bright": 1}}
    size = {"height": 12, "width": 12}
    vit = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    swin = dict(embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=3)
    res = dict(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    kinds = {
        "vit": hf.ViTForImageClassification(
            hf.ViTConfig(image_size=12, patch_size=4, **vit, **labels)),
        "swin": hf.SwinForImageClassification(
            hf.SwinConfig(image_size=12, patch_size=2, **swin, **labels)),
        "resnet": hf.ResNetForImageClassification(hf.ResNetConfig(**res, **labels)),
    }
    x = torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    logits = {}
    for name, model in kinds.items():
        model.save_pretrained(root / name)
        hf.ViTImageProcessor(size=size).save_pretrained(root / name)
        again = hf.AutoModelForImageClassification.from_pretrained(root / name)
        logits[name] = again.eval()(pixel_values=(x - 0.5) / 0.5).logits
    vit = dict(img_size=12, patch_size=4, embed_dim=16, depth=2, num_heads=2)
    arguments = {"vit_tiny_patch16_224": vit, "resnet10t": {}}
    for name, given in arguments.items():
        model = timm.create_model(name, num_classes=2, **given).eval()
        save_for_hf(model, root / f"timm-{name}", model_args=given,
            model_config={"label_names": ["dark", "bright"]},
            data_config={"input_size": (3, 12, 12), "mean": (0.5,) * 3, "std": (0.25,) * 3})
        logits[f"timm-{name}"] = model((x - 0.5) / 0.25)
    torch.save({"x": x, **{name: value.detach() for name, value in logits.items()}}, root / "out")
"""
KINDS = ("vit", "swin", "resnet", "timm-vit_tiny_patch16_224", "timm-resnet10t")


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders that timm and transformers saved, and their own logits of five images."""
    root = tmp_path_factory.mktemp("saved")
    home = {"cwd": Path(__file__).parents[3], "capture_output": True, "text": True}
    done = subprocess.run([sys.executable, "-c", SAVE, str(root)], check=False, **home)
    assert done.returncode == 0, done.stderr
    return root


@needs("transformers")
@needs("timm")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_the_library(libraries: Path, kind: str) -> None:
    theirs = torch.load(libraries / "out", weights_only=True)
    model = with_weights(libraries / kind, images())
    with torch.inference_mode():
        torch.testing.assert_close(model(theirs["x"]), theirs[kind])


@needs("transformers")
@needs("timm")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_code_in_a_folder_is_not_run(libraries: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for file in (libraries / "vit").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "code.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    plain = json.loads((folder / "config.json").read_text())
    plain["auto_map"] = {"AutoModelForImageClassification": "code.Mine"}
    (folder / "config.json").write_text(json.dumps(plain))
    made(folder, images())
    plain["model_type"] = "mine"
    (folder / "config.json").write_text(json.dumps(plain))
    with pytest.raises(SpecError, match="Code in a hub folder is never run"):
        made(folder, images())
    assert not (tmp_path / "sprung").exists()
    assert importlib.util.find_spec("code").origin != str(folder / "code.py")  # type: ignore[union-attr]
