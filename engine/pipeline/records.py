"""Conversion of studies and models to and from store records."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from engine import registry
from engine.metrics import METRICS, with_censored
from engine.provenance import Audit, Provenance
from engine.residual.ratio import pooled_interval, resampling_weights
from engine.residual.summary import recognized, with_evidence
from engine.results import (
    Curve,
    ModelResult,
    Residual,
    Study,
    StudySummary,
    pooled_ratio,
)
from engine.spec import FDR, RunSpec
from engine.storage.origins import origins_of
from engine.storage.schema import CURVE, EVIDENCE, INTERVAL
from engine.storage.store import Record
from engine.study.family import family
from engine.study.siblings import sibling_settings


def labels_of(spec: RunSpec) -> dict[str, str]:
    """Model name -> display name."""
    labels = {"original": "Original", "retrain": "Re-train"}
    labels |= {f"retrain-{j}": f"Re-train {j}" for j in range(spec.retrains)}
    given = {one.name: one.label for one in spec.foreign}
    return labels | {name: given.get(name) or _label(name) for name in spec.unlearned}


def study_arrays(one: Study) -> dict[str, np.ndarray]:
    """The arrays of a study's record."""
    residual = one.residual
    arrays = {
        "forget": one.forget,
        "taus": residual.taus,
        "samples": residual.samples,
        "null/low": residual.null_low,
        "null/high": residual.null_high,
    }
    arrays |= {f"counts/{name}": value for name, value in residual.counts.items()}
    arrays |= {f"predictions/{name}": value for name, value in residual.predictions.items()}
    for group in ("posterior", *EVIDENCE):
        arrays |= {f"{group}/{name}": one for name, one in getattr(residual, group).items()}
    if residual.drawn is not None:
        arrays["drawn"] = residual.drawn
        arrays |= {f"rates/{name}": value for name, value in residual.rates.items()}
    if residual.settled is not None:
        arrays["settled"] = residual.settled.astype(np.uint8)
    for name, curve in residual.curves.items():
        arrays |= {f"curves/{name}/{part}": getattr(curve, part) for part in CURVE}
        arrays |= {
            f"curves/{name}/{part}": getattr(curve, part)
            for part in INTERVAL
            if getattr(curve, part) is not None
        }
    return arrays


def study_attributes(one: Study) -> dict[str, Any]:
    """The attributes of a study's record."""
    return {
        "metrics": json.dumps(one.metrics),
        "labels": json.dumps(one.labels),
        "perturbation": one.residual.perturbation,
        "draws": one.residual.draws,
        **_audits_facts(one.residual.audits),
    }


def _audits_facts(audits: Mapping[str, Audit]) -> dict[str, str]:
    """The attribute of a study's record that holds its audits; none where nothing was inferred."""
    plain = {name: asdict(one) for name, one in audits.items()}
    return {"audits": json.dumps(plain)} if plain else {}


def audit_facts(audit: Audit | None) -> dict[str, str]:
    """The attribute of a record of predictions that holds its audit; none without one."""
    return {} if audit is None else {"audit": json.dumps(asdict(audit))}


def audit_of(record: Record) -> Audit | None:
    """The audit of a record of predictions; None where nothing was inferred, or none was made."""
    return Audit(**record.plain("audit")) if "audit" in record.attributes else None


def study_of(record: Record) -> Study:
    """The study in a record."""
    arrays = record.arrays

    def group(name: str) -> dict[str, np.ndarray]:
        start = f"{name}/"
        return {path.removeprefix(start): a for path, a in arrays.items() if path.startswith(start)}

    labels = {name: _numbered(name, label) for name, label in record.plain("labels").items()}
    parts = group("curves")
    judged = [name for name in labels if f"{name}/mean" in parts]
    curves = {n: _curve(parts, n) for n in judged}
    residual = Residual(
        perturbation=record.attributes["perturbation"],
        taus=arrays["taus"],
        draws=int(record.attributes["draws"]),
        samples=arrays["samples"],
        counts=group("counts"),
        curves=curves,
        null_low=arrays["null/low"],
        null_high=arrays["null/high"],
        posterior=group("posterior"),
        predictions=group("predictions"),
        drawn=arrays.get("drawn"),
        rates=group("rates"),
        settled=arrays["settled"].astype(bool) if "settled" in arrays else None,
        fdr=float(record.plain("spec")["probe"].get("fdr", FDR)),
        **{name: group(name) for name in EVIDENCE},
        audits={n: Audit(**one) for n, one in record.plain("audits").items()}
        if "audits" in record.attributes
        else {},
    )
    residual = _as_today(residual, int(record.plain("spec")["probe"]["seed"]))
    return Study(
        key=record.key,
        spec=record.plain("spec"),
        forget=arrays["forget"],
        metrics=_counted(record.plain("metrics"), int(record.plain("spec")["retrains"])),
        labels=labels,
        residual=residual,
        created=str(record.attributes["created"]),
        origins=origins_of(record.attributes),
    )


def _numbered(name: str, label: str) -> str:
    """A stored label; Re-trains are renumbered by name, as earlier versions counted from 1."""
    own = re.fullmatch(r"retrain-(\d{1,9})", name)
    return f"Re-train {int(own[1])}" if own else label


def _counted(
    metrics: Mapping[str, Mapping[str, float]], retrains: int
) -> dict[str, dict[str, float]]:
    """Stored metrics with the number of censored values, which earlier versions lack."""
    return {
        name: with_censored(row, METRICS, retrains if name == "retrain" else 1)
        for name, row in metrics.items()
    }


def _curve(parts: Mapping[str, np.ndarray], model: str) -> Curve:
    paths = {part: f"{model}/{part}" for part in (*CURVE, *INTERVAL)}
    return Curve(**{part: parts[path] for part, path in paths.items() if path in parts})


def _as_today(stored: Residual, seed: int) -> Residual:
    """The residual knowledge with quantities that earlier versions derived differently recomputed.

    The pooled ratio was the mean of one ratio per Re-train, without an interval; adaptive draws had
    a prevalence and a posterior, which such draws distort; there were no e-values and q-values,
    whose predictions are stored.
    """
    if stored.q_values:
        return stored
    weights = resampling_weights(len(stored.samples), seed)
    curves = {}
    for name, one in stored.curves.items():
        low, high = pooled_interval(*_pooling(stored, name), weights)
        pooled = pooled_ratio(*_pooling(stored, name))
        curves[name] = replace(one, pooled=pooled, pooled_low=low, pooled_high=high)
    if not stored.withheld:
        right = recognized(replace(stored, curves=curves))
        return with_evidence(replace(stored, curves=curves), right, anytime=False)
    for name, one in curves.items():
        curves[name] = replace(one, prevalence=np.full(len(stored.taus), np.nan))
    posterior = {name: np.full(one.shape, np.nan) for name, one in stored.posterior.items()}
    return replace(stored, curves=curves, posterior=posterior)


def _pooling(stored: Residual, model: str) -> tuple[np.ndarray, np.ndarray]:
    """(u or its share, that of the Re-trains on the same copies): input of a pooled ratio."""
    if stored.rates:
        return stored.share(model), stored.reference_share(model)
    return stored.counts[model], stored.reference(model)


def summary_of(record: Record) -> StudySummary:
    """The summary of a stored study."""
    spec = record.plain("spec")
    names = [one["name"] for one in [*spec["methods"], *spec.get("foreign", ())]]
    return StudySummary(
        key=record.key,
        dataset=spec["data"]["name"],
        model=spec["model"]["name"],
        forget=len(spec["forget"]),
        methods=tuple(one for one in names if one != "original" and not _is_retrain(one)),
        perturbation=spec["probe"]["perturbation"],
        draws=int(record.attributes["draws"]),
        seed=int(record.attributes["seed"]),
        created=str(record.attributes["created"]),
        seconds=float(record.attributes["seconds"]),
        family=f"{family(spec)}{' imported' * bool(origins_of(record.attributes))}",
        origins=origins_of(record.attributes),
        fingerprint=fingerprint_of(record),
        settings=sibling_settings(spec),
    )


def fingerprint_of(record: Record) -> str:
    """Fingerprint of the data of a stored study; '' if not recorded."""
    return str(record.plain("spec")["data"].get("fingerprint", ""))


def provenance_of(record: Record) -> Provenance:
    """The provenance of a stored study."""
    return Provenance(
        key=record.key,
        spec=record.plain("spec"),
        versions=record.plain("versions"),
        device=str(record.attributes["device"]),
        seed=int(record.attributes["seed"]),
        created=str(record.attributes["created"]),
        seconds=float(record.attributes["seconds"]),
        origins=origins_of(record.attributes),
    )


def model_of(record: Record, name: str, label: str) -> ModelResult:
    """The model result in a record; `name` is its role in the study, `label` what it is called."""
    return ModelResult(
        name=name,
        label=label,
        key=record.key,
        seconds=float(record.attributes["seconds"]),
        loss=tuple(float(value) for value in record.arrays["history/loss"]),
        train_logits=record.arrays["outputs/train"],
        test_logits=record.arrays["outputs/test"],
    )


def _is_retrain(name: str) -> bool:
    return name.startswith("retrain-")


def _label(name: str) -> str:
    """Display name of an unlearned model: its method's label, or its own name."""
    return registry.get("method", name).label if name in registry.names("method") else name
