"""The network of a study: a built-in one, or one from a hub folder or a user's own file.

Naming a file with a function runs it, as `python FILE.py` would; naming a folder runs nothing of
it. A file, or a folder's config, is identified by a hash of its text: another file of the same
name, or the same file after a change, is a different network. Only that file is hashed; keeping the
modules that it imports unchanged is up to the user.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.machinery
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from engine import registry
from engine.datasets.base import Dataset
from engine.errors import SpecError
from engine.external.hub_config import is_hub
from engine.external.network_spec import ANSWERS_ALONE, AS_GIVEN, hash_of, source_of
from engine.external.network_spec import model_spec as model_spec
from engine.external.trial import NetworkProperties, tested_properties
from engine.models.base import Classifier, build, last_linear, replace_dropout
from engine.runtime.libraries import torchvision_importable
from engine.runtime.seeds import derive
from engine.spec import GIVEN, ModelSpec
from engine.user_code.attribution import is_user_error, network_error, register_network
from engine.user_code.calls import UserNetwork
from engine.user_code.global_settings import BUILD_SETTINGS, IMPORT_SETTINGS, ProcessSetting
from engine.user_code.global_state import restored_settings
from engine.user_code.patches import lies_in, reverted_patches
from engine.user_code.randomness import seeded_global_draws

OFFERED = ("shape", "n_classes", "num_classes")  # parameters that a factory may have
OURS = ("engine", "explorer", "__main__")  # modules of this program, if the file lies among them
_neighbors: dict[Path, dict[str, ModuleType]] = {}  # modules that files in a folder imported
_habits_cache: dict[tuple[Any, ...], NetworkProperties] = {}  # of networks tested in this process


def network(spec: ModelSpec, dataset: Dataset, generator: torch.Generator) -> Classifier:
    """A new network for this dataset on the CPU, in eval mode, its weights drawn from `generator`.

    Raises SpecError if it cannot process these samples, or if a factory is missing, has changed,
    fails, or makes anything but a classifier of the dataset's classes.
    """
    if spec.name == GIVEN:
        raise SpecError(ANSWERS_ALONE)
    make = functools.partial(_new_network, spec, dataset, generator.initial_seed())
    model = make()
    if not _is_built_in(spec):
        network_habits = _habits(spec, dataset, model, make)
        model.steady, model.channels_last = network_habits.steady, network_habits.channels_last
    return model


def _new_network(spec: ModelSpec, dataset: Dataset, seed: int) -> Classifier:
    """A new network whose weights depend on `seed` alone."""
    if not spec.source:
        statistics = normalization(spec.normalize, dataset)
        rng = torch.Generator().manual_seed(seed)
        model = build(spec.name, dataset.shape, len(dataset.classes), statistics, rng)
        if _is_librarys(spec):
            model.guest = UserNetwork(spec.name, "", len(dataset.classes))
        return model
    with seeded_global_draws(derive(seed, "weights")):
        make = _from_folder if is_hub(spec.name) else _from_factory
        net, head = make(spec, dataset)
    model = Classifier(net, head, *normalization(spec.normalize, dataset), image=dataset.is_image)
    model.guest = UserNetwork(spec.name, spec.path, len(dataset.classes))
    return model.eval()


def _is_built_in(spec: ModelSpec) -> bool:
    if spec.source:
        return False
    name = spec.name.partition(registry.MEMBER)[0]
    return name in registry.built_in("model") and not _is_librarys(spec)


def _is_librarys(spec: ModelSpec) -> bool:
    return bool(registry.get("model", spec.name).facts.get("library"))


def _habits(
    spec: ModelSpec, dataset: Dataset, model: Classifier, remake: Callable[[], Classifier]
) -> NetworkProperties:
    """The habits of a user's network, tested once for each shape of samples."""
    cache_key = spec.name, spec.path, spec.source, tuple(dataset.shape), len(dataset.classes)
    if cache_key not in _habits_cache:
        with _user_code(spec), torchvision_importable():
            _habits_cache[cache_key] = tested_properties(model, remake, spec.name, dataset.shape)
    return _habits_cache[cache_key]


def normalization(normalize: str, dataset: Dataset) -> tuple[list[float], list[float]]:
    """(means, standard deviations) per channel or feature that input is normalized by."""
    channels = dataset.shape[0]
    if not normalize:
        return dataset.statistics()
    if normalize == AS_GIVEN:
        return [0.0] * channels, [1.0] * channels
    means, deviations = (list(map(float, part.split(","))) for part in normalize.split("/"))
    if len(means) not in (1, channels):
        raise SpecError(
            f"The normalization '{normalize}' has {len(means)} means, but samples of "
            f"'{dataset.spec.name}' have {channels} channels."
        )
    factor = channels // len(means)
    return means * factor, deviations * factor


def _from_folder(spec: ModelSpec, dataset: Dataset) -> tuple[nn.Module, str]:
    """(network, name of its last linear layer) of a hub folder."""
    from engine.external.hub_network import hub_network

    with _user_code(spec), torchvision_importable(), restored_settings(BUILD_SETTINGS):
        net = hub_network(spec, dataset).eval()
        replace_dropout(net)
        return net, _head(net, spec.name, dataset)


# -- the user's own factory -----------------------------------------------------------------------


def _from_factory(spec: ModelSpec, dataset: Dataset) -> tuple[nn.Module, str]:
    """(network, name of its last linear layer) from the factory, tested on two samples."""
    if not spec.path:
        raise SpecError(
            f"The network {spec.name} is made by a file of the study's author. It is not included, "
            "because opening the study would run it. If you trust that file, get it, name it with "
            "--model FILE.py:FUNCTION and run the study."
        )
    path, function = Path(spec.path), spec.name.rpartition(":")[2]
    source = source_of(path)
    if hash_of(source) != spec.source:
        raise SpecError(
            f"{path} has changed since this study was made, so it is a different network. Restore "
            "the old file, or start a new study."
        )
    with _user_code(spec), _importable(path.parent), torchvision_importable():
        with _state_restored(spec.name, path):
            factory = getattr(_module(spec.name, path, source), function, None)
            if not callable(factory):
                raise SpecError(f"{path} has no function '{function}'.")
            product = factory(**_arguments(factory, spec.name, dataset))
        if not isinstance(product, nn.Module):
            raise SpecError(f"{spec.name} returns a {type(product).__name__}, not an nn.Module.")
        net = product.cpu().float()
        net.eval()
        replace_dropout(net)
        with _state_restored(spec.name, path):
            return net, _head(net, spec.name, dataset)


@contextlib.contextmanager
def _user_code(spec: ModelSpec) -> Iterator[None]:
    """Convert any exception raised by user code to a NetworkError that names its location."""
    register_network(spec.name, spec.path)
    try:
        yield
    except SpecError:
        raise
    except BaseException as error:
        if not is_user_error(error):
            raise
        raise network_error(spec.name, error, spec.path) from error


@contextlib.contextmanager
def _state_restored(
    name: str, path: Path, settings: Sequence[ProcessSetting] = BUILD_SETTINGS
) -> Iterator[None]:
    """Restore process-wide settings and library functions afterwards.

    Raises NetworkError if the user's code may rely on what it changed.
    """
    with reverted_patches(name, path.parent), restored_settings(settings):
        yield


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let the file import modules from its own folder, as a Python script can, and no others.

    Modules that shadow one of the standard library or of a package are visible to this file alone.
    """
    others = {
        name: module
        for home, modules in _neighbors.items()
        if home != folder
        for name, module in modules.items()
        if sys.modules.get(name) is module
    }
    for name in others:
        del sys.modules[name]
    sys.modules.update(_neighbors.get(folder, {}))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))
        _neighbors[folder] = _modules_of(folder)
        for name in _neighbors[folder]:
            if importlib.machinery.PathFinder.find_spec(name) is not None:
                del sys.modules[name]
        sys.modules.update(
            {name: module for name, module in others.items() if name not in sys.modules}
        )


def _modules_of(folder: Path) -> dict[str, ModuleType]:
    """The modules imported from this folder, by name, except installed packages."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if (file := getattr(module, "__file__", None)) is not None
        and lies_in(file, folder)
        and name.partition(".")[0] not in OURS
    }


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs exactly the text that was hashed, without writing a compiled file."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> Any:
        """The compiled source."""
        return self.source_to_code(self._source, self.path)


@functools.lru_cache(maxsize=32)
def _module(network_name: str, path: Path, source: bytes) -> Any:
    """The module that results from running `source`."""
    name = f"rk_network_{hash_of(source)}"
    spec = importlib.util.spec_from_file_location(
        name, path, loader=_Loader(name, str(path), source)
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look classes up there
    try:
        # the same for every network made by this file
        with (
            seeded_global_draws(derive(0, "file", hash_of(source))),
            _state_restored(network_name, path, IMPORT_SETTINGS),
        ):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _arguments(factory: Callable[..., Any], name: str, dataset: Dataset) -> dict[str, Any]:
    """Arguments for the factory's parameters: shape (C, H, W) or (d,), n_classes or num_classes."""
    n_classes = len(dataset.classes)
    offers = dict(zip(OFFERED, (dataset.shape, n_classes, n_classes), strict=True))
    parameters = inspect.signature(factory).parameters.values()
    fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for parameter in parameters:
        optional = parameter.default is not inspect.Parameter.empty or parameter.kind in fixed
        if not optional and parameter.name not in offers:
            raise SpecError(
                f"{name} requires the unknown argument '{parameter.name}'. A factory may take "
                "shape and n_classes; give every other parameter a default."
            )
    return {
        parameter.name: offers[parameter.name]
        for parameter in parameters
        if parameter.name in offers
    }


def _head(net: nn.Module, name: str, dataset: Dataset) -> str:
    """Name of the last linear layer; SpecError unless it outputs one logit per class."""
    n_classes = len(dataset.classes)
    logits, head = last_linear(net, torch.zeros(2, *dataset.shape, dtype=torch.float32), n_classes)
    output = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if output != (2, n_classes):
        raise SpecError(
            f"The network {name} returns {_described(output)} for two samples, but "
            f"'{dataset.spec.name}' has {n_classes} classes: it should return 2x{n_classes} logits."
        )
    if head is None:
        raise SpecError(
            f"The network {name} has no linear layer that outputs its {n_classes} logits, so its "
            "features cannot be extracted. End it with an nn.Linear."
        )
    return head


def _described(output: Sequence[int] | str) -> str:
    return f"a {output}" if isinstance(output, str) else "x".join(map(str, output)) + " logits"
