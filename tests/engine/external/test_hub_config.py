"""Hub folders are read as data: what they state, and the sentence for what does not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hub_folders import config, hub_folder, images

from engine.errors import SpecError
from engine.external.hub_config import check, looks_like_hub, own_weights, read, weights_file
from engine.external.network_spec import model_spec
from engine.study.command_line import _network

ROOT = Path(__file__).parents[3]
VIT = {
    "architectures": ["ViTForImageClassification"],
    "model_type": "vit",
    "image_size": 32,
    "id2label": {"0": "cat", "1": "dog", "10": "owl", "2": "elk"},
}
PROCESSOR = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": {"height": 48, "width": 48}}


def vit_folder(path: Path, processor: dict[str, Any] | None = None, **more: Any) -> Path:
    path.mkdir()
    (path / "config.json").write_text(json.dumps({**VIT, **more}))
    if processor is not None:
        (path / "preprocessor_config.json").write_text(json.dumps(processor))
    return path


def test_a_folder_of_timm_states_classes_input_and_normalization(tmp_path: Path) -> None:
    found = read(hub_folder(tmp_path / "mine"))
    assert (found.library, found.name, found.n_classes) == ("timm", "hub:mine", 2)
    assert (found.channels, found.size) == (3, (12, 12))
    assert found.classes == ("dark", "bright")
    assert found.normalize == "0.4,0.5,0.6/0.2,0.25,0.5"


def test_configs_of_older_versions_of_timm_lie_on_one_level(tmp_path: Path) -> None:
    folder = hub_folder(tmp_path / "old")
    own = config()["pretrained_cfg"]
    plain = {"architecture": "small", "labels": ["dark", "bright"], **own}
    (folder / "config.json").write_text(json.dumps(plain))
    found = read(folder)
    assert (found.n_classes, found.size, found.classes) == (2, (12, 12), ("dark", "bright"))
    assert found.normalize == "0.4,0.5,0.6/0.2,0.25,0.5"


def test_arguments_of_the_network_come_before_what_its_ancestor_was_trained_with(
    tmp_path: Path,
) -> None:
    arguments = {"num_classes": 5, "in_chans": 1, "img_size": [20, 24]}
    found = read(_with(tmp_path, model_args=arguments))
    assert (found.n_classes, found.channels, found.size) == (5, 1, (20, 24))


def _with(tmp_path: Path, **more: Any) -> Path:
    folder = hub_folder(tmp_path / "changed")
    (folder / "config.json").write_text(json.dumps(config(**more)))
    return folder


def test_a_folder_of_transformers_states_them_in_two_files(tmp_path: Path) -> None:
    found = read(vit_folder(tmp_path / "vit", PROCESSOR))
    assert (found.library, found.n_classes, found.size) == ("transformers", 4, (48, 48))
    assert found.classes == ("cat", "dog", "elk", "owl")  # by number, not by its digits
    assert found.normalize == "0.5,0.5,0.5/0.25,0.25,0.25"
    assert read(vit_folder(tmp_path / "bare")).size == (32, 32)


@pytest.mark.parametrize(
    ("processor", "normalize"),
    [
        ({"do_normalize": False}, "0.0/1.0"),
        # pixels to 255 are not rescaled: means refer to them
        ({"do_rescale": False, "image_mean": [127.5], "image_std": [51]}, "0.5/0.2"),
        # pixels become 0 to 2, then -1 to 1
        ({"rescale_factor": 1 / 127.5, "image_mean": [1], "image_std": [1]}, "0.5/0.5"),
    ],
)
def test_preprocessing_in_other_units_becomes_a_normalization_of_pixels_up_to_1(
    tmp_path: Path, processor: dict[str, Any], normalize: str
) -> None:
    assert read(vit_folder(tmp_path / "vit", processor)).normalize == normalize


def test_numbered_classes_are_unnamed(tmp_path: Path) -> None:
    labels = {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}
    found = read(vit_folder(tmp_path / "vit", PROCESSOR, id2label=labels))
    assert (found.n_classes, found.classes) == (3, ())


def test_a_network_is_named_by_folder_and_config_wherever_it_lies(tmp_path: Path) -> None:
    spec = model_spec(f"hub:{hub_folder(tmp_path / 'a' / 'mine', seed=1)}")
    same = model_spec(f"hub:{hub_folder(tmp_path / 'b' / 'mine', seed=2)}")
    assert (spec.name, spec.normalize, spec.source) == (same.name, same.normalize, same.source)
    assert spec.path != same.path
    other = model_spec(f"hub:{hub_folder(tmp_path / 'c' / 'mine', model_args={'width': 5})}")
    assert other.source != spec.source


def test_the_command_of_a_study_names_the_folder_again(tmp_path: Path) -> None:
    folder = hub_folder(tmp_path / "mine")
    for normalize in ("", "dataset", "none", "0.5/0.5"):
        spec = model_spec(f"hub:{folder}", normalize)
        words = dict(zip(*[iter(_network(spec))] * 2, strict=True))
        assert model_spec(words["--model"], words["--normalize"]) == spec


def test_a_normalization_that_no_file_states_is_asked_for(tmp_path: Path) -> None:
    folder = vit_folder(tmp_path / "vit")
    with pytest.raises(SpecError, match="does not state how the input is normalized"):
        model_spec(f"hub:{folder}")
    assert model_spec(f"hub:{folder}", "none").normalize == "none"


def test_the_weights_of_a_folder_are_one_file(tmp_path: Path) -> None:
    plain, binary = hub_folder(tmp_path / "plain"), hub_folder(tmp_path / "binary", binary=True)
    assert weights_file(plain) == plain / "model.safetensors"
    assert weights_file(binary) == binary / "pytorch_model.bin"
    assert own_weights(model_spec(f"hub:{plain}")) == {"original": plain / "model.safetensors"}
    assert own_weights(model_spec("cnn")) == {}
    (plain / "model.safetensors").rename(plain / "model-00001-of-00002.safetensors")
    assert weights_file(plain) is None
    (plain / "model.safetensors.index.json").write_text("{}")
    assert looks_like_hub(plain)
    with pytest.raises(SpecError, match="split into several files"):
        weights_file(plain)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"classes": ("a", "b", "c")}, "trained for 2 classes, but 'folder' has 3"),
        ({"classes": ("Bright", "dark")}, "another order: class 0 is dark there but Bright here"),
        ({"shape": (1, 12, 12)}, "takes images of 3 channels, but those of 'folder' have one"),
        ({"shape": (3, 16, 16)}, "takes images of 12x12 px, but .* 16x16 px. .*--side 12"),
    ],
)
def test_samples_that_do_not_fit_get_a_sentence(
    tmp_path: Path, data: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(SpecError, match=sentence):
        check(read(hub_folder(tmp_path / "mine")), images(**data))


def test_samples_that_fit_pass_whatever_their_classes_are_called(tmp_path: Path) -> None:
    found = read(hub_folder(tmp_path / "mine"))
    for classes in (("dark", "bright"), ("Dark", "BRIGHT"), ("night", "day")):
        check(found, images(classes))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON"),
        ("[1]", "should contain a JSON object"),
        ("{}", "is not a config as timm or transformers write it"),
        ('{"architecture": "small"}', "is not a config"),
        ('{"architecture": "small", "num_classes": 2, "input_size": 7}', "is not a config"),
        ('{"model_type": "bert", "architectures": ["BertModel"]}', "holds a BertModel"),
        ('{"model_type": "vit", "quantization_config": {}}', "is quantized"),
        ('{"architecture": "a", "num_classes": 2, "mean": [0.5], "std": [0]}', "is not a config"),
        ('{"model_type": "vit", "id2label": {"x": "cat"}}', "is not a config"),
        ("\x00", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_other_configs_get_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(SpecError, match=sentence):
        read(tmp_path)


def test_a_folder_without_a_config_or_none_at_all_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="Cannot read the config"):
        model_spec(f"hub:{tmp_path}")
    with pytest.raises(SpecError, match=r"There is no folder .* nothing is downloaded"):
        model_spec("hub:google/vit-base-patch16-224")
    assert not looks_like_hub(tmp_path)


def test_reading_a_folder_imports_no_torch(tmp_path: Path) -> None:
    folder = hub_folder(tmp_path / "mine")
    code = (
        "import sys; from engine.external.network_spec import model_spec\n"
        "model_spec(sys.argv[1])\n"
        "assert not {'torch', 'timm', 'transformers'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, f"hub:{folder}"], check=True, cwd=ROOT)
