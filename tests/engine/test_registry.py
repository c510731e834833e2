"""The registry: built-ins on first use, plug-ins by entry points, and plug-ins that fail."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from engine import registry
from engine.datasets.base import load
from engine.errors import SpecError
from engine.spec import DataSpec

GOOD = """
import dataclasses

from engine.datasets.digits import load as digits
from engine.registry import register


@register("dataset", "twin", label="Twin", help="digits by another name")
def make(spec, report):
    return dataclasses.replace(digits(spec, report), label="Twin")
"""
BROKEN = "raise ZeroDivisionError('the plug-in divides by zero')"
SILENT = "answer = 42"


@pytest.fixture
def plug_ins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three outside packages, as entry points see them: one works, two do not."""
    sources = {"twin": GOOD, "broken": BROKEN, "silent": SILENT}
    points = [EntryPoint(name, f"plug_in_{name}", "rk_explorer.datasets") for name in sources]
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [p for p in points if p.group == group]
    )
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(sys, "meta_path", [Finder(sources), *sys.meta_path])
    registry._external.cache_clear()
    yield
    registry._external.cache_clear()
    for name in sources:
        sys.modules.pop(f"plug_in_{name}", None)


class Finder:
    """Finds the modules plug_in_<name> in a dict of sources."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        from importlib.machinery import ModuleSpec

        short = name.removeprefix("plug_in_")
        return ModuleSpec(name, self) if short != name and short in self.sources else None  # type: ignore[arg-type]

    def create_module(self, spec: object) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(self.sources[module.__name__.removeprefix("plug_in_")], module.__dict__)


def test_listing_names_imports_nothing_heavy() -> None:
    code = (
        "import sys; from engine import registry; print(registry.names('model'), "
        "registry.names('method'), 'torch' in sys.modules, 'engine.models.cnn' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'resnet18'" in out.stdout and "'rurk'" in out.stdout
    assert out.stdout.strip().endswith("False False")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("dataset", {"cifar10", "digits", "fashion", "folder", "iris", "small-cifar5"}),
        ("model", {"cnn", "mlp", "resnet18", "resnet50", "vgg11"}),
        ("method", {"ga", "gd", "retrain", "rurk"}),
    ],
)
def test_built_ins_are_found_by_their_file(kind: str, expected: set[str]) -> None:
    assert expected <= set(registry.names(kind))
    assert not any(name.startswith("_") or name == "base" for name in registry.names(kind))


@pytest.mark.parametrize("kind", ["dataset", "model", "method"])
def test_every_built_in_registers_under_its_files_name(kind: str) -> None:
    for entry in registry.all_of(kind):
        assert entry.kind == kind and entry.label and entry.help
        assert entry.make.__module__.startswith(f"engine.{kind}s.")


def test_methods_carry_their_settings_and_their_cost() -> None:
    entry = registry.get("method", "rurk")
    assert entry.config is not None and entry.config().v == 1
    assert callable(entry.facts["cost"]) and entry.facts["source"]


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"There is no model 'resnet81'. Did you mean 'resnet18'"):
        registry.get("model", "resnet81")


def test_an_unknown_kind_has_no_names() -> None:
    assert registry.names("wheel") == []


def test_an_outside_dataset_works_like_a_built_in_one(plug_ins: None) -> None:
    assert "twin" in registry.names("dataset")
    assert load(DataSpec("twin")).label == "Twin"


def test_an_outside_package_does_not_hide_a_built_in_one(
    plug_ins: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [EntryPoint("digits", "plug_in_broken", "rk_explorer.datasets")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    registry._external.cache_clear()
    assert load(DataSpec("digits")).label == "Digits"


def test_a_failing_plug_in_is_named_with_its_error(plug_ins: None) -> None:
    with pytest.raises(SpecError) as caught:
        registry.get("dataset", "broken")
    assert str(caught.value) == (
        "The dataset plug-in 'broken' could not be loaded: the plug-in divides by zero"
    )


def test_a_plug_in_that_registers_nothing_is_named(plug_ins: None) -> None:
    with pytest.raises(SpecError, match=r"plug-in 'silent' \(plug_in_silent\) registers no datas"):
        registry.get("dataset", "silent")


def test_failing_plug_ins_are_warned_of_and_skipped(plug_ins: None) -> None:
    with pytest.warns(UserWarning, match="plug-in '(broken|silent)'") as warned:
        entries = registry.all_of("dataset")
    assert len(warned) == 2
    assert {"digits", "twin"} <= {entry.name for entry in entries}
