"""Paths as people write them: '~' is home everywhere, patterns name files, relative ones last."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from engine.__main__ import main
from engine.cli.parser import parser
from engine.errors import DataError, SpecError
from engine.external.network import model_spec
from engine.external.weights import named_files
from engine.forget_sets.forget_set import parse_forget
from engine.pipeline.pipeline import Pipeline
from engine.runtime.progress import Reporter
from engine.spec import DataSpec
from engine.storage.paths import absolute, is_relative, matching
from engine.storage.store import Store, default_store

HOME_OPTIONS = (
    ("run --dataset digits", ("--store", "--root", "--json", "--csv", "--original")),
    ("reproduce digits", ("--store", "--root", "--out")),
    ("samples KEY --model gd", ("--store", "--csv")),
    ("figure KEY --kind curves", ("--store", "--out")),
    ("report KEY", ("--store", "--out", "--pdf")),
    ("checkpoint KEY --model gd", ("--store", "--out")),
    ("bench", ("--root", "--json", "--plot")),
    ("ls", ("--store",)),
    ("table KEY", ("--store",)),
    ("watch KEY --model gd", ("--store",)),
    ("verify", ("--store",)),
    ("info", ("--store",)),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, which is not the current one."""
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "home"


@pytest.mark.parametrize(("command", "options"), HOME_OPTIONS)
def test_every_option_that_is_a_path_knows_the_home_folder(
    command: str, options: tuple[str, ...], home: Path
) -> None:
    words = [word for option in options for word in (option, "~/x")]
    found = vars(parser().parse_args([*command.split(), *words]))
    for option in options:
        assert str(found[option.removeprefix("--")]) == str(home / "x")


def test_no_option_that_is_a_path_is_left_out_above(home: Path) -> None:
    known = {option for _, options in HOME_OPTIONS for option in options} | {"--retrain"}
    commands = next(action for action in parser()._actions if action.choices)
    assert commands.choices is not None
    named = {
        option
        for command in dict(commands.choices).values()  # type: ignore[arg-type]
        for action in command._actions
        for option in action.option_strings
        if action.metavar in ("FILE", "DIR") or action.dest in ("root", "out", "store")
    }
    assert named == known


def test_what_is_no_option_of_its_own_knows_it_as_well(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "i.csv").write_text("index\n3\n")
    assert parse_forget("indices:~/i.csv", np.array([0, 0, 1, 1, 0, 1]), "ab", 1) == (3,)
    assert named_files(None, [], ["mine=~/u.pt"]) == {"mine": home / "u.pt"}
    (home / "net.py").write_text("def make(shape, n_classes): ...")
    assert model_spec("~/net.py:make").path == str(home / "net.py")
    monkeypatch.setenv("RK_EXPLORER_STORE", "~/results")
    assert default_store() == home / "results"


def test_the_window_knows_it_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = pytest.importorskip("explorer.__main__")
    found = explorer.parse(["--store", "~/s", "--root", "~/r", "--screenshot", "~/p.png"])
    assert (found.store, found.root) == (home / "s", str(home / "r"))
    assert found.screenshot == home / "p.png"


# -- patterns -------------------------------------------------------------------------------------


def test_a_pattern_names_its_files_in_natural_order(home: Path) -> None:
    for name in ("r10.pt", "r2.pt", "r1.pt", "o.pt", "r3.txt"):
        (home / name).touch()
    (home / "r5.pt").mkdir()
    wanted = [home / f"r{number}.pt" for number in (1, 2, 10)]
    assert matching(["~/r*.pt"]) == matching([str(home / "r*.pt")]) == wanted
    assert matching([str(home / "r10.pt"), "~/o.pt"]) == [home / "r10.pt", home / "o.pt"]
    assert matching(["~/r[12].pt", "~/o.pt"]) == [*wanted[:2], home / "o.pt"]
    (home / "r[12].pt").touch()
    assert matching(["~/r[12].pt"]) == [home / "r[12].pt"]  # a file that is really called so
    assert matching(["missing.pt"]) == [Path("missing.pt")]  # whoever reads it will say so
    with pytest.raises(SpecError, match=r"^No file matches '~/x\*\.pt'\. Name files"):
        matching(["~/x*.pt"])


@pytest.mark.parametrize(
    "words", [["--retrain", "a", "b", "--retrain", "c"], ["--retrain", "a", "--retrain", "b", "c"]]
)
def test_several_retrains_are_named_at_once_and_one_by_one(words: list[str]) -> None:
    found = parser().parse_args(["run", "--dataset", "iris", *words, "--seed", "1"])
    assert found.retrain == ["a", "b", "c"] and found.seed == 1


def test_a_study_of_retrains_by_pattern(home: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    base = ("run", "--dataset", "iris", "--draws", "4", "--taus", "0,0.1", "--store", str(store))
    few = ("--methods", "ga", "--set", "train.epochs=1")
    assert main([*base, *few, "--retrains", "2"]) == 0
    key = Pipeline(Store(store), "cpu").studies()[0].key
    for name, file in (("original", "o"), ("retrain-0", "r2"), ("retrain-1", "r10")):
        out = home / f"{file}.pt"
        assert (
            main(["checkpoint", key, "--model", name, "--out", str(out), "--store", str(store)])
            == 0
        )
    given = (*base, "--original", "~/o.pt", "--methods", "ga", "--json", "~/a.json")
    assert main([*given, "--retrain", "~/r*.pt"]) == 0
    found = json.loads((home / "a.json").read_text())
    files = {one["name"]: one["path"] for one in found["spec"]["foreign"]}
    assert found["spec"]["retrains"] == 2
    assert files["retrain-0"] == str(home / "r2.pt") and files["retrain-1"] == str(home / "r10.pt")


# -- relative folders -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "relative"), [("", False), ("x", True), ("./x", True), ("/x", False), ("~/x", False)]
)
def test_absolute_paths(text: str, relative: bool, home: Path) -> None:
    assert is_relative(text) == relative
    assert absolute(text) == ("" if not text else str(Path.cwd() / Path(text).expanduser()))


def test_a_current_folder_that_is_gone_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    assert absolute("x") == "x"


def pictures(root: Path) -> None:
    """Two classes of ten images."""
    for name, level in (("dark", 20), ("light", 200)):
        (root / "train" / name).mkdir(parents=True)
        for number in range(10):
            shade = torch.full((8, 8), level + number, dtype=torch.uint8).numpy()
            Image.fromarray(shade).save(root / "train" / name / f"{number}.png")


def test_a_relative_root_is_kept_absolute(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(home / "pics")
    monkeypatch.chdir(home)
    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")
    data = pipeline.dataset(DataSpec("folder", "pics"), Reporter())
    assert data.spec.root == str(home / "pics")
    assert pipeline.work.datasets.located(data.spec).root == str(home / "pics")
    monkeypatch.chdir(tmp_path)
    other = Pipeline(Store(tmp_path / "store"), "cpu")
    assert other.dataset(data.spec, Reporter()).spec == data.spec
    tilde = other.dataset(DataSpec("folder", "~/pics"), Reporter())
    assert tilde.spec == data.spec


def test_a_study_kept_with_a_relative_root_says_so(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures(home / "pics")
    monkeypatch.chdir(home)
    pipeline = Pipeline(Store(tmp_path / "store"), "cpu")
    mark = pipeline.dataset(DataSpec("folder", "pics"), Reporter()).spec.fingerprint
    older = DataSpec("folder", "pics", fingerprint=mark)

    def root_of() -> str:
        fresh = Pipeline(pipeline.store, "cpu")  # has loaded nothing before
        return fresh.dataset(older, Reporter()).spec.root

    assert root_of() == str(home / "pics")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"stored with the relative folder 'pics': change to the folder"
    ):
        root_of()
    pipeline.work.datasets.move(older, "home/pics", Reporter())
    with h5py.File(next((tmp_path / "store" / "places").glob("*.h5"))) as file:
        assert file.attrs["root"] == str(home / "pics")
    assert root_of() == str(home / "pics")


def test_a_pattern_may_name_a_place_in_each_file(tmp_path: Path) -> None:
    for name in ("r2.pt", "r10.pt"):
        (tmp_path / name).touch()
    found = matching([f"{tmp_path}/r*.pt::model.ema"])
    assert [path.name for path in found] == ["r2.pt::model.ema", "r10.pt::model.ema"]
    with pytest.raises(SpecError, match="No file matches"):
        matching([f"{tmp_path}/q*.pt::ema"])
