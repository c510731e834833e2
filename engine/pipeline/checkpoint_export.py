"""A model of a study as a file of its own, with what is needed to build its network."""

from __future__ import annotations

from pathlib import Path

from engine import registry
from engine.pipeline.models import StudyModels
from engine.runtime.progress import Reporter
from engine.storage import output_files
from engine.study.plan import Plan
from engine.training import checkpoints


def export(work: StudyModels, plan: Plan, model: str, out: Path, report: Reporter) -> Path:
    """Write a model's weights, spec and key to `out`: as .safetensors, or else for torch.

    The log of `report` states how to build the network if it is not the study's plain one.
    """
    path = work.results.shelf(plan.spec).path("checkpoints", plan.models[model], ".pt")
    net, head = work.loaded(plan, model), work.maker.head(plan.spec, model)
    facts = checkpoints.load(path)[1]
    if head:
        form = registry.get("method", head).facts["form"].format(layer=net.head_name)
        facts |= {"head": head, "form": form}
        report.log(form)
    checkpoints.save(out, net, facts, output_files.output)
    return out
