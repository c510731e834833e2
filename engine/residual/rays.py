"""Answers along rays: one draw of noise, scaled to every tau of a grid.

Along a ray logits change smoothly, so that of its many norms only few need be asked about. Every
ray is asked at its ends and halfway between them, and so is each half in turn, until its answer
cannot be expected to change within: until the class that is called at both ends leads by more than
logits were seen to bend, and than a good part of what they change by. How far they bend in half a
span is overestimated fourfold by how far they bend in the whole (of a parabola, a quarter is left).

Bend and change are taken as the largest among all draws of one sample in one block of noise, so
that what is found depends on the model, the sample and the block, not on how the work is cut; but
for bfloat16's error, of which the largest seen so far is added, and only asks for more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.inference.evaluator import Ready
from engine.runtime.batching import Batches
from engine.runtime.progress import Reporter

BEND = 1.0  # times the bend seen across twice the span
SWING = 0.25  # times the change between the span's ends
FEWEST = 4  # norms of a grid; with fewer, hardly one lies between two others


@dataclass(frozen=True)
class Span:
    """From one norm to another of the grid (numbers of tau); open (n, m): rays not settled yet."""

    start: int
    stop: int
    open: Tensor


class Rays:
    """One model's answers to all copies of n samples in one block of m draws."""

    def __init__(self, x: Tensor, noise: Tensor, taus: tuple[float, ...]) -> None:
        """x: (n, *shape) in [0, 1]; noise: (n, m, *shape), as `Noise.noise` gives it;
        taus: at least two."""
        self._x, self._noise, self._grid = x, noise, taus
        self._taus = torch.tensor(taus, dtype=torch.float32, device=x.device)
        self._n, self._m = noise.shape[:2]

    def answers(self, judge: Ready, at_once: Batches, report: Reporter) -> Tensor:
        """(n, T, m) int64 classes that `judge` gives, or would be expected to give.

        at_once: how many copies are made at a time. Raises Cancelled between them.
        """
        return _Answers(self, judge, at_once, report).found.transpose(1, 2)

    @property
    def size(self) -> tuple[int, int, int]:
        """(n, m, T)."""
        return self._n, self._m, len(self._grid)

    @property
    def still(self) -> bool:
        """Whether the first norm is 0, where all draws of a sample are alike."""
        return self._grid[0] == 0

    def middle(self, span: Span) -> int:
        """The norm nearest to the middle of a span that holds one."""
        halfway = (self._grid[span.start] + self._grid[span.stop]) / 2
        return min(range(span.start + 1, span.stop), key=lambda t: abs(self._grid[t] - halfway))

    def share(self, span: Span, middle: int) -> float:
        """How far `middle` lies along the span, in (0, 1)."""
        low, high = self._grid[span.start], self._grid[span.stop]
        return (self._grid[middle] - low) / (high - low)

    def copies(self, rays: Tensor, taus: Tensor) -> Tensor:
        """(k, *shape) the copies at these rays (k,) (sample * m + draw) and numbers of tau (k,)."""
        scale = self._taus[taus].reshape(-1, *[1] * (self._x.ndim - 1))
        return (self._x[rays // self._m] + scale * self._noise.flatten(0, 1)[rays]).clamp_(0, 1)

    def samples(self) -> Tensor:
        """(n, *shape) the samples themselves."""
        return self._x


class _Answers:
    """What becomes known of the rays, while it does."""

    def __init__(self, rays: Rays, judge: Ready, at_once: Batches, report: Reporter) -> None:
        self._rays, self._judge, self._at_once, self._report = rays, judge, at_once, report
        self._asked = 0
        n, m, taus = rays.size
        device = rays.samples().device
        self.found = torch.zeros(n, m, taus, dtype=torch.int64, device=device)
        self._logits = torch.empty(0)
        everywhere = torch.ones(n, m, dtype=torch.bool, device=device)
        self._ask_ends(everywhere)
        spans = [Span(0, taus - 1, everywhere)]
        while spans := [one for one in spans if one.stop - one.start > 1 and one.open.any()]:
            spans = self._halved(spans)
        report.advance(float(n * m * (taus - 1) + (n if rays.still else n * m) - self._asked))

    def _ask_ends(self, everywhere: Tensor) -> None:
        if self._rays.still:
            whole = self._judged(self._rays.samples())
            for held, one in zip((self.found, self._grown(whole[1])), whole, strict=True):
                held[:, :, 0] = one[:, None]
        else:
            self._ask([(everywhere, 0)])
        self._ask([(everywhere, self.found.shape[2] - 1)])

    def _ask(self, wanted: list[tuple[Tensor, int]]) -> None:
        """Ask about these rays (n, m) at these norms."""
        picked = [mask.flatten().nonzero()[:, 0] for mask, _ in wanted]
        rays = torch.cat(picked)
        taus = torch.cat(
            [torch.full_like(one, tau) for one, (_, tau) in zip(picked, wanted, strict=True)]
        )

        def answer(part: slice) -> None:
            classes, logits = self._judged(self._rays.copies(rays[part], taus[part]))
            self.found.flatten(0, 1)[rays[part], taus[part]] = classes
            self._grown(logits).flatten(0, 1)[rays[part], taus[part]] = logits

        for _ in self._at_once.over(len(rays), answer):
            continue

    def _judged(self, copies: Tensor) -> tuple[Tensor, Tensor]:
        said = self._judge.classes_and_logits(copies)
        self._asked += len(copies)
        self._report.advance(float(len(copies)))
        return said

    def _grown(self, logits: Tensor) -> Tensor:
        """(n, m, T, K) where logits like these (k, K) are kept."""
        if not len(self._logits):
            self._logits = logits.new_zeros(*self.found.shape, logits.shape[1])
        return self._logits

    def _halved(self, spans: list[Span]) -> list[Span]:
        """Both halves of each span, open where their answers are not settled."""
        middles = [self._rays.middle(span) for span in spans]
        self._ask([(span.open, middle) for span, middle in zip(spans, middles, strict=True)])
        halves = []
        for span, middle in zip(spans, middles, strict=True):
            bend = self._bend(span, middle)
            for start, stop in ((span.start, middle), (middle, span.stop)):
                halves.append(self._settled(Span(start, stop, span.open), bend))
        return halves

    def _bend(self, span: Span, middle: int) -> Tensor:
        """(n,) how far logits at the middle lie off the straight line between the span's ends."""
        share = self._rays.share(span, middle)
        low, high = self._logits[:, :, span.start], self._logits[:, :, span.stop]
        return _largest(self._logits[:, :, middle].sub(low.lerp(high, share)), span.open)

    def _settled(self, span: Span, bend: Tensor) -> Span:
        """The span without those rays whose answer stays the same within, which they are given."""
        low, high = self._logits[:, :, span.start], self._logits[:, :, span.stop]
        called = self.found[:, :, span.start]
        lead = torch.minimum(_lead(low, called), _lead(high, called))
        safe = torch.maximum(BEND * bend, SWING * _largest(high - low, span.open))
        sure = span.open & (called == self.found[:, :, span.stop])
        sure &= lead > (safe + self._judge.doubt)[:, None]
        between = self.found[:, :, span.start + 1 : span.stop]
        between.copy_(torch.where(sure[:, :, None], called[:, :, None], between))
        return Span(span.start, span.stop, span.open & ~sure)


def _largest(change: Tensor, of: Tensor) -> Tensor:
    """(n,) by how much changes (n, m, K) of two logits differ at most, among rays `of` (n, m)."""
    spread = change.amax(2) - change.amin(2)
    return torch.where(of, spread, 0.0).amax(1)


def _lead(logits: Tensor, called: Tensor) -> Tensor:
    """(n, m) by how much the logit of the class called (n, m) exceeds the best other one."""
    own = logits.gather(2, called[:, :, None])[:, :, 0]
    return own - logits.scatter(2, called[:, :, None], -torch.inf).amax(2)
