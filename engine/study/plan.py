"""The plan of a study: every result it consists of, by key, and what each needs and costs.

Made once from a RunSpec and passed on; whoever wants a key asks it, and a cluster takes it as a
graph of tasks, one a result. Nothing here imports torch before a cost is asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Any

from engine import registry
from engine.errors import SpecError
from engine.perturbations import named
from engine.registry import Registration
from engine.spec import RunSpec, as_imported, restored, to_plain
from engine.study import costs, keys, viewpoint
from engine.study.viewpoint import Sizes

WEIGHTS, MODELS, COUNTS, EPOCHS, MEASURES, STUDIES = (  # kinds of results, as the store names them
    "checkpoints", "models", "counts", "epochs", "measures", "studies",
)  # fmt: skip
NEEDED = frozenset({MODELS, COUNTS, MEASURES})  # what the study's own record is made from
CHOSEN = "chosen copies"  # the batch of answers to copies that the answers themselves decide on


@dataclass(frozen=True)
class Result:
    """One result of a study, as it lies in the store under `kind` and `key`.

    model: whose it is ('' for pre-trained weights and the study itself); source: the model that
    the copies were made against, '' for random copies; measure: what is stored apart; needs: keys
    of the results it is made from. draws: copies of each sample and norm that answers hold (with
    adaptive draws at most), 0 for anything else: an earlier study may have kept fewer under the
    same key. batch: results of one batch, where it is not '', are made in one go: a watched method
    with its epochs, answers to copies against one model, all answers where draws are adaptive.
    cost: sample passes where nothing is stored, None as long as the sizes of the data are unknown.
    """

    kind: str
    key: str
    model: str = ""
    source: str = ""
    measure: str = ""
    needs: tuple[str, ...] = ()
    draws: int = 0
    batch: str = ""
    cost: float | None = None


@dataclass(frozen=True)
class Plan:
    """All results of a study, each after those it needs; the study's own record comes last.

    sizes: of its data, where they are known; watch: the methods that are watched when made.
    """

    spec: RunSpec
    results: tuple[Result, ...]
    sizes: Sizes | None = None
    watch: tuple[str, ...] = ()

    @classmethod
    def of(cls, spec: RunSpec, sizes: Sizes | None = None, watch: Iterable[str] = ()) -> Plan:
        """The plan of this study, with costs where the sizes of its data are given.

        watch: methods of the study, others are passed over; only with sizes, which decide what is
        watched. SpecError where the study names a measure or perturbation that is not installed.
        """
        models = keys.model_keys(spec)
        wanted = frozenset(watch)
        watched = tuple(one.name for one in spec.methods if one.name in wanted)
        made = _distinct(
            [
                *_weights(spec),
                *_models(spec, models, watched),
                *_counts(spec, models),
                *_watched(spec, models, watched, sizes),
                *_measures(spec, models),
            ],
            functools.partial(_cost, spec, sizes) if sizes else None,
        )
        needs = tuple(one.key for one in made if one.kind in NEEDED)
        whole = Result(STUDIES, keys.study_key(spec), needs=needs, cost=0.0 if sizes else None)
        return cls(spec, (*made, whole), sizes, watched)

    @property
    def key(self) -> str:
        """Key of the study's own record."""
        return self.results[-1].key

    @functools.cached_property
    def models(self) -> dict[str, str]:
        """Model name -> key: original, retrain-0 ..., the methods, then other unlearned models."""
        return keys.model_keys(self.spec)

    @functools.cached_property
    def groups(self) -> dict[str, list[str]]:
        """Whom copies are made against -> the models that see them; '' for random copies."""
        return groups(self.spec, list(self.models))

    @property
    def pretrained(self) -> str:
        """Key of the weights that Original and Re-trains start from; '' where they are fresh."""
        past = self.spec.pretrain
        return keys.pretrained_key(self.spec.model, past) if past is not None else ""

    def require(self, *models: str) -> None:
        """SpecError where the study has no model of one of these names."""
        for name in models:
            if name not in self.models:
                known = ", ".join(self.models)
                raise SpecError(f"This study has no model '{name}'. It has: {known}.")

    def counts(self, viewer: str, source: str = "") -> str:
        """Key of a model's answers to copies made against `source`; KeyError for no such model."""
        return keys.counts_key(self.spec, viewer, source, self.models)

    def measure(self, model: str, measure: str, config: Any) -> str:
        """Key of a measure of one model that is stored by itself."""
        return keys.measure_key(self.spec, model, measure, config, self.models)

    def __iter__(self) -> Iterator[Result]:
        """Every result, each after those it needs."""
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, key: str) -> Result:
        """The result under this key; KeyError where there is none."""
        return self._by_key[key]

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    @functools.cached_property
    def _by_key(self) -> dict[str, Result]:
        return {one.key: one for one in self.results}

    def of_kind(self, kind: str) -> tuple[Result, ...]:
        """The results of one kind, as the store names it, in order."""
        return tuple(one for one in self.results if one.kind == kind)

    def cost(self, *kinds: str) -> float:
        """Sample passes of all results of these kinds, of every kind where none is named.

        SpecError where the plan was made without the sizes of its data.
        """
        passes = [one.cost for one in self.results if not kinds or one.kind in kinds]
        known = [one for one in passes if one is not None]
        if len(known) < len(passes):
            raise SpecError("What this study costs is unknown until its data are loaded.")
        return sum(known)

    @functools.cached_property
    def batches(self) -> tuple[tuple[Result, ...], ...]:
        """The results that are made in one go, each batch after all that its results need."""
        batches: dict[str, list[Result]] = {}
        for one in self.results:
            batches.setdefault(one.batch or one.key, []).append(one)
        where = {one.key: name for name, batch in batches.items() for one in batch}
        needs = {
            name: [where[key] for one in batch for key in one.needs if where[key] != name]
            for name, batch in batches.items()
        }
        return tuple(tuple(batches[name]) for name in TopologicalSorter(needs).static_order())

    def as_plain(self) -> dict[str, Any]:
        """The plan as JSON data, for files and other programs."""
        return {
            "spec": to_plain(self.spec),
            "imported": self.spec.imported,
            "results": [to_plain(one) for one in self.results],
            "sizes": to_plain(self.sizes),
            "watch": list(self.watch),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Plan:
        """The plan that `as_plain` wrote; SpecError where this version would make another."""
        from engine.study.compose import from_plain

        try:
            spec = from_plain(plain["spec"])
            sizes = plain["sizes"] and restored(Sizes, plain["sizes"])
            plan = cls.of(as_imported(spec) if plain["imported"] else spec, sizes, plain["watch"])
            same = plan.as_plain()["results"] == plain["results"]
        except (KeyError, TypeError) as error:
            raise SpecError(f"This is no plan of a study: {error}.") from None
        if not same:
            raise SpecError(
                "This plan was made by another version of the program, or with other plug-ins: it "
                "names other results. Install the same ones everywhere."
            )
        return plan


def groups(spec: RunSpec, names: list[str]) -> dict[str, list[str]]:
    """source -> viewers of its copies: one group for random draws, one per attacked model else."""
    if not named(spec.probe.perturbation).attack:
        return {"": names}
    retrains = [name for name in names if name.startswith("retrain-")]
    return {name: list(dict.fromkeys([name, *retrains])) for name in names}


def measures_of(spec: RunSpec) -> list[tuple[Registration, Any]]:
    """The measures of this study with their settings: all cheap ones, and those asked for."""
    asked = {one.name: one.config for one in keys.measures_of(spec)}
    found = []
    for entry in registry.all_of("metric"):
        if entry.name in asked:
            found.append((entry, asked[entry.name]))
        elif not entry.facts["metric"].trains:
            found.append((entry, _usual(entry)))
    return found


def _usual(entry: Registration) -> Any:
    assert entry.config is not None
    return entry.config()


def _weights(spec: RunSpec) -> list[Result]:
    """The pre-trained weights, where a model of the study is made and starts from them."""
    made = [name for name in keys.model_keys(spec) if keys.given(spec, name) is None]
    if spec.pretrain is None or not made:
        return []
    return [Result(WEIGHTS, keys.pretrained_key(spec.model, spec.pretrain))]


def _models(spec: RunSpec, models: Mapping[str, str], watched: Collection[str]) -> list[Result]:
    past = tuple(one.key for one in _weights(spec))
    found = []
    for name, mark in models.items():
        from_scratch = name == "original" or name.startswith("retrain-")
        needs = past if from_scratch else (models["original"], *past)
        if keys.given(spec, name) is not None:
            needs = ()
        batch = _watch(name) if name in watched else ""
        found.append(Result(MODELS, mark, name, needs=needs, batch=batch))
    return found


def _counts(spec: RunSpec, models: Mapping[str, str]) -> list[Result]:
    """What every model says of the copies that it is shown."""
    adaptive = spec.probe.adaptive > 0
    found = []
    for source, viewers in groups(spec, list(models)).items():
        for viewer in viewers:
            shown = models if adaptive else [name for name in (viewer, source) if name]
            one = _answers(spec, models, viewer, source, shown)
            found.append(replace(one, batch=CHOSEN if adaptive else one.batch))
    return found


def _watched(
    spec: RunSpec, models: Mapping[str, str], watched: Collection[str], sizes: Sizes | None
) -> list[Result]:
    """The epochs of the watched methods, and what they are seen beside."""
    if not watched:
        return []
    if sizes is None:
        raise SpecError("What is watched of a method is unknown until the data are loaded.")
    seen = replace(spec, probe=viewpoint.probe_of(spec))
    beside = [_answers(seen, models, name, "", [name]) for name in viewpoint.references(spec)]
    sight = viewpoint.mark(spec, viewpoint.watched_samples(spec, sizes.train))
    needs = (models["original"], *(one.key for one in beside))
    epochs = [
        Result(
            EPOCHS, viewpoint.epochs_key(spec, name, sight, models), name,
            needs=tuple(dict.fromkeys(needs)), batch=_watch(name),
        )
        for name in watched
    ]  # fmt: skip
    return [*(beside if viewpoint.asked_apart(spec) else []), *epochs]


def _watch(name: str) -> str:
    """The batch of a method that is watched when made."""
    return f"{name} and its epochs"


def _answers(
    spec: RunSpec, models: Mapping[str, str], viewer: str, source: str, shown: Iterable[str]
) -> Result:
    """What one model says of copies; shown: the models that must be there for it."""
    return Result(
        COUNTS,
        keys.counts_key(spec, viewer, source, models),
        viewer,
        source,
        needs=tuple(dict.fromkeys(models[name] for name in shown)),
        draws=spec.probe.draws,
        batch=f"copies against {source}" if source else "",
    )


def _measures(spec: RunSpec, models: Mapping[str, str]) -> list[Result]:
    """The measures that are stored by themselves."""
    chosen = [one for one in measures_of(spec) if one[0].facts.get("kept")]
    found = []
    for name, mark in models.items():
        needs = tuple(dict.fromkeys([mark, models["original"]]))
        for entry, config in chosen:
            own = keys.measure_key(spec, name, entry.name, config, models)
            found.append(Result(MEASURES, own, name, measure=entry.name, needs=needs))
    return found


def _cost(spec: RunSpec, sizes: Sizes, one: Result) -> float:
    """Sample passes of one result."""
    if one.kind == WEIGHTS:
        return costs.cost_of_pretraining(spec, sizes)
    if one.kind == MODELS:
        return costs.cost_of_model(spec, one.model, sizes.pool)
    if one.kind == EPOCHS:
        return viewpoint.cost(spec, one.model, sizes)
    if one.kind == COUNTS:
        return costs.cost_of_counts(replace(spec, probe=replace(spec.probe, draws=one.draws)))
    config = next(config for entry, config in measures_of(spec) if entry.name == one.measure)
    return costs.cost_of_measure(spec, config, sizes.pool)


def _distinct(
    results: Iterable[Result], cost: Callable[[Result], float] | None
) -> tuple[Result, ...]:
    """Each key once, for two names may be given the same weights; costs of one key add up."""
    found: dict[str, Result] = {}
    for one in results:
        before = found.setdefault(one.key, replace(one, cost=0.0 if cost else None))
        if cost and before.cost is not None:
            found[one.key] = replace(before, cost=before.cost + cost(one))
    return tuple(found.values())
