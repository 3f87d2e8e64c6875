"""What is registered, as data frames."""

from __future__ import annotations

import pandas as pd

from attacks.contract import suites
from attacks.contract.base import registry as attack_registry
from attacks.contract.condition import spell
from detectors.contract.base import registry as detector_registry


def list_attacks() -> pd.DataFrame:
    """Return one row per attack: name, family, condition with all defaults, severity, summary.

    parameter, unit : of the severity; ladder : its levels from mild to severe; missing without one.
    materials       : a line for each recording and model that it may use; missing if it uses none.
    unavailable     : why it cannot be applied in this build; missing if it can.
    """
    rows = []
    for name in attack_registry.names():
        cls = attack_registry.get(name)
        made, severity = cls(), cls.severity
        rows.append(
            {
                "attack": name,
                "family": cls.family,
                "condition": spell(made),
                "parameter": severity.parameter if severity else None,
                "ladder": tuple(severity.ladder) if severity else None,
                "unit": severity.unit if severity and severity.unit else None,
                "measures": cls.measures or "the residual",
                "summary": (cls.__doc__ or "").strip().partition("\n")[0],
                "materials": cls.materials() or None,
                "unavailable": made.unavailable() or None,
            }
        )
    return pd.DataFrame(rows).sort_values(["family", "attack"], ignore_index=True)


def list_detectors() -> pd.DataFrame:
    """Return one row per detector: name, summary, kind of weights, licence, citation keys."""
    rows = []
    for name in detector_registry.names():
        cls = detector_registry.get(name)
        weights = "none" if not cls.learns or cls.ready_made else "trained here"
        rows.append(
            {
                "detector": name,
                "summary": cls.summary,
                "weights": "from a file" if cls.pretrained and not cls.ready_made else weights,
                "licence": cls.licence or None,
                "citation": cls.citation or None,
            }
        )
    return pd.DataFrame(rows)


def list_suites() -> pd.DataFrame:
    """Return one row per packaged suite: name, number of conditions besides clean, description."""
    loaded = [suites.load(name) for name in suites.names()]
    return pd.DataFrame(
        [
            {"suite": s.name, "conditions": len(s.conditions) - 1, "description": s.description}
            for s in loaded
        ]
    )
