"""The audit of inferred answers: its cost on trained networks and images, and what it finds."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from engine.bench.draws import probe_of
from engine.bench.row import BenchRow
from engine.bench.setting import Setting, forget_set, images, trained
from engine.bench.timing import spent
from engine.inference.evaluator import Evaluator
from engine.perturbations import BLOCK, Noise, named
from engine.provenance import Audit
from engine.residual.audit import chosen
from engine.residual.predictions import copies_at_once, predict_copies
from engine.residual.rays import Rays
from engine.runtime.batching import batches_of
from engine.runtime.progress import Reporter
from engine.spec import PAPER_TAUS, ProbeSpec, TrainSpec

MOST = 0.02  # of the passes of a measurement


class Counted(Evaluator):
    """Counts the copies that it is asked about: for the measurement, and for the audit."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.measured = self.audited = 0

    def classes_and_logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Those of a measurement."""
        self.measured += len(x)
        return super().classes_and_logits(x)

    def classes(self, x: Tensor) -> Tensor:
        """Those of an audit."""
        self.audited += len(x)
        return super().classes(x)


def audit(setting: Setting) -> Iterator[BenchRow]:
    """The small CNN, trained on 32 x 32 images, with and without the audit in turn."""
    samples = images(setting, 64 if setting.quick else 1000)
    spec = TrainSpec(epochs=1 if setting.quick else 15, lr=0.02, batch=32)
    models = trained("cnn", samples, spec)
    x, y, numbers = forget_set(samples, 8 if setting.quick else 50)
    probe, blocks = probe_of(setting, "cnn", PAPER_TAUS), range(1 if setting.quick else 2)
    audits: dict[str, Audit] = {}

    def measure(found: dict[str, Audit] | None) -> None:
        predict_copies(
            models, x, y, numbers, probe, blocks, samples.n_classes, Reporter(), audits=found
        )  # fmt: skip

    pairs = [
        [spent(functools.partial(measure, found), setting.device) for found in (audits, None)]
        for _ in range(setting.rounds)
    ]
    wall = [min(one.wall for one in way) for way in zip(*pairs, strict=True)]
    measured, audited = passes(models, x, probe, blocks)
    yield BenchRow(
        "audit of inferred answers, small CNN, 32x32", f"<= {MOST:.0%}",
        f"{audited / measured:.1%} of {measured:,} passes ({wall[0]:.3g} s with it, "
        f"{wall[1]:.3g} s without)",
        audited <= MOST * measured, {"cost": audited / measured, "wall": wall},
    )  # fmt: skip
    asked, differed = (
        sum(getattr(one, part) for one in audits.values()) for part in ("asked", "differed")
    )
    answers = len(models) * len(x) * len(blocks) * BLOCK * len(probe.taus)
    yield BenchRow(
        "  inferred answers that differ", "none",
        f"{differed} of {asked:,} asked anew, of {answers:,} in all", differed == 0,
        {"asked": asked, "differed": differed, "answers": answers},
    )  # fmt: skip


def passes(
    models: Mapping[str, nn.Module], x: Tensor, probe: ProbeSpec, blocks: range
) -> tuple[int, int]:
    """Passes of a measurement of x (n, *shape), and those of its audit.

    Counted, as seconds differ by more than a few percent from one time to the next.
    """
    kind, numbers = named(probe.perturbation), range(len(x))
    assert isinstance(kind, Noise)
    counted = [Counted(model) for model in models.values()]
    for block in blocks:
        noise = kind.noise(numbers, x.shape[1:], probe.seed, block, x.device)
        again = chosen(numbers, len(probe.taus), probe.seed, block)
        rays, at_once = Rays(x, noise, probe.taus), batches_of(x, copies_at_once(x))
        for one in counted:
            rays.answers(one, at_once, Reporter(), again)
    return sum(one.measured for one in counted), sum(one.audited for one in counted)
