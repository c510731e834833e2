"""Weights that somebody else trained, in whatever wraps them, examined beside models of our own.

They enter keys by the hash of their tensors, wherever their files lie; a study keeps a copy. Of a
file that holds several state dicts FILE::NAME names one, by its place such as 'model.ema'.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine import registry
from engine.datasets.base import Dataset
from engine.errors import CheckpointError, SpecError, shown
from engine.external import value_checks
from engine.external.effective_weights import leftover
from engine.external.matching import BUFFERS, OWN, Match, matches, own_state
from engine.external.network import network
from engine.models.base import Classifier
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import ForeignSpec, ModelSpec
from engine.storage.paths import ENTRY, is_file, place
from engine.training.checkpoints import digest, facts_of, is_state_dict, read, sound
from engine.weight_files.wrappers import candidates

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
NAMED = 3  # tensors that differ and are named in a sentence
LISTED = 8  # state dicts of a file that are named in one


@dataclass(frozen=True, eq=False)
class Fit:
    """Weights of a file under the names and types of a network's own, on the CPU.

    head: method whose last layer they have in place of the network's own, '' without one; remarks:
    sentences about how they were taken from the file.
    """

    state: dict[str, Tensor]
    head: str = ""
    remarks: tuple[str, ...] = ()


def named_files(
    original: Path | None, retrains: Sequence[Path], unlearned: Sequence[str]
) -> dict[str, Path]:
    """Model name -> file, from what a command line gives; `unlearned` as 'NAME=FILE'."""
    files = {} if original is None else {"original": place(str(original))}
    files |= {f"retrain-{number}": place(str(path)) for number, path in enumerate(retrains)}
    for text in unlearned:
        name, equals, path = text.partition("=")
        if not (equals and name and path):
            raise SpecError(f"'{text}' names no model. Write NAME=FILE, e.g. theirs=theirs.pt.")
        _check_name(name)
        if name in files:
            raise SpecError(f"Two unlearned models are called '{name}'. Name them apart.")
        files[name] = place(path)
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
        fit = fitted(path, blank, model.name, dataset.spec.name)
        found.append(ForeignSpec(name, digest(fit.state), str(path.absolute()), fit.head))
    _check_retrains([one for one in found if one.name.startswith("retrain-")])
    return tuple(found)


def adopt(
    one: ForeignSpec, model: Classifier, network_name: str, data_name: str, report: Reporter
) -> Classifier:
    """`model` with the weights of `one`, read from its file; CheckpointError if they are gone.

    Says how they were taken from the file, where that needs a word.
    """
    path = Path(one.path)
    fit = fitted(path, model, network_name, data_name)
    if digest(fit.state) != one.digest or fit.head != one.head:
        raise CheckpointError(
            f"{path} no longer holds the weights of '{one.name}' that this study was made with. "
            "Put the old file back, or start a new study."
        )
    for remark in fit.remarks:
        report.log(remark)
    if one.head:
        adapt(model, one.head)
    model.load_state_dict(fit.state)
    return model.eval()


def unusable(one: ForeignSpec, model: Classifier) -> CheckpointError:
    """The error for given weights, in `model`, whose outputs are no finite numbers."""
    return value_checks.unusable(one.path, model.state_dict(), _theirs)


def adapt(model: Classifier, head: str) -> None:
    """Give `model`, in place, the last layer that models of the method `head` have."""
    entry = registry.get("method", head)
    assert entry.config is not None
    entry.facts["adapt"](model, entry.config())


def head_of(facts: Mapping[str, Any]) -> str:
    """The method whose last layer a checkpoint with these facts has; '' for the network's own."""
    name = facts.get("head", facts.get("model", ""))
    known = isinstance(name, str) and name in registry.names("method")
    return str(name) if known and registry.get("method", name).facts.get("adapt") else ""


def content_of(path: Path) -> tuple[Any, str, str]:
    """(content, label of the state dict that is asked for, head) of a file, or of FILE::NAME.

    CheckpointError where it cannot be read, or is damaged.
    """
    file, entry = _split(path)
    content = read(file)
    if not isinstance(content, Mapping) or not isinstance(content.get("facts"), str):
        return content, entry, ""
    facts, state = facts_of(file, content), content.get("state_dict")
    marked = "weights" in facts and is_state_dict(state)
    damaged = marked and facts["weights"] != digest(content["state_dict"])
    if damaged or not sound(content):
        raise CheckpointError(f"{file} is damaged: its weights do not match their hash.")
    return content, entry, head_of(facts)


def fitted(path: Path, model: Classifier, network_name: str, data_name: str) -> Fit:
    """The weights in `path` (or FILE::NAME) that are those of `model`'s network.

    They may lie in dicts, beside others that are none, under names with a common beginning, beside
    a normalization of their own, and be pruned or reparametrized; mean, std and
    num_batches_tracked may be missing. Raises CheckpointError with what differs where they are
    another network's, and where several are this one's.
    """
    content, entry, head = content_of(path)
    if head:
        model = copy.deepcopy(model)
        adapt(model, head)
    own = own_state(model)
    tried = _distinct(matches(content, model, entry))
    exact = [one for one in tried if one.exact]
    _check_choice(path, content, entry, exact)
    if not tried:
        raise CheckpointError(
            f"{path} is no checkpoint: it should hold a state dict, names with tensors."
        )
    chosen = (exact or tried)[0]
    if not chosen.exact:
        _refuse(path, own, chosen, network_name, data_name, model.head_name)
    state = _converted(path, own, chosen, {name for name, _ in model.named_parameters()})
    return Fit(state, head, tuple(_remarks(path, own, state, chosen)))


def _split(path: Path) -> tuple[Path, str]:
    """(file, label) of FILE::NAME; a file whose own name has '::' is a file."""
    text, mark, entry = str(path).rpartition(ENTRY)
    return (Path(text), entry) if mark and text and not is_file(path) else (path, "")


def _distinct(found: Sequence[Match]) -> list[Match]:
    """One of each set of weights, the one that is called shortest first."""
    if len(found) < 2:
        return list(found)
    first: dict[str, Match] = {}
    for one in sorted(found, key=lambda one: len(one.label)):
        first.setdefault(digest(one.state), one)
    return list(first.values())


def _check_choice(path: Path, content: object, entry: str, exact: Sequence[Match]) -> None:
    """CheckpointError unless at most one fits, and it is there if it was asked for by name."""
    file, _ = _split(path)
    if len(exact) > 1:
        labels = ", ".join(f"'{shown(one.label)}'" for one in exact[:LISTED])
        raise CheckpointError(
            f"{file} holds {len(exact)} different sets of weights that fit: {labels}. Name one by "
            f"its place in the file, e.g. {file}{ENTRY}{shown(exact[-1].label)}."
        )
    known = list(dict.fromkeys(one.label for one in candidates(content) if one.label))
    if entry and not exact and entry not in known:
        labels = ", ".join(f"'{shown(label)}'" for label in known[:LISTED])
        raise CheckpointError(
            f"{file} holds nothing called '{entry}' that fits. It has: "
            f"{labels or 'one state dict alone'}."
        )


def _converted(
    path: Path, own: Mapping[str, Tensor], chosen: Match, parameters: Collection[str]
) -> dict[str, Tensor]:
    """The tensors in the types of the network's own; CheckpointError for what is no weight."""
    state = chosen.state
    found = {name: state[name].to(own[name].dtype).contiguous() for name in own}

    def called(name: str) -> str:
        return _theirs(chosen.normalization.get(name, name))

    value_checks.check(path, found, parameters, called)
    for name, value in found.items():
        if (
            value.is_floating_point()
            and not state[name].is_floating_point()
            and name not in BUFFERS
        ):
            raise CheckpointError(
                f"{path} holds whole numbers in {_theirs(name)}: its weights are quantized. Give "
                "the weights as they were before that."
            )
    return found


def _remarks(
    path: Path, own: Mapping[str, Tensor], state: Mapping[str, Tensor], chosen: Match
) -> Sequence[str]:
    """What a person should know of how the weights were taken."""
    said = []
    if any(not torch.equal(own[name], state[name]) for name in BUFFERS):
        mean, std = (",".join(f"{one:.4g}" for one in state[b].flatten()) for b in BUFFERS)
        scale = ", given there for pixels from 0 to 255" if chosen.of_bytes else ""
        said.append(
            f"{path} brings its own normalization, which holds for this model: {mean}/{std}{scale}."
        )
    if chosen.rest:
        said.append(
            f"Of {path} the weights under '{shown(chosen.label)}' are used; {len(chosen.rest)} "
            f"other tensors beside them are not, such as {shown(chosen.rest[0])}."
        )
    return said


def _refuse(
    path: Path,
    own: Mapping[str, Tensor],
    chosen: Match,
    network_name: str,
    data_name: str,
    head: str,
) -> None:
    """CheckpointError with what differs."""
    state = chosen.state
    unknown = [name.removeprefix(OWN) for name in state if name not in own]
    raw = leftover(unknown)
    if raw:
        raise CheckpointError(
            f"{path} holds {shown(raw)}, a part of a weight that is pruned or reparametrized in a "
            "way that cannot be computed here. Make it plain (torch.nn.utils.prune.remove, "
            "torch.nn.utils.parametrize.remove_parametrizations), and save the state dict again."
        )
    name, why = next(iter(chosen.strange.items()), ("", ""))
    if name:
        raise CheckpointError(
            f"{path} holds tensors that are {why}, such as {shown(name)}. Give plain ones: "
            "the weights as they were before that."
        )
    _check_names(path, own, state, network_name)
    _check_shapes(path, own, state, network_name, data_name, head)


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


def _check_retrains(retrains: Sequence[ForeignSpec]) -> None:
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
    in_head = {one.rpartition(".")[0] for one in unlike} == {f"net.{head}"} and weights in unlike
    if in_head and state[weights].ndim and state[weights].shape[1:] == own[weights].shape[1:]:
        there, here = len(state[weights]), len(own[weights])
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
    return shown(name.removeprefix(OWN))


def _advice() -> str:
    return "Name the network it was made with by --model, your own one as FILE.py:FUNCTION."
