"""The cost of training in sample passes, for plans and forms: imports no torch."""

from __future__ import annotations

from engine.spec import SGDSpec

PASSES_PER_STEP = 3  # one forward and a backward at twice its cost, in sample passes


def cost_of_training(spec: SGDSpec, n: int) -> float:
    """Sample passes of training on n samples."""
    return float(PASSES_PER_STEP * spec.epochs * n)
