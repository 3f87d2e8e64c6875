"""Selection of a suite whose attacks are all available in this build."""

from __future__ import annotations

from attacks.contract import suites
from attacks.contract.condition import Condition, spell
from attacks.contract.precomputed import Ready
from benchmark.core.errors import InputError
from benchmark.data.data_config import EMBEDDED, DataConfig

READY = "ready"  # the suite of a data set's ready-made conditions


def chosen(text: str, data: DataConfig = EMBEDDED) -> suites.Suite:
    """Return the suite of a name, a TOML file, or conditions joined by `;`.

    `ready` stands for all conditions in which `data` is already laundered. Raises `InputError` if
    the suite does not parse, or if an attack of it is not available in this build.
    """
    suite = _ready_made(data) if text == READY else suites.parse_suite(text)
    lacking: dict[str, str] = {}
    for condition in suite.conditions:
        for step in condition.steps:
            if step.name not in lacking and (cause := step.unavailable()):
                lacking[step.name] = f"{spell(step)} is not available in this build: {cause}"
    if lacking:
        raise InputError("; ".join(lacking.values()))
    return suite


def _ready_made(data: DataConfig) -> suites.Suite:
    whole = data.open()
    if not whole.made():
        raise InputError(
            f"{whole.name} brings no ready-made conditions, which --suite {READY} asks for"
        )
    conditions = (Condition(), *(Condition((Ready(name),)) for name in whole.made()))
    return suites.Suite(READY, f"as {whole.name} brings them", conditions)
