"""Encoders of messages: vectors in [0, 1] by hashed TF-IDF, or by a sentence-transformers model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from engine.errors import DataError
from engine.runtime.libraries import require
from engine.storage.paths import is_folder, typed_path

WIDTH = 1024  # features of hashed TF-IDF
TOKENS = r"(?u)\b\w+\b"
BATCH = 64  # messages that a sentence-transformers model encodes at once


class MessageEncoder:
    """Encodes messages as vectors in [0, 1]; prepared when it is first used."""

    def __init__(self, folder: str, training: Sequence[str]) -> None:
        """folder: of a sentence-transformers model, '' for TF-IDF fitted on `training` messages."""
        self._folder, self._training = folder, training

    def __call__(self, messages: Sequence[str]) -> np.ndarray:
        """(k, d) float32 in [0, 1]; SpecError or DataError if the model cannot be used."""
        return self._transformed(messages) if self._folder else self._hashed(messages)

    def _hashed(self, messages: Sequence[str]) -> np.ndarray:
        """Hashed counts of words, weighted by TF-IDF, of L2 norm 1 (0 without words)."""
        counts = self._hasher.transform(messages)
        vectors = self._weights.transform(counts).toarray()
        return np.asarray(np.minimum(vectors, 1), np.float32)

    @cached_property
    def _hasher(self) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(
            n_features=WIDTH, alternate_sign=False, norm=None, token_pattern=TOKENS
        )

    @cached_property
    def _weights(self) -> Any:
        from sklearn.feature_extraction.text import TfidfTransformer

        return TfidfTransformer(norm="l2").fit(self._hasher.transform(self._training))

    def _transformed(self, messages: Sequence[str]) -> np.ndarray:
        """Embeddings of L2 norm 1, moved from [-1, 1] to [0, 1]."""
        vectors = self._model.encode(
            list(messages), batch_size=BATCH, convert_to_numpy=True, normalize_embeddings=True,
            show_progress_bar=False,
        )  # fmt: skip
        return np.clip((np.asarray(vectors, np.float32) + 1) / 2, 0, 1)

    @cached_property
    def _model(self) -> Any:
        """The model in the folder, on the processor; nothing is downloaded."""
        require("sentence_transformers", "Encoding messages by a model needs")
        path = typed_path(self._folder)
        if not is_folder(path):
            raise DataError(
                f"The encoder {path} is not a folder. Give the folder of a sentence-transformers "
                "model on this machine, or no encoder for hashed TF-IDF."
            )
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(str(path), device="cpu", local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise DataError(
                f"The encoder in {path} cannot be loaded as a sentence-transformers model: {error}."
            ) from error
