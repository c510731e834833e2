"""Folders of Unlearning Comparator: which models they hold, and what is missing in them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from comparator_folders import FORGOTTEN, RESULTS, result, server

from engine.datasets.cifar10 import CLASSES
from engine.errors import SpecError
from engine.external.comparator import check_labels, looks_like_comparator, read

MODELS = ["original", "retrain-0", "Fine-Tuning-1f2e", "SCRUB-77aa"]


@pytest.mark.parametrize("inner", ["", "data", "data/3", "unlearned_models/3", "data/3/77aa.json"])
def test_the_whole_folder_and_each_part_of_it_name_the_same_study(
    tmp_path: Path, inner: str
) -> None:
    root = server(tmp_path / "backend")
    study = read(root / inner)
    assert (study.forgotten, list(study.models)) == (FORGOTTEN, MODELS)
    models = root / "unlearned_models" / "3"
    assert study.models["original"].file == models / "0003.pth"
    assert study.retrains == [models / "a003.pth"]
    names = {"Fine-Tuning-1f2e": "1f2e", "SCRUB-77aa": "77aa"}
    assert study.unlearned == [f"{name}={models / id}.pth" for name, id in names.items()]
    assert list(read(tmp_path).models) == MODELS  # the folder above, as the repository is cloned


def test_files_that_were_downloaded_lie_flat(tmp_path: Path) -> None:
    root = server(tmp_path / "backend")
    flat = tmp_path / "mine"
    flat.mkdir()
    for path in root.rglob("*.*"):
        shutil.copy(path, flat / path.name)
    study = read(flat)
    assert list(study.models) == MODELS
    assert study.models["original"].file == flat / "0003.pth"


def test_results_state_accuracies_and_predictions(tmp_path: Path) -> None:
    rows = [[4, 2, 17, 0, 1.5, 2.5, {"4": 1.0}], [4, "x"], [1, 1, -3, 0], [9, 9, 3, 0, 0, 0, {}]]
    more = {"UA": 0.125, "TUA": "N/A", "points": rows}
    results = {**RESULTS, "77aa": result("77aa", "Unlearned", "SCRUB", **more)}
    stated = read(server(tmp_path, results)).models["SCRUB-77aa"].stated
    assert stated is not None
    assert stated.accuracies == {"UA": 12.5, "RA": 25.0, "TRA": 25.0}
    assert stated.points == ((17, 4, 2), (3, 9, 9))
    assert (stated.method, stated.kind, stated.n_classes) == ("SCRUB", "unlearned", 10)


def test_results_of_older_versions_are_understood(tmp_path: Path) -> None:
    names = {"ID": "id", "FC": "fc", "Type": "phase", "Method": "method"}
    older = {
        key: {names.get(name, name): value for name, value in plain.items()}
        for key, plain in RESULTS.items()
    }
    assert list(read(server(tmp_path, older)).models) == MODELS


def test_weights_without_a_result_are_named_by_their_file(tmp_path: Path) -> None:
    root = server(tmp_path, weights=True)
    shutil.rmtree(root / "data")
    study = read(root)
    assert list(study.models) == ["original", "retrain-0", "1f2e", "77aa"]
    assert all(one.stated is None for one in study.models.values())


def test_results_without_weights_are_left_out_with_a_note(tmp_path: Path) -> None:
    root = server(tmp_path)
    (root / "unlearned_models" / "3" / "77aa.pth").unlink()
    study = read(root)
    assert list(study.models) == MODELS[:3]
    assert study.notes == ("SCRUB (77aa) is left out: its weights, 77aa.pth, are not there.",)


def test_the_trained_model_is_the_original_where_its_copy_is_missing(tmp_path: Path) -> None:
    root = server(tmp_path)
    (root / "unlearned_models" / "3" / "0003.pth").unlink()
    with pytest.raises(SpecError, match="weights of the Original for class 3 are not in"):
        read(root)
    base = root / "trained_models" / "0000.pth"
    base.parent.mkdir()
    base.touch()
    study = read(root)
    assert study.models["original"].file == base
    assert study.models["original"].stated is not None


def test_without_a_retrain_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    root = server(tmp_path)
    (root / "unlearned_models" / "3" / "a003.pth").unlink()
    with pytest.raises(SpecError, match=r"no model re-trained without class 3 .* --retrains 3"):
        read(root)
    assert read(root, alone=False).retrains == []


def test_several_retrains_are_numbered(tmp_path: Path) -> None:
    results = {**RESULTS, "b003": result("b003", "Retrained")}
    study = read(server(tmp_path, results))
    assert [path.stem for path in study.retrains] == ["a003", "b003"]
    assert list(study.models)[:3] == ["original", "retrain-0", "retrain-1"]


def test_one_class_is_chosen_among_several(tmp_path: Path) -> None:
    root = server(tmp_path)
    for name, kind in (("0005", "Original"), ("a005", "Retrained"), ("9e9e", "Unlearned")):
        for part, suffix in (("data", "json"), ("unlearned_models", "pth")):
            path = root / part / "5" / f"{name}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(result(name, kind, FC=5)))
    with pytest.raises(SpecError, match=r"for the classes 3, 5: choose one with --class"):
        read(root)
    with pytest.raises(SpecError, match=r"no results for class 4, but for: 3, 5"):
        read(root, 4)
    assert list(read(root, 3).models) == MODELS
    for study in (read(root, 5), read(root / "data" / "5"), read(root / "data/5/9e9e.json")):
        assert (study.forgotten, list(study.models)) == (5, ["original", "retrain-0", "9e9e"])


def test_names_are_those_that_a_study_allows(tmp_path: Path) -> None:
    methods = {"1111": "My method (v2)", "2222": "retrain", "3333": "../../x", "4444": "é" * 60}
    results = {key: result(key, "Unlearned", method) for key, method in methods.items()}
    study = read(server(tmp_path, {**RESULTS, **results}))
    added = [name for name in study.models if name not in MODELS]
    assert added == ["My-method-v2-1111", "their-retrain-2222", "x-3333", "4444"]


@pytest.mark.parametrize(
    "plain",
    [[], {"ID": "1f2e"}, result("1f2e", "Pretrained"), result("1f2e", "Unlearned", FC="N/A")],
)
def test_other_json_files_are_no_results(tmp_path: Path, plain: Any) -> None:
    root = server(tmp_path, {**RESULTS, "1f2e": plain}, weights=False)
    folder = root / "unlearned_models" / "3"
    for name in ("0003", "a003"):
        (folder / f"{name}.pth").touch()
    (root / "data" / "3" / "broken.json").write_text("{")
    (root / "data" / "3" / "binary.json").write_bytes(b"\xff\xfe\x00")
    assert list(read(root).models) == ["original", "retrain-0"]


def test_folders_without_results_get_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(SpecError, match="contains no results of Unlearning Comparator"):
        read(tmp_path)
    with pytest.raises(SpecError, match="There is nothing at"):
        read(tmp_path / "gone")
    assert not looks_like_comparator(tmp_path)
    assert looks_like_comparator(server(tmp_path / "backend"))
    assert looks_like_comparator(tmp_path / "backend" / "data" / "3")


def test_its_copy_of_cifar10_is_used(tmp_path: Path) -> None:
    root = server(tmp_path / "backend")
    assert read(root).root == ""
    (root / "data" / "cifar-10-batches-py").mkdir()
    assert read(root).root == read(tmp_path).root == str(root / "data")


def test_results_of_other_data_get_a_sentence(tmp_path: Path) -> None:
    rows = [[1, 7, 0, 0, 0, 0, {}], [2, 2, 1, 0, 0, 0, {}]]
    study = read(server(tmp_path, {**RESULTS, "a003": result("a003", "Retrained", points=rows)}))
    check_labels(study, [1, 2], CLASSES)
    with pytest.raises(SpecError, match="training sample 1 is of class 2, here it is of class 5"):
        check_labels(study, [1, 5], CLASSES)
    with pytest.raises(SpecError, match="have 10 classes, but the data have 4"):
        check_labels(study, [1, 2], CLASSES[:4])


def test_reading_a_folder_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from engine.external.comparator import read\n"
        "read(Path(sys.argv[1])); assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, str(server(tmp_path / "backend"))]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[3])
