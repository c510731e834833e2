"""Default options of a figure: those of the matching view on the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from explorer.state.app_state import AppState
from explorer.state.ranking import ranked_by


def options(state: AppState, kind: str) -> dict[str, Any]:
    """The options with which a kind of figure draws what the window shows."""
    return _OPTIONS[kind](state) if kind in _OPTIONS else {}


def _neighborhood(state: AppState) -> dict[str, Any]:
    neighborhood = state.neighborhood
    if neighborhood is None:
        return {}
    return {
        "sample": neighborhood.sample,
        "perturbation": neighborhood.perturbation,
        "tau": neighborhood.tau,
    }


def _sample_curve(state: AppState) -> dict[str, Any]:
    neighborhood = state.neighborhood
    return (
        {} if neighborhood is None else {"sample": neighborhood.sample, "model": ranked_by(state)}
    )


def _slice(state: AppState) -> dict[str, Any]:
    shown = state.slice
    if shown is None:
        return {}
    return {
        "sample": shown.sample,
        "directions": shown.directions,
        "tau": shown.tau,
        "perturbation": shown.perturbation,
        "towards": shown.other if shown.directions == "chosen" else -1,
    }


def _samples(state: AppState) -> dict[str, Any]:
    chosen = sorted(state.selection.chosen)
    return {"samples": chosen, "title": f"{len(chosen):,} selected samples"} if chosen else {}


def _embedding(state: AppState) -> dict[str, Any]:
    names = state.embedding.models if state.embedding is not None else ()
    return {"a": names[0], "b": names[-1]} if names else {}


def _attack(state: AppState) -> dict[str, Any]:
    shown = state.attack
    if shown is None:
        return {}
    names = list(shown.models)
    options = {"score": shown.score, "members": shown.members, "matched": shown.matched}
    return {"a": names[0], "b": names[-1], **options}


def _comparison(state: AppState) -> dict[str, Any]:
    shown = state.similarity
    return {} if shown is None else {"a": shown.a, "b": shown.b}


_OPTIONS: dict[str, Callable[[AppState], dict[str, Any]]] = {
    "neighborhood": _neighborhood,
    "sample-curve": _sample_curve,
    "slice": _slice,
    "samples": _samples,
    "embedding": _embedding,
    "attack": _attack,
    "comparison": _comparison,
}
