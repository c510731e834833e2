"""Methods without a reference run, against independent derivations: loops, closed forms, limits.

Also identities that must hold for any numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import method_problem as small
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softmax

from engine import registry
from engine.errors import SpecError, TrainingError
from engine.methods import cf_k, random_labels
from engine.methods._distill import kl_to
from engine.methods._relabel import random_labels as labels_for
from engine.methods._relabel import relabel_plan
from engine.methods._sweep import batch_gradients, by_content, ordered
from engine.methods._tail import tail_of
from engine.methods._tuning import Tuning, fit, tune
from engine.methods.bad_teacher import computation as bad_teacher
from engine.methods.base import Problem
from engine.methods.cr import computation as cr
from engine.methods.eu_k import computation as eu_k
from engine.methods.fisher import computation as fisher
from engine.methods.l1_sparse import computation as l1_sparse
from engine.methods.neggrad_plus import computation as neggrad_plus
from engine.methods.ngd import computation as ngd
from engine.methods.ntk import computation as ntk
from engine.methods.salun import computation as salun
from engine.methods.scrub import computation as scrub
from engine.methods.ssd import computation as ssd
from engine.models.base import Classifier, build
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.training.sgd import Pass, Step

SOME = [0, 1, 2, 3, 4, 17, 30]
WHOLE = 64  # a batch of all samples: the order then only affects rounding
EXACT = {"rtol": 1e-9, "atol": 1e-12}


def task(model: str = "mlp", forget: Sequence[int] = SOME, **more: int) -> Problem:
    """The small task in float64."""
    found = small.problem(model, list(forget), **more)
    x = found.samples.pixels().double()
    original = small.original(model)
    copy = small.fresh(model, 1, "copy")
    copy.load_state_dict(original.state_dict())
    return replace(
        found,
        samples=Samples(x, found.samples.y, found.samples.n_classes),
        original=copy.double(),
        fresh=lambda salt: small.fresh(model, found.seed, salt).double(),
        initial=lambda: small.fresh(model, 131, "original").double(),
    )


def vector(model: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def everything(problem: Problem) -> Tensor:
    return torch.cat([problem.retain, problem.forget])


def gradient(problem: Problem, model: nn.Module, indices: Tensor) -> Tensor:
    """Gradient (P,) of the mean cross-entropy, from autograd on the whole set."""
    loss = cross_entropy(model(problem.samples.x[indices]), problem.samples.y[indices])
    grads = torch.autograd.grad(loss, list(model.parameters()))
    return torch.cat([one.flatten() for one in grads])


# -- SSD, Fisher ------------------------------------------------------------------------------


def test_ssd_importance_ratio_of_single_samples_stays_below_its_ceiling() -> None:
    problem = task("cnn")
    both = [
        ssd.importance(batch_gradients(problem.original, problem, indices, 1))
        for indices in (everything(problem), problem.forget)
    ]
    full, forget = (torch.cat([one.flatten() for one in part]) for part in both)
    ceiling = len(problem.samples) / len(problem.forget)
    assert float((forget / full)[full > 0].max()) <= ceiling * (1 + 1e-12)
    config = ssd.SSD(alpha=ceiling * (1 + 1e-9), batch=1)
    assert torch.equal(vector(ssd.unlearn(problem, config)), vector(problem.original))


def test_ssd_empties_weights_that_matter_to_the_forget_set_alone() -> None:
    factor, chosen = ssd.dampen(torch.tensor([0.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 4.0]), 2, 1)
    assert chosen.tolist() == [True, False, True]
    assert factor.tolist() == [0.0, 1.0, 0.25]


def renumbered(problem: Problem, order: Tensor) -> Problem:
    """The same task with samples renumbered: old index `order[i]` becomes i."""
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    samples = Samples(problem.samples.x[order], problem.samples.y[order], small.CLASSES)
    retain, forget = (place[part].sort().values for part in (problem.retain, problem.forget))
    return replace(problem, samples=samples, retain=retain, forget=forget)


def shuffles(problem: Problem) -> list[Problem]:
    """Three tasks that differ only in the numbering of samples."""
    n = len(problem.samples)
    return [renumbered(problem, torch.randperm(n, generator=generator(s, "r"))) for s in range(3)]


MANY = [i for i in range(48) if i % 12 < 5]  # 20 samples of every class: batches of 8, 8 and 4


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_ssd_is_the_same_however_the_samples_are_numbered(model: str) -> None:
    problem = task(model, forget=MANY)
    config = ssd.SSD(alpha=1.0, batch=8)
    expected = vector(ssd.unlearn(problem, config))
    assert not torch.equal(expected, vector(problem.original))
    for other in shuffles(problem):
        assert torch.equal(vector(ssd.unlearn(other, config)), expected)
    stored = replace(config, order="stored")
    found = {float(vector(ssd.unlearn(other, stored)).sum()) for other in shuffles(problem)}
    assert len(found) == 3


def test_the_mask_of_salun_is_the_same_however_the_samples_are_numbered() -> None:
    problem = task("cnn", forget=MANY)

    def mask(of: Problem) -> Tensor:
        indices = ordered(of, of.forget, "shuffled")
        chosen = salun.salient(batch_gradients(of.original, of, indices, 8), 0.3)
        return torch.cat([one.flatten() for one in chosen])

    expected = mask(problem)
    assert all(torch.equal(mask(other), expected) for other in shuffles(problem))


def test_an_order_of_contents_depends_on_the_seed_and_on_labels() -> None:
    problem = task(forget=MANY)
    first, second = (
        ordered(replace(problem, seed=s), everything(problem), "shuffled") for s in (1, 2)
    )
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, everything(problem).sort().values)
    assert torch.equal(ordered(problem, everything(problem), "stored"), everything(problem))
    black = Samples(torch.zeros(4, 1, 2, 2), torch.tensor([0, 1, 0, 1]), 2)
    y = black.y[by_content(black, torch.arange(4), seed=1)].tolist()
    assert y in ([0, 0, 1, 1], [1, 1, 0, 0])  # duplicates are adjacent


def test_data_sorted_by_class_no_longer_inflate_the_importance_of_all_samples() -> None:
    problem = task("cnn", forget=range(6))  # stored: 12 samples of each class, one after the other
    whole = everything(problem).sort().values

    def weight(indices: Tensor) -> float:
        found = ssd.importance(batch_gradients(problem.original, problem, indices, 12))
        return float(torch.cat([one.flatten() for one in found]).sum())

    random = [weight(whole[torch.randperm(48, generator=generator(s, "r"))]) for s in range(20)]
    shuffled = weight(ordered(problem, whole, "shuffled"))
    assert min(random) <= shuffled <= max(random)
    assert weight(whole) > 1.5 * max(random)


def test_fisher_information_equals_a_loop_over_samples_and_classes() -> None:
    problem = task("cnn", forget=range(40))
    got = fisher.fisher_information(problem.original, problem)
    weights = dict(problem.original.named_parameters())
    expected = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for index in problem.retain:
        logits = problem.original(problem.samples.x[index][None])
        for k, p in enumerate(softmax(logits, 1)[0].detach()):
            loss = cross_entropy(logits, torch.tensor([k]))
            grads = torch.autograd.grad(loss, list(weights.values()), retain_graph=True)
            for name, grad in zip(weights, grads, strict=True):
                expected[name] += p * grad**2 / len(problem.retain)
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, **EXACT)


@pytest.mark.parametrize(
    ("shape", "last", "ceiling"),
    [((8, 3, 3, 3), False, 1e-3), ((3, 64), True, 1e-3), ((8,), False, 1e-2), ((3,), True, 1e-3)],
)
def test_fisher_variance_has_the_ceilings_of_the_reference(
    shape: tuple[int, ...], last: bool, ceiling: float
) -> None:
    weight = torch.ones(shape, dtype=torch.float64)
    _, variance = fisher.moments(weight, torch.zeros_like(weight), 1e-6, last)
    assert float(variance.max()) == pytest.approx(ceiling, rel=1e-9)


def test_fisher_draws_the_lost_class_anew_around_zero() -> None:
    problem = task("mlp", forget=range(small.PER_CLASS))
    assert problem.lost_class() == 0
    head = fisher.unlearn(problem, fisher.Fisher(alpha=1e-12)).head
    assert float(head.weight[0].detach().std()) == pytest.approx(math.sqrt(1e-3), rel=0.25)
    old = problem.original.head
    torch.testing.assert_close(head.weight[1:], old.weight[1:], rtol=0, atol=1e-3)


# -- NTK --------------------------------------------------------------------------------------


def test_ntk_dual_solution_equals_the_primal_one() -> None:
    problem = task("mlp", forget=SOME)
    config = ntk.NTK(weight_decay=0.1)
    weights = list(problem.original.parameters())
    error = ntk.residuals(problem.original, problem, problem.retain, 5).flatten()
    logits = problem.original(problem.samples.x[problem.retain]).flatten()
    rows = [torch.autograd.grad(one, weights, retain_graph=True) for one in logits]
    jac = torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])
    _, w = ntk.linear_update(problem.start(), problem, config)
    # w = -(J^T J + N lambda I)^-1 J^T r, checked without solving for it a second time
    left = jac.T @ (jac @ w) + 0.1 * len(problem.retain) * w
    torch.testing.assert_close(left, -jac.T @ error, rtol=1e-8, atol=1e-10)


def test_ntk_solvers_agree_in_single_precision_on_batches_of_any_layout() -> None:
    problem = small.problem("cnn", SOME)
    config = ntk.NTK(weight_decay=1.0, batch=40, tolerance=1e-4)
    made = [
        vector(ntk.unlearn(problem, replace(config, solver=solver))) for solver in ("gram", "cg")
    ]
    moved = float((made[0] - vector(problem.original)).norm())
    assert float((made[0] - made[1]).norm()) < 1e-2 * moved


@pytest.mark.parametrize("solver", ["gram", "cg"])
def test_ntk_without_a_forget_set_moves_nothing(solver: str) -> None:
    problem = replace(task("mlp"), retain=torch.arange(48), forget=torch.arange(0))
    made = ntk.unlearn(problem, ntk.NTK(solver=solver))
    assert torch.equal(vector(made), vector(problem.original))


def test_ntk_refuses_a_gram_matrix_beyond_its_budget_and_says_its_size() -> None:
    with pytest.raises(TrainingError, match=r"192 x 192 .*ntk\.budget is 1e-06 GiB.*solver=cg"):
        ntk.unlearn(task("mlp"), ntk.NTK(budget=1e-6))


def test_ntk_draws_retain_samples_by_the_seed() -> None:
    problem = task("mlp")
    assert torch.equal(ntk.retained(problem, 0), problem.retain)
    drawn = ntk.retained(problem, 10)
    assert len(drawn.unique()) == 10
    assert set(drawn.tolist()) < set(problem.retain.tolist())
    assert torch.equal(drawn, ntk.retained(problem, 10))
    part = replace(problem, retain=drawn)
    made = [
        vector(ntk.unlearn(one, ntk.NTK(retain_samples=count)))
        for one, count in ((problem, 10), (part, 0))
    ]
    assert torch.equal(*made)


def test_conjugate_gradients_solve_and_stop() -> None:
    a = torch.randn(20, 20, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    a = a @ a.T + torch.eye(20, dtype=torch.float64)
    b = torch.arange(20, dtype=torch.float64)
    x, steps = ntk.conjugate_gradients(lambda v: a @ v, b, 1e-12, 200)
    torch.testing.assert_close(a @ x, b, rtol=1e-9, atol=1e-9)
    assert steps < 200
    assert ntk.conjugate_gradients(lambda v: a @ v, b, 1e-12, 3)[1] == 3


# -- SCRUB, NegGrad+, Bad Teacher --------------------------------------------------------------


def test_scrub_first_ascent_is_the_identity_with_frozen_batch_norm_and_no_decay() -> None:
    problem = task("cnn")
    config = scrub.SCRUB(epochs=1, max_epochs=1, weight_decay=0.0, batch_norm="eval", lr=1.0)
    ascent = scrub.plan(problem, config, scrub.teacher_logits(problem))(0)[:1]
    made = tune(problem, config, lambda epoch: ascent, "test")
    torch.testing.assert_close(vector(made), vector(problem.original), rtol=0, atol=1e-12)
    moved = tune(problem, replace(config, batch_norm="train"), lambda epoch: ascent, "test")
    assert not torch.allclose(vector(moved), vector(problem.original), rtol=0, atol=1e-6)


@pytest.mark.parametrize("text", ["3;5", "a", "1.5", "-1"])
def test_scrub_says_what_milestones_look_like(text: str) -> None:
    with pytest.raises(SpecError, match="3,5,9"):
        scrub.unlearn(task(), scrub.SCRUB(milestones=text))


def test_scrub_rate_falls_after_each_milestone() -> None:
    rates = [scrub.rate(1.0, scrub.milestones("1, 2,9"), epoch) for epoch in range(4)]
    assert rates == pytest.approx([1.0, 0.1, 0.01, 0.01])


def test_neggrad_plus_without_a_forget_weight_is_fine_tuning() -> None:
    problem = task("mlp")
    config = neggrad_plus.NegGradPlus(beta=0.0, epochs=3, batch=8)
    plain = Pass(fit(problem), problem.retain, problem.forget, 8)
    expected = tune(problem, config, lambda epoch: [plain], "neggrad-plus")
    made = neggrad_plus.unlearn(problem, config)
    torch.testing.assert_close(vector(made), vector(expected), **EXACT)


def test_bad_teacher_divergence_equals_torch_s_mean_over_elements() -> None:
    rng = torch.Generator().manual_seed(1)
    student, teacher = torch.randn(2, 6, 4, generator=rng, dtype=torch.float64)
    target = softmax(teacher, 1)
    expected = nn.KLDivLoss(reduction="none")(student.log_softmax(1), target).mean()
    torch.testing.assert_close(kl_to(student, target), expected, **EXACT)
    hard = torch.eye(4, dtype=torch.float64)[[0, 1, 2, 3, 0, 1]]  # 0 log 0 counts as 0
    assert torch.isfinite(kl_to(student, hard))


def test_bad_teacher_gives_each_set_its_own_teacher() -> None:
    problem = task("mlp")
    retain = problem.retain[:10]
    table = bad_teacher.targets(problem, retain)
    x = problem.samples.x
    random = problem.fresh("bad-teacher")
    with torch.no_grad():
        torch.testing.assert_close(
            table[problem.forget], softmax(random(x[problem.forget]), 1), **EXACT
        )
        torch.testing.assert_close(table[retain], softmax(problem.original(x[retain]), 1), **EXACT)
    assert float(table[problem.retain[10:]].abs().max()) == 0


# -- NGD --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("noise", "expected"),
    [
        ("langevin", math.sqrt(2 * 0.1 * 0.03**2)),  # 0.0134
        ("langevin-scaled", 0.01 * math.sqrt(2 * 0.1 * 0.03**2)),
        ("langevin-lr", math.sqrt(2 * 0.01) * 0.03),  # 0.0042
        ("gradient", 0.01 * 0.03),
    ],
)
def test_ngd_noise_of_one_step_has_the_deviation_of_its_reading(
    noise: str, expected: float
) -> None:
    problem = task("mlp")
    config = ngd.NGD(noise=noise, epochs=1, batch=WHOLE)
    quiet = vector(ngd.unlearn(problem, replace(config, sigma=0.0)))
    moved = vector(ngd.unlearn(problem, config)) - quiet
    assert float(moved.std()) == pytest.approx(expected, rel=0.03)
    assert abs(float(moved.mean())) < 4 * expected / math.sqrt(len(moved))


def test_ngd_is_this_recursion() -> None:
    problem = task("mlp")
    config = ngd.NGD(noise="langevin-lr", epochs=3, batch=WHOLE)
    net = problem.start()
    theta, momentum = vector(net), torch.zeros_like(vector(net))
    for step in range(3):
        g = gradient(problem, net, problem.retain) + config.weight_decay * theta
        momentum = config.momentum * momentum + g
        rng = generator(problem.seed, "ngd", step)
        draws = [torch.empty_like(w).normal_(generator=rng).flatten() for w in net.parameters()]
        theta = theta - config.lr * momentum
        theta = theta + math.sqrt(2 * config.lr) * config.sigma * torch.cat(draws)
        nn.utils.vector_to_parameters(theta, net.parameters())
    torch.testing.assert_close(vector(ngd.unlearn(problem, config)), theta, **EXACT)


# -- EU-k, CF-k -------------------------------------------------------------------------------


def resnet18() -> Classifier:
    return build("resnet18", (3, 16, 16), 4, ([0.5] * 3, [0.25] * 3), generator(1, "test"))


def test_six_layers_of_a_resnet18_are_its_classifier_and_last_two_blocks() -> None:
    net = resnet18().net
    tail = tail_of(net, 6)
    got = {id(weight) for part in tail.layers + tail.norms for weight in part.parameters()}
    expected = {id(w) for part in (net.layer4, net.fc) for w in part.parameters()}  # type: ignore[union-attr]
    assert got == expected
    assert len(tail.layers) == 6
    assert len(tail.norms) == 5
    assert len(tail.norms_before) == 15


def test_a_tail_longer_than_the_network_is_the_network() -> None:
    net = small.fresh("cnn", 1, "test")
    tail = tail_of(net, 99)
    assert [type(part).__name__ for part in tail.layers] == ["Linear", *["Conv2d"] * 3]
    assert len(tail.norms) == 3
    assert tail.norms_before == []
    assert len(tail_of(net, 2).layers) == 2


@pytest.mark.parametrize("method", ["eu-k", "cf-k"])
@pytest.mark.parametrize(
    ("norm", "parameters", "statistics"), [("tail", 5, 3), ("frozen", 3, 0), ("leaky", 5, 9)]
)
def test_only_the_tail_moves(method: str, norm: str, parameters: int, statistics: int) -> None:
    problem = task("cnn")
    entry = registry.get("method", method)
    assert entry.config is not None
    made = entry.make(problem, entry.config(k=2, epochs=2, batch=16, batch_norm=norm))
    before, after = problem.original.state_dict(), made.state_dict()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    weights = [name for name in moved if name.endswith(("weight", "bias"))]
    # the head's weight and bias, the last convolution's weight, its batch norm's scale and shift
    assert len(weights) == parameters
    assert set(weights) <= set([name for name, _ in made.named_parameters()][-5:])
    assert len(moved) - len(weights) == statistics


@pytest.mark.parametrize("method", ["eu-k", "cf-k"])
def test_of_a_transformer_only_the_last_linear_layers_move(method: str) -> None:
    problem = task("vit-tiny")
    entry = registry.get("method", method)
    assert entry.config is not None
    made = entry.make(problem, entry.config(k=4, epochs=2, batch=16))
    before, after = problem.original.state_dict(), made.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    parts = ["head", *(f"blocks.5.{part}" for part in ("perceptron.0", "perceptron.2"))]
    parts.append("blocks.5.attention.project")
    assert moved == {f"net.{part}.{kind}" for part in parts for kind in ("weight", "bias")}


def test_eu_k_draws_the_tail_with_he_s_deviation() -> None:
    net = resnet18()
    layers = tail_of(net, 6).layers
    norms = [part.weight.detach().clone() for part in tail_of(net, 6).norms]
    eu_k.redraw(layers, generator(3, "test"))
    for layer in layers[1:]:
        fan_in = layer.weight[0].numel()
        assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / fan_in), rel=0.02)
    assert float(layers[0].bias.detach().abs().max()) == 0
    assert all(torch.equal(a, b.weight) for a, b in zip(norms, tail_of(net, 6).norms, strict=True))


def test_cf_1_is_logistic_regression_on_fixed_features() -> None:
    problem = task("mlp")
    config = cf_k.CFk(k=1, epochs=5, batch=WHOLE)
    h = problem.original.features(problem.samples.x[problem.retain]).detach()
    y = problem.samples.y[problem.retain]
    w, b = (one.detach().clone() for one in problem.original.head.parameters())
    mw, mb = torch.zeros_like(w), torch.zeros_like(b)
    for _ in range(5):
        error = (softmax(h @ w.T + b, 1) - torch.eye(small.CLASSES, dtype=w.dtype)[y]) / len(y)
        mw = 0.9 * mw + error.T @ h + 1e-4 * w
        mb = 0.9 * mb + error.sum(0) + 1e-4 * b
        w, b = w - 0.01 * mw, b - 0.01 * mb
    head = cf_k.unlearn(problem, config).head
    torch.testing.assert_close(head.weight.detach(), w, **EXACT)
    torch.testing.assert_close(head.bias.detach(), b, **EXACT)


# -- random labels, SalUn, l1-sparse -----------------------------------------------------------


@pytest.mark.parametrize(("labels", "share"), [("any", 1 / small.CLASSES), ("other", 0.0)])
def test_random_labels_are_uniform(labels: str, share: float) -> None:
    problem = task("mlp")
    draws = torch.stack(
        [
            labels_for(problem, Step(problem.forget, problem.forget[:0], n), labels)
            for n in range(900)
        ]
    )
    y = problem.samples.y[problem.forget]
    assert float((draws == y).double().mean()) == pytest.approx(share, abs=0.02)
    shift = (draws - y) % small.CLASSES
    counts = torch.bincount(shift.flatten(), minlength=small.CLASSES)[1:]
    assert float(counts.max() / counts.min()) < 1.15


def test_random_labels_is_this_recursion() -> None:
    problem = task("mlp")
    config = random_labels.RandomLabels(epochs=2, batch=WHOLE)
    net = problem.start()
    theta, momentum = vector(net), torch.zeros_like(vector(net))
    for step in range(4):
        indices = problem.retain if step % 2 else problem.forget
        y = problem.samples.y[indices]
        if step % 2 == 0:  # one batch: its order permutes the samples, and labels with it
            drawn = generator(problem.seed, "labels", step)
            y = torch.randint(0, small.CLASSES, y.shape, generator=drawn)
            indices = order_of(problem, "random-labels", step, indices)
        loss = cross_entropy(net(problem.samples.x[indices]), y)
        grads = torch.autograd.grad(loss, list(net.parameters()))
        g = torch.cat([one.flatten() for one in grads]) + config.weight_decay * theta
        momentum = config.momentum * momentum + g
        theta = theta - config.lr * momentum
        nn.utils.vector_to_parameters(theta, net.parameters())
    made = random_labels.unlearn(problem, config)
    torch.testing.assert_close(vector(made), theta, **EXACT)


def order_of(problem: Problem, salt: str, step: int, indices: Tensor) -> Tensor:
    """The random order of the forget set in the sweep that is step `step` (sweeps alternate)."""
    rng = generator(problem.seed, salt, "order")
    for number in range(step):
        torch.randperm(len(problem.forget if number % 2 == 0 else problem.retain), generator=rng)
    return indices[torch.randperm(len(indices), generator=rng)]


def test_salun_mask_holds_the_largest_summed_gradients() -> None:
    problem = task("cnn")
    share, batch = 0.3, 3
    parts = problem.forget.split(batch)
    total = torch.stack([gradient(problem, problem.original, part) for part in parts]).sum(0).abs()
    mask = salun.salient(batch_gradients(problem.original, problem, problem.forget, batch), share)
    chosen = torch.cat([one.flatten() for one in mask])
    assert int(chosen.sum()) == int(share * len(total))
    assert float(total[chosen].min()) >= float(total[~chosen].max())


def test_salun_moves_no_weight_outside_its_mask() -> None:
    problem = task("cnn")
    config = salun.SalUn(share=0.3, epochs=2, batch=16)
    mask = salun.salient(
        batch_gradients(problem.start().eval(), problem, problem.forget, config.batch), config.share
    )
    chosen = torch.cat([one.flatten() for one in mask])
    made, before = vector(salun.unlearn(problem, config)), vector(problem.original)
    assert torch.equal(made[~chosen], before[~chosen])
    assert float((made != before)[chosen].double().mean()) > 0.9


def test_salun_with_every_weight_is_random_labels() -> None:
    problem = task("mlp")
    config = salun.SalUn(share=1.0, epochs=2, batch=WHOLE)
    plain = random_labels.RandomLabels(epochs=2, batch=WHOLE)
    relabelled = tune(problem, plain, relabel_plan(problem, plain), "salun")
    torch.testing.assert_close(vector(salun.unlearn(problem, config)), vector(relabelled), **EXACT)


def test_l1_penalty_fades_linearly_and_ends_before_the_free_epochs() -> None:
    config = l1_sparse.L1Sparse(alpha=1.0, epochs=5, free_epochs=1)
    assert [l1_sparse.penalty(config, e) for e in range(5)] == pytest.approx(
        [1.0, 0.75, 0.5, 0.25, 0.0]
    )
    assert l1_sparse.penalty(replace(config, epochs=1, free_epochs=3), 0) == 0.0


def test_l1_objective_adds_alpha_times_the_sign_to_the_gradient() -> None:
    problem = task("cnn")
    net = problem.start()
    step = Step(problem.retain, problem.retain[:0], 0)
    loss = l1_sparse.objective(problem, 0.3)(net, step)
    grads = torch.autograd.grad(loss, list(net.parameters()))
    got = torch.cat([one.flatten() for one in grads])
    expected = gradient(problem, net, problem.retain) + 0.3 * vector(net).sign()
    torch.testing.assert_close(got, expected, **EXACT)


def test_l1_sparse_is_this_recursion() -> None:
    problem = task("mlp")
    config = l1_sparse.L1Sparse(alpha=0.01, epochs=4, batch=WHOLE)
    net = problem.start()
    theta, momentum = vector(net), torch.zeros_like(vector(net))
    for epoch in range(4):
        g = gradient(problem, net, problem.retain) + 0.01 * (1 - epoch / 4) * theta.sign()
        momentum = config.momentum * momentum + g + config.weight_decay * theta
        theta = theta - config.lr * momentum
        nn.utils.vector_to_parameters(theta, net.parameters())
    torch.testing.assert_close(vector(l1_sparse.unlearn(problem, config)), theta, **EXACT)


# -- CR ---------------------------------------------------------------------------------------


def heads(decay: float = 0.01) -> tuple[Tensor, Tensor, Tensor]:
    """Unit features (48, 100), signs (48, 4) and the fitted heads of the MLP."""
    problem = task("mlp")
    x = cr.features(problem.original, problem, everything(problem))
    y = cr.signs(problem.samples.y[everything(problem)], small.CLASSES).to(x)
    tilt = torch.zeros(small.CLASSES, x.shape[1], dtype=x.dtype)
    return x, y, cr.fit(x, y, decay, tilt, Reporter())


def logistic(w: Tensor, x: Tensor, y: Tensor, decay: float) -> Tensor:
    """The sum over samples of the regularized logistic loss, written out."""
    return torch.log1p(torch.exp(-y * (x @ w))).sum() + len(x) * decay / 2 * (w**2).sum()


def test_cr_slope_and_curvature_are_the_derivatives_of_the_loss() -> None:
    x, y, w = heads()
    at = (w[1] + 0.3).requires_grad_()
    value = logistic(at, x, y[:, 1], 0.01) / len(x)
    torch.testing.assert_close(cr.objective(at, x, y[:, 1], 0.01), value, **EXACT)
    (first,) = torch.autograd.grad(value, at)
    torch.testing.assert_close(cr.slope(at.detach(), x, y[:, 1], 0.01), first, **EXACT)
    second = torch.autograd.functional.hessian(
        lambda v: logistic(v, x, y[:, 1], 0.01) / len(x), at.detach()
    )
    torch.testing.assert_close(cr.curvature(at.detach(), x, 0.01), second, **EXACT)
    unit = torch.eye(len(at), dtype=at.dtype)[0] * 1e-5
    base = at.detach()
    difference = cr.objective(base + unit, x, y[:, 1], 0.01) - cr.objective(
        base - unit, x, y[:, 1], 0.01
    )
    assert float(difference / 2e-5) == pytest.approx(float(first[0]), rel=1e-6)


@pytest.mark.parametrize("scale", [0.0, 3.0])
def test_cr_heads_are_stationary_with_and_without_the_random_term(scale: float) -> None:
    x, y, _ = heads()
    rng = torch.Generator().manual_seed(2)
    tilt = scale * torch.randn(small.CLASSES, x.shape[1], generator=rng, dtype=x.dtype)
    w = cr.fit(x, y, 0.01, tilt, Reporter())
    for k in range(small.CLASSES):
        at = w[k].clone().requires_grad_()
        value = logistic(at, x, y[:, k], 0.01) + tilt[k].dot(at)
        (left,) = torch.autograd.grad(value, at)
        assert float(left.norm()) < 1e-8


def test_cr_newton_step_is_the_formula() -> None:
    x, y, w = heads()
    keep, gone, signs = x[:-7], x[-7:], y[-7:, 2]
    g = torch.zeros_like(w[2])
    for row, sign in zip(gone, signs, strict=True):
        g += (torch.sigmoid(sign * w[2] @ row) - 1) * sign * row + 0.01 * w[2]
    h = 0.01 * len(keep) * torch.eye(x.shape[1], dtype=x.dtype)
    for row in keep:
        s = torch.sigmoid(w[2] @ row)
        h += s * (1 - s) * torch.outer(row, row)
    expected = torch.linalg.inv(h) @ g
    torch.testing.assert_close(
        cr.newton_step(w[2], keep, gone, signs, 0.01), expected, rtol=1e-9, atol=1e-10
    )


@pytest.mark.parametrize("removals", [0, 1, 3])
def test_cr_comes_nearer_to_retraining_and_its_bound_holds(removals: int) -> None:
    x, y, w = heads()
    config = cr.CR(decay=0.01, removals=removals)
    after, bound = cr.forget(w, x, y, 7, config, Reporter())
    exact = cr.fit(x[:-7], y[:-7], 0.01, torch.zeros_like(w), Reporter())
    assert float((after - exact).norm()) < 0.3 * float((w - exact).norm())
    left = sum(
        float((41 * cr.slope(after[k], x[:-7], y[:-7, k], 0.01)).norm())
        for k in range(small.CLASSES)
    )
    assert left <= bound * (1 + 1e-9)


def test_cr_model_scores_unit_features_with_its_heads() -> None:
    problem = task("cnn")
    made = cr.unlearn(problem, cr.CR())
    x = problem.samples.x
    unit = nn.functional.normalize(problem.original.features(x), dim=1)
    torch.testing.assert_close(made(x), unit @ made.head.weight.T, **EXACT)
    assert torch.equal(made.features(x), problem.original.features(x))
    assert made.head.bias is None


def test_the_shared_settings_are_the_paper_s() -> None:
    config = Tuning()
    assert (config.lr, config.momentum, config.weight_decay) == (0.01, 0.9, 1e-4)
    assert (config.batch, config.epochs, config.clip) == (128, 10, 0.0)
