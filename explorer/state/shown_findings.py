"""The findings on what is shown: a finished study and those beside it, or one that still runs."""

from __future__ import annotations

from engine.analysis.finding import Finding, findings, findings_of
from explorer.state.app_state import AppState


def shown_findings(state: AppState) -> tuple[Finding, ...]:
    """A finding for each model of what is shown; () before anything is measured."""
    if state.study is not None:
        return findings(state.study, state.beside or ())
    if state.residual is None:
        return ()
    labels = {name: state.label(name) for name in state.residual.curves}
    return findings_of(state.residual, labels)


def so_far(state: AppState) -> str:
    """'So far, c = 20:' while the shown study is being measured, else ''."""
    if state.study is not None or state.residual is None:
        return ""
    return f"So far, with {state.residual.draws:,} copies each:"
