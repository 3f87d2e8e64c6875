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
            if hidden := shadowed():
                raise ImportError(hidden)
            value = getattr(importlib.import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def shadowed() -> str:
    """Say which package of another project hides one of ours, and the remedy; '' where none."""
    home = Path(__file__).absolute().parent
    for name in _PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None:
            return f"LaunderBench's package {name!r} is missing in {home}: install it again"
        found = [Path(place).absolute() for place in spec.submodule_search_locations or ()]
        ours = home / name
        if not any(place == ours or place.resolve() == ours.resolve() for place in found):
            other = found[0] if found else spec.origin
            return (
                f"{other} hides LaunderBench's package {name!r} in {home}: leave that folder, take"
                " it off PYTHONPATH, or install LaunderBench in an environment of its own"
            )
    return ""


def command() -> int:
    """Run the `launderbench` command with the arguments of this process; the exit code."""
    if hidden := shadowed():
        print(f"launderbench: {hidden}", file=sys.stderr)
        return 2
    return run(*sys.argv[1:])


def run(*arguments: str) -> int:
    """Run the command line from Python: ``run("bench", "--suite", "smoke")``; the exit code."""
    from benchmark.cli.main import main

    return main(list(arguments))


def load_plugin(file: str | Path) -> None:
    """Import a plugin file, which registers attacks or detectors; `InputError` where it fails."""
    from benchmark.workers import plugins

    plugins.load([Path(file)])


def launder(
    wave: Wave, condition: str | Condition, *, utterance_id: str = "utterance", seed: int = 0
) -> Laundered:
    """Launder one utterance: float32 (T,) at 16 kHz; the result carries samples and checks.

    The draws depend on `seed` and `utterance_id`, as in a run. Raises `InputError` for a condition
    that does not parse, `AttackError` where an attack cannot be applied to this wave.
    """
    from attacks.contract.condition import parse
    from attacks.contract.launder import launder as apply
    from benchmark.audio.reader import SAMPLE_RATE

    parsed = parse(condition) if isinstance(condition, str) else condition
    return apply(parsed, wave, SAMPLE_RATE, utterance_id, seed)


def check(name: str) -> list[str]:
    """Return what an attack, condition or detector does not keep of its contract, as sentences."""
    from attacks.contract import conformance as of_attacks
    from attacks.contract.condition import parse
    from detectors.contract import conformance as of_detectors
    from detectors.contract.base import registry

    if registry.knows(name):
        return [str(finding) for finding in of_detectors.check(registry.get(name))]
    return [str(finding) for finding in of_attacks.check(parse(name))]


def get_detector(name: str) -> type[Detector]:
    """Return the detector class registered as `name`; `InputError` suggests near names."""
    from detectors.contract.base import registry

    return registry.get(name)


def load_results(folder: str | Path) -> RunResults:
    """Read everything that the run in `folder` holds: scores, measured effects, failures."""
    from benchmark.scores.load_run import collect

    return collect(Path(folder), {})


def load_scores(folder: str | Path) -> pd.DataFrame:
    """Read the scores of a run: detector, condition, split, utterance_id, score, label and more.

    Higher scores mean more bona fide. The protocol's columns (label, speaker, spoof_system,
    track, source) are joined on utterance_id.
    """
    import pandas as pd

    results = load_results(folder)
    trials = pd.concat([results.protocol.table, results.dev.table]).drop(columns="split")
    texts = dict.fromkeys(("detector", "condition", "split", "utterance_id"), str)
    return results.scores.astype(texts).merge(trials, on="utterance_id", validate="many_to_one")
