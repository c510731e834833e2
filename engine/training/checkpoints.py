"""Weights on disk: plain tensors and text, loadable by `torch.load(file, weights_only=True)`.

A checkpoint is a dict: `state_dict`, `facts` (JSON text with spec, key, seed, versions and a hash
of the weights), and `content`, a hash of both. Files are read by `engine.weight_files.torch_files`:
nothing in them is run, and nothing is made of them that is larger than they are.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

from engine.errors import CheckpointError, StoreError, shown
from engine.storage import plain_files
from engine.storage.store import versions
from engine.training.sgd import Resume
from engine.weight_files import diagnosis, safetensors, torch_files
from engine.weight_files.tensor_views import Damaged, Refused, Unreadable

Replacing = Callable[[Path], AbstractContextManager[Path]]
HASH = "content"
FLUSH_EVERY = 5.0  # seconds between two writes of an unfinished training


def digest(state: Mapping[str, Tensor]) -> str:
    """20 hexadecimal digits of names, shapes, types and values."""
    mark = hashlib.blake2b(digest_size=10)
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        text = f"{name}{tuple(tensor.shape)}{tensor.dtype}"
        mark.update(text.encode("utf-8", "surrogatepass"))
        mark.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return mark.hexdigest()


def fingerprint(content: Any) -> str:
    """20 hexadecimal digits of anything that is written here: dicts, lists, tensors, numbers."""
    mark = hashlib.blake2b(digest_size=10)
    _mark(mark, content)
    return mark.hexdigest()


def circumstances(device: torch.device) -> dict[str, Any]:
    """What training depends on beside its settings."""
    threads, version = torch.get_num_threads(), versions().get("torch")
    return {"device": str(device), "threads": threads, "torch": version}


def save(path: Path, model: nn.Module, facts: Mapping[str, Any], replacing: Replacing) -> None:
    """Write the model's weights with `facts` (JSON data) and their hash, whole or not at all.

    A name that ends in .safetensors gets a file of that format.
    """
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    text = json.dumps({**facts, "weights": digest(state)}, sort_keys=True)
    if path.suffix.lower() == safetensors.SUFFIX:
        with replacing(path) as aside:
            aside.write_bytes(safetensors.written(state, {"facts": text}))
    else:
        _write(path, {"state_dict": state, "facts": text}, replacing)


def sound(content: Any) -> bool:
    """Whether what was read is what was written; other programs' files have no hash, and pass."""
    if not isinstance(content, dict) or HASH not in content:
        return True
    return bool(content[HASH] == fingerprint(_without_hash(content)))


def hashed(path: Path) -> bool:
    """Whether a file of torch carries a hash of its content; errors as `read`."""
    content = read(path)
    return isinstance(content, dict) and HASH in content


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(state dict, facts) of a checkpoint or of a plain state dict; CheckpointError otherwise."""
    content = read(path)
    own = isinstance(content, dict) and "state_dict" in content
    state = content["state_dict"] if own else content
    facts = facts_of(path, content) if own else {}
    if not is_state_dict(state):
        raise CheckpointError(
            _of_rare_tensors(path, state)
            or f"{path} is no checkpoint: it should hold a state dict, names with tensors."
        )
    if "weights" in facts and facts["weights"] != digest(state):
        raise CheckpointError(f"{path} is damaged: its weights do not match their hash.")
    if not sound(content):
        raise CheckpointError(f"{path} is damaged: its content does not match its hash.")
    return dict(state), facts


def is_state_dict(content: Any) -> bool:
    """Whether it is a dict of names with tensors, and of nothing else."""
    return isinstance(content, dict) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    )


def facts_of(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """The facts in a checkpoint of this program; CheckpointError where they cannot be read."""
    try:
        found = json.loads(content.get("facts", "{}"))
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} holds facts that cannot be read: {error}.") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds facts that cannot be read: they are no names.")
    return found


def load_into(model: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Set the model's weights; CheckpointError says what differs if they are another network's."""
    own = model.state_dict()
    missing = sorted(set(own) - set(state))
    extra = sorted(set(state) - set(own))
    if missing or extra:
        parts = [f"lacks {missing[0]}"] * bool(missing) + [f"has {extra[0]}"] * bool(extra)
        raise CheckpointError(
            f"{source} belongs to another network: it {' and '.join(parts)} "
            f"({len(missing)} names missing, {len(extra)} unknown). "
            "Choose the model it was made with."
        )
    for name, value in state.items():
        if value.shape != own[name].shape:
            raise CheckpointError(
                f"{source} belongs to another network or number of classes: {name} is "
                f"{tuple(value.shape)} there, but {tuple(own[name].shape)} here."
            )
    model.load_state_dict(dict(state))


def read(path: Path) -> Any:
    """What torch.load gives with weights only, or what a safetensors file holds.

    Tensors of no plain kind are Unreadable. CheckpointError for anything else, with what the file
    is and how to get its weights out; OutOfMemory for one that is too large to be read here.
    """
    try:
        with plain_files.opened(path) as file:
            return _content(path, file)
    except (OSError, ValueError) as error:  # ValueError: no path at all, with a null character
        why = plain_files.why(error)
        raise CheckpointError(f"Cannot read the checkpoint {path}: {why}.") from error


def _content(path: Path, file: IO[bytes]) -> Any:
    if safetensors.is_one(path):
        tensors, notes = safetensors.read(path)
        return {"state_dict": tensors, "facts": notes["facts"]} if "facts" in notes else tensors
    try:
        return torch_files.read(file, f"Reading {path}")
    except Refused as error:
        raise CheckpointError(
            f"{path} is no checkpoint of weights alone: {error}. {diagnosis.SAVING}"
        ) from error
    except Damaged as error:
        raise CheckpointError(diagnosis.sentence(path)) from error


def _of_rare_tensors(path: Path, state: Any) -> str:
    """The sentence about tensors that no weights can be; '' where there are none."""
    pairs = state.items() if isinstance(state, dict) else ()
    rare = next(((name, one) for name, one in pairs if isinstance(one, Unreadable)), None)
    if rare is None:
        return ""
    return (
        f"{path} holds tensors that are {rare[1].kind}, such as {shown(str(rare[0]))}. "
        "Give plain ones: the weights as they were before that."
    )


class KeptEpoch(Resume):
    """The last finished epoch of one training: in memory at once, on disk every few seconds."""

    def __init__(
        self, path: Path, replacing: Replacing, facts: Mapping[str, Any] | None = None
    ) -> None:
        """facts: what is trained, as JSON data, to be written beside the state."""
        self._path = path
        self._facts = {"facts": json.dumps(facts, sort_keys=True)} if facts else {}
        self._replacing = replacing
        self._written = time.monotonic()
        self._dirty = False

        self._state = self._read()

    @property
    def losses(self) -> list[float]:
        """Mean loss of each epoch so far."""
        return list(self._state["loss"]) if self._state else []

    @property
    def seconds(self) -> float:
        """Run time of the epochs so far."""
        return float(self._state["seconds"]) if self._state else 0.0

    def load(self) -> dict[str, Any] | None:
        """The state kept last, by this run or by one that was interrupted."""
        return self._state

    def keep(self, state: dict[str, Any]) -> None:
        """Hold the state, and write it if the last write is a while ago."""
        self._state, self._dirty = state, True
        if time.monotonic() - self._written > FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what is held and not yet written."""
        if self._dirty and self._state is not None:
            _write(self._path, {**self._state, **self._facts}, self._replacing)
            self._written, self._dirty = time.monotonic(), False

    def discard(self) -> None:
        """Remove it from disk: the training is finished."""
        self._dirty = False
        if not self._path.is_dir():  # which was there before
            self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        """The state on disk; a damaged one is dropped and training starts afresh."""
        if not self._path.is_file():
            return None
        try:
            state = read(self._path)
        except CheckpointError:
            self._path.unlink(missing_ok=True)
            return None
        if not isinstance(state, dict) or "epoch" not in state or not sound(state):
            self._path.unlink(missing_ok=True)
            return None
        return _without_hash(state)


def _write(path: Path, content: dict[str, Any], replacing: Replacing) -> None:
    try:
        with replacing(path) as aside:
            torch.save({**content, HASH: fingerprint(content)}, aside)
    except RuntimeError as error:  # torch's own writer says so, whatever the system says
        raise StoreError(
            f"Cannot write {path}: the disk may be full. Free some space or name another folder "
            "with --store; what was stored before is intact."
        ) from error


def _without_hash(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != HASH}


def _mark(mark: hashlib.blake2b, content: Any) -> None:
    """Add a value, with all that it holds."""
    if isinstance(content, Tensor):
        tensor = content.detach().cpu().contiguous()
        mark.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
        mark.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    elif isinstance(content, Mapping):
        mark.update(f"{len(content)} named".encode())
        for name, value in content.items():
            mark.update(f"{name!r}=".encode())
            _mark(mark, value)
    elif isinstance(content, (list, tuple)):
        mark.update(f"{len(content)} in order".encode())
        for value in content:
            _mark(mark, value)
    else:
        mark.update(f"{content!r};".encode())
