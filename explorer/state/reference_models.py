"""The reference models of a study: Original and the Re-trains."""

from __future__ import annotations


def is_reference(name: str) -> bool:
    """Whether this model is Original or a Re-train, which unlearn nothing."""
    return name == "original" or name.startswith("retrain")
