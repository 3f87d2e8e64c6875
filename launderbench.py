"""The public face of LaunderBench: what a plugin author or a notebook imports.

Names are loaded when they are first used, so that importing this module is fast.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    import pandas as pd

    from attacks.contract.base import (
        Attack,
        AttackError,
        Check,
        Facts,
        SampleLimits,
        Severity,
        attack,
        choice,
        flag,
        integer,
        number,
        text,
    )
    from attacks.contract.condition import Condition, parse
    from benchmark.api.catalogue import list_attacks, list_detectors, list_suites
    from benchmark.api.evaluate import evaluate
    from benchmark.api.laundering import Effects, launder
    from benchmark.api.measures import Metrics, eer, metrics
    from benchmark.api.plots import plot_severity
    from benchmark.api.results import Results, compare, load_results
    from benchmark.api.train import train
    from benchmark.core.errors import InputError
    from benchmark.core.trust import allowing
    from detectors.contract.base import (
        Cqt,
        Detector,
        Image,
        Lfcc,
        LogMel,
        Mfcc,
        Recipe,
        Spectrogram,
        TensorDetector,
        Wave,
        WaveDetector,
        Waveform,
        WholeWaveform,
        detector,
    )

_HOMES = {  # module -> the names that are taken from it
    "attacks.contract.base": (
        "Attack", "AttackError", "Check", "Facts", "SampleLimits", "Severity", "attack", "choice",
        "flag", "integer", "number", "text",
    ),
    "attacks.contract.condition": ("Condition", "parse"),
    "benchmark.api.catalogue": ("list_attacks", "list_detectors", "list_suites"),
    "benchmark.api.evaluate": ("evaluate",),
    "benchmark.api.laundering": ("Effects", "launder"),
    "benchmark.api.measures": ("Metrics", "eer", "metrics"),
    "benchmark.api.plots": ("plot_severity",),
    "benchmark.api.results": ("Results", "compare", "load_results"),
    "benchmark.api.train": ("train",),
    "benchmark.core.errors": ("InputError",),
    "benchmark.core.trust": ("allowing",),
    "detectors.contract.base": (
        "Cqt", "Detector", "Image", "Lfcc", "LogMel", "Mfcc", "Recipe", "Spectrogram",
        "TensorDetector", "Wave", "WaveDetector", "Waveform", "WholeWaveform", "detector",
    ),
}  # fmt: skip
_PACKAGES = ("benchmark", "attacks", "detectors", "noises")

__all__ = [
    "Attack",
    "AttackError",
    "Check",
    "Condition",
    "Cqt",
    "Detector",
    "Effects",
    "Facts",
    "Image",
    "InputError",
    "Lfcc",
    "LogMel",
    "Metrics",
    "Mfcc",
    "Recipe",
    "Results",
    "SampleLimits",
    "Severity",
    "Spectrogram",
    "TensorDetector",
    "Wave",
    "WaveDetector",
    "Waveform",
    "WholeWaveform",
    "allowing",
    "attack",
    "check",
    "choice",
    "compare",
    "detector",
    "eer",
    "evaluate",
    "flag",
    "get_detector",
    "integer",
    "launder",
    "list_attacks",
    "list_detectors",
    "list_suites",
    "load_plugin",
    "load_results",
    "load_scores",
    "metrics",
    "number",
    "parse",
    "plot_severity",
    "run",
    "text",
    "train",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            _require_own_packages()
            value = getattr(importlib.import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def shadowed() -> str:
    """Return which package of another project hides one of ours, and the remedy; '' if none."""
    home = Path(__file__).absolute().parent
    for name in _PACKAGES:
        try:
            spec = importlib.util.find_spec(name)
        except ValueError:  # a loaded module without a spec
            spec = None
        if spec is None and name not in sys.modules:
            return f"LaunderBench's package {name!r} is missing in {home}: install it again"
        found = [Path(place).absolute() for place in _folders(spec)]
        ours = home / name
        # One foreign folder is enough: an editable installation would mix its modules with ours.
        others = [place for place in found if ours.resolve() != place.resolve()]
        if others or not found:
            other = others[0] if others else (spec and spec.origin) or f"a module {name!r}"
            return (
                f"{other} hides LaunderBench's package {name!r} in {home}: leave that folder, take"
                " it off PYTHONPATH, or install LaunderBench in an environment of its own"
            )
    return ""


def _folders(spec: ModuleSpec | None) -> list[str]:
    return [*(spec.submodule_search_locations or ())] if spec else []


def _require_own_packages() -> None:
    """Raise `ImportError` if a package of another project hides one of ours."""
    if hidden := shadowed():
        raise ImportError(hidden)


def command() -> int:
    """Run the `launderbench` command with the arguments of this process; return the exit code."""
    _fill_closed_streams()
    if hidden := shadowed():
        print(f"launderbench: {hidden}", file=sys.stderr)
        return 2
    return run(*sys.argv[1:])


def _fill_closed_streams() -> None:
    """Open the null device in place of standard streams that are closed.

    A pipe to a worker would get the free number otherwise, and the worker would find it closed.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            file = Path(os.devnull).open(mode, errors="backslashreplace")  # noqa: SIM115 - for good
            os.dup2(file.fileno(), number)
            os.set_inheritable(number, True)  # it may be the same number, which dup2 leaves alone
            setattr(sys, name, file)


def run(*arguments: str) -> int:
    """Run the command line from Python: ``run("bench", "--suite", "smoke")``.

    Returns the exit code.
    """
    _require_own_packages()
    from benchmark.cli.main import main

    return main(list(arguments))


def load_plugin(file: str | Path) -> None:
    """Import a plugin file, which registers attacks or detectors; `InputError` if it fails."""
    _require_own_packages()
    from benchmark.workers import plugins

    plugins.load([Path(file)])


def check(name: str) -> list[str]:
    """Return what an attack, condition or detector does not keep of its contract, as sentences.

    `InputError` suggests near names if there is none of these.
    """
    _require_own_packages()
    from attacks.contract import conformance as of_attacks
    from attacks.contract.condition import Condition
    from benchmark.workers.conformance_checks import checked
    from detectors.contract import conformance as of_detectors

    found = checked(name)
    if isinstance(found, Condition):
        return [str(finding) for finding in of_attacks.check(found)]
    return [str(finding) for finding in of_detectors.check(found)]


def get_detector(name: str) -> type[Detector]:
    """Return the detector class registered as `name`; `InputError` suggests near names."""
    _require_own_packages()
    from detectors.contract.base import registry

    return registry.get(name)


def load_scores(folder: str | Path) -> pd.DataFrame:
    """Read the scores of a run: `load_results(folder).scores`."""
    _require_own_packages()
    from benchmark.api.results import Results
    from benchmark.runs import run_folders

    return Results(run_folders.find(str(folder))).scores
