"""The methods whose epochs were recorded, and the one that is shown."""

from __future__ import annotations

from engine.analysis.epoch_series import Epochs
from explorer.state.app_state import AppState
from explorer.state.reference_models import is_reference


def methods(state: AppState) -> list[str]:
    """The methods of the study, in its order, and those recorded so far."""
    named = [name for name in state.models if not is_reference(name)]
    return list(dict.fromkeys([*named, *state.epochs]))


def newest(state: AppState) -> str:
    """The method recorded last, '' before any."""
    return list(state.epochs)[-1] if state.epochs else ""


def running(state: AppState) -> bool:
    """Whether a method is running and being recorded."""
    last = newest(state)
    return bool(last) and not state.epochs[last].finished


def longest(state: AppState) -> str:
    """The method with most epochs, the first of equal ones; '' without methods.

    A method of one epoch has nothing to replay.
    """
    return max(methods(state), key=lambda name: _length(state, name), default="")


def shown_method(state: AppState, wanted: str, live: bool) -> str:
    """The method to show: the running one while live, else `wanted`, else the longest."""
    if live and running(state):
        return newest(state)
    return wanted if wanted in methods(state) else longest(state)


def _length(state: AppState, method: str) -> int:
    """How many epochs a method has: as recorded, or else as its training loss tells."""
    recorded, model = epochs_of(state, method), state.models.get(method)
    counts = [len(recorded.views) - 1] if recorded is not None else []
    return max([*counts, len(model.loss) if model is not None else 0])


def epochs_of(state: AppState, method: str) -> Epochs | None:
    """The epochs of a method, recorded as it ran or from the store."""
    live, replay = state.epochs.get(method), state.replay
    if live is not None:
        return live
    return replay if replay is not None and replay.model == method else None
