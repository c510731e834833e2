"""Perturbations: each is one file, registered like a method. Begin reading in `base`.

Importing this, or any of them, imports no torch: windows, forms and help list them at once.
"""

from __future__ import annotations

from engine import registry
from engine.errors import SpecError
from engine.perturbations.base import BLOCK, Attack, AttackInputs, Noise, Outline, Perturbation
from engine.registry import Registration
from engine.spec import ProbeSpec

KIND = "perturbation"

__all__ = [
    "BLOCK", "Attack", "AttackInputs", "Noise", "Outline", "Perturbation", "at_hand", "described",
    "every", "is_attack", "named", "names", "searching",
]  # fmt: skip


def named(name: str) -> Perturbation:
    """The perturbation of that name; SpecError with the nearest one if there is none."""
    found = _of(registry.get(KIND, name))
    if found is None:
        raise SpecError(f"The perturbation '{name}' was not registered by `add`, as it should be.")
    return found


def described(name: str) -> Perturbation | None:
    """The perturbation of that name, for its words; None where it is unknown or cannot be loaded.

    A stored result may name what its maker had installed.
    """
    return _of(registry.find(KIND, name))


def at_hand(name: str) -> Perturbation | None:
    """The same where it comes with the program or was loaded before: no stranger's code is run."""
    return _of(registry.at_hand(KIND, name))


def names() -> list[str]:
    """Every name: noise, attacks, then those of other packages, which are not loaded for it."""
    own = {name: at_hand(name) for name in registry.built_in(KIND)}
    known = sorted(own, key=lambda name: (getattr(own[name], "attack", True), name))
    return known + [name for name in registry.names(KIND) if name not in own]


def every() -> list[Perturbation]:
    """All perturbations that can be loaded, in the order of `names`."""
    return [found for name in names() if (found := described(name)) is not None]


def searching() -> tuple[str, ...]:
    """The names of those that RURK may search its vulnerable set with."""
    return tuple(one.name for one in every() if one.searches)


def is_attack(probe: ProbeSpec) -> bool:
    """Whether the copies depend on a model; SpecError where there is no such perturbation."""
    return named(probe.perturbation).attack


def _of(entry: Registration | None) -> Perturbation | None:
    return entry.facts.get(KIND) if entry else None
