"""Checkpoints: plain tensors and text, loadable by `torch.load(file, weights_only=True)`.

A checkpoint is a dict of `state_dict`, `facts` (JSON text with spec, key, seed, versions and a hash
of the weights), and `content`, a hash of both. Files are read by `engine.weight_files.torch_files`,
which executes nothing from them and allocates no more memory than their size.
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
FLUSH_EVERY = 5.0  # seconds between two writes of an unfinished training run


def digest(state: Mapping[str, Tensor]) -> str:
    """Hash of a state dict: 20 hexadecimal digits from names, shapes, types and values."""
    hasher = hashlib.blake2b(digest_size=10)
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        text = f"{name}{tuple(tensor.shape)}{tensor.dtype}"
        hasher.update(text.encode("utf-8", "surrogatepass"))
        hasher.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return hasher.hexdigest()


def fingerprint(content: Any) -> str:
    """Hash of any checkpoint content (dicts, lists, tensors, numbers): 20 hexadecimal digits."""
    hasher = hashlib.blake2b(digest_size=10)
    _hash_into(hasher, content)
    return hasher.hexdigest()


def training_environment(device: torch.device) -> dict[str, Any]:
    """The environment that training depends on besides its settings."""
    threads, version = torch.get_num_threads(), versions().get("torch")
    return {"device": str(device), "threads": threads, "torch": version}


def save(path: Path, model: nn.Module, facts: Mapping[str, Any], replacing: Replacing) -> None:
    """Write the model's weights with `facts` (JSON data) and their hash, atomically.

    A file name that ends in .safetensors selects that format.
    """
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    text = json.dumps({**facts, "weights": digest(state)}, sort_keys=True)
    if path.suffix.lower() == safetensors.SUFFIX:
        with replacing(path) as temporary:
            temporary.write_bytes(safetensors.serialize(state, {"facts": text}))
    else:
        _write(path, {"state_dict": state, "facts": text}, replacing)


def hash_matches(content: Any) -> bool:
    """Whether content matches its hash; files of other programs have none and pass."""
    if not isinstance(content, dict) or HASH not in content:
        return True
    return bool(content[HASH] == fingerprint(_without_hash(content)))


def has_hash(path: Path) -> bool:
    """Whether a torch file contains a hash of its content; errors as in `read`."""
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
            _unsupported_tensors(path, state)
            or f"{path} is not a checkpoint: it should hold a state dict of names and tensors."
        )
    if "weights" in facts and facts["weights"] != digest(state):
        raise CheckpointError(f"{path} is damaged: its weights do not match their hash.")
    if not hash_matches(content):
        raise CheckpointError(f"{path} is damaged: its content does not match its hash.")
    return dict(state), facts


def is_state_dict(content: Any) -> bool:
    """Whether content is a dict from names to tensors, without anything else."""
    return isinstance(content, dict) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    )


def facts_of(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """The facts in a checkpoint of this program; CheckpointError if they cannot be read."""
    try:
        facts = json.loads(content.get("facts", "{}"))
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"The facts in {path} cannot be read: {error}.") from error
    if not isinstance(facts, dict):
        raise CheckpointError(f"The facts in {path} cannot be read: they are not a JSON object.")
    return facts


def load_into(model: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load weights into the model; CheckpointError names the difference if they do not fit."""
    own = model.state_dict()
    missing = sorted(set(own) - set(state))
    extra = sorted(set(state) - set(own))
    if missing or extra:
        parts = [f"lacks {missing[0]}"] * bool(missing) + [f"has {extra[0]}"] * bool(extra)
        raise CheckpointError(
            f"{source} belongs to another network: it {' and '.join(parts)} "
            f"({len(missing)} names missing, {len(extra)} unknown). "
            "Choose the model that it was saved from."
        )
    for name, value in state.items():
        if value.shape != own[name].shape:
            raise CheckpointError(
                f"{source} belongs to another network or number of classes: {name} is "
                f"{tuple(value.shape)} there, but {tuple(own[name].shape)} here."
            )
    model.load_state_dict(dict(state))


def read(path: Path) -> Any:
    """The content of a torch file (weights only) or of a safetensors file.

    Tensors of unsupported kinds become `Unreadable`. CheckpointError for any other file, with what
    it is and how to extract its weights; OutOfMemory if it is too large to be read here.
    """
    try:
        with plain_files.open_plain(path) as file:
            return _content(path, file)
    except (OSError, ValueError) as error:  # ValueError: an invalid path, with a null character
        reason = plain_files.error_reason(error)
        raise CheckpointError(f"Cannot read the checkpoint {path}: {reason}.") from error


def _content(path: Path, file: IO[bytes]) -> Any:
    if safetensors.is_safetensors(path):
        tensors, notes = safetensors.read(path)
        return {"state_dict": tensors, "facts": notes["facts"]} if "facts" in notes else tensors
    try:
        return torch_files.read(file, f"Reading {path}")
    except Refused as error:
        raise CheckpointError(
            f"{path} is not a checkpoint of weights only: {error}. {diagnosis.SAVE_ADVICE}"
        ) from error
    except Damaged as error:
        raise CheckpointError(diagnosis.explanation(path)) from error


def _unsupported_tensors(path: Path, state: Any) -> str:
    """The message about tensors of unsupported kinds; '' where there are none."""
    entries = state.items() if isinstance(state, dict) else ()
    unsupported = next(
        ((name, value) for name, value in entries if isinstance(value, Unreadable)), None
    )
    if unsupported is None:
        return ""
    name, tensor = unsupported
    return (
        f"{path} holds tensors that are {tensor.kind}, such as {shown(str(name))}. "
        "Save the weights as plain tensors, as they were before that conversion."
    )


class EpochCheckpoint(Resume):
    """The last finished epoch of a training run: in memory, and on disk every few seconds."""

    def __init__(
        self, path: Path, replacing: Replacing, facts: Mapping[str, Any] | None = None
    ) -> None:
        """facts: JSON data about the run, written with the state."""
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
        """The last state, from this run or an interrupted one; None if there is none."""
        return self._state

    def keep(self, state: dict[str, Any]) -> None:
        """Remember the state, and write it if the last write was over `FLUSH_EVERY` ago."""
        self._state, self._dirty = state, True
        if time.monotonic() - self._written > FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write the current state if it is not written yet."""
        if self._dirty and self._state is not None:
            _write(self._path, {**self._state, **self._facts}, self._replacing)
            self._written, self._dirty = time.monotonic(), False

    def discard(self) -> None:
        """Remove the file, once training is finished."""
        self._dirty = False
        if not self._path.is_dir():  # one that existed before
            self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        """The state on disk; a damaged file is deleted and training starts from scratch."""
        if not self._path.is_file():
            return None
        try:
            state = read(self._path)
        except CheckpointError:
            self._path.unlink(missing_ok=True)
            return None
        if not isinstance(state, dict) or "epoch" not in state or not hash_matches(state):
            self._path.unlink(missing_ok=True)
            return None
        return _without_hash(state)


def _write(path: Path, content: dict[str, Any], replacing: Replacing) -> None:
    try:
        with replacing(path) as temporary:
            torch.save({**content, HASH: fingerprint(content)}, temporary)
    except RuntimeError as error:  # torch's writer reports any system error like this
        raise StoreError(
            f"Cannot write {path}: the disk may be full. Free some space or name another folder "
            "with --store; what was stored before is intact."
        ) from error


def _without_hash(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != HASH}


def _hash_into(hasher: hashlib.blake2b, content: Any) -> None:
    """Update the hash with a value and everything it contains."""
    if isinstance(content, Tensor):
        tensor = content.detach().cpu().contiguous()
        hasher.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
        hasher.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    elif isinstance(content, Mapping):
        hasher.update(f"{len(content)} named".encode())
        for name, value in content.items():
            hasher.update(f"{name!r}=".encode())
            _hash_into(hasher, value)
    elif isinstance(content, (list, tuple)):
        hasher.update(f"{len(content)} in order".encode())
        for value in content:
            _hash_into(hasher, value)
    else:
        hasher.update(f"{content!r};".encode())
