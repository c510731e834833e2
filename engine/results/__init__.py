"""What the pipeline hands out: plain numpy, so that the explorer needs no torch to draw it.

Begin with `study` and `residual_knowledge`. Model names are `original`, `retrain-0` ...
`retrain-(k-1)`, and the methods' names.
"""

from engine.results.around_samples import COARSE, DIRECTIONS, FINE, Neighborhood, Recognition, Slice
from engine.results.embedding import FORGET, PERTURBED, RETAIN, TEST, Embedding
from engine.results.residual_knowledge import (
    Curve,
    Residual,
    complete_norms,
    pooled_ratio,
    reference_counts,
    retrain_names,
)
from engine.results.similarity import Likeness, Similarity
from engine.results.study import ModelResult, Study, StudySummary

__all__ = [
    "COARSE", "DIRECTIONS", "FINE", "FORGET", "PERTURBED", "RETAIN", "TEST", "Curve", "Embedding",
    "Likeness", "ModelResult", "Neighborhood", "Recognition", "Residual", "Similarity", "Slice",
    "Study", "StudySummary", "complete_norms", "pooled_ratio", "reference_counts", "retrain_names",
]  # fmt: skip
