"""A joint UMAP of several models' features. The only file that imports umap.

The points of all models are laid out together, each model's by its own neighborhoods, and tied to
themselves in the other models (engine.embedding.joint_graph), so that panes side by side can be
compared point by point.

umap-learn takes many seconds to compile while holding the GIL, so it runs in a helper process
(`engine.runtime.child_processes`) that is started early, warmed up, and queried through pipes: the
caller's threads stay responsive, and an embedding can be cancelled immediately.
"""

from __future__ import annotations

import contextlib
import io
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import numpy as np

from engine.embedding.joint_graph import (
    SHARED,
    STRENGTH,
    joined_graph,
    nearest,
    rescaled_features,
    tie_strengths,
)
from engine.errors import EngineError
from engine.runtime import child_processes
from engine.runtime.progress import Reporter
from engine.runtime.seeds import numpy_generator

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NEIGHBORS = 15
MIN_DIST = 0.1
EPOCHS = 400
FEW = 10  # points, up to which spectral initialization lacks eigenvectors
LAYOUT = (NEIGHBORS, MIN_DIST, EPOCHS, SHARED, STRENGTH)  # part of the key of an embedding
POLL = 0.05  # seconds between checks for cancellation
GONE_S = 1.0  # that a process which closed its pipes may take to be gone
IDLE_S = 300.0  # without a request, after which the helper process ends and gives its memory back


class Embedder:
    """A helper process for UMAP: call `warm_up` early, `fit` when needed, `close` at the end."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._idled = False  # whether the process that gave no answer had ended by itself

    def warm_up(self) -> None:
        """Start the process, which imports and compiles umap in the background."""
        if self._process is not None and self._process.poll() is not None:
            self.close()  # it ended by itself; its pipes are still open
        if self._process is None:
            self._process = subprocess.Popen(
                child_processes.command("engine.embedding.joint_umap"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=child_processes.environment(),
                cwd=child_processes.folder(),
            )

    def fit(
        self, features: Sequence[np.ndarray], anchors: np.ndarray, seed: int, report: Reporter
    ) -> list[np.ndarray]:
        """(n, 2) float32 positions for each model, the same for the same seed.

        features: (n, d) of each model, the same n points in each; anchors (n,) bool: the points
        used to compare models. Raises Cancelled, and EngineError if the helper process ends without
        a response.
        """
        tamed = [rescaled_features(one) for one in features]
        if not _has_structure(tamed, anchors):
            return [_scattered(len(anchors), seed)] * len(tamed)
        request = [np.array([seed]), np.flatnonzero(anchors), np.array([len(tamed)]), *tamed]
        answer = self._ask(request, report)
        if answer is None and self._idled:  # it ended just then, and nothing is wrong with it
            answer = self._ask(request, report)
        if answer is None:
            raise EngineError(
                "The embedding process ended without a response. Check that umap-learn works: "
                'python -c "import umap".'
            )
        return np.split(answer, len(tamed))

    def _ask(self, request: Sequence[np.ndarray], report: Reporter) -> np.ndarray | None:
        """The answer of the process; None if it ended without one."""
        self.warm_up()
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        answer: list[np.ndarray] = []
        arguments = (process.stdin, process.stdout, request, answer)
        thread = threading.Thread(target=_ask, args=arguments, name="embedding", daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(POLL)
            if report.cancelled:
                self.close()
                thread.join()
                report.check()
        if not answer:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GONE_S)
            self._idled = process.returncode == 0
            self.close()
            return None
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


def _has_structure(features: Sequence[np.ndarray], anchors: np.ndarray) -> bool:
    """Whether UMAP is applicable: enough points, and not all of them equal."""
    return len(anchors) > 3 and bool(anchors.any()) and all(np.ptp(one) > 0 for one in features)


def _scattered(count: int, seed: int) -> np.ndarray:
    """(count, 2) random positions for features without structure."""
    return numpy_generator(seed, "embedding").normal(0, 1, (count, 2)).astype(np.float32)


def _ask(
    to: IO[bytes], back: IO[bytes], request: Sequence[np.ndarray], answer: list[np.ndarray]
) -> None:
    try:
        for array in request:
            _send(to, array)
        received = _receive(back)
    except (OSError, ValueError):  # the process was ended meanwhile, indicated by an empty answer
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


def _fit(features: Sequence[np.ndarray], anchors: np.ndarray, seed: int) -> np.ndarray:
    """(models * n, 2) float32 positions: one layout of the points of all models."""
    from umap.umap_ import find_ab_params, simplicial_set_embedding

    graph = joined_graph([_graph(one, seed) for one in features], tie_strengths(features, anchors))
    a, b = find_ab_params(1.0, MIN_DIST)
    positions, _ = simplicial_set_embedding(
        _side_by_side(features), graph, 2, 1.0, a, b, 1.0, 5, EPOCHS,
        "spectral" if len(features[0]) > FEW else "random",
        np.random.RandomState(seed % 2**31), "euclidean", {}, False, {}, False, parallel=False,
    )  # fmt: skip
    return np.asarray(np.nan_to_num(positions), np.float32)


def _graph(features: np.ndarray, seed: int) -> csr_matrix:
    """(n, n) UMAP's fuzzy neighbor graph of features (n, d)."""
    from umap.umap_ import fuzzy_simplicial_set

    neighbors = min(NEIGHBORS, len(features) - 1)
    indices, distances = nearest(features, features, neighbors)
    return fuzzy_simplicial_set(
        features, neighbors, np.random.RandomState(seed % 2**31), "euclidean",
        knn_indices=indices, knn_dists=distances,
    )[0]  # fmt: skip


def _side_by_side(features: Sequence[np.ndarray]) -> np.ndarray:
    """(models * n, d) all features, zero-padded to equal width.

    UMAP uses the graph and falls back to these only for disconnected components.
    """
    width = max(one.shape[1] for one in features)
    padded = [np.pad(one, ((0, 0), (0, width - one.shape[1]))) for one in features]
    return np.concatenate(padded)


Request = tuple[int, np.ndarray, list[np.ndarray]]  # seed, anchors, features of each model


def serve() -> None:
    """Answer requests on standard input, and exit when it is closed or none came for `IDLE_S`.

    Input is read by a separate thread, so that a killed parent is noticed even while this process
    is compiling or computing an answer.
    """
    import warnings

    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr  # output of libraries must not mix with the answers
    waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
    reading = (requests, waiting)
    threading.Thread(target=_read_all, args=reading, name="requests", daemon=True).start()
    warnings.simplefilter("ignore")
    warm = numpy_generator(0, "warm-up").normal(size=(64, 4)).astype(np.float32)
    _fit([warm, warm], np.arange(32), 0)
    while True:
        try:
            seed, anchors, features = waiting.get(timeout=IDLE_S)
        except queue.Empty:
            os._exit(0)  # the other thread waits for input
        _send(answers, _fit(features, anchors, seed))


def _read_all(stream: IO[bytes], waiting: queue.SimpleQueue[Request]) -> None:
    """Put every request into the queue; the end of the stream ends the process."""
    while (request := _request(stream)) is not None:
        waiting.put(request)
    os._exit(0)  # the main thread may be deep in C code


def _request(stream: IO[bytes]) -> Request | None:
    """One complete request; None at the end of the stream."""
    head = [_receive(stream) for _ in range(3)]
    seed, anchors, count = head
    if seed is None or anchors is None or count is None:
        return None
    parts = [_receive(stream) for _ in range(int(count[0]))]
    features = [one for one in parts if one is not None]
    return (int(seed[0]), anchors, features) if len(features) == len(parts) else None


if __name__ == "__main__":
    serve()
