"""An HTML page of laundered audio: players, spectrograms and measured effects."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from attacks.contract.base import Wave
from benchmark.audio import reader
from benchmark.core import atomic_files
from benchmark.laundering.check_rows import steps_of_records
from benchmark.laundering.launder_files import encode
from benchmark.laundering.output_layout import LaunderingJob, SourceFile
from benchmark.laundering.resuming import Record
from benchmark.laundering.verification import State, tally_of
from benchmark.report.jinja import environment
from benchmark.report.palette import ramp

PAGE = "gallery.html"
UTTERANCES = 3  # shown at most
SECONDS = 5.0  # shown of each utterance at most
MOST_BYTES = 32_000_000  # size of the page; further conditions are listed without audio
RANGE_DB = 80
QUIET_DB = -60.0  # lowest upper end of the scale, for silent recordings
SHADES = 64
WINDOW, HOP = 512, 256  # samples of the spectrogram frames: 32 ms every 16 ms
ROWS = 128

Shades = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class GalleryWave:
    """A wave in the page: data URLs of player and spectrogram, length in seconds, and gain.

    `audio` is '' without a player.
    """

    audio: str
    picture: str
    seconds: float
    gain: float


def write(
    path: Path, job: LaunderingJob, found: Sequence[SourceFile], records: Sequence[Record]
) -> Path:
    """Write the page for a few evenly spread sources under the conditions of the job."""
    written = {(r["condition"], r["utterance_id"]): r for r in records if r["failure"] is None}
    spellings = [spelling for spelling, _, _ in job.conditions]
    usable = [s for s in found if any((c, s.utterance_id) in written for c in spellings)]
    count = min(UTTERANCES, len(usable))
    chosen = [usable[place * len(usable) // count] for place in range(count)]
    budget = MOST_BYTES // max(count, 1)
    sections = [_section(source, job, written, budget) for source in chosen]
    text = (
        environment()
        .get_template("gallery.html")
        .render(
            sections=sections,
            conditions=len(spellings),
            utterances=len(found),
            failed=len(records) - len(written),
            seed=job.seed,
            seconds=SECONDS,
            range_db=RANGE_DB,
            ramp=Markup(", ".join(f"rgb({r} {g} {b})" for r, g, b in ramp(9))),
            window_ms=1000 * WINDOW // reader.SAMPLE_RATE,
        )
    )
    return atomic_files.write(path, text)


def show(wave: Wave, top_db: float, player: bool = True) -> GalleryWave:
    """Render the first 5 s of `wave` (T,), with a spectrogram scale that ends at `top_db`."""
    part = wave[: round(SECONDS * reader.SAMPLE_RATE)]
    picture = _data("image/png", png(shades(spectrogram(part), top_db)))
    sound, gain = "", 1.0
    if player:
        content, _, gain = encode(part, "flac")
        sound = _data("audio/flac", content)
    return GalleryWave(sound, picture, part.size / reader.SAMPLE_RATE, gain)


def spectrogram(wave: Wave) -> npt.NDArray[np.float64]:
    """Return the power in dB, shape (ROWS, frames), row 0 at 0 Hz; a full-scale sine has 0 dB."""
    window = hann(WINDOW, sym=False)
    padded = np.pad(wave, (0, max(0, WINDOW - wave.size))).astype(np.float64)
    transform = ShortTimeFFT(window, HOP, reader.SAMPLE_RATE, scale_to="magnitude")
    power = (2 * np.abs(transform.stft(padded))) ** 2
    banded = power[: 2 * ROWS].reshape(ROWS, 2, -1).max(axis=1)
    return 10 * np.log10(np.maximum(banded, 1e-20))


def shades(decibels: npt.NDArray[np.float64], top_db: float) -> Shades:
    """Return palette indices, row 0 at the highest frequency; index 0 is RANGE_DB below `top_db`.

    Index 0 is the darkest shade.
    """
    share = (decibels - top_db + RANGE_DB) / RANGE_DB
    return np.rint(np.clip(share, 0, 1) * (SHADES - 1)).astype(np.uint8)[::-1]


def png(pixels: Shades) -> bytes:
    """Encode a palette image; `pixels` (rows, columns) are indices in `ramp(SHADES)`.

    PNG (ISO/IEC 15948), 8 bits per pixel, no filter. It is written here because the palette
    reduces it to a third of the size that plotting libraries write.
    """
    rows, columns = pixels.shape
    lines = np.zeros((rows, columns + 1), dtype=np.uint8)
    lines[:, 1:] = pixels
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
        (b"PLTE", _palette()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _section(
    source: SourceFile, job: LaunderingJob, written: dict[tuple[str, str], Record], budget: int
) -> dict[str, Any]:
    """Return the section of one utterance: the original, and conditions within the budget."""
    wave = reader.read(source.path)
    loudest = spectrogram(wave[: round(SECONDS * reader.SAMPLE_RATE)]).max()
    top_db = max(float(np.ceil(loudest)), QUIET_DB)
    before = show(wave, top_db)
    spent = len(before.audio) + len(before.picture)
    cards, left_out = [], []
    for place, (spelling, _, _) in enumerate(job.conditions):
        record = written.get((spelling, source.utterance_id))
        if record is None:
            left_out.append(f"{spelling} (failed)")
            continue
        if spent > budget:
            left_out.append(spelling)
            continue
        after = show(reader.read(job.output(source, place)), top_db)
        spent += len(after.audio) + len(after.picture)
        longest = max(before.seconds, after.seconds)
        cards.append(
            {
                "condition": spelling,
                "after": after,
                "before_width": round(100 * before.seconds / longest, 2),
                "after_width": round(100 * after.seconds / longest, 2),
                "state": _state(record),
                "steps": [s | {"facts": json.dumps(s["facts"])} for s in record["steps"]],
            }
        )
    return {
        "utterance": source.utterance_id,
        "whole_s": wave.size / reader.SAMPLE_RATE,
        "before": before,
        "top_db": top_db,
        "cards": cards,
        "left_out": left_out,
    }


def _state(record: Record) -> State:
    return tally_of([(record["utterance_id"], steps_of_records(record["steps"]))]).state()


@lru_cache(maxsize=1)
def _palette() -> bytes:
    return b"".join(bytes(colour) for colour in ramp(SHADES))


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
