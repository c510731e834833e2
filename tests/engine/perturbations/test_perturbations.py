"""A perturbation from one file is available in measurement, search, slices, forms and lists."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from composed import compose

import engine.perturbations
from engine import perturbations, registry
from engine.__main__ import main, parser
from engine.drawing import labels
from engine.errors import SpecError
from engine.figures.catalog import figure
from engine.methods.rurk import RURK
from engine.perturbations import Noise, named
from engine.perturbations.base import Perturbation
from engine.pipeline.pipeline import Pipeline
from engine.residual.predictions import predict_copies
from engine.runtime.progress import Reporter
from engine.spec import ProbeSpec, choices_of, validate
from engine.study import compose as study
from explorer.state import catalog

ROOT = Path(engine.__file__).parents[1]
MINE = '''
"""A share of the values is replaced by others: no ball, and tau ends at 1."""

from engine.perturbations.base import Noise, add


def draw(into, rng):
    into.uniform_(generator=rng)


def replaced(x, noise, tau):
    import torch

    return torch.where(noise < tau, 1 - noise, x[:, None])


add(
    Noise(
        name="mine",
        label="Replaced",
        measure="share of values replaced",
        help="Replaces a share tau of the values.",
        unit="of all",
        high=1.0,
        draw=draw,
        move=replaced,
    )
)
'''
STEEP = """
from engine.perturbations.base import BOX, Attack, add


def copies(inputs):
    import torch
    from torch.nn.functional import cross_entropy

    with torch.enable_grad():
        leaf = inputs.x.detach().requires_grad_()
        aim = inputs.y if inputs.target is None else inputs.target
        loss = cross_entropy(inputs.model(leaf), aim, reduction="sum")
        slope = torch.autograd.grad(loss, leaf)[0]
    away = slope if inputs.target is None else -slope
    length = away.flatten(1).norm(dim=1).clamp_min(1e-12).reshape(-1, *[1] * (away.ndim - 1))
    return (inputs.x + inputs.tau * away / length).clamp(0, 1)


add(Attack(name="steep", label="Steepest", measure="L2 length", help="One step uphill.",
           outline=BOX, against=copies))
"""
ENTRY = """[rk_explorer.perturbations]
mine = mine_from_afar
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose files are treated as files of the package itself."""
    place = tmp_path / "perturbations"
    place.mkdir()
    engine.perturbations.__path__.append(str(place))
    registry._builtin.cache_clear()
    yield place
    engine.perturbations.__path__.remove(str(place))
    registry._builtin.cache_clear()
    for path in place.glob("*.py"):
        sys.modules.pop(f"engine.perturbations.{path.stem}", None)
        registry._entries.pop(("perturbation", path.stem), None)


@pytest.fixture
def mine(folder: Path) -> Path:
    """The file of an additional perturbation, present from the start."""
    path = folder / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return path


@pytest.fixture
def abroad(tmp_path: Path) -> dict[str, str]:
    """The environment of a process where another package with a perturbation is installed."""
    place = tmp_path / "site"
    facts = place / "mine-1.0.dist-info"
    facts.mkdir(parents=True)
    (place / "mine_from_afar.py").write_text(MINE, encoding="utf-8")
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY)
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(place), str(ROOT)))}


def told(code: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def help_of_run(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        parser().parse_args(["run", "--help"])
    return " ".join(capsys.readouterr().out.split())


# -- built-in perturbations ------------------------------------------------------------------------


def test_all_are_described_without_torch() -> None:
    code = (
        "import sys; from engine.drawing import labels; from engine import perturbations; "
        "print([(one.name, one.label, bool(one.outline)) for one in perturbations.every()], "
        "labels.tau_label('l2'), 'torch' in sys.modules)"
    )
    assert told(code) == (
        "[('gaussian', 'Gaussian', True), ('l2', 'L2 ball', True), ('linf', 'L-inf ball', True), "
        "('words', 'Words', False), ('fgsm', 'FGSM', True), ('pgd', 'PGD', True)] "
        "τ: L2 ball, L2 radius (pixel range [0, 1]) False"
    )


def test_every_one_says_what_its_tau_is() -> None:
    for one in perturbations.every():
        assert registry.get("perturbation", one.name).make is one.function
        assert one.function.__module__ == f"engine.perturbations.{one.name}"
        assert one.label and one.measure and one.help
        assert bool(one.outline) is one.searches is not one.edits
        assert labels.perturbation_label(one.name) == one.label
        assert one.straight is not (one.attack or one.edits)
        one.check([0.0, 0.1, min(one.high, 1e9)])


def test_attacks_know_their_steps_and_starts() -> None:
    passes = {one.name: one.passes(7) for one in perturbations.every()}
    assert passes == {"gaussian": 0, "l2": 0, "linf": 0, "words": 0, "fgsm": 1, "pgd": 7}
    assert [one.name for one in perturbations.every() if one.starts] == ["pgd"]
    assert [one.name for one in perturbations.every() if one.iterates] == ["pgd"]


@pytest.mark.parametrize("name", ["gaussian", "l2", "linf"])
def test_noise_for_a_search_is_as_large_as_that_of_the_measurement(name: str) -> None:
    kind, x = named(name), torch.full((2000, 1, 4, 4), 0.5)
    assert isinstance(kind, Noise)
    inputs = perturbations.AttackInputs(torch.nn.Identity(), x, x, None, 0.1, 1, 1.0, seed=0)
    found = kind.search(inputs, torch.Generator().manual_seed(3)) - x
    measured = 0.1 * kind.noise(range(200), (1, 4, 4), 5, 0, x.device)
    assert float(found.std()) == pytest.approx(float(measured.std()), rel=0.03)
    again = kind.search(inputs, torch.Generator().manual_seed(3)) - x
    assert torch.equal(found, again)


# -- one file more ---------------------------------------------------------------------------------


def test_a_file_adds_one_to_forms_help_and_search(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert perturbations.names() == ["gaussian", "l2", "linf", "mine", "words", "fgsm", "pgd"]
    expected = catalog.CatalogItem("mine", "Replaced", "Replaces a share tau of the values.")
    assert expected in catalog.names_only().perturbations
    known = catalog.read(Reporter())
    assert expected in known.perturbations
    assert known.perturbations == catalog.names_only().perturbations
    search = next(item for item in known.method("rurk").fields if item.name == "search")
    names = [name for name in perturbations.names() if name != "words"]
    assert search.choices == tuple(names) and search.default == "gaussian"
    assert "gaussian, l2, linf, mine, words, fgsm or pgd (gaussian; " in help_of_run(capsys)
    assert labels.tau_label("mine") == "τ: Replaced, share of values replaced (of all)"


def test_a_study_measures_with_it_and_searches_with_it(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [
        "run", "--dataset", "iris", "--methods", "rurk", "--set", "train.epochs=3",
        "--set", "rurk.search=mine", "--retrains", "1", "--draws", "20",
        "--perturbation", "mine", "--taus", "0,0.5,1", "--store", str(tmp_path / "store"),
    ]  # fmt: skip
    assert main(line) == 0
    first = capsys.readouterr()
    assert main(line) == 0  # from the store
    assert capsys.readouterr().out == first.out
    line[line.index("mine", line.index("--perturbation"))] = "mime"
    assert main(line) == 2
    assert "There is no perturbation 'mime'. Did you mean 'mine'?" in capsys.readouterr().err
    line[line.index("mime")], line[line.index("0,0.5,1")] = "mine", "0,1.5"
    assert main(line) == 2
    said = "tau of 'mine' is the share of values replaced and must lie between 0 and 1, but is 1.5."
    assert said in capsys.readouterr().err


def test_copies_are_what_the_file_makes_of_the_noise_of_each_sample(
    mine: Path, pipeline: Pipeline
) -> None:
    spec = compose(
        pipeline, perturbation="mine", taus="0,0.25,1", training={"epochs": 1}, retrains=1,
        draws=20, methods=("rurk",), settings={"rurk": {"search": "mine", "v": 2}},
    )  # fmt: skip
    study_of = pipeline.run(spec, Reporter())
    assert study_of.residual.perturbation == "mine"
    one = pipeline.neighborhood(spec, spec.forget[0], "", 0.25, Reporter())
    dataset = pipeline.dataset(spec.data, Reporter())
    kind = named("mine")
    assert isinstance(kind, Noise)
    blocks = [
        kind.noise([spec.forget[0]], (4,), spec.probe.seed, n, torch.device("cpu"))[0].numpy()
        for n in (0, 1)
    ]
    noise = np.concatenate(blocks)
    expected = np.where(noise < 0.25, 1 - noise, dataset.train_x[spec.forget[0]])
    np.testing.assert_allclose(one.copies, expected, atol=1e-6)
    column = study_of.residual.column(0.25)
    np.testing.assert_array_equal(
        study_of.residual.predictions["rurk"][0, column], one.predictions["rurk"]
    )
    adaptive = compose(
        pipeline, perturbation="mine", taus="0,0.5", training={"epochs": 1}, retrains=1,
        draws=20, methods=("rurk",), probe={"adaptive": 50, "between": "inferred"},
    )  # fmt: skip
    assert adaptive.probe.between == "asked"  # its copies lie on no rays
    assert pipeline.run(adaptive, Reporter()).residual.drawn is not None


def test_a_slice_without_a_ball_shows_none(mine: Path, pipeline: Pipeline, tmp_path: Path) -> None:
    spec = compose(pipeline, training={"epochs": 1}, retrains=1, draws=10, methods=("gd",))
    whole = pipeline.run(spec, Reporter())
    made = pipeline.slice(spec, 3, "random", 0.5, 5, Reporter(), perturbation="mine")
    assert made.ball.shape == (0, 2) and made.perturbation == "mine"
    assert made.steps[-1] == pytest.approx(0.05 * 4**0.5)
    right = made.predictions["gd"] == made.label
    assert made.recognized()["gd"] == pytest.approx(100 * right.mean())
    with pytest.raises(SpecError, match="must lie between 0 and 1"):
        pipeline.slice(spec, 3, "random", 1.5, 5, Reporter(), perturbation="mine")
    with pytest.raises(SpecError, match="must lie between 0 and 1"):
        pipeline.neighborhood(spec, 3, "mine", 1.5, Reporter())
    files = figure(
        pipeline, whole, "slice", tmp_path / "slice.svg", sample=3, tau=0.5, perturbation="mine"
    )
    text = files[0].read_text()
    caption = files[2].read_text(encoding="utf-8")
    assert "share of this plane" in caption and "ball" not in caption and "ball" not in text


def test_an_attack_from_a_file_is_made_against_each_model(folder: Path, pipeline: Pipeline) -> None:
    (folder / "steep.py").write_text(STEEP, encoding="utf-8")
    registry._builtin.cache_clear()
    spec = compose(
        pipeline, perturbation="steep", taus="0,0.3", training={"epochs": 2}, retrains=1, draws=10,
        methods=("rurk",), settings={"rurk": {"search": "steep"}}, probe={"target": "none"},
    )  # fmt: skip
    assert (spec.probe.start, spec.probe.between) == ("shared", "asked")
    found = pipeline.run(spec, Reporter()).residual
    assert "retrain-0@rurk" in found.counts
    copies = pipeline.neighborhood(spec, spec.forget[0], "", 0.3, Reporter()).copies
    x = pipeline.dataset(spec.data, Reporter()).train_x[spec.forget[0]]
    assert np.linalg.norm(copies - x, axis=1).max() <= 0.3 + 1e-6


# -- of other packages -----------------------------------------------------------------------------


def test_another_package_adds_one_by_an_entry_point(abroad: dict[str, str]) -> None:
    code = (
        "import sys; from engine import __main__, perturbations as known\n"
        "__main__.parser(); loaded = 'mine_from_afar' in sys.modules\n"
        "print(known.names(), known.at_hand('mine'), loaded)\n"
        "print(known.find('mine').label, known.at_hand('mine').high)\n"
        "print('torch' in sys.modules)"
    )
    assert told(code, abroad).splitlines() == [
        "['gaussian', 'l2', 'linf', 'words', 'fgsm', 'pgd', 'mine'] None False",
        "Replaced 1.0",
        "False",
    ]


def test_its_study_is_run_and_can_be_read_where_the_package_is_not(
    abroad: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", str(tmp_path / "store")]
    line = [
        "run", "--dataset", "iris", "--methods", "gd", "--set", "train.epochs=2", "--retrains", "1",
        "--draws", "10", "--perturbation", "mine", "--taus", "0,0.5",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "engine", *line, *store], capture_output=True, text=True, env=abroad
    )
    assert done.returncode == 0, done.stderr
    key = done.stdout.split()[1].rstrip(":")
    assert main(["table", key, *store]) == 0
    out = tmp_path / "curves.svg"
    assert main(["figure", key, "--kind", "curves", "--out", str(out), *store]) == 0
    assert "mine, perturbation norm" in " ".join(out.read_text().split())
    capsys.readouterr()
    assert main([*line, *store]) == 2
    assert "There is no perturbation 'mine'." in capsys.readouterr().err
    out = tmp_path / "one.svg"
    asked = ["--kind", "neighborhood", "--sample", "3", "--out", str(out), *store]
    assert main(["figure", key, *asked]) == 2
    assert "There is no perturbation 'mine'." in capsys.readouterr().err


def test_one_that_fails_costs_itself_alone(abroad: dict[str, str], tmp_path: Path) -> None:
    """It is named where it is requested; labels and forms work without it."""
    (tmp_path / "site" / "mine_from_afar.py").write_text("1 / 0", encoding="utf-8")
    code = (
        "from engine.drawing import labels; from engine import perturbations as known\n"
        "from engine.runtime.progress import Reporter\n"
        "from explorer.state import catalog\n"
        "class Heard(Reporter):\n"
        "    def on_log(self, message): print(message)\n"
        "print(known.names()[-1], len(known.every()), labels.perturbation_label('mine'))\n"
        "print(len(catalog.names_only().perturbations), len(catalog.read(Heard()).perturbations))\n"
        "try: known.named('mine')\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    assert told(code, abroad).splitlines() == [
        "mine 6 mine",
        "The perturbation plug-in 'mine' could not be loaded: division by zero",
        "7 6",
        "SpecError",
    ]


# -- unknown names ---------------------------------------------------------------------------------


def test_an_unknown_name_is_an_error_wherever_it_is_measured_with(pipeline: Pipeline) -> None:
    spec = compose(pipeline, training={"epochs": 1}, retrains=1, draws=10, methods=("gd",))
    with pytest.raises(SpecError, match="Did you mean 'gaussian'"):
        compose(pipeline, perturbation="gausian")
    with pytest.raises(SpecError, match="Did you mean 'linf'"):
        compose(pipeline, settings={"probe": {"perturbation": "lin"}})
    probe = ProbeSpec("gausian", (0.0, 0.1), 10)
    x, y = torch.rand(2, 4), torch.tensor([0, 1])
    with pytest.raises(SpecError, match="Did you mean 'gaussian'"):
        predict_copies({"a": torch.nn.Linear(4, 3)}, x, y, [0, 1], probe, range(1), 3, Reporter())
    with pytest.raises(SpecError, match="Did you mean 'gaussian'"):
        perturbations.is_attack(probe)
    for ask in (
        lambda: pipeline.neighborhood(spec, 3, "gausian", 0.1, Reporter()),
        lambda: pipeline.slice(spec, 3, "random", 0.1, 5, Reporter(), perturbation="gausian"),
        lambda: pipeline.recognition(spec, "gd", Reporter(), perturbation="gausian"),
    ):
        with pytest.raises(SpecError, match="Did you mean 'gaussian'"):
            ask()


def test_an_unknown_search_is_named_with_the_nearest() -> None:
    assert choices_of(RURK.__dataclass_fields__["search"].metadata) == perturbations.search_names()
    with pytest.raises(SpecError, match=r"choice for rurk\.search 'gausian'. Did you mean 'gauss"):
        validate(RURK(search="gausian"), "rurk.")


def test_a_stored_name_is_shown_as_it_is_and_its_study_keeps_its_key(pipeline: Pipeline) -> None:
    spec = compose(pipeline, methods=("gd",))
    plain = study.as_plain(spec)
    plain["probe"]["perturbation"] = "of-a-stranger"
    there = study.from_plain(plain)
    assert there.probe.perturbation == "of-a-stranger"
    assert study.as_plain(there) == plain
    assert labels.perturbation_label("of-a-stranger") == "of-a-stranger"
    assert labels.tau_label("of-a-stranger") == (
        "τ: of-a-stranger, perturbation norm (pixel range [0, 1])"
    )
    assert perturbations.find("of-a-stranger") is None


def test_a_perturbation_without_a_function_is_none() -> None:
    bare = Perturbation(name="bare", label="Bare", measure="nothing", help="Does nothing.")
    with pytest.raises(NotImplementedError):
        _ = bare.function
