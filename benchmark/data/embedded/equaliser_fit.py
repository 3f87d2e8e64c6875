"""Fit the equaliser of every vocoder on train pairs.

`python -m benchmark.data.embedded.equaliser_fit` does it. The gains bring the long-term spectrum of
treated copies to that of their train recordings, in the mean over pairs, in dB. The result is
committed as `equalisers.toml`: a build must not depend on recordings that it does not need.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.assets import wheels
from benchmark.audio.reader import Wave
from benchmark.core import atomic_files, paths
from benchmark.core.parallel import cores, one_thread, pooled
from benchmark.data.embedded import human_speech, matching
from benchmark.data.embedded.cached import needed_wheels
from benchmark.data.embedded.human_speech import Segment
from benchmark.data.embedded.post_processing import levelled, treat
from benchmark.data.embedded.speaker_splits import spread
from benchmark.data.embedded.utterance_plan import choose
from benchmark.data.embedded.voice_activity import CONTEXT, SEGMENT
from benchmark.synthesis import systems
from benchmark.workers.context import ALONE
from benchmark.workers.start import start_process
from detectors.classical.shortcut import mean_spectrum, mel_edges

COPYING = (
    systems.UNIVERSAL, systems.SIXTEEN, systems.LJ, systems.WORLD, systems.GRIFFIN_LIM,
)  # fmt: skip
PER_SPEAKER = 6
BANDS, HIGHEST_HZ = 48, 7050.0
ROUNDS = 4  # what pauses and MP3 change is fitted too, so one round is not enough
INNER = slice(CONTEXT, CONTEXT + SEGMENT)

Gains = npt.NDArray[np.float64]
Pair = tuple[Segment, Wave]  # a train segment, and its copy as the vocoder made it


def main() -> int:
    """Fit on train recordings and write `equalisers.toml` beside this module."""
    wheels.fetch(needed_wheels(), paths.wheels())
    chosen = _train(human_speech.segments(paths.wheels()))
    tasks = [(segment, system.name) for system in COPYING for segment in chosen]
    pairs: dict[str, list[Pair]] = {system.name: [] for system in COPYING}
    with one_thread():
        for name, pair in pooled(_copied, tasks, cores(), start_process, (ALONE,)):
            pairs[name].append(pair)
    fitted = {name: fit(mine) for name, mine in pairs.items()}
    file = Path(matching.__file__).with_name(matching.EQUALISERS)
    atomic_files.write(file, text(fitted, len(chosen)))
    return 0


def fit(pairs: Iterable[Pair]) -> Gains:
    """Return the gains in dB of one vocoder's equaliser, (BANDS,)."""
    mine = list(pairs)
    wanted = [mean_spectrum(treat(segment.wave[INNER]), BANDS, HIGHEST_HZ) for segment, _ in mine]
    gains = np.zeros(BANDS)
    for _ in range(ROUNDS):
        taps = matching.designed(centres().tolist(), gains.tolist())
        found = [_spectrum(segment, copied, taps) for segment, copied in mine]
        gains += np.mean(np.array(wanted) - np.array(found), axis=0)
    return gains - np.average(gains)  # the level is set later


def centres() -> npt.NDArray[np.float64]:
    """Return the centre frequency of every band in Hz, (BANDS,)."""
    edges = mel_edges(BANDS, HIGHEST_HZ)
    return np.asarray((edges[:-1] + edges[1:]) / 2)


def text(fitted: dict[str, Gains], count: int) -> str:
    """Return the content of `equalisers.toml`."""
    lines = [
        "# Equalisers of the vocoders, from `python -m benchmark.data.embedded.equaliser_fit`,",
        f"# fitted on {count} train segments: gains in dB at these frequencies.",
        f"hertz = {[round(float(hertz), 1) for hertz in centres()]}",
        "[gains_db]",
    ]
    for name, gains in fitted.items():
        lines.append(f"{name} = {[round(float(gain), 2) for gain in gains]}")
    return "\n".join(lines) + "\n"


def _train(segments: list[Segment]) -> list[Segment]:
    of: dict[str, list[Segment]] = {}
    for segment in choose(segments)["train"]:
        of.setdefault(segment.recording.speaker, []).append(segment)
    return [segment for own in of.values() for segment in spread(own, PER_SPEAKER)]


def _copied(task: tuple[Segment, str]) -> tuple[str, Pair]:
    from benchmark.synthesis import vocoders

    segment, system = task
    return system, (segment, vocoders.copy(system, levelled(segment.wave), paths.wheels()))


def _spectrum(segment: Segment, copied: Wave, taps: Gains) -> Gains:
    """Return the spectrum of a copy, treated as in the data set with this equaliser, in dB."""
    kbps = segment.recording.kbps
    made = matching.matched(copied, levelled(segment.wave), taps, kbps)
    return mean_spectrum(treat(made[INNER]), BANDS, HIGHEST_HZ)


if __name__ == "__main__":
    sys.exit(main())
