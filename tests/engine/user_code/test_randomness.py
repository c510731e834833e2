"""Whatever is random in somebody's own network follows the study's seed, and disturbs no one."""

from __future__ import annotations

import copy
import random
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from engine.datasets.base import Dataset, load
from engine.errors import Cancelled, SpecError, TrainingError
from engine.external.network import model_spec, network
from engine.models.base import Classifier, Dropout
from engine.runtime.device_samples import Samples
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import DataSpec, TrainSpec
from engine.training.cuda_graph import recordable
from engine.training.sgd import Resume, train_from_scratch
from engine.user_code.randomness import Redirection, _seeded, seeded_global_draws

NET = """
import random
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self, between=None):
        super().__init__()
        self.conv, self.between = nn.Conv2d(1, 4, 3), between or nn.Identity()
        self.fc = nn.Linear(36, 10)
        self.register_buffer("width", torch.randn(1))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.between(self.conv(x)).tanh(), 3).flatten(1)
        return self.fc(self.more(x) if self.training else x)

    def more(self, x):
        return {more}

def make():
    return Net({between})
"""
LINES = [  # the forward pass in training
    "F.dropout(x, 0.4)",
    "x + torch.rand_like(x) * torch.randn_like(x) + torch.rand(3).sum() + torch.randn(2)[0]",
    "x * torch.bernoulli(torch.full_like(x, 0.5)) + torch.empty(1).uniform_()",
    "x + torch.empty_like(x).normal_() + torch.normal(0.0, 1.0, (1,)) + torch.poisson(x[:1].abs())",
    "x[:, torch.randperm(x.shape[1])] * torch.randint(1, 3, (1,)) + torch.randint_like(x, 2)",
    "x + F.gumbel_softmax(x, dim=1) + torch.multinomial(torch.ones(5), 1)",
    "x * torch.distributions.Gamma(1.0, 1.0).sample()",
    "x + F.rrelu(x, training=True) + F.alpha_dropout(x, 0.2, True)",
    "F.scaled_dot_product_attention(x[None], x[None], x[None], dropout_p=0.3)[0]",
    "x + torch.rand(1, generator=torch.Generator().manual_seed(1))",
]
LAYERS = ["nn.Dropout2d(0.4)", "nn.AlphaDropout(0.2)", "nn.RReLU()", "nn.FeatureAlphaDropout(0.2)"]
SPEC = TrainSpec(epochs=3, lr=0.05, batch=40)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(DataSpec("digits"))


@pytest.fixture(scope="module")
def samples(digits: Dataset) -> Samples:
    return Samples.on(torch.device("cpu"), digits.train_x[:160], digits.train_y[:160], 10)


def made(
    folder: Path, digits: Dataset, more: str = "x", between: str = "", extra: str = ""
) -> Classifier:
    text = NET.replace("{more}", more).replace("{between}", between) + extra
    (folder / "mine.py").write_text(text)
    return network(model_spec(f"{folder / 'mine.py'}:make"), digits, generator(3, "weights"))


class Memory(Resume):
    state: dict[str, Any] | None = None

    def load(self) -> dict[str, Any] | None:
        return self.state

    def keep(self, state: dict[str, Any]) -> None:
        self.state = state


class Impatient(Reporter):
    """Cancels in the second epoch."""

    batches = 0

    def advance(self, units: float) -> None:
        self.batches += 1
        if self.batches == 6:
            self.cancel()
        super().advance(units)


def trained(model: Classifier, samples: Samples, **options: Any) -> dict[str, Tensor]:
    options.setdefault("report", Reporter())
    train_from_scratch(model, samples, torch.arange(160), SPEC, seed=7, **options)
    return copy.deepcopy(model.state_dict())


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("more", "between"), [*[(one, "") for one in LINES], *[("x", one) for one in LAYERS]]
)
def test_training_a_random_network_is_reproducible(
    more: str, between: str, tmp_path: Path, digits: Dataset, samples: Samples
) -> None:
    torch.manual_seed(1)
    first = trained(made(tmp_path, digits, more, between), samples)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again = trained(made(tmp_path, digits, more, between), samples)
    assert torch.equal(torch.get_rng_state(), before)
    assert same(first, again)
    plain = trained(made(tmp_path, digits), samples)
    assert not torch.equal(first["net.fc.weight"], plain["net.fc.weight"])  # it was random


@pytest.mark.parametrize("more", [LINES[0], LINES[-1]])
def test_a_resumed_training_uses_the_same_random_numbers(
    more: str, tmp_path: Path, digits: Dataset, samples: Samples
) -> None:
    wanted = trained(made(tmp_path, digits, more, "nn.Dropout2d(0.3)"), samples)
    memory = Memory()
    model = made(tmp_path, digits, more, "nn.Dropout2d(0.3)")
    with pytest.raises(Cancelled):
        trained(model, samples, resume=memory, report=Impatient())
    assert memory.state is not None and memory.state["epoch"] == 1
    model = made(tmp_path, digits, more, "nn.Dropout2d(0.3)")
    assert same(trained(model, samples, resume=memory), wanted)


def test_concurrent_lanes_draw_the_same_as_alone(
    tmp_path: Path, digits: Dataset, samples: Samples
) -> None:
    model = made(tmp_path, digits, LINES[1], "nn.Dropout2d(0.3)")
    wanted = trained(copy.deepcopy(model), samples)
    torch.manual_seed(11)
    stream = [float(torch.rand(())) for _ in range(20_000)]
    torch.manual_seed(11)
    results: list[dict[str, Tensor]] = []
    drawn: list[float] = []
    begin = threading.Barrier(3)

    def lane() -> None:
        begin.wait()
        spec = model_spec(f"{tmp_path / 'mine.py'}:make")  # a lane that wrote it would empty it
        results.append(trained(network(spec, digits, generator(3, "weights")), samples))

    lanes = [threading.Thread(target=lane) for _ in range(2)]
    for one in lanes:
        one.start()
    begin.wait()
    while any(one.is_alive() for one in lanes) and len(drawn) < len(stream):
        drawn.append(float(torch.rand(())))
    for one in lanes:
        one.join()
    assert len(results) == 2 and all(same(one, wanted) for one in results)
    assert len(drawn) > 10 and drawn == stream[: len(drawn)]


# -- networks built by a factory ------------------------------------------------------------------

SCALED = """
torch.manual_seed(4)
scale = torch.rand(1)

def numbered():
    torch.manual_seed(0)
    net = Net()
    net.fc.weight.data *= float(np.random.rand()) + random.random() + scale
    return net
"""


def test_a_factory_that_draws_from_anywhere_follows_the_seed(
    tmp_path: Path, digits: Dataset
) -> None:
    made(tmp_path, digits, extra=SCALED)
    spec = model_spec(f"{tmp_path / 'mine.py'}:numbered")
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    first, other = (network(spec, digits, generator(seed, "w")).state_dict() for seed in (1, 2))
    assert torch.equal(states[0], torch.get_rng_state()) and states[1] == random.getstate()
    assert states[2] == np.random.get_state()[1].tolist()
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    again = network(spec, digits, generator(1, "w")).state_dict()
    assert same(first, again)
    assert not torch.equal(first["net.fc.weight"], other["net.fc.weight"])
    assert not torch.equal(first["net.width"], other["net.width"])


def test_weights_equal_those_of_a_seeded_global_generator() -> None:
    torch.manual_seed(5)
    with torch.random.fork_rng([]):
        torch.manual_seed(9)
        wanted = [nn.Linear(4, 3).weight, torch.rand(3), torch.randperm(7), torch.randn(20)]
        wanted += [dropout(torch.ones(50)), torch.rand_like(wanted[1])]
    with seeded_global_draws(9):
        found = [nn.Linear(4, 3).weight, torch.rand(3), torch.randperm(7), torch.randn(20)]
        found += [dropout(torch.ones(50)), torch.rand_like(found[1])]
    assert all(torch.equal(a, b) for a, b in zip(wanted, found, strict=True))


def test_gradients_of_a_redirected_dropout_are_those_of_its_mask() -> None:
    x = torch.ones(1000, requires_grad=True)
    with Redirection(generator(0, "x")):
        y, mask = torch.native_dropout(x, 0.25, True)
    y.sum().backward()
    assert x.grad is not None and torch.equal(x.grad, mask / 0.75) and torch.equal(y, mask / 0.75)
    assert 0.65 < float(mask.float().mean()) < 0.85


def test_an_operation_without_a_generator_draws_from_a_seeded_global_one() -> None:
    func, x = torch.ops.aten._scaled_dot_product_attention_math.default, torch.ones(1, 4, 4)
    before = torch.get_rng_state()
    one, two = (_seeded(func, generator(3), (x, x, x, None, 0.5), {})[0] for _ in range(2))
    assert torch.equal(one, two) and bool((one == 0).any() or (one > 1).any())
    assert torch.equal(before, torch.get_rng_state())


def test_a_recurrent_layer_with_unseedable_dropout_is_refused() -> None:
    class Packet:
        __name__ = "_cudnn_rnn"

    class Operation:
        overloadpacket = Packet()
        _schema = torch.ops.aten._cudnn_rnn.default._schema

    named = {"dropout": 0.5}
    with pytest.raises(TrainingError, match=r"recurrent layer .* cannot be seeded on cpu"):
        _seeded(Operation(), generator(0), (), named)


# -- refused before training ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "extra", "says"),
    [
        ("x * np.random.rand()", "", r"uses numpy\.random in its forward pass"),
        ("x * 2 if random.random() < 0.5 else x", "", "uses Python's random in its forward"),
        ("[torch.manual_seed(int(x.numel())), x][1]", "", "uses a seed of its own"),
        ("x * float(own.random())", "own = np.random.default_rng()", "differs each time"),
        ("x * float(self.own.random())", "", "outside its state dict"),
        (
            "checkpoint(lambda y: F.dropout(y, 0.5), x, use_reentrant=False)",
            "from torch.utils.checkpoint import checkpoint",
            "in the backward pass",
        ),
    ],
)
def test_irreproducible_randomness_is_refused(
    more: str, extra: str, says: str, tmp_path: Path, digits: Dataset
) -> None:
    own = "\nNet.own = property(lambda self: self.__dict__.setdefault('_own', R(1)))\n"
    extra += "\nR = np.random.default_rng" + own
    with pytest.raises(SpecError, match=says):
        made(tmp_path, digits, more, extra=extra)


@pytest.mark.parametrize(
    ("between", "says"),
    [
        ("nn.BatchNorm2d(4, track_running_stats=False)", "batch norm, between, without running"),
        ("nn.LazyBatchNorm2d(track_running_stats=False)", "batch norm, between, without running"),
        ("Always()", "is random in eval mode"),
        ("Whole()", "mixes the samples of a batch in eval mode"),
    ],
)
def test_predictions_that_depend_on_the_batch_are_refused(
    between: str, says: str, tmp_path: Path, digits: Dataset
) -> None:
    extra = """
class Always(nn.Module):
    def forward(self, x): return F.dropout(x, 0.3)
class Whole(nn.Module):
    def forward(self, x): return F.batch_norm(x, None, None, training=True)
"""
    with pytest.raises(SpecError, match=says):
        made(tmp_path, digits, "x", between, extra)


def test_a_network_whose_copies_share_weights_is_refused(tmp_path: Path, digits: Dataset) -> None:
    extra = """
def tied():
    net = Net()
    plain = net.conv.forward
    net.conv.forward = lambda x: plain(x) * 2
    return net
"""
    made(tmp_path, digits, extra=extra)
    with pytest.raises(SpecError, match="still computes with the weights of the original"):
        network(model_spec(f"{tmp_path / 'mine.py'}:tied"), digits, generator(0))


@pytest.mark.parametrize(
    "between", ["nn.InstanceNorm2d(4)", "nn.GroupNorm(2, 4)", "nn.SyncBatchNorm(4)"]
)
def test_per_sample_norms_are_accepted(between: str, tmp_path: Path, digits: Dataset) -> None:
    assert made(tmp_path, digits, "x", between).net(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_only_deterministic_networks_of_known_layers_are_recorded(
    tmp_path: Path, digits: Dataset
) -> None:
    known = """
def plain(): return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
def drawing(): return nn.Sequential(nn.Flatten(2), nn.LSTM(64, 9, 2, True, True, 0.2), Last())
def dropping(): return nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(64, 10))
class Last(nn.Linear):
    def __init__(self): super().__init__(9, 10)
    def forward(self, x): return super().forward(x[0][:, -1])
"""
    assert not made(tmp_path, digits, extra=known).steady  # of a user-defined class
    gpu, path = torch.device("cuda"), tmp_path / "mine.py"
    one, two, three = (
        network(model_spec(f"{path}:{name}"), digits, generator(0))
        for name in ("plain", "dropping", "drawing")
    )
    assert one.steady and recordable(one, gpu)
    assert two.steady and isinstance(two.net[1], Dropout) and not recordable(two, gpu)
    assert not three.steady and not recordable(three, gpu)
