"""Weights that somebody else trained: plain state dicts, examined beside models of our own.

They enter keys by the hash of their tensors, wherever their files lie; a study keeps a copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from engine import registry
from engine.checkpoints import digest, load
from engine.datasets.base import Dataset
from engine.errors import CheckpointError, SpecError
from engine.models.base import Classifier
from engine.network import network
from engine.runtime import generator
from engine.spec import ForeignSpec, ModelSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
WRAPPERS = ("module.", "_orig_mod.", "model.", "net.")  # DataParallel, torch.compile, attributes
BUFFERS = ("mean", "std")  # normalization kept beside the weights, as by our own checkpoints
NAMED = 3  # tensors that differ and are named in a sentence


def named_files(
    original: Path | None, retrains: Sequence[Path], unlearned: Sequence[str]
) -> dict[str, Path]:
    """Model name -> file, from what a command line gives; `unlearned` as 'NAME=FILE'."""
    files = {} if original is None else {"original": original}
    files |= {f"retrain-{number}": path for number, path in enumerate(retrains)}
    for text in unlearned:
        name, equals, path = text.partition("=")
        if not (equals and name and path):
            raise SpecError(f"'{text}' names no model. Write NAME=FILE, e.g. theirs=theirs.pt.")
        _check_name(name)
        if name in files:
            raise SpecError(f"Two unlearned models are called '{name}'. Name them apart.")
        files[name] = Path(path)
    return files


def examine(
    files: Mapping[str, Path], model: ModelSpec, dataset: Dataset
) -> tuple[ForeignSpec, ...]:
    """What identifies the weights in `files` (model name -> file), each tried on the network.

    Raises CheckpointError where a file does not fit, SpecError for a name that cannot be used.
    """
    if not files:
        return ()
    blank = network(model, dataset, generator(0, "blank"))
    found = []
    for name, path in files.items():
        if not re.fullmatch(r"original|retrain-\d+", name):
            _check_name(name)
        state = fitted(path, blank, model.name, dataset.spec.name)
        found.append(ForeignSpec(name, digest(state), str(path.absolute())))
    _check_distinct([one for one in found if one.name.startswith("retrain-")])
    return tuple(found)


def adopt(one: ForeignSpec, model: Classifier, network_name: str, data_name: str) -> Classifier:
    """`model` with the weights of `one`, read from its file; CheckpointError if they are gone."""
    path = Path(one.path)
    state = fitted(path, model, network_name, data_name)
    if digest(state) != one.digest:
        raise CheckpointError(
            f"{path} no longer holds the weights of '{one.name}' that this study was made with. "
            "Put the old file back, or start a new study."
        )
    model.load_state_dict(state)
    return model.eval()


def fitted(path: Path, model: Classifier, network_name: str, data_name: str) -> dict[str, Tensor]:
    """The state dict in `path` under the names and types of `model`'s own, on the CPU.

    Names may begin with 'module.', 'model.' or 'net.'; mean, std and num_batches_tracked may be
    missing. Raises CheckpointError with what differs where the weights are another network's.
    """
    own = {name: value.cpu() for name, value in model.state_dict().items()}
    names = {name.removeprefix("net.") for name in own if name.startswith("net.")}
    state = max(_unwrapped(load(path)[0]), key=lambda one: len(names & set(one)))
    state = {name if name in BUFFERS and name not in names else f"net.{name}": value
             for name, value in state.items()}  # fmt: skip
    optional = {name for name in own if name in BUFFERS or name.endswith(".num_batches_tracked")}
    state = {name: own[name] for name in optional} | state
    _check_names(path, own, state, network_name)
    for name in BUFFERS:
        if state[name].numel() == own[name].numel():
            state[name] = state[name].reshape(own[name].shape)
    _check_shapes(path, own, state, network_name, data_name, model.head_name)
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{path} holds values that are no numbers, in {_theirs(name)}.")
    return {name: state[name].to(own[name].dtype) for name in own}


def _unwrapped(state: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The state dict, and again without each prefix that all its weights share."""
    while True:
        yield state
        weights = [name for name in state if name not in BUFFERS]
        shared = (p for p in WRAPPERS if weights and all(name.startswith(p) for name in weights))
        prefix = next(shared, None)
        if prefix is None:
            return
        state = {name.removeprefix(prefix): value for name, value in state.items()}


def _check_name(name: str) -> None:
    """SpecError unless a foreign model may be called so."""
    if not NAME.fullmatch(name):
        raise SpecError(
            f"'{name}' cannot be a model's name: use 1 to 40 letters, digits, dots, underscores "
            "and hyphens, a letter or digit first."
        )
    if name == "original" or name.startswith("retrain"):
        raise SpecError(
            f"An unlearned model cannot be called '{name}'. Give an Original by --original and "
            "Re-trains by --retrain."
        )
    if name in registry.names("method"):
        raise SpecError(
            f"'{name}' is a method of this program; give your model another name, e.g. my-{name}."
        )


def _check_distinct(retrains: Sequence[ForeignSpec]) -> None:
    """Equal Re-trains would make a null band without width."""
    seen: dict[str, ForeignSpec] = {}
    for one in retrains:
        if one.digest in seen:
            raise SpecError(
                f"{seen[one.digest].path} and {one.path} hold the same weights. Re-trains differ "
                "in their seeds; give each file once."
            )
        seen[one.digest] = one


def _check_names(
    path: Path, own: Mapping[str, Tensor], state: Mapping[str, Tensor], network_name: str
) -> None:
    missing = [name for name in own if name not in state]
    extra = [name for name in state if name not in own]
    if missing or extra:
        parts = [f"lacks {_theirs(missing[0])}"] if missing else []
        parts += [f"has {_theirs(extra[0])}"] if extra else []
        raise CheckpointError(
            f"{path} belongs to another network than {network_name}: it {' and '.join(parts)} "
            f"({len(missing)} tensors missing, {len(extra)} unknown). {_advice()}"
        )


def _check_shapes(
    path: Path,
    own: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    network_name: str,
    data_name: str,
    head: str,
) -> None:
    unlike = [name for name in own if state[name].shape != own[name].shape]
    if not unlike:
        return
    weights = f"net.{head}.weight"
    if {one.rpartition(".")[0] for one in unlike} == {f"net.{head}"} and weights in unlike:
        there, here = len(state[weights]), len(own[weights])
        if state[weights].shape[1:] == own[weights].shape[1:]:
            raise CheckpointError(
                f"{path} was trained for {there} classes, but '{data_name}' has {here}: "
                f"{_difference(weights, own, state)}."
            )
    parts = [_difference(name, own, state) for name in unlike[:NAMED]]
    rest = len(unlike) - len(parts)
    more = f", and {rest} more differ" if rest else ""
    raise CheckpointError(
        f"{path} belongs to another network than {network_name} on '{data_name}': "
        f"{', '.join(parts)}{more}. {_advice()}"
    )


def _difference(name: str, own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    return f"{_theirs(name)} is {_times(state[name])} there but {_times(own[name])} here"


def _times(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a single number"


def _theirs(name: str) -> str:
    """A tensor's name as a plain state dict has it."""
    return name.removeprefix("net.")


def _advice() -> str:
    return "Name the network it was made with by --model, your own one as FILE.py:FUNCTION."
