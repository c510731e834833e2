"""Who may know whom: the imports of every file, read without running any of it."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import registry

ROOT = Path(__file__).parents[2]

ONLY_IN = {  # a package of others, and the one file (or package) that knows it
    "h5py": "engine/storage/hdf5.py",
    "umap": "engine/embedding/joint_umap.py",
    "matplotlib": "engine/figures/",
    "fpdf": "engine/report/pdf.py",
    "pypdf": "engine/report/pdf.py",
    "jinja2": "engine/report/html.py",
    "torchvision": "",  # engine.runtime.libraries imports them by name, after making that possible
    "torchattacks": "",
    "optuna": "",  # engine.tuning.sampler imports it by name, when settings are suggested
    "pandas": "",  # engine.notebook.frames imports it by name, when a frame is asked for
}
HEAVY = {
    "torch", "umap", "h5py", "jinja2", "matplotlib", "scipy", "sklearn", "torchvision",
    "torchattacks",
}  # fmt: skip
LIGHT = (
    "engine", "engine.arrays", "engine.errors", "engine.spec", "engine.registry", "engine.results",
    "engine.runtime.progress", "engine.runtime.device", "engine.forget_sets.forget_set",
    "engine.drawing.geometry", "engine.datasets.base", "engine.study.plan",
)  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One imported module, and whether importing the file imports it at once."""

    name: str
    at_once: bool


def modules(package: str) -> dict[str, Path]:
    """Every module of a package: its dotted name and its file."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(source: str, known: frozenset[str] = frozenset()) -> list[Import]:
    """All imports of a source, those within functions too.

    `from a import b` is an import of a.b where that is one of the `known` modules, else of a.
    """
    return list(_imports(ast.parse(source), True, known))


def _imports(node: ast.AST, at_once: bool, known: frozenset[str]) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(alias.name, at_once) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative import"
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            yield Import(whole if whole in known else str(node.module), at_once)
    for child in ast.iter_child_nodes(node):
        later = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for_types = isinstance(node, ast.If) and _is_type_checking(node) and child in node.body
        yield from _imports(child, at_once and not later and not for_types, known)


def _is_type_checking(node: ast.If) -> bool:
    return ast.unparse(node.test).endswith("TYPE_CHECKING")


ENGINE, EXPLORER = modules("engine"), modules("explorer")
ALL = {**ENGINE, **EXPLORER}
IMPORTS = {
    name: imports_of(path.read_text(encoding="utf-8"), frozenset(ALL)) for name, path in ALL.items()
}


# -- the rooms ------------------------------------------------------------------------------------

TURNED = [  # (a file, an import that it must not have, what import-linter says of it)
    ("engine.methods.gd", "from engine.storage.store import Store", "engine.storage.store"),
    ("engine.methods.ga", "from engine.pipeline import pipeline", "engine.pipeline.pipeline"),
    ("engine.methods.ga", "def f():\n    import engine.pipeline.run", "engine.pipeline.run"),
    ("engine.methods.gd", "from engine.methods.rurk import RURK", "engine.methods.rurk"),
    ("engine.methods.cf_k", "from engine.datasets import digits", "engine.datasets.digits"),
    (
        "engine.datasets.iris",
        "from engine.pipeline.models import StudyModels",
        "engine.pipeline.models",
    ),
    ("engine.spec", "from engine.datasets.base import load", "engine.datasets.base"),
    ("engine.perturbations.l2", "import engine.methods.base", "engine.methods.base"),
    (
        "engine.residual.ratio",
        "from engine.pipeline.run import StudyComputation",
        "engine.pipeline.run",
    ),
    ("engine.figures.curves", "from engine.storage.store import Store", "engine.storage.store"),
    ("explorer.state.session", "from explorer.jobs.lanes import Jobs", "explorer.jobs.lanes"),
    ("explorer.views.slice", "from explorer.views.metrics import x", "explorer.views.metrics"),
    ("explorer.views.base", "from explorer.control.choice import x", "explorer.control.choice"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on the two houses in this folder, by the contracts in its pyproject.toml."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy in which the arrows of `TURNED` point the wrong way."""
    folder = tmp_path_factory.mktemp("turned")
    for house in ("engine", "explorer"):
        shutil.copytree(ROOT / house, folder / house, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for module, line, _ in TURNED:
        with (folder / f"{module.replace('.', '/')}.py").open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    done = lint(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_the_contracts_between_the_rooms_are_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize(("module", "line", "other"), TURNED)
def test_an_arrow_that_is_turned_round_is_noticed(
    module: str, line: str, other: str, turned: str
) -> None:
    assert f"{module} -> {other}" in turned


def test_a_file_without_a_room_is_noticed(tmp_path: Path) -> None:
    for house in ("engine", "explorer"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / house, tmp_path / house, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "engine" / "novelty.py").write_text("")
    done = lint(tmp_path)
    assert done.returncode == 1 and "engine.novelty" in done.stdout


@pytest.mark.parametrize("house", ["engine", "explorer"])
def test_few_files_lie_outside_the_rooms(house: str) -> None:
    assert len([*(ROOT / house).glob("*.py")]) <= 10


@pytest.mark.parametrize("module", sorted(ALL))
def test_no_file_and_no_class_grows_too_large(module: str) -> None:
    text = ALL[module].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            assert (node.end_lineno or 0) - node.lineno < 300, node.name


@pytest.mark.parametrize(
    "room", sorted({path.parent for path in ALL.values()}), ids=lambda room: room.name
)
def test_every_room_says_what_it_holds(room: Path) -> None:
    assert len(ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or "") > 40


def test_no_two_files_import_each_other() -> None:
    graph = {name: {one.name for one in found if one.at_once} for name, found in IMPORTS.items()}
    for name in ALL:
        assert name not in reached(name, graph), f"{name} imports itself in a circle"


def reached(start: str, graph: dict[str, set[str]]) -> set[str]:
    """Everything that importing `start` imports at once, by way of our own files."""
    seen: set[str] = set()
    left = [start]
    while left:
        for name in graph.get(left.pop(), set()) - seen:
            seen.add(name)
            left.append(name)
    return seen


# -- other people's packages ----------------------------------------------------------------------


@pytest.mark.parametrize("module", sorted(ENGINE))
def test_the_engine_knows_neither_qt_nor_the_explorer(module: str) -> None:
    strangers = {"PySide6", "shiboken6", "pyqtgraph", "explorer"}
    assert not {one.name.split(".")[0] for one in IMPORTS[module]} & strangers


@pytest.mark.parametrize(("package", "file"), ONLY_IN.items())
def test_one_file_alone_knows_a_package(package: str, file: str) -> None:
    users = {
        ALL[name].relative_to(ROOT).as_posix()
        for name, found in IMPORTS.items()
        if any(one.name.split(".")[0] == package for one in found)
    }
    within = {user for user in users if file.endswith("/") and user.startswith(file)}
    assert users - within <= {file}


def calls(path: Path) -> set[str]:
    """The dotted names of all functions a file calls, as it writes them."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}


def users_of(*functions: str) -> set[str]:
    """The files of both packages that call one of these."""
    return {
        path.relative_to(ROOT).as_posix() for path in ALL.values() if calls(path) & set(functions)
    }


def test_checkpoints_alone_loads_weights() -> None:
    assert users_of("torch.load", "load_state_dict_from_url") <= {"engine/training/checkpoints.py"}
    assert not users_of("pickle.load", "pickle.loads", "eval", "exec")
    assert not [p for p in ALL.values() if "allow_pickle=True" in p.read_text(encoding="utf-8")]


def test_nothing_but_the_runtime_seeds_a_global_generator() -> None:
    seeds = users_of(
        "torch.manual_seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all",
        "torch.random.manual_seed", "np.random.seed", "numpy.random.seed", "random.seed",
    )  # fmt: skip
    assert seeds <= {"engine/runtime/seeds.py"}


# -- what starts at once --------------------------------------------------------------------------


def test_importing_the_engine_is_instant() -> None:
    code = f"""
import sys
for name in {LIGHT!r}:
    __import__(name)
print(sorted({HEAVY | {"PySide6"}!r} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_importing_the_package_alone_loads_nothing_else() -> None:
    code = "import sys, engine; print('numpy' in sys.modules, engine.__version__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.split()[0] == "False"


def heavy_at_once(module: str) -> set[str]:
    """The heavy packages that importing this module would import."""
    graph = {
        name: {one.name for one in found if one.at_once}
        | {name.rsplit(".", 1)[0]}  # the package's own __init__ as well
        for name, found in IMPORTS.items()
    }
    return {name.split(".")[0] for name in reached(module, graph)} & HEAVY


@pytest.mark.parametrize("module", [*sorted(EXPLORER), "engine.__main__"])
def test_windows_and_help_open_before_anything_heavy(module: str) -> None:
    assert heavy_at_once(module) == set()


def test_stored_results_are_read_without_torch() -> None:
    assert heavy_at_once("engine.pipeline.pipeline") == {"h5py"}


@pytest.mark.parametrize("kind", registry.KINDS)
def test_what_is_built_in_is_described_without_torch(kind: str) -> None:
    for name in registry.built_in(kind):
        assert "torch" not in heavy_at_once(f"engine.{kind}s.{name.replace('-', '_')}"), name


def test_what_is_heavy_would_be_noticed() -> None:
    assert "torch" in heavy_at_once("engine.methods.fisher.computation")  # by way of other files


# -- the explorer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("module", sorted(EXPLORER))
def test_the_explorer_never_touches_tensors_or_files_of_results(module: str) -> None:
    assert not {one.name.split(".")[0] for one in IMPORTS[module]} & HEAVY


STATE = [name for name in EXPLORER if name.startswith("explorer.state.")]
USE_CASES = [name for name in EXPLORER if name.startswith(("explorer.control.", "explorer.jobs."))]


@pytest.mark.parametrize("module", sorted([*STATE, *USE_CASES]))
def test_state_and_use_cases_know_no_widgets(module: str) -> None:
    qt = {one.name for one in IMPORTS[module] if "PySide6" in one.name}
    assert "PySide6.QtWidgets" not in qt
    if module in STATE:
        assert qt <= {"PySide6.QtCore"}


def test_only_the_app_composes_window_jobs_and_controller() -> None:
    parts = {
        "explorer.window.window",
        "explorer.jobs.lanes",
        "explorer.control.controller",
        "explorer.state.app_state",
    }
    knows_all = {
        name for name in EXPLORER if parts <= {one.name for one in IMPORTS[name] if one.at_once}
    }
    assert knows_all <= {"explorer.app"}


def test_warnings_are_filtered_for_the_whole_process_in_one_place_alone() -> None:
    """Two threads that filter at once leave filters behind; figures are drawn one at a time."""
    changing = {"catch_warnings", "filterwarnings", "simplefilter"}
    places = {
        path.relative_to(ROOT).as_posix()
        for house in ("engine", "explorer")
        for path in (ROOT / house).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in changing
    }
    assert places == {
        "engine/embedding/joint_umap.py",
        "engine/figures/canvas.py",
    }  # embed: a child process
