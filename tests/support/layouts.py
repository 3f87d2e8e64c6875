"""Helpers of the reader tests: text files, short sounds, row counts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import soundfile

from tests.support import builders


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def sound(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, builders.voice(1, 0.1), 16000, format="WAV")


def counts(table: pd.DataFrame, *columns: str) -> dict[object, int]:
    return table.groupby(list(columns) if len(columns) > 1 else columns[0]).size().to_dict()
