"""The plan of a study: all its results by key, with their dependencies and costs.

It is made once from a RunSpec and passed on as the single source of keys; a cluster can run it as a
graph of tasks, one per result. Nothing here imports torch until a cost is computed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Any

from engine import registry
from engine.errors import SpecError
from engine.external.network_spec import ANSWERS_ALONE
from engine.perturbations import named
from engine.registry import Registration
from engine.spec import GIVEN, RunSpec, as_imported, restored, to_plain
from engine.study import costs, keys, viewpoint
from engine.study.viewpoint import Sizes

WEIGHTS, MODELS, COUNTS, EPOCHS, MEASURES, STUDIES = (  # kinds of results, as the store names them
    "checkpoints", "models", "counts", "epochs", "measures", "studies",
)  # fmt: skip
NEEDED = frozenset({MODELS, COUNTS, MEASURES})  # inputs of the study's own record
CHOSEN = "chosen copies"  # the batch of all predictions on adaptive draws


@dataclass(frozen=True)
class Result:
    """One result of a study, stored under `kind` and `key`.

    model: the model it belongs to ('' for pre-trained weights and the study itself); source: the
    attacked model, '' for random copies; measure: the name of a separately stored measure; needs:
    keys of the results it depends on. draws: copies per sample and norm (with adaptive draws, the
    maximum), 0 unless it is predictions; an earlier study may have stored fewer under the same key.
    batch: results with the same nonempty batch are made together: a watched method with its epochs,
    predictions on copies against one model, all predictions if draws are adaptive. cost: sample
    passes if nothing is stored, None while the sizes of the data are unknown.
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

    sizes: those of its data, if known; watch: the methods that are watched while they run.
    """

    spec: RunSpec
    results: tuple[Result, ...]
    sizes: Sizes | None = None
    watch: tuple[str, ...] = ()

    @classmethod
    def of(cls, spec: RunSpec, sizes: Sizes | None = None, watch: Iterable[str] = ()) -> Plan:
        """The plan of this study, with costs if the sizes of its data are given.

        watch: methods to watch, ignoring those not in the study; requires sizes, which determine
        what is watched. SpecError if a measure or perturbation of the study is not installed.
        """
        models = keys.model_keys(spec)
        wanted = frozenset(watch)
        watched = tuple(method.name for method in spec.methods if method.name in wanted)
        results = _distinct(
            [
                *_weights(spec),
                *_models(spec, models, watched),
                *_counts(spec, models),
                *_watched(spec, models, watched, sizes),
                *_measures(spec, models),
            ],
            functools.partial(_cost, spec, sizes) if sizes else None,
        )
        needs = tuple(method.key for method in results if method.kind in NEEDED)
        study_record = Result(
            STUDIES, keys.study_key(spec), needs=needs, cost=0.0 if sizes else None
        )
        return cls(spec, (*results, study_record), sizes, watched)

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
        """Attacked model -> the models evaluated on its copies; '' for random copies."""
        return groups(self.spec.probe.perturbation, list(self.models))

    @property
    def pretrained(self) -> str:
        """Key of the weights that Original and Re-trains start from; '' if they are random."""
        past = self.spec.pretrain
        return keys.pretrained_key(self.spec.model, past) if past is not None else ""

    def require(self, *models: str) -> None:
        """SpecError if the study lacks a model of such a name, or the weights of all models."""
        if self.spec.model.name == GIVEN:
            raise SpecError(ANSWERS_ALONE)
        for name in models:
            if name not in self.models:
                names = ", ".join(self.models)
                raise SpecError(f"This study has no model '{name}'. It has: {names}.")

    def counts(self, viewer: str, source: str = "") -> str:
        """Key of a model's predictions on copies made against `source`; KeyError if unknown."""
        return keys.counts_key(self.spec, viewer, source, self.models)

    def measure(self, model: str, measure: str, config: Any) -> str:
        """Key of a separately stored measure of one model."""
        return keys.measure_key(self.spec, model, measure, config, self.models)

    def __iter__(self) -> Iterator[Result]:
        """Every result, each after those it needs."""
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, key: str) -> Result:
        """The result with this key; KeyError if there is none."""
        return self._by_key[key]

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    @functools.cached_property
    def _by_key(self) -> dict[str, Result]:
        return {one.key: one for one in self.results}

    def of_kind(self, kind: str) -> tuple[Result, ...]:
        """The results of one kind, named as in the store, in order."""
        return tuple(one for one in self.results if one.kind == kind)

    def cost(self, *kinds: str) -> float:
        """Sample passes of all results of these kinds, or of all kinds if none is named.

        SpecError if the plan was made without the sizes of its data.
        """
        passes = [
            passes_of_result.cost
            for passes_of_result in self.results
            if not kinds or passes_of_result.kind in kinds
        ]
        defined = [passes_of_result for passes_of_result in passes if passes_of_result is not None]
        if len(defined) < len(passes):
            raise SpecError("The cost of this study is unknown until its data are loaded.")
        return sum(defined)

    @functools.cached_property
    def batches(self) -> tuple[tuple[Result, ...], ...]:
        """Results that are made together, each batch after all batches that it needs."""
        batches: dict[str, list[Result]] = {}
        for result in self.results:
            batches.setdefault(result.batch or result.key, []).append(result)
        batch_of = {result.key: name for name, batch in batches.items() for result in batch}
        needs = {
            name: [
                batch_of[key] for result in batch for key in result.needs if batch_of[key] != name
            ]
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
        """The plan that `as_plain` wrote; SpecError if this version would plan differently."""
        from engine.study.compose import from_plain

        try:
            spec = from_plain(plain["spec"])
            sizes = plain["sizes"] and restored(Sizes, plain["sizes"])
            plan = cls.of(as_imported(spec) if plain["imported"] else spec, sizes, plain["watch"])
            same = plan.as_plain()["results"] == plain["results"]
        except (KeyError, TypeError) as error:
            raise SpecError(f"This is not a plan of a study: {error}.") from None
        if not same:
            raise SpecError(
                "This plan was made by another version of the program or with other plug-ins: its "
                "results differ. Install the same versions everywhere."
            )
        return plan


def groups(perturbation: str, names: list[str]) -> dict[str, list[str]]:
    """Source -> viewers of its copies: one group for random draws, otherwise one per source."""
    if not named(perturbation).attack:
        return {"": names}
    retrains = [name for name in names if name.startswith("retrain-")]
    return {name: list(dict.fromkeys([name, *retrains])) for name in names}


def measures_of(spec: RunSpec) -> list[tuple[Registration, Any]]:
    """The measures of this study with their settings: all cheap ones and those requested."""
    requested = {measure.name: measure.config for measure in keys.measures_of(spec)}
    measures = []
    for entry in registry.all_of("metric"):
        if entry.name in requested:
            measures.append((entry, requested[entry.name]))
        elif not entry.facts["metric"].trains:
            measures.append((entry, _default_config(entry)))
    return measures


def _default_config(entry: Registration) -> Any:
    assert entry.config is not None
    return entry.config()


def _weights(spec: RunSpec) -> list[Result]:
    """The pre-trained weights, if a model of the study starts from them."""
    new_models = [name for name in keys.model_keys(spec) if keys.foreign_model(spec, name) is None]
    if spec.pretrain is None or not new_models:
        return []
    return [Result(WEIGHTS, keys.pretrained_key(spec.model, spec.pretrain))]


def _models(spec: RunSpec, models: Mapping[str, str], watched: Collection[str]) -> list[Result]:
    past = tuple(weights.key for weights in _weights(spec))
    results = []
    for name, model_key in models.items():
        from_scratch = name == "original" or name.startswith("retrain-")
        needs = past if from_scratch else (*filter(None, [models.get("original")]), *past)
        if keys.foreign_model(spec, name) is not None:
            needs = ()
        batch = _watch_batch(name) if name in watched else ""
        results.append(Result(MODELS, model_key, name, needs=needs, batch=batch))
    return results


def _counts(spec: RunSpec, models: Mapping[str, str]) -> list[Result]:
    """Every model's predictions on the copies it is evaluated on."""
    adaptive = spec.probe.adaptive > 0
    results = []
    for source, viewers in groups(spec.probe.perturbation, list(models)).items():
        for viewer in viewers:
            dependencies = models if adaptive else [name for name in (viewer, source) if name]
            predictions = _predictions(spec, models, viewer, source, dependencies)
            results.append(replace(predictions, batch=CHOSEN if adaptive else predictions.batch))
    return results


def _watched(
    spec: RunSpec, models: Mapping[str, str], watched: Collection[str], sizes: Sizes | None
) -> list[Result]:
    """The epochs of the watched methods, and the predictions of the reference models."""
    if not watched:
        return []
    if sizes is None:
        raise SpecError("Methods cannot be watched before the data are loaded.")
    watch_spec = replace(spec, probe=viewpoint.probe_of(spec))
    references = [
        _predictions(watch_spec, models, name, "", [name]) for name in viewpoint.references(spec)
    ]
    sight_key = viewpoint.watch_key(spec, viewpoint.watched_samples(spec, sizes.train))
    needs = (models["original"], *(result.key for result in references))
    epochs = [
        Result(
            EPOCHS, viewpoint.epochs_key(spec, name, sight_key, models), name,
            needs=tuple(dict.fromkeys(needs)), batch=_watch_batch(name),
        )
        for name in watched
    ]  # fmt: skip
    return [*(references if viewpoint.needs_reference_predictions(spec) else []), *epochs]


def _watch_batch(name: str) -> str:
    """The batch of a watched method and its epochs."""
    return f"{name} and its epochs"


def _predictions(
    spec: RunSpec, models: Mapping[str, str], viewer: str, source: str, shown: Iterable[str]
) -> Result:
    """One model's predictions on copies; shown: the models that they depend on."""
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
    """The separately stored measures."""
    stored_measures = [measure for measure in measures_of(spec) if measure[0].facts.get("kept")]
    results = []
    for name, model_key in models.items():
        needs = tuple(dict.fromkeys([model_key, models.get("original", model_key)]))
        for entry, config in stored_measures:
            measure_key = keys.measure_key(spec, name, entry.name, config, models)
            results.append(Result(MEASURES, measure_key, name, measure=entry.name, needs=needs))
    return results


def _cost(spec: RunSpec, sizes: Sizes, result: Result) -> float:
    """Sample passes of one result."""
    if result.kind == WEIGHTS:
        return costs.cost_of_pretraining(spec, sizes)
    if result.kind == MODELS:
        return costs.cost_of_model(spec, result.model, sizes.pool)
    if result.kind == EPOCHS:
        return viewpoint.cost(spec, result.model, sizes)
    if result.kind == COUNTS:
        return costs.cost_of_counts(replace(spec, probe=replace(spec.probe, draws=result.draws)))
    config = next(config for entry, config in measures_of(spec) if entry.name == result.measure)
    return costs.cost_of_measure(spec, config, sizes.pool, sizes.test)


def _distinct(
    results: Iterable[Result], cost: Callable[[Result], float] | None
) -> tuple[Result, ...]:
    """Each key once, since two names may have the same weights; costs of equal keys are summed."""
    distinct: dict[str, Result] = {}
    for result in results:
        earlier = distinct.setdefault(result.key, replace(result, cost=0.0 if cost else None))
        if cost and earlier.cost is not None:
            distinct[result.key] = replace(earlier, cost=earlier.cost + cost(result))
    return tuple(distinct.values())
