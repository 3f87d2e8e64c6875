"""What the shortcut classifier hears of a data set, across and within speakers.

`python -m tests.support.shortcut_auc FOLDER` measures any folder with a `protocol.csv` that has
splits, speakers and tracks, such as the embedded data set or an older version of it that a build
set aside (`embedded-2-...` in the cache).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.audio.reader import read
from benchmark.data.protocol import PROTOCOL_FILE
from benchmark.data.shortcut_leakage import shortcut_auc
from benchmark.data.speaker_leakage import shortcut_auc_within
from detectors.classical.shortcut import features


def main(folder: Path) -> None:
    """Print track, system, AUC across speakers, and AUC within speakers."""
    table = pd.read_csv(folder / PROTOCOL_FILE, dtype=str, keep_default_na=False)
    measured = np.stack([features(read(folder / name)) for name in table["path"]])
    within = shortcut_auc_within(table, measured)
    for track, systems in shortcut_auc(table, measured).items():
        for system, auc in systems.items():
            print(track, system, auc, within.get(track, {}).get(system, "-"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
