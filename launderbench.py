"""The public face of LaunderBench: what a plugin author or a notebook imports.

Names are loaded when they are first used, so that importing this module is fast.
"""

from __future__ import annotations

import importlib
import importlib.util
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
        Severity,
        attack,
        choice,
        flag,
        integer,
        number,
        text,
    )
    from attacks.contract.condition import Condition, parse
    from attacks.contract.launder import Laundered
    from benchmark.core.errors import InputError
    from benchmark.scores.run_results import RunResults
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
        "Attack", "AttackError", "Check", "Facts", "Severity", "attack", "choice", "flag",
        "integer", "number", "text",
    ),
    "attacks.contract.condition": ("Condition", "parse"),
    "attacks.contract.launder": ("Laundered",),
    "benchmark.core.errors": ("InputError",),
    "detectors.contract.base": (
        "Cqt", "Image", "Lfcc", "LogMel", "Mfcc", "Recipe", "Spectrogram", "TensorDetector",
        "Wave", "WaveDetector", "Waveform", "WholeWaveform", "detector",
    ),
}  # fmt: skip
_PACKAGES = ("benchmark", "attacks", "detectors", "noises")

__all__ = [
    "Attack",
    "AttackError",
    "Check",
    "Condition",
    "Cqt",
    "Facts",
    "Image",
    "InputError",
    "Laundered",
    "Lfcc",
    "LogMel",
    "Mfcc",
    "Recipe",
    "Severity",
    "Spectrogram",
    "TensorDetector",
    "Wave",
    "WaveDetector",
    "Waveform",
    "WholeWaveform",
    "attack",
    "check",
    "choice",
    "detector",
    "flag",
    "get_detector",
    "integer",
    "launder",
    "load_plugin",
    "load_results",
    "load_scores",
    "number",
    "parse",
    "run",
    "text",
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
    if hidden := shadowed():
        print(f"launderbench: {hidden}", file=sys.stderr)
        return 2
    return run(*sys.argv[1:])


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


def launder(
    wave: Wave, condition: str | Condition, *, utterance_id: str = "utterance", seed: int = 0
) -> Laundered:
    """Launder one utterance: float32 (T,) at 16 kHz; the result carries samples and checks.

    The draws depend on `seed` and `utterance_id`, as in a run. Raises `InputError` for a condition
    that does not parse, `AttackError` if an attack cannot be applied to this wave.
    """
    _require_own_packages()
    from attacks.contract.condition import parse
    from attacks.contract.launder import launder as apply
    from benchmark.audio.reader import SAMPLE_RATE

    parsed = parse(condition) if isinstance(condition, str) else condition
    return apply(parsed, wave, SAMPLE_RATE, utterance_id, seed)


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


def load_results(folder: str | Path) -> RunResults:
    """Read everything that the run in `folder` holds: scores, measured effects, failures."""
    _require_own_packages()
    from benchmark.scores.load_run import collect

    return collect(Path(folder), {})


def load_scores(folder: str | Path) -> pd.DataFrame:
    """Read the scores of a run: detector, condition, split, utterance_id, score, label and more.

    Higher scores mean more bona fide. The protocol's columns (label, speaker, spoof_system,
    track, source) are joined on utterance_id.
    """
    _require_own_packages()
    import pandas as pd

    results = load_results(folder)
    trials = pd.concat([results.protocol.table, results.dev.table]).drop(columns="split")
    texts = dict.fromkeys(("detector", "condition", "split", "utterance_id"), str)
    return results.scores.astype(texts).merge(trials, on="utterance_id", validate="many_to_one")
