"""Perturbations: one file each, registered like a method. Begin with `base`.

Importing this package or any of its files imports no torch: windows, forms and help list them
instantly.
"""

from __future__ import annotations

from engine import registry
from engine.errors import SpecError
from engine.perturbations._messages import EditedMessage, Messages
from engine.perturbations.base import (
    BLOCK,
    Attack,
    AttackInputs,
    Edit,
    Noise,
    Outline,
    Perturbation,
)
from engine.registry import Registration
from engine.spec import ProbeSpec

KIND = "perturbation"

__all__ = [
    "BLOCK",
    "Attack",
    "AttackInputs",
    "Edit",
    "EditedMessage",
    "Messages",
    "Noise",
    "Outline",
    "Perturbation",
    "at_hand",
    "attacks",
    "every",
    "find",
    "is_attack",
    "iterating",
    "named",
    "names",
    "search_names",
    "starting",
    "straight",
    "suiting",
]  # fmt: skip


def named(name: str) -> Perturbation:
    """The perturbation of that name; SpecError with the nearest name if it is unknown."""
    perturbation = _of(registry.get(KIND, name))
    if perturbation is None:
        raise SpecError(
            f"The perturbation '{name}' was not registered with `add`: its file must call it."
        )
    return perturbation


def find(name: str) -> Perturbation | None:
    """The perturbation of that name, for display; None if it is unknown or cannot be loaded.

    A stored result may name a plug-in that is not installed here.
    """
    return _of(registry.find(KIND, name))


def at_hand(name: str) -> Perturbation | None:
    """`find`, but only for built-in or loaded perturbations: runs no third-party code."""
    return _of(registry.at_hand(KIND, name))


def names() -> list[str]:
    """Every name: noise, attacks, then those of other packages, which are not loaded."""
    own = {name: at_hand(name) for name in registry.built_in(KIND)}
    known = sorted(own, key=lambda name: (getattr(own[name], "attack", True), name))
    return known + [name for name in registry.names(KIND) if name not in own]


def every() -> list[Perturbation]:
    """All perturbations that can be loaded, in the order of `names`."""
    return [kind for name in names() if (kind := find(name)) is not None]


def search_names() -> tuple[str, ...]:
    """Names of the perturbations that RURK may use to search perturbed copies."""
    return tuple(kind.name for kind in every() if kind.searches)


def iterating() -> tuple[str, ...]:
    """Names of the perturbations that take several steps, each of a step size."""
    return tuple(kind.name for kind in every() if kind.iterates)


def suiting(has_messages: bool) -> list[str]:
    """The names of those that suit a dataset: all but edits, where samples are no messages."""
    return [name for name in names() if has_messages or not ((one := at_hand(name)) and one.edits)]


def attacks() -> tuple[str, ...]:
    """Names of the perturbations that follow a model's gradient."""
    return tuple(kind.name for kind in every() if kind.attack)


def starting() -> tuple[str, ...]:
    """Names of the perturbations with a random start."""
    return tuple(kind.name for kind in every() if kind.starts)


def straight() -> tuple[str, ...]:
    """Names of the perturbations whose copies of one draw lie on a ray."""
    return tuple(kind.name for kind in every() if kind.straight)


def is_attack(probe: ProbeSpec) -> bool:
    """Whether the copies depend on a model; SpecError if the perturbation is unknown."""
    return named(probe.perturbation).attack


def _of(entry: Registration | None) -> Perturbation | None:
    return entry.facts.get(KIND) if entry else None
