"""Which methods were seen as they unlearned, and which of them is shown."""

from __future__ import annotations

from engine.analysis.epoch_series import Epochs
from explorer.state.app_state import AppState


def methods(state: AppState) -> list[str]:
    """The methods of the study, in its order, and those seen so far."""
    named = [name for name in state.models if not is_reference(name)]
    return list(dict.fromkeys([*named, *state.epochs]))


def newest(state: AppState) -> str:
    """The method that was seen last, '' before any was."""
    return list(state.epochs)[-1] if state.epochs else ""


def running(state: AppState) -> bool:
    """Whether a method is being watched now."""
    last = newest(state)
    return bool(last) and not state.epochs[last].finished


def shown_method(state: AppState, wanted: str, live: bool) -> str:
    """The method that is shown: while live the one that runs, else the one that is wanted."""
    listed = methods(state)
    if wanted in listed and not (live and running(state)):
        return wanted
    return newest(state) or next(iter(listed), "")


def epochs_of(state: AppState, method: str) -> Epochs | None:
    """What was seen of a method, as it ran or from the store."""
    live, replay = state.epochs.get(method), state.replay
    if live is not None:
        return live
    return replay if replay is not None and replay.model == method else None


def is_reference(name: str) -> bool:
    """Whether this is Original or a Re-train, which unlearn nothing."""
    return name == "original" or name.startswith("retrain")
