"""How NTK forgetting unlearns; the package describes it without importing torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softmax
from torch.nn.utils import vector_to_parameters

from engine.errors import TrainingError
from engine.methods._jacobian import chunk_size, jacobians
from engine.methods._sweep import double, gradients
from engine.methods.base import Problem
from engine.methods.ntk import NTK, PASSES, PRODUCT_PASSES
from engine.models.base import Classifier
from engine.runtime.seeds import generator
from engine.training.costs import PASSES_PER_STEP

GRAM_COPIES = 3  # the matrix, its regularized copy and its Cholesky factor
GIB = 2**30


def unlearn(problem: Problem, config: NTK) -> Classifier:
    """The Original plus s times the update of `linear_update`, s from `step_length`.

    Raises TrainingError if the Gram matrix does not fit into `config.budget`.
    """
    problem = replace(problem, retain=retained(problem, config.retain_samples))
    model = problem.start().eval()
    start = flat(problem.initial().to(problem.device).parameters())
    weights = flat(model.parameters())
    update, retain = linear_update(model, problem, config)
    scale = step_length(update, (weights - start) - retain)
    problem.report.log(f"NTK update: norm {float(update.norm()):.3g}, step length {scale:.3g}.")
    with torch.no_grad():
        vector_to_parameters(weights + scale * update, model.parameters())
    return model


def retained(problem: Problem, count: int) -> Tensor:
    """The retain set, or `count` samples of it drawn without replacement."""
    if not 0 < count < len(problem.retain):
        return problem.retain
    rng = generator(problem.seed, "ntk", device=problem.device)
    drawn = torch.randperm(len(problem.retain), generator=rng, device=problem.device)[:count]
    return problem.retain[drawn.sort().values]


def linear_update(model: nn.Module, problem: Problem, config: NTK) -> tuple[Tensor, Tensor]:
    """(w(S_r) - w(S), w(S_r)), each (P,): w(S) is ridge regression on the linearized network.

    w(S) = -G (G^T G + |S| weight_decay I)^-1 r with G = d logits / d theta at the Original and
    r = softmax - one-hot.
    """
    everything = torch.cat([problem.retain, problem.forget])
    n, n_retain = len(everything), len(problem.retain)
    error = double(residuals(model, problem, everything, config.batch))
    system = Normal(model, problem, everything, n * config.weight_decay, config.batch)
    retain_system = Normal(
        model, problem, problem.retain, n_retain * config.weight_decay, config.batch
    )
    solve = _exact(model, problem, config) if config.solver == "gram" else _iterative
    dual = solve(retain_system, error[:n_retain].flatten(), config).reshape(n_retain, -1)
    retain = -retain_system.spread(dual)
    # The difference is the solution of its own system: subtracting two large, separately computed
    # solutions would cancel most of their digits.
    gap = torch.cat([-(n - n_retain) * config.weight_decay * dual, error[n_retain:]])
    if n_retain < n:
        forget_system = Normal(model, problem, problem.forget, 0.0, config.batch)
        gap[n_retain:] += double(forget_system.gather(retain))
    change = solve(system, gap.flatten(), config).reshape(n, -1)
    return system.spread(change), retain


def step_length(update: Tensor, error: Tensor) -> float:
    """1 + 2 |cos(update, error)| ||error|| / ||update||; 1 where there is no update.

    The trapezoidal rule of SelectiveForgetting: `error` is the part of the way from the initial
    weights to the Original that the linearization misses.
    """
    norm = update.norm()
    return float(1 + 2 * torch.dot(update, error).abs() / norm**2) if norm > 0 else 1.0


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """These tensors concatenated to one vector, independent of their memory layout."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


@torch.no_grad()
def residuals(model: nn.Module, problem: Problem, indices: Tensor, batch: int) -> Tensor:
    """softmax(f(x)) - onehot(y), (n, K), of the samples at `indices`."""
    rows = []
    for part in indices.split(batch):
        p = softmax(model(problem.samples.pixels(part)), dim=1)
        rows.append(p - one_hot(problem.samples.y[part], p.shape[1]))
        problem.report.advance(len(part))
    return torch.cat(rows)


@dataclass(frozen=True, eq=False)
class Normal:
    """The operator G^T G + ridge I of the samples at `indices`, never materialized."""

    model: nn.Module
    problem: Problem
    indices: Tensor
    ridge: float
    batch: int

    def spread(self, dual: Tensor, passes: float = PASSES_PER_STEP) -> Tensor:
        """G v, (P,): the gradient of sum v_ic f_c(x_i), for v (n, K)."""
        weights = list(self.model.parameters())
        total = torch.zeros_like(flat(weights))
        parts = zip(self.indices.split(self.batch), dual.split(self.batch), strict=True)
        for part, v in parts:
            logits = self.model(self.problem.samples.pixels(part))
            inner = (logits * v.to(logits)).sum()
            total += flat(gradients(inner, weights))
            self.problem.report.advance(passes * len(part))
        return total

    def gather(self, direction: Tensor) -> Tensor:
        """G^T w, (n, K): the derivative of the logits along `direction` (P,)."""
        weights = list(self.model.parameters())
        pieces = direction.split([weight.numel() for weight in weights])
        tangent = [piece.view_as(w) for piece, w in zip(pieces, weights, strict=True)]
        rows = []
        for part in self.indices.split(self.batch):
            logits = self.model(self.problem.samples.pixels(part))
            rows.append(_along(logits, weights, tangent))
            self.problem.report.advance((PRODUCT_PASSES - PASSES_PER_STEP) * len(part))
        return torch.cat(rows)

    def __call__(self, dual: Tensor) -> Tensor:
        """(G^T G + ridge I) v for v (n K,) in float64."""
        v = dual.reshape(len(self.indices), -1)
        return double(self.gather(self.spread(v)).flatten()) + self.ridge * dual


def gram(model: nn.Module, problem: Problem, indices: Tensor, budget: float) -> Tensor:
    """G^T G, (n K, n K) float64, from slices of the Jacobian no larger than `budget` bytes."""
    size = len(indices) * problem.samples.n_classes
    total = double(torch.zeros(size, size, device=problem.device))
    weights = dict(model.named_parameters())
    slices = list(_slices(weights, max(1, int(budget / (size * _itemsize(model))))))
    for group in slices:
        rows = _jacobian_rows(model, problem, indices, group, PASSES / len(slices))
        total += double(rows @ rows.T)
    return total


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], b: Tensor, tolerance: float, max_steps: int
) -> tuple[Tensor, int]:
    """x with ||product(x) - b|| <= tolerance ||b||, and the number of steps taken."""
    x, r = torch.zeros_like(b), b.clone()
    p, size, goal = r.clone(), torch.dot(r, r), tolerance**2 * torch.dot(b, b)
    step = 0
    while step < max_steps and size > goal:
        image = product(p)
        rate = size / torch.dot(p, image)
        x, r = x + rate * p, r - rate * image
        size, previous = torch.dot(r, r), size
        p, step = r + (size / previous) * p, step + 1
    return x, step


Solver = Callable[["Normal", Tensor, NTK], Tensor]


def _exact(model: nn.Module, problem: Problem, config: NTK) -> Solver:
    indices = torch.cat([problem.retain, problem.forget])
    size = len(indices) * problem.samples.n_classes
    required = GRAM_COPIES * 8 * size**2
    if required > config.budget * GIB:
        raise TrainingError(
            f"NTK needs {required / GIB:.1f} GiB for its Gram matrix of {size} x {size} entries, "
            f"but ntk.budget is {config.budget:g} GiB. Raise it, set ntk.solver=cg, or draw fewer "
            "ntk.retain_samples."
        )
    # while it is accumulated, a new part exists beside it in both precisions: 5/6 of `required`
    full = gram(model, problem, indices, config.budget * GIB - required * 5 / 6)

    def solve(system: Normal, right: Tensor, config: NTK) -> Tensor:
        matrix = full[: len(right), : len(right)].clone()
        matrix.diagonal().add_(system.ridge)
        problem.report.check()
        return torch.cholesky_solve(right[:, None], torch.linalg.cholesky(matrix))[:, 0]

    return solve


def _iterative(system: Normal, right: Tensor, config: NTK) -> Tensor:
    report = system.problem.report
    dual, steps = conjugate_gradients(system, right, config.tolerance, config.max_steps)
    report.forgo(PRODUCT_PASSES * (config.max_steps - steps) * len(system.indices))
    if steps == config.max_steps:
        report.log(f"NTK: conjugate gradients stopped after {steps} steps, short of the tolerance.")
    return dual


def _along(logits: Tensor, weights: list[nn.Parameter], direction: Sequence[Tensor]) -> Tensor:
    """Directional derivative of logits (n, K), from two backward passes.

    J w = d <J^T v, w> / d v for any v; torch's forward mode would do as well, but compiles scripts
    (and warns about them) on first use.
    """
    v = torch.zeros_like(logits, requires_grad=True)
    pairs = [pair for pair in zip(weights, direction, strict=True) if pair[0].requires_grad]
    free, along = zip(*pairs, strict=True)
    pulled = torch.autograd.grad(
        logits, free, v, create_graph=True, allow_unused=True, materialize_grads=True
    )
    inner = torch.stack([(a * b).sum() for a, b in zip(pulled, along, strict=True)]).sum()
    try:
        return torch.autograd.grad(inner, v)[0]
    except RuntimeError as error:
        if "not implemented" not in str(error):
            raise
        raise TrainingError(
            "NTK needs second derivatives, which a layer of this network does not support, such as "
            f"fused attention or a recurrent layer ({error}). Leave ntk out of the methods."
        ) from error


Slice = tuple[str, int, int]  # a parameter, and the range of its scalars


def _slices(weights: dict[str, nn.Parameter], width: int) -> Iterator[list[Slice]]:
    """The parameters in groups of at most `width` scalars; larger ones are split."""
    group: list[Slice] = []
    size = 0
    for name, weight in weights.items():
        for low in range(0, weight.numel(), width):
            high = min(low + width, weight.numel())
            if size + high - low > width:
                yield group
                group, size = [], 0
            group.append((name, low, high))
            size += high - low
    yield group


def _jacobian_rows(
    model: nn.Module, problem: Problem, indices: Tensor, group: Sequence[Slice], passes: float
) -> Tensor:
    """(n K, width of the slices): row i K + c is the gradient of f_c(x_i)."""
    names = [name for name, _, _ in group]
    weights = dict(model.named_parameters())
    k = problem.samples.n_classes
    chunk = chunk_size(sum(weights[name].numel() for name in names), k, weights[names[0]])
    rows = torch.empty(
        len(indices) * k,
        sum(high - low for _, low, high in group),
        dtype=weights[names[0]].dtype,
        device=problem.device,
    )
    for number, part in enumerate(indices.split(chunk)):
        derivatives = jacobians(model, names, problem.samples.pixels(part))
        target = rows[number * chunk * k :][: len(part) * k]
        torch.cat(
            [derivatives[name].detach().flatten(2)[..., low:high] for name, low, high in group],
            dim=2,
            out=target.view(len(part), k, -1),
        )
        problem.report.advance(passes * len(part))
    return rows


def _itemsize(model: nn.Module) -> int:
    return next(model.parameters()).dtype.itemsize
