"""Build the network of a hub folder with timm or transformers; see `engine.external.hub_config`.

The library builds it from the config alone. Weights are read like any others, by
`engine.weight_files`: no file is unpickled, no code of a folder is run, nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from engine.datasets.base import Dataset
from engine.errors import SpecError, shown
from engine.external.hub_config import TIMM, TRANSFORMERS, HubFolder, check, read
from engine.external.network_spec import hash_of
from engine.runtime.batching import is_shortage
from engine.runtime.libraries import require, torchvision_importable
from engine.spec import ModelSpec

REFUSED = (  # arguments of timm.create_model that read files, download, or set process-wide options
    "pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict", "cache_dir",
    "checkpoint_path", "scriptable", "exportable", "no_jit", "features_only",
)  # fmt: skip
IGNORED = (  # entries of a config of transformers that name code, kernels, formats or extra outputs
    "auto_map", "custom_pipelines", "attn_implementation", "_attn_implementation",
    "_attn_implementation_internal", "experts_implementation", "dtype", "torch_dtype",
    "return_dict", "use_return_dict", "output_attentions", "output_hidden_states", "torchscript",
)  # fmt: skip
WRONG = (RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError, ImportError)


class LogitsOnly(nn.Module):
    """A classifier of transformers as a network from images to logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, K) of normalized images (n, C, H, W)."""
        logits: Tensor = self.model(pixel_values=x).logits
        return logits

    def renamed(self, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A state dict under this version's names; unchanged if it does not fit.

        transformers renames layers between versions, and writes the older names.
        """
        with torchvision_importable(), _quiet():
            try:
                model, report = type(self.model).from_pretrained(  # type: ignore[attr-defined]
                    None, config=self.model.config, state_dict=dict(state),
                    output_loading_info=True,
                )  # fmt: skip
            except WRONG as error:
                if is_shortage(error):
                    raise
                return state
        fits = not any(report[kind] for kind in ("missing_keys", "unexpected_keys"))
        return model.state_dict() if fits and not report["mismatched_keys"] else state


def hub_network(spec: ModelSpec, dataset: Dataset) -> nn.Module:
    """The network of a hub folder, with fresh weights, on the CPU.

    Raises SpecError if its library is missing, if the folder is or has changed, or if it does not
    fit these samples.
    """
    if not spec.path:
        raise SpecError(
            f"The network {spec.name} comes from a folder of the study's author, which is not "
            "included. Get that folder, name it with --model hub:FOLDER and run the study."
        )
    folder = read(Path(spec.path))
    if hash_of(folder.source) != spec.source:
        raise SpecError(
            f"The config in {spec.path} has changed since this study was made, so it is a "
            "different network. Restore the old file, or start a new study."
        )
    check(folder, dataset)
    build = {TIMM: _of_timm, TRANSFORMERS: _of_transformers}[folder.library]
    try:
        return build(folder, _library(folder)).float()
    except WRONG as error:
        if isinstance(error, SpecError) or is_shortage(error):
            raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SpecError(
            f"{folder.library} cannot build the network of {folder.path} ({reason}). It may have "
            f"been written by another version: try `pip install --upgrade {folder.library}`."
        ) from error


def renamed(content: object, net: nn.Module) -> object:
    """The content of a weight file under the names of this network's layers."""
    plain = isinstance(content, Mapping) and all(
        isinstance(one, Tensor) for one in content.values()
    )
    if not plain or not content or not isinstance(net, LogitsOnly):
        return content
    assert isinstance(content, Mapping)
    return net.renamed(content)


def _library(folder: HubFolder) -> ModuleType:
    require(folder.library, f"The network in {folder.path} needs")
    return importlib.import_module(folder.library)


def _of_timm(folder: HubFolder, timm: ModuleType) -> nn.Module:
    config = folder.config
    name, arguments = str(config["architecture"]), dict(config.get("model_args") or {})
    if not timm.is_model(name):  # 'hf-hub:...' and 'local-dir:...' are no names of networks
        raise SpecError(f"timm {timm.__version__} has no network '{shown(name)}'.")
    refused = next((word for word in REFUSED if word in arguments), None)
    if refused:
        raise SpecError(
            f"The config in {folder.path} sets '{refused}', which is no property of a network. "
            "Remove it from model_args."
        )
    arguments |= {"num_classes": folder.n_classes, "in_chans": folder.channels}
    if config.get("pretrained_cfg", config).get("fixed_input_size") and folder.size:
        arguments.setdefault("img_size", folder.size)
    net: nn.Module = timm.create_model(name, pretrained=False, **arguments)
    return net


def _of_transformers(folder: HubFolder, transformers: ModuleType) -> nn.Module:
    kind = folder.config["model_type"]
    if kind not in transformers.CONFIG_MAPPING:
        raise SpecError(
            f"transformers {transformers.__version__} has no network '{shown(kind)}'. Code in a "
            "hub folder is never run."
        )
    plain = {name: value for name, value in folder.config.items() if name not in IGNORED}
    plain |= {"use_pretrained_backbone": False} if "use_pretrained_backbone" in plain else {}
    with _quiet():
        config = transformers.CONFIG_MAPPING[kind].from_dict(plain)
        make: Any = transformers.AutoModelForImageClassification
        return LogitsOnly(make.from_config(config, trust_remote_code=False))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' progress bars and reports on the console."""
    from transformers.utils import logging

    shows_bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shows_bars:
            logging.enable_progress_bar()
