"""Residual knowledge of one model as a notebook reads it: arrays, words, a figure, a data frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.analysis.finding import findings_of
from engine.notebook.frames import frame
from engine.residual.prediction import prediction
from engine.residual.verdict import verdict_word, verdicts
from engine.results import Curve, Residual

if TYPE_CHECKING:
    from engine.figures.layout import Page


@dataclass(frozen=True, eq=False, kw_only=True)
class KnowledgeCurve(Curve):
    """Residual knowledge over tau beside the null band, all arrays (T,).

    taus: the norms; mean, low, high: r_tau with its 95 % interval; pooled, undefined, prevalence:
    see `engine.results.Curve`; null_low, null_high: range of Re-train against Re-train, of the
    mean; prediction_low, prediction_high: where the pooled ratio of one more Re-train lies, at each
    tau, and grid_low, grid_high: for all of them at once (`engine.residual.prediction`). NaN with
    one Re-train. Only a curve outside is evidence.
    """

    taus: np.ndarray
    null_low: np.ndarray
    null_high: np.ndarray
    prediction_low: np.ndarray
    prediction_high: np.ndarray
    grid_low: np.ndarray
    grid_high: np.ndarray

    def to_frame(self) -> Any:
        """A pandas DataFrame with one row per tau; SpecError if pandas is not installed."""
        names = ["taus", *(item.name for item in fields(self) if item.name != "taus")]
        return frame({name: getattr(self, name) for name in names}).rename(columns={"taus": "tau"})


@dataclass(frozen=True, eq=False)
class ResidualKnowledge:
    """Residual knowledge of one model.

    residual: that of all models that were measured together; model: this one's name in it; labels:
    model -> what people call it.
    """

    residual: Residual
    model: str
    labels: Mapping[str, str]

    @property
    def taus(self) -> np.ndarray:
        """(T,) perturbation norms."""
        return self.residual.taus

    @property
    def curve(self) -> KnowledgeCurve:
        """The curve over tau, with its intervals, the null band and the prediction interval."""
        one = self.residual.curves[self.model]
        parts = {item.name: getattr(one, item.name) for item in fields(Curve)}
        band = {"null_low": self.residual.null_low, "null_high": self.residual.null_high}
        own = prediction(self.residual)
        return KnowledgeCurve(
            **parts,
            **band,
            taus=self.taus,
            prediction_low=own.low,
            prediction_high=own.high,
            grid_low=own.grid_low,
            grid_high=own.grid_high,
        )

    @property
    def counts(self) -> np.ndarray:
        """(n, T) int32: how many copies of each sample the model recognizes, out of the draws."""
        return self.residual.counts[self.model]

    @property
    def retrain_counts(self) -> np.ndarray:
        """(k, n, T) int32: how many of the same copies each Re-train recognizes."""
        return self.residual.reference(self.model)

    @property
    def ratio(self) -> np.ndarray:
        """(n, T) r of each sample, averaged over the Re-trains that recognize it; NaN if none."""
        return self.residual.ratio(self.model)

    @property
    def posterior(self) -> np.ndarray:
        """(n, T) probability that the model recognizes more copies of the sample than Re-train."""
        return self.residual.posterior[self.model]

    @property
    def finding(self) -> str:
        """What was found, in a sentence."""
        found = findings_of(self.residual, self.labels)
        return next(one.text for one in found if one.model == self.model)

    def verdicts(self) -> np.ndarray:
        """(n,) 'residual', 'none' or 'undecided' for each sample, over the whole grid of tau.

        The rule is that of `engine.residual.verdict.verdicts`; '–' with fewer than two Re-trains.
        """
        return np.array([verdict_word(one) for one in verdicts(self.residual, self.model)])

    @property
    def q_values(self) -> np.ndarray:
        """(n,) smallest false discovery rate at which each sample counts as residual."""
        return self.residual.q_values[self.model]

    @property
    def e_values(self) -> np.ndarray:
        """(n, T) evidence that Re-train recognizes fewer copies, valid at any number of draws."""
        return self.residual.e_values[self.model]

    @property
    def certified_radius(self) -> np.ndarray:
        """(n,) L2 radius within which the smoothed model stays as sure of each sample as Re-train.

        NaN unless copies carry Gaussian noise; see `engine.residual.certificate`.
        """
        unknown = np.full(len(self.residual.samples), np.nan)
        return self.residual.certified_radius.get(self.model, unknown)

    def plot(self, *, log: bool | None = None, width_mm: float = 120, font_size: float = 8) -> Page:
        """The pooled ratios of all models and of Re-trains, as the program publishes them.

        log: on a logarithmic axis, as is usual (None). Notebooks show the figure, `savefig` writes
        it.
        """
        from engine.analysis.curve_set import CurveSet
        from engine.analysis.curves import StudyRun
        from engine.figures.curves import drawn_curves

        run = StudyRun("", "", self.residual, self.labels)
        return drawn_curves(CurveSet([run]), log=log, width_mm=width_mm, font_size=font_size)

    def to_frame(self) -> Any:
        """A pandas DataFrame with one row per sample and tau; SpecError without pandas.

        Columns: sample, tau, recognized (of `draws`), one per Re-train, r, posterior, and verdict,
        which is the sample's over all tau.
        """
        n, steps = self.counts.shape
        retrains = {f"retrain_{j}": one.ravel() for j, one in enumerate(self.retrain_counts)}
        return frame(
            {
                "sample": np.repeat(self.residual.samples, steps),
                "tau": np.tile(self.taus, n),
                "draws": self.residual.per_cell.ravel(),
                "recognized": self.counts.ravel(),
                **retrains,
                "r": self.ratio.ravel(),
                "posterior": self.posterior.ravel(),
                "verdict": np.repeat(self.verdicts(), steps),
            }
        )

    def __repr__(self) -> str:
        n, k = len(self.residual.samples), len(self.retrain_counts)
        return f"<{n} samples, {k} Re-trains, {len(self.taus)} norms. {self.finding}>"
