"""Accelerated predictions equal those of float32."""

from __future__ import annotations

import pytest
import torch
from needs import needs
from torch import Tensor, nn

from engine.inference import evaluator
from engine.inference.evaluator import Evaluator, attack_model
from engine.inference.folding import folded
from engine.models.base import Classifier, build
from engine.perturbations import named
from engine.runtime.device import native_bfloat16
from engine.runtime.seeds import generator
from engine.spec import ProbeSpec

SHAPES = {
    "cnn": (1, 8, 8),
    "resnet18": (3, 16, 16),
    "mlp": (6,),
    "resnet20": (1, 9, 9),
    "vit-tiny": (1, 9, 9),
}


def model(name: str) -> Classifier:
    shape = SHAPES[name]
    channels = shape[0]
    made = build(name, shape, 5, ([0.4] * channels, [0.3] * channels), generator(3, name))
    for part in made.modules():  # statistics that folding must not lose
        if isinstance(part, nn.BatchNorm2d):
            rng = generator(4, name, part.num_features)
            part.running_mean.normal_(generator=rng)  # type: ignore[union-attr,operator]
            part.running_var.uniform_(0.5, 2, generator=rng)  # type: ignore[union-attr,operator]
    return made


def samples(name: str, n: int = 300) -> Tensor:
    return torch.rand(n, *SHAPES[name], generator=generator(5, name))


@pytest.mark.parametrize("name", SHAPES)
def test_folding_changes_no_logit_and_not_the_model(name: str) -> None:
    made, x = model(name), samples(name, 20)
    before = {key: value.clone() for key, value in made.state_dict().items()}
    with torch.inference_mode():
        torch.testing.assert_close(folded(made, x)(x), made(x), atol=2e-5, rtol=2e-5)
    assert all(torch.equal(value, before[key]) for key, value in made.state_dict().items())


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_answers_are_those_of_float32(
    name: str, reduced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluator, "native_bfloat16", lambda kind: reduced)
    made, x = model(name), samples(name)
    with torch.inference_mode():
        wanted = made(x).argmax(1)
    judge = Evaluator(made)
    got = torch.cat([judge.classes(part) for part in x.split(70)])
    assert torch.equal(got, wanted)
    assert (judge._reduced is not None) == (reduced and name != "mlp")


def test_a_few_answers_are_not_worth_getting_ready_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "native_bfloat16", lambda kind: True)
    made, x = model("cnn"), samples("cnn")
    judge = Evaluator(made)
    judge.classes(x[:40])
    judge.classes(x[40:64])
    assert judge._reduced is None and judge._model is made
    judge.classes(x[64:65])
    assert judge._reduced is not None and judge._model is not made


def test_close_calls_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "native_bfloat16", lambda kind: True)
    made, x = model("cnn"), samples("cnn")
    with torch.no_grad():  # two classes that differ by less than bfloat16 can resolve
        made.head.weight[1] = made.head.weight[0] + 1e-4 * torch.randn(
            made.head.in_features, generator=generator(6, "tie")
        )
        made.head.weight[2:] = 0
        made.head.bias[:] = torch.tensor([0, 0, -9, -9, -9])
        wanted = made(x).argmax(1)
        without = folded(made, x).bfloat16()(x.bfloat16()).argmax(1)
    assert (without != wanted).float().mean() > 0.1  # bfloat16 alone gets them wrong
    judge = Evaluator(made)
    assert torch.equal(judge.classes(x), wanted)
    more = torch.cat([judge.classes(x) for _ in range(6)])
    assert torch.equal(more, wanted.repeat(6))
    assert judge._reduced is None  # evaluating everything twice does not pay


def test_a_network_that_cannot_be_traced_runs_as_it_is() -> None:
    class Wilful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3, padding=1)
            self.fc = nn.Linear(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            if float(y.mean()) > 1e9:  # depends on the data: no tracing
                y = -y
            return self.fc(y.mean((2, 3)))

    made = Classifier(Wilful(), "fc", [0.5], [0.2], image=True).eval()
    x = samples("cnn")
    with torch.inference_mode():
        wanted = made(x).argmax(1)
    assert torch.equal(Evaluator(made).classes(x), wanted)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_answers_on_a_gpu_are_those_of_float32_there() -> None:
    made, x = model("resnet18").cuda(), samples("resnet18").cuda()
    with torch.inference_mode():
        wanted = made(x).argmax(1)
    assert (Evaluator(made).classes(x) == wanted).float().mean() >= 0.999


def test_no_device_is_asked_that_torch_does_not_know() -> None:
    assert native_bfloat16("mps") is False


@needs("torchattacks")
@pytest.mark.parametrize("arithmetic", ["folded", "bfloat16"])
def test_attacks_computed_otherwise_are_as_strong_and_the_same_every_time(arithmetic: str) -> None:
    made, x = model("cnn"), samples("cnn", 200)
    with torch.no_grad():
        made.head.bias -= made(x).mean(0)  # so that predictions vary
        y = made(x).argmax(1)
    probe = ProbeSpec("pgd", (0.01,), steps=5, step_size=0.0025, target="none")
    other = attack_model(made, arithmetic, x)
    assert other is not made
    plain, copies, again = (
        named("pgd").copies(probe, 0.01, x, y, range(200), 0, 5, one)
        for one in (made, other, other)
    )
    assert torch.equal(copies, again)
    assert copies.dtype == torch.float32
    assert (copies - x[:, None]).abs().max() <= 0.01 + 1e-6
    with torch.inference_mode():
        fooled = [
            made(c.flatten(0, 1)).argmax(1) != y.repeat_interleave(10) for c in (plain, copies)
        ]
    wanted, found = (100 * float(one.float().mean()) for one in fooled)
    assert 5 < wanted < 95
    assert found == pytest.approx(wanted, abs=1)


def test_attacks_are_computed_with_the_model_itself_where_nothing_else_is_asked_for() -> None:
    for name, arithmetic in (("cnn", "float32"), ("mlp", "bfloat16")):
        made = model(name)
        assert attack_model(made, arithmetic, samples(name, 2)) is made
