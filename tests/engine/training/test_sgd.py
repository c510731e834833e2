"""The SGD loop: determinism, resuming, cancelling, schedules, and losses that become NaN."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from engine.errors import Cancelled, TrainingError
from engine.models.base import Classifier, Dropout, build
from engine.runtime.device import choose_device
from engine.runtime.device_samples import Samples, as_pixels, random_shifts, shift_and_flip
from engine.runtime.progress import Reporter
from engine.runtime.seeds import generator
from engine.spec import BFLOAT16, FLOAT32, SGDSpec, TrainSpec, key, to_plain
from engine.training import sgd
from engine.training.costs import cost_of_training
from engine.training.cuda_graph import recordable
from engine.training.sgd import (
    History,
    Pass,
    Resume,
    Step,
    descend,
    train_from_scratch,
)

N, BATCH, EPOCHS = 40, 16, 4
STEPS = math.ceil(N / BATCH)  # an epoch
SPEC = TrainSpec(epochs=EPOCHS, lr=0.1, batch=BATCH)
ADAMW_SPEC = replace(
    SPEC, lr=0.01, momentum=0.8, weight_decay=0.1, optimizer="adamw", warmup=0.4
)  # fmt: skip


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def samples() -> Samples:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (N, 1, 8, 8), dtype=np.uint8)
    return Samples.on(torch.device("cpu"), x, rng.integers(0, 3, N), 3)


def cnn(seed: int = 1) -> Classifier:
    return build("cnn", (1, 8, 8), 3, ([0.5], [0.25]), generator(seed))


def with_dropout(seed: int = 1) -> Classifier:
    """A small net with dropout, whose random state resuming must restore."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), Dropout(0.5), nn.Linear(16, 3))
    model = Classifier(net, "4", [0.5], [0.25], image=True)
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0, 0.1, generator=generator(seed))
    return model.eval()


def fit(
    samples: Samples,
    model: Classifier | None = None,
    spec: TrainSpec = SPEC,
    seed: int = 7,
    **options: Any,
) -> tuple[Classifier, History]:
    model = model or cnn()
    options.setdefault("report", Reporter())
    history = train_from_scratch(model, samples, torch.arange(N), spec, seed=seed, **options)
    return model, history


def weights(model: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(model.state_dict())


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Memory(Resume):
    """Stores the last state in memory."""

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None
        self.kept = 0

    def load(self) -> dict[str, Any] | None:
        return self.state

    def keep(self, state: dict[str, Any]) -> None:
        self.state, self.kept = state, self.kept + 1


class Watcher(Reporter):
    """Counts batches, records points, and cancels itself after a number of batches."""

    def __init__(self, cancel_after: int = 10**9) -> None:
        super().__init__()
        self.cancel_after = cancel_after
        self.batches = 0
        self.units = 0.0
        self.points: list[tuple[str, Any]] = []

    def advance(self, units: float) -> None:
        self.batches += 1
        self.units += units
        if self.batches >= self.cancel_after:
            self.cancel()
        super().advance(units)

    def on_point(self, channel: str, data: Any) -> None:
        self.points.append((channel, data))


# -- determinism ----------------------------------------------------------------------------------


@pytest.mark.parametrize("augment", ["none", "crop-flip"])
@pytest.mark.parametrize("build_model", [cnn, with_dropout])
def test_a_run_follows_its_seed_and_no_global_state(
    samples: Samples, build_model: Callable[[], Classifier], augment: str
) -> None:
    spec = replace(SPEC, augment=augment)
    torch.manual_seed(1)
    first, history = fit(samples, build_model(), spec)
    torch.manual_seed(2)
    model, before = build_model(), torch.get_rng_state()
    second, again = fit(samples, model, spec)
    assert same(weights(first), weights(second)) and history.loss == again.loss
    assert torch.equal(before, torch.get_rng_state())
    other, _ = fit(samples, build_model(), spec, seed=8)
    assert not same(weights(first), weights(other))


def test_training_learns(samples: Samples) -> None:
    model, history = fit(samples, spec=replace(SPEC, epochs=30))
    assert history.loss[-1] < 0.1 < history.loss[0]
    with torch.no_grad():
        hit = model(samples.pixels()).argmax(1) == samples.y
    assert hit.float().mean() > 0.95 and not model.training


def test_a_history_tells_what_was_done(samples: Samples) -> None:
    report = Watcher()
    report.stage("original")
    _, history = fit(samples, report=report)
    assert history.steps == EPOCHS * STEPS == report.batches and history.seconds > 0
    assert report.points == [
        ("loss", ("original", epoch + 1, loss)) for epoch, loss in enumerate(history.loss)
    ]
    assert report.units == cost_of_training(SPEC, N)  # the bar ends at 100 %


# -- order in memory and number format ------------------------------------------------------------


def test_convolutions_lie_channels_last_while_training_and_not_after(samples: Samples) -> None:
    model, during = cnn(), []
    last = torch.channels_last

    def see(net: nn.Module) -> None:
        during.extend(w.is_contiguous(memory_format=last) for w in net.parameters() if w.ndim == 4)

    sweep = Pass(loss_on(samples), torch.arange(N))
    descend(
        model, lambda epoch: [sweep], SPEC, seed=1, salt="x", report=Reporter(), before_step=see
    )
    assert during and all(during)
    assert all(value.is_contiguous() for value in model.state_dict().values())


def test_the_order_in_memory_changes_no_step(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(SPEC, epochs=2, augment="crop-flip")
    fast, _ = fit(samples, cnn().double(), spec)
    monkeypatch.setattr(sgd, "lay_out", lambda model, order: None)
    plain, _ = fit(samples, cnn().double(), spec)
    for name, value in weights(plain).items():
        torch.testing.assert_close(weights(fast)[name], value, rtol=1e-9, atol=1e-9)


def test_in_bfloat16_weights_and_losses_stay_float32(samples: Samples) -> None:
    spec = replace(SPEC, lr=0.005, precision=BFLOAT16)
    memory = Memory()
    model, history = fit(samples, spec=spec, resume=memory)
    exact, before = fit(samples, spec=replace(spec, precision=FLOAT32))
    assert memory.state is not None
    kept = [*weights(model).values(), *memory.state["model"].values()]
    kept += [one["momentum_buffer"] for one in memory.state["optimizer"]["state"].values()]
    assert all(one.dtype == torch.float32 for one in kept if one.is_floating_point())
    assert not same(weights(model), weights(exact))  # it was computed otherwise,
    assert history.loss == pytest.approx(before.loss, rel=0.05)  # and comes to the same


def test_a_resumed_run_in_bfloat16_ends_bit_for_bit_like_an_uninterrupted_one(
    samples: Samples,
) -> None:
    spec = replace(SPEC, augment="crop-flip", precision=BFLOAT16)
    whole, history = fit(samples, cnn(), spec)
    memory = Memory()
    with pytest.raises(Cancelled):
        fit(samples, cnn(), spec, report=Watcher(STEPS + 1), resume=memory)
    resumed, continued = fit(samples, cnn(), spec, resume=memory)
    assert same(weights(whole), weights(resumed)) and continued.loss == history.loss


# -- on a GPU -------------------------------------------------------------------------------------

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def fit_there(
    samples: Samples, spec: TrainSpec, build_model: Callable[[], Classifier] = cnn, **options: Any
) -> tuple[Classifier, History]:
    device = choose_device("cuda")
    there = Samples(samples.x.to(device), samples.y.to(device), samples.n_classes)
    model = build_model().to(device)
    options.setdefault("report", Reporter())
    rows = torch.arange(N, device=device)
    return model, train_from_scratch(model, there, rows, spec, seed=7, **options)


def test_steps_are_recorded_of_networks_that_do_the_same_in_every_step() -> None:
    class Deciding(nn.Linear):
        """A user's layer, which may do anything."""

    gpu = torch.device("cuda")
    assert recordable(cnn(), gpu) and not recordable(cnn(), torch.device("cpu"))
    assert not recordable(with_dropout(), gpu)
    assert not recordable(nn.Sequential(nn.Linear(2, 2), nn.Dropout()), gpu)
    assert not recordable(nn.Sequential(nn.Linear(2, 2), Deciding(2, 2)), gpu)


@on_gpu
@pytest.mark.parametrize(("precision", "apart"), [(FLOAT32, 1e-3), (BFLOAT16, 0.05)])
def test_training_on_a_gpu_comes_to_the_same(
    samples: Samples, precision: str, apart: float
) -> None:
    spec = replace(SPEC, lr=0.005, augment="crop-flip", precision=precision)
    _, before = fit(samples, spec=replace(spec, precision=FLOAT32))
    _, history = fit_there(samples, spec)
    assert history.loss == pytest.approx(before.loss, rel=apart)


@on_gpu
@pytest.mark.parametrize("build_model", [cnn, with_dropout])
def test_recorded_steps_are_those_that_were_not(
    samples: Samples, build_model: Callable[[], Classifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(SPEC, epochs=12, augment="crop-flip", precision=BFLOAT16)
    played, history = fit_there(samples, spec, build_model)
    again, _ = fit_there(samples, spec, build_model)
    monkeypatch.setattr(sgd, "recordable", lambda model, device: False)
    plain, before = fit_there(samples, spec, build_model)
    assert same(weights(played), weights(plain)) and same(weights(played), weights(again))
    assert history.loss == before.loss


@on_gpu
def test_a_resumed_run_on_a_gpu_ends_bit_for_bit_like_an_uninterrupted_one(
    samples: Samples,
) -> None:
    spec = replace(SPEC, epochs=12, augment="crop-flip")
    whole, history = fit_there(samples, spec)
    memory = Memory()
    with pytest.raises(Cancelled):
        fit_there(samples, spec, report=Watcher(7 * STEPS + 1), resume=memory)
    resumed, continued = fit_there(samples, spec, resume=memory)
    assert same(weights(whole), weights(resumed)) and continued.loss == history.loss


@on_gpu
def test_two_runs_and_a_look_beside_them_disturb_nothing(samples: Samples) -> None:
    spec = replace(SPEC, epochs=12, augment="crop-flip")
    alone, _ = fit_there(samples, spec)
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda _: fit_there(samples, spec)[0], range(3)))
    assert all(same(weights(alone), weights(one)) for one in found)


# -- resuming and cancelling ----------------------------------------------------------------------


@pytest.mark.parametrize("build_model", [cnn, with_dropout])
@pytest.mark.parametrize("settings", [SPEC, ADAMW_SPEC], ids=["sgd", "adamw"])
@pytest.mark.parametrize("cancel_after", [1, STEPS, STEPS + 1, 2 * STEPS + 2, EPOCHS * STEPS])
def test_a_resumed_run_ends_bit_for_bit_like_an_uninterrupted_one(
    samples: Samples,
    build_model: Callable[[], Classifier],
    settings: TrainSpec,
    cancel_after: int,
) -> None:
    spec = replace(settings, augment="crop-flip")
    whole, history = fit(samples, build_model(), spec)
    memory = Memory()
    report = Watcher(cancel_after)
    with pytest.raises(Cancelled):
        fit(samples, build_model(), spec, report=report, resume=memory)
    assert report.batches == cancel_after  # not one batch more
    resumed, continued = fit(samples, build_model(), spec, resume=memory)
    assert same(weights(whole), weights(resumed))
    assert continued.loss == history.loss and continued.steps == history.steps


def test_only_finished_epochs_are_kept(samples: Samples) -> None:
    memory = Memory()
    with pytest.raises(Cancelled):
        fit(samples, report=Watcher(2 * STEPS + 1), resume=memory)
    assert memory.kept == 2 and memory.state is not None and memory.state["epoch"] == 2


def test_a_kept_state_is_not_changed_by_going_on(samples: Samples) -> None:
    memory = Memory()
    with pytest.raises(Cancelled):
        fit(samples, report=Watcher(STEPS + 1), resume=memory)
    state = memory.state
    assert state is not None
    first, _ = fit(samples, resume=memory)
    memory.state = state
    second, _ = fit(samples, resume=memory)
    assert same(weights(first), weights(second))


def test_a_finished_run_is_not_run_again(samples: Samples) -> None:
    memory, report = Memory(), Watcher()
    first, _ = fit(samples, resume=memory)
    second, _ = fit(samples, resume=memory, report=report)
    assert report.batches == 0 and same(weights(first), weights(second))


def test_cancelling_leaves_the_model_in_eval_mode(samples: Samples) -> None:
    model = with_dropout()
    with pytest.raises(Cancelled):
        fit(samples, model, report=Watcher(1))
    assert not model.training
    assert all(p.generator is None for p in model.modules() if isinstance(p, Dropout))


# -- losses that are not finite -------------------------------------------------------------------


@pytest.mark.parametrize(("value", "word"), [(math.nan, "nan"), (math.inf, "inf")])
def test_a_loss_that_is_no_number_is_named_with_epoch_and_step(
    samples: Samples, value: float, word: str
) -> None:
    bad = STEPS + 1  # the second step of the second epoch

    def loss(model: nn.Module, step: Step) -> Tensor:
        wrong = value if step.number == bad else 1.0
        return cross_entropy(model(samples.pixels(step.batch)), samples.y[step.batch]) * wrong

    report, memory = Reporter(), Memory()
    report.stage("rurk")
    with pytest.raises(TrainingError) as caught:
        descend(
            cnn(), lambda epoch: [Pass(loss, torch.arange(N))], SPEC, seed=1, salt="x",
            report=report, resume=memory,
        )  # fmt: skip
    assert str(caught.value) == (
        f"The loss of rurk became {word} in epoch 2, step {bad + 1}. Lower its learning rate "
        "(now 0.1) or clip the gradient (clip, now 0)."
    )
    assert memory.kept == 1  # what was finished before is not lost


def test_a_learning_rate_that_is_far_too_high_ends_in_a_sentence(samples: Samples) -> None:
    model = build("mlp", (1, 8, 8), 3, ([0.5], [0.25]), generator(1))
    with pytest.raises(TrainingError, match=r"The loss of this run became (nan|inf) in epoch \d+"):
        fit(samples, model, TrainSpec(epochs=50, lr=100.0, weight_decay=10.0, batch=BATCH))


# -- what a step does -----------------------------------------------------------------------------


class Line(nn.Module):
    """A single weight w, whose gradient is determined by the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.w * x


def slide(spec: SGDSpec, slope: float = 1.0, n: int = 8, **options: Any) -> tuple[list[float], int]:
    """The weight's updates, step by step, under a loss of constant slope; and the steps."""
    model, places = Line(), [0.0]
    sweep = Pass(lambda net, step: net(torch.tensor([slope])).sum(), torch.arange(n))
    history = descend(
        model,
        lambda epoch: [sweep],
        spec,
        seed=1,
        salt="x",
        report=Reporter(),
        after_step=lambda net: places.append(model.w.item()),
        **options,
    )
    return np.diff(places).tolist(), history.steps


PLAIN = SGDSpec(epochs=2, lr=0.1, momentum=0.0, weight_decay=0.0, batch=2, schedule="constant")


def test_a_constant_rate_moves_evenly() -> None:
    assert slide(PLAIN)[0] == pytest.approx([-0.1] * 8)


def test_the_cosine_falls_from_the_rate_to_almost_nothing() -> None:
    moves, steps = slide(replace(PLAIN, schedule="cosine"))
    expected = [-0.05 * (1 + math.cos(math.pi * i / steps)) for i in range(steps)]
    assert moves == pytest.approx(expected, abs=1e-6)


def test_clipping_bounds_the_gradient() -> None:
    assert slide(replace(PLAIN, clip=1.0), slope=50.0)[0] == pytest.approx([-0.1] * 8, abs=1e-5)
    assert slide(replace(PLAIN, clip=1.0), slope=0.5)[0] == pytest.approx([-0.05] * 8, abs=1e-5)
    assert slide(PLAIN, slope=50.0)[0] == pytest.approx([-5.0] * 8)


def test_momentum_and_weight_decay_are_torchs() -> None:
    spec = replace(PLAIN, momentum=0.9, weight_decay=0.01)
    w, velocity, expected = 0.0, 0.0, []
    for _ in range(8):
        velocity = 0.9 * velocity + 1.0 + 0.01 * w
        w -= 0.1 * velocity
        expected.append(-0.1 * velocity)
    assert slide(spec)[0] == pytest.approx(expected, rel=1e-4)


def test_adamw_with_warm_up_is_torchs_in_a_plain_loop(samples: Samples) -> None:
    spec = replace(ADAMW_SPEC, batch=N)  # one step an epoch, so that the order does not matter
    model, theirs = fit(samples, spec=spec)[0], cnn().train()
    optimizer = torch.optim.AdamW(theirs.parameters(), 1.0, (0.8, 0.999), weight_decay=0.1)
    for step in range(EPOCHS):
        rising = math.ceil(0.4 * EPOCHS)
        fall = 0.5 * (1 + math.cos(math.pi * (step - rising) / (EPOCHS - rising)))
        rate = (step + 1) / rising if step < rising else fall
        optimizer.param_groups[0]["lr"] = 0.01 * rate
        optimizer.zero_grad()
        cross_entropy(theirs(as_pixels(samples.x)), samples.y).backward()
        optimizer.step()
    for own, other in zip(model.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-5)


def test_the_optimizer_changes_what_is_learned_and_its_key(samples: Samples) -> None:
    plain = replace(ADAMW_SPEC, optimizer="sgd", warmup=0.0)
    specs = [plain, replace(plain, warmup=0.4), replace(plain, optimizer="adamw"), ADAMW_SPEC]
    ends = [fit(samples, spec=spec)[0].head.weight.sum().item() for spec in specs]
    assert len(set(ends)) == len(set(map(key, specs))) == len(specs)


def test_settings_from_before_adamw_keep_their_keys() -> None:
    written = to_plain(TrainSpec(), keyed=True)
    assert "optimizer" not in written and "warmup" not in written
    assert key(TrainSpec()) == "a04ad9add03fc9ad5f6b"


def test_the_rate_may_be_given_by_epoch() -> None:
    moves, _ = slide(PLAIN, lr_of_epoch=lambda epoch: (0.1, 0.01)[epoch])
    assert moves == pytest.approx([-0.1] * 4 + [-0.01] * 4)


@pytest.mark.parametrize("limit", [1, 4, 6, 100])
def test_the_iteration_cap_counts_over_all_epochs(limit: int) -> None:
    spec = replace(PLAIN, schedule="cosine")
    moves, steps = slide(spec, max_steps=limit)
    assert steps == len(moves) == min(limit, 8)
    assert moves[-1] == pytest.approx(-0.05 * (1 + math.cos(math.pi * (steps - 1) / steps)))


def test_gradients_can_be_changed_before_they_are_clipped() -> None:
    def stop(model: nn.Module) -> None:
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter.grad.zero_()

    assert slide(PLAIN, before_step=stop)[0] == [0.0] * 8


def test_only_the_parameters_asked_for_are_trained(samples: Samples) -> None:
    model = cnn()
    before = weights(model)
    descend(
        model,
        lambda epoch: [Pass(loss_on(samples), torch.arange(N))],
        SPEC,
        seed=1,
        salt="x",
        report=Reporter(),
        parameters=list(model.head.parameters()),
        batch_norm="eval",
    )
    moved = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    assert moved == {f"net.{model.head_name}.weight", f"net.{model.head_name}.bias"}


def loss_on(samples: Samples) -> Callable[[nn.Module, Step], Tensor]:
    def loss(model: nn.Module, step: Step) -> Tensor:
        return cross_entropy(model(samples.pixels(step.batch)), samples.y[step.batch])

    return loss


# -- batches --------------------------------------------------------------------------------------


def sweep_of(drive: Tensor, beside: Tensor | None, width: int, epochs: int = 1) -> list[Step]:
    seen: list[Step] = []

    def loss(model: nn.Module, step: Step) -> Tensor:
        seen.append(step)
        return model(torch.ones(1)).sum()

    spec = replace(PLAIN, epochs=epochs, batch=4)
    plan = [Pass(loss, drive, beside, width)]
    descend(Line(), lambda epoch: plan, spec, seed=1, salt="x", report=Reporter())
    return seen


def test_every_epoch_visits_every_sample_once_in_another_order() -> None:
    steps = sweep_of(torch.arange(10, 20), None, 0, epochs=2)
    assert [len(step.batch) for step in steps] == [4, 3, 3] * 2  # no small rest, as 4, 4, 2
    first, second = (torch.cat([s.batch for s in steps[i : i + 3]]).tolist() for i in (0, 3))
    assert sorted(first) == sorted(second) == list(range(10, 20)) and first != second
    assert [step.number for step in steps] == list(range(6))
    assert all(len(step.beside) == 0 for step in steps)


def test_no_batch_is_a_small_rest() -> None:
    sizes = [len(step.batch) for step in sweep_of(torch.arange(4 * 5 + 1), None, 0)]
    assert sum(sizes) == 21 and max(sizes) <= 4 and min(sizes) >= 3


def test_the_shorter_side_is_cycled() -> None:
    steps = sweep_of(torch.arange(20), torch.arange(100, 103), 2)
    widths = [len(step.beside) for step in steps]
    assert widths == [2, 1, 2, 1, 2]
    for i in (0, 2):
        pair = torch.cat([steps[i].beside, steps[i + 1].beside]).tolist()
        assert sorted(pair) == [100, 101, 102]


# -- pixels ---------------------------------------------------------------------------------------


def test_pixels_lie_between_zero_and_one() -> None:
    x = torch.tensor([[0, 51, 255]], dtype=torch.uint8)
    assert as_pixels(x).tolist() == [[0.0, pytest.approx(0.2), 1.0]]
    assert as_pixels(torch.tensor([0.3])).tolist() == [pytest.approx(0.3)]


def test_shift_and_flip_shows_a_window_of_the_padded_image() -> None:
    x = torch.rand(64, 2, 6, 5, generator=generator(0))
    moved = shift_and_flip(x, *random_shifts(64, generator(1), reach=2), reach=2)
    assert moved.shape == x.shape
    padded = torch.nn.functional.pad(x, (2, 2, 2, 2))
    mirrored = 0
    for image, made in zip(padded, moved, strict=True):
        windows = [image[:, r : r + 6, c : c + 5] for r in range(5) for c in range(5)]
        plain = any(torch.equal(made, window) for window in windows)
        flipped = any(torch.equal(made, window.flip(2)) for window in windows)
        assert plain or flipped
        mirrored += flipped and not plain
    assert 16 < mirrored < 48


def test_shift_and_flip_follows_its_generator() -> None:
    x = torch.rand(8, 1, 8, 8, generator=generator(0))
    first = shift_and_flip(x, *random_shifts(8, generator(1)))
    torch.manual_seed(5)
    assert torch.equal(first, shift_and_flip(x, *random_shifts(8, generator(1))))
    assert not torch.equal(first, shift_and_flip(x, *random_shifts(8, generator(2))))
