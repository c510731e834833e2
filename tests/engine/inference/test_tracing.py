"""Tracing and folding of networks while other threads run networks."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable

import pytest
import torch
from patience import PATIENCE
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from engine.inference.folding import _without_norms, folded
from engine.inference.tracing import traced
from engine.methods._jacobian import jacobians
from engine.models.base import Classifier
from engine.runtime.seeds import generator

SECONDS = 2.0  # that two threads trace and two run networks


class Net(nn.Module):
    """A convolution, a norm and a head."""

    def __init__(self, conv: nn.Module | None = None, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = conv or nn.Conv2d(1, 8, 3)
        self.norm = norm or nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)
        self.maps: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(self.conv(x)).relu().mean((2, 3)))


class Doubled(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x) + self.weight.norm()


class Negative(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return -super().forward(x)


def conv() -> nn.Conv2d:
    return nn.Conv2d(1, 8, 3)


def hooked() -> Net:
    net = Net()
    net.conv.register_forward_hook(lambda part, inputs, said: 3 * said)
    net.norm.register_forward_pre_hook(lambda part, inputs: (inputs[0].abs(),))
    net.register_forward_hook(lambda part, inputs, said: said + 1)
    net.fc.register_forward_pre_hook(lambda part, inputs: net.maps.append(inputs[0]))
    return net


def patched() -> Net:
    net = Net()
    plain = net.conv.forward
    net.conv.forward = lambda x: plain(x) * 2  # type: ignore[method-assign]
    return net


def pruned() -> Net:
    net = Net()
    prune.l1_unstructured(net.conv, "weight", 0.5)
    prune.random_unstructured(net.norm, "weight", 0.3)
    return net


def shared() -> Net:
    net = Net(nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8)))
    net.norm = net.conv[1]  # type: ignore[index]
    return net


OTHERS: dict[str, Callable[[], nn.Module]] = {
    "old spectral norm": lambda: Net(spectral_norm(conv())),
    "spectral norm": lambda: Net(parametrizations.spectral_norm(conv())),
    "old weight norm": lambda: Net(weight_norm(conv())),
    "weight norm": lambda: Net(parametrizations.weight_norm(conv())),
    "pruning": pruned,
    "subclasses": lambda: Net(Doubled(1, 8, 3), Negative(8)),
    "hooks": hooked,
    "a forward of its own": patched,
    "shared": shared,
    "group norm": lambda: Net(norm=nn.GroupNorm(2, 8)),
}
OWN = {"no affine": lambda: Net(norm=nn.BatchNorm2d(8, affine=False)), "plain": Net}


def classifier(make: Callable[[], nn.Module]) -> Classifier:
    """A network trained for one step, so that layers hold tensors made by autograd."""
    torch.manual_seed(0)
    made = Classifier(make(), "fc", [0.5], [0.3], image=True).train()
    made(torch.rand(6, 1, 8, 8)).square().sum().backward()
    made.net.register_buffer("step", torch.ones(()))
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_var.uniform_(0.3, 2.0)  # type: ignore[union-attr,operator]
    return made.eval()


def norms(net: nn.Module) -> int:
    return sum(isinstance(one, nn.BatchNorm2d) for one in net.modules())


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("name", [*OTHERS, *OWN])
def test_what_cannot_be_folded_runs_as_it_is_and_says_the_same(name: str) -> None:
    made = classifier((OTHERS | OWN)[name])
    x = torch.rand(5, 1, 8, 8)
    before = norms(made)
    with torch.no_grad():
        wanted = made(x)
        torch.testing.assert_close(folded(made, x)(x), wanted, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(copy.deepcopy(made)(x), wanted, atol=1e-6, rtol=1e-6)
    assert norms(made) == before
    if name != "shared":  # one norm behind a convolution and another use of it
        assert (norms(folded(made, x)) < before) == (name in OWN)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("name", [one for one in (*OTHERS, *OWN) if "forward of" not in one])
def test_derivatives_for_each_sample_are_those_of_autograd(name: str) -> None:
    made, x = classifier((OTHERS | OWN)[name]), torch.rand(3, 1, 8, 8)
    names = [one for one, _ in made.named_parameters()]
    found = jacobians(made, names, x)
    for number, sample in enumerate(x):
        for k, logit in enumerate(made(sample[None])[0]):
            wanted = torch.autograd.grad(
                logit, list(made.parameters()), retain_graph=True, allow_unused=True,
                materialize_grads=True,
            )  # fmt: skip
            for one, gradient in zip(names, wanted, strict=True):
                torch.testing.assert_close(found[one][number, k], gradient, atol=1e-4, rtol=1e-3)
    copy.deepcopy(made)(x)  # nothing of those passes is left in it


class NoVmap(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if float(x.detach().sum()) > -1e9 else x


def test_derivatives_of_a_network_that_decides_by_values() -> None:
    made, x = classifier(lambda: Net(norm=NoVmap())), torch.rand(2, 1, 8, 8)
    plain = classifier(lambda: Net(norm=nn.Hardtanh(-1e9, 1e9)))
    found, half = (jacobians(one, ["net.fc.weight"], x)["net.fc.weight"] for one in (made, plain))
    torch.testing.assert_close(found, 2 * half)


def test_networks_are_folded_while_other_threads_run_theirs() -> None:
    wanted_call, wanted_get = nn.Module.__call__, nn.Module.__getattr__
    began, failures = time.monotonic(), []
    counts = {"folds": 0, "passes": 0}

    def goes_on() -> bool:
        few = min(counts.values()) <= 4  # on a busy machine it takes longer until there are more
        return not failures and time.monotonic() - began < (PATIENCE if few else SECONDS)

    same = classifier(Net)  # folded by two threads at once

    def fold() -> None:
        while goes_on():
            if norms(_without_norms(same.net)):
                failures.append("not folded")
            counts["folds"] += 1

    def run() -> None:
        other, x = classifier(pruned), torch.rand(4, 1, 8, 8)
        wanted = other(x)
        while goes_on():
            if not torch.equal(other(x), wanted):
                failures.append("another answer")
            if nn.Module.__call__ is not wanted_call or nn.Module.__getattr__ is not wanted_get:
                failures.append("a patched class")
            counts["passes"] += 1

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def body() -> None:
            try:
                work()
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")

        return body

    torch.manual_seed(0)
    threads = [threading.Thread(target=guarded(work)) for work in (fold, fold, run, run)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failures
    assert counts["folds"] > 4 and counts["passes"] > 4
    assert nn.Module.__call__ is wanted_call and nn.Module.__getattr__ is wanted_get


def test_a_graph_leaves_the_network_as_it_was_and_shares_its_weights() -> None:
    net = classifier(Net).net
    kinds = [type(part) for part in net.modules()]
    graph = traced(net)
    assert graph is not None and [type(part) for part in net.modules()] == kinds
    assert graph.get_submodule("conv").weight is net.get_submodule("conv").weight
    assert type(graph.get_submodule("conv")) is nn.Conv2d
    x = torch.rand(2, 1, 8, 8, generator=generator(1))
    assert torch.equal(graph(x), net(x))
    assert traced(NoVmap()) is None
