"""Inferred predictions along rays: one draw of noise, scaled to every tau of a grid.

Along a ray logits change smoothly, so that only a few of its norms need to be evaluated. Every ray
is evaluated at its ends and halfway between, then each half in turn, until its prediction is not
expected to change within: until the predicted class, the same at both ends, leads by more than the
curvature of the logits (the deviation of the midpoint from linear interpolation), and by more than
a fraction of their change. The curvature within half a span is estimated by that of the whole
span, a fourfold overestimate for a parabola.

Curvature and change are the largest among all draws of a sample in a block of noise, so that the
result depends on the model, the sample and the block, not on how the work is batched; except for
the error of 16-bit logits, of which the largest observed so far is added, which only causes more
evaluations.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.inference.evaluator import Evaluator
from engine.runtime.batching import Batches
from engine.runtime.progress import Reporter

BEND = 1.0  # factor of the curvature observed across twice the span
SWING = 0.25  # factor of the change between the span's ends
FEWEST = 4  # norms of a grid; with fewer, hardly any lies between two others


@dataclass(frozen=True)
class Span:
    """A range of the grid (indices of tau); open (n, m): rays not settled within it."""

    start: int
    stop: int
    open: Tensor


class Rays:
    """The copies of n samples along the rays of one block of m draws."""

    def __init__(self, x: Tensor, noise: Tensor, taus: tuple[float, ...]) -> None:
        """x: (n, *shape) in [0, 1]; noise: (n, m, *shape) of `Noise.noise`; taus: two or more."""
        self._x, self._noise, self._grid = x, noise, taus
        self._taus = torch.tensor(taus, dtype=torch.float32, device=x.device)
        self._n, self._m = noise.shape[:2]

    def answers(
        self, judge: Evaluator, at_once: Batches, report: Reporter, audited: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """(n, T, m) int64 classes that `judge` predicts, or is expected to predict, and the audit.

        at_once: batches of copies. audited (n, m, T): the answers that are asked anew if they are
        inferred; the audit (n, 2) is how many these are of each sample, and how many differ. Raises
        Cancelled between batches.
        """
        found = _Bisection(self, judge, at_once, report)
        return found.classes.transpose(1, 2), found.audit(audited)

    @property
    def size(self) -> tuple[int, int, int]:
        """(n, m, T)."""
        return self._n, self._m, len(self._grid)

    @property
    def starts_at_zero(self) -> bool:
        """Whether the first norm is 0, where all draws of a sample coincide."""
        return self._grid[0] == 0

    def middle(self, span: Span) -> int:
        """The index of the norm nearest to the middle of a span with at least one inside."""
        halfway = (self._grid[span.start] + self._grid[span.stop]) / 2
        return min(range(span.start + 1, span.stop), key=lambda t: abs(self._grid[t] - halfway))

    def share(self, span: Span, middle: int) -> float:
        """The relative position of `middle` in the span, in (0, 1)."""
        low, high = self._grid[span.start], self._grid[span.stop]
        return (self._grid[middle] - low) / (high - low)

    def copies(self, rays: Tensor, taus: Tensor) -> Tensor:
        """(k, *shape) copies on rays (k,), numbered sample * m + draw, at indices of tau (k,)."""
        scale = self._taus[taus].reshape(-1, *[1] * (self._x.ndim - 1))
        return (self._x[rays // self._m] + scale * self._noise.flatten(0, 1)[rays]).clamp_(0, 1)

    def samples(self) -> Tensor:
        """(n, *shape) the samples themselves."""
        return self._x


class _Bisection:
    """The predictions of one model along the rays, refined by bisection."""

    def __init__(self, rays: Rays, judge: Evaluator, at_once: Batches, report: Reporter) -> None:
        self._rays, self._judge, self._at_once, self._report = rays, judge, at_once, report
        self._evaluated = 0
        n, m, taus = rays.size
        device = rays.samples().device
        self.classes = torch.zeros(n, m, taus, dtype=torch.int64, device=device)
        self._inferred = torch.zeros_like(self.classes, dtype=torch.bool)
        self._logits = torch.empty(0)
        everywhere = torch.ones(n, m, dtype=torch.bool, device=device)
        self._evaluate_ends(everywhere)
        spans = [Span(0, taus - 1, everywhere)]
        while spans := [one for one in spans if one.stop - one.start > 1 and one.open.any()]:
            spans = self._halved(spans)
        report.advance(
            float(n * m * (taus - 1) + (n if rays.starts_at_zero else n * m) - self._evaluated)
        )

    def audit(self, chosen: Tensor | None) -> Tensor:
        """(n, 2) int64 inferred answers among the chosen ones (n, m, T), and those that differ."""
        if chosen is None:
            return self.classes.new_zeros(len(self.classes), 2)
        again = chosen.to(self._inferred.device) & self._inferred
        rays, taus = again.flatten(0, 1).nonzero(as_tuple=True)

        def differ(part: slice) -> Tensor:
            self._report.check()
            classes = self._judge.classes(self._rays.copies(rays[part], taus[part]))
            return classes != self.classes.flatten(0, 1)[rays[part], taus[part]]

        wrong = torch.zeros_like(again)
        if len(rays):
            wrong[again] = torch.cat([*self._at_once.over(len(rays), differ)])
        return torch.stack([again.sum((1, 2)), wrong.sum((1, 2))], 1)

    def _evaluate_ends(self, everywhere: Tensor) -> None:
        if self._rays.starts_at_zero:
            unperturbed = self._predict(self._rays.samples())
            for buffer, value in zip(
                (self.classes, self._logits_buffer(unperturbed[1])), unperturbed, strict=True
            ):
                buffer[:, :, 0] = value[:, None]
        else:
            self._evaluate([(everywhere, 0)])
        self._evaluate([(everywhere, self.classes.shape[2] - 1)])

    def _evaluate(self, wanted: list[tuple[Tensor, int]]) -> None:
        """Evaluate pairs of rays (n, m) bool and an index of tau."""
        parts = [mask.flatten().nonzero()[:, 0] for mask, _ in wanted]
        rays = torch.cat(parts)
        taus = torch.cat(
            [torch.full_like(one, tau) for one, (_, tau) in zip(parts, wanted, strict=True)]
        )

        def evaluate_part(part: slice) -> None:
            classes, logits = self._predict(self._rays.copies(rays[part], taus[part]))
            self.classes.flatten(0, 1)[rays[part], taus[part]] = classes
            self._logits_buffer(logits).flatten(0, 1)[rays[part], taus[part]] = logits

        for _ in self._at_once.over(len(rays), evaluate_part):
            continue

    def _predict(self, copies: Tensor) -> tuple[Tensor, Tensor]:
        result = self._judge.classes_and_logits(copies)
        self._evaluated += len(copies)
        self._report.advance(float(len(copies)))
        return result

    def _logits_buffer(self, logits: Tensor) -> Tensor:
        """The (n, m, T, K) buffer of logits, allocated for logits like these (k, K)."""
        if not len(self._logits):
            self._logits = logits.new_zeros(*self.classes.shape, logits.shape[1])
        return self._logits

    def _halved(self, spans: list[Span]) -> list[Span]:
        """Both halves of each span, open where predictions are not settled."""
        middles = [self._rays.middle(span) for span in spans]
        self._evaluate([(span.open, middle) for span, middle in zip(spans, middles, strict=True)])
        halves = []
        for span, middle in zip(spans, middles, strict=True):
            bend = self._bend(span, middle)
            for start, stop in ((span.start, middle), (middle, span.stop)):
                halves.append(self._settled(Span(start, stop, span.open), bend))
        return halves

    def _bend(self, span: Span, middle: int) -> Tensor:
        """(n,) largest deviation of logits at the middle from interpolation between the ends."""
        share = self._rays.share(span, middle)
        low, high = self._logits[:, :, span.start], self._logits[:, :, span.stop]
        return _largest(self._logits[:, :, middle].sub(low.lerp(high, share)), span.open)

    def _settled(self, span: Span, bend: Tensor) -> Span:
        """The span without rays whose class is settled within; fills in that class."""
        low, high = self._logits[:, :, span.start], self._logits[:, :, span.stop]
        predicted = self.classes[:, :, span.start]
        lead = torch.minimum(_lead(low, predicted), _lead(high, predicted))
        bound = torch.maximum(BEND * bend, SWING * _largest(high - low, span.open))
        settled = span.open & (predicted == self.classes[:, :, span.stop])
        settled &= lead > (bound + self._judge.doubt)[:, None]
        between = self.classes[:, :, span.start + 1 : span.stop]
        self._inferred[:, :, span.start + 1 : span.stop] |= settled[:, :, None]
        between.copy_(torch.where(settled[:, :, None], predicted[:, :, None], between))
        return Span(span.start, span.stop, span.open & ~settled)


def _largest(change: Tensor, of: Tensor) -> Tensor:
    """(n,) largest difference of the changes (n, m, K) of two logits among rays `of` (n, m)."""
    spread = change.amax(2) - change.amin(2)
    return torch.where(of, spread, 0.0).amax(1)


def _lead(logits: Tensor, predicted: Tensor) -> Tensor:
    """(n, m) logit of the predicted class (n, m) minus the best other logit."""
    own = logits.gather(2, predicted[:, :, None])[:, :, 0]
    return own - logits.scatter(2, predicted[:, :, None], -torch.inf).amax(2)
