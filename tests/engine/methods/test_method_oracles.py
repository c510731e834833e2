"""Methods in float64 against the outputs of their reference implementations, to 1e-9."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import method_oracle as oracle
import numpy as np
import pytest
import torch

from engine.methods._distill import kl
from engine.methods._sweep import batch_gradients
from engine.methods.base import Problem
from engine.methods.fisher import computation as fisher
from engine.methods.neggrad_plus import computation as neggrad_plus
from engine.methods.ntk import computation as ntk
from engine.methods.scrub import computation as scrub
from engine.methods.ssd import computation as ssd
from engine.models.base import Classifier
from engine.runtime.progress import Reporter
from engine.training.sgd import Pass, descend

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
TIGHT = {"rtol": 1e-9, "atol": 1e-12}


def in_order(plan: Callable[[int], Sequence[Pass]]) -> Callable[[int], list[Pass]]:
    """The same sweeps in stored order, as in the reference code's data loaders."""
    return lambda epoch: [replace(one, shuffle=False) for one in plan(epoch)]


def run(
    problem: Problem, plan: Callable[[int], Sequence[Pass]], config: scrub.Tuning, **more: object
) -> Classifier:
    model = problem.start()
    descend(
        model, in_order(plan), config, seed=1, salt="oracle", report=Reporter(), **more  # type: ignore[arg-type]
    )  # fmt: skip
    return model


# -- SSD -------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 8, 24])
def test_ssd_importances_equal_the_reference(batch: int) -> None:
    found = oracle.arrays("ssd")
    problem = oracle.problem_of(found)
    everything = torch.cat([problem.retain, problem.forget])
    for indices, key in ((problem.forget, "imp_forget"), (everything, "imp_full")):
        gradients = batch_gradients(problem.original, problem, indices, batch)
        got = ssd.importance(gradients)
        expected = oracle.under(found, f"bs{batch}/{key}")
        for name, value in zip(found["param_order"], got, strict=True):
            torch.testing.assert_close(value, expected[str(name)], **TIGHT)


@pytest.mark.parametrize("batch", [1, 8, 24])
@pytest.mark.parametrize("case", range(5))
def test_ssd_weights_equal_the_reference(batch: int, case: int) -> None:
    found = oracle.arrays("ssd")
    alpha, dampening = found["alpha_lambda_cases"][case]
    logged: list[str] = []
    problem = oracle.problem_of(found)
    problem.report.on_log = logged.append  # type: ignore[method-assign]
    model = ssd.unlearn(problem, ssd.SSD(float(alpha), float(dampening), batch, "stored"))
    oracle.assert_state(model, oracle.under(found, f"bs{batch}/case{case}/w"))
    selected = int(found[f"bs{batch}/case{case}/n_selected"])
    assert logged == [f"SSD dampened {selected} of 1603 weights."]


# -- Fisher ----------------------------------------------------------------------------------


def test_fisher_information_equals_the_reference() -> None:
    found = oracle.arrays("fisher")
    got = fisher.fisher_information(oracle.problem_of(found).original, oracle.problem_of(found))
    for name, value in oracle.under(found, "grad2_acc").items():
        torch.testing.assert_close(got[f"net.{name}"], value, **TIGHT)


@pytest.mark.parametrize(
    ("branch", "alpha", "lost"),
    [("samples", 1e-6, None), ("samples", 3e-6, None), ("class0", 1e-6, 0)],
)
def test_fisher_moments_equal_the_reference(branch: str, alpha: float, lost: int | None) -> None:
    found = oracle.arrays("fisher")
    information = oracle.under(found, "grad2_acc")
    weights = oracle.under(found, "w0")
    key = f"{branch}/alpha{alpha:.0e}"
    for name, value in information.items():
        mean, variance = fisher.moments(
            weights[name], value, alpha, name.startswith("linear"), lost
        )
        torch.testing.assert_close(mean, oracle.under(found, f"{key}/mu")[name], **CLOSE)
        torch.testing.assert_close(variance, oracle.under(found, f"{key}/var")[name], **TIGHT)


@pytest.mark.parametrize("branch", ["samples", "class0"])
def test_fisher_draws_in_the_order_of_the_reference(branch: str) -> None:
    found = oracle.arrays("fisher")
    rng = torch.Generator().manual_seed(1)
    means = oracle.under(found, f"{branch}/alpha1e-06/mu")
    variances = oracle.under(found, f"{branch}/alpha1e-06/var")
    expected = oracle.under(found, f"{branch}/sampled_seed1_alpha1e-06")
    for name in map(str, found["param_order"]):
        got = fisher.sample(means[name], variances[name], rng)
        torch.testing.assert_close(got, expected[name], **CLOSE)


def test_fisher_unlearns_with_the_moments_of_the_reference() -> None:
    found = oracle.arrays("fisher")
    problem = oracle.problem_of(found)
    state = fisher.unlearn(problem, fisher.Fisher()).net.state_dict()
    means = oracle.under(found, "samples/alpha1e-06/mu")
    variances = oracle.under(found, "samples/alpha1e-06/var")
    normal = torch.cat([((state[n] - means[n]) / variances[n].sqrt()).flatten() for n in variances])
    assert abs(float(normal.mean())) < 0.1
    assert float(normal.std()) == pytest.approx(1, abs=0.07)


# -- NTK -------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [1e9, 2e5, 4e4])
def test_ntk_gram_equals_the_reference_whatever_the_budget(budget: float) -> None:
    found = oracle.arrays("ntk")
    problem = oracle.problem_of(found)
    indices = torch.arange(int(found["num_total"]))
    got = ntk.gram(problem.original, problem, indices, budget)
    jacobian = torch.from_numpy(found["G"])
    torch.testing.assert_close(got, jacobian.T @ jacobian, **CLOSE)
    error = ntk.residuals(problem.original, problem, indices, 7)
    torch.testing.assert_close(error.reshape(-1, 1), torch.from_numpy(found["f0_minus_y"]), **CLOSE)


@pytest.mark.parametrize(("decay", "solver"), [(0.1, "gram"), (0.0005, "gram"), (0.1, "cg")])
def test_ntk_update_and_step_length_equal_the_reference(decay: float, solver: str) -> None:
    found = oracle.arrays("ntk")
    problem = oracle.problem_of(found, initial="w_init")
    config = ntk.NTK(weight_decay=decay, solver=solver, tolerance=1e-13, max_steps=2000, batch=10)
    key = f"wd{decay:g}"
    update, retain = ntk.linear_update(problem.start(), problem, config)
    torch.testing.assert_close(update, torch.from_numpy(found[f"{key}/delta_w"]), **CLOSE)
    torch.testing.assert_close(retain, torch.from_numpy(found[f"{key}/w_retain"]), **CLOSE)
    error = torch.from_numpy(found[f"{key}/m_pred_error"])
    assert ntk.step_length(update, error) == pytest.approx(
        float(found[f"{key}/predicted_scale"]), rel=1e-9
    )
    oracle.assert_state(ntk.unlearn(problem, config), oracle.under(found, f"{key}/w_scrub"))


# -- SCRUB and NegGrad+ ----------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1, 2, 4])
def test_scrub_divergence_and_gradient_equal_the_reference(temperature: int) -> None:
    found = oracle.under(oracle.arrays("scrub"), "kl")
    student = found["student_logits"].requires_grad_()
    loss = kl(student, found["teacher_logits"], float(temperature))
    torch.testing.assert_close(loss, found[f"T{temperature}/loss"], **TIGHT)
    (gradient,) = torch.autograd.grad(loss, student)
    torch.testing.assert_close(gradient, found[f"T{temperature}/grad_student"], **TIGHT)


@pytest.mark.parametrize("loop", ["loop_a", "loop_b", "loop_c"])
def test_scrub_loop_equals_the_reference_after_every_phase(loop: str) -> None:
    found = oracle.arrays("scrub")
    hyper = json.loads(str(found[f"{loop}/hyper"]))
    problem = oracle.problem_of(found)
    config = scrub.SCRUB(
        gamma=hyper["gamma"],
        alpha=hyper["alpha"],
        temperature=hyper["T"],
        epochs=hyper["epochs"],
        max_epochs=hyper["msteps"],
        milestones=",".join(map(str, hyper["decay"])),
        batch=hyper["bs_r"],
        forget_batch=hyper["bs_f"],
        lr=hyper["lr"],
        weight_decay=hyper["wd"],
        momentum=hyper["momentum"],
    )
    after = scrub.milestones(config.milestones)
    rates = [scrub.rate(config.lr, after, epoch) for epoch in range(config.epochs)]
    np.testing.assert_allclose(rates, found[f"{loop}/lrs"], rtol=1e-12)
    plan = scrub.plan(problem, config, scrub.teacher_logits(problem))
    phases = [
        (f"ep{epoch + 1}_after_{'max' if len(plan(epoch)) - part == 2 else 'min'}", epoch, part)
        for epoch in range(config.epochs)
        for part in range(len(plan(epoch)))
    ]
    assert len(phases) == len({key.split("/")[1] for key in found if key.startswith(loop)}) - 2
    for phase, last, part in phases:
        # a run cut off after this phase: one optimizer, hence one momentum, over all before it

        def cut(epoch: int, last: int = last, part: int = part) -> Sequence[Pass]:
            return plan(epoch)[: part + 1] if epoch == last else plan(epoch)

        model = run(
            problem, cut, replace(config, epochs=last + 1), lr_of_epoch=lambda epoch: rates[epoch]
        )
        oracle.assert_state(model, oracle.under(found, f"{loop}/{phase}"))


@pytest.mark.parametrize("weight", ["0.999", "0.95"])
def test_neggrad_plus_equals_the_reference(weight: str) -> None:
    found = oracle.arrays("scrub")
    problem = oracle.problem_of(found)
    config = neggrad_plus.NegGradPlus(
        beta=1 - float(weight), batch=8, forget_batch=4, momentum=0.0, weight_decay=0.0, clip=0.0
    )
    model = run(problem, lambda epoch: [neggrad_plus.sweep_of(problem, config)], config)
    oracle.assert_state(model, oracle.under(found, f"neggrad_alpha{weight}"))


def test_the_reference_outputs_are_read_from_outside_the_project() -> None:
    assert Path(__file__).resolve().parents[3] not in oracle.FOLDER.parents
