"""UMAP of penultimate features. The only file that imports umap.

umap-learn compiles itself for many seconds while holding Python's lock, so it lives in a helper
process (`python -m engine.embed`) that is started early, warmed up, and asked through pipes: the
caller's threads stay free, and a cancelled embedding is ended at once.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import numpy as np

from engine.errors import EngineError
from engine.report import Reporter
from engine.runtime import numpy_generator

NEIGHBORS = 15
MIN_DIST = 0.1
POLL = 0.05  # seconds between two looks at the wish to stop


class Embedder:
    """A helper process for UMAP; `warm_up` early, `fit` when needed, `close` at the end."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def warm_up(self) -> None:
        """Start the process, which imports and compiles what it needs while others work."""
        if self._process is None or self._process.poll() is not None:
            root = Path(__file__).resolve().parent.parent
            path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engine.embed"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )

    def fit(self, features: np.ndarray, seed: int, report: Reporter) -> np.ndarray:
        """(m, 2) float32 positions of features (m, d); the same for the same seed.

        Raises Cancelled, and EngineError if the helper process ends without an answer.
        """
        if len(features) <= 3 or not np.ptp(features, axis=0).any():
            return _without_structure(features, seed)
        self.warm_up()
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        answer: list[np.ndarray] = []
        asked = (process.stdin, process.stdout, features.astype(np.float32), seed, answer)
        asking = threading.Thread(target=_ask, args=asked, name="embedding", daemon=True)
        asking.start()
        while asking.is_alive():
            asking.join(POLL)
            if report.cancelled:
                self.close()
                asking.join()
                report.check()
        if not answer:
            self.close()
            raise EngineError(
                "The embedding process ended without an answer. Check that umap-learn works: "
                'python -c "import umap".'
            )
        return answer[0]

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # unsent bytes for a process that is gone
                    continue


def _without_structure(features: np.ndarray, seed: int) -> np.ndarray:
    """Positions where UMAP has nothing to work on: too few points, or all of them equal."""
    return numpy_generator(seed, "embedding").normal(0, 1, (len(features), 2)).astype(np.float32)


def _ask(
    to: IO[bytes], back: IO[bytes], features: np.ndarray, seed: int, answer: list[np.ndarray]
) -> None:
    try:
        _send(to, np.array([seed], dtype=np.int64))
        _send(to, features)
        received = _receive(back)
    except (OSError, ValueError):  # the process was ended meanwhile; no answer says so
        return
    if received is not None:
        answer.append(received)


def _send(stream: IO[bytes], array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    stream.write(buffer.tell().to_bytes(8, "big"))
    stream.write(buffer.getvalue())
    stream.flush()


def _receive(stream: IO[bytes]) -> np.ndarray | None:
    size = stream.read(8)
    if len(size) < 8:
        return None
    array: np.ndarray = np.load(io.BytesIO(stream.read(int.from_bytes(size, "big"))))
    return array


def _fit(features: np.ndarray, seed: int) -> np.ndarray:
    import umap

    neighbors = min(NEIGHBORS, len(features) - 1)
    # below a handful of points the spectral start has no eigenvectors to begin with
    start = "spectral" if len(features) > neighbors + 2 and len(features) > 10 else "random"
    reducer = umap.UMAP(
        n_neighbors=neighbors,
        min_dist=MIN_DIST,
        random_state=seed % 2**31,
        n_jobs=1,
        init=start,
    )
    positions: np.ndarray = np.nan_to_num(reducer.fit_transform(features)).astype(np.float32)
    return positions


def serve() -> None:
    """Answer requests on standard input until it ends."""
    import warnings

    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr  # whatever a library prints must not enter the answers
    warnings.simplefilter("ignore")
    _fit(numpy_generator(0, "warm-up").normal(size=(64, 4)).astype(np.float32), 0)
    while (seed := _receive(requests)) is not None:
        features = _receive(requests)
        if features is None:
            break
        _send(answers, _fit(features, int(seed[0])))


if __name__ == "__main__":
    serve()
