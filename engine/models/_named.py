"""Entries of networks that a library makes by name, for display and checks: imports no torch."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import SpecError, shown
from engine.registry import Registration
from engine.spec import ADAMW

TRANSFORMERS = ("vit", "deit", "beit", "cait", "swin", "maxvit", "convnext")  # names begin so
TRAINING = {  # what transformers are usually trained with, in place of a dataset's settings
    "optimizer": ADAMW,
    "lr": 1e-3,
    "weight_decay": 0.05,
    "warmup": 0.1,
    "batch": 64,
    "clip": 1.0,
}


def entry_of(
    library: str,
    name: str,
    make: Callable[..., Any],
    check: Callable[[str], None],
    help: str,
) -> Registration:
    """The entry LIBRARY:NAME, whether or not the library has it, which `check` finds out."""
    name = name.strip()
    full = f"{library}:{name}"
    training = TRAINING if name.startswith(TRANSFORMERS) else {}
    facts = {"library": library, "check": functools.partial(check, name), "training": training}
    return Registration("model", full, functools.partial(make, name=name), full, help, facts)


def check_name(name: str, names: Sequence[str], library: str, example: str) -> None:
    """SpecError with the nearest name unless `name` is among those of the library.

    >>> check_name("vgg14", ["resnet34", "vgg13"], "timm", "timm:vgg13")
    Traceback (most recent call last):
    engine.errors.SpecError: timm has no network 'vgg14'. Did you mean 'timm:vgg13'?
    """
    if name in names:
        return
    if not name:
        raise SpecError(f"Name one of the {len(names):,} networks of {library}, e.g. {example}.")
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.0)[0]
    raise SpecError(f"{library} has no network '{shown(name)}'. Did you mean '{library}:{near}'?")
