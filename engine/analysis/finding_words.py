"""The sentences of findings, in parts: plain text, and numbers that link to what they count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.analysis.evidence import ORIGINAL, Evidence, runs_of
from engine.arrays import Mask

RECOGNIZES, FORGETS, WITHIN = "recognizes", "forgets", "within"
UNCHANGED, UNTOLD = "unchanged", "untold"
KINDS = {  # kind of a finding -> its meaning; what there is most to say of comes first
    RECOGNIZES: "more of the forget set is recognized than Re-trains would",
    FORGETS: "less of the forget set is recognized than Re-trains would",
    WITHIN: "within what one more Re-train may differ by",
    UNCHANGED: "the method gives the answers of Original",
    UNTOLD: "nothing can be told",
}
FEWEST = 2  # Re-trains that a null band takes
ADAPTIVE = "single samples are not judged, as draws were adaptive"  # in an earlier version
UNDEFINED = "as no Re-train recognizes a copy there"


@dataclass(frozen=True)
class Link:
    """What a number selects: `samples` of this model's verdict, the worst first, or a `tau`."""

    model: str
    samples: tuple[int, ...] = ()
    tau: float = math.nan


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; link: what it selects, None for plain text."""

    text: str
    link: Link | None = None


@dataclass(frozen=True)
class Wording:
    """A finding in three lengths, without what it was found on; see `finding.Finding`."""

    kind: str
    sentence: tuple[Part, ...]
    short: tuple[Part, ...]
    brief: tuple[Part, ...]


@dataclass(frozen=True)
class Alike:
    """A model with the same answers: its label, whether it is Original, and on how many copies.

    apart: number of copies with different answers, of `copies`, 0 where predictions are not
    stored; setting: the method's own in words, or ''.
    """

    label: str
    original: bool
    apart: int
    copies: int
    setting: str = ""


def wording(model: str, label: str, found: Evidence, alike: Alike | None = None) -> Wording:
    """The finding on a model; label: how its sentence begins; alike: a model with its answers.

    Verdicts on one of two samples, where Re-trains have none, and a curve above the band at 0.2:

    >>> import numpy as np
    >>> taus, where = np.array([0.1, 0.2]), np.array([False, True])
    >>> nowhere, everywhere = np.zeros(2, bool), np.ones(2, bool)
    >>> curve = (taus, where, nowhere, everywhere, nowhere, False)
    >>> found = Evidence(np.array([7]), 1, 0, True, 2, 3, (0, 0), *curve)
    >>> "".join(part.text for part in wording("gd", "GD", found).short)
    'still recognizes copies of 1 of 2; above the null band at τ 0.2'
    """
    if alike is not None and alike.original:
        return _unchanged(model, label, found, alike)
    made = _by_evidence(model, label, found)
    extra = _undefined(found)
    if alike is not None:
        extra += f" It gives the same answers as {alike.label}{_on_copies(alike)}."
    sentence = _joined(*made.sentence, Part(extra))
    return Wording(made.kind, sentence, _joined(*made.short), _joined(*made.brief))


def not_measured(label: str) -> Wording:
    """The finding on a method without residual knowledge."""
    return Wording(UNTOLD, (Part(f"{label} was not measured."),), *[(Part("not measured"),)] * 2)


def _by_evidence(model: str, label: str, found: Evidence) -> Wording:
    if found.retrains < FEWEST:
        return _too_few(model, label, found)
    if not found.compared.any():
        return _without_curve(model, label, found)
    if found.above.any() or (found.excess and not found.below.any()):
        return _recognizes(model, label, found)
    if found.below.any():
        return _forgets(model, label, found)
    return _within(model, label, found)


def _recognizes(model: str, label: str, found: Evidence) -> Wording:
    above, below = _where(model, found, found.above), _where(model, found, found.below)
    number = _number(model, found)
    if not number:
        judged = f"; {ADAPTIVE}" if found.samples is None else (
            ", but no single sample is recognized more often than Re-trains differ by"
        )  # fmt: skip
        sentence = [
            Part(f"{label}: its curve is above the null band "), *above,
            *_then(", below it ", below), Part(f"{judged}."),
        ]  # fmt: skip
        brief = (Part("above the band "), *above)
        return Wording(RECOGNIZES, tuple(sentence), (Part("above the null band "), *above), brief)
    sentence = [Part(f"{label} {_verb(model)} perturbed copies of "), *_count(model, found)]
    short = [Part(f"{_verb(model)} copies of "), *number]
    if found.above.any():
        sentence += [Part("; its curve is above the null band "), *above]
        sentence += _then(", below it ", below)
        short += [Part("; above the null band "), *above]
    else:
        sentence += [Part(f"; its curve stays within the null band{_needed(found)}")]
    return Wording(RECOGNIZES, (*sentence, Part(".")), tuple(short), number)


def _forgets(model: str, label: str, found: Evidence) -> Wording:
    below = _where(model, found, found.below)
    claim = (
        "recognizes fewer copies than any Re-train"
        if found.fewer
        else "has a lower r than Re-trains"
    )
    sentence = [Part(f"{label} {claim}: its curve is below the null band "), *below]
    if found.count:
        exceptions = "The exceptions are" if found.count > 1 else "The exception is"
        counted = _count(model, found, "recognized more often than by")
        sentence += [Part(f". {exceptions} "), *counted]
    short = (Part(f"{claim}; below the null band "), *below)
    brief = (Part("below Re-trains "), *below)
    return Wording(FORGETS, (*sentence, Part(".")), short, brief)


def _within(model: str, label: str, found: Evidence) -> Wording:
    sentence = [Part(f"{label} stays within what one more Re-train may differ by{_needed(found)}")]
    if found.count:
        sentence += [Part(": it recognizes perturbed copies of "), *_count(model, found)]
    elif found.samples is None:
        sentence += [Part(f"; {ADAPTIVE}")]
    else:
        sentence += [Part(f": it recognizes perturbed copies of {_none(found)}")]
    short = (Part("stays within what Re-trains differ by"),)
    return Wording(WITHIN, (*sentence, Part(".")), short, (Part("like a Re-train"),))


def _without_curve(model: str, label: str, found: Evidence) -> Wording:
    """Where no tau has both a curve and a band: then only the verdicts can tell."""
    if not (found.taus > 0).any():
        why = "Only τ 0 was measured, where r is at most 1"
    elif found.undefined[found.taus > 0].all():
        why = f"r is undefined at every τ, {UNDEFINED}"
    else:
        why = "There is no null band where r is defined"
    if found.samples is None:
        sentence = (Part(f"{label} cannot be judged. {why}; {ADAPTIVE}."),)
        return Wording(UNTOLD, sentence, (Part("cannot be judged"),), (Part("not judged"),))
    number = _number(model, found)
    if not number:
        text = f"{label} recognizes perturbed copies of {_none(found)}. {why}."
        none = (Part("recognizes no sample surely more often than a Re-train"),)
        return Wording(WITHIN, (Part(text),), none, (Part("like a Re-train"),))
    verb = _verb(model)
    counted = (Part(f"{label} {verb} perturbed copies of "), *_count(model, found))
    kind = RECOGNIZES if found.excess else WITHIN
    return Wording(
        kind, (*counted, Part(f". {why}.")), (Part(f"{verb} copies of "), *number), number
    )


def _too_few(model: str, label: str, found: Evidence) -> Wording:
    few = f"too few Re-trains to tell ({found.retrains}; it takes at least {FEWEST})"
    number = _number(model, found)
    sentence = [Part(f"{label}: {few}.")]
    if found.samples is not None:
        counted = _count(model, found) if number else (Part(_none(found)),)
        sentence += [Part(" It recognizes perturbed copies of "), *counted]
        sentence += [Part(", but another Re-train might as well.")] if number else [Part(".")]
    return Wording(UNTOLD, tuple(sentence), (Part(few),), (Part("too few Re-trains"),))


def _unchanged(model: str, label: str, found: Evidence, alike: Alike) -> Wording:
    changed = "almost nothing" if alike.apart else "nothing that shows"
    setting = f" (its setting: {alike.setting})" if alike.setting else ""
    number = _number(model, found)
    sentence = [
        Part(f"{label} gives the same answers as the {alike.label}{_on_copies(alike)}: it changed "
             f"{changed}{setting}.")
    ]  # fmt: skip
    if number:
        more = f" forgotten sample{'s' * (found.size != 1)} more often than {_retrains(found)}."
        sentence += [Part(" It recognizes perturbed copies of "), *number, Part(more)]
    short = [Part(f"gives the {alike.label}'s answers")]
    short += [Part("; copies of "), *number] if number else []
    return Wording(UNCHANGED, tuple(sentence), tuple(short), (Part(f"like {alike.label}"),))


def _needed(found: Evidence) -> str:
    """How many Re-trains it would take to tell, where the curve leaves the range of those there."""
    if not found.beyond or found.needed is None:
        return ""
    return f" ({found.needed:,} Re-trains would tell)"


# -- clauses ----------------------------------------------------------------------------------
def _verb(model: str) -> str:
    return "recognizes" if model == ORIGINAL else "still recognizes"


def _number(model: str, found: Evidence) -> tuple[Part, ...]:
    """'19 of 70' as a link; () without such samples."""
    if found.samples is None or not len(found.samples):
        return ()
    chosen = tuple(found.samples.tolist())
    return (Part(f"{len(chosen):,} of {found.size:,}", Link(model, chosen)),)


def _count(model: str, found: Evidence, more: str = "more often than") -> tuple[Part, ...]:
    """'19 of 70 forgotten samples more often than any Re-train', and what it is measured by."""
    samples = f"forgotten sample{'s' * (found.size != 1)}"
    text = f" {samples}{_unperturbed(found)} {more} {_retrains(found)}"
    if found.between is not None:
        text += (
            f" (a Re-train judged by the others: {number_range(*found.between)} of {found.size:,})"
        )
    return (*_number(model, found), Part(text))


def _none(found: Evidence) -> str:
    none = "the only forgotten sample not" if found.size == 1 else (
        f"none of the {found.size:,} forgotten samples"
    )  # fmt: skip
    undecided = f" ({found.undecided:,} undecided)" if found.undecided else ""
    return f"{none} surely more often than {_retrains(found)}{undecided}"


def _retrains(found: Evidence) -> str:
    if found.retrains == 1:
        return "the one Re-train"
    return "any Re-train" if found.beats_all else "the Re-trains on average"


def _unperturbed(found: Evidence) -> str:
    """For how many of the samples only tau 0 shows it, in parentheses; '' for none."""
    if not found.unperturbed:
        return ""
    some = "" if found.unperturbed == found.count else f"{found.unperturbed:,} of them "
    return f" ({some}only unperturbed, at τ 0)"


def _undefined(found: Evidence) -> str:
    """A sentence on the taus at which r is undefined; '' where there are none, or all are."""
    gaps, norms = int(found.undefined.sum()), int((found.taus > 0).sum())
    if not gaps or gaps == norms:
        return ""
    first = found.taus[found.undefined][0]
    at = f"at τ {first:g}" if gaps == 1 else f"at {gaps} of {norms} norms τ"
    return f" r is undefined {at}, {UNDEFINED}."


def _on_copies(alike: Alike) -> str:
    if not alike.copies:
        return ": as many copies of every sample are recognized"
    if not alike.apart:
        return f" on all {alike.copies:,} copies"
    return f" on all but {alike.apart:,} of {alike.copies:,} copies"


def _where(model: str, found: Evidence, hits: Mask) -> tuple[Part, ...]:
    """'from τ 0.04 on', 'from τ 0.1 to τ 0.2', 'at τ 0.2', 'at 5 of 10 norms, first τ 0.1'."""
    runs = runs_of(hits, found.compared)
    if not runs:
        return ()
    places = found.compared.nonzero()[0]

    def at(index: int) -> Part:
        tau = float(found.taus[index])
        return Part(f"τ {tau:g}", Link(model, tau=tau))

    first, last = runs[0][0], runs[-1][-1]
    if len(runs) > 1:
        several = f"at {int(hits.sum())} of {len(places)} norms, first at "
        return (Part(several), at(first))
    if first == last:
        return (Part("at "), at(first))
    if last == places[-1]:
        return (Part("from "), at(first), Part(" on"))
    return (Part("from "), at(first), Part(" to "), at(last))


def _then(words: str, parts: Sequence[Part]) -> list[Part]:
    return [Part(words), *parts] if parts else []


def number_range(low: int, high: int) -> str:
    """'1 to 2', or '1' for equal numbers."""
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _joined(*parts: Part) -> tuple[Part, ...]:
    """The parts without empty ones, and with neighbors of plain text as one part."""
    made: list[Part] = []
    for part in parts:
        if made and part.link is None and made[-1].link is None:
            made[-1] = Part(made[-1].text + part.text)
        elif part.text:
            made.append(part)
    return tuple(made)
