"""The words that screen and paper share: what perturbations, models and axes are called."""

from __future__ import annotations

from collections.abc import Mapping

PERTURBATIONS = {  # name -> (label, what tau measures); the same as engine.perturb, without torch
    "gaussian": ("Gaussian", "standard deviation per pixel"),
    "l2": ("L2 ball", "L2 radius"),
    "linf": ("L-inf ball", "L-infinity radius"),
    "fgsm": ("FGSM", "L-infinity radius"),
    "pgd": ("PGD", "L-infinity radius"),
}


def perturbation_label(name: str) -> str:
    """What people call a perturbation; its own name where it is a stranger's."""
    return PERTURBATIONS.get(name, (name, ""))[0]


def tau_label(perturbation: str) -> str:
    """The axis label of tau, with what it measures and its unit."""
    label, measure = PERTURBATIONS.get(perturbation, (perturbation, "perturbation norm"))
    return f"τ: {label}, {measure} (pixel range [0, 1])"


def model_label(name: str, labels: Mapping[str, str]) -> str:
    """What people call a model: the study's own label, else one made from its name."""
    if name in labels:
        return labels[name]
    if name.startswith("retrain-") and name.removeprefix("retrain-").isdigit():
        return f"Re-train {int(name.removeprefix('retrain-')) + 1}"
    known = {"original": "Original", "retrain": "Re-train"}
    return known.get(name, name.upper())


def undefined_note(taus: list[float], undefined: list[int], samples: int) -> str:
    """'undefined for 3 of 70 samples at τ 0.4, ...', or '' where r is defined everywhere."""
    worst = [(tau, count) for tau, count in zip(taus, undefined, strict=True) if count]
    if not worst:
        return ""
    parts = [f"{count} of {samples} samples at τ {tau:g}" for tau, count in worst[-3:]]
    more = "" if len(worst) <= 3 else f" (and at {len(worst) - 3} smaller values of τ)"
    return "undefined for " + ", ".join(parts) + more
