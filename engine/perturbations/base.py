"""The interface of perturbations; a file registers one by `add` of a Noise, an Attack or an Edit.

A file of this package, or of another one with the entry point `rk_explorer.perturbations`, makes a
perturbation available everywhere: measurement, RURK's search, slices, forms and command line. Its
import must not import torch, since windows and help list all perturbations: import it in functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from engine.errors import SpecError
from engine.perturbations._inputs import BLOCK, AttackInputs, Draw
from engine.perturbations._messages import EditedMessage, Messages
from engine.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from engine.spec import ProbeSpec

__all__ = [
    "BLOCK", "BOX", "CORNERS", "PIXELS", "Attack", "AttackInputs", "Draw", "Edit", "Known",
    "Messages", "Move", "Noise", "Outline", "Perturbation", "add", "circle",
]  # fmt: skip

CORNERS = 180  # points of the outline of a ball: one every two degrees
PIXELS = "pixel range [0, 1]"

Move = Callable[["Tensor", "Tensor", "float | Tensor"], "Tensor"]
EditDraws = Callable[[Messages, int, int, int, float], list[EditedMessage]]


@dataclass(frozen=True)
class Outline:
    """The intersection of the tau ball with a plane. words: its description in captions.

    of(tau, first, second): its (k, 2) corners in coordinates of two orthonormal directions (*shape)
    of input space.
    """

    words: str
    of: Callable[[float, Tensor, Tensor], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """A perturbation's name, help and meaning of tau.

    measure, unit: quantity and unit of tau, as axis labels; high: the largest valid tau (the
    smallest is 0, the sample itself); outline: the ball on a plane, or None if undefined; searches:
    whether RURK may use it to search perturbed copies.
    """

    name: str
    label: str
    measure: str
    help: str
    unit: str = PIXELS
    high: float = math.inf
    outline: Outline | None = None
    searches: bool = True
    attack: ClassVar[bool] = False
    edits: ClassVar[bool] = False  # whether it changes messages, not vectors

    @property
    def function(self) -> Callable[..., Any]:
        """The function that its file defines."""
        raise NotImplementedError

    @property
    def starts(self) -> bool:
        """Whether copies depend on a random start, shared or per sample."""
        return False

    @property
    def iterates(self) -> bool:
        """Whether a copy takes several passes through the model, one per step."""
        return False

    @property
    def straight(self) -> bool:
        """Whether the copies of one draw lie on a ray: x + tau * noise, clamped to [0, 1]."""
        return False

    def on(self, messages: Messages | None) -> Perturbation:
        """This perturbation for samples that encode these messages, None if they encode none.

        SpecError if it needs messages.
        """
        return self

    def passes(self, steps: int) -> int:
        """Forward and backward passes through the model needed per copy."""
        return 0

    def check(self, taus: Iterable[float]) -> None:
        """SpecError if a tau is out of range for this perturbation."""
        for tau in taus:
            if not 0 <= tau <= self.high:
                raise SpecError(
                    f"tau of '{self.name}' is the {self.measure} and must lie between 0 and "
                    f"{self.high:g}, but is {tau:g}."
                )

    def copies(
        self,
        probe: ProbeSpec,
        tau: float,
        x: Tensor,
        y: Tensor,
        samples: Sequence[int],
        block: int,
        n_classes: int,
        source: nn.Module | None,
    ) -> Tensor:
        """(n, BLOCK, *shape) copies of x (n, *shape): this block of the draws of `probe`.

        samples: training-set indices of x; source: the model that is attacked.
        """
        raise NotImplementedError

    def search(self, inputs: AttackInputs, rng: torch.Generator) -> Tensor:
        """(m, *shape) one copy of each sample, its randomness drawn from `rng` or `inputs.seed`."""
        raise NotImplementedError


Known = TypeVar("Known", bound=Perturbation)


@dataclass(frozen=True, kw_only=True)
class Noise(Perturbation):
    """Random copies, shared by all models. draw(into, rng) fills (m, d) with unit noise.

    move(x, noise, tau): copies (n, m, *shape) of x (n, *shape) from unit noise (n, m, *shape); tau
    is a number, or one per sample, (n, 1, ...). None: x + tau * noise, clamped to [0, 1].
    """

    draw: Draw
    move: Move | None = None

    @property
    def function(self) -> Callable[..., Any]:
        """The function that its file defines."""
        return self.draw

    @property
    def straight(self) -> bool:
        """Whether the copies of one draw lie on a ray: x + tau * noise, clamped to [0, 1]."""
        return self.move is None

    def noise(
        self,
        samples: Sequence[int],
        shape: Sequence[int],
        seed: int,
        block: int,
        device: torch.device,
    ) -> Tensor:
        """Noise for tau = 1, (n, BLOCK, *shape): draws `block*BLOCK ...` of each sample.

        It depends on (seed, sample, draw) alone: all models and later queries use the same copies,
        however the work is batched. samples: training-set indices.
        """
        from engine.perturbations._noise import unit_noise

        return unit_noise(self.name, self.draw, samples, shape, seed, block, device)

    def moved(self, x: Tensor, noise: Tensor, tau: float | Tensor) -> Tensor:
        """(n, m, *shape) copies of x (n, *shape) by noise (n, m, *shape); tau as `move` has it."""
        if self.move is not None:
            return self.move(x, noise, tau)
        return (x[:, None] + tau * noise).clamp_(0, 1)

    def copies(
        self,
        probe: ProbeSpec,
        tau: float,
        x: Tensor,
        y: Tensor,
        samples: Sequence[int],
        block: int,
        n_classes: int,
        source: nn.Module | None,
    ) -> Tensor:
        """(n, BLOCK, *shape) copies of x (n, *shape): see `noise`."""
        return self.moved(x, self.noise(samples, x.shape[1:], probe.seed, block, x.device), tau)

    def search(self, inputs: AttackInputs, rng: torch.Generator) -> Tensor:
        """(m, *shape) one copy of each sample, its noise drawn from `rng`."""
        import torch

        x = inputs.x
        noise = torch.empty(x.shape, device=x.device)
        self.draw(noise.flatten(1), rng)
        return self.moved(x, noise[:, None], inputs.tau)[:, 0]


@dataclass(frozen=True, kw_only=True)
class Attack(Perturbation):
    """Adversarial copies: made separately against each model, and shown to the Re-trains too.

    against(inputs): copies (m, *shape) of `inputs.x`; settings: those of 'steps', 'step_size' and
    'start' of a ProbeSpec that apply to it.
    """

    against: Callable[[AttackInputs], Tensor]
    settings: tuple[str, ...] = ()
    attack: ClassVar[bool] = True

    @property
    def function(self) -> Callable[..., Any]:
        """The function that its file defines."""
        return self.against

    @property
    def starts(self) -> bool:
        """Whether copies depend on a random start, shared or per sample."""
        return "start" in self.settings

    @property
    def iterates(self) -> bool:
        """Whether a copy takes several passes through the model, one per step."""
        return "steps" in self.settings

    def passes(self, steps: int) -> int:
        """Forward and backward passes through the model needed per copy."""
        return steps if self.iterates else 1

    def copies(
        self,
        probe: ProbeSpec,
        tau: float,
        x: Tensor,
        y: Tensor,
        samples: Sequence[int],
        block: int,
        n_classes: int,
        source: nn.Module | None,
    ) -> Tensor:
        """(n, BLOCK, *shape) adversarial copies of x (n, *shape), made against `source`."""
        from engine.perturbations._attack import attack_inputs

        assert source is not None, "an attack is made against a model"
        inputs = attack_inputs(self.starts, source, x, y, samples, probe, tau, block, n_classes)
        return self.search(inputs, None).reshape(len(x), BLOCK, *x.shape[1:])

    def search(self, inputs: AttackInputs, rng: torch.Generator | None) -> Tensor:
        """(m, *shape) one copy of each sample; x itself at tau = 0."""
        return inputs.x.clone() if inputs.tau == 0 else self.against(inputs)


@dataclass(frozen=True, kw_only=True)
class Edit(Perturbation):
    """Copies of messages, shared by all models and encoded again; for a dataset of messages alone.

    edit(messages, sample, seed, block, tau): the draws `block*BLOCK ...` of a sample's message,
    from (seed, sample, draw) alone; messages: those of the dataset, see `on`.
    """

    edit: EditDraws
    messages: Messages | None = None
    edits: ClassVar[bool] = True

    @property
    def function(self) -> Callable[..., Any]:
        """The function that its file defines."""
        return self.edit

    def on(self, messages: Messages | None) -> Perturbation:
        """This perturbation of the messages of a dataset; SpecError if it has none."""
        if messages is None:
            raise SpecError(
                f"The perturbation '{self.name}' changes the words of messages, and the samples of "
                "this dataset are no messages. Choose another one, or the dataset 'text'."
            )
        return replace(self, messages=messages)

    def drawn(self, sample: int, seed: int, draws: int, tau: float) -> list[EditedMessage]:
        """The first draws of a sample's message; only after `on`."""
        assert self.messages is not None, "it was not told the messages"
        blocks = range(-(-draws // BLOCK))
        parts = [self.edit(self.messages, sample, seed, block, tau) for block in blocks]
        return [one for part in parts for one in part][:draws]

    def copies(
        self,
        probe: ProbeSpec,
        tau: float,
        x: Tensor,
        y: Tensor,
        samples: Sequence[int],
        block: int,
        n_classes: int,
        source: nn.Module | None,
    ) -> Tensor:
        """(n, BLOCK, d) vectors of the edited messages of these samples."""
        import torch

        assert self.messages is not None, "it was not told the messages"
        parts = [self.edit(self.messages, sample, probe.seed, block, tau) for sample in samples]
        vectors = self.messages.encode([one.text for part in parts for one in part])
        return torch.from_numpy(vectors).to(x).reshape(len(samples), BLOCK, *x.shape[1:])


def add(one: Known) -> Known:
    """Register a perturbation under its name; called at the end of its file."""
    register("perturbation", one.name, label=one.label, help=one.help, perturbation=one)(
        one.function
    )
    return one


def circle(words: str, radius: Callable[[float, int], float]) -> Outline:
    """The outline of a ball that is round on every plane, with radius(tau, d) in d dimensions."""

    def corners(tau: float, first: Tensor, second: Tensor) -> np.ndarray:
        import torch

        length = torch.full((CORNERS, 1), radius(tau, first.numel()), dtype=torch.float64)
        outline: np.ndarray = (length * _rays()).numpy()
        return outline

    return Outline(words, corners)


def _box(tau: float, first: Tensor, second: Tensor) -> np.ndarray:
    import torch

    rays = _rays()
    plane = torch.stack([first.flatten(), second.flatten()]).cpu().double()
    radius = torch.stack([tau / (ray @ plane).abs().amax() for ray in rays])[:, None]
    outline: np.ndarray = (radius * rays).numpy()
    return outline


def _rays() -> Tensor:
    """(CORNERS, 2) unit directions, evenly spaced around the circle."""
    import torch

    turn = torch.arange(CORNERS, dtype=torch.float64) * (2 * math.pi / CORNERS)
    return torch.stack([turn.cos(), turn.sin()], 1)


BOX = Outline(
    "outline: the L-infinity ball on this plane", _box
)  # where rays of the plane leave the L-infinity ball
