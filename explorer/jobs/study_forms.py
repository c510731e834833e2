"""The form that describes a stored study, stating only what differs from the recommendations."""

from __future__ import annotations

from engine.datasets.base import Dataset
from engine.external.hub_config import PREFIX, is_hub
from engine.spec import GIVEN, ModelSpec, RunSpec
from explorer.state.form_grid import PROBE, TRAIN
from explorer.state.study_form import StudyForm


def form_of(spec: RunSpec, dataset: Dataset) -> StudyForm:
    """The form of the study `spec` on its dataset.

    It states no forget set where no short description fits; measures and pre-training, which a form
    cannot describe, are left out. For a lane: it imports torch.
    """
    from engine.study import command_line

    advice, data = dataset.recommended, spec.data
    changes: dict[str, dict[str, object]] = {}
    for path, value in command_line.changes(spec, dataset).items():
        owner, _, name = path.partition(".")
        changes.setdefault(owner, {})[name] = value
    methods = tuple(method.name for method in spec.methods)
    paths = {weights.name: weights.path for weights in spec.foreign}
    own_taus = spec.probe.taus != advice.taus
    return StudyForm(
        dataset=data.name,
        root=data.root,
        side=data.side,
        channels=data.channels,
        validation=data.validation,
        columns=data.columns,
        test_share=data.test_share,
        encoder=data.encoder,
        model="" if spec.model.name == advice.model else _model(spec.model),
        normalize=spec.model.normalize,
        forget=command_line.forget_text(spec, dataset, [advice.forget]),
        methods=methods,
        settings={name: changes[name] for name in methods if name in changes},
        training=changes.get(TRAIN, {}),
        retrains=spec.retrains,
        seed=spec.seed,
        perturbation=spec.probe.perturbation,
        taus=",".join(f"{tau:.10g}" for tau in spec.probe.taus) if own_taus else "",
        draws=spec.probe.draws,
        probe=changes.get(PROBE, {}),
        weights={} if spec.model.name == GIVEN else paths,
    )


def _model(model: ModelSpec) -> str:
    """The network's name in a form, which includes where its folder lies."""
    return f"{PREFIX}{model.path}" if is_hub(model.name) and model.path else model.name
