"""Who may know whom: the imports of every file, read without running any of it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A file of the engine may import from its own layer and from those above it in this list.
LAYERS = (
    {
        "amplified", "children", "cores", "epochs", "errors", "geometry", "grids", "highlights",
        "interruption", "joint", "label_places", "labels", "membership_results", "neutral",
        "origins", "palette", "places", "plain_files", "quadrature", "results", "sound",
        "tensor_views", "world",
        "arrays",
        "text_table",
    },
    {
        "differences", "fields", "global_settings", "global_state", "keys", "memory", "metrics",
        "paper", "patches", "processes", "randomness", "registry", "report", "runtime", "samples",
        "serialization", "spec",
    },
    {
        "asides", "batching", "datasets", "guest", "hdf5", "heaps", "index_text", "indices",
        "locks", "models", "outputs", "perturb", "record", "sample_names", "store",
        "interruption", "joint", "label_places", "neutral", "origins", "palette",
        "places", "plain_files", "quadrature", "results", "tensor_views", "world",
        "differences", "global_state", "labels", "memory", "metrics", "paper", "patches",
        "perturbations", "processes", "randomness", "registry", "report", "runtime", "samples",
        "sound", "spec",
    },
    {
        "adaptive", "archive", "attack", "belongings", "board", "board_sheet", "bundle", "carried",
        "checkpoints", "command_line", "comparison", "correspondence", "curve_set", "diagnosis",
        "embed", "embedding", "evidence", "figures", "filters", "folding", "foreign", "forget",
        "given_values", "index_files", "inference", "kept", "layers", "lines", "matching",
        "measured", "neighborhood", "network", "over_seeds", "pareto", "pickle_machine", "pickles",
        "plain_weights", "ranking", "ratio", "rays", "recognition", "recorded", "residual",
        "safetensors", "sample_curve", "scatter", "scores", "shades", "sheets", "siblings",
        "slices", "sparse", "specimens", "study", "torch_files", "traces", "tracing", "train",
        "trial", "viewpoint", "watch", "wrappers", "zip_members",
        "disagreement", "posterior", "ratios", "summary",
    },
    {"costs", "methods", "plan", "relearn"},
    {"console_reporter", "methods", "relearn"},
    {"workshop"},
    {"doubt", "glossary", "measuring", "sampled", "similarity", "watching"},
    {"costs", "methods", "plan", "recent_plans", "relearn"},
    {
        "loaded_datasets", "loaded_models", "model_maker", "pretraining", "stored_results",
        "workshop",
    },
    {
        "doubt", "joint_embedding", "measurement", "measuring", "method_epochs", "one_sample",
        "sampled", "similarity", "study_catalog", "study_run", "watching",
    },
    {"exports", "figure_set", "pipeline", "versus"},
    {"doubt", "measuring", "sampled", "similarity", "watching"},
    {"exports", "figure_set", "order", "pipeline", "versus"},
    {"batch", "verifying"},
    {
        "__main__", "bench", "board_tables", "cli", "console", "protocol", "reporting", "sweep",
        "tables",
        "table_latex",
    },
)  # fmt: skip
FOR_METHODS = {
    "errors", "models.base", "perturbations", "registry", "report", "runtime", "samples", "spec",
    "train",
}  # fmt: skip
FOR_FIGURES = {
    "amplified", "asides", "board", "comparison", "curve_set", "epochs", "errors", "figures",
    "geometry", "label_places", "labels", "lines", "membership_results", "metrics", "outputs",
    "palette", "pareto", "ratio", "results", "sample_curve", "scatter", "scores", "shades",
    "sheets", "specimens", "traces",
    "arrays",
}  # fmt: skip
ONLY_IN = {  # a package of others, and the one file (or package) that knows it
    "h5py": "engine/hdf5.py",
    "umap": "engine/embed.py",
    "matplotlib": "engine/figures/",
    "fpdf": "engine/reporting/pdf.py",
    "pypdf": "engine/reporting/pdf.py",
    "jinja2": "engine/reporting/html.py",
    "torchvision": "",  # engine.runtime imports them by name, after making that possible
    "torchattacks": "",
}
HEAVY = {
    "torch", "umap", "h5py", "jinja2", "matplotlib", "scipy", "sklearn", "torchvision",
    "torchattacks",
}  # fmt: skip
LIGHT = (
    "engine", "engine.errors", "engine.spec", "engine.forget", "engine.registry", "engine.report",
    "engine.results", "engine.runtime", "engine.geometry", "engine.datasets.base", "engine.plan",
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


def layer_of(module: str) -> int:
    """The layer a module of the engine belongs to."""
    part = module.split(".")[1]
    found = [number for number, layer in enumerate(LAYERS) if part in layer]
    assert found, f"Which layer is {module} in? Say so in LAYERS."
    return found[0]


def trespasses(module: str, imported: str) -> str:
    """Why this module of the engine may not import that one; '' where it may."""
    if not imported.startswith("engine."):
        return ""
    rest = imported.removeprefix("engine.")
    if layer_of(imported) > layer_of(module):
        return f"{module} must not import {imported}, which is built upon it"
    if module.startswith("engine.methods."):
        shared = rest == "methods.base" or rest.startswith("methods._")
        if not shared and rest not in FOR_METHODS:
            return f"{module} is a method and must not import {imported}"
    if module.startswith("engine.figures") and rest.split(".")[0] not in FOR_FIGURES:
        return f"figures read plain arrays and must not import {imported}"
    return ""


# -- the engine's layers --------------------------------------------------------------------------


@pytest.mark.parametrize("module", sorted(set(ENGINE) - {"engine"}))
def test_each_file_imports_only_what_lies_beneath_it(module: str) -> None:
    found = [trespasses(module, one.name) for one in IMPORTS[module]]
    assert not [why for why in found if why]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine.methods.gd", "from engine.store import Store"),
        ("engine.methods.gd", "from engine import pipeline"),
        ("engine.methods.gd", "def f():\n    import engine.pipeline"),
        ("engine.methods.gd", "from engine.methods.rurk import RURK"),
        ("engine.methods.gd", "from engine.datasets import digits"),
        ("engine.datasets.digits", "from engine.train import descend"),
        ("engine.spec", "from engine.datasets.base import load"),
        ("engine.perturbations.pgd", "import engine.methods.base"),
        ("engine.residual", "from engine.pipeline import Pipeline"),
        ("engine.figures", "from engine.store import Store"),
    ],
)
def test_a_trespass_would_be_noticed(module: str, source: str) -> None:
    assert any(trespasses(module, one.name) for one in imports_of(source, frozenset(ALL)))


def test_an_unplaced_file_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match=r"Which layer is engine.novelty in\?"):
        trespasses("engine.novelty", "engine.spec")


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
    assert users_of("torch.load", "load_state_dict_from_url") <= {"engine/checkpoints.py"}
    assert not users_of("pickle.load", "pickle.loads", "eval", "exec")
    assert not [p for p in ALL.values() if "allow_pickle=True" in p.read_text(encoding="utf-8")]


def test_nothing_but_the_runtime_seeds_a_global_generator() -> None:
    seeds = users_of(
        "torch.manual_seed", "torch.cuda.manual_seed", "torch.cuda.manual_seed_all",
        "torch.random.manual_seed", "np.random.seed", "numpy.random.seed", "random.seed",
    )  # fmt: skip
    assert seeds <= {"engine/runtime.py"}


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


def test_what_is_heavy_would_be_noticed() -> None:
    assert "torch" in heavy_at_once("engine.methods.gd")  # by way of other files


# -- the explorer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("module", sorted(EXPLORER))
def test_the_explorer_never_touches_tensors_or_files_of_results(module: str) -> None:
    assert not {one.name.split(".")[0] for one in IMPORTS[module]} & HEAVY


@pytest.mark.parametrize("module", sorted(n for n in EXPLORER if n.startswith("explorer.views.")))
def test_a_view_knows_no_other_view_and_nothing_that_computes(module: str) -> None:
    names = {one.name for one in IMPORTS[module]}
    own = module.split("_")[0] + "_"  # the parts of samples are samples_order, samples_tip ...
    others = {name for name in names if name.startswith("explorer.views.")}
    assert {name for name in others if not name.startswith(own)} <= {"explorer.views.base"}
    above = ("app", "jobs", "window", "activity", *CONTROL)
    assert not names & {"engine.pipeline", "engine.store", *(f"explorer.{one}" for one in above)}


@pytest.mark.parametrize("module", sorted(n for n in EXPLORER if n.startswith("explorer.plots.")))
def test_a_plot_knows_no_view(module: str) -> None:
    names = {one.name for one in IMPORTS[module]}
    assert not [name for name in names if name.startswith(("explorer.views", "explorer.app"))]


STATE = ("state", "selection", "study_form", "run", "session", "sizes", "durations")
CONTROL = (
    "controller", "choice_control", "forget_set_control", "opening_control", "export_control",
    "shown_study", "studying", "runs", "shelf", "archiving", "around", "lens", "questions",
    "watching",
)  # fmt: skip


@pytest.mark.parametrize("module", [*STATE, *CONTROL])
def test_state_and_controller_know_no_widgets(module: str) -> None:
    qt = {one.name for one in IMPORTS[f"explorer.{module}"] if "PySide6" in one.name}
    assert "PySide6.QtWidgets" not in qt
    if module in STATE:
        assert qt <= {"PySide6.QtCore"}


@pytest.mark.parametrize("module", STATE)
def test_the_state_knows_nothing_of_who_changes_it(module: str) -> None:
    names = {one.name for one in IMPORTS[f"explorer.{module}"]}
    assert not names & {f"explorer.{name}" for name in (*CONTROL, "jobs", "tasks", "window")}


def test_only_the_app_composes_window_jobs_and_controller() -> None:
    parts = {"explorer.window", "explorer.jobs", "explorer.controller", "explorer.state"}
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
    assert places == {"engine/embed.py", "engine/figures/canvas.py"}  # embed: a child process
