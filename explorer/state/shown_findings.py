"""The findings on what is shown: a finished study and those beside it, or one that still runs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from weakref import WeakKeyDictionary

from engine.analysis.finding import Finding, findings, findings_of
from engine.results import Residual, Study
from explorer.state.app_state import AppState

Findings = tuple[Finding, ...]
_made: WeakKeyDictionary[Study | Residual, tuple[Hashable, Findings]] = WeakKeyDictionary()


def shown_findings(state: AppState) -> Findings:
    """A finding for each model of what is shown; () before anything is measured.

    Made once for all who show them, and forgotten with the study.
    """
    study, residual, beside = state.study, state.residual, state.beside or ()
    if study is not None:
        return _once(study, tuple(one.key for one in beside), lambda: findings(study, beside))
    if residual is None:
        return ()
    labels = {name: state.label(name) for name in residual.curves}
    return _once(residual, tuple(labels.items()), lambda: findings_of(residual, labels))


def _once(subject: Study | Residual, what: Hashable, make: Callable[[], Findings]) -> Findings:
    """The findings on a subject, made anew only if `what` they depend on has changed."""
    former = _made.get(subject)
    if former is None or former[0] != what:
        _made[subject] = former = (what, make())
    return former[1]


def so_far(state: AppState) -> str:
    """'So far, c = 20:' while the shown study is being measured, else ''."""
    if state.study is not None or state.residual is None:
        return ""
    return f"So far, with {state.residual.draws:,} copies each:"
