"""Laundering of a wave in memory, with the record of what was done and measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import noises
from attacks.contract.condition import Condition, parse
from attacks.contract.launder import Step
from attacks.contract.launder import launder as apply
from benchmark.audio.reader import SAMPLE_RATE, Wave
from benchmark.core.checks import whole
from benchmark.core.errors import InputError
from benchmark.laundering.check_rows import COLUMNS, check_rows

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.laundering.verification import State


@dataclass(frozen=True)
class Effects:
    """What a condition did to an utterance: its steps, with their facts and checks.

    passed : True if every measured effect is as claimed, False if a check failed, None if no effect
             could be measured
    """

    steps: tuple[Step, ...]
    passed: bool | None

    @property
    def state(self) -> State | None:
        """What the checks say of this utterance: `verified`, `control` and others; None of clean.

        It is `unmeasured` where the samples changed, but no effect that the attack itself claims
        was measured.
        """
        from benchmark.laundering.verification import tally_of  # with pandas, as below

        tally = tally_of([("", self.steps)])
        return tally.state() if tally.tried else None

    @property
    def table(self) -> pd.DataFrame:
        """One row per check: step, attack, quantity, unit, claimed, measured, passed and more."""
        import pandas as pd  # takes half a second, which `launder` alone does not need

        return pd.DataFrame(check_rows(self.steps), columns=list(COLUMNS))


def launder(
    wave: npt.ArrayLike,
    sample_rate: int,
    condition: str | Condition,
    *,
    seed: int = 0,
    utterance_id: str = "utterance",
    noise_dir: str | Path | None = None,
) -> tuple[Wave, Effects]:
    """Launder one utterance and return the samples, float32 (T',) at 16 kHz, and the effects.

    wave        : mono samples (T,), floating point, full scale 1
    sample_rate : 16000; resample other recordings first, as `launderbench attack` does for files
    condition   : spelling such as `noise(kind=cafe, snr=5) | mp3(kbps=32)`
    noise_dir   : folder of a noise bank; None for the built one

    The draws depend on `seed` and `utterance_id`, as in a run. Raises `InputError` for a condition
    that does not parse or a wave of another kind, and `AttackError` if an attack cannot be applied
    to this wave.
    """
    samples = checked(wave, sample_rate)
    parsed = parse(condition) if isinstance(condition, str) else condition
    if not isinstance(parsed, Condition):
        raise InputError(f"condition: want a spelling such as 'mp3(kbps=32)', not {condition!r}")
    if not isinstance(utterance_id, str):
        raise InputError(f"utterance_id: want a text, not {utterance_id!r}")
    seed = whole("seed", seed, 0)
    with noises.using(None if noise_dir is None else Path(noise_dir)):
        done = apply(parsed, samples, SAMPLE_RATE, utterance_id, seed)
    return done.wave.copy(), Effects(done.steps, done.passed)


def checked(wave: npt.ArrayLike, sample_rate: int) -> Wave:
    """Return the samples as float32 (T,); `InputError` unless they are mono floats at 16 kHz.

    Integers are refused, because their full scale is not known.
    """
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, (int, np.integer)):
        raise InputError(f"sample_rate: want the number 16000, not {sample_rate!r}")
    if sample_rate != SAMPLE_RATE:
        raise InputError(
            f"the wave is at {sample_rate} Hz: resample it to {SAMPLE_RATE} Hz first, for example"
            f" with librosa.resample(wave, orig_sr={sample_rate}, target_sr={SAMPLE_RATE})"
        )
    if type(wave).__module__.partition(".")[0] == "torch":
        raise InputError("the wave is a tensor: pass wave.numpy()")
    try:
        samples = np.asarray(wave)
    except ValueError as error:
        raise InputError(f"the wave is no array of samples ({error})") from error
    if samples.dtype.kind != "f":
        raise InputError(
            f"the wave has type {samples.dtype}: pass floating-point samples with full scale 1"
        )
    if samples.ndim != 1:
        raise InputError(f"the wave has shape {samples.shape}: pass one channel, shape (T,)")
    if samples.size == 0:
        raise InputError("the wave is empty")
    with np.errstate(over="ignore"):
        single = samples.astype(np.float32, copy=False)
    if not np.isfinite(single).all():
        raise InputError("the wave holds NaN, infinite or too large samples")
    return single
