"""On what an exported file is compared with its detector, and on what its 8 bits are calibrated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import numpy as np

from benchmark.audio import reader
from benchmark.core.errors import InputError
from benchmark.data import embedded, loading
from benchmark.data.protocol import LABELS, Protocol
from benchmark.inference.checkpoints import Checkpoint
from benchmark.training.training_examples import used
from detectors.contract.base import Wave

UTTERANCES = 64  # of a split, half of them bona fide
NOISES = 8
SNRS = (0.0, 10.0, 20.0, 30.0)  # dB, of the noise that is added in calibration
COMPARED, CALIBRATED = 0, 1  # seeds: a file is never compared on what it was calibrated on


@dataclass(frozen=True)
class Signals:
    """Waves (T,) at 16 kHz: utterances and noises to compare on, and waves to calibrate on.

    `said` is in words where the utterances come from, or why there are none; `calibrated`, of
    which the waves for calibration are. `notes` are what else a user must know.
    """

    utterances: list[Wave]
    noises: list[Wave]
    calibration: list[Wave]
    said: str
    calibrated: str = ""
    notes: tuple[str, ...] = ()


def gathered(checkpoint: Checkpoint, folder: Path | None, int8: bool) -> Signals:
    """The signals for an export of `checkpoint`, from the data set in `folder`.

    None: the embedded one, without which a file in float32 is compared on noises alone. Ranges of
    8 bits want speech as in the training: `InputError` where `int8` is asked for and there is no
    data set, or none is named and the embedded one is known not to be what the weights were
    trained on.
    """
    try:
        protocol = loading.open_data(folder) if folder else embedded.read()
    except InputError as error:
        if folder:
            raise
        if int8:
            raise InputError(
                f"--int8 is calibrated on speech, and {error}, or name a data set with --train-data"
            ) from error
        return Signals([], noises(NOISES), [], f"no utterances, for {error}")
    dev = protocol.split("dev")
    plain = Signals(
        _read(dev), noises(NOISES), [],
        f"dev utterances of {protocol.name!r}"
        if len(dev.table)
        else f"no utterances, for {protocol.name!r} has no dev split",
    )  # fmt: skip
    return _with_calibration(plain, checkpoint, protocol, folder) if int8 else plain


def noises(count: int, seed: int = COMPARED) -> list[Wave]:
    """White noises of 4 s, always the same, from an RMS of 0.3 down to 0.001.

    float32 (T,) at 16 kHz. (Below, spectra lie at their floor, and what a detector then makes of
    them is rounding.)
    """
    rng = np.random.default_rng(seed)
    levels = np.geomspace(0.3, 1e-3, count)
    return [(level * rng.standard_normal(64000)).astype(np.float32) for level in levels]


def _with_calibration(
    plain: Signals, checkpoint: Checkpoint, protocol: Protocol, folder: Path | None
) -> Signals:
    """`plain` with waves to calibrate on: of train, clean, every second also in noise, and noises.

    Ranges that are measured on clean speech alone cut off what noise brings forth.
    """
    train = used(protocol, "train")
    if not plain.utterances:
        raise InputError(f"--int8 is compared on a dev split, which {protocol.root} has not")
    same = _trained_on(checkpoint, protocol, train)
    if same is False and folder is None:
        raise InputError(
            f"--int8 is calibrated on what {checkpoint.name!r} was trained on, which is the data"
            f" set {checkpoint.facts.get('data', '-')!r} and not the embedded one: name it, or"
            " another to calibrate on, with --train-data DIR"
        )
    clean = _read(train)
    rng = np.random.default_rng(CALIBRATED)
    mixed = [_noisy(wave, snr, rng) for wave, snr in zip(clean[::2], cycle(SNRS), strict=False)]
    notes = {
        True: "",
        False: f"{checkpoint.name!r} was trained on other data than those it is calibrated on",
        None: f"nothing says that {checkpoint.name!r} was trained on data like those it is"
        " calibrated on",
    }
    return replace(
        plain,
        calibration=[*clean, *mixed, *noises(NOISES, CALIBRATED)],
        calibrated=f"{len(clean)} train utterances of {protocol.name!r}, clean and in noise",
        notes=tuple(filter(None, [notes[same]])),
    )


def _trained_on(checkpoint: Checkpoint, protocol: Protocol, train: Protocol) -> bool | None:
    """Are the weights known to come from this data set (or a part of it)? None: nothing says so."""
    digest, audio_digest = (checkpoint.facts.get(k) for k in ("train_digest", "audio_digest"))
    if digest is None:
        return None
    return digest == train.digest() or (
        audio_digest not in (None, "-") and audio_digest == protocol.audio_digest
    )


def _read(part: Protocol) -> list[Wave]:
    """Some utterances of a split, half of them bona fide, as far as there are.

    `InputError` where one cannot be read.
    """
    table = part.table
    chosen = [table[table["label"] == label]["path"].iloc[: UTTERANCES // 2] for label in LABELS]
    try:
        return [reader.read(part.root / path) for paths in chosen for path in paths]
    except reader.AudioError as error:
        raise InputError(f"cannot compare or calibrate: {error}") from error


def _noisy(wave: Wave, snr: float, rng: np.random.Generator) -> Wave:
    """`wave` with white noise at `snr` dB over its whole length."""
    noise = rng.standard_normal(wave.size)
    level = np.sqrt(np.mean(np.square(wave, dtype=np.float64))) * 10 ** (-snr / 20)
    return (wave + level * noise).astype(np.float32)
