"""The two models of a figure: their names, and styles that always differ."""

from __future__ import annotations

from dataclasses import dataclass

from engine.comparison.pair import A, B
from engine.drawing.palette import ORANGE, ModelStyle, model_style

SIDES = (A, B)


@dataclass(frozen=True)
class Names:
    """Models a and b, by name and by display label."""

    a: str
    b: str
    label_a: str
    label_b: str

    @property
    def labels(self) -> tuple[str, str]:
        """Both labels."""
        return self.label_a, self.label_b

    def styles(self) -> tuple[ModelStyle, ModelStyle]:
        """Both styles; color and symbol always differ."""
        first, second = model_style(self.a), model_style(self.b)
        if first.color == second.color:
            second = second._replace(color=ORANGE)
        if first.symbol == second.symbol:
            second = second._replace(symbol="diamond" if first.symbol != "diamond" else "square")
        return first, second
