"""Compute the effective weights of pruned or reparametrized layers, for plain networks.

Covers the old and new interfaces of torch.nn.utils: pruning masks, weight norm (Salimans and Kingma
2016) and spectral norm (Miyato et al. 2018). Results are those of the layer in eval mode.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

Tensors = dict[str, Tensor]
PARAMETRIZED = re.compile(r"(.*?)parametrizations\.([^.]+)\.(original\d*|\d+\..+)")
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
AS_IS = re.compile(r"(_orig|_mask|_g|_v|_u)$|(^|\.)parametrizations\.")  # names of raw parameters


def effective_state(state: Mapping[str, Tensor], own: Collection[str], net: nn.Module) -> Tensors:
    """The state dict with effective weights in place of raw parameters that `net` does not have.

    own: names of the network's own tensors; tensors under these names are left unchanged.
    """
    effective = {name: _wide(value) for name, value in state.items()}
    for name in [name for name in effective if name.endswith("_mask") and name not in own]:
        _prune(effective, name.removesuffix("_mask"), own)
    for name in [name for name in effective if name not in own]:
        if name.endswith("_g"):
            stem = name.removesuffix("_g")
            _weight_norm(effective, stem, (f"{stem}_g", f"{stem}_v"), own)
        elif name.endswith("_orig"):
            stem = name.removesuffix("_orig")
            _spectral_norm(effective, stem, (name, f"{stem}_u", f"{stem}_v"), own, net)
    for owner, weight in {_owner(name) for name in effective if name not in own} - {("", "")}:
        _parametrized(effective, owner, weight, own, net)
    return effective


def unsupported_parameter(names: Collection[str]) -> str:
    """The first name that indicates an unsupported reparametrization; '' if there is none."""
    return next((name for name in sorted(names) if AS_IS.search(name)), "")


def _wide(value: Tensor) -> Tensor:
    """Floating-point tensors as float32, in which networks compute; others unchanged."""
    return value.float() if value.is_floating_point() else value


def _owner(name: str) -> tuple[str, str]:
    """('conv.', 'weight') for 'conv.parametrizations.weight.original0'; ('', '') for others."""
    match = PARAMETRIZED.fullmatch(name)
    return (match[1], match[2]) if match else ("", "")


def _parametrized(
    state: Tensors, owner: str, weight: str, own: Collection[str], net: nn.Module
) -> None:
    """Replace the raw parameters of one parametrized weight if its parametrization is supported."""
    start = f"{owner}parametrizations.{weight}."
    parts = {name.removeprefix(start) for name in state if name.startswith(start)}
    if parts == {"original0", "original1"}:
        _weight_norm(state, f"{owner}{weight}", (f"{start}original0", f"{start}original1"), own)
    elif parts == {"original", "0._u", "0._v"}:
        names = (f"{start}original", f"{start}0._u", f"{start}0._v")
        _spectral_norm(state, f"{owner}{weight}", names, own, net)


def _prune(state: Tensors, stem: str, own: Collection[str]) -> None:
    raw, mask = f"{stem}_orig", f"{stem}_mask"
    if raw in own or raw not in state or state[raw].shape != state[mask].shape:
        return
    state[stem] = state.pop(raw) * state.pop(mask).to(torch.float32)


def _weight_norm(state: Tensors, stem: str, names: tuple[str, str], own: Collection[str]) -> None:
    """Compute g v / ||v||, with the norm over all dimensions but the one along which g extends."""
    if stem not in own or not _are_free(state, names, own):
        return
    length, direction = (state[name] for name in names)
    dim = _norm_dim(length, direction)
    if dim is None:
        return
    for name in names:
        del state[name]
    state[stem] = torch._weight_norm(direction, length, dim)


def _are_free(state: Tensors, names: Collection[str], own: Collection[str]) -> bool:
    """Whether all these tensors exist, are floating-point, and are not the network's own."""
    present = set(names) <= set(state) and not set(names) & set(own)
    return present and all(state[name].is_floating_point() for name in names)


def _norm_dim(length: Tensor, direction: Tensor) -> int | None:
    """The dimension excluded from the norm, -1 for none; None if the shapes do not match."""
    if length.ndim == 0:
        return -1
    for dim, side in enumerate(direction.shape):
        if length.shape == torch.Size([1] * dim + [side] + [1] * (direction.ndim - dim - 1)):
            return dim
    return None


def _spectral_norm(
    state: Tensors,
    stem: str,
    names: tuple[str, str, str],
    own: Collection[str],
    net: nn.Module,
) -> None:
    """Compute W / (u . W v), with W as a matrix whose rows are the output channels."""
    if stem not in own or not _are_free(state, names, own):
        return
    raw, u, v = (state[name] for name in names)
    layer = dict(net.named_modules()).get(stem.rpartition(".")[0])
    rows = raw.movedim(1, 0) if isinstance(layer, TRANSPOSED) and raw.ndim > 1 else raw
    matrix = rows.flatten(1) if rows.ndim > 1 else rows
    if matrix.ndim != 2 or (u.shape, v.shape) != (matrix.shape[:1], matrix.shape[1:]):
        return
    for name in names:
        del state[name]
    state[stem] = raw / torch.dot(u, torch.mv(matrix, v))
