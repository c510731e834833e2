"""Words of a message dropped, or replaced by words of other training messages.

The discrete counterpart of noise for text: easy data augmentation (Wei and Zou, "EDA", 2019) with
deletion and replacement only, where the words that come in are those of the training messages.
"""

from __future__ import annotations

from engine.perturbations._inputs import BLOCK
from engine.perturbations._messages import EditedMessage, Messages
from engine.perturbations.base import Edit, add
from engine.runtime.seeds import numpy_generator

DROPPED = 0.5  # probability that a changed word is dropped and not replaced


def edited(
    messages: Messages, sample: int, seed: int, block: int, tau: float
) -> list[EditedMessage]:
    """Draws `block*BLOCK ...` of the message of a sample, with the share tau of its words changed.

    The number of changed words is rounded, and at least one for tau above 0. Which words change,
    and into what, depends on (seed, sample, draw) alone: those changed at one tau are changed in
    the same way at any larger one.
    """
    words = messages.words(sample)
    rng = numpy_generator(seed, "words", sample, block)
    ranks, dropped, places = rng.random((3, BLOCK, len(words)))
    order = ranks.argsort(1).argsort(1)
    changed = order < (max(1, round(tau * len(words))) if tau else 0)
    others = messages.others(sample, places)
    others[dropped < DROPPED] = ""
    return [
        EditedMessage(
            tuple(words),
            tuple(
                str(new) if change else word
                for word, new, change in zip(words, others[draw], changed[draw], strict=True)
            ),
        )
        for draw in range(BLOCK)
    ]


WORDS = add(
    Edit(
        name="words",
        label="Words",
        measure="share of words changed",
        unit="0 to 1",
        high=1.0,
        help="The share tau of a message's words, at least one, is dropped or replaced by words of "
        "other training messages, and the message is encoded again. For datasets of messages.",
        searches=False,
        edit=edited,
    )
)
