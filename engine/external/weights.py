"""Third-party weights, in any common container, analyzed like models of our own.

Keys depend on the hash of their tensors, not on file locations; a study stores a copy. In a file
with several state dicts, FILE::NAME selects one by its location, such as 'model.ema'.
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
from engine.external.effective_weights import unsupported_parameter
from engine.external.hub_config import weights_in
from engine.external.hub_network import renamed
from engine.external.matching import BUFFERS, OWN, Match, matches, own_state
from engine.external.network import network
from engine.models.base import Classifier
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import ForeignSpec, ModelSpec
from engine.storage.paths import ENTRY, is_file, typed_path
from engine.training.checkpoints import digest, facts_of, hash_matches, is_state_dict, read
from engine.weight_files.wrappers import candidates

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
NAMED = 3  # differing tensors listed in a message
LISTED = 8  # state dicts listed in a message


@dataclass(frozen=True, eq=False)
class Fit:
    """Weights from a file under a network's own names and dtypes, on the CPU.

    head: the method whose last layer replaces the network's own, '' if none; remarks: sentences
    about how they were extracted from the file.
    """

    state: dict[str, Tensor]
    head: str = ""
    remarks: tuple[str, ...] = ()


def named_files(
    original: Path | None, retrains: Sequence[Path], unlearned: Sequence[str]
) -> dict[str, Path]:
    """Model name -> file, from command-line arguments; `unlearned` as 'NAME=FILE'."""
    files = {} if original is None else {"original": typed_path(str(original))}
    files |= {f"retrain-{number}": typed_path(str(path)) for number, path in enumerate(retrains)}
    for text in unlearned:
        name, equals, path = text.partition("=")
        if not (equals and name and path):
            raise SpecError(f"'{text}' names no model. Write NAME=FILE, e.g. theirs=theirs.pt.")
        check_model_name(name)
        if name in files:
            raise SpecError(f"Two unlearned models are named '{name}'. Use distinct names.")
        files[name] = typed_path(path)
    return files


def examine_files(
    files: Mapping[str, Path], model: ModelSpec, dataset: Dataset
) -> tuple[ForeignSpec, ...]:
    """Specs of the weights in `files` (model name -> file), each matched to the network.

    Raises CheckpointError if a file does not fit, and SpecError for an invalid name.
    """
    if not files:
        return ()
    blank = network(model, dataset, generator(0, "blank"))
    specs = []
    for name, path in files.items():
        if not re.fullmatch(r"original|retrain-\d+", name):
            check_model_name(name)
        path = weights_in(path, model, dataset)
        fit = match_file(path, blank, model.name, dataset.spec.name)
        specs.append(ForeignSpec(name, digest(fit.state), str(path.absolute()), fit.head))
    _check_retrains([spec for spec in specs if spec.name.startswith("retrain-")])
    return tuple(specs)


def load_foreign(
    one: ForeignSpec, model: Classifier, network_name: str, data_name: str, report: Reporter
) -> Classifier:
    """`model` with the weights of `one`, read from its file; CheckpointError if they have changed.

    Logs remarks on how they were extracted from the file.
    """
    path = Path(one.path)
    fit = match_file(path, model, network_name, data_name)
    if digest(fit.state) != one.digest or fit.head != one.head:
        raise CheckpointError(
            f"{path} no longer holds the weights of '{one.name}' that this study was made with. "
            "Restore the old file, or start a new study."
        )
    for remark in fit.remarks:
        report.log(remark)
    if one.head:
        adapt(model, one.head)
    model.load_state_dict(fit.state)
    return model.eval()


def unusable_weights_error(one: ForeignSpec, model: Classifier) -> CheckpointError:
    """The error for third-party weights, in `model`, whose outputs are not finite."""
    return value_checks.unusable_weights_error(one.path, model.state_dict(), _plain_name)


def adapt(model: Classifier, head: str) -> None:
    """Replace the last layer of `model`, in place, by that of the method `head`."""
    entry = registry.get("method", head)
    assert entry.config is not None
    entry.facts["adapt"](model, entry.config())


def head_of(facts: Mapping[str, Any]) -> str:
    """The method whose last layer a checkpoint with these facts has; '' for the network's own."""
    name = facts.get("head", facts.get("model", ""))
    is_method = isinstance(name, str) and name in registry.names("method")
    return str(name) if is_method and registry.get("method", name).facts.get("adapt") else ""


def content_of(path: Path) -> tuple[Any, str, str]:
    """(content, label of the requested state dict, head) of a file, or of FILE::NAME.

    CheckpointError if it cannot be read or is damaged.
    """
    file, entry = _split(path)
    content = read(file)
    if not isinstance(content, Mapping) or not isinstance(content.get("facts"), str):
        return content, entry, ""
    facts, state = facts_of(file, content), content.get("state_dict")
    has_digest = "weights" in facts and is_state_dict(state)
    damaged = has_digest and facts["weights"] != digest(content["state_dict"])
    if damaged or not hash_matches(content):
        raise CheckpointError(f"{file} is damaged: its weights do not match their hash.")
    return content, entry, head_of(facts)


def match_file(path: Path, model: Classifier, network_name: str, data_name: str) -> Fit:
    """The weights in `path` (or FILE::NAME) that match `model`'s network.

    They may be nested in dicts next to other values, have a common name prefix, come with their own
    normalization, and be pruned or reparametrized; mean, std and num_batches_tracked may be
    missing. Raises CheckpointError with the differences if they belong to another network, and if
    several sets of weights match.
    """
    content, entry, head = content_of(path)
    if head:
        model = copy.deepcopy(model)
        adapt(model, head)
    own = own_state(model)
    candidate_matches = _distinct(matches(renamed(content, model.net), model, entry))
    exact = [match for match in candidate_matches if match.exact]
    _check_choice(path, content, entry, exact)
    if not candidate_matches:
        raise CheckpointError(
            f"{path} is not a checkpoint: it should contain a state dict (names -> tensors)."
        )
    chosen = (exact or candidate_matches)[0]
    if not chosen.exact:
        _refuse(path, own, chosen, network_name, data_name, model.head_name)
    state = _converted(path, own, chosen, {name for name, _ in model.named_parameters()})
    return Fit(state, head, tuple(_remarks(path, own, state, chosen)))


def _split(path: Path) -> tuple[Path, str]:
    """(file, label) of FILE::NAME; an existing file whose name contains '::' is taken as a file."""
    text, mark, entry = str(path).rpartition(ENTRY)
    return (Path(text), entry) if mark and text and not is_file(path) else (path, "")


def _distinct(matches: Sequence[Match]) -> list[Match]:
    """Each distinct set of weights once, under its shortest label."""
    if len(matches) < 2:
        return list(matches)
    first: dict[str, Match] = {}
    for one in sorted(matches, key=lambda one: len(one.label)):
        first.setdefault(digest(one.state), one)
    return list(first.values())


def _check_choice(path: Path, content: object, entry: str, exact: Sequence[Match]) -> None:
    """CheckpointError if several sets of weights match, or the requested one does not exist."""
    file, _ = _split(path)
    if len(exact) > 1:
        labels = ", ".join(f"'{shown(one.label)}'" for one in exact[:LISTED])
        raise CheckpointError(
            f"{file} contains {len(exact)} different sets of weights that fit: {labels}. Select "
            f"one by its location in the file, e.g. {file}{ENTRY}{shown(exact[-1].label)}."
        )
    all_labels = list(dict.fromkeys(one.label for one in candidates(content) if one.label))
    if entry and not exact and entry not in all_labels:
        labels = ", ".join(f"'{shown(label)}'" for label in all_labels[:LISTED])
        raise CheckpointError(
            f"{file} contains nothing named '{entry}' that fits. It has: "
            f"{labels or 'a single state dict'}."
        )


def _converted(
    path: Path, own: Mapping[str, Tensor], chosen: Match, parameters: Collection[str]
) -> dict[str, Tensor]:
    """The tensors in the network's own dtypes; CheckpointError for invalid weights."""
    state = chosen.state
    converted = {name: state[name].to(own[name].dtype).contiguous() for name in own}

    def called(name: str) -> str:
        return _plain_name(chosen.normalization.get(name, name))

    value_checks.check(path, converted, parameters, called)
    for name, value in converted.items():
        if (
            value.is_floating_point()
            and not state[name].is_floating_point()
            and name not in BUFFERS
        ):
            raise CheckpointError(
                f"{path} contains integers in {_plain_name(name)}: its weights are quantized. Give "
                "the weights from before quantization."
            )
    return converted


def _remarks(
    path: Path, own: Mapping[str, Tensor], state: Mapping[str, Tensor], chosen: Match
) -> Sequence[str]:
    """Sentences that tell the user how the weights were extracted."""
    remarks = []
    if any(not torch.equal(own[name], state[name]) for name in BUFFERS):
        mean, std = (",".join(f"{one:.4g}" for one in state[b].flatten()) for b in BUFFERS)
        scale = ", rescaled from pixels up to 255" if chosen.of_bytes else ""
        remarks.append(
            f"{path} has its own normalization, which is used for this model: {mean}/{std}{scale}."
        )
    if chosen.rest:
        remarks.append(
            f"From {path}, the weights under '{shown(chosen.label)}' are used; {len(chosen.rest)} "
            f"other tensors are not, such as {shown(chosen.rest[0])}."
        )
    return remarks


def _refuse(
    path: Path,
    own: Mapping[str, Tensor],
    chosen: Match,
    network_name: str,
    data_name: str,
    head: str,
) -> None:
    """Raise CheckpointError with the differences."""
    state = chosen.state
    unknown = [name.removeprefix(OWN) for name in state if name not in own]
    raw = unsupported_parameter(unknown)
    if raw:
        raise CheckpointError(
            f"{path} contains {shown(raw)}, part of a weight with an unsupported pruning or "
            "parametrization. Remove it (torch.nn.utils.prune.remove, "
            "torch.nn.utils.parametrize.remove_parametrizations) and save the state dict again."
        )
    name, why = next(iter(chosen.strange.items()), ("", ""))
    if name:
        raise CheckpointError(
            f"{path} contains tensors that are {why}, such as {shown(name)}. Give plain ones: "
            "the weights from before that conversion."
        )
    _check_names(path, own, state, network_name)
    _check_shapes(path, own, state, network_name, data_name, head)


def check_model_name(name: str) -> None:
    """SpecError unless this is a valid name for a third-party model."""
    if not NAME.fullmatch(name):
        raise SpecError(
            f"'{name}' is not a valid model name: use 1 to 40 letters, digits, dots, underscores "
            "and hyphens, starting with a letter or digit."
        )
    if name == "original" or name.startswith("retrain"):
        raise SpecError(
            f"An unlearned model cannot be named '{name}'. Give an Original with --original and "
            "Re-trains with --retrain."
        )
    if name in registry.names("method"):
        raise SpecError(
            f"'{name}' is a built-in method; give your model another name, e.g. my-{name}."
        )


def _check_retrains(retrains: Sequence[ForeignSpec]) -> None:
    """SpecError for identical Re-trains, which would make a null band of zero width."""
    by_digest: dict[str, ForeignSpec] = {}
    for retrain in retrains:
        if retrain.digest in by_digest:
            raise SpecError(
                f"{by_digest[retrain.digest].path} and {retrain.path} contain the same weights. "
                "Re-trains must differ in their seeds; give each file once."
            )
        by_digest[retrain.digest] = retrain


def _check_names(
    path: Path, own: Mapping[str, Tensor], state: Mapping[str, Tensor], network_name: str
) -> None:
    missing = [name for name in own if name not in state]
    extra = [name for name in state if name not in own]
    if missing or extra:
        parts = [f"lacks {_plain_name(missing[0])}"] if missing else []
        parts += [f"has {_plain_name(extra[0])}"] if extra else []
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
    mismatched = [name for name in own if state[name].shape != own[name].shape]
    if not mismatched:
        return
    weights = f"net.{head}.weight"
    in_head = {one.rpartition(".")[0] for one in mismatched} == {
        f"net.{head}"
    } and weights in mismatched
    if in_head and state[weights].ndim and state[weights].shape[1:] == own[weights].shape[1:]:
        file_classes, data_classes = len(state[weights]), len(own[weights])
        raise CheckpointError(
            f"{path} was trained for {file_classes} classes, but '{data_name}' has {data_classes}: "
            f"{_difference(weights, own, state)}."
        )
    parts = [_difference(name, own, state) for name in mismatched[:NAMED]]
    rest = len(mismatched) - len(parts)
    more = f", and {rest} more differ" if rest else ""
    raise CheckpointError(
        f"{path} belongs to another network than {network_name} on '{data_name}': "
        f"{', '.join(parts)}{more}. {_advice()}"
    )


def _difference(name: str, own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    return f"{_plain_name(name)} is {_times(state[name])} there but {_times(own[name])} here"


def _times(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a scalar"


def _plain_name(name: str) -> str:
    """A tensor's name as in a plain state dict."""
    return shown(name.removeprefix(OWN))


def _advice() -> str:
    return "Name the network it was made for with --model; your own as FILE.py:FUNCTION."
