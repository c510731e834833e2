"""The audit of inferred answers: its cost on trained networks and images, and what it finds."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from engine.bench.draws import probe_of
from engine.bench.row import BenchRow
from engine.bench.setting import Setting, forget_set, images, trained
from engine.bench.timing import alternate
from engine.perturbations import BLOCK
from engine.provenance import Audit
from engine.residual.predictions import predict_copies
from engine.runtime.progress import Reporter
from engine.spec import PAPER_TAUS, TrainSpec

MOST = 0.02  # of the measurement


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

    measure(None)  # warm-up
    ratio = alternate(
        lambda: measure(audits), lambda: measure(None), 1 + 2 * setting.rounds, setting.device
    )
    asked, differed = (
        sum(getattr(one, part) for one in audits.values()) for part in ("asked", "differed")
    )
    answers = len(models) * len(x) * len(blocks) * BLOCK * len(probe.taus)
    cost = ratio.work - 1
    yield BenchRow(
        "audit of inferred answers, small CNN, 32x32", f"<= {MOST:.0%}",
        f"{cost:.1%} of the processor time, {ratio.median - 1:.1%} of the time "
        f"({statistics.median(ratio.ours):.3g} s)",
        cost <= MOST, {"cost": cost, "time": ratio.median - 1, "seconds": ratio.ours},
    )  # fmt: skip
    yield BenchRow(
        "  inferred answers that differ", "none",
        f"{differed} of {asked:,} asked anew, of {answers:,} in all", differed == 0,
        {"asked": asked, "differed": differed, "answers": answers},
    )  # fmt: skip
