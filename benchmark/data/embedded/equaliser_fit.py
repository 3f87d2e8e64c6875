"""Fit the equaliser of every vocoder on train pairs.

`python -m benchmark.data.embedded.equaliser_fit` does it.

The gains are the mean, over pairs of a train recording and its treated copy, of the difference of
their long-term spectra in dB. The result is committed as `equalisers.toml`: a build must not depend
on recordings that it does not need. Copies go through pauses and MP3 before they are measured.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.assets import wheels
from benchmark.audio.reader import Wave
from benchmark.core import atomic_files, paths
from benchmark.core.parallel import cores, one_thread, pooled
from benchmark.data.embedded import human_speech, matching
from benchmark.data.embedded.builder import needed_wheels
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


def main() -> int:
    """Fit on train recordings and write `equalisers.toml` beside this module."""
    found = [w for system in COPYING for w in system.wheels]
    wheels.fetch(list(dict.fromkeys([*needed_wheels(), *found])), paths.wheels())
    chosen = _train(human_speech.segments(paths.wheels()))
    tasks = [(segment, system.name) for system in COPYING for segment in chosen]
    spectra: dict[str, list[npt.NDArray[np.float64]]] = {system.name: [] for system in COPYING}
    with one_thread():
        for name, difference in pooled(_difference, tasks, cores(), start_process, (ALONE,)):
            spectra[name].append(difference)
    edges = mel_edges(BANDS, HIGHEST_HZ)
    centres = np.sqrt(np.maximum(edges[:-1], 1.0) * edges[1:])
    lines = [
        "# Equalisers of the vocoders, from `python -m benchmark.data.embedded.equaliser_fit`:",
        f"# mean difference of long-term spectra over {len(chosen)} train pairs, in dB.",
        f"hertz = {[round(float(hertz), 1) for hertz in centres]}",
        "[gains_db]",
    ]
    for name, differences in spectra.items():
        gains = np.mean(differences, axis=0)
        lines.append(f"{name} = {[round(float(gain), 2) for gain in gains]}")
    file = Path(matching.__file__).with_name(matching.EQUALISERS)
    atomic_files.write(file, "\n".join(lines) + "\n")
    return 0


def _train(segments: list[Segment]) -> list[Segment]:
    of: dict[str, list[Segment]] = {}
    for segment in choose(segments)["train"]:
        of.setdefault(segment.recording.speaker, []).append(segment)
    return [segment for own in of.values() for segment in spread(own, PER_SPEAKER)]


def _difference(task: tuple[Segment, str]) -> tuple[str, npt.NDArray[np.float64]]:
    """Return the system, and a recording's spectrum minus that of its plain copy in dB."""
    from benchmark.synthesis import vocoders

    segment, system = task
    recording, inner = levelled(segment.wave), slice(CONTEXT, CONTEXT + SEGMENT)
    copied = vocoders.copy(system, recording, paths.wheels())
    paused = matching.paused_like(copied, recording)
    kbps = segment.recording.kbps
    plain = matching.coded(paused, kbps) if kbps else paused
    return system, _spectrum(segment.wave[inner]) - _spectrum(plain[inner])


def _spectrum(wave: Wave) -> npt.NDArray[np.float64]:
    return mean_spectrum(treat(wave), BANDS, HIGHEST_HZ)


if __name__ == "__main__":
    sys.exit(main())
