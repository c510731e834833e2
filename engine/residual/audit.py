"""The audit of inferred answers: a random share of them is asked after all.

Between two norms of a ray answers are inferred where they are not expected to change
(`engine.residual.rays`). Of a model that bends more sharply than expected some would be wrong.
Every inferred answer is therefore asked anew with a chance of `SHARE`; which ones depends on the
seed of the probe, the sample and the block of draws, and not on the model or on how work is
batched. A model that answers a single one otherwise is asked about every copy instead.

Of w wrong answers the audit misses all with a chance of (1 - SHARE) ** w: 37 % of 100, 5 % of 300.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engine.perturbations import BLOCK
from engine.runtime.seeds import derive

SHARE = 0.01


def chosen(samples: Sequence[int], taus: int, seed: int, block: int) -> Tensor:
    """(n, BLOCK, taus) bool: the answers on one block of draws that are asked if they are inferred.

    samples: training-set indices.
    """
    chances = torch.empty(len(samples), BLOCK, taus)
    rng = torch.Generator()  # reseeded for each sample, which is cheaper than a new one
    for target, sample in zip(chances, samples, strict=True):
        rng.manual_seed(derive(seed, "audit", sample, block))
        target.uniform_(generator=rng)
    return chances < SHARE
