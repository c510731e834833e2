"""Residual knowledge: who still recognizes perturbed copies of forgotten samples, and how surely.

Verdicts are integers; every ratio is derived from them with its interval and undefined cases.
Source: Hsu et al. 2025, definition of r_tau; intervals, null band and posterior are this
project's additions.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.adaptive import rates
from engine.batching import batches_of
from engine.inference import Ready, attackable, ready
from engine.perturbations import BLOCK, Noise, Perturbation, named
from engine.quadrature import legendre
from engine.rays import FEWEST, Rays
from engine.report import Reporter
from engine.results import Curve, Residual, pooled_ratio, reference_counts
from engine.runtime import numpy_generator
from engine.spec import INFERRED, ProbeSpec

Floats = NDArray[np.float64]
Called = tuple[str, slice, Tensor]  # which judge; which taus; (n, taus, m) classes
RESAMPLES = 1000
LEVEL = 0.95
BATCH_VALUES = 400_000  # input values per forward on a CPU: large enough to amortise, fits caches
BATCH_VALUES_GPU = 16_000_000
ALONG = 4  # times as many copies lie on the rays that are followed together


def blocks_of(draws: int) -> int:
    """Number of blocks of `BLOCK` draws that hold `draws`."""
    return math.ceil(draws / BLOCK)


def copies(probe: ProbeSpec, n: int) -> float:
    """How many copies of n samples each model is shown where every cell gets all draws."""
    each = sum(1 / BLOCK if tau == 0 else 1 for tau in probe.taus)
    return n * blocks_of(probe.draws) * BLOCK * each


@torch.inference_mode()
def verdicts(
    viewers: Mapping[str, nn.Module],
    x: Tensor,
    y: Tensor,
    samples: Sequence[int],
    probe: ProbeSpec,
    blocks: range,
    n_classes: int,
    report: Reporter,
    source: nn.Module | None = None,
) -> dict[str, np.ndarray]:
    """viewer -> (n, T, len(blocks) * BLOCK) predicted class of every perturbed copy.

    x: (n, *shape) float32 in [0, 1] on the viewers' device; samples: their training-set indices.
    All viewers, in eval mode, see the same copies; `source` is the model that attacks are made
    against (FGSM, PGD). Where `probe.between` is 'inferred', see `engine.rays`. Raises Cancelled
    between batches.
    """
    dtype = np.uint8 if n_classes <= 256 else np.uint16
    found = {
        name: np.zeros((len(x), len(probe.taus), len(blocks) * BLOCK), dtype) for name in viewers
    }
    asking = _Asking(ready(viewers), samples, probe, n_classes, report)
    asking.kind.check(probe.taus)
    if source is not None:
        asking.attacked = attackable(source, probe.arithmetic, x)
    along = asking.kind.straight and probe.between == INFERRED and len(probe.taus) >= FEWEST
    say, rows = asking.along_rays if along else asking.all, asking.rows(x, along)

    def answer(part: slice) -> None:
        for place, block in enumerate(blocks):
            columns = slice(place * BLOCK, (place + 1) * BLOCK)
            for name, taus, called in say(x[part], y[part], part, block):
                found[name][part, taus, columns] = called.cpu().numpy().astype(dtype)

    for _ in batches_of(x, rows).over(len(x), answer):
        continue
    return found


def correct(predictions: np.ndarray, y: np.ndarray, draws: int) -> np.ndarray:
    """(n, T) int32 right answers among the first `draws` copies of predictions (n, T, c)."""
    right: np.ndarray = (predictions[:, :, :draws] == y[:, None, None]).sum(2, dtype=np.int32)
    return right


def ratios(u: np.ndarray, a: np.ndarray) -> Floats:
    """Per-sample r = u / a of integer counts, NaN where a = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(a > 0, u / np.maximum(a, 1), np.nan)


def resampling_weights(n: int, seed: int) -> Floats:
    """(RESAMPLES, n) how often each sample is drawn in each bootstrap resample."""
    drawn = numpy_generator(seed, "bootstrap").multinomial(n, np.full(n, 1 / n), RESAMPLES)
    return drawn.astype(np.float64)


def curve(
    u: np.ndarray,
    a: np.ndarray,
    weights: Floats,
    shares: tuple[np.ndarray, np.ndarray] | None = None,
) -> Curve:
    """Residual knowledge of counts u (n, T) against the Re-trains' counts a (k, n, T).

    shares: recognized shares in the shapes of u and a where samples differ in draws: the pooled
    ratio is made of them, and there is no prevalence, since ties among few draws do not count.
    """
    per_sample = ratios(u[None], a)  # (k, n, T)
    low, high = _bootstrap_interval(per_sample, weights)
    return Curve(
        mean=_nanmean(_nanmean(per_sample, 1), 0),
        low=low,
        high=high,
        pooled=pooled_ratio(*(shares or (u, a))),
        undefined=(a == 0).any(0).sum(0),
        prevalence=_prevalence(u, a, shares is not None),
    )


def null_band(
    counts: Mapping[str, np.ndarray], retrains: Sequence[str], weights: Floats
) -> tuple[Floats, Floats]:
    """(low, high), each (T,): where r of one Re-train against another can lie.

    The envelope of the bootstrap intervals of every ordered pair, so that the band knows the
    spread over training seeds and over forget samples alike; NaN with fewer than two Re-trains
    or where no pair is defined. Residual knowledge is evidence only where a curve leaves it.
    """
    taus = counts[retrains[0]].shape[1]
    low, high = np.full(taus, np.nan), np.full(taus, np.nan)
    for one in retrains:
        for other in retrains:
            if one == other:
                continue
            ratio = ratios(counts[one], counts.get(f"{other}@{one}", counts[other]))
            below, above = _bootstrap_interval(ratio[None], weights)
            low, high = np.fmin(low, below), np.fmax(high, above)
    return low, high


def posterior(u: np.ndarray, a: np.ndarray, draws: int | np.ndarray) -> Floats:
    """Probability that Pr[m = y] > Pr[a = y] given counts u (n, T), a (k, n, T) out of `draws`.

    Independent Beta(1/2, 1/2) priors; averaged over the Re-trains. draws: of all cells, or (n, T);
    that they depend on what was seen changes nothing, since the likelihood is the same.
    """
    chances = np.empty(u.shape)
    among = np.broadcast_to(draws, u.shape)
    for one in np.unique(among):
        cells = among == one
        chances[cells] = _posterior_table(int(one))[u[cells][None], a[:, cells]].mean(0)
    return chances


def summarize(
    probe: ProbeSpec,
    draws: int,
    samples: np.ndarray,
    y: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    judged: Sequence[str],
    retrains: Sequence[str],
    drawn: np.ndarray | None = None,
) -> Residual:
    """All measures of one forget set from predictions (n, T, >= draws).

    drawn (n, T): how many of them count in each cell; what lies behind is left out.

    predictions: model -> its answers to its own copies; 'retrain-0@gd' -> a Re-train's answers to
    the copies attacked against gd (only for attacks). judged: models that get a curve.
    """
    kept = {name: cut_to(found[:, :, :draws], drawn) for name, found in predictions.items()}
    counts = {name: correct(found, y, draws) for name, found in kept.items()}
    weights = resampling_weights(len(samples), probe.seed)
    shares = {}
    if drawn is not None:
        shares = {n: rates(found == y[:, None, None], drawn) for n, found in kept.items()}

    def shared(name: str) -> tuple[np.ndarray, np.ndarray] | None:
        return (shares[name], reference_counts(shares, name)) if shares else None

    against = {name: reference_counts(counts, name) for name in judged}
    low, high = null_band(counts, retrains, weights)
    return Residual(
        perturbation=probe.perturbation,
        taus=np.array(probe.taus),
        draws=draws,
        samples=samples,
        counts=counts,
        curves={n: curve(counts[n], against[n], weights, shared(n)) for n in judged},
        null_low=low,
        null_high=high,
        posterior=_posteriors(counts, against, draws, withheld=drawn is not None),
        predictions=kept,
        drawn=drawn,
        rates=shares,
    )


def _posteriors(
    counts: Mapping[str, np.ndarray], against: Mapping[str, np.ndarray], draws: int, withheld: bool
) -> dict[str, Floats]:
    """model -> `posterior`, of NaN where it is withheld."""
    if withheld:
        return {name: np.full(counts[name].shape, np.nan) for name in against}
    return {name: posterior(counts[name], a, draws) for name, a in against.items()}


def cut_to(predictions: np.ndarray, drawn: np.ndarray | None) -> np.ndarray:
    """Predictions (n, T, c) of which only the first drawn (n, T) are left, none being None: all.

    What stands behind them is the largest number of their type, which is never a class.
    """
    if drawn is None:
        return predictions
    beyond = np.arange(predictions.shape[2]) >= drawn[:, :, None]
    return np.where(beyond, np.iinfo(predictions.dtype).max, predictions)


@dataclass
class _Asking:
    """Shows one block's copies of some samples to every judge: (judge, taus, classes (n, taus, m)).

    attacked: the model that attacks are made against, None for random copies.
    """

    judges: Mapping[str, Ready]
    samples: Sequence[int]
    probe: ProbeSpec
    n_classes: int
    report: Reporter
    attacked: nn.Module | None = None

    @functools.cached_property
    def kind(self) -> Perturbation:
        """What the copies are perturbed by."""
        return named(self.probe.perturbation)

    def rows(self, x: Tensor, along: bool) -> int:
        """How many samples like x are taken together, along rays or not."""
        fit = copies_at_once(x) // BLOCK
        if along:  # where only few copies are left to ask about, of more samples they fill a batch
            kept = BLOCK * len(self.probe.taus) * self.n_classes  # logits of one sample
            fit = min(ALONG * fit, ALONG * copies_at_once(x) * x[0].numel() // kept)
        return max(1, min(len(x), fit, 4096))

    def all(self, x: Tensor, y: Tensor, part: slice, block: int) -> Iterator[Called]:
        """Every copy is asked about, of as many taus together as fit."""
        most = max(1, min(len(self.probe.taus), copies_at_once(x) // (BLOCK * len(x))))
        for taus, batch in _grouped(self._copies(x, y, self.samples[part], block), most):
            for name, judge in self.judges.items():
                called = judge.classes(batch.flatten(0, 2)).reshape(batch.shape[:3])
                yield name, taus, called
                self.report.advance(called.numel())

    def along_rays(self, x: Tensor, y: Tensor, part: slice, block: int) -> Iterator[Called]:
        """Copies are asked about where the answer may change along their ray."""
        assert isinstance(self.kind, Noise)
        rays = Rays(x, self._noise(self.kind, x, self.samples[part], block), self.probe.taus)
        at_once = batches_of(x, copies_at_once(x))
        for name, judge in self.judges.items():
            yield name, slice(None), rays.answers(judge, at_once, self.report)

    def _noise(self, kind: Noise, x: Tensor, samples: Sequence[int], block: int) -> Tensor:
        return kind.noise(samples, x.shape[1:], self.probe.seed, block, x.device)

    def _copies(self, x: Tensor, y: Tensor, samples: Sequence[int], block: int) -> Iterator[Tensor]:
        """For each tau, copies (n, BLOCK, *shape); (n, 1, *shape) where they are all x."""
        made = self._moved if isinstance(self.kind, Noise) else self._attacked
        yield from made(x, y, samples, block)

    def _moved(self, x: Tensor, y: Tensor, samples: Sequence[int], block: int) -> Iterator[Tensor]:
        assert isinstance(self.kind, Noise)
        noise = self._noise(self.kind, x, samples, block) if any(self.probe.taus) else None
        for tau in self.probe.taus:
            yield x[:, None] if tau == 0 or noise is None else self.kind.moved(x, noise, tau)

    def _attacked(
        self, x: Tensor, y: Tensor, samples: Sequence[int], block: int
    ) -> Iterator[Tensor]:
        for tau in self.probe.taus:
            if tau == 0:
                yield x[:, None]
                continue
            with torch.inference_mode(False):  # attacks differentiate: inputs must be plain tensors
                copies = self.kind.copies(
                    self.probe, tau, x.clone(), y.clone(), samples, block, self.n_classes,
                    self.attacked,
                )  # fmt: skip
            yield copies


def _grouped(copies: Iterable[Tensor], most: int) -> Iterator[tuple[slice, Tensor]]:
    """(which taus, their copies (n, taus, m, *shape)): at most `most` taus of equal m together."""
    held: list[Tensor] = []
    for t, made in enumerate(copies):
        if held and (len(held) == most or made.shape != held[0].shape):
            yield slice(t - len(held), t), torch.stack(held, 1)
            held = []
        held.append(made)
        last = t + 1
    if held:
        yield slice(last - len(held), last), torch.stack(held, 1)


def copies_at_once(x: Tensor) -> int:
    """How many copies of samples like x (n, *shape) are answered together on its device."""
    values = BATCH_VALUES if x.device.type == "cpu" else BATCH_VALUES_GPU
    return max(1, values // x[0].numel())


def _nanmean(values: Floats, axis: int) -> Floats:
    """Mean over what is defined, NaN where nothing is, without a warning."""
    defined = np.isfinite(values)
    count = defined.sum(axis)
    total = np.where(defined, values, 0).sum(axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _prevalence(u: np.ndarray, a: np.ndarray, withheld: bool) -> Floats:
    """(T,) percent of samples and Re-trains with u > a; NaN where it is withheld."""
    if withheld:
        return np.full(u.shape[1], np.nan)
    return np.asarray(100 * (u[None] > a).mean((0, 1)))


def _bootstrap_interval(per_sample: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Percentile interval (T,), (T,) of the mean over samples, averaged over Re-trains."""
    defined = np.isfinite(per_sample)
    totals = np.einsum("bn,knt->kbt", weights, np.where(defined, per_sample, 0), optimize=True)
    sizes = np.einsum("bn,knt->kbt", weights, defined.astype(np.float64), optimize=True)
    means = np.where(sizes > 0, totals / np.maximum(sizes, 1), np.nan)
    resampled = _nanmean(means, 0)  # (RESAMPLES, T)
    tails = [100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2]
    low, high = np.full(resampled.shape[1], np.nan), np.full(resampled.shape[1], np.nan)
    for t, column in enumerate(resampled.T):
        usable = column[np.isfinite(column)]
        if len(usable):
            low[t], high[t] = np.percentile(usable, tails)
    return low, high


@functools.lru_cache(maxsize=128)
def _posterior_table(draws: int) -> Floats:
    """(c+1, c+1) Pr[p > q] for p ~ Beta(u + 1/2, c - u + 1/2), q the same with a.

    With t = sin^2(angle) both densities are smooth trigonometric polynomials, so Gauss-Legendre
    quadrature over the angle is exact to rounding.
    """
    from scipy.special import betainc, betaln

    nodes, mass = legendre(2 * draws + 40)
    angle = (nodes + 1) * np.pi / 4
    mass = mass * np.pi / 4
    u = np.arange(draws + 1)[:, None]
    log_density = (
        np.log(2)
        + 2 * u * np.log(np.sin(angle))
        + 2 * (draws - u) * np.log(np.cos(angle))
        - betaln(u + 0.5, draws - u + 0.5)
    )
    cumulative = betainc(u + 0.5, draws - u + 0.5, np.sin(angle) ** 2)
    table: Floats = (np.exp(log_density) * mass) @ cumulative.T
    return np.clip(table, 0.0, 1.0)
