"""Plot the long-term spectrum of every noise: `python -m noises.plot_spectra` writes spectra.png.

The bank must be built (`launderbench data build`), or `LAUNDERBENCH_NOISES` must name a folder.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from scipy.signal import welch

import noises
from benchmark.audio.reader import SAMPLE_RATE, Wave

PICTURE = Path(__file__).parent / "spectra.png"
LENGTH_S = 180
# Okabe and Ito's colours, safe for colour-blind readers; dashes mark synthetic noise
STYLES = {
    "babble": ("#0072B2", "-"),
    "cafe": ("#D55E00", "-"),
    "street": ("#009E73", "--"),
    "volvo": ("#CC79A7", "--"),
    "white": ("#000000", ":"),
    "pink": ("#E69F00", ":"),
}


def third_octaves(wave: Wave) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return centres (Hz) and levels (dB over the whole) of third octaves, 25 Hz to 6.3 kHz."""
    hertz, density = welch(wave.astype(np.float64), SAMPLE_RATE, nperseg=16384)
    centres = 1000 * 2 ** (np.arange(-16, 9) / 3)
    bands = np.digitize(hertz, [centres[0] * 2 ** (-1 / 6), *(centres * 2 ** (1 / 6))]) - 1
    power = np.array([density[bands == band].sum() for band in range(centres.size)])
    return centres, 10 * np.log10(power / density[1:].sum())


def draw(path: Path) -> None:
    """Plot the spectra of all kinds into the file `path`."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    size = LENGTH_S * SAMPLE_RATE
    for kind, (colour, dashes) in STYLES.items():
        if kind in noises.GENERATED:
            wave, note = noises.GENERATED[kind](size, np.random.default_rng(0)), "generated"
        else:
            recording = noises.open_kind(kind).recordings[0]
            wave = recording.cut(0, min(size, recording.size))
            note = "recorded" if dashes == "-" else "synthetic"
        centres, levels = third_octaves(wave)
        axes.plot(centres, levels, dashes, color=colour, label=f"{kind} ({note})")
    axes.set_xscale("log", base=10)
    ticks = [31.5, 63, 125, 250, 500, 1000, 2000, 4000]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(ylim=(-62, 0), xlabel="third octave, Hz", ylabel="dB relative to the whole")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower center", ncols=3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    draw(PICTURE)
    print(f"wrote {PICTURE}")
