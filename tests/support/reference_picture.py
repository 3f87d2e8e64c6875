"""Draw the picture of the README: `python -m tests.support.reference_picture FOLDER OUT.png`.

On the left every detector of the reference leaderboard, on clean audio and laundered; on the right
one fake as the detectors hear it: clean, and under the two launderings named here, with the error
that the detector which is best on clean audio has under each. The figures are those of the tables
in the folder, the fake is one of the embedded data set.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

import launderbench
from attacks.contract.base import Wave
from attacks.contract.condition import CLEAN
from benchmark.audio import reader
from benchmark.core import atomic_files
from benchmark.data import embedded
from benchmark.report.palette import ramp

SHOWN = {
    CLEAN: "as it was made",
    "reverberation(rt60=0.9)": "in a room, RT60 0.9 s",
    "noise(kind=cafe, snr=10) | g711(law=mu)": "from a café, over a telephone line",
}
PAPER, INK, SOFT, RULE, ACCENT = "#fdfcfa", "#201c24", "#665f6b", "#e2dcd4", "#8c2f57"
RATE = 16_000
SECONDS = 3.0
WINDOW, HOP = 512, 128
RANGE_DB = 70.0
DPI = 150


def write(folder: Path, out: Path) -> None:
    """Write the picture of the leaderboard in `folder`."""
    buffer = io.BytesIO()
    figure(folder).savefig(buffer, dpi=DPI, format="png")
    atomic_files.write(out, buffer.getvalue())


def figure(folder: Path) -> Figure:
    """Return the picture of the leaderboard in `folder`."""
    results = launderbench.load_results(folder)
    board = results.leaderboard.dropna(subset=["rank"]).sort_values("rank", ascending=False)
    drawn = Figure((11.0, 4.6), layout="constrained", facecolor=PAPER)
    left, right = drawn.subfigures(1, 2, squeeze=False, width_ratios=(1.0, 1.05))[0]
    for part in (left, right):
        part.set_facecolor(PAPER)
    _rates(left.subplots(), board)
    best = board.loc[board["clean_eer"].idxmin()]
    cells = results.conditions
    cells = cells[(cells["track"] == best["track"]) & (cells["detector"] == best["detector"])]
    eers = cells.set_index("condition")["eer"]
    wave = _fake(best["track"])
    panels = right.subplots(len(SHOWN), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (condition, words) in zip(panels, SHOWN.items(), strict=True):
        heard = wave
        if condition != CLEAN:
            heard = launderbench.launder(wave, RATE, condition)[0]
        _spectrogram(axes, heard)
        spelled = condition if condition == CLEAN else str(launderbench.parse(condition))
        axes.set_title(
            f"{words}: {best['detector']} has an EER of {100 * eers[spelled]:.1f} %",
            loc="left", fontsize=9.5, color=INK,
        )  # fmt: skip
    panels[-1].set_xlabel("time, s", fontsize=8.5, color=SOFT)
    right.suptitle("One fake, as detectors hear it", x=0.055, ha="left", fontsize=11.5, color=INK)
    left.suptitle(
        "Equal error rate: clean (open), laundered (filled)",
        x=0.02, ha="left", fontsize=11.5, color=INK,
    )  # fmt: skip
    return drawn


def _rates(axes: Axes, board: pd.DataFrame) -> None:
    """Draw clean and laundered errors, the best detector at the top."""
    places = np.arange(len(board))
    clean, laundered = (100 * board[f"{name}_eer"].to_numpy() for name in ("clean", "laundered"))
    low, high = (100 * board[f"laundered_eer_{end}"].to_numpy() for end in ("low", "high"))
    axes.axvline(50, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.text(49.4, len(board) - 0.45, "coin toss", ha="right", fontsize=8, color=SOFT)
    axes.hlines(places, low, high, color=ACCENT, linewidth=7, alpha=0.22)
    axes.hlines(places, clean, laundered, color=SOFT, linewidth=1.0)
    axes.scatter(clean, places, s=34, facecolor=PAPER, edgecolor=SOFT, zorder=3)
    axes.scatter(laundered, places, s=34, color=ACCENT, zorder=3)
    axes.set_yticks(places, board["detector"], fontsize=9.5, color=INK)
    axes.set_ylim(-0.6, len(board) - 0.1)
    axes.set_xlim(0, max(55.0, float(np.nanmax(high)) + 2))
    axes.set_xlabel("EER, per cent", fontsize=8.5, color=SOFT)
    axes.tick_params(axis="x", labelsize=8.5, colors=SOFT)
    axes.tick_params(axis="y", length=0)
    axes.set_facecolor(PAPER)
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _fake(track: str) -> Wave:
    """Return the first fake of the track in the test split that is long enough."""
    data = embedded.read()
    table = data.table
    fakes = table[
        (table["split"] == "test") & (table["label"] == "spoof") & (table["track"] == track)
    ]
    for path in fakes["path"]:
        wave = reader.read(data.root / path)
        if len(wave) >= SECONDS * RATE:
            return wave[: int(SECONDS * RATE)]
    raise SystemExit(f"no fake of the track {track} lasts {SECONDS:g} s")


def _spectrogram(axes: Axes, wave: Wave) -> None:
    transform = ShortTimeFFT(hann(WINDOW), HOP, RATE)
    power = 20 * np.log10(np.abs(transform.stft(wave)) + 1e-9)
    shades = LinearSegmentedColormap.from_list("ramp", np.array(ramp(64)) / 255)
    top = float(power.max())
    axes.imshow(
        power, origin="lower", aspect="auto", cmap=shades, vmin=top - RANGE_DB, vmax=top,
        extent=(0.0, len(wave) / RATE, 0.0, RATE / 2000),
    )  # fmt: skip
    axes.set_xlim(0, SECONDS)
    axes.set_yticks([0, 4, 8], ["0", "4", "8 kHz"], fontsize=8, color=SOFT)
    axes.tick_params(labelsize=8, colors=SOFT, length=2)
    axes.spines[:].set_visible(False)


def main(arguments: list[str]) -> int:
    """Write the picture to the file that is named; return the exit code."""
    folder, out = map(Path, arguments)
    write(folder, out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
