"""Signals for the comparison of an exported file with its detector, and for its calibration."""

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

UTTERANCES = 64  # per split, half of them bona fide
NOISES = 8
SNRS = (0.0, 10.0, 20.0, 30.0)  # dB, of the noise added for calibration
COMPARED, CALIBRATED = 0, 1  # noise seeds: comparison and calibration share no signal


@dataclass(frozen=True)
class Signals:
    """Waves (T,) at 16 kHz: utterances and noises for comparison, and waves for calibration.

    source     : the origin of the utterances, or why there are none, in words
    calibrated : the origin of the waves for calibration, in words
    notes      : warnings for the user
    """

    utterances: list[Wave]
    noises: list[Wave]
    calibration: list[Wave]
    source: str
    calibrated: str = ""
    notes: tuple[str, ...] = ()


def gathered(checkpoint: Checkpoint, folder: Path | None, int8: bool) -> Signals:
    """Collect the signals for an export of `checkpoint` from the data set in `folder`.

    If `folder` is None, the embedded data set is used; without it, a float32 file is compared on
    noises only. The ranges of 8 bits need speech as in training. With `int8`, `InputError` is
    therefore raised if there is no data set, or if `folder` is None and the weights are known to
    be trained on other data than the embedded set.
    """
    try:
        protocol = loading.open_data(folder) if folder else _embedded(int8)
    except InputError as error:
        if folder:
            raise
        if int8:
            raise InputError(
                f"--int8 needs speech for calibration: {error}, or name a data set with"
                " --train-data"
            ) from error
        return Signals([], noises(NOISES), [], f"no utterances: {error}")
    dev = protocol.split("dev")
    plain = Signals(
        _read(dev), noises(NOISES), [],
        f"dev utterances of {protocol.name!r}"
        if len(dev.table)
        else f"no utterances: {protocol.name!r} has no dev split",
    )  # fmt: skip
    return _with_calibration(plain, checkpoint, protocol, folder) if int8 else plain


def _embedded(int8: bool) -> Protocol:
    """Return the embedded set; `InputError` if audio that an export reads is not built."""
    protocol = embedded.read()
    for split in ("dev", "train") if int8 else ("dev",):
        embedded.require(protocol.split(split))
    return protocol


def noises(count: int, seed: int = COMPARED) -> list[Wave]:
    """Return `count` white noises of 4 s with an RMS from 0.3 down to 0.001, fixed by `seed`.

    float32 (T,) at 16 kHz. At lower levels, spectra are at their floor and the scores depend on
    rounding.
    """
    rng = np.random.default_rng(seed)
    levels = np.geomspace(0.3, 1e-3, count)
    return [(level * rng.standard_normal(64000)).astype(np.float32) for level in levels]


def _with_calibration(
    plain: Signals, checkpoint: Checkpoint, protocol: Protocol, folder: Path | None
) -> Signals:
    """Return `plain` with waves for calibration.

    These are train utterances, every second one also with added noise, and noises. Ranges measured
    on clean speech alone would clip the activations of noisy speech.
    """
    train = used(protocol, "train")
    if not plain.utterances:
        raise InputError(f"--int8 needs a dev split for comparison, which {protocol.root} lacks")
    same = _trained_on(checkpoint, protocol, train)
    if same is False and folder is None:
        raise InputError(
            f"--int8 needs the training data of {checkpoint.name!r} for calibration, which is the"
            f" data set {checkpoint.facts.get('data', '-')!r} and not the embedded one: name it, or"
            " another one for calibration, with --train-data DIR"
        )
    clean = _read(train)
    rng = np.random.default_rng(CALIBRATED)
    mixed = [_add_noise(wave, snr, rng) for wave, snr in zip(clean[::2], cycle(SNRS), strict=False)]
    notes = {
        True: "",
        False: f"{checkpoint.name!r} was not trained on the calibration data",
        None: f"it is unknown whether {checkpoint.name!r} was trained on the calibration data",
    }
    return replace(
        plain,
        calibration=[*clean, *mixed, *noises(NOISES, CALIBRATED)],
        calibrated=f"{len(clean)} train utterances of {protocol.name!r}, clean and in noise",
        notes=tuple(filter(None, [notes[same]])),
    )


def _trained_on(checkpoint: Checkpoint, protocol: Protocol, train: Protocol) -> bool | None:
    """Check whether the weights were trained on this data set or a part of it; None if unknown."""
    digest, recipe = (checkpoint.facts.get(k) for k in ("train_digest", "data_recipe"))
    if digest is None:
        return None
    return bool(digest == train.digest() or (recipe and recipe == protocol.recipe))


def _read(part: Protocol) -> list[Wave]:
    """Read up to `UTTERANCES` utterances of a split, at most half of them from each class.

    Raises `InputError` if one cannot be read.
    """
    table = part.table
    chosen = [table[table["label"] == label]["path"].iloc[: UTTERANCES // 2] for label in LABELS]
    files = [part.root / path for paths in chosen for path in paths]
    return reader.read_all(files, "cannot compare or calibrate the file")


def _add_noise(wave: Wave, snr: float, rng: np.random.Generator) -> Wave:
    """Add white noise to `wave` at `snr` dB over its whole length."""
    noise = rng.standard_normal(wave.size)
    level = np.sqrt(np.mean(np.square(wave, dtype=np.float64))) * 10 ** (-snr / 20)
    return (wave + level * noise).astype(np.float32)
