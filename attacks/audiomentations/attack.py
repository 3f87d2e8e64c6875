"""Attack that applies any audiomentations transform, in a worker process.

audiomentations draws from the global generators of `random` and numpy. The worker seeds its own
generators for every utterance, so the samples depend on the utterance and the seed alone.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from attacks.audiomentations import worker_client
from attacks.contract.base import Attack, Check, Facts, SampleLimits, Wave, attack, text
from benchmark.core.errors import InputError, one_line, unknown

DEFAULT = "AddGaussianSNR"
CHANGE_DB = -60.0
SILENT_RMS = 1e-5
REFUSED = {
    "Lambda": "takes a Python function, which a spelling cannot contain",
    "RoomSimulator": "gives different samples for the same seed; use the attack `reverberation`",
}
# Packages of audiomentations[extras] by transform: the module that it imports, the package.
EXTRAS = {
    "Limiter": ("numpy_audio_limiter", "numpy-audio-limiter"),
    "LoudnessNormalization": ("loudness", "loudness"),
    "Mp3Compression": ("fast_mp3_augment", "fast-mp3-augment"),
}
# Transforms that may change the length; all others must keep it.
NEW_LENGTH = (
    "AdjustDuration",
    "ApplyImpulseResponse",
    "Mp3Compression",
    "RepeatPart",
    "Resample",
    "TimeStretch",
    "Trim",
)
# Transforms that add noise and nothing else: the name of the drawn standard deviation.
NOISE_LEVELS = {"AddGaussianNoise": "amplitude", "AddGaussianSNR": "noise_std"}
LEAST_NOISE_S = 0.05
NOISE_TOLERANCE_DB = 0.5  # the level of a tenth of a second of drawn noise varies by 0.2 dB
IF_NEEDED = ("Clip", "Limiter", "Trim")  # these may leave a wave unchanged


@attack("audiomentations")
@dataclass(frozen=True)
class Audiomentations(Attack):
    """Any transform of the audiomentations library, by name and parameters.

    transform  : name of the class, for example AddGaussianSNR or BitCrush
    parameters : its arguments in Python syntax: "min_snr_db=5, max_snr_db=10". `p` is always 1;
                 omitted arguments have the library's defaults

    The values that the transform draws for an utterance are in the facts. The library guarantees
    little about its transforms. This attack therefore claims only that the length is kept, where
    the transform keeps it, and that the samples changed: a change whose claim is not measured. Of
    AddGaussianSNR and AddGaussianNoise the level of the noise is measured against the one drawn.
    Prefer an attack of this project where there is one. The library's version and the contents of
    files named in the parameters are part of the attack's identity.
    """

    transform: str = text(DEFAULT)
    parameters: str = text()

    family = "audiomentations"
    measures = "change of the samples; level of Gaussian noise"
    limits = SampleLimits(lag=None, level=(-3.0, 30.0), alive=None, envelope=None)
    citation = "jordal_audiomentations"

    @classmethod
    def reaches(cls, values: Mapping[str, Any]) -> str:
        given = _read(str(values.get("parameters", "")))
        return "" if all(map(_is_plain, given.values())) else "may open what its parameters name"

    def validate(self) -> None:
        values = _read(self.parameters)
        if self.transform != DEFAULT or values:  # the library is slow to import
            values = _checked(self.transform, values)
        spelled = ", ".join(f"{key}={value!r}" for key, value in values.items())
        object.__setattr__(self, "parameters", spelled)

    @property
    def warp(self) -> float | None:
        return 1.0 if self.transform in NOISE_LEVELS else None

    @property
    def stream(self) -> str:
        return f"audiomentations/{self.transform}"

    def unavailable(self) -> str | None:
        module, package = EXTRAS.get(self.transform, ("", ""))
        backend = _read(self.parameters).get("backend", "")
        if self.transform == "Mp3Compression" and backend in ("lameenc", "pydub"):
            module = package = backend
        if not module or importlib.util.find_spec(module) is not None:
            return None
        return f"audiomentations' {self.transform} needs the package {package}, not installed here"

    def resources(self) -> Mapping[str, str]:
        """Return the library's version, and the digests of the files named in the parameters."""
        found = {"audiomentations": metadata.version("audiomentations")}
        for key, value in _read(self.parameters).items():
            for path in value if isinstance(value, list | tuple) else [value]:
                if isinstance(path, str) and Path(path).exists():
                    found[f"{key}/{Path(path).name}"] = _digest(Path(path))
        return found

    def __call__(
        self, wave: Wave, sample_rate: int, rng: np.random.Generator
    ) -> tuple[Wave, Facts]:
        if cause := self.unavailable():
            raise InputError(f"audiomentations is not available: {cause}")
        request = {
            "transform": self.transform,
            "parameters": repr(_read(self.parameters)),
            "seed": int(rng.integers(1 << 32)),
            "sample_rate": sample_rate,
            "size": wave.size,
            "folder": str(Path.cwd()),
        }
        output, drawn = worker_client.ask(request, wave)
        length = output.size if self.transform in NEW_LENGTH else wave.size
        return output, {"drawn": drawn, "length": length}

    def checks(self, before: Wave, after: Wave, sample_rate: int, facts: Facts) -> list[Check]:
        size = min(before.size, after.size)
        x, y = before[:size].astype(np.float64), after[:size].astype(np.float64)
        energy, change = float(np.einsum("i,i->", x, x)), None
        if energy > size * SILENT_RMS**2:
            share = float(np.einsum("i,i->", y - x, y - x)) / energy
            change = 10 * float(np.log10(max(share, 1e-20)))
            if share == 0.0 and before.size != after.size:
                change = 0.0  # equal as far as both go: a cut or an added end
            elif share == 0.0 and self.transform in IF_NEEDED:
                change = None
        changed = Check.at_least("change", "dB", CHANGE_DB, change, effect=False)
        drawn = facts["drawn"].get(NOISE_LEVELS.get(self.transform, ""))
        if drawn is None or before.size != after.size:
            return [changed]
        noise = None
        if change is not None and drawn > 0.0 and size >= LEAST_NOISE_S * sample_rate:
            noise = 20 * float(np.log10(max(float(np.std(y - x)), 1e-10)))
        claim = 20 * float(np.log10(max(drawn, 1e-10)))
        return [Check.near("noise level", "dB", claim, noise, NOISE_TOLERANCE_DB), changed]


def _read(parameters: str) -> dict[str, Any]:
    """Return the arguments by name; raise `InputError` if they are not literals."""
    try:
        call = ast.parse(f"f({parameters})", mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError
        named = {keyword.arg: _literal(keyword.value) for keyword in call.keywords}
        if None in named or len(named) != len(call.keywords):
            raise ValueError
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise InputError(
            'audiomentations: write parameters as "name=value, name=value" with Python'
            f" literals, not {parameters!r}"
        ) from error
    return {str(key): value for key, value in named.items()}


def _is_plain(value: Any) -> bool:
    """Return whether a value holds no text, which could name a file or a program."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, bool | int | float | None)


def _literal(node: ast.expr) -> Any:
    """Return a literal's value; a bare word is text."""
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _checked(transform: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return `values` in the transform's order of arguments; raise `InputError` for bad ones."""
    import audiomentations
    from audiomentations.core.transforms_interface import BaseWaveformTransform

    known: dict[str, Any] = {
        name: item
        for name, item in vars(audiomentations).items()
        if inspect.isclass(item) and issubclass(item, BaseWaveformTransform)
    }
    if transform in REFUSED:
        raise InputError(f"audiomentations: {transform} {REFUSED[transform]}")
    if transform not in known:
        raise unknown("transform of audiomentations", transform, set(known) - set(REFUSED))
    arguments = inspect.signature(known[transform]).parameters
    for name in values:
        if name == "p":
            raise InputError("audiomentations: p is always 1; leave it out")
        if name not in arguments:
            raise unknown(f"parameter of {transform}", name, set(arguments) - {"p"})
    try:
        with warnings.catch_warnings(action="ignore"):
            known[transform](p=1.0, **values)
    except Exception as error:
        cause = one_line(error) or type(error).__name__
        raise InputError(f"audiomentations: {transform} refuses its parameters: {cause}") from error
    return {name: values[name] for name in arguments if name in values}


def _digest(path: Path) -> str:
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    total = hashlib.sha256()
    for file in files:
        status = file.stat()
        digest = _file_digest(file.resolve(), status.st_size, status.st_mtime_ns)
        total.update(f"{file.relative_to(path)}\0{digest}\0".encode())
    return total.hexdigest()


@functools.lru_cache(maxsize=1 << 16)
def _file_digest(path: Path, size: int, changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
