"""The spec of a network, from its name, its folder or its file, which is read but not run.

Imports no torch.
"""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path

from engine import registry
from engine.errors import SpecError
from engine.external.hub_config import folder_of, is_hub
from engine.spec import GIVEN, ModelSpec
from engine.storage import plain_files
from engine.storage.paths import typed_path

LARGEST = 1 << 24  # bytes of FILE.py
AS_GIVEN = "none"  # normalization: the network takes pixels in [0, 1] unchanged
PYTHON = ".py"
ANSWERS_ALONE = (
    "This study was saved from Python: its models are known by their answers alone, without "
    "weights, so nothing new can be computed with them. Measure them again where they are "
    "(engine.residual_knowledge)."
)
ADVICE = "A factory is named FILE.py:FUNCTION, e.g. --model nets/mine.py:make."


def model_spec(model: str, normalize: str = "") -> ModelSpec:
    """The spec of a network: a registered name, NAME:MEMBER, hub:FOLDER or FILE.py:FUNCTION.

    normalize: '' or 'dataset' for the training set's statistics, 'none', or means/deviations per
    channel such as '0.5,0.5,0.5/0.25,0.25,0.25'. Raises SpecError; runs nothing. Imports torch
    only for a library's network, to see whether the library has it.
    """
    if is_hub(model):
        return _hub_spec(model, normalize)
    normalize = _canonical_normalization(normalize)
    if model == GIVEN:
        raise SpecError(ANSWERS_ALONE)
    if not in_file(model):
        entry = registry.get("model", model)
        if "check" in entry.facts:
            entry.facts["check"]()
        return ModelSpec(entry.name, normalize)
    if ":" not in model:
        raise SpecError(f"'{model}' does not name a function. {ADVICE}")
    file, _, function = model.rpartition(":")
    path = typed_path(file).absolute()
    if path.suffix != PYTHON or not function.isidentifier():
        raise SpecError(f"'{model}' does not name a function in a Python file. {ADVICE}")
    return ModelSpec(f"{path.name}:{function}", normalize, hash_of(source_of(path)), str(path))


def in_file(model: str) -> bool:
    """Whether this names a file of the user's, which making the network would run.

    >>> [in_file(name) for name in ("mlp:256,128", "torchvision:vgg13", "net.py:make", "C:net:f")]
    [False, False, True, True]
    """
    name, colon, member = model.partition(registry.MEMBER)
    if not colon:
        return model.endswith(PYTHON)
    looks_like_path = PYTHON in model or not re.fullmatch(r"[\w-]+", name) or ":" in member
    return looks_like_path and name not in registry.names("model")


def _hub_spec(model: str, normalize: str) -> ModelSpec:
    """The spec of a hub folder, by its own normalization unless another is asked for."""
    folder = folder_of(model)
    if not normalize and not folder.normalize:
        raise SpecError(
            f"{folder.path} does not state how the input is normalized. Say it with --normalize: "
            "dataset, none, or means/deviations, e.g. 0.5,0.5,0.5/0.25,0.25,0.25."
        )
    text = _canonical_normalization(normalize or folder.normalize)
    return ModelSpec(folder.name, text, hash_of(folder.source), str(folder.path))


def _canonical_normalization(text: str) -> str:
    """The canonical text of a normalization; SpecError if it is invalid."""
    if text in ("", "dataset"):
        return ""
    if text == AS_GIVEN:
        return text
    error = SpecError(
        f"'{text}' is not a normalization. Write dataset, none, or means/deviations per channel, "
        "e.g. 0.5,0.5,0.5/0.25,0.25,0.25 (of pixels in [0, 1])."
    )
    try:
        means, deviations = (list(map(float, part.split(","))) for part in text.split("/"))
    except ValueError:
        raise error from None
    finite = all(map(math.isfinite, [*means, *deviations]))
    if len(means) != len(deviations) or not finite or min(deviations) <= 0:
        raise error
    return "/".join(",".join(f"{value!r}" for value in part) for part in (means, deviations))


def source_of(path: Path) -> bytes:
    """The text of a network's file; SpecError if it cannot be read."""
    try:
        return plain_files.read_bytes(path, LARGEST)
    except OSError as error:
        name = str(path) if str(path).isprintable() else repr(str(path))
        raise SpecError(
            f"Cannot read the network's file {name}: {plain_files.error_reason(error)}."
        ) from error
    except ValueError as error:  # no path at all: a null character, half a letter
        raise SpecError(f"Cannot read the network's file {str(path)!r}: {error}.") from error


def hash_of(source: bytes) -> str:
    """What identifies a network's file: 20 hexadecimal digits."""
    return hashlib.blake2b(source, digest_size=10).hexdigest()
